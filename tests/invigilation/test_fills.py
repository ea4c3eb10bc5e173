"""What a learner's device kept of a gap: told, brought, completed, judged, or run out."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from invigilation.consent import Purpose
from invigilation.desk.fills import MOST_FILLED
from invigilation.errors import (
    IllegalTransition,
    InvalidInput,
    NotAllowed,
    NotFound,
    TooLate,
)
from invigilation.fill import (
    LASTS,
    FillState,
    NotWanted,
    TooMuch,
    WrongChain,
    covered,
)
from invigilation.gap import Gap
from invigilation.people import Role
from invigilation.session import Outcome
from tests import builders
from tests.builders import START
from tests.devices import Device
from tests.invigilation.conftest import kept_loop
from tests.invigilation.offices import STATEMENT

S = timedelta(seconds=1)
on_sqlite = pytest.mark.parametrize(
    "migrated_url", [pytest.param("sqlite", marks=pytest.mark.store)], indirect=True
)
"""For what is worked out by the same code over either database."""


class Outage:
    """A session with a gap of a minute, and the device that recorded through it."""

    def __init__(self, world, one) -> None:
        self.world, self.session, self.request = world, one.session, one.request
        self.desk = world.desk
        self.device = Device(one.session)
        self.gap = None

    async def tell(self, first=0, device=None, links=None):
        device = device or self.device
        links = device.told(first) if links is None else links
        return await self.desk.fills.tell(
            self.session, self.request, device.recording, first, links
        )

    async def bring(self, n, device=None):
        device = device or self.device
        return await self.desk.fills.keep(self.session, device.recording, n, device.piece(n))

    async def happens(self, seconds=60):
        """Record half a minute that is told, then lose the link for a while, then come back."""
        clock = self.world.clock
        self.began = clock.now()
        for n in range(2):
            self.device.segment(clock.now(), 20.3 * S)
            clock.go(20)
            await self.tell(n)
        self.lost = clock.now()
        clock.go(6)
        self.gap = await self.desk.gaps.open(self.session, self.lost)
        clock.go(seconds - 6)
        self.device.record(self.lost, clock.now() + 5 * S)
        clock.go(6)
        await self.desk.gaps.close(self.session, clock.now() - 6 * S)

    async def fill(self):
        fills = (await self.desk.sessions.view(self.session)).fills
        return next((one for one in fills if one.gap == self.gap.id), None)

    async def entries(self, *kinds):
        async with self.world.store.read() as tx:
            found = await tx.sessions.entries_of(self.session, *kinds)
        return [(one.kind, json.loads(one.body)["data"]) for one in found]

    async def notices(self, kind):
        async with self.world.store.read() as tx:
            sent = await tx.outbox.of_session(self.session)
        return [one.type for one in sent if one.type == kind]

    async def arrives(self):
        shelf = await self.tell(2)
        for n in shelf.recordings[self.device.recording].wanted:
            await self.bring(n)


@kept_loop
async def outage(world):
    one = await world.admitted()
    found = Outage(world, one)
    await found.happens()
    return found


async def test_what_was_told_at_return_is_promised_then_arrives_and_is_complete(outage):
    told = await outage.tell(2)

    assert told.recordings[outage.device.recording].wanted == (1, 2, 3, 4, 5)
    fill = await outage.fill()
    assert (fill.state, fill.chunks, fill.here) == (FillState.PROMISED, 5, 0)
    assert fill.promised == 60 * S
    assert fill.before == outage.lost
    for n in (1, 2, 3, 4):
        assert await outage.bring(n)
    fill = await outage.fill()
    assert (fill.state, fill.covers) == (FillState.ARRIVING, 60 * S)
    assert await outage.bring(5)
    fill = await outage.fill()
    assert (fill.state, fill.here, fill.have) == (FillState.COMPLETE, 5, fill.total)
    assert await outage.notices("session.gap_filled") == ["session.gap_filled"]
    [(_, filled)] = await outage.entries("gap_filled")
    assert filled["complete"] is True
    assert (filled["missing"], filled["covers_ms"]) == (0, 60_000)
    assert [one["n"] for one in filled["chunks"]] == [1, 2, 3, 4, 5]
    assert [one["evidence"] for one in filled["chunks"]] == list(fill.evidence)


async def test_the_record_names_the_chain_first_now_and_then_and_after_a_gap(outage):
    device = outage.device
    await outage.arrives()

    entries = await outage.entries("local_chain", "gap_filled")

    first, after, (_, filled) = entries
    assert first == (
        "local_chain",
        {"recording": device.recording, "links": 1, "head": device.links[0]["head"]},
    )
    assert after == (
        "local_chain",
        {
            "recording": device.recording,
            "links": 6,
            "head": device.head,
            "after_gap": outage.gap.id,
        },
    )
    [chain] = filled["chains"]
    assert (chain["first"], chain["before"]) == (1, device.links[0]["head"])
    assert chain["head"] == device.head
    told = [{k: v for k, v in one.items() if k != "head"} for one in device.links[1:]]
    assert chain["links"] == told


async def test_telling_again_after_a_lost_answer_changes_nothing(outage):
    before = await outage.tell(2)

    again = await outage.tell(1)

    assert again == before
    assert len(await outage.entries("local_chain")) == 2


@on_sqlite
async def test_links_beyond_what_is_known_are_not_taken(outage):
    standing = await outage.tell(4)

    assert standing.recordings[outage.device.recording].have == 2


@on_sqlite
async def test_a_chain_that_does_not_go_on_is_refused(outage):
    other = Device(outage.session)
    other.segment(outage.began, 10 * S)
    other.record(outage.lost, outage.world.clock.now())
    forged = Device(outage.session, "lc_aaaaaaaaaaaaaaaa")
    forged.segment(outage.lost)
    forged.links[0]["sha256"] = "0" * 64

    with pytest.raises(WrongChain):
        await outage.tell(0, links=other.told())
    with pytest.raises(WrongChain):
        await outage.tell(0, forged)
    assert list((await outage.tell(2)).recordings) == [outage.device.recording]


@on_sqlite
@pytest.mark.parametrize(("began", "length"), [(20, 20), (0, 61), (0, 0), (0, -1), (-200, 20)])
async def test_times_that_cannot_be_are_refused(outage, began, length):
    now = outage.world.clock.now()
    outage.device.segment(now + began * S, length * S)

    with pytest.raises(InvalidInput):
        await outage.tell(2)


async def test_a_page_that_was_loaded_again_begins_a_recording_of_its_own(outage):
    again = Device(outage.session, "lc_ffffffffffffffff")
    again.record(outage.lost + 30 * S, outage.lost + 70 * S)
    await outage.tell(2)
    shelf = await outage.tell(0, again)

    assert shelf.recordings[again.recording].wanted == (0, 1)
    await outage.arrives()
    assert (await outage.fill()).state is FillState.ARRIVING
    await outage.bring(0, again)
    await outage.bring(1, again)
    assert (await outage.fill()).state is FillState.COMPLETE
    [(_, filled)] = await outage.entries("gap_filled")
    assert [one["recording"] for one in filled["chains"]] == [
        outage.device.recording,
        again.recording,
    ]


@on_sqlite
async def test_a_chain_that_was_told_before_the_gap_says_nothing_of_another_one(outage):
    made_up = Device(outage.session, "lc_ffffffffffffffff")
    made_up.record(outage.lost, outage.lost + 60 * S)

    await outage.tell(0, made_up)

    assert (await outage.fill()).before is None


@on_sqlite
async def test_a_chunk_that_is_told_afterwards_is_named_alone_and_only_so_often(outage):
    await outage.arrives()
    more = Device(outage.session, "lc_ffffffffffffffff")
    for n in range(MOST_FILLED - 1):
        more.segment(outage.lost + n * S)
        await outage.tell(n, more)
        await outage.bring(n, more)

    more.segment(outage.lost + 30 * S)
    with pytest.raises(TooMuch):
        await outage.tell(MOST_FILLED - 1, more)

    filled = [data for _, data in await outage.entries("gap_filled")]
    assert [len(data["chunks"]) for data in filled] == [5] + [1] * (MOST_FILLED - 1)
    assert [len(data["chains"]) for data in filled] == [1] * MOST_FILLED
    assert [data["missing"] for data in filled] == [0] * MOST_FILLED


@on_sqlite
async def test_only_so_many_recordings_are_taken(outage, monkeypatch):
    monkeypatch.setattr("invigilation.desk.fills.MOST_RECORDINGS", 1)
    again = Device(outage.session, "lc_ffffffffffffffff")
    again.segment(outage.lost)

    with pytest.raises(TooMuch):
        await outage.tell(0, again)


@on_sqlite
async def test_what_nothing_is_missing_of_is_not_wanted(outage):
    await outage.tell(2)

    with pytest.raises(NotWanted):
        await outage.bring(0)
    with pytest.raises(NotFound):
        await outage.desk.fills.wants(outage.session, outage.device.recording, 6)
    assert await outage.bring(1)
    assert not await outage.bring(1)


@on_sqlite
async def test_a_device_keeps_what_may_still_be_asked_for(world):
    one = await world.admitted()
    outage = Outage(world, one)
    for n in range(2):
        outage.device.segment(world.clock.now())
        world.clock.go(20)
        standing = await outage.tell(n)
    assert standing.recordings[outage.device.recording].drop == 0

    world.clock.go(590)
    standing = await outage.desk.fills.shelf(one.session, one.request)
    assert standing.recordings[outage.device.recording].drop == 1

    await world.desk.sessions.end(one.session, world.ann)
    standing = await outage.desk.fills.shelf(one.session, one.request)
    assert standing.recordings[outage.device.recording].drop == 2
    assert standing.until == world.clock.now() + LASTS


@on_sqlite
async def test_a_gap_that_is_still_open_wants_all_since_it_began(world):
    one = await world.admitted()
    outage = Outage(world, one)
    outage.gap = await world.desk.gaps.open(one.session, world.clock.now())
    outage.device.segment(world.clock.now())
    world.clock.go(20)
    await outage.tell()
    await outage.bring(0)
    assert (await outage.fill()).state is FillState.ARRIVING

    await world.desk.gaps.close(one.session, world.clock.now() - S)

    assert (await outage.fill()).state is FillState.COMPLETE


@on_sqlite
async def test_a_gap_that_ended_before_the_chunk_wants_it_no_more(world):
    one = await world.admitted()
    outage = Outage(world, one)
    began = world.clock.now()
    outage.gap = await world.desk.gaps.open(one.session, began)
    world.clock.go(30)
    outage.device.segment(began + 10 * S)
    await outage.tell()
    assert (await outage.fill()).state is FillState.PROMISED

    await world.desk.gaps.close(one.session, began + 5 * S)

    assert (await outage.fill()).state is FillState.NONE


async def test_a_person_judges_and_may_judge_anew_also_after_the_attestation(outage):
    world, desk = outage.world, outage.desk
    await outage.arrives()
    await desk.fills.judge(outage.session, world.ann, outage.gap.id, accepted=True, note="")
    await desk.sessions.end(outage.session, world.ann)
    await desk.reports.attest(outage.session, world.ann, STATEMENT, Outcome.COMPLETED)
    boss = await builders.add_invigilator(desk, "Boss", Role.ADMINISTRATOR)

    await desk.fills.judge(
        outage.session, boss, outage.gap.id, accepted=False, note=" Somebody else sat there "
    )

    fill = await outage.fill()
    assert (fill.state, fill.note) == (FillState.REFUSED, "Somebody else sat there")
    assert (fill.judged_by, fill.judged_at) == (boss.id, world.clock.now())
    judged = await outage.entries("fill_judged")
    assert [data for _, data in judged] == [
        {"gap": outage.gap.id, "accepted": True},
        {"gap": outage.gap.id, "accepted": False},
    ]
    assert len(await outage.notices("session.fill_judged")) == 2
    async with world.store.read() as tx:
        noted = await tx.audit.of(outage.session)
    assert [one.action for one in noted] == ["fill.judged"] * 2


@on_sqlite
async def test_of_a_session_that_was_forgotten_nothing_more_comes_from_the_device(outage):
    world, desk = outage.world, outage.desk
    await outage.tell(2)
    await outage.bring(1)
    await desk.sessions.end(outage.session, world.ann)
    await desk.reports.attest(outage.session, world.ann, STATEMENT, Outcome.COMPLETED)
    await world.rows("UPDATE delivery SET state = 'delivered'")

    await desk.erasure.forget(outage.session, "operator", "They asked for it.")

    assert (await desk.fills.shelf(outage.session, outage.request)).keep is False
    with pytest.raises(NotAllowed):
        await outage.bring(2)
    with pytest.raises(NotAllowed):
        await outage.tell(2)
    world.clock.go(73 * 3600)
    await desk.fills.sweep()
    await desk.fills.judge(outage.session, world.ann, outage.gap.id, accepted=True, note="Seen")


@on_sqlite
async def test_nobody_judges_what_is_still_coming_or_is_not_theirs_or_without_a_reason(outage):
    world, desk, gap = outage.world, outage.desk, outage.gap.id
    await outage.tell(2)
    with pytest.raises(IllegalTransition):
        await desk.fills.judge(outage.session, world.ann, gap, accepted=True, note="")
    await outage.arrives()
    other = await builders.add_invigilator(desk, "Col League")

    with pytest.raises(NotAllowed):
        await desk.fills.judge(outage.session, other, gap, accepted=True, note="")
    with pytest.raises(InvalidInput):
        await desk.fills.judge(outage.session, world.ann, gap, accepted=False, note=" ")
    with pytest.raises(InvalidInput):
        await desk.fills.judge(outage.session, world.ann, gap, accepted=True, note="x" * 1001)
    with pytest.raises(NotFound):
        await desk.fills.judge(outage.session, world.ann, "gp_0", accepted=True, note="")
    assert (await outage.fill()).state is FillState.COMPLETE


async def test_what_did_not_come_in_three_days_is_closed_as_it_is(outage):
    world, desk = outage.world, outage.desk
    await outage.tell(2)
    await outage.bring(2)
    await desk.sessions.end(outage.session, world.ann)
    await desk.reports.attest(outage.session, world.ann, STATEMENT, Outcome.COMPLETED)
    world.clock.go(LASTS.total_seconds() - 1)
    assert await outage.bring(3)
    assert await desk.fills.sweep() == []

    world.clock.go(1)
    swept, again = await desk.fills.sweep(), await desk.fills.sweep()

    assert (swept, again) == ([outage.session], [])
    fill = await outage.fill()
    assert (fill.state, fill.here) == (FillState.PARTIAL, 2)
    [(_, filled)] = await outage.entries("gap_filled")
    assert (filled["complete"], filled["missing"]) == (False, 3)
    with pytest.raises(TooLate):
        await outage.bring(4)
    with pytest.raises(TooLate):
        await outage.tell(2)
    with pytest.raises(TooLate):
        await desk.fills.shelf(outage.session, outage.request)
    await desk.fills.judge(outage.session, world.ann, outage.gap.id, accepted=True, note="")


@on_sqlite
async def test_of_what_never_came_nothing_can_be_accepted(outage):
    world, desk = outage.world, outage.desk
    await outage.tell(2)
    await desk.sessions.end(outage.session, world.ann)
    world.clock.go(LASTS.total_seconds())
    await desk.fills.sweep()

    with pytest.raises(InvalidInput):
        await desk.fills.judge(outage.session, world.ann, outage.gap.id, accepted=True, note="")
    await desk.fills.judge(outage.session, world.ann, outage.gap.id, accepted=False, note="None")

    assert (await outage.fill()).state is FillState.REFUSED


@on_sqlite
async def test_without_consent_nothing_is_taken(outage):
    await outage.desk.consents.withdraw(outage.session, Purpose.RECORDING, "learner")

    with pytest.raises(NotAllowed):
        await outage.tell(2)
    assert (await outage.desk.fills.shelf(outage.session, outage.request)).keep is False


@on_sqlite
async def test_before_check_in_nothing_is_taken(world):
    one = await builders.book(world.desk, 1)
    outage = Outage(world, one)
    outage.device.segment(world.clock.now() - 30 * S)

    with pytest.raises(NotAllowed):
        await outage.tell()


@on_sqlite
async def test_nobody_tells_of_anothers_session(outage):
    with pytest.raises(NotFound):
        await outage.desk.fills.tell(outage.session, "rq_0", outage.device.recording, 0, [])
    with pytest.raises(NotFound):
        await outage.desk.fills.session_of("rq_0", outage.device.recording)
    found = await outage.desk.fills.session_of(outage.request, outage.device.recording)
    assert found == outage.session


def test_what_is_covered_is_counted_once():
    device = Device("ss_1")
    for after in (-10, 9.7, 50):
        device.segment(START + after * S)

    assert covered(Gap("gp_1", "ss_1", START, START + 60 * S), device.told()) == 39.7 * S
