"""Gaps at the desk, on real databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from invigilation import record
from invigilation.errors import IllegalTransition, InvalidInput, NotAllowed, NotFound
from invigilation.gap import Ruling
from invigilation.incident import NOTE_LIMIT
from invigilation.session import Outcome, SessionState
from tests import builders
from tests.builders import START
from tests.invigilation.offices import MINUTE, STATEMENT


def ago(world, seconds):
    return world.clock.now() - timedelta(seconds=seconds)


async def a_gap(world, one, length=60):
    """A gap of so many seconds that has just ended."""
    began = world.clock.now()
    world.clock.go(length)
    opened = await world.desk.gaps.open(one.session, began)
    await world.desk.gaps.close(one.session, world.clock.now())
    return opened


def rule(world, one, gap, ruling=Ruling.TECHNICAL, note="The satellite was lost."):
    return world.desk.gaps.rule(one.session, world.ann, gap.id, ruling, note)


async def test_a_gap_is_dated_back_kept_and_told_in_the_record(world):
    one = await world.admitted()
    world.clock.go(100)
    began = ago(world, 5)
    opened = await world.desk.gaps.open(one.session, began)
    world.clock.go(55)

    closed = await world.desk.gaps.close(one.session, world.clock.now())

    assert (opened.began, opened.ended) == (began, None)
    assert (closed.id, closed.lost) == (opened.id, MINUTE)
    view = await world.desk.sessions.view(one.session)
    assert view.gaps == (closed,)
    first, last = (await world.entries(one.session))[-2:]
    assert (first.kind, first.actor, first.data) == (
        *("gap_opened", "service"),
        {"gap": opened.id, "began": record.stamp(began)},
    )
    assert (last.kind, last.data["lost_ms"]) == ("gap_closed", 60_000)
    assert last.data["ended"] == record.stamp(world.clock.now())
    [interrupted], [restored] = [
        await world.bodies(f"session.{kind}") for kind in ("interrupted", "restored")
    ]
    assert interrupted["data"]["began"] == restored["data"]["began"] == record.stamp(began)
    assert restored["data"]["ended"] == last.data["ended"]


async def test_what_a_killed_process_did_not_watch_is_a_gap_from_its_last_heartbeat(world):
    one = await world.admitted()
    world.clock.go(100)
    async with world.store.write() as tx:
        await tx.watch.beat(world.clock.now())
    beat = world.clock.now()
    world.clock.go(90)
    began_anew = world.clock.now()
    world.clock.go(10)
    async with world.store.write() as tx:
        await tx.watch.beat(world.clock.now())

    gap = await world.desk.gaps.open_unwatched(one.session, began_anew)
    again = await world.desk.gaps.open_unwatched(one.session, began_anew)

    assert gap.began == beat
    assert again is None


async def test_what_a_room_has_watched_since_is_no_gap(world):
    one = await world.admitted()
    began_anew = world.clock.now()
    world.clock.go(3_000)
    await world.desk.sessions.present(one.session, "learner", present=False)
    left = world.clock.now()
    world.clock.go(20)

    gap = await world.desk.gaps.open_unwatched(one.session, began_anew)

    assert gap.began == left


@pytest.mark.parametrize("state", list(SessionState))
async def test_a_gap_opens_only_while_the_clock_runs(world, state):
    if state is SessionState.ATTESTED:
        one = await world.brought_to(SessionState.ENDED)
        await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)
    else:
        one = await world.brought_to(state)

    gap = await world.desk.gaps.open(one.session, world.clock.now())

    assert (gap is not None) == (state is SessionState.IN_PROGRESS)
    assert await world.count("gap") == (state is SessionState.IN_PROGRESS)


async def test_many_that_open_a_gap_at_once_open_one(world):
    one = await world.admitted()

    found = await asyncio.gather(
        *(world.desk.gaps.open(one.session, ago(world, 5)) for _ in range(6))
    )

    assert sum(gap is not None for gap in found) == 1
    assert (await world.kinds(one.session)).count("gap_opened") == 1


async def test_without_an_open_gap_there_is_nothing_to_close(world):
    one = await world.admitted()
    await a_gap(world, one)
    before = await world.everything()

    assert await world.desk.gaps.close(one.session, world.clock.now()) is None

    assert await world.everything() == before


async def test_pauses_in_a_gap_are_no_loss_even_when_it_began_before_them(world):
    one = await world.admitted()
    world.clock.go(100)
    last_packet = world.clock.now()
    world.clock.go(3)
    await world.desk.sessions.pause(one.session, world.ann, "drill")
    world.clock.go(600)
    await world.desk.sessions.resume(one.session, world.ann)
    world.clock.go(7)
    gap = await world.desk.gaps.open(one.session, last_packet)
    world.clock.go(10)
    await world.desk.sessions.pause(one.session, world.ann, "drill")
    world.clock.go(50)

    closed = await world.desk.gaps.close(one.session, world.clock.now())
    session = await rule(world, one, gap)

    assert (closed.began, closed.lost) == (last_packet, timedelta(seconds=20))
    assert session.remaining(world.clock.now()) == timedelta(seconds=90 * 60 - 100)


async def test_a_session_that_ends_closes_its_gap_first(world):
    one = await world.admitted()
    world.clock.go(30)
    await world.desk.gaps.open(one.session, ago(world, 5))
    world.clock.go(60)

    await world.desk.sessions.stop(one.session, world.ann, "nobody came back")

    [gap] = (await world.desk.sessions.view(one.session)).gaps
    assert (gap.ended, gap.lost) == (world.clock.now(), timedelta(seconds=65))
    assert (await world.kinds(one.session))[-3:] == ["gap_opened", "gap_closed", "stop"]
    await rule(world, one, gap)
    assert (await world.session(one.session)).given_back == timedelta(seconds=65)


async def test_time_is_given_back_once_and_taken_back_when_ruled_otherwise(world):
    one = await world.admitted()
    gap = await a_gap(world, one)
    other = await a_gap(world, one, 30)
    full = 90 * MINUTE

    left = []
    for each, ruling in (
        (gap, Ruling.TECHNICAL),
        (gap, Ruling.TECHNICAL),
        (other, Ruling.TECHNICAL),
        (gap, Ruling.LEARNER),
        (gap, Ruling.LEARNER),
        (gap, Ruling.TECHNICAL),
    ):
        await rule(world, one, each, ruling)
        view = await world.desk.sessions.view(one.session)
        left.append((full - view.session.remaining(view.now)).total_seconds())

    assert left == [30, 30, 0, 60, 60, 0]
    assert (await world.kinds(one.session)).count("gap_ruled") == 6


async def test_many_rulings_at_once_count_once(world):
    one = await world.admitted()
    gap = await a_gap(world, one)

    await asyncio.gather(*(rule(world, one, gap) for _ in range(5)))

    assert (await world.session(one.session)).given_back == MINUTE


async def test_a_ruling_is_in_the_record_without_its_note(world):
    one = await world.admitted()
    gap = await a_gap(world, one)

    await rule(world, one, gap, note=" They say the mast turned. ")

    [kept] = (await world.desk.sessions.view(one.session)).gaps
    assert (kept.ruling, kept.note) == (Ruling.TECHNICAL, "They say the mast turned.")
    assert (kept.ruled_by, kept.ruled_at) == (world.ann.id, world.clock.now())
    entry = (await world.entries(one.session))[-1]
    assert (entry.kind, entry.actor) == ("gap_ruled", f"invigilator:{world.ann.id}")
    assert entry.data == {
        "gap": gap.id,
        "ruling": "technical",
        "note": "They say the mast turned.",
        "given_back_ms": 60_000,
    }
    assert b"mast" not in entry.body


async def test_a_gap_may_be_ruled_after_the_end_until_the_record_is_sealed(world):
    one = await world.admitted()
    gap = await a_gap(world, one)
    await world.desk.sessions.end(one.session, world.ann)
    await rule(world, one, gap)
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)
    before = await world.everything()

    with pytest.raises(NotAllowed):
        await rule(world, one, gap, Ruling.LEARNER)

    assert await world.everything() == before
    payload = await world.attested(one.session)
    assert payload["given_back_seconds"] == 60
    assert payload["spent_seconds"] == 60
    [listed] = payload["gaps"]
    assert (listed["id"], listed["lost_seconds"]) == (gap.id, 60)
    assert (listed["ruling"], listed["ruled_by"]) == ("technical", world.ann.id)


async def test_what_cannot_be_ruled_is_refused(world):
    one = await world.admitted(1)
    gap = await world.desk.gaps.open(one.session, world.clock.now())
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=0)

    with pytest.raises(IllegalTransition):
        await rule(world, one, gap)
    await world.desk.gaps.close(one.session, world.clock.now())
    before = await world.everything()
    with pytest.raises(InvalidInput):
        await rule(world, one, gap, note="x" * (NOTE_LIMIT + 1))
    with pytest.raises(NotAllowed):
        await world.desk.gaps.rule(one.session, bob, gap.id, Ruling.TECHNICAL, "")
    with pytest.raises(NotFound):
        await world.desk.gaps.rule(one.session, world.ann, "gp_none", Ruling.TECHNICAL, "")

    assert await world.everything() == before


async def test_a_gap_of_another_session_is_not_found(world):
    other = await builders.book(world.desk, 2, START + 120 * MINUTE)
    one = await world.admitted(1)
    await world.rows(
        "INSERT INTO gap (id, session, began, ended, lost, note)"
        " VALUES ('gp_other', :session, 0, 9, 9, '')",
        session=other.session,
    )

    with pytest.raises(NotFound):
        await world.desk.gaps.rule(one.session, world.ann, "gp_other", Ruling.TECHNICAL, "")
