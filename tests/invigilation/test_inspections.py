"""Inspections at the desk, on real databases."""

from __future__ import annotations

import asyncio

import pytest

from invigilation.booking import BookingState
from invigilation.errors import IllegalTransition, InvalidInput, NotAllowed, NotFound
from invigilation.incident import NOTE_LIMIT
from invigilation.inspection import InspectionKind, InspectionResult
from invigilation.session import LIVE, SessionState
from tests import builders


def ask(world, one, kind=InspectionKind.ROOM_SCAN):
    return world.desk.inspections.ask(one.session, world.ann, kind)


def judge(world, one, asked, result=InspectionResult.SATISFIED, note=""):
    return world.desk.inspections.judge(one.session, world.ann, asked.id, result, note)


async def test_what_is_asked_done_and_judged_is_kept_and_told(world):
    one = await world.admitted()
    asked = await ask(world, one)
    world.clock.go(20)
    done = await world.desk.inspections.done(one.session, asked.id)
    world.clock.go(10)

    judged = await judge(world, one, asked, InspectionResult.NOT_SATISFIED, " A man sat there. ")

    assert (await world.desk.sessions.view(one.session)).inspections == (judged,)
    assert asked.open
    assert done.open
    assert not judged.open
    assert (judged.judged_at - judged.asked_at).total_seconds() == 30
    assert (judged.done_at - judged.asked_at).total_seconds() == 20
    assert judged.note == "A man sat there."
    entries = (await world.entries(one.session))[-3:]
    invigilator = f"invigilator:{world.ann.id}"
    assert [(entry.kind, entry.actor) for entry in entries] == [
        ("inspection_asked", invigilator),
        ("inspection_done", "learner"),
        ("inspection_judged", invigilator),
    ]
    assert entries[0].data == {"inspection": asked.id, "kind": "room_scan"}
    assert entries[2].data == {
        "inspection": asked.id,
        "result": "not_satisfied",
        "note": "A man sat there.",
    }
    assert b"man" not in entries[2].body


async def test_the_learner_may_say_again_that_it_is_done(world):
    one = await world.admitted()
    asked = await ask(world, one)
    await world.desk.inspections.done(one.session, asked.id)
    world.clock.go(9)

    again = await world.desk.inspections.done(one.session, asked.id)

    assert again.done_at == world.clock.now()
    await judge(world, one, asked)
    with pytest.raises(IllegalTransition):
        await world.desk.inspections.done(one.session, asked.id)


async def test_one_thing_at_a_time_is_asked_for(world):
    one = await world.checked_in()

    results = await asyncio.gather(*(ask(world, one) for _ in range(5)), return_exceptions=True)

    assert sum(isinstance(result, NotAllowed) for result in results) == 4
    [asked] = (await world.desk.sessions.view(one.session)).inspections
    await judge(world, one, asked, InspectionResult.WITHDRAWN)
    with pytest.raises(IllegalTransition):
        await judge(world, one, asked)
    assert (await ask(world, one, InspectionKind.IDENTITY)).kind is InspectionKind.IDENTITY


@pytest.mark.parametrize("state", [*sorted(LIVE), "scheduled", "ended"])
async def test_it_is_asked_for_in_a_live_session_alone(world, state):
    one = await world.brought_to(SessionState(state))

    if state in LIVE:
        assert (await ask(world, one)).open
    else:
        with pytest.raises(NotAllowed):
            await ask(world, one)


async def test_a_session_that_is_over_asks_for_nothing_more(world):
    one = await world.admitted()
    asked = await ask(world, one)

    await world.desk.sessions.end(one.session, world.ann)

    [kept] = (await world.desk.sessions.view(one.session)).inspections
    assert kept.result is InspectionResult.WITHDRAWN
    withdrawn, ended = (await world.entries(one.session))[-2:]
    assert (withdrawn.kind, withdrawn.actor, ended.kind) == ("inspection_judged", "service", "end")
    assert withdrawn.data["result"] == "withdrawn"
    with pytest.raises(IllegalTransition):
        await world.desk.inspections.done(one.session, asked.id)


async def test_nor_does_one_that_a_scheduler_closes(world):
    one = await world.checked_in()
    await ask(world, one)

    decide = world.desk.attendance.decide
    await decide(one.booking, world.sam, BookingState.TECHNICAL_UNRESOLVED, "nobody met them")

    view = await world.desk.sessions.view(one.session)
    assert view.session.state is SessionState.CLOSED
    assert [asked.result for asked in view.inspections] == [InspectionResult.WITHDRAWN]
    kinds = await world.kinds(one.session)
    assert kinds[-2:] == ["inspection_judged", "attendance_decided"]


async def test_what_cannot_be_judged_is_refused(world):
    one = await world.admitted()
    asked = await ask(world, one)
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=0)
    desk = world.desk.inspections
    before = await world.everything()

    with pytest.raises(InvalidInput):
        await judge(world, one, asked, note="x" * (NOTE_LIMIT + 1))
    with pytest.raises(NotAllowed):
        await desk.judge(one.session, bob, asked.id, InspectionResult.SATISFIED, "")
    with pytest.raises(NotAllowed):
        await desk.ask(one.session, bob, InspectionKind.ROOM_SCAN)
    with pytest.raises(NotFound):
        await desk.judge(one.session, world.ann, "is_none", InspectionResult.SATISFIED, "")
    with pytest.raises(NotFound):
        await desk.done(one.session, "is_none")

    assert await world.everything() == before
