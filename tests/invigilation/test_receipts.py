"""Receipts: what the records, bookings and charges of a request say, in the order of time."""

from __future__ import annotations

from datetime import timedelta

from invigilation.booking import BookingState
from invigilation.desk.onboard import Taken
from invigilation.office_hours import Window
from invigilation.onboard import Facts, Rank
from invigilation.session import SessionState
from invigilation.slots import Refusal
from tests import builders
from tests.builders import MONDAY, START

HOUR = timedelta(hours=1)


async def test_receipt_of_a_booking_that_was_moved_and_cancelled(world):
    sitting = await builders.book(world.desk)
    world.clock.go(60)
    await world.desk.bookings.move(sitting.booking, START + HOUR)
    world.clock.go(60)
    await world.desk.bookings.cancel(
        sitting.booking, "The ship sails.", "scheduler:st_sam", by_staff=True
    )

    lines = await world.desk.receipts.of(sitting.request)

    assert [(one.kind, one.start, one.by_learner) for one in lines] == [
        ("booked", START, True),
        ("moved", START + HOUR, True),
        ("cancelled", START + HOUR, False),
    ]
    assert lines[1].before == START
    assert lines[2].reason == "The ship sails."
    assert {one.booking for one in lines} == {sitting.booking}


async def test_receipt_of_a_sitting_tells_its_steps_and_no_more(world):
    sitting = await world.brought_to(SessionState.ENDED)

    lines = await world.desk.receipts.of(sitting.request)

    assert [one.kind for one in lines] == ["booked", "check_in", "admit", "end"]


async def test_receipt_of_a_time_that_was_only_held(world):
    request = await builders.ask(world.desk)
    await world.desk.bookings.reserve(request, START, "Europe/London")
    world.clock.go(31 * 60)
    await world.desk.bookings.lapse()

    lines = await world.desk.receipts.of(request)

    assert [(one.kind, one.start) for one in lines] == [("held", START), ("lapsed", START)]
    assert lines[1].at - lines[0].at == timedelta(minutes=30)


async def test_receipt_of_a_held_time_tells_when_it_was_given_back(world):
    request = await builders.ask(world.desk)
    await world.desk.bookings.reserve(request, START, "Europe/London")
    world.clock.go(5 * 60)
    await world.desk.bookings.give_back(request)

    lines = await world.desk.receipts.of(request)

    assert [one.kind for one in lines] == ["held", "lapsed"]
    assert lines[1].at - lines[0].at == timedelta(minutes=5)


async def test_receipt_of_an_officer_on_board(world):
    request = await builders.ask(world.desk)
    officer = Facts("Jan de Vries", Rank.MASTER, "", "MV Northern Light", "9074729", MONDAY)
    picture = Taken("image/jpeg", "cd" * 32, 90_000)
    await world.desk.onboard.submit(request, "ob_1", officer, picture)
    world.clock.go(60)
    form = await world.desk.onboard.accept("ob_1", world.sam)

    [line] = await world.desk.receipts.of(request)

    assert (line.kind, line.at, line.officer) == ("onboard_accepted", form.reviewed, form)


async def test_receipt_of_a_missed_session_tells_the_judgement_and_the_charge(world):
    sitting = await builders.book(world.desk)
    await world.ready(sitting)
    await world.well()
    world.after_grace()
    await world.desk.attendance.sweep()
    await world.desk.attendance.decide(
        sitting.booking, world.sam, BookingState.LEARNER_NO_SHOW, "Nobody came."
    )

    lines = await world.desk.receipts.of(sitting.request)

    assert [one.kind for one in lines] == ["booked", "attendance_decided", "charge_held"]
    assert (lines[1].state, lines[1].reason) == (BookingState.LEARNER_NO_SHOW, "Nobody came.")
    assert lines[2].charge
    assert lines[2].charge.price.gross_pence == 5_400


async def test_nobodys_receipt_is_empty(world):
    assert await world.desk.receipts.of("rq_other") == []


async def test_look_agrees_with_what_is_offered_and_names_the_closed_days(world):
    request = await builders.ask(world.desk)
    async with world.store.write() as tx:
        await tx.rota.close(START.date() + timedelta(days=1), "Moving house")
    await builders.book(world.desk, 2)
    window = Window(START - 10 * HOUR, START + 38 * HOUR)

    look = await world.desk.bookings.look(request, window)

    free = [start for start, refusal in look.starts if refusal is None]
    assert free == await world.desk.bookings.starts(request, window)
    assert dict(look.starts)[START] is Refusal.FULL
    assert dict(look.starts)[START + 24 * HOUR] is Refusal.CLOSED
    assert look.closures == {START.date() + timedelta(days=1): "Moving house"}


async def test_own_booking_does_not_stand_in_its_own_way(world):
    sitting = await builders.book(world.desk)
    other = await builders.ask(world.desk, 2)
    window = Window(START, START + HOUR)

    mine = await world.desk.bookings.look(sitting.request, window)
    theirs = await world.desk.bookings.look(other, window)

    assert [refusal for _, refusal in mine.starts] == [None, None]
    assert [refusal for _, refusal in theirs.starts] == [Refusal.FULL, Refusal.FULL]
