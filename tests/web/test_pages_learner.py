"""The learner's journey, without a script: ask, choose a time, change, cancel, check in."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from invigilation.booking import BookingState
from invigilation.desk.requests import Ask
from invigilation.people import Staff
from invigilation.session import Outcome, SessionState
from invigilation.store.views import Sitting
from tests.web.office import ANA, BACKEND, SAM, START, TOM, Answer, World, heartbeats
from web.auth import cookies
from web.auth.throttle import SECONDS
from web.keys import SETTINGS
from web.pages.start import ASKED
from web.pages.verify import ASSETS

FORM = {
    "name": "Juan Cruz",
    "email": "Juan@Example.org",
    "assessment": "ISPS-SSO",
    "day": "1",
    "month": "10",
    "year": "2026",
    "course": "SSO-42",
}
BOTH = {"identity": "yes", "recording": "yes"}


def starts(page: Answer) -> list[str]:
    return re.findall(r'name="start" value="([^"]+)"', page.text)


def staff_of(sitting: Sitting) -> Staff:
    return {ANA.id: ANA, TOM.id: TOM}[sitting.staff]


# --- asking ---------------------------------------------------------------------------------------


def form_fields(page: Answer) -> dict[str, str]:
    found = re.search(r'name="once" value="([^"]+)"', page.text)
    assert found
    return FORM | {"once": found[1]}


async def test_public_form_leads_straight_to_choosing_a_time(world: World) -> None:
    person = world.stranger()
    sent = form_fields(await person.get("/request"))

    answer = await person.post("/request", sent)

    assert (answer.status, answer.to) == (303, "/me")
    me = await person.get("/me")
    assert "Juan Cruz" in me.words
    assert "Choose a time" in me.words
    login = await world.desk.reception.login(person.cookies[cookies.LEARNER])
    assert login is not None
    asked = await world.desk.requests.find(login.person)
    # Six months from 1 October: to the end of 1 April 2027 in London, which is at BST by then.
    assert asked.request.licence_until == datetime(2027, 4, 1, 23, 0, tzinfo=UTC)
    assert asked.learner.email == "juan@example.org"


async def test_sending_the_public_form_twice_makes_one_request(world: World) -> None:
    person = world.stranger()
    sent = form_fields(await person.get("/request"))
    logins = []
    for _ in range(2):
        await person.post("/request", sent, page="/")
        logins.append(await world.desk.reception.login(person.cookies[cookies.LEARNER]))

    assert logins[0]
    assert logins[1]
    assert logins[0].person == logins[1].person


async def test_public_form_never_opens_or_renames_somebody_else(world: World) -> None:
    first, second = world.stranger(), world.stranger()
    await first.post("/request", form_fields(await first.get("/request")))
    # The same course and address, another name: as somebody would who means mischief.
    sent = form_fields(await second.get("/request")) | {"name": "Mallory"}
    await second.post("/request", sent)

    assert "Juan Cruz" in (await first.get("/me")).words
    assert "Juan Cruz" not in (await second.get("/me")).words


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"name": " "}, "name", "Enter the full name."),
        ({"email": "nobody"}, "email", "Enter an e-mail address"),
        ({"email": "nobody@ship"}, "email", "Enter the whole e-mail address"),
        ({"assessment": ""}, "assessment-1", "Choose the assessment."),
        ({"assessment": "OTHER"}, "assessment-1", "There is no such assessment."),
        ({"day": "31", "month": "2"}, "day", "Enter the day of purchase as numbers"),
        ({"year": "26"}, "day", "four digits"),
        ({"year": "99999999999"}, "day", "Enter the day of purchase"),
        ({"month": "12"}, "day", "The day of purchase lies ahead."),
        ({"year": "2025"}, "day", "This licence has ended. If the day is right, ask"),
        ({"course": ""}, "course", "Enter the course reference"),
        ({"course": "x" * 101}, "course", "at most 100 letters"),
    ],
)
async def test_public_form_keeps_what_was_typed_and_points_at_the_mistake(
    world: World, wrong: dict[str, str], field: str, sentence: str
) -> None:
    person = world.stranger()

    answer = await person.post("/request", FORM | wrong)

    assert answer.status == 422
    assert "There is a problem" in answer.words
    assert sentence in answer.words
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    kept = {name for name in ("name", "email", "course") if name not in wrong}
    for name in kept:
        assert f'value="{FORM[name]}"' in answer.text
    assert cookies.LEARNER not in person.cookies


async def test_public_form_is_braked(world: World) -> None:
    world.app[ASKED].tries = 2
    person = world.stranger()
    answers = []
    for _ in range(3):
        sent = form_fields(await person.get("/request"))
        answers.append(await person.post("/request", sent))
    world.clock.seconds += SECONDS + 1

    later = await person.post("/request", FORM)

    assert [answer.status for answer in answers] == [303, 303, 503]
    assert "again in some minutes" in answers[-1].words
    assert f'value="{FORM["course"]}"' in answers[-1].text
    assert later.status == 303


async def test_public_form_is_braked_for_each_client_behind_the_proxy(world: World) -> None:
    world.app[ASKED].tries = 1
    object.__setattr__(world.app[SETTINGS], "trusted_proxies", ("127.0.0.1",))
    first, second = world.stranger(), world.stranger()
    first.headers["X-Forwarded-For"] = "203.0.113.7"
    second.headers["X-Forwarded-For"] = "203.0.113.8"
    await first.post("/request", FORM)

    again, other = await first.post("/request", FORM), await second.post("/request", FORM)

    assert (again.status, other.status) == (503, 303)


# --- choosing a time ------------------------------------------------------------------------------


async def test_picker_shows_the_first_free_day_in_three_zones(world: World) -> None:
    asked = await world.asked()
    learner = await world.learner(asked.request.id)

    page = await learner.get("/me/book")

    # The notice is 24 hours: Thursday from 09:00 in London, which is 17:00 in Manila.
    assert "Thursday 19 November 2026" in page.words
    assert starts(page)[0] == "2026-11-19T09:00Z"
    assert "17:00 09:00 London 09:00 UTC" in page.words
    assert "Manila time (UTC+8)" in page.words


async def test_picker_shows_the_day_of_the_reader_not_of_the_office(world: World) -> None:
    asked = await world.asked(zone="Pacific/Auckland")
    learner = await world.learner(asked.request.id)

    page = await learner.get("/me/book?day=2026-11-24")

    # Office hours of Monday and of Tuesday both touch Tuesday in Auckland (UTC+13).
    assert starts(page)[0] == "2026-11-23T11:00Z"
    assert "00:00 Mon 11:00 London Mon 11:00 UTC" in page.words
    assert starts(page)[-1] == "2026-11-24T10:30Z"


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-11-18", "at least 24 hours before"),
        ("2026-11-27", "The office is closed on this day: Moving house."),
        ("2026-11-21", "The office is closed at the weekend."),
    ],
)
async def test_empty_day_says_why(world: World, day: str, why: str) -> None:
    asked = await world.asked()
    learner = await world.learner(asked.request.id)

    page = await learner.get(f"/me/book?day={day}")

    assert why in page.words
    assert starts(page) == []


async def test_full_day_says_so(world: World) -> None:
    for number in range(8):
        start = START.replace(hour=9) + timedelta(hours=2) * (number // 2)
        await world.booked(number + 10, start)
    asked = await world.asked()
    learner = await world.learner(asked.request.id)

    full = await learner.get("/me/book?day=2026-11-23")

    assert "All times of this day are taken." in full.words


@pytest.mark.parametrize(
    "query",
    ["?day=x", "?day=9999-99-99", "?month=1999-01-01", "?month=2199-01-01", "?day=0001-01-01"],
)
async def test_nonsense_in_the_address_does_no_harm(world: World, query: str) -> None:
    asked = await world.asked()
    learner = await world.learner(asked.request.id)

    assert (await learner.get(f"/me/book{query}")).status == 200


async def test_month_without_free_times_gives_way_to_the_next(world: World) -> None:
    world.clock.move_to(datetime(2026, 11, 30, 16, 0, tzinfo=UTC))
    asked = await world.asked()
    learner = await world.learner(asked.request.id)

    page = await learner.get("/me/book")

    assert "December 2026" in page.words
    assert starts(page)


async def test_booking_takes_the_time_and_says_so(world: World) -> None:
    asked = await world.asked()
    learner = await world.learner(asked.request.id)

    answer = await learner.post("/me/book", {"start": "2026-11-23T10:00Z"})

    assert answer.to == "/me?done=booked"
    page = await learner.get(answer.to)
    assert "Your session is booked" in page.words
    assert "Manila (your time) Monday 23 November 2026, 18:00" in page.words
    assert "London Monday 23 November 2026, 10:00" in page.words
    assert "UTC Monday 23 November 2026, 10:00" in page.words
    assert (await learner.get("/me/book")).to == "/me"


@pytest.mark.parametrize("start", ["", "now", "2026-11-23T10:00", "9999-12-31T23:59:59-23:59"])
async def test_booking_without_a_time_asks_for_one(world: World, start: str) -> None:
    asked = await world.asked()
    learner = await world.learner(asked.request.id)

    answer = await learner.post("/me/book", {"start": start})

    assert answer.status == 422
    assert "Choose a time." in answer.words


async def test_time_that_was_just_taken_is_said_plainly_and_the_list_is_new(world: World) -> None:
    asked = await world.asked()
    learner = await world.learner(asked.request.id)
    assert "2026-11-23T10:00Z" in starts(await learner.get("/me/book?day=2026-11-23"))
    for number in (2, 3):
        await world.booked(number)

    answer = await learner.post("/me/book", {"start": "2026-11-23T10:00Z"})

    assert answer.status == 409
    assert "Somebody else has just taken this time." in answer.words
    assert "Monday 23 November 2026" in answer.words
    assert "2026-11-23T10:00Z" not in starts(answer)
    assert starts(answer)


async def test_zone_can_be_chosen_and_is_kept(world: World) -> None:
    asked = await world.asked()
    learner = await world.learner(asked.request.id)

    answer = await learner.post(
        "/me/zone?back=/me/book", {"zone": "Asia/Kolkata", "back": "/me/book"}
    )
    wrong = await learner.post("/me/zone", {"zone": "Mars/Base", "back": "https://elsewhere"})

    assert answer.to == "/me/book"
    page = await learner.get("/me/book")
    assert "Kolkata time (UTC+5:30)" in page.words
    assert "book-" not in page.text.split("</main>")[1]
    assert wrong.status == 422


async def test_with_a_charge_due_the_time_is_held_until_it_is_paid(world: World) -> None:
    missed = await no_show(world)
    asked = await world.desk.requests.ask(another_request())
    learner = await world.learner(asked.request.id)
    page = await learner.get("/me")
    picker = await learner.get("/me/book")

    answer = await learner.post("/me/book", {"start": "2026-11-30T10:00Z"})

    assert missed
    assert "£54.00: £45.00 and £9.00 VAT (20 %)" in page.words
    assert "We hold the time for you for 30 minutes" in picker.words
    assert answer.to == "/me/pay"
    held = await learner.get("/me")
    assert "This time is held for you, but not booked yet" in held.words
    assert "Monday 30 November 2026, 18:00" in held.words
    # The clock stands at 11:00 in London.
    assert "until Monday 23 November 2026, 19:30 your time (11:30 London, 11:30 UTC)" in held.words
    assert await world.desk.bookings.reservation(asked.request.id)


async def test_held_time_can_be_given_back(world: World) -> None:
    await no_show(world)
    asked = await world.desk.requests.ask(another_request())
    learner = await world.learner(asked.request.id)
    await learner.post("/me/book", {"start": "2026-11-30T10:00Z"})

    answer = await learner.post("/me/pay/give-back", {}, page="/me")

    assert answer.to == "/me"
    assert "is held for you" not in (await learner.get(answer.to)).words
    assert await world.desk.bookings.reservation(asked.request.id) is None


# --- changing and cancelling ----------------------------------------------------------------------


async def test_change_moves_the_booking(world: World) -> None:
    sitting = await world.booked()
    learner = await world.learner(sitting.request)

    answer = await learner.post("/me/change", {"start": "2026-11-24T11:00Z"})

    assert answer.to == "/me?done=moved"
    moved = await world.desk.bookings.find(sitting.booking)
    assert moved.start == datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
    assert "has a new time" in (await learner.get(answer.to)).words


async def test_change_to_a_taken_time_loses_nothing(world: World) -> None:
    sitting = await world.booked()
    for number in (2, 3):
        await world.booked(number, START + timedelta(hours=4))
    learner = await world.learner(sitting.request)

    answer = await learner.post("/me/change", {"start": "2026-11-23T14:00Z"})

    assert answer.status == 409
    assert "Your booking stays as it was." in answer.words
    assert (await world.desk.bookings.find(sitting.booking)).start == START


async def test_cancel_asks_first_and_gives_the_time_back(world: World) -> None:
    sitting = await world.booked()
    learner = await world.learner(sitting.request)
    page = await learner.get("/me/cancel")
    assert "until Sunday 22 November 2026, 18:00 your time (10:00 London, 10:00 UTC)" in page.words
    assert (await world.desk.bookings.find(sitting.booking)).booking_state == "booked"

    answer = await learner.post("/me/cancel", {"reason": "The ship sails."})

    assert answer.to == "/me?done=cancelled"
    page = await learner.get(answer.to)
    assert "is cancelled" in page.words
    assert "Choose a time" in page.words


async def test_too_long_a_reason_is_kept_and_pointed_at(world: World) -> None:
    sitting = await world.booked()
    learner = await world.learner(sitting.request)

    answer = await learner.post("/me/cancel", {"reason": "x" * 501})

    assert answer.status == 422
    assert "x" * 501 in answer.text
    assert 'href="#reason"' in answer.text


async def test_after_the_cutoff_nothing_can_be_changed_here(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(hours=23))
    learner = await world.learner(sitting.request)

    page = await learner.get("/me")
    posted = await learner.post("/me/cancel", {}, page="/me")

    until = "until Sunday 22 November 2026, 18:00 your time (10:00 London, 10:00 UTC)"
    assert f"too late to change or cancel here: you could {until}" in page.words
    assert (await learner.get("/me/change")).to == "/me/ask?kind=change"
    assert (await learner.get("/me/cancel")).to == "/me/ask?kind=change"
    assert posted.status == 409
    assert "too late to change or cancel your session" in posted.words
    assert until in posted.words
    assert (await world.desk.bookings.find(sitting.booking)).booking_state == "booked"


# --- check-in and the room ------------------------------------------------------------------------


async def test_check_in_says_when_it_opens_and_that_it_has_closed(world: World) -> None:
    sitting = await world.booked()
    learner = await world.learner(sitting.request)

    early = await learner.get("/me/check-in")
    early_post = await learner.post("/me/check-in", BOTH)
    world.clock.move_to(START + timedelta(minutes=16))
    learner = await world.learner(sitting.request)
    late = await learner.get("/me/check-in")

    opens = "Monday 23 November 2026, 17:30 your time (09:30 London, 09:30 UTC)"
    assert opens in early.words
    assert early_post.to == "/me/check-in"
    assert "Check-in has closed" in late.words
    view = await world.desk.sessions.view(sitting.session)
    assert view.session.state is SessionState.SCHEDULED


async def test_check_in_needs_both_consents_and_leads_into_the_room(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=30))
    learner = await world.learner(sitting.request)
    page = await learner.get("/me/check-in")
    for words in ("Course notes", "30 days", "90 days", "6 years"):
        assert words in page.words

    half = await learner.post("/me/check-in", {"identity": "yes"})

    assert half.status == 422
    assert 'href="#recording"' in half.text
    assert re.search(r'id="identity"[^>]*checked', half.text)
    assert not re.search(r'id="recording"[^>]*checked', half.text)

    answer = await learner.post("/me/check-in", BOTH)

    assert answer.to == "/me/room"
    room = await learner.get("/me/room")
    assert room.status == 200
    assert f'"session": "{sitting.session}"' in room.text
    assert (await learner.get("/me/check-in")).to == "/me/room"
    assert "Go to your session" in (await learner.get("/me")).words


async def test_visits_near_the_start_count_as_attempts_and_others_do_not(world: World) -> None:
    sitting = await world.booked()
    learner = await world.learner(sitting.request)
    await learner.get("/me")
    world.clock.move_to(START - timedelta(minutes=20))
    learner = await world.learner(sitting.request)

    await learner.get("/me")

    async with world.desk.office.store.read() as tx:
        moments = await tx.sessions.moments(sitting.session, "page_opened")
    assert moments == (START - timedelta(minutes=20),)


async def test_ticket_is_for_the_login_whose_token_comes_with_it(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    both = await world.learner(sitting.request)
    both.cookies |= (await world.staff(staff_of(sitting))).cookies
    tokens = {
        "learner": (await both.get("/me/room")).csrf,
        "staff": (await both.get("/staff/console")).csrf,
    }
    assert tokens["learner"] != tokens["staff"]

    for kind, body in (("learner", {"session": sitting.session}), ("staff", {})):
        answer = await both.ask(
            "POST", "/room/ticket", json=body, headers={"X-CSRF-Token": tokens[kind]}
        )
        assert answer.status == 200
        assert answer.header("Cache-Control") == "no-store"
        found = await world.desk.reception.use_ticket(
            re.search(r'"ticket": "([^"]+)"', answer.text)[1]  # type: ignore[index]
        )
        assert found.kind == kind
        assert found.session == body.get("session")
        assert found.person == (sitting.request if kind == "learner" else sitting.staff)


async def test_the_rooms_page_brings_a_ticket_for_its_first_connection(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    learner = await world.learner(sitting.request)

    page = await learner.get("/me/room")

    assert page.header("Cache-Control") == "no-store"
    boot = json.loads(re.search(r'id="boot">(.+?)</script>', page.text)[1])  # type: ignore[index]
    assert boot["ice_servers"] == []
    ticket = await world.desk.reception.use_ticket(boot["ticket"])
    assert (ticket.kind, ticket.person) == ("learner", sitting.request)
    assert ticket.session == sitting.session


async def test_one_script_may_stand_in_the_rooms_page_and_no_other(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "dial-1.js").write_text("dial();\n")
    (tmp_path / "manifest.json").write_text('{"dial.js": "dial-1.js"}')
    world.app[ASSETS].folder = tmp_path
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))

    page = await (await world.learner(sitting.request)).get("/me/room")

    policy = page.header("Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(b"dial();\n").digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'" in policy
    assert 'data-path="/room/socket">dial();\n</script>' in page.text
    assert "unsafe" not in policy


async def test_ticket_is_refused_as_json(world: World) -> None:
    sitting = await world.booked()
    other = await world.booked(2, START + timedelta(days=1))
    learner, scheduler = await world.learner(sitting.request), await world.staff(SAM)
    token = (await learner.get("/me")).csrf

    async def ticket(session: object, csrf: str = token) -> tuple[int, str]:
        answer = await learner.ask(
            "POST", "/room/ticket", json=session, headers={"X-CSRF-Token": csrf}
        )
        return answer.status, answer.header("Content-Type")

    json = "application/json; charset=utf-8"
    assert await ticket({"session": other.session}) == (404, json)
    assert await ticket({}) == (404, json)
    assert await ticket([]) == (422, json)
    assert await ticket({"session": sitting.session}, "forged") == (403, json)
    answer = await scheduler.ask(
        "POST",
        "/room/ticket",
        json={},
        headers={"X-CSRF-Token": (await scheduler.get("/staff/calendar")).csrf},
    )
    assert answer.status == 403


# --- afterwards -----------------------------------------------------------------------------------


def another_request() -> Ask:
    """The same learner asks again."""
    return Ask(
        BACKEND,
        "entitlement-again",
        "learner-1",
        "Maria Santos",
        "learner1@example.org",
        "ISPS-SSO",
        datetime(2027, 3, 1, tzinfo=UTC),
        zone="Asia/Manila",
    )


async def no_show(world: World) -> Sitting:
    """Let a learner stay away although we were ready, and a scheduler confirm it."""
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=5))
    await world.desk.sessions.ready(sitting.session, staff_of(sitting))
    await heartbeats(world.desk, START - timedelta(hours=1), START + timedelta(hours=1))
    world.clock.move_to(START + timedelta(hours=1))
    await world.desk.attendance.sweep()
    return await world.desk.attendance.decide(
        sitting.booking, SAM, BookingState.LEARNER_NO_SHOW, "Nobody came, and we were there."
    )


async def test_missed_session_is_told_in_plain_words(world: World) -> None:
    sitting = await no_show(world)
    learner = await world.learner(sitting.request)

    page = await learner.get("/me")

    assert "You did not come to your session" in page.words
    assert "Nobody came, and we were there." in page.words
    assert "within 14 days" in page.words
    assert "Choose a" not in page.words


async def test_link_in_the_letter_about_a_missed_session_opens_its_page(world: World) -> None:
    sitting = await no_show(world)
    learner = world.stranger()

    entered = await learner.post(world.link(sitting.request), {})

    assert entered.to == "/me"
    assert "You did not come to your session" in (await learner.get("/me")).words


async def test_who_came_early_and_then_lost_the_link_did_not_stay_away(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=30, seconds=20))
    learner = await world.learner(sitting.request)
    await learner.get("/me")
    world.clock.move_to(START - timedelta(minutes=29, seconds=50))
    await learner.get("/me/check-in")
    await world.desk.sessions.ready(sitting.session, staff_of(sitting))
    await heartbeats(world.desk, START - timedelta(hours=1), START + timedelta(hours=1))
    world.clock.move_to(START + timedelta(hours=1))

    await world.desk.attendance.sweep()

    found = await world.desk.bookings.find(sitting.booking)
    assert found.booking_state is BookingState.TECHNICAL_UNRESOLVED


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (BookingState.PROVIDER_FAULT, "This was our fault"),
        (BookingState.TECHNICAL_UNRESOLVED, "could not take place"),
        (BookingState.EXCUSED, "You are excused"),
    ],
)
async def test_what_is_not_held_against_the_learner_can_be_booked_again(
    world: World, verdict: BookingState, words: str
) -> None:
    sitting = await world.booked()
    world.clock.move_to(START + timedelta(hours=1))
    await world.desk.attendance.decide(sitting.booking, SAM, verdict, "As it was.")
    learner = await world.learner(sitting.request)

    page = await learner.get("/me")

    assert words in page.words
    assert "Choose a new time" in page.words
    assert (await learner.get("/me/book")).status == 200


async def test_stopped_session_shows_the_reason_and_no_room(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    by = staff_of(sitting)
    await world.desk.sessions.stop(sitting.session, by, "The fire alarm rang.")
    learner = await world.learner(sitting.request)

    before = await learner.get("/me")
    statement = "The alarm rang, and everybody had to leave."
    await world.desk.reports.attest(sitting.session, by, statement, Outcome.STOPPED)
    after = await learner.get("/me")

    for page in (before, after):
        assert "The session was stopped" in page.words
        assert "The fire alarm rang." in page.words
    assert (await learner.get("/me/room")).to == "/me"


async def test_sign_out_forgets_the_browser(world: World) -> None:
    sitting = await world.booked()
    learner = await world.learner(sitting.request)
    kept = dict(learner.cookies)

    answer = await learner.post("/me/sign-out", {})

    assert answer.to == "/"
    learner.cookies = kept
    assert (await learner.get("/me")).status == 401
