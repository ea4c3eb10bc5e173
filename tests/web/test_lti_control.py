"""What is done in the room, told to a platform; and what it does not accept."""

from __future__ import annotations

import json
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from invigilation.incident import Severity
from invigilation.report import Channel
from invigilation.session import Outcome
from invigilation.store.outbox import Outbox
from invigilation.sweeps import Attempt, Fate
from tests.web.lti_office import BACKEND, CLIENT, LINK, SUBJECT, Academy, lti_world
from tests.web.office import ANA
from web.backends.lti import claims as said
from web.backends.lti.carrier import LtiCarrier
from web.backends.lti.keys import ToolKey
from web.backends.lti.wire import CONTROL_TYPE, MAX_ANSWER

STATEMENT = "I watched the whole session and saw nothing unusual."


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    key = ToolKey(tmp_path_factory.mktemp("keys") / "lti.pem")
    return rsa.generate_private_key(65537, 2048), key


class Webhooks:
    """Carries what a platform wants by webhook."""

    def __init__(self):
        self.carried = []

    async def carry(self, delivery):
        self.carried.append(delivery)
        return Attempt(Fate.ACCEPTED, "by webhook")


class Room:
    """A session at an LTI platform, what is done in it, and its carrier."""

    def __init__(self, lti, sitting, by):
        self.lti, self.sitting, self.by = lti, sitting, by
        self.desk, self.session = lti.office.desk, sitting.session
        self.webhooks, self.changed = Webhooks(), []
        tool = lti.tool
        self.carrier = LtiCarrier(tool.desk, tool.wire, self.webhooks, self.changed.append)

    async def deliveries(self, kind):
        found = []
        async with self.desk.office.store.read() as tx:
            outbox: Outbox = tx.outbox
            for sent in await outbox.of_session(self.session):
                if sent.type == kind:
                    (one,) = [
                        each
                        for each in await outbox.due(self.desk.office.clock.now(), 100)
                        if each.id == sent.id
                    ]
                    found.append(one)
        return found

    async def carried(self, kind):
        """Carry the newest delivery of a type; return how it ended."""
        *_, delivery = await self.deliveries(kind)
        return await self.carrier.carry(delivery)

    async def refused(self):
        return [(one.action, one.said) for one in await self.lti.tool.desk.refusals(self.session)]


@pytest.fixture
async def room(sqlite_template, tmp_path, keys):
    async with lti_world(sqlite_template, tmp_path, Academy(keys[0]), keys[1]) as lti:
        sitting, _ = await lti.admitted(lti.office.stranger())
        yield Room(lti, sitting, replace(ANA, id=sitting.staff))


async def pause(room):
    await room.desk.sessions.pause(room.session, room.by, "A fire drill.")
    return await room.carried("session.paused")


async def test_a_pause_is_asked_for_with_all_that_strict_platforms_need(room):
    attempt = await pause(room)

    assert attempt == Attempt(Fate.ACCEPTED, "pause: running")
    (body,) = room.lti.academy.controls
    assert body == {
        "user": {"iss": "https://lms.example.org", "sub": SUBJECT},
        "resource_link": {"id": LINK},
        "attempt_number": "1",
        "action": "pause",
        "incident_time": "2026-11-23T10:00:00Z",
        "incident_severity": 0.0,
        "reason_code": "paused",
        "reason_msg": "A fire drill.",
    }
    (headers,) = room.lti.academy.headers
    assert headers["Authorization"] == "Bearer token-1"
    assert headers["Content-Type"] == CONTROL_TYPE


async def test_the_token_is_asked_for_with_a_signed_assertion_and_used_again(room, keys):
    await pause(room)
    await room.desk.sessions.resume(room.session, room.by)
    await room.carried("session.resumed")

    (assertion,) = room.lti.academy.assertions
    public = jwt.PyJWK.from_dict((await keys[1].jwks())["keys"][0]).key
    told = jwt.decode(
        assertion,
        public,
        ["RS256"],
        audience=room.lti.platform.token_url,
        options={"verify_exp": 0, "verify_iat": 0},
    )
    assert (told["iss"], told["sub"]) == (CLIENT, CLIENT)
    assert told["jti"]
    assert [one["action"] for one in room.lti.academy.controls] == ["pause", "resume"]


async def test_an_incident_is_a_flag_with_its_severity(room):
    await room.desk.sessions.note_incident(
        room.session,
        room.by,
        category="environment.noise",
        severity=Severity.HIGH,
        note="Somebody else speaks.",
        picture=None,
    )

    attempt = await room.carried("session.incident")

    assert attempt.fate is Fate.ACCEPTED
    (body,) = room.lti.academy.controls
    assert (body["action"], body["incident_severity"]) == ("flag", 0.9)
    assert body["reason_code"] == "environment.noise"
    assert "Somebody else" not in json.dumps(body)


async def test_extra_time_is_an_update(room):
    await room.desk.sessions.extra_minutes(room.session, room.by, 15)

    await room.carried("session.extra_time")

    (body,) = room.lti.academy.controls
    assert (body["action"], body["extra_time"]) == ("update", 15)


async def test_a_stop_terminates(room):
    await room.desk.sessions.stop(room.session, room.by, "Somebody else answered.")

    await room.carried("session.stopped")

    (body,) = room.lti.academy.controls
    assert (body["action"], body["incident_severity"]) == ("terminate", 1.0)
    assert body["reason_code"] == "stopped"


async def test_what_a_platform_refuses_is_shown_once_and_breaks_nothing(room):
    room.lti.academy.acs = (400, {"error": "pause is not for us"})

    attempt = await pause(room)
    await room.carried("session.paused")

    assert attempt.fate is Fate.ACCEPTED
    assert "not accepted, status 400" in attempt.note
    assert await room.refused() == [("pause", "status 400")]
    assert room.changed == [room.session]
    view = await room.desk.sessions.view(room.session)
    assert [one.action for one in view.refusals] == ["pause"]
    assert view.session.state == "paused"
    async with room.desk.office.store.read() as tx:
        (entry,) = await tx.sessions.entries_of(room.session, "control_refused")
    assert entry.data == {"action": "pause"}


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_what_may_pass_later_is_tried_again(room, status):
    room.lti.academy.acs = (status, {})

    attempt = await pause(room)

    assert attempt.fate is Fate.FAILED
    assert await room.refused() == [("pause", "no answer yet; we try again")]


async def test_a_platform_that_is_away_is_silent(room):
    url = "http://localhost:1/acs"
    control = {"assessment_control_url": url, "actions": ["pause"]}
    await room.lti.launch(room.lti.office.stranger(), {said.CONTROL: control})

    attempt = await pause(room)

    assert (attempt.fate, attempt.silent) == (Fate.FAILED, True)


async def test_a_token_that_is_taken_back_is_asked_for_anew(room):
    await pause(room)
    room.lti.academy.acs = (401, {})
    await room.desk.sessions.resume(room.session, room.by)

    await room.carried("session.resumed")

    assert len(room.lti.academy.assertions) == 2


@pytest.mark.parametrize(
    "token",
    [(400, {}), (200, {}), (200, {"access_token": ""}), (302, {}), (200, "x" * MAX_ANSWER)],
)
async def test_without_a_token_it_is_tried_again(room, token):
    room.lti.academy.token = token

    attempt = await pause(room)

    assert attempt.fate is Fate.FAILED
    assert room.lti.academy.controls == []


async def test_a_late_pause_does_not_stop_who_sits_again(room):
    await room.desk.sessions.pause(room.session, room.by, "A fire drill.")
    await room.desk.sessions.resume(room.session, room.by)

    attempt = await room.carried("session.paused")

    assert attempt.fate is Fate.ACCEPTED
    assert "overtaken" in attempt.note
    assert room.lti.academy.controls == []


async def test_what_a_platform_does_not_offer_is_not_asked_for_but_shown(room):
    control = {"assessment_control_url": f"{room.lti.academy.url}/acs", "actions": ["terminate"]}
    await room.lti.launch(room.lti.office.stranger(), {said.CONTROL: control})

    attempt = await pause(room)

    assert attempt.fate is Fate.ACCEPTED
    assert room.lti.academy.controls == []
    assert await room.refused() == [("pause", "it does not take this")]


async def test_a_platform_without_control_is_not_called(room):
    await room.lti.launch(room.lti.office.stranger(), {said.CONTROL: None})

    attempt = await pause(room)

    assert attempt.note == "by webhook"
    assert [one.channel for one in room.webhooks.carried] == [Channel.WEBHOOK]
    assert await room.refused() == []


async def report(room):
    await room.desk.sessions.end(room.session, room.by)
    await room.desk.reports.attest(room.session, room.by, STATEMENT, Outcome.COMPLETED)
    return await room.carried("report.ready")


async def test_the_report_is_an_update_with_the_attestations_digest(room):
    attempt = await report(room)

    assert attempt.fate is Fate.ACCEPTED
    (body,) = room.lti.academy.controls
    assert (body["action"], body["reason_code"]) == ("update", "report")
    assert body["reason_msg"].startswith("completed; attestation SHA-256 ")
    assert "extra_time" not in body


@pytest.mark.parametrize(
    ("status", "fate"), [(400, Fate.REFUSED_FOR_GOOD), (500, Fate.FAILED), (401, Fate.FAILED)]
)
async def test_a_report_that_is_not_accepted_is_not_called_so(room, status, fate):
    room.lti.academy.acs = (status, {})

    attempt = await report(room)

    assert attempt.fate is fate


async def test_the_report_goes_to_the_webhook_of_a_platform_that_has_one(room):
    async with room.desk.office.store.write() as tx:
        await tx.bookings._db.exec_driver_sql(
            "UPDATE backend SET webhook_url = 'https://lms.example.org/hook' WHERE id = ?",
            (BACKEND,),
        )

    attempt = await report(room)

    assert attempt.note == "by webhook"
    assert room.lti.academy.controls == []


async def test_other_steps_go_by_webhook_if_at_all(room):
    attempt = await room.carried("session.admitted")

    assert attempt.note == "by webhook"
