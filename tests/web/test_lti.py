"""Launches of LTI 1.3: from a platform to a session, and every launch that must not hold."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation.errors import InvalidInput, NotFound
from invigilation.report import Channel
from tests.web.lti_office import (
    BACKEND,
    BASE,
    CLIENT,
    FACE,
    LINK,
    START_URL,
    SUBJECT,
    Academy,
    form_of,
    lti_world,
    query_of,
)
from web.backends.lti import claims as said
from web.backends.lti.keys import ToolKey


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """The platform's key, and the tool's: both are slow to make."""
    key = ToolKey(tmp_path_factory.mktemp("keys") / "lti.pem")
    return rsa.generate_private_key(65537, 2048), key


@pytest.fixture
async def lti(sqlite_template, tmp_path, keys):
    async with lti_world(sqlite_template, tmp_path, Academy(keys[0]), keys[1]) as world:
        yield world


# --- the way in ---------------------------------------------------------------------------------


async def test_a_login_goes_back_to_the_platform_with_a_state_and_a_nonce(lti):
    answer = await lti.login(lti.office.stranger(), lti_message_hint="hint-1")

    query = query_of(answer)
    assert answer.status == 302
    assert answer.to.startswith("https://lms.example.org/authorize?")
    fixed = {"scope", "response_type", "response_mode", "prompt", "client_id", "redirect_uri"}
    assert {name: query[name] for name in fixed} == {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": CLIENT,
        "redirect_uri": f"{BASE}/lti/launch",
    }
    assert (query["login_hint"], query["lti_message_hint"]) == (SUBJECT, "hint-1")
    assert query["state"]
    assert query["nonce"]


@pytest.mark.parametrize(
    "more",
    [
        {"iss": "https://elsewhere.example.org"},
        {"client_id": "another"},
        {"login_hint": ""},
        {"target_link_uri": "https://elsewhere.example.org/launch"},
    ],
)
async def test_a_login_that_is_not_for_us_goes_nowhere(lti, more):
    answer = await lti.login(lti.office.stranger(), **more)

    assert answer.status == 400
    assert answer.to == ""


async def test_a_launch_makes_a_request_and_leads_to_the_personal_link(lti):
    answer = await lti.launch(lti.office.stranger())

    assert answer.status == 303
    assert answer.to.startswith("/r/")
    async with lti.office.desk.office.store.read() as tx:
        attempt = await tx.platforms.attempt_of(BACKEND, "1", SUBJECT, 1, LINK)
        request = await tx.requests.find(attempt.request)
        assessment = await tx.requests.assessment(request.assessment)
        backend = await tx.people.backend(BACKEND)
    assert attempt.spelt == '"1"'
    assert request.assessment_url == f"{BASE}/lti/start/{attempt.id}"
    assert (assessment.title, assessment.minutes) == ("Ship Security Officer", 90)
    assert backend.channel is Channel.LTI


async def test_the_same_attempt_launched_again_is_the_same_request(lti):
    person = lti.office.stranger()
    first = await lti.launch(person)

    again = await lti.launch(person, {said.ATTEMPT: 1, said.SESSION_DATA: "newer"})

    assert again.to == first.to
    async with lti.office.desk.office.store.read() as tx:
        attempt = await tx.platforms.attempt_of(BACKEND, "1", SUBJECT, 1, LINK)
    assert (attempt.session_data, attempt.spelt) == ("newer", "1")


async def test_another_attempt_is_another_request(lti):
    person = lti.office.stranger()
    first = await lti.launch(person)

    second = await lti.launch(person, {said.ATTEMPT: 2})

    assert second.to.startswith("/r/")
    assert second.to != first.to


async def test_a_plain_launch_is_answered_kindly(lti):
    answer = await lti.launch(lti.office.stranger(), kind=said.RESOURCE)

    assert answer.status == 200
    assert "Open the assessment in your course" in answer.words


async def test_without_an_address_nothing_is_asked_for(lti):
    answer = await lti.launch(lti.office.stranger(), {"email": None})

    assert answer.status == 422
    assert "your e-mail address" in answer.words


# --- launches that do not hold ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iss": "https://elsewhere.example.org"}, "from somebody else"),
        ({"aud": "another"}, "for another service"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "for another service"),
        ({"aud": [CLIENT, "another"], "azp": None}, "for another service"),
        ({"nonce": "another"}, "does not answer this login"),
        ({"nonce": None}, "does not answer this login"),
        ({"exp": 1_700_000_000}, "too old"),
        ({"iat": 1_700_000_000}, "too old"),
        ({"iat": 4_000_000_000}, "too old"),
        ({"exp": None}, "does not say when"),
        ({"iat": "soon"}, "does not say when"),
        ({"iat": True}, "does not say when"),
        ({"exp": float("nan")}, "does not say when"),
        ({"exp": 10**400}, "does not say when"),
        ({said.VERSION: "1.1"}, "not of LTI 1.3"),
        ({said.DEPLOYMENT: "2"}, "do not know"),
        ({said.MESSAGE_TYPE: "LtiDeepLinkingRequest"}, "do not know this kind"),
    ],
)
async def test_a_message_that_does_not_hold_is_refused(lti, changes, words):
    answer = await lti.launch(lti.office.stranger(), changes)

    assert answer.status == 400
    assert words in answer.words
    async with lti.office.desk.office.store.read() as tx:
        assert await tx.platforms.attempt_of(BACKEND, "1", SUBJECT, 1, LINK) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": None},
        {said.RESOURCE_LINK: None},
        {said.ATTEMPT: "first"},
        {said.ATTEMPT: True},
        {said.SESSION_DATA: ""},
        {said.START_URL: "javascript:alert(1)"},
        {said.START_URL: None},
        {said.CONTROL: {"assessment_control_url": "file:///etc/passwd"}},
    ],
)
async def test_a_message_that_lacks_something_is_refused(lti, changes):
    answer = await lti.launch(lti.office.stranger(), changes)

    assert answer.status == 422


NAMES = [
    *("sub", "name", "email", "given_name", "family_name", "zoneinfo"),
    *(said.DEPLOYMENT, said.RESOURCE_LINK, said.ATTEMPT, said.SESSION_DATA, said.START_URL),
    *(said.CONTROL, said.PRESENTATION, said.CUSTOM, said.ERROR_MESSAGE, said.ERROR_LOG),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "title", "return_url", "minutes", "actions"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(claims=st.dictionaries(st.sampled_from(NAMES), JSON), plain=st.booleans())
def test_whatever_a_platform_signs_is_understood_or_refused(claims, plain):
    whole = {
        "sub": SUBJECT,
        "name": "Maria Santos",
        "email": "maria@example.org",
        said.DEPLOYMENT: "1",
        said.RESOURCE_LINK: {"id": LINK},
        said.ATTEMPT: 1,
        said.SESSION_DATA: "opaque",
        said.START_URL: START_URL,
    }

    with contextlib.suppress(InvalidInput):
        launch = said.start_of(whole | claims, None, plain_http=plain)
        assert launch.start_url.startswith(("https://", "http://") if plain else "https://")
    with contextlib.suppress(InvalidInput):
        assert isinstance(said.end_of(whole | claims).error, str)


async def test_a_launch_holds_once(lti):
    person = lti.office.stranger()
    query = query_of(await lti.login(person))
    token = lti.sign(lti.claims(query["nonce"]))
    first = await lti.post(person, query["state"], token)

    again = await lti.post(person, query["state"], token)

    assert first.status == 303
    assert again.status == 400
    assert "used before" in again.words


async def test_of_two_that_post_a_launch_at_once_one_comes_in(lti):
    person = lti.office.stranger()
    query = query_of(await lti.login(person))
    token = lti.sign(lti.claims(query["nonce"]))

    answers = await asyncio.gather(*(lti.post(person, query["state"], token) for _ in range(4)))

    assert sorted(one.status for one in answers) == [303, 400, 400, 400]


async def test_a_launch_holds_in_the_browser_that_began_it(lti):
    query = query_of(await lti.login(lti.office.stranger()))
    other = lti.office.stranger()
    await lti.login(other)

    answer = await lti.post(other, query["state"], lti.sign(lti.claims(query["nonce"])))

    assert answer.status == 400
    assert "cookie" in answer.words


async def test_a_state_runs_out(lti):
    person = lti.office.stranger()
    query = query_of(await lti.login(person))
    lti.office.clock.move_to(lti.office.clock.now() + timedelta(minutes=11))

    answer = await lti.post(person, query["state"], lti.sign(lti.claims(query["nonce"])))

    assert "took too long" in answer.words


@pytest.mark.parametrize("state", ["", "x", "eyJhIjoxfQ.abc", "[]" * 400])
async def test_a_state_that_is_not_ours_is_refused(lti, state):
    person = lti.office.stranger()
    query = query_of(await lti.login(person))

    answer = await lti.post(person, state, lti.sign(lti.claims(query["nonce"])))

    assert "did not begin here" in answer.words


def by_another_key(lti, claims):
    other = rsa.generate_private_key(65537, 2048)
    return jwt.encode(claims, other, "RS256", headers={"kid": "k1"})


FORGERIES = {
    "another key": by_another_key,
    "no signature": lambda lti, claims: jwt.encode(claims, None, "none", headers={"kid": "k1"}),
    "a shared secret": lambda lti, claims: jwt.encode(
        claims, "s" * 32, "HS256", headers={"kid": "k1"}
    ),
    "another algorithm": lambda lti, claims: jwt.encode(
        claims, lti.academy.key, "RS512", headers={"kid": "k1"}
    ),
    "an unknown key's name": lambda lti, claims: lti.sign(claims, "k2"),
    "no key's name": lambda lti, claims: jwt.encode(claims, lti.academy.key, "RS256"),
    "cut": lambda lti, claims: lti.sign(claims)[:-4],
    "nothing": lambda lti, claims: "",
    "too long": lambda lti, claims: lti.sign({**claims, "more": "x" * 40_000}),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_a_forged_signature_is_refused(lti, forge):
    person = lti.office.stranger()
    query = query_of(await lti.login(person))

    answer = await lti.post(person, query["state"], forge(lti, lti.claims(query["nonce"])))

    assert answer.status == 400
    assert "signature" in answer.words or "signed" in answer.words


async def test_the_keys_of_a_platform_are_read_once(lti):
    person = lti.office.stranger()

    for _ in range(3):
        await lti.launch(person)

    assert lti.academy.keys_read == 1


# --- the way into the assessment ----------------------------------------------------------------


async def test_before_the_session_nothing_opens(lti):
    person = lti.office.stranger()
    await lti.launch(person)
    async with lti.office.desk.office.store.read() as tx:
        attempt = await tx.platforms.attempt_of(BACKEND, "1", SUBJECT, 1, LINK)
    learner = await lti.office.learner(attempt.request)

    answer = await learner.get(f"/lti/start/{attempt.id}")

    assert (answer.status, answer.to) == (303, "/me")


async def test_an_old_launch_is_to_be_made_again(lti):
    sitting, attempt = await lti.admitted(lti.office.stranger())
    learner = await lti.office.learner(sitting.request)

    answer = await learner.get(f"/lti/start/{attempt.id}")

    assert "Now open the assessment in your course" in answer.words
    assert 'name="JWT"' not in answer.text


async def test_a_fresh_launch_leads_straight_to_the_start(lti, keys):
    person = lti.office.stranger()
    await lti.admitted(person)

    answer = await lti.launch(person, {said.SESSION_DATA: "of today"})

    action, fields = form_of(answer)
    assert action == START_URL
    assert "form-action 'self' https: https://lms.example.org;" in answer.header(
        "Content-Security-Policy"
    )
    public = jwt.PyJWK.from_dict((await keys[1].jwks())["keys"][0]).key
    told = jwt.decode(
        fields["JWT"],
        public,
        ["RS256"],
        audience=lti.platform.issuer,
        options={"verify_exp": 0, "verify_iat": 0},
    )
    assert told["iss"] == CLIENT
    assert told[said.MESSAGE_TYPE] == "LtiStartAssessment"
    assert (told[said.SESSION_DATA], told[said.ATTEMPT]) == ("of today", "1")
    assert told[said.RESOURCE_LINK] == {"id": LINK, "title": "Ship Security Officer"}
    assert told[said.END_RETURN] is True
    shown = told[said.VERIFIED_USER]
    picture = await lti.office.stranger().get(shown.pop("picture").removeprefix(BASE))
    assert (picture.status, picture.body) == (200, FACE)
    assert shown == {
        "given_name": "Maria",
        "family_name": "Santos",
        "name": "Maria Santos",
        "full_name": "Maria Santos",
    }
    assert told["exp"] - told["iat"] == 300


async def test_the_way_in_is_its_learners_alone(lti):
    _, attempt = await lti.admitted(lti.office.stranger())
    other = await lti.office.asked(5)
    person = await lti.office.learner(other.request.id)

    answer = await person.get(f"/lti/start/{attempt.id}")

    assert answer.status == 401


# --- the end ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "words", "failed"),
    [
        ({}, "Your answers are with your training company", False),
        ({f" {said.ERROR_MESSAGE} ": "It broke."}, "could not finish", True),
    ],
)
async def test_the_end_of_an_assessment_is_noted_once(lti, more, words, failed):
    person = lti.office.stranger()
    sitting, _ = await lti.admitted(person)
    await lti.launch(person, more, said.END_ASSESSMENT)

    answer = await lti.launch(person, more, said.END_ASSESSMENT)

    assert words in answer.words
    async with lti.office.desk.office.store.read() as tx:
        (entry,) = await tx.sessions.entries_of(sitting.session, "assessment_handed_in")
    assert entry.data["failed"] is failed
    assert b"It broke" not in entry.body


async def test_the_end_of_an_unknown_attempt_is_refused(lti):
    answer = await lti.launch(lti.office.stranger(), kind=said.END_ASSESSMENT)

    assert answer.status == 404


# --- the picture --------------------------------------------------------------------------------


async def test_a_picture_link_is_signed_and_runs_out(lti):
    link = lti.tool.picture_link(BACKEND, "ss_1", "ev_1")
    token = link.rpartition("/")[2]
    assert lti.tool.pictured(token) == (BACKEND, "ss_1", "ev_1")
    with pytest.raises(NotFound):
        lti.tool.pictured(token[:-2] + "xx")

    lti.office.clock.move_to(lti.office.clock.now() + timedelta(hours=25))

    with pytest.raises(NotFound):
        lti.tool.pictured(token)


async def test_a_look_at_the_picture_is_noted(lti):
    sitting, _ = await lti.admitted(lti.office.stranger())
    link = lti.tool.picture_link(BACKEND, sitting.session, "ev_face")

    await lti.office.stranger().get(link.removeprefix(BASE))

    async with lti.office.desk.office.store.read() as tx:
        (entry,) = await tx.sessions.entries_of(sitting.session, "evidence_viewed")
    assert entry.actor == f"platform:{BACKEND}"
    assert entry.data["evidence"] == "ev_face"


async def test_only_the_confirmed_face_is_shown(lti):
    sitting, _ = await lti.admitted(lti.office.stranger())
    link = lti.tool.picture_link(BACKEND, sitting.session, "ev_id_document")

    answer = await lti.office.stranger().get(link.removeprefix(BASE))

    assert answer.status == 404
