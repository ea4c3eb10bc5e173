"""Booking, moving and cancelling, on real databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError, StatementError

from invigilation.booking import ACTIVE, BookingState
from invigilation.errors import (
    AlreadyBooked,
    IllegalTransition,
    InvalidInput,
    NotFound,
    SlotNotOffered,
    SlotTaken,
    TooLate,
)
from invigilation.office_hours import Window
from invigilation.request import RequestState
from invigilation.session import SessionState
from invigilation.slots import Refusal
from tests import builders
from tests.builders import MONDAY, START
from tests.invigilation.offices import MINUTE

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
WHOLE_MONDAY = Window(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))


async def test_a_booking_holds_a_seat_opens_a_record_and_tells_both_sides(world):
    request = await builders.ask(world.desk)

    sitting = await world.desk.bookings.book(request, START, "Asia/Manila")

    assert (sitting.start, sitting.end) == (START, START + 90 * MINUTE)
    assert (sitting.staff, sitting.zone, sitting.sequence) == (world.ann.id, "Asia/Manila", 0)
    assert sitting.booking_state is BookingState.BOOKED
    assert sitting.session_state is SessionState.SCHEDULED
    assert await world.request_state(request) is RequestState.BOOKED
    assert await world.kinds(sitting.session) == ["booked"]
    assert await world.sent() == ["webhook booking.made", "mail booked"]
    [letter] = await world.bodies("booked")
    assert letter["booking"] == sitting.booking
    assert letter["zone"] == "Asia/Manila"


async def test_a_taken_time_is_offered_no_more_and_its_buffer_neither(world):
    await builders.book(world.desk, 1)
    other = await builders.ask(world.desk, 2)

    starts = await world.desk.bookings.starts(other, WHOLE_MONDAY)

    assert [start.strftime("%H:%M") for start in starts] == [
        *("12:00", "12:30", "13:00", "13:30", "14:00", "14:30", "15:00")
    ]


async def test_a_day_without_an_offer_says_why(world):
    request = await builders.ask(world.desk)

    assert await world.desk.bookings.why_empty(request, MONDAY) is None
    assert await world.desk.bookings.why_empty(request, date(2026, 11, 22)) is Refusal.CLOSED


async def test_just_the_time_of_notice_before_is_early_enough(world):
    request = await builders.ask(world.desk)
    world.clock.go_to(START - 24 * HOUR)

    sitting = await world.desk.bookings.book(request, START, "UTC")

    assert sitting.start == START


async def test_a_second_later_is_too_late_but_not_for_staff(world):
    request = await builders.ask(world.desk)
    world.clock.go_to(START - 24 * HOUR + SECOND)

    with pytest.raises(SlotNotOffered) as refused:
        await world.desk.bookings.book(request, START, "UTC")

    assert refused.value.why is Refusal.PAST_NOTICE
    assert await world.count("booking") == 0
    by_staff = await world.desk.bookings.book(request, START, "UTC", "scheduler", by_staff=True)
    assert by_staff.start == START


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (START + 10 * MINUTE, Refusal.OFF_GRID),
        (START - 72 * HOUR, Refusal.PAST_NOTICE),
        (datetime(2026, 11, 24, 15, 30, tzinfo=UTC), Refusal.CLOSED),
        (datetime(2027, 2, 27, 10, tzinfo=UTC), Refusal.CLOSED),
        (datetime(2027, 3, 1, 10, tzinfo=UTC), Refusal.OUTSIDE_LICENCE),
    ],
)
async def test_what_the_office_does_not_offer_cannot_be_booked(world, start, why):
    request = await builders.ask(world.desk)

    with pytest.raises(SlotNotOffered) as refused:
        await world.desk.bookings.book(request, start, "UTC")

    assert refused.value.why is why
    assert await world.request_state(request) is RequestState.OPEN


async def test_an_unknown_request_or_zone_is_refused(world):
    request = await builders.ask(world.desk)

    with pytest.raises(NotFound):
        await world.desk.bookings.book("rq_none", START, "UTC")
    with pytest.raises(InvalidInput):
        await world.desk.bookings.book(request, START, "Atlantis")


async def test_a_second_learner_cannot_have_the_same_seat(world):
    await builders.book(world.desk, 1)
    other = await builders.ask(world.desk, 2)
    before = await world.everything()

    with pytest.raises(SlotTaken):
        await world.desk.bookings.book(other, START, "UTC")

    assert await world.everything() == before


async def test_a_second_seat_takes_a_second_learner(world):
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=1)
    first = await builders.book(world.desk, 1)

    second = await builders.book(world.desk, 2)

    assert {first.staff, second.staff} == {world.ann.id, bob.id}


async def test_one_request_has_one_active_booking(world):
    await builders.add_invigilator(world.desk, "Bob Baker", seats=1)
    first = await builders.book(world.desk)

    with pytest.raises(AlreadyBooked) as refused:
        await world.desk.bookings.book(first.request, START + 24 * HOUR, "UTC")

    assert refused.value.booking == first.booking
    assert await world.count("booking") == 1


async def test_a_move_that_is_asked_for_twice_is_one(world):
    one = await builders.book(world.desk)
    await builders.add_invigilator(world.desk, "Bob Bower")  # has less to do
    later = START + timedelta(hours=1)
    moved = await world.desk.bookings.move(one.booking, later, staff=world.ann.id)
    before = await world.everything()

    again = await world.desk.bookings.move(one.booking, later)

    assert again == moved
    assert await world.everything() == before


async def test_a_booking_moves_within_its_own_time(world):
    one = await builders.book(world.desk)
    world.clock.go(60)

    moved = await world.desk.bookings.move(one.booking, START + 30 * MINUTE)

    assert (moved.start, moved.end) == (START + 30 * MINUTE, START + 120 * MINUTE)
    assert (moved.booking, moved.session, moved.sequence) == (one.booking, one.session, 1)
    assert await world.kinds(one.session) == ["booked", "moved"]
    assert (await world.sent())[2:] == ["webhook booking.moved", "mail moved"]
    assert (await world.bodies("moved"))[0]["sequence"] == 1


async def test_moving_onto_a_taken_seat_loses_nothing(world):
    one = await builders.book(world.desk, 1)
    await builders.book(world.desk, 2, START + 2 * HOUR)
    before = await world.everything()

    with pytest.raises(SlotTaken):
        await world.desk.bookings.move(one.booking, START + HOUR)

    assert await world.everything() == before


async def test_moving_to_what_is_not_offered_loses_nothing(world):
    one = await builders.book(world.desk)
    before = await world.everything()

    with pytest.raises(SlotNotOffered):
        await world.desk.bookings.move(one.booking, START + 10 * HOUR)

    assert await world.everything() == before


async def test_moving_gives_the_old_time_free(world):
    one = await builders.book(world.desk, 1)
    await world.desk.bookings.move(one.booking, START + 24 * HOUR)

    other = await builders.book(world.desk, 2)

    assert other.start == START


async def test_cancelling_opens_the_request_and_frees_the_seat(world):
    one = await builders.book(world.desk, 1)
    world.clock.go(60)

    cancelled = await world.desk.bookings.cancel(one.booking, "ill")

    assert cancelled.booking_state is BookingState.CANCELLED
    assert cancelled.session_state is SessionState.CLOSED
    assert cancelled.sequence == 1
    assert await world.request_state(one.request) is RequestState.OPEN
    assert await world.kinds(one.session) == ["booked", "cancelled"]
    assert (await world.sent())[2:] == ["webhook booking.cancelled", "mail cancelled"]
    again = await world.desk.bookings.book(one.request, START, "UTC")
    assert again.session != one.session
    assert (await world.desk.bookings.latest(one.request)).booking == again.booking


@pytest.mark.parametrize(
    ("actor", "told"),
    [("scheduler:st_sam", "storm"), ("learner", None), ("backend:be_1", None)],
)
async def test_a_learner_reads_why_a_scheduler_cancelled(world, actor, told):
    one = await builders.book(world.desk)

    await world.desk.bookings.cancel(one.booking, "storm", actor, by_staff=True)

    [letter] = await world.bodies("cancelled")
    assert letter.get("reason") == told
    assert (await world.session(one.session)).reason == "storm"


@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=1)])
async def test_a_move_ends_what_somebody_took_over_before(world, later):
    one = await builders.book(world.desk)
    bob = await builders.add_invigilator(world.desk, "Bob Bower")
    cat = await builders.add_invigilator(world.desk, "Cat Cole")
    await world.rows(
        "UPDATE session SET invigilator = :bob, handing_to = :cat WHERE id = :id",
        bob=bob.id,
        cat=cat.id,
        id=one.session,
    )

    moved = await world.desk.bookings.move(
        one.booking, START + later, "scheduler:st_sam", by_staff=True, staff=cat.id
    )

    assert (moved.staff, moved.staff_name) == (cat.id, "Cat Cole")
    after = await world.session(one.session)
    assert (after.invigilator, after.handing_to) == (None, None)
    assert await world.kinds(one.session) == ["booked", "moved"]


async def test_what_is_cancelled_cannot_be_changed(world):
    one = await builders.book(world.desk)
    await world.desk.bookings.cancel(one.booking, "")
    before = await world.everything()

    with pytest.raises(IllegalTransition):
        await world.desk.bookings.move(one.booking, START + 24 * HOUR)
    with pytest.raises(IllegalTransition):
        await world.desk.bookings.cancel(one.booking, "")

    assert await world.everything() == before


@pytest.mark.parametrize("change", ["move", "cancel"])
async def test_a_learner_may_change_until_the_cut_off(world, change):
    one = await builders.book(world.desk)
    desk = world.desk.bookings
    argument = START + 24 * HOUR if change == "move" else "ill"
    world.clock.go_to(START - 24 * HOUR + SECOND)

    with pytest.raises(TooLate) as refused:
        await getattr(desk, change)(one.booking, argument)

    assert refused.value.cutoff == START - 24 * HOUR
    world.clock.go(-1)
    changed = await getattr(desk, change)(one.booking, argument)
    assert changed.sequence == 1


@pytest.mark.parametrize("change", ["move", "cancel"])
async def test_staff_may_change_at_any_time(world, change):
    one = await builders.book(world.desk)
    world.clock.go_to(START - MINUTE)
    argument = START + 30 * MINUTE if change == "move" else "ill"

    changed = await getattr(world.desk.bookings, change)(
        one.booking, argument, "scheduler:x", by_staff=True
    )

    assert changed.sequence == 1
    assert (await world.entries(one.session))[-1].actor == "scheduler:x"


async def test_nobody_moves_a_session_that_has_begun(world):
    one = await world.checked_in()

    with pytest.raises(IllegalTransition):
        await world.desk.bookings.move(one.booking, START + 24 * HOUR, by_staff=True)


async def test_an_unknown_booking_is_not_found(world):
    for change in (
        world.desk.bookings.move("bk_none", START),
        world.desk.bookings.cancel("bk_none", ""),
        world.desk.bookings.find("bk_none"),
    ):
        with pytest.raises(NotFound):
            await change


async def test_a_backend_finds_its_own_bookings_only(world):
    one = await builders.book(world.desk)

    assert (await world.desk.bookings.find(one.booking, "acme")).booking == one.booking
    with pytest.raises(NotFound):
        await world.desk.bookings.find(one.booking, "other")
    with pytest.raises(NotFound):
        await world.desk.requests.find(one.request, "other")


async def test_bookings_are_listed_by_their_start(world):
    late = await builders.book(world.desk, 1, START + 2 * HOUR)
    early = await builders.book(world.desk, 2)

    listed = await world.desk.bookings.between(START, START + 2 * HOUR + SECOND)
    before_the_late = await world.desk.bookings.between(START, START + 2 * HOUR, world.ann.id)

    assert [one.booking for one in listed] == [early.booking, late.booking]
    assert [one.booking for one in before_the_late] == [early.booking]
    assert await world.desk.bookings.between(START, START + 8 * HOUR, "st_other") == []


# --- the database refuses by itself ---

COPY = """
INSERT INTO booking (id, request, seat, staff, start, "end", hold_until, state, sequence, zone)
SELECT 'bk_raw', :request, seat, staff, start + :later, "end" + :later, hold_until + :later,
       :state, 0, zone
FROM booking WHERE id = :booking
"""
MICROSECONDS = 1_000_000
LENGTH = 105 * 60 * MICROSECONDS
"""A session with its buffer."""


async def copied(world, sitting, later, state="booked"):
    """Insert by raw SQL a booking of the same seat, that much later; say whether it is there."""
    other = await builders.ask(world.desk, 99)
    try:
        await world.rows(COPY, request=other, later=later, state=state, booking=sitting.booking)
    except IntegrityError as refused:
        if "ex_booking_overlap" not in str(refused):
            raise
    return await world.count("booking") == 2


@pytest.mark.parametrize(
    ("later", "there"),
    [(0, False), (LENGTH - 1, False), (1 - LENGTH, False), (LENGTH, True), (-LENGTH, True)],
)
async def test_an_overlap_is_refused_even_by_raw_sql(world, later, there):
    one = await builders.book(world.desk)

    assert await copied(world, one, later) is there


@pytest.mark.parametrize("state", list(BookingState))
async def test_just_the_active_states_hold_a_seat(world, state):
    one = await builders.book(world.desk)
    await world.rows("UPDATE booking SET state = :state", state=state.value)

    assert await copied(world, one, 0) is (state not in ACTIVE)


async def test_raw_sql_cannot_move_a_booking_onto_another(world):
    one = await builders.book(world.desk, 1)
    await builders.book(world.desk, 2, START + 2 * HOUR)

    with pytest.raises(IntegrityError):
        await world.rows(
            "UPDATE booking SET start = start + :later, hold_until = hold_until + :later"
            " WHERE id = :booking",
            later=3_600 * MICROSECONDS,
            booking=one.booking,
        )

    assert (await world.desk.bookings.find(one.booking)).start == START


async def test_raw_sql_cannot_revive_a_booking_whose_seat_is_taken(world):
    one = await builders.book(world.desk, 1)
    await world.desk.bookings.cancel(one.booking, "")
    await builders.book(world.desk, 2)

    with pytest.raises(IntegrityError):
        await world.rows("UPDATE booking SET state = 'booked' WHERE id = :id", id=one.booking)


async def test_raw_sql_cannot_give_a_request_two_bookings(world):
    await builders.add_invigilator(world.desk, "Bob Baker", seats=1)
    one = await builders.book(world.desk)

    with pytest.raises(IntegrityError):
        await world.rows(
            COPY, request=one.request, later=LENGTH * 2, state="booked", booking=one.booking
        )


async def test_a_naive_time_never_reaches_the_database(world):
    request = await builders.ask(world.desk)

    with pytest.raises(StatementError, match="naive"):
        await world.desk.bookings.book(request, START.replace(tzinfo=None), "UTC")

    assert await world.count("booking") == 0


async def test_whoever_watches_a_learner_who_has_come_takes_no_other_meanwhile(world):
    await world.checked_in()
    other = await builders.ask(world.desk, 2)
    soon = START + 30 * MINUTE

    offered = await world.desk.bookings.starts(other, Window(START, START + 180 * MINUTE))

    with pytest.raises(SlotTaken):
        await world.desk.bookings.book(other, soon, "UTC", by_staff=True)
    assert soon not in offered
    after = START + 120 * MINUTE
    booked = await world.desk.bookings.book(other, after, "UTC", by_staff=True)
    assert booked.start == after
