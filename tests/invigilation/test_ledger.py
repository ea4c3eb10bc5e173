"""The ledger over both databases: what schedulers find, page through, and could choose."""

from __future__ import annotations

from datetime import date, timedelta

from invigilation.booking import BookingState
from invigilation.desk.changes import AddLeave
from invigilation.office_hours import Window
from invigilation.store.ledger import Sought
from tests import builders
from tests.builders import BOOKED_AT, MONDAY, START
from tests.invigilation.conftest import kept_loop
from tests.invigilation.offices import World

DAY = timedelta(days=1)


async def found(world: World, sought: Sought) -> list[str]:
    return [one.reference for one in await world.desk.ledger.search(sought, 10)]


@kept_loop
async def three(world: World) -> list[str]:
    """Three bookings on three days, the middle one cancelled; return their ids."""
    made = [await builders.book(world.desk, n, START + n * DAY) for n in range(3)]
    await world.desk.bookings.cancel(made[1].booking, "Ill", by_staff=True)
    return [one.booking for one in made]


async def test_latest_start_comes_first_and_each_filter_narrows(
    world: World, three: list[str]
) -> None:
    lines = await world.desk.ledger.search(Sought(), 10)
    first, second, third = (one.reference for one in reversed(lines))
    zero = next(one for one in lines if one.booking == three[0])

    assert await found(world, Sought(words=(first.upper(),))) == [first]
    assert await found(world, Sought(words=(zero.learner_email, first))) == [first]
    assert await found(world, Sought(words=(three[2],))) == [third]
    assert await found(world, Sought(words=("100%",))) == []
    assert await found(world, Sought(state=BookingState.CANCELLED)) == [second]
    assert await found(world, Sought(staff=world.ann.id)) == [third, second, first]
    assert await found(world, Sought(staff=world.sam.id)) == []
    assert await found(world, Sought(assessment="as_psc")) == [third, second, first]
    assert await found(world, Sought(first=START + DAY)) == [third, second]
    assert await found(world, Sought(last=START + DAY)) == [first]


async def test_pages_follow_each_other_without_a_gap(world: World, three: list[str]) -> None:
    ledger = world.desk.ledger
    (one,) = await ledger.search(Sought(), 1)
    rest = await ledger.search(Sought(), 10, (one.start, one.booking))

    assert [one.booking, *(line.booking for line in rest)] == three[::-1]


async def test_session_that_was_handed_over_is_its_new_invigilators(world: World) -> None:
    sitting = await builders.book(world.desk)
    bob = await builders.add_invigilator(world.desk, "Bob Byrne")
    await world.rows("UPDATE session SET invigilator = :bob", bob=bob.id)

    assert await found(world, Sought(staff=world.ann.id)) == []
    assert await found(world, Sought(staff=bob.id)) == [sitting.reference]


async def test_leave_and_busy_times_are_told_apart(world: World) -> None:
    await world.desk.rota.change(world.sam, AddLeave(world.ann.id, START + DAY, START + 2 * DAY))
    async with world.store.write() as tx:
        await tx.busy.replace(world.ann.id, [("by_1", START, START + timedelta(hours=1))])

    away = await world.desk.ledger.away(START - DAY, START + DAY + timedelta(hours=1))

    assert [(one.start, one.busy) for one in away] == [(START, True), (START + DAY, False)]
    assert await world.desk.ledger.away(START - 2 * DAY, START - DAY) == []


async def test_places_count_a_bookings_own_time_as_free(world: World) -> None:
    sitting = await builders.book(world.desk)
    line = await world.desk.ledger.find(sitting.booking)

    with_own = await world.desk.ledger.places(sitting.request, MONDAY, line)
    without = await world.desk.ledger.places(sitting.request, MONDAY)

    assert START in {one.start for one in with_own}
    assert START not in {one.start for one in without}
    assert {one.staff for one in with_own} == {(world.ann.id,)}


async def test_staff_need_no_notice_and_closed_days_have_no_place(world: World) -> None:
    request = await builders.ask(world.desk)

    today = await world.desk.ledger.places(request, BOOKED_AT.date())
    saturday = await world.desk.ledger.places(request, date(2026, 11, 21))

    assert today[0].start == BOOKED_AT
    assert saturday == []


async def test_audit_log_is_paged_and_finds_names(world: World) -> None:
    for n in range(3):
        start = START + (n + 5) * DAY
        await world.desk.rota.change(world.sam, AddLeave(world.ann.id, start, start + DAY))
    window = Window(BOOKED_AT - DAY, BOOKED_AT + DAY)
    ledger = world.desk.ledger

    (newest,) = await ledger.changes(window, "", 1)
    rest = await ledger.changes(window, "", 10, (newest.at, newest.id))

    assert len(rest) == 2
    assert newest.id not in {one.id for one in rest}
    assert len(await ledger.changes(window, "sam field", 10)) == 3
    assert await ledger.changes(window, "nobody", 10) == []
    assert await ledger.changes(Window(BOOKED_AT + DAY, BOOKED_AT + 2 * DAY), "", 10) == []
