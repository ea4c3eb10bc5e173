"""The line for a full day: joining, offers, accepting and letting go, on real databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from invigilation.booking import BookingState
from invigilation.charge import Charge, ChargeState
from invigilation.desk.waiting import PLACES
from invigilation.errors import (
    AlreadyBooked,
    IllegalTransition,
    InvalidInput,
    NotAllowed,
    NotFound,
    PaymentDue,
    TooLate,
)
from invigilation.request import RequestState
from invigilation.store import Store
from invigilation.waiting import WaitingState
from tests import builders
from tests.builders import ASSESSMENT, START
from tests.invigilation.conftest import kept_loop
from tests.invigilation.offices import MINUTE

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = datetime(2026, 11, 23, tzinfo=UTC)
LAST = FIRST + DAY
FULL = (START - HOUR, START + HOUR, START + 3 * HOUR, START + 5 * HOUR)
"""Ann's one seat is taken all day by these, so that no start of the Monday is free."""


@kept_loop
async def full(world):
    """Fill the Monday; return its sittings."""
    return [await builders.book(world.desk, 100 + n, start) for n, start in enumerate(FULL)]


async def join(world, number, first=FIRST):
    request = await builders.ask(world.desk, number)
    world.clock.go(1)
    return request, await world.desk.waiting.join(request, first, first + DAY, "Asia/Manila")


async def place(world, request):
    """Where the request stands, in line or not."""
    [(state, booking)] = await world.rows(
        "SELECT state, booking FROM waiting WHERE request = :request", request=request
    )
    return WaitingState(state), booking


async def offered(world, full):
    """A request to whom a cancelled time is offered: request, place, kept booking."""
    request, joined = await join(world, 1)
    await world.desk.bookings.cancel(full[1].booking, "")
    assert await world.desk.waiting.offer() == 1
    return request, joined, await world.desk.bookings.reservation(request)


async def test_the_first_in_line_is_offered_what_becomes_free_for_half_an_hour(world, full):
    first, joined = await join(world, 1)
    second, _ = await join(world, 2)
    assert await world.desk.waiting.offer() == 0
    await world.desk.bookings.cancel(full[1].booking, "")
    await world.rows("DELETE FROM delivery")

    assert await world.desk.waiting.offer() == 1

    kept = await world.desk.bookings.reservation(first)
    assert (kept.state, kept.start) == (BookingState.RESERVED, full[1].start)
    assert kept.reserved_until == world.clock.now() + 30 * MINUTE
    assert await place(world, first) == (WaitingState.OFFERED, kept.id)
    assert await place(world, second) == (WaitingState.WAITING, None)
    assert await world.sent() == ["mail offer"]
    [letter] = await world.bodies("offer")
    assert letter == {
        "name": "Lea Learner 1",
        "title": ASSESSMENT.title,
        "request": first,
        "start": "2026-11-23T11:00:00.000000Z",
        "zone": "Asia/Manila",
        "until": "2026-11-20T09:30:02.000000Z",
        "waiting": joined.id,
    }
    assert await world.desk.waiting.offer() == 0


async def test_an_offer_accepted_is_a_booking(world, full):
    request, joined, kept = await offered(world, full)

    sitting = await world.desk.waiting.accept(request, joined.id)

    assert (sitting.booking, sitting.start) == (kept.id, kept.start)
    assert sitting.booking_state is BookingState.BOOKED
    assert await place(world, request) == (WaitingState.ACCEPTED, kept.id)
    assert await world.desk.waiting.of_request(request) == []
    assert (await world.desk.waiting.accept(request, joined.id)).session == sitting.session
    assert await world.count("session") == len(full) + 1


async def test_an_offer_not_taken_in_half_an_hour_goes_to_the_next(world, full):
    request, joined, kept = await offered(world, full)
    second, _ = await join(world, 2)
    world.clock.go_to(kept.reserved_until)

    with pytest.raises(TooLate) as refused:
        await world.desk.waiting.accept(request, joined.id)
    assert await world.desk.bookings.lapse() == 1
    assert await world.desk.waiting.offer() == 1

    assert refused.value.cutoff == kept.reserved_until
    assert await place(world, request) == (WaitingState.LAPSED, kept.id)
    assert (await world.desk.bookings.reservation(second)).start == kept.start
    [letter] = await world.bodies("offer_lapsed")
    assert (letter["request"], letter["start"]) == (request, "2026-11-23T11:00:00.000000Z")
    with pytest.raises(TooLate):
        await world.desk.waiting.accept(request, joined.id)


async def test_two_processes_offer_a_time_once_and_lapse_it_once(world, full, migrated_url):
    for number in range(3):
        await join(world, number)
    await world.desk.bookings.cancel(full[1].booking, "")
    await world.desk.bookings.cancel(full[2].booking, "")
    store = Store(migrated_url)
    other = builders.office(store, world.clock)

    offers = await asyncio.gather(*(d.waiting.offer() for d in (world.desk, other, world.desk)))
    world.clock.go(30 * 60)
    lapsed = await asyncio.gather(*(d.bookings.lapse() for d in (other, world.desk, other)))
    await store.close()

    # Both times are next to each other: each learner's 105 minutes need one of them.
    assert (sum(offers), sum(lapsed)) == (2, 2)
    assert len(await world.bodies("offer")) == len(await world.bodies("offer_lapsed")) == 2


async def test_who_needs_no_session_any_more_is_offered_none(world, full):
    first, _ = await join(world, 1)
    second, _ = await join(world, 2)
    async with world.store.write() as tx:  # an officer on board was accepted
        await tx.requests.set_state(first, RequestState.FULFILLED)
    await world.desk.bookings.cancel(full[1].booking, "")

    assert await world.desk.waiting.offer() == 1

    assert await world.desk.bookings.reservation(first) is None
    assert (await world.desk.bookings.reservation(second)).start == full[1].start


async def test_joining_twice_is_one_place(world, full):
    request, joined = await join(world, 1)

    again = await asyncio.gather(
        *(world.desk.waiting.join(request, FIRST, LAST, "UTC") for _ in range(4))
    )

    assert {one.id for one in again} == {joined.id}
    assert await world.desk.waiting.of_request(request) == [joined]


async def test_nobody_joins_for_a_day_that_has_a_time_or_never_can(world, full):
    request = await builders.ask(world.desk, 1)
    sunday = FIRST - DAY

    for first, last in (
        (FIRST + DAY, LAST + DAY),
        (sunday, FIRST),
        (FIRST, LAST + DAY),
        (LAST, FIRST),
        (FIRST - 3 * DAY, FIRST - 2 * DAY),
    ):
        with pytest.raises(InvalidInput) as refused:
            await world.desk.waiting.join(request, first, last, "UTC")
        assert refused.value.field == "day"

    assert await world.count("waiting") == 0


async def test_a_request_stands_in_few_lines(world, full):
    request, _ = await join(world, 1)
    lines = [FIRST - n * MINUTE for n in range(1, PLACES)]

    results = await asyncio.gather(
        *(world.desk.waiting.join(request, first, first + DAY, "UTC") for first in lines),
        world.desk.waiting.join(request, FIRST + MINUTE, LAST, "UTC"),
        return_exceptions=True,
    )

    assert sum(isinstance(one, InvalidInput) for one in results) == 1
    assert len(await world.desk.waiting.of_request(request)) == PLACES


async def test_who_has_a_booking_cannot_join_and_who_books_leaves_all_lines(world, full):
    request, _ = await join(world, 1)
    await world.desk.waiting.join(request, FIRST - MINUTE, LAST - MINUTE, "UTC")

    sitting = await world.desk.bookings.book(request, START + DAY, "UTC")

    assert await world.desk.waiting.of_request(request) == []
    with pytest.raises(AlreadyBooked) as refused:
        await world.desk.waiting.join(request, FIRST, LAST, "UTC")
    assert refused.value.booking == sitting.booking


async def test_who_books_another_time_instead_of_the_offered_one_gives_that_free(world, full):
    request, joined, kept = await offered(world, full)
    second, _ = await join(world, 2)

    sitting = await world.desk.bookings.book(request, START + DAY, "UTC")

    assert sitting.start == START + DAY
    assert await place(world, request) == (WaitingState.LEFT, kept.id)
    assert await world.desk.waiting.offer() == 1
    assert (await world.desk.bookings.reservation(second)).start == kept.start
    with pytest.raises(IllegalTransition):
        await world.desk.waiting.accept(request, joined.id)


async def test_booking_just_what_was_offered_is_accepting_it(world, full):
    request, _, kept = await offered(world, full)

    sitting = await world.desk.bookings.book(request, kept.start, "UTC")

    assert sitting.booking == kept.id
    assert await place(world, request) == (WaitingState.ACCEPTED, kept.id)


async def test_who_leaves_gives_the_offer_to_the_next(world, full):
    request, joined, kept = await offered(world, full)
    second, _ = await join(world, 2)

    await world.desk.waiting.leave(request, joined.id)

    assert await place(world, request) == (WaitingState.LEFT, kept.id)
    assert await world.desk.bookings.reservation(request) is None
    assert await world.desk.waiting.offer() == 1
    assert (await world.desk.bookings.reservation(second)).start == kept.start
    assert await world.bodies("offer_lapsed") == []
    with pytest.raises(IllegalTransition):
        await world.desk.waiting.leave(request, joined.id)


async def test_giving_an_offered_time_back_leaves_the_line(world, full):
    request, _, kept = await offered(world, full)

    await world.desk.bookings.give_back(request)

    assert await place(world, request) == (WaitingState.LEFT, kept.id)


async def test_who_owes_must_pay_before_accepting_and_keeps_the_time_meanwhile(world, full):
    request, joined, kept = await offered(world, full)
    asked = await world.desk.requests.find(request)
    due = Charge(
        *("ch_1", asked.learner.id, None, request, "no_show", "Missed", 4_500, 2_000, "GBP"),
        ChargeState.DUE,
        None,
        world.clock.now() - HOUR,
    )
    async with world.store.write() as tx:
        await tx.charges.add(due)

    with pytest.raises(PaymentDue):
        await world.desk.waiting.accept(request, joined.id)

    assert await world.desk.bookings.reservation(request) == kept


async def test_nothing_offered_cannot_be_accepted_nor_anything_of_others(world, full):
    request, joined = await join(world, 1)
    stranger = await builders.ask(world.desk, 2)

    with pytest.raises(IllegalTransition):
        await world.desk.waiting.accept(request, joined.id)
    for change in (world.desk.waiting.accept, world.desk.waiting.leave):
        with pytest.raises(NotFound):
            await change(stranger, joined.id)


async def test_a_day_that_comes_too_near_is_waited_for_no_more(world, full):
    request, _ = await join(world, 1)
    world.clock.go_to(LAST - DAY - MINUTE)
    await world.desk.bookings.lapse()
    assert await place(world, request) == (WaitingState.WAITING, None)
    world.clock.go(60)

    await world.desk.bookings.lapse()

    assert await place(world, request) == (WaitingState.LAPSED, None)


async def test_a_place_that_somebody_holds_is_let_lapse_the_next_time(world, full, migrated_url):
    if "sqlite" in migrated_url:
        pytest.skip("SQLite has one writer at a time")
    request, joined = await join(world, 1)
    other, _ = await join(world, 2)
    world.clock.go_to(LAST)
    async with world.store.write() as tx:
        await tx.waiting.find(joined.id)

        await asyncio.wait_for(world.desk.bookings.lapse(), 10)

    assert await place(world, request) == (WaitingState.WAITING, None)
    assert await place(world, other) == (WaitingState.LAPSED, None)
    await world.desk.bookings.lapse()
    assert await place(world, request) == (WaitingState.LAPSED, None)


async def test_who_is_reserved_elsewhere_is_passed_over_and_stays_in_line(world, full):
    first, _ = await join(world, 1)
    second, _ = await join(world, 2)
    await world.desk.bookings.reserve(first, START + DAY, "UTC")
    await world.desk.bookings.cancel(full[1].booking, "")

    assert await world.desk.waiting.offer() == 1

    assert await place(world, first) == (WaitingState.WAITING, None)
    assert (await place(world, second))[0] is WaitingState.OFFERED


async def test_schedulers_see_the_line_in_its_order(world, full):
    await join(world, 1)
    await join(world, 2)

    queue = await world.desk.waiting.queue(world.sam, FIRST, LAST)

    assert [one.learner_name for one in queue] == ["Lea Learner 1", "Lea Learner 2"]
    assert await world.desk.waiting.queue(world.sam, LAST, LAST + DAY) == []
    with pytest.raises(NotAllowed):
        await world.desk.waiting.queue(world.ann, FIRST, LAST)
