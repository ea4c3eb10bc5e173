"""Anchors: a day's list of attested heads, what an authority's outage does, what a record gets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from invigilation import record
from invigilation.anchor import AnchorKind
from invigilation.desk import Desk
from invigilation.desk.anchors import NoTimestamp, Stamp
from invigilation.desk.reports import record_file
from invigilation.session import Outcome, SessionState
from recordings.seal import Seal, SigningKey
from recordings.verify import Mark, verify
from recordings.verify.merkle import root_of
from recordings.verify.timestamp import open_token, tidied
from tests import builders
from tests.harness.tsa import TimeStampAuthority
from tests.invigilation.offices import STATEMENT
from tests.invigilation.test_onboard import PICTURE, facts

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Authority:
    """Signs by repeating the digest; away while `away`. A `Timestamper`."""

    def __init__(self, clock):
        self.clock = clock
        self.asked = []
        self.away = False

    async def stamp(self, digest):
        self.asked.append(digest)
        await asyncio.sleep(0)
        if self.away:
            raise NoTimestamp("No answer within 15 s.")
        return Stamp(b"token of " + digest, self.clock.now())


def head_of(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


async def booked(world, count):
    """Sessions of learners 1 and on; return their ids."""
    return [
        (await builders.book(world.desk, number, builders.START + (number - 1) * DAY)).session
        for number in range(1, count + 1)
    ]


async def attest(world, number, session):
    """Keep an attestation of a session, made now, that names `head_of(number)`."""
    payload = {
        "attested_at": record.stamp(world.clock.now()),
        "chain": {"head": head_of(number), "length": 3},
    }
    await world.rows(
        "UPDATE session SET attestation = :sealed WHERE id = :session",
        sealed=world.desk.office.sealer.seal(record.canonical(payload)),
        session=session,
    )


async def anchors(world, session):
    async with world.store.read() as tx:
        return await tx.anchors.of(session)


async def unstamped(world):
    async with world.store.read() as tx:
        return await tx.anchors.unstamped()


def tomorrow(world):
    now = world.clock.now().astimezone(UTC)
    world.clock.go_to(datetime(now.year, now.month, now.day, 0, 1, tzinfo=UTC) + DAY)


async def test_an_attested_session_is_stamped_the_day_after(world):
    one = await world.brought_to(SessionState.ENDED)
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)
    payload = record.payload_of(await world.desk.reports.attestation(one.session))
    authority = Authority(world.clock)
    tomorrow(world)

    assert await world.desk.anchors.sweep(authority) == 1

    [anchor] = await anchors(world, one.session)
    head = bytes.fromhex(payload["chain"]["head"])
    digest = hashlib.sha256((1).to_bytes(8) + root_of(head, 0, 1, [])).digest()
    assert anchor == {
        "kind": "timestamp",
        "at": record.stamp(world.clock.now()),
        "index": 0,
        "size": 1,
        "path": [],
        "token": base64.b64encode(b"token of " + digest).decode(),
    }


async def test_each_record_of_a_day_gets_its_path_to_the_one_root(world):
    sessions = await booked(world, 3)
    for number, session in enumerate(sessions, 1):
        await attest(world, number, session)
    form = "ob_1"
    await world.desk.onboard.submit(await builders.ask(world.desk, 9), form, facts(), PICTURE)
    await world.rows(
        "UPDATE onboard SET attestation = :sealed",
        sealed=world.desk.office.sealer.seal(record.canonical({"chain": {"head": head_of(4)}})),
    )
    authority = Authority(world.clock)
    tomorrow(world)

    assert await world.desk.anchors.sweep(authority) == 1

    digests = set()
    for number, ident in enumerate([*sessions, form], 1):
        [one] = await anchors(world, ident)
        path = [bytes.fromhex(node) for node in one["path"]]
        root = root_of(bytes.fromhex(head_of(number)), one["index"], one["size"], path)
        digests.add(hashlib.sha256(one["size"].to_bytes(8) + root).digest())
    assert digests == set(authority.asked)
    assert len(authority.asked) == 1


async def test_what_is_attested_today_waits_for_tomorrow(world):
    first, second = await booked(world, 2)
    await attest(world, 1, first)
    authority = Authority(world.clock)

    assert await world.desk.anchors.sweep(authority) == 0
    tomorrow(world)
    await attest(world, 2, second)
    assert await world.desk.anchors.sweep(authority) == 1
    assert await world.desk.anchors.sweep(authority) == 0

    assert [len(await anchors(world, one)) for one in (first, second)] == [1, 0]
    tomorrow(world)
    assert await world.desk.anchors.sweep(authority) == 1
    assert [len(await anchors(world, one)) for one in (first, second)] == [1, 1]
    assert len(authority.asked) == 2


async def test_an_authority_that_is_away_holds_up_nothing_and_is_asked_again(world, caplog):
    first, second = await booked(world, 2)
    await attest(world, 1, first)
    authority = Authority(world.clock)
    authority.away = True
    tomorrow(world)

    waits = []
    for _ in range(8):
        assert await world.desk.anchors.sweep(authority) == 0
        [waiting] = await unstamped(world)
        assert await world.desk.anchors.sweep(authority) == 0
        waits.append(waiting.next_at - world.clock.now())
        world.clock.go_to(waiting.next_at)

    assert waits == [timedelta(minutes=one) for one in (1, 2, 4, 8, 16, 32, 60, 60)]
    assert (waiting.attempts, waiting.note) == (8, "No answer within 15 s.")
    assert len(authority.asked) == 8
    assert not caplog.records
    await attest(world, 2, second)
    tomorrow(world)
    assert await world.desk.anchors.sweep(authority) == 0
    tomorrow(world)
    assert await world.desk.anchors.sweep(authority) == 0
    assert "has no timestamp yet: No answer within 15 s." in caplog.text

    authority.away = False
    world.clock.go(3_600)
    assert await world.desk.anchors.sweep(authority) == 2

    assert [len(await anchors(world, one)) for one in (first, second)] == [1, 1]
    assert await unstamped(world) == []


async def test_of_workers_that_sweep_at_once_one_asks(world):
    sessions = await booked(world, 2)
    for number, session in enumerate(sessions, 1):
        await attest(world, number, session)
    authority = Authority(world.clock)
    tomorrow(world)

    done = await asyncio.gather(*(world.desk.anchors.sweep(authority) for _ in range(4)))

    assert sum(done) == 1
    assert len(authority.asked) == 1
    assert [len(await anchors(world, one)) for one in sessions] == [1, 1]


async def test_a_worker_that_dies_while_it_asks_is_followed_by_another(world):
    [session] = await booked(world, 1)
    await attest(world, 1, session)
    authority = Authority(world.clock)
    tomorrow(world)

    async def dies(_):
        raise ConnectionAbortedError

    authority.stamp, well = dies, authority.stamp
    with pytest.raises(ConnectionAbortedError):
        await world.desk.anchors.sweep(authority)
    authority.stamp = well
    assert await world.desk.anchors.sweep(authority) == 0

    world.clock.go(301)
    assert await world.desk.anchors.sweep(authority) == 1

    assert len(await anchors(world, session)) == 1


async def test_the_same_receipt_is_kept_once_and_anchors_stand_in_order(world):
    at, body = world.clock.now(), {"receipt": "a.b.c", "backend": "acme", "key": {"kty": "OKP"}}
    async with world.store.write() as tx:
        news = [
            await tx.anchors.add("ses_1", AnchorKind.TIMESTAMP, at + DAY, {"token": "AA=="}),
            await tx.anchors.add("ses_1", "receipt", at, body),
            await tx.anchors.add("ses_1", "receipt", at + HOUR, body),
            await tx.anchors.add("ses_2", "receipt", at, body),
        ]

    assert news == [True, True, False, True]
    kept = await anchors(world, "ses_1")
    assert kept == [
        body | {"kind": "receipt", "at": record.stamp(at)},
        {"kind": "timestamp", "at": record.stamp(at + DAY), "token": "AA=="},
    ]
    assert json.loads(json.dumps(kept)) == kept


class RealAuthority:
    """OpenSSL's, on the time of this machine."""

    def __init__(self, directory):
        self.tsa = TimeStampAuthority(directory)

    async def stamp(self, digest):
        token = tidied(self.tsa.token(digest))
        return Stamp(token, open_token(token, digest).at)


async def test_a_record_with_its_timestamp_verifies_and_a_rewritten_one_does_not(world, tmp_path):
    key = SigningKey.generate()
    office = replace(world.desk.office, signer=key, sealer=Seal(key))
    here = replace(world, desk=Desk.of(office))
    one = await here.brought_to(SessionState.ENDED)
    await here.desk.reports.attest(one.session, here.ann, STATEMENT, Outcome.COMPLETED)
    authority = RealAuthority(tmp_path / "tsa")
    tomorrow(world)

    assert await here.desk.anchors.sweep(authority) == 1

    shown = await here.desk.reports.record(one.session, here.ann)
    stamped = shown.anchors[0]
    keys, roots = {key.key_id: key.public}, (authority.tsa.root,)
    verdict = verify(record_file(shown), keys, roots)
    assert verdict.ok
    assert "Clock of the tests stamped it" in verdict.steps[-1].sentence
    for name, value in (("index", 1), ("size", 2), ("path", ["00" * 32]), ("at", "2026-01-01")):
        other = replace(shown, anchors=(stamped | {name: value},))
        refused = verify(record_file(other), keys, roots).steps[-1]
        assert (refused.number, refused.mark) == (11, Mark.FAILED)
    payload = record.payload_of(shown.sealed.attestation)
    rewritten = payload | {"chain": payload["chain"] | {"head": head_of(0)}}
    resealed = office.sealer.seal(record.canonical(rewritten))
    other = replace(shown, sealed=replace(shown.sealed, attestation=resealed))
    refused = verify(record_file(other), keys, roots).steps[-1]
    assert "the time-stamp is about something else" in refused.sentence
