"""Who invigilates: whoever has the fewest minutes that week, by chance among equals."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from datetime import timedelta

import pytest

from invigilation.errors import SlotNotOffered, SlotTaken
from invigilation.office_hours import Window
from invigilation.slots import Refusal
from invigilation.store.bookings import Wanted
from tests import builders
from tests.builders import ASSESSMENT, START

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def minutes_of(world):
    """Booked minutes by person."""
    rows = await world.rows(
        """SELECT staff, sum("end" - start) FROM booking
        WHERE state NOT IN ('cancelled', 'lapsed') GROUP BY staff"""
    )
    return {staff: int(total) // 60_000_000 for staff, total in rows}


async def test_the_bookings_of_a_week_are_shared_by_three_people_however_many_seats(world):
    await builders.add_invigilator(world.desk, "Bob Baker", seats=2)
    await builders.add_invigilator(world.desk, "Cat Cole", seats=4)
    starts = [START - HOUR + day * DAY + n * 2 * HOUR for day in range(5) for n in range(3)]
    # Ann has one seat and so at most one booking at a time: a third of three at each start.
    wanted = [start for start in starts for _ in range(3)][:42]

    for number, start in enumerate(wanted):
        request = await builders.ask(world.desk, number)
        await world.desk.bookings.book(request, start, "UTC", by_staff=True)

    minutes = await minutes_of(world)
    assert sum(minutes.values()) == 42 * ASSESSMENT.minutes
    assert max(minutes.values()) - min(minutes.values()) <= ASSESSMENT.minutes


async def test_equals_are_drawn_by_chance_and_more_seats_make_nobody_likelier(world):
    await builders.add_invigilator(world.desk, "Bob Baker", seats=4)
    request = await builders.ask(world.desk)
    drawn = Counter()

    for _ in range(60):
        kept = await world.desk.bookings.reserve(request, START, "UTC")
        drawn[kept.staff] += 1
        await world.desk.bookings.give_back(request)

    # By chance alone 60 draws of two equals lie outside of this once in a million times.
    assert 11 <= drawn[world.ann.id] <= 49


async def test_only_the_week_counts_and_what_is_cancelled_does_not(world):
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=1)
    book = world.desk.bookings.book
    for number, later in enumerate((0, 1)):  # Ann has two sessions in the week before
        request = await builders.ask(world.desk, number)
        await book(request, START + later * DAY, "UTC", staff=world.ann.id)
    next_week = START + 7 * DAY
    await book(await builders.ask(world.desk, 10), next_week, "UTC", staff=bob.id)
    gone = await book(
        await builders.ask(world.desk, 11), next_week + DAY, "UTC", staff=world.ann.id
    )
    also = await book(
        await builders.ask(world.desk, 12), next_week + DAY + 2 * HOUR, "UTC", staff=world.ann.id
    )
    await world.desk.bookings.cancel(gone.booking, "")
    await world.desk.bookings.cancel(also.booking, "")

    sitting = await book(await builders.ask(world.desk, 13), next_week + 2 * DAY, "UTC")

    assert sitting.staff == world.ann.id


async def test_a_move_and_a_reservation_are_assigned_as_fairly(world):
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=1)
    book = world.desk.bookings.book
    await book(await builders.ask(world.desk, 1), START, "UTC", staff=bob.id)
    moving = await book(await builders.ask(world.desk, 2), START + 7 * DAY, "UTC", staff=bob.id)

    moved = await world.desk.bookings.move(moving.booking, START + DAY)
    kept = await world.desk.bookings.reserve(
        await builders.ask(world.desk, 3), START + 2 * DAY, "UTC"
    )
    last = await world.desk.bookings.reserve(
        await builders.ask(world.desk, 4), START + 3 * DAY, "UTC"
    )

    assert moved.staff == world.ann.id
    assert {kept.staff, last.staff} == {world.ann.id, bob.id}


async def test_its_own_time_does_not_count_against_who_has_a_booking_that_moves(world):
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=1)
    book = world.desk.bookings.book
    one = await book(await builders.ask(world.desk, 1), START, "UTC", staff=world.ann.id)
    await book(await builders.ask(world.desk, 2), START + DAY, "UTC", staff=bob.id)

    moved = await world.desk.bookings.move(one.booking, START + 30 * timedelta(minutes=1))

    assert moved.staff == world.ann.id


def test_nothing_of_the_learner_is_known_where_the_seat_is_chosen():
    known = {field.name for field in fields(Wanted)}

    assert known == {
        *("id", "request", "seats", "start", "end", "hold_until", "zone", "placed"),
        *("week", "week_end", "reserved_until"),
    }


# --- skills and seats ---


async def test_who_lacks_the_skill_is_neither_offered_nor_taken(world):
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=1)
    async with world.store.write() as tx:
        await tx.rota.set_skills(world.ann.id, [ASSESSMENT.id])
        await tx.rota.set_skills(bob.id, await other_assessment(tx))
    monday = Window(START - HOUR, START + 12 * HOUR)

    first = await builders.book(world.desk, 1)

    assert first.staff == world.ann.id
    other = await builders.ask(world.desk, 2)
    assert START not in await world.desk.bookings.starts(other, monday)
    with pytest.raises(SlotTaken):
        await world.desk.bookings.book(other, START, "UTC")
    with pytest.raises(SlotNotOffered) as refused:
        await world.desk.bookings.book(other, START, "UTC", staff=bob.id)
    assert refused.value.why is Refusal.NOT_STAFFED


async def other_assessment(tx):
    """Add an assessment that nobody asks for here."""
    other = type(ASSESSMENT)("as_other", "acme", "other", "Other", 60, (), 70)
    await tx.requests.add_assessment(other)
    return [other.id]


async def test_a_retired_seat_is_neither_offered_nor_taken(world):
    async with world.store.write() as tx:
        [seat] = await tx.rota.lanes(world.ann.id)
        await tx.rota.retire([seat.id], retired=True)
    request = await builders.ask(world.desk)

    assert await world.desk.bookings.starts(request, Window(START, START + DAY)) == []
    with pytest.raises(SlotNotOffered):
        await world.desk.bookings.book(request, START, "UTC")
