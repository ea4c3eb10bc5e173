"""Platforms, learners and passers-by that mean harm, or know no better."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from invigilation.people import Role
from invigilation.session import Outcome
from invigilation.sweeps import Attempt, Fate, Sweeps
from tests.web.lti_office import BACKEND, BASE, LINK, SUBJECT, Academy, lti_world, query_of
from tests.web.office import ANA, SECRET_BYTES
from web.backends.lti import claims as said
from web.backends.lti import registering
from web.backends.lti.carrier import LtiCarrier
from web.backends.lti.keys import ToolKey
from web.backends.lti.launches import LaunchRefused
from web.backends.lti.wire import KEYS_AWAY_S, Answered, PlatformAway, Wire


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    key = ToolKey(tmp_path_factory.mktemp("keys") / "lti.pem")
    return rsa.generate_private_key(65537, 2048), key


@pytest.fixture
async def lti(sqlite_template, tmp_path, keys):
    async with lti_world(sqlite_template, tmp_path, Academy(keys[0]), keys[1]) as world:
        yield world


# --- what can be read by no database ------------------------------------------------------------


@pytest.mark.parametrize("path", ["/lti/login", "/lti/launch"])
@pytest.mark.parametrize("odd", [rb"\ud800", rb"\u0000"])
async def test_a_form_in_an_odd_coding_is_refused(lti, path, odd):
    form = b"iss=%s&login_hint=x&state=%s&id_token=%s" % (odd, odd, odd)
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=unicode_escape"}
    async with lti.office.client.post(path, data=form, headers=headers) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    "there",
    [
        r"https://a\b/",
        "https://lms.example.org;sandbox/",
        "https://exa<mple/",
        "https://lms.example.org:99999/",
        "https://somebody@lms.example.org/",
    ],
)
async def test_an_address_that_no_browser_goes_to_is_refused_at_the_launch(lti, there):
    answer = await lti.launch(lti.office.stranger(), {said.START_URL: there})

    assert answer.status == 422


@pytest.mark.parametrize("there", ["https://[2001:db8::1]:8443/x?y=1", "https://é.example/x"])
async def test_an_unusual_address_is_none_the_less_one(lti, there):
    answer = await lti.launch(lti.office.stranger(), {said.START_URL: there})

    assert answer.status == 303


async def test_a_link_with_a_blank_title_has_a_title(lti):
    answer = await lti.launch(
        lti.office.stranger(), {said.RESOURCE_LINK: {"id": LINK, "title": " "}}
    )

    assert answer.status == 303


# --- keys ---------------------------------------------------------------------------------------


async def test_however_many_launches_come_the_keys_are_read_once(lti):
    wire, platform = lti.tool.wire, lti.platform

    found = await asyncio.gather(*(wire.public_key(platform, "k1") for _ in range(20)))

    assert all(found)
    assert lti.academy.keys_read == 1


async def test_keys_that_cannot_be_read_are_not_asked_for_at_every_launch(lti):
    wire, key = lti.tool.wire, lti.academy.key
    lti.academy.key = None  # its page of keys fails
    for _ in range(5):
        with pytest.raises(PlatformAway):
            await wire.public_key(lti.platform, "k1")
    assert lti.academy.keys_read == 1

    lti.academy.key = key
    lti.office.clock.move_to(lti.office.clock.now() + timedelta(seconds=KEYS_AWAY_S))

    assert await wire.public_key(lti.platform, "k1")


# --- what two deployments name alike ------------------------------------------------------------


async def test_two_schools_on_one_platform_may_name_their_links_alike(lti):
    async with lti.office.desk.office.store.write() as tx:
        await tx.platforms._db.exec_driver_sql("UPDATE platform SET deployments = '[]'")
    for school, title in (("1", "Ship Security Officer"), ("2", "First Aid")):
        link = {"id": LINK, "title": title}
        await lti.launch(lti.office.stranger(), {said.DEPLOYMENT: school, said.RESOURCE_LINK: link})

    titles = []
    for school in ("1", "2"):
        async with lti.office.desk.office.store.read() as tx:
            attempt = await tx.platforms.attempt_of(BACKEND, school, SUBJECT, 1, LINK)
        asked = await lti.office.desk.requests.find(attempt.request)
        titles.append(asked.assessment.title)
    assert titles == ["Ship Security Officer", "First Aid"]


# --- the end before the beginning ---------------------------------------------------------------


async def test_an_end_that_comes_too_early_does_not_hide_the_real_one(lti):
    person = lti.office.stranger()
    await lti.launch(person)
    await lti.launch(person, kind=said.END_ASSESSMENT)
    async with lti.office.desk.office.store.read() as tx:
        attempt = await tx.platforms.attempt_of(BACKEND, "1", SUBJECT, 1, LINK)
    sitting = await lti.begun(attempt)

    await lti.launch(person, kind=said.END_ASSESSMENT)

    async with lti.office.desk.office.store.read() as tx:
        assert len(await tx.sessions.entries_of(sitting.session, "assessment_handed_in")) == 1


# --- the picture --------------------------------------------------------------------------------


async def test_nobody_makes_the_record_long_by_looking_at_the_picture(lti):
    sitting, _ = await lti.admitted(lti.office.stranger())
    link = lti.tool.picture_link(BACKEND, sitting.session, "ev_face").removeprefix(BASE)
    for _ in range(3):
        assert (await lti.office.stranger().get(link)).status == 200
    lti.office.clock.move_to(lti.office.clock.now() + timedelta(minutes=11))

    await lti.office.stranger().get(link)

    async with lti.office.desk.office.store.read() as tx:
        assert len(await tx.sessions.entries_of(sitting.session, "evidence_viewed")) == 2


# --- registration -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint"]
)
async def test_a_service_on_https_takes_no_platform_on_plain_http(lti, name, monkeypatch):
    registrar = replace(lti.tool.registrar, base="https://exams.example.org")
    host = "https://lms.example.org"
    facts = {
        "issuer": host,
        "authorization_endpoint": f"{host}/a",
        "token_endpoint": f"{host}/t",
        "jwks_uri": f"{host}/k",
        "registration_endpoint": f"{host}/r",
    }
    calls = []

    async def ask(_, method, url, **__):
        calls.append((method, url))
        return Answered(200, facts | {name: "http://lms.example.org/x", "client_id": "c"}, "")

    monkeypatch.setattr(Wire, "ask", ask)
    until = lti.office.clock.now() + timedelta(days=1)
    link = registering.invite(SECRET_BYTES, "", registering.Invitation("harbour", "H", until))

    with pytest.raises(LaunchRefused):
        await registrar.register(link.rpartition("/")[2], f"{host}/configuration", "")

    assert calls == [("GET", f"{host}/configuration")]


@pytest.mark.parametrize("audience", ["\ud800", "x" * 3_000, "a\0b"])
async def test_a_platform_says_no_audience_that_cannot_be_kept(lti, audience):
    lti.academy.configuration = {"authorization_server": audience}
    until = lti.office.clock.now() + timedelta(days=1)
    link = registering.invite(SECRET_BYTES, "", registering.Invitation("harbour", "H", until))

    answer = await lti.office.stranger().get(
        f"{link}?openid_configuration={lti.academy.url}/configuration"
    )

    assert answer.status == 400


# --- control ------------------------------------------------------------------------------------


class Wanting:
    """A webhook that wants no more."""

    async def carry(self, _):
        return Attempt(Fate.GONE, "410")


async def the_delivery(lti, session, kind):
    async with lti.office.desk.office.store.read() as tx:
        (ident,) = [one.id for one in await tx.outbox.of_session(session) if one.type == kind]
        due = await tx.outbox.due(lti.office.clock.now(), 100)
    return next(one for one in due if one.id == ident)


async def test_extra_time_that_is_sent_again_by_hand_is_not_given_twice(lti):
    sitting, _ = await lti.admitted(lti.office.stranger())
    by, desk = replace(ANA, id=sitting.staff), lti.office.desk
    await desk.sessions.extra_minutes(sitting.session, by, 15)
    carrier = LtiCarrier(lti.tool.desk, lti.tool.wire, Wanting(), lambda _: None)
    sweeps = Sweeps(desk, carrier, lambda _: timedelta(0))
    await sweeps.deliver()
    chief = replace(ANA, roles=frozenset(Role))
    assert await desk.deliveries.again_since(chief, BACKEND, sitting.start - timedelta(days=1))

    await sweeps.deliver()

    given = [one for one in lti.academy.controls if one["action"] == "update"]
    assert [one["extra_time"] for one in given] == [15]


async def refusals(lti, session):
    """Return what the invigilator reads, and how many refusals the record tells."""
    read = [one.said for one in await lti.tool.desk.refusals(session)]
    async with lti.office.desk.office.store.read() as tx:
        return read, len(await tx.sessions.entries_of(session, "control_refused"))


@pytest.mark.parametrize(
    ("status", "after"), [(200, ([], 0)), (400, (["status 400"], 1)), (500, (None, 0))]
)
async def test_an_answer_that_came_late_is_no_refusal(lti, status, after):
    sitting, _ = await lti.admitted(lti.office.stranger())
    by, told = replace(ANA, id=sitting.staff), []
    await lti.office.desk.sessions.pause(sitting.session, by, "A fire drill.")
    carrier = LtiCarrier(lti.tool.desk, lti.tool.wire, Wanting(), told.append)
    delivery = await the_delivery(lti, sitting.session, "session.paused")
    lti.academy.acs = (503, {})
    await carrier.carry(replace(delivery, attempts=1))
    missing = ["no answer yet; we try again"]
    assert await refusals(lti, sitting.session) == (missing, 0)
    lti.academy.acs = (status, {})

    await carrier.carry(replace(delivery, attempts=2))

    read, noted = after
    assert await refusals(lti, sitting.session) == (missing if read is None else read, noted)
    assert len(told) == (1 if status == 500 else 2)


async def test_a_platform_that_wants_no_webhook_is_still_told_to_stop(lti):
    sitting, _ = await lti.admitted(lti.office.stranger())
    carrier = LtiCarrier(lti.tool.desk, lti.tool.wire, Wanting(), lambda _: None)

    attempt = await carrier.carry(await the_delivery(lti, sitting.session, "session.admitted"))

    assert attempt.fate is Fate.REFUSED_FOR_GOOD


async def test_a_token_of_absurd_length_of_life_is_used(lti):
    lti.academy.token = (200, {"access_token": "token-1", "expires_in": 10**400})

    answered = await lti.tool.wire.control(lti.platform, f"{lti.academy.url}/acs", {})

    assert answered.status == 200


async def test_a_page_of_the_platforms_may_show_the_picture(lti):
    sitting, _ = await lti.admitted(lti.office.stranger())
    link = lti.tool.picture_link(BACKEND, sitting.session, "ev_face").removeprefix(BASE)

    answer = await lti.office.stranger().get(link)

    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


# --- a platform that is not to be trusted any more ----------------------------------------------


async def test_a_platform_that_was_removed_launches_nothing_and_is_told_nothing(lti):
    person, desk = lti.office.stranger(), lti.office.desk
    sitting, attempt = await lti.admitted(person)
    by = replace(ANA, id=sitting.staff)
    query = query_of(await lti.login(person))
    until = lti.office.clock.now() + timedelta(days=1)
    link = registering.invite(SECRET_BYTES, "", registering.Invitation(BACKEND, "H", until))
    async with desk.office.store.write() as tx:
        await registering.remove(desk.office, tx, BACKEND)

    late = await lti.post(person, query["state"], lti.sign(lti.claims(query["nonce"])))
    assert (late.status, (await lti.login(person)).status) == (404, 400)
    learner = await lti.office.learner(sitting.request)
    assert (await learner.get(f"/lti/start/{attempt.id}")).status == 404
    assert (await person.get(link)).status == 404
    await desk.sessions.end(sitting.session, by)
    await desk.reports.attest(
        sitting.session, by, "I watched all of the session.", Outcome.COMPLETED
    )
    carrier = LtiCarrier(lti.tool.desk, lti.tool.wire, Wanting(), lambda _: None)
    ended = await carrier.carry(await the_delivery(lti, sitting.session, "report.ready"))
    assert ended.fate is Fate.REFUSED_FOR_GOOD
    assert lti.academy.controls == []
