"""What an edX platform asks, call by call, as its plugin sends it and as its documents say."""

from __future__ import annotations

import re
from datetime import timedelta

import jwt
import pytest
from jwt.warnings import InsecureKeyLengthWarning

from invigilation.booking import BookingState
from invigilation.edx import AttemptState
from invigilation.request import RequestState
from tests.web.campus import (
    CAMPUS,
    CONTENT,
    COURSE,
    EXAM,
    OTHER,
    WHO,
    sqlite_campus,
)


@pytest.fixture
async def campus(sqlite_template, tmp_path):
    async with sqlite_campus(sqlite_template, tmp_path) as opened:
        yield opened


# --- who asks -----------------------------------------------------------------------------------


async def test_a_platform_signs_in_by_its_secret_and_shows_its_token_in_either_way(campus):
    status, said = await campus.sign_in(CAMPUS, campus.secrets[CAMPUS])

    assert status == 200
    assert set(said) >= {"access_token", "expires_in"}
    for scheme in ("JWT", "Bearer"):
        assert (await campus.ask("GET", "/api/v1/config/", scheme=scheme))[0] == 200


@pytest.mark.parametrize(
    ("client", "secret"), [(CAMPUS, "wrong"), ("nobody", "wrong"), (CAMPUS, OTHER)]
)
async def test_nobody_signs_in_with_another_secret(campus, client, secret):
    said = campus.secrets.get(secret, secret)

    status, answer = await campus.sign_in(client, said)

    assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("token", ["", "JWT", "JWT x", "Basic eDp5", "JWT " + "a" * 5_000])
async def test_no_call_is_answered_without_a_token_of_ours(campus, token):
    async with campus.office.client.get(
        "/edx/api/v1/config/", headers={"Authorization": token}
    ) as answer:
        assert answer.status == 401


async def test_a_token_is_good_for_a_quarter_of_an_hour(campus):
    await campus.ask("GET", "/api/v1/config/")
    campus.office.clock.move_to(campus.office.clock.now() + timedelta(minutes=16))

    status, _ = await campus.ask("GET", "/api/v1/config/")

    assert status == 401


# --- exams --------------------------------------------------------------------------------------


async def test_the_config_names_the_service_and_asks_for_nothing_to_be_installed(campus):
    token = (await campus.sign_in(CAMPUS, campus.secrets[CAMPUS]))[1]["access_token"]
    sent = {"Authorization": f"JWT {token}", "Accept-Language": "fr;en"}
    async with campus.office.client.get("/edx/api/v1/config/", headers=sent) as answer:
        said = await answer.json()

    assert answer.headers["Content-Language"] == "en"
    assert said["name"] == "Invigilation Service"
    assert said["rules"] == {}
    assert said["download_url"].startswith("http")
    assert all(isinstance(one, str) for one in said["instructions"])


async def test_an_exam_is_kept_once_and_brought_up_to_date_under_the_same_name(campus):
    first = await campus.exam()
    again = await campus.exam(exam_name="The final exam")

    status, said = await campus.ask("POST", f"/api/v1/exam/{first}/", EXAM | {"rule_summary": "R"})

    assert (status, said) == (200, {"id": first})
    assert again == first
    for name in (first, "7"):
        _, shown = await campus.ask("GET", f"/api/v1/exam/{name}/")
        assert shown == EXAM | {"id": first, "external_id": first, "rule_summary": "R"}


async def test_an_exam_may_be_spelt_as_the_documents_spell_it(campus):
    told = {"id": "x1", "course_id": COURSE, "name": "Quiz", "time_limit_mins": 30}

    status, said = await campus.ask("POST", "/api/v1/exam/", told | {"is_practice": True})

    kept = await campus.desk.exam(CAMPUS, said["id"])
    assert status == 200
    assert (kept.name, kept.minutes, kept.practice) == ("Quiz", 30, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_limit_mins": 600},
        {"time_limit_mins": 0},
        {"exam_name": ""},
        {"exam_name": "a\0b"},
        {"course_id": None},
        {"due_date": "soon"},
        {"due_date": "0001-01-01T00:00:00+14:00"},
        {"id": ""},
        {"id": 10**120},
    ],
)
async def test_an_exam_that_nobody_could_sit_here_gets_no_name(campus, wrong):
    status, said = await campus.ask("POST", "/api/v1/exam/", EXAM | wrong)

    assert status == 422
    assert "id" not in said


async def test_what_is_no_json_is_told_so(campus):
    token = (await campus.sign_in(CAMPUS, campus.secrets[CAMPUS]))[1]["access_token"]
    sent = {"Authorization": f"JWT {token}"}
    async with campus.office.client.post("/edx/api/v1/exam/", data=b"{", headers=sent) as answer:
        assert answer.status == 400


async def test_another_platforms_exam_is_unknown(campus):
    exam, attempt = await campus.begun()

    for path in (f"/api/v1/exam/{exam}/", f"/api/v1/exam/{exam}/attempt/{attempt}/"):
        assert (await campus.ask("GET", path, by=OTHER))[0] == 404
    assert (await campus.ask("POST", f"/api/v1/exam/{exam}/attempt/", WHO, by=OTHER))[0] == 404


@pytest.mark.parametrize(
    "path",
    ["/api/v1/exam/a%00b/", "/api/v1/exam/x/attempt/%0a/", "/api/v1/exam/None/"],
)
async def test_a_name_that_we_never_gave_names_nothing(campus, path):
    assert (await campus.ask("GET", path))[0] == 404


# --- attempts -----------------------------------------------------------------------------------


async def test_an_attempt_becomes_a_request_and_its_learner_gets_their_own_link(campus):
    exam, attempt = await campus.begun()

    status, said = await campus.ask("GET", f"/api/v1/exam/{exam}/attempt/{attempt}/")

    assert re.fullmatch("[-A-Za-z0-9_]+", attempt)
    assert (status, said["status"]) == (200, "created")
    assert "Choose a time" in " ".join(said["instructions"])
    found, _ = await campus.desk.standing(attempt)
    asked = await campus.desk.requests.find(found.request)
    assert asked.learner.name == "Maria Santos"
    assert asked.assessment.minutes == 60
    where = f"https://lms.example.org/courses/{COURSE}/jump_to/{CONTENT}"
    assert asked.request.assessment_url == where
    path = said["download_url"].partition("/r/")[2]
    async with campus.office.client.get(f"/r/{path}") as page:
        assert page.status == 200


async def test_a_platform_that_asks_twice_gets_the_same_attempt_until_it_has_begun(campus):
    exam, first = await campus.begun()

    again = await campus.attempt(exam)
    await campus.ask("PATCH", f"/api/v1/exam/{exam}/attempt/{first}/", {"status": "error"})
    later = await campus.attempt(exam)

    assert again == first
    assert later != first


async def test_a_learner_with_more_time_sits_an_assessment_of_their_own(campus):
    _, attempt = await campus.begun(
        time_limit_mins=90,
        review_policy="A calculator is allowed.\nNo notes.",
        review_policy_exception="Breaks are allowed.",
    )

    found, _ = await campus.desk.standing(attempt)
    asked = await campus.desk.requests.find(found.request)
    assert asked.assessment.minutes == 90
    assert asked.assessment.materials == (
        "A calculator is allowed.",
        "No notes.",
        "For this learner: Breaks are allowed.",
    )


async def test_an_attempt_may_be_spelt_as_the_documents_spell_it(campus):
    exam = await campus.exam()
    told = {"user_id": 12, "user_name": "Erik", "email": "e@example.org", "time_limit_mins": 60}

    status, said = await campus.ask("POST", f"/api/v1/exam/{exam}/attempt/", told)

    assert status == 200
    found, _ = await campus.desk.standing(said["id"])
    assert (await campus.desk.requests.find(found.request)).learner.name == "Erik"


@pytest.mark.parametrize("wrong", [{"email": None}, {"full_name": ""}, {"email": "nowhere"}])
async def test_who_sits_must_be_said_and_may_be_said_later(campus, wrong):
    exam = await campus.exam()

    status, said = await campus.ask("POST", f"/api/v1/exam/{exam}/attempt/", WHO | wrong)

    assert status == 422
    assert "id" not in said
    assert (await campus.desk.standing(await campus.attempt(exam)))[0].request is not None


async def test_the_exam_is_to_be_sat_until_it_is_due_unless_that_has_passed(campus):
    due = await campus.exam(id=8, due_date="2026-12-01T12:00:00Z")
    over = await campus.exam(id=9, due_date="2026-11-01T12:00:00Z")

    found = [await campus.desk.standing(await campus.attempt(exam)) for exam in (due, over)]

    until = [(await campus.desk.requests.find(one.request)).request for one, _ in found]
    assert until[0].licence_until.isoformat() == "2026-12-01T12:00:00+00:00"
    assert until[1].licence_until > campus.office.clock.now() + timedelta(days=150)


async def test_practice_takes_no_invigilator(campus):
    exam = await campus.exam(is_practice_exam=True)
    attempt = await campus.attempt(exam, is_sample_attempt=True, email=None, full_name="")

    _, said = await campus.ask("GET", f"/api/v1/exam/{exam}/attempt/{attempt}/")

    assert (await campus.desk.standing(attempt))[0].request is None
    assert "practice" in " ".join(said["instructions"])


async def test_the_page_of_the_platform_says_when_the_session_is(campus):
    exam, attempt = await campus.begun()
    await campus.booked(attempt)

    _, said = await campus.ask("GET", f"/api/v1/exam/{exam}/attempt/{attempt}/")

    assert "Monday 23 November 2026, 10:00 UTC (10:00 in London)" in said["instructions"][0]


async def test_the_platforms_words_are_kept_and_may_overtake_each_other(campus):
    exam, attempt = await campus.begun()
    path = f"/api/v1/exam/{exam}/attempt/{attempt}/"

    said = [
        (await campus.ask("PATCH", path, {"status": word}))[1]["status"]
        for word in ("started", "verified", "started", "submitted", "started", "error")
    ]

    assert said == ["started", "started", "started", "submitted", "submitted", "error"]


async def test_a_deleted_attempt_is_gone_and_what_was_booked_is_given_back(campus):
    exam, attempt = await campus.begun()
    sitting = await campus.booked(attempt)
    path = f"/api/v1/exam/{exam}/attempt/{attempt}/"

    status, said = await campus.ask("DELETE", path)

    assert (status, said) == (200, {"status": "deleted"})
    booking = await campus.desk.bookings.find(sitting.booking)
    assert booking.booking_state is BookingState.CANCELLED
    asked = await campus.desk.requests.find(sitting.request)
    assert asked.request.state is RequestState.WITHDRAWN
    for method in ("GET", "DELETE"):
        assert (await campus.ask(method, path))[0] == 404
    assert await campus.attempt(exam) != attempt


async def test_a_session_that_goes_on_outlives_its_attempt(campus):
    exam, attempt = await campus.begun()
    sitting = await campus.admitted(attempt)

    status, _ = await campus.ask("DELETE", f"/api/v1/exam/{exam}/attempt/{attempt}/")

    assert status == 200
    booking = await campus.desk.bookings.find(sitting.booking)
    assert booking.booking_state is BookingState.ATTENDED


# --- people -------------------------------------------------------------------------------------


async def test_a_retired_learner_has_no_name_here_any_more(campus):
    _, attempt = await campus.begun()
    sitting = await campus.booked(attempt)

    status, said = await campus.ask("DELETE", f"/api/v1/user/{WHO['user_id']}/")

    assert (status, said) == (200, True)
    learner = (await campus.desk.requests.find(sitting.request)).learner
    assert (learner.name, learner.email) == ("Deleted user", "deleted@example.invalid")
    assert (await campus.desk.standing(attempt))[0].state is AttemptState.DELETED
    assert (await campus.ask("DELETE", f"/api/v1/user/{WHO['user_id']}/"))[1] is True


async def test_a_learner_in_a_session_is_not_retired_yet(campus):
    _, attempt = await campus.begun()
    await campus.admitted(attempt)

    status, said = await campus.ask("DELETE", f"/api/v1/user/{WHO['user_id']}/")

    assert (status, said) == (200, False)


async def test_everybody_is_approved_for_nobody_is_enrolled_beforehand(campus):
    await campus.begun()
    path = f"/api/v1/courses/{COURSE}/onboarding_statuses"

    _, known = await campus.ask("GET", path)
    _, one = await campus.ask("GET", f"{path}?user_id=abc&status=approved-in-course,pending")
    _, none = await campus.ask("GET", f"{path}?status=rejected")
    _, empty = await campus.ask("GET", f"{path}?status=")

    told = {"status": "approved-in-course", "expiration_date": None}
    assert known["results"] == [{"user_id": WHO["user_id"]} | told]
    assert (known["count"], known["num_pages"], known["next"]) == (1, 1, None)
    assert {"user_id": "abc"} | told == {name: one[name] for name in ("user_id", *told)}
    assert (none["results"], empty["count"]) == ([], 1)


async def test_long_lists_come_in_pages(campus):
    exam = await campus.exam()
    for number in range(3):
        await campus.attempt(exam, user_id=f"u{number}")
    path = f"/api/v1/courses/{COURSE}/onboarding_statuses?page_size=2&page=2"

    _, said = await campus.ask("GET", path)

    assert [one["user_id"] for one in said["results"]] == ["u2"]
    assert (said["count"], said["num_pages"], said["next"]) == (3, 2, None)
    assert said["previous"].endswith("page_size=2&page=1")


# --- instructors --------------------------------------------------------------------------------


async def opened(campus, token, client=CAMPUS):
    path = f"/edx/api/v1/instructor/{client}/?jwt={token}"
    return await campus.office.stranger().get(path)


async def test_an_instructor_sees_the_attempts_of_the_course_once(campus):
    _, attempt = await campus.begun()
    await campus.booked(attempt)
    token = campus.instructor()

    page = await opened(campus, token)
    again = await opened(campus, token)

    assert page.status == 200
    assert "Maria Santos" in page.words
    assert "Mon 23 Nov, 10:00" in page.words
    assert again.status == 403
    assert "out of date" in again.words


@pytest.mark.parametrize("chosen", ["course_id", "exam_id", "attempt_id"])
async def test_an_instructor_sees_what_the_link_is_for_and_nothing_else(campus, chosen):
    await campus.begun()

    page = await opened(campus, campus.instructor(**{chosen: "another"}))

    assert page.status == 200
    assert "Maria" not in page.words


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"exp": "later"},
        {"exp": True},
        {"jti": None},
        {"iss": OTHER},
        {"iss": None},
        {"course_id": None},
        {"course_id": "a\0b"},
    ],
)
async def test_a_link_that_lacks_something_opens_nothing(campus, claims):
    page = await opened(campus, campus.instructor(**claims))

    assert page.status == 403


@pytest.mark.parametrize("seconds", [-31, 400])
async def test_a_link_is_good_for_a_minute(campus, seconds):
    exp = campus.office.clock.now().timestamp() + seconds

    assert (await opened(campus, campus.instructor(exp=exp))).status == 403


async def test_a_link_of_another_key_algorithm_or_client_opens_nothing(campus):
    right = jwt.decode(campus.instructor(), options={"verify_signature": False})
    forged = [
        jwt.encode(right, campus.secrets[OTHER]),
        jwt.encode(right, None, algorithm="none"),
        "",
    ]
    with pytest.warns(InsecureKeyLengthWarning):
        forged.append(jwt.encode(right, campus.secrets[CAMPUS], algorithm="HS512"))

    statuses = [(await opened(campus, token)).status for token in forged]

    assert statuses == [403] * 4
    assert (await opened(campus, campus.instructor(), OTHER)).status == 403
    assert (await opened(campus, campus.instructor(), "nobody")).status == 403
