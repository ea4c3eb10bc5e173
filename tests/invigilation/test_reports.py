"""Attesting a session: one transaction, or nothing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from itertools import product

import pytest

from invigilation import record
from invigilation.desk import Desk
from invigilation.desk.reports import record_file
from invigilation.errors import (
    Busy,
    IllegalTransition,
    InvalidInput,
    NotAllowed,
    NotFound,
)
from invigilation.people import Role, Staff
from invigilation.session import OUTCOMES, Outcome, SessionState
from invigilation.store.sessions import Sessions
from recordings.seal import Seal, SigningKey, open_seal
from recordings.verify import verify
from tests import builders
from tests.invigilation.offices import STATEMENT

ADMINISTRATOR = Staff("st_ada", "ada@example.com", "Ada", frozenset({Role.ADMINISTRATOR}))


def attest(world, one, outcome=Outcome.COMPLETED, statement=STATEMENT, by=None):
    return world.desk.reports.attest(one.session, by or world.ann, statement, outcome)


def sealed_payload(attestation):
    return record.payload_of(attestation)


FITTING = [(state, outcome) for state, allowed in OUTCOMES.items() for outcome in sorted(allowed)]


@pytest.mark.parametrize(("state", "outcome"), FITTING)
async def test_every_end_can_be_attested_with_an_outcome_that_fits(world, state, outcome):
    one = await world.brought_to(state)

    session = await attest(world, one, outcome)

    assert (session.state, session.outcome) == (SessionState.ATTESTED, outcome)
    assert await world.session(one.session) == session
    payload = sealed_payload(await world.desk.reports.attestation(one.session))
    assert (payload["session"], payload["outcome"]) == (one.session, outcome.value)


async def test_a_record_that_is_read_while_it_is_sealed_is_not_broken(world, monkeypatch):
    one = await world.brought_to(SessionState.ENDED)
    read = Sessions.entries
    sealing = []

    async def entries(self, ident):
        found = await read(self, ident)
        if not sealing:
            sealing.append(ident)
            await attest(world, one)
        return found

    monkeypatch.setattr(Sessions, "entries", entries)

    shown = await world.desk.reports.record(one.session, world.ann)

    assert sealing
    assert shown.sealed is None or shown.entries[-1].kind == "attested"


@pytest.mark.parametrize("state", [state for state in SessionState if state not in OUTCOMES])
async def test_no_other_state_can_be_attested(world, state):
    if state is SessionState.ATTESTED:
        one = await world.brought_to(SessionState.ENDED)
        await attest(world, one)
    else:
        one = await world.brought_to(state)
    before = await world.everything()

    with pytest.raises(IllegalTransition):
        await attest(world, one)

    assert await world.everything() == before


@pytest.mark.parametrize(
    ("state", "outcome"),
    [pair for pair in product(OUTCOMES, Outcome) if pair not in FITTING],
)
async def test_an_outcome_that_does_not_fit_is_refused(world, state, outcome):
    one = await world.brought_to(state)
    before = await world.everything()

    with pytest.raises(InvalidInput) as refused:
        await attest(world, one, outcome)

    assert refused.value.field == "outcome"
    assert await world.everything() == before


async def test_the_statement_has_a_length(world):
    one = await world.brought_to(SessionState.ENDED)

    for statement in ("", " " * 30 + "short", "x" * 4_001):
        with pytest.raises(InvalidInput):
            await attest(world, one, statement=statement)


async def test_only_its_invigilator_attests(world):
    one = await world.brought_to(SessionState.ENDED)
    bob = await builders.add_invigilator(world.desk, "Bob Baker")

    for by in (bob, world.sam, ADMINISTRATOR):
        with pytest.raises(NotAllowed):
            await attest(world, one, by=by)


async def test_one_report_and_one_receipt_leave_with_the_sealed_bytes(world):
    one = await world.brought_to(SessionState.ENDED)
    world.clock.go(60)
    before = len(await world.sent())

    await attest(world, one)

    assert (await world.sent())[before:] == ["webhook report.ready", "mail receipt"]
    [report] = await world.bodies("report.ready")
    sealed = await world.desk.reports.attestation(one.session)
    assert report["data"]["attestation"].encode() == sealed
    assert report["data"]["due"] == "2026-11-25T17:00:00.000000Z"
    assert report["data"]["outcome"] == "completed"
    [receipt] = await world.bodies("receipt")
    assert receipt["name"] == one.learner_name


async def test_the_sealed_payload_tells_the_whole_session(world):
    one = await world.admitted()
    world.clock.go(600)
    await world.desk.sessions.end(one.session, world.ann)

    await attest(world, one)

    payload = await world.attested(one.session)
    entries = await world.entries(one.session)
    assert payload["format"] == record.ATTESTATION_FORMAT
    assert payload["chain"] == {"head": entries[-1].head.digest, "length": len(entries)}
    assert entries[-1].kind == "attested"
    assert payload["spent_seconds"] == 600
    assert payload["statement"] == STATEMENT
    assert payload["learner"] == {"reference": "learner-1", "name": "Lea Learner 1"}
    assert payload["invigilator"]["id"] == world.ann.id
    assert payload["identity"]["state"] == "confirmed"
    assert [item["kind"] for item in payload["evidence"]] == ["face", "id_document"]
    assert payload["started"]["utc"] == "2026-11-23T10:00:00.000000Z"
    assert payload["finished"]["office"] == "2026-11-23T10:10:00+00:00"


async def test_a_recording_that_is_not_finished_holds_the_attestation_up(world):
    one = await world.admitted()
    part = await world.desk.recordings.begin(one.session)
    lost = await world.desk.recordings.begin(one.session)
    await world.desk.sessions.end(one.session, world.ann)
    await world.desk.recordings.lose(lost)
    before = await world.everything()

    with pytest.raises(Busy):
        await attest(world, one)

    assert await world.everything() == before
    await world.desk.recordings.finish(part, "ef" * 32, 9)
    await attest(world, one)
    payload = sealed_payload(await world.desk.reports.attestation(one.session))
    listed = {item["id"] for item in payload["evidence"]}
    assert part.id in listed
    assert lost.id not in listed


class BrokenSealer:
    """A key that is out of reach."""

    def seal(self, payload):
        raise OSError("the key is out of reach")


async def test_a_seal_that_fails_leaves_nothing_changed(world):
    one = await world.brought_to(SessionState.ENDED)
    before = await world.everything()
    broken = Desk.of(replace(world.desk.office, sealer=BrokenSealer()))

    with pytest.raises(OSError, match="out of reach"):
        await broken.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)

    assert await world.everything() == before
    assert (await attest(world, one)).state is SessionState.ATTESTED


async def test_sealed_bytes_never_change(world):
    one = await world.brought_to(SessionState.ENDED)
    await attest(world, one)
    sealed = await world.desk.reports.attestation(one.session)

    async with world.store.write() as tx:
        await tx.sessions.seal(one.session, "another", b"another")

    assert await world.desk.reports.attestation(one.session) == sealed


async def test_a_backend_gets_its_own_attestation_only(world):
    one = await world.brought_to(SessionState.ENDED)
    with pytest.raises(NotFound):
        await world.desk.reports.attestation(one.session)
    await attest(world, one)

    assert await world.desk.reports.attestation(one.session, "acme")
    with pytest.raises(NotFound):
        await world.desk.reports.attestation(one.session, "other")


async def test_a_record_is_for_its_invigilator_and_those_who_oversee(world):
    one = await world.brought_to(SessionState.ENDED)
    await attest(world, one)
    bob = await builders.add_invigilator(world.desk, "Bob Baker")

    for by in (world.ann, world.sam, ADMINISTRATOR):
        found = await world.desk.reports.record(one.session, by)
        assert found.sealed.statement == STATEMENT
        assert "report.ready" in {sent.type for sent in found.deliveries}
    with pytest.raises(NotFound):
        await world.desk.reports.record(one.session, bob)


async def test_the_record_file_verifies_also_after_later_views(world):
    key = SigningKey.generate()
    real = Desk.of(replace(world.desk.office, signer=key, sealer=Seal(key)))
    there = replace(world, desk=real)
    one = await there.admitted()
    await there.desk.sessions.say(one.session, "learner", "hello", "c1")
    part = await there.desk.recordings.begin(one.session)
    there.clock.go(60)
    await there.desk.sessions.end(one.session, there.ann)
    await there.desk.recordings.finish(part, "ef" * 32, 9)
    await attest(there, one)
    await there.desk.looks.open(part.session, there.sam, "quality")
    await there.desk.identity.see(part.id, there.sam)

    file = record_file(await there.desk.reports.record(one.session, there.ann))

    keys = {key.key_id: key.public}
    report = verify(file, keys)
    assert report.ok, report
    assert json.loads(open_seal(await real.reports.attestation(one.session), keys))["spent_seconds"]
    assert not verify(file.replace(b"ef" * 32, b"ee" * 32), keys).ok


async def test_two_who_attest_at_once_make_one_report(world):
    one = await world.brought_to(SessionState.ENDED)

    async def once():
        try:
            return await attest(world, one)
        except IllegalTransition:
            return None

    first, second = await asyncio.gather(once(), once())

    assert (first is None) != (second is None)
    assert (await world.sent()).count("webhook report.ready") == 1
