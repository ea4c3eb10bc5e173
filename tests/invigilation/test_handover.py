"""Hand-overs at the desk, on real databases."""

from __future__ import annotations

import asyncio

import pytest

from invigilation.booking import BookingState
from invigilation.desk.handover import MAY_CHANGE_HANDS
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.identity import SnapshotKind
from invigilation.people import Role, Staff
from invigilation.session import Outcome, SessionState
from tests import builders
from tests.builders import START
from tests.invigilation.conftest import kept_loop
from tests.invigilation.offices import MINUTE, STATEMENT

ADMINISTRATOR = Staff("st_ada", "ada@example.com", "Ada", frozenset({Role.ADMINISTRATOR}))


@kept_loop
async def bob(world):
    return await builders.add_invigilator(world.desk, "Bob Baker", seats=0)


@kept_loop
async def cat(world):
    return await builders.add_invigilator(world.desk, "Cat Cole", seats=0)


async def lobby(world, by):
    seen = await world.desk.sessions.lobby(by, START, START + MINUTE)
    return [(one.sitting.session, one.role.value, one.handing_to) for one in seen]


async def handed_over(world, bob, state=SessionState.IN_PROGRESS):
    """A sitting that Bob has taken over from Ann."""
    one = await world.brought_to(state)
    await world.desk.handover.offer(one.session, world.ann, bob.id)
    await world.desk.handover.take(one.session, bob, unattended=False)
    return one


async def test_a_session_that_was_offered_goes_to_the_colleague(world, bob):
    one = await world.admitted()
    offered = await world.desk.handover.offer(one.session, world.ann, bob.id)
    view = await world.desk.sessions.view(one.session)

    sitting = await world.desk.handover.take(one.session, bob, unattended=False)

    assert (offered.handing_to, view.handing_to) == (bob.id, bob)
    assert (view.sitting.staff, sitting.staff, sitting.staff_name) == (
        *(world.ann.id, bob.id, "Bob Baker"),
    )
    after = await world.desk.sessions.view(one.session)
    assert (after.handing_to, after.session.invigilator) == (None, bob.id)
    first, last = (await world.entries(one.session))[-2:]
    assert (first.kind, first.actor) == ("handover_offered", f"invigilator:{world.ann.id}")
    assert first.data == {"to": bob.id}
    assert (last.kind, last.actor) == ("handed_over", f"invigilator:{bob.id}")
    assert last.data == {"from": world.ann.id, "to": bob.id, "unattended": False}


async def test_who_took_a_session_over_finds_it_among_their_own(world, bob):
    one = await handed_over(world, bob)
    around = START - MINUTE, START + MINUTE

    found = {
        by: [each.session for each in await world.desk.bookings.between(*around, by)]
        for by in (world.ann.id, bob.id, None)
    }

    assert found == {world.ann.id: [], bob.id: [one.session], None: [one.session]}
    assert await world.desk.bookings.between(around[1], around[1] + MINUTE, bob.id) == []


async def test_from_then_on_the_colleague_acts_and_the_first_does_not(world, bob):
    one = await handed_over(world, bob, SessionState.CHECKED_IN)
    sessions = world.desk.sessions

    with pytest.raises(NotAllowed):
        await world.picture(one, SnapshotKind.FACE)
    with pytest.raises(NotAllowed):
        await world.desk.identity.may_picture(one.session, world.ann)
    await world.desk.identity.may_picture(one.session, bob)
    stopped = await sessions.stop(one.session, bob, "fire on board")

    assert stopped.state is SessionState.STOPPED
    with pytest.raises(NotFound):
        await world.desk.reports.record(one.session, world.ann)
    assert (await world.desk.reports.record(one.session, bob)).sitting.staff == bob.id
    assert [one.staff for one in await world.desk.bookings.between(START, START + MINUTE)] == [
        bob.id
    ]
    seen = world.desk.bookings.between
    assert await seen(START, START + MINUTE, world.ann.id) == []
    assert len(await seen(START, START + MINUTE, bob.id)) == 1


async def test_the_evidence_is_for_the_eyes_of_whoever_invigilates_now(world, bob):
    one = await world.identified()
    await world.desk.handover.take(one.session, bob, unattended=True)
    picture = f"ev_face_{one.session}"[:40]

    assert (await world.desk.identity.see(picture, bob)).id == picture
    with pytest.raises(NotFound):
        await world.desk.identity.see(picture, world.ann)


async def test_whoever_attests_is_named_and_the_chain_tells_the_rest(world, bob):
    one = await handed_over(world, bob)
    await world.desk.sessions.end(one.session, bob)
    with pytest.raises(NotAllowed):
        await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)

    await world.desk.reports.attest(one.session, bob, STATEMENT, Outcome.COMPLETED)

    payload = await world.attested(one.session)
    assert payload["invigilator"] == {"id": bob.id, "name": "Bob Baker"}
    booked, *_, attested = await world.entries(one.session)
    assert booked.data["invigilator"] == world.ann.id
    assert attested.actor == f"invigilator:{bob.id}"


async def test_the_seat_in_the_calendar_stays_where_it_was(world, bob):
    one = await handed_over(world, bob)

    [booking] = await world.rows("SELECT staff FROM booking WHERE id = :id", id=one.booking)

    assert booking == (world.ann.id,)


async def test_each_lobby_says_what_a_session_is_to_its_owner(world, bob, cat):
    one = await world.admitted()
    before = [await lobby(world, by) for by in (world.ann, bob)]

    await world.desk.handover.offer(one.session, world.ann, bob.id)

    assert before == [[(one.session, "mine", None)], [(one.session, "colleague", None)]]
    assert [await lobby(world, by) for by in (world.ann, bob, cat)] == [
        [(one.session, "mine", bob.id)],
        [(one.session, "offered", bob.id)],
        [(one.session, "colleague", bob.id)],
    ]
    await world.desk.handover.take(one.session, bob, unattended=False)
    assert [await lobby(world, by) for by in (world.ann, bob)] == [
        [(one.session, "colleague", None)],
        [(one.session, "mine", None)],
    ]


@pytest.mark.parametrize("by_receiver", [True, False])
async def test_an_offer_is_withdrawn_by_either_side_and_then_not_taken(world, bob, by_receiver):
    one = await world.admitted()
    await world.desk.handover.offer(one.session, world.ann, bob.id)

    await world.desk.handover.withdraw(one.session, bob if by_receiver else world.ann)

    assert (await world.session(one.session)).handing_to is None
    assert (await world.entries(one.session))[-1].kind == "handover_withdrawn"
    with pytest.raises(NotAllowed):
        await world.desk.handover.take(one.session, bob, unattended=False)


async def test_withdrawing_nothing_changes_nothing(world, bob):
    one = await world.admitted()
    before = await world.everything()

    await world.desk.handover.withdraw(one.session, world.ann)
    with pytest.raises(NotAllowed):
        await world.desk.handover.withdraw(one.session, bob)

    assert await world.everything() == before


async def test_another_offer_stands_instead_of_the_one_before(world, bob, cat):
    one = await world.admitted()
    await world.desk.handover.offer(one.session, world.ann, bob.id)

    await world.desk.handover.offer(one.session, world.ann, cat.id)

    with pytest.raises(NotAllowed):
        await world.desk.handover.take(one.session, bob, unattended=False)
    assert (await world.desk.handover.take(one.session, cat, unattended=False)).staff == cat.id


async def test_a_session_goes_to_somebody_else_who_invigilates(world, bob):
    one = await world.admitted()
    before = await world.everything()

    for to in (world.ann.id, world.sam.id, "st_none"):
        with pytest.raises(InvalidInput):
            await world.desk.handover.offer(one.session, world.ann, to)
    with pytest.raises(NotAllowed):
        await world.desk.handover.offer(one.session, bob, bob.id)
    for by in (world.sam, ADMINISTRATOR):
        with pytest.raises(NotAllowed):
            await world.desk.handover.take(one.session, by, unattended=True)

    assert await world.everything() == before
    assert await world.desk.handover.colleagues(world.ann) == [bob]
    assert await world.desk.handover.colleagues(ADMINISTRATOR) == [world.ann, bob]
    with pytest.raises(NotAllowed):
        await world.desk.handover.colleagues(world.sam)


async def test_what_is_left_alone_is_taken_by_anybody_who_invigilates(world, bob, cat):
    one = await world.admitted()
    await world.desk.handover.offer(one.session, world.ann, bob.id)

    sitting = await world.desk.handover.take(one.session, cat, unattended=True)

    assert sitting.staff == cat.id
    assert (await world.session(one.session)).handing_to is None
    assert (await world.entries(one.session))[-1].data["unattended"] is True


async def test_taking_over_again_changes_nothing(world, bob):
    one = await handed_over(world, bob)
    before = await world.everything()

    again = await world.desk.handover.take(one.session, bob, unattended=False)

    assert again.staff == bob.id
    assert await world.everything() == before


async def test_of_two_who_take_over_at_once_one_has_a_minute_to_come(world, bob, cat):
    one = await world.admitted()
    take = world.desk.handover.take

    results = await asyncio.gather(
        *(take(one.session, by, unattended=True) for by in (bob, cat)), return_exceptions=True
    )

    assert sum(isinstance(result, NotAllowed) for result in results) == 1
    loser = bob if isinstance(results[0], NotAllowed) else cat
    world.clock.go(60)
    assert (await take(one.session, loser, unattended=True)).staff == loser.id


@pytest.mark.parametrize("state", [one for one in SessionState if one != "attested"])
async def test_a_session_changes_hands_while_it_is_live_or_waits_for_a_statement(world, bob, state):
    one = await world.brought_to(state)
    before = await world.everything()

    if state in MAY_CHANGE_HANDS:
        assert (await world.desk.handover.take(one.session, bob, unattended=True)).staff == bob.id
        return
    with pytest.raises(NotAllowed):
        await world.desk.handover.offer(one.session, world.ann, bob.id)
    with pytest.raises(NotAllowed):
        await world.desk.handover.take(one.session, bob, unattended=True)
    assert await world.everything() == before


async def test_a_sealed_session_keeps_its_invigilator_and_ends_its_offer(world, bob):
    one = await world.brought_to(SessionState.ENDED)
    await world.desk.handover.offer(one.session, world.ann, bob.id)

    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)

    assert (await world.session(one.session)).handing_to is None
    with pytest.raises(NotAllowed):
        await world.desk.handover.take(one.session, bob, unattended=True)
    assert await lobby(world, bob) == []


async def test_a_session_that_a_scheduler_closes_is_offered_to_nobody_any_more(world, bob):
    one = await world.brought_to(SessionState.CHECKED_IN)
    await world.desk.handover.offer(one.session, world.ann, bob.id)

    await world.desk.attendance.decide(
        one.booking, world.sam, BookingState.PROVIDER_FAULT, "Nobody met the learner."
    )

    assert await lobby(world, bob) == []
