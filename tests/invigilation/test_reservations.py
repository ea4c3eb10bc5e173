"""Times held for half an hour, and invigilators chosen by hand, on real databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from invigilation.booking import BookingState
from invigilation.charge import Charge, ChargeState
from invigilation.desk.bookings import confirm
from invigilation.errors import (
    AlreadyBooked,
    IllegalTransition,
    NotFound,
    PaymentDue,
    SlotNotOffered,
    SlotTaken,
)
from invigilation.request import RequestState
from invigilation.slots import Refusal
from tests import builders
from tests.builders import ASSESSMENT, START
from tests.invigilation.offices import MINUTE

HOUR = timedelta(hours=1)


async def confirmed(world, booking, actor="learner"):
    async with world.store.write() as tx:
        return await confirm(world.desk.office, tx, booking, actor)


async def owing(world, number=1):
    """A request with a charge that is due."""
    request = await builders.ask(world.desk, number)
    asked = await world.desk.requests.find(request)
    charge = Charge(
        *("ch_1", asked.learner.id, None, request, "no_show", "Missed", 4_500, 2_000, "GBP"),
        ChargeState.DUE,
        None,
        world.clock.now() - HOUR,
    )
    async with world.store.write() as tx:
        await tx.charges.add(charge)
    return request


async def audit(world, subject):
    async with world.store.read() as tx:
        return await tx.audit.of(subject)


async def test_a_reserved_time_is_held_from_others_and_has_no_session_yet(world):
    request = await owing(world)

    kept = await world.desk.bookings.reserve(request, START, "Asia/Manila")

    assert (kept.state, kept.start) == (BookingState.RESERVED, START)
    assert kept.reserved_until == world.clock.now() + 30 * MINUTE
    assert await world.count("session") == 0
    assert await world.sent() == []
    assert await world.request_state(request) is RequestState.OPEN
    assert await world.desk.bookings.reservation(request) == kept
    assert await world.desk.bookings.latest(request) is None
    with pytest.raises(SlotTaken):
        await builders.book(world.desk, 2)


async def test_a_confirmed_time_becomes_a_session_like_any_other(world):
    request = await owing(world)
    kept = await world.desk.bookings.reserve(request, START, "Asia/Manila")

    sitting = await confirmed(world, kept, "stripe")

    assert (sitting.booking, sitting.start) == (kept.id, START)
    assert sitting.booking_state is BookingState.BOOKED
    assert sitting.staff_name == world.ann.name
    assert await world.request_state(request) is RequestState.BOOKED
    assert await world.kinds(sitting.session) == ["booked"]
    assert await world.sent() == ["webhook booking.made", "mail booked"]
    assert await world.desk.bookings.reservation(request) is None
    assert await world.desk.bookings.find(kept.id) == sitting
    world.clock.go(3_600)
    assert await world.desk.bookings.lapse() == 0


async def test_what_is_not_reserved_cannot_be_confirmed(world):
    request = await builders.ask(world.desk)
    kept = await world.desk.bookings.reserve(request, START, "UTC")
    await confirmed(world, kept)

    with pytest.raises(IllegalTransition):
        await confirmed(world, kept)

    assert await world.count("session") == 1


async def test_what_is_not_confirmed_in_half_an_hour_is_given_back_once(world):
    request = await owing(world)
    await world.desk.bookings.reserve(request, START, "Asia/Manila")
    world.clock.go(30 * 60 - 1)
    assert await world.desk.bookings.lapse() == 0
    world.clock.go(1)
    assert await world.desk.bookings.reservation(request) is None

    lapsed = await asyncio.gather(*(world.desk.bookings.lapse() for _ in range(3)))

    assert sum(lapsed) == 1
    assert await world.sent() == ["mail reservation_lapsed"]
    [letter] = await world.bodies("reservation_lapsed")
    assert letter == {
        "name": "Lea Learner 1",
        "title": ASSESSMENT.title,
        "request": request,
        "start": "2026-11-23T10:00:00.000000Z",
        "zone": "Asia/Manila",
    }
    assert (await builders.book(world.desk, 2)).start == START


async def test_reserving_the_same_time_again_changes_nothing(world):
    request = await builders.ask(world.desk)
    kept = await world.desk.bookings.reserve(request, START, "UTC")
    world.clock.go(600)

    again = await world.desk.bookings.reserve(request, START, "UTC")

    assert again == kept


async def test_reserving_another_time_moves_what_is_held_and_holds_it_anew(world):
    request = await builders.ask(world.desk)
    kept = await world.desk.bookings.reserve(request, START, "UTC")
    world.clock.go(600)

    moved = await world.desk.bookings.reserve(request, START + HOUR, "UTC")

    assert (moved.id, moved.start, moved.sequence) == (kept.id, START + HOUR, 1)
    assert moved.reserved_until == world.clock.now() + 30 * MINUTE
    assert moved.placed == world.clock.now()
    assert await world.count("booking") == 1


async def test_a_reserved_time_stays_when_another_one_is_taken(world):
    request = await builders.ask(world.desk)
    kept = await world.desk.bookings.reserve(request, START, "UTC")
    await builders.book(world.desk, 2, START + 3 * HOUR)

    with pytest.raises(SlotTaken):
        await world.desk.bookings.reserve(request, START + 2 * HOUR, "UTC")
    with pytest.raises(SlotTaken):
        await world.desk.bookings.book(request, START + 2 * HOUR, "UTC")
    with pytest.raises(SlotNotOffered):
        await world.desk.bookings.reserve(request, START + 20 * HOUR, "UTC")

    assert await world.desk.bookings.reservation(request) == kept


async def test_who_owes_cannot_turn_a_reserved_time_into_a_booking_by_booking(world):
    request = await owing(world)
    kept = await world.desk.bookings.reserve(request, START, "UTC")

    with pytest.raises(PaymentDue):
        await world.desk.bookings.book(request, START, "UTC")

    assert await world.desk.bookings.reservation(request) == kept


@pytest.mark.parametrize("later", [0, 60])
async def test_who_owes_nothing_books_the_reserved_time_or_another_instead(world, later):
    request = await builders.ask(world.desk)
    kept = await world.desk.bookings.reserve(request, START, "UTC")

    sitting = await world.desk.bookings.book(request, START + later * MINUTE, "UTC")

    assert (sitting.booking, sitting.start) == (kept.id, START + later * MINUTE)
    assert sitting.booking_state is BookingState.BOOKED
    assert await world.count("booking") == 1
    world.clock.go(3_600)
    assert await world.desk.bookings.lapse() == 0


async def test_who_has_a_booking_cannot_reserve_and_is_told_which(world):
    one = await builders.book(world.desk)

    with pytest.raises(AlreadyBooked) as refused:
        await world.desk.bookings.reserve(one.request, START + 24 * HOUR, "UTC")

    assert refused.value.booking == one.booking


async def test_a_time_given_back_is_free_at_once(world):
    request = await builders.ask(world.desk)
    await world.desk.bookings.reserve(request, START, "UTC")

    await world.desk.bookings.give_back(request)

    assert await world.sent() == []
    assert (await builders.book(world.desk, 2)).start == START
    with pytest.raises(NotFound):
        await world.desk.bookings.give_back(request)


async def test_a_learner_is_told_when_staff_gives_their_time_back(world):
    request = await builders.ask(world.desk)
    kept = await world.desk.bookings.reserve(request, START, "UTC")
    world.clock.go(1)

    await world.desk.bookings.give_back(request, "scheduler:st_sam")

    assert await world.sent() == ["mail reservation_lapsed"]
    [made, given_back] = await audit(world, kept.id)
    assert (made.action, made.actor) == ("reservation.made", "learner")
    assert (given_back.action, given_back.actor) == ("reservation.given_back", "scheduler:st_sam")


async def test_what_is_only_reserved_cannot_be_moved_like_a_booking(world):
    request = await builders.ask(world.desk)
    kept = await world.desk.bookings.reserve(request, START, "UTC")

    with pytest.raises(NotFound):
        await world.desk.bookings.move(kept.id, START + HOUR, by_staff=True)

    assert await world.desk.bookings.reservation(request) == kept


async def test_reserving_twenty_times_at_once_is_one_reservation(world):
    await builders.add_invigilator(world.desk, "Bob Baker", seats=3)
    request = await builders.ask(world.desk)

    kept = await asyncio.gather(
        *(world.desk.bookings.reserve(request, START, "UTC") for _ in range(20))
    )

    assert len({one.id for one in kept}) == 1
    assert await world.count("booking") == 1


# --- by hand ---


async def test_staff_may_choose_the_invigilator_and_it_is_written_down(world):
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=1)
    await builders.book(world.desk, 1)
    request = await builders.ask(world.desk, 2)

    sitting = await world.desk.bookings.book(
        request, START + 2 * HOUR, "UTC", "scheduler:st_sam", by_staff=True, staff=bob.id
    )

    assert sitting.staff == bob.id
    [entry] = await world.entries(sitting.session)
    assert entry.data["invigilator_chosen_by"] == "scheduler:st_sam"
    [made] = await audit(world, sitting.booking)
    assert (made.action, made.actor) == ("booking.made", "scheduler:st_sam")
    assert '"invigilator_chosen":"by hand"' in made.after


async def test_a_chosen_invigilator_who_cannot_is_no_offer(world):
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=1)
    request = await builders.ask(world.desk, 1)
    taken = await world.desk.bookings.book(request, START, "UTC", staff=bob.id)
    other = await builders.ask(world.desk, 2)

    with pytest.raises(SlotNotOffered) as refused:
        await world.desk.bookings.book(other, START, "UTC", staff="st_nobody")
    with pytest.raises(SlotTaken):
        await world.desk.bookings.book(other, START, "UTC", staff=bob.id)

    assert refused.value.why is Refusal.NOT_STAFFED
    assert (await world.desk.bookings.book(other, START, "UTC")).staff != taken.staff


async def test_another_invigilator_at_the_same_time_is_no_news_to_the_learner(world):
    one = await builders.book(world.desk)
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=1)
    world.clock.go(60)

    moved = await world.desk.bookings.move(
        one.booking, START, "scheduler:st_sam", by_staff=True, staff=bob.id
    )

    assert (moved.staff, moved.start, moved.sequence) == (bob.id, START, one.sequence)
    assert await world.sent() == ["webhook booking.made", "mail booked"]
    last = (await world.entries(one.session))[-1]
    assert (last.kind, last.data["invigilator"]) == ("moved", bob.id)
    assert last.data["invigilator_chosen_by"] == "scheduler:st_sam"
    [_, change] = await audit(world, one.booking)
    assert (change.action, world.ann.id in change.before) == ("booking.moved", True)
    assert bob.id in change.after


async def test_a_moved_booking_is_placed_anew(world):
    one = await builders.book(world.desk)
    world.clock.go(60)

    await world.desk.bookings.move(one.booking, START + HOUR)

    async with world.store.read() as tx:
        kept = await tx.bookings.find(one.booking)
    assert (kept.placed, kept.sequence) == (world.clock.now(), 1)
    assert kept.hold_until == START + HOUR + 105 * MINUTE


async def test_of_many_that_move_onto_one_seat_at_once_one_gets_it_and_nothing_is_lost(world):
    starts = [START + n * 2 * HOUR for n in (1, 2)] + [
        START + (24 + n * 2) * HOUR for n in range(3)
    ]
    booked = [await builders.book(world.desk, n, start) for n, start in enumerate(starts)]

    async def move(one):
        try:
            return await world.desk.bookings.move(one.booking, START)
        except SlotTaken as refused:
            return refused

    moved = await asyncio.gather(*(move(one) for one in booked))

    assert sorted(isinstance(one, SlotTaken) for one in moved) == [False, True, True, True, True]
    found = [await world.desk.bookings.find(one.booking) for one in booked]
    assert [one.start for one in found].count(START) == 1
    stayed = [now for now, was in zip(found, booked, strict=True) if now == was]
    assert len(stayed) == 4


async def test_bookings_that_take_a_seat_and_move_onto_it_at_once_never_share_it(world):
    one = await builders.book(world.desk, 1, START + 24 * HOUR)
    others = [await builders.ask(world.desk, n) for n in range(2, 8)]

    results = await asyncio.gather(
        world.desk.bookings.move(one.booking, START),
        *(world.desk.bookings.book(other, START, "UTC") for other in others),
        return_exceptions=True,
    )

    assert sum(isinstance(result, SlotTaken) for result in results) == 6
    at_start = await world.desk.bookings.between(START, START + MINUTE)
    assert len(at_start) == 1
