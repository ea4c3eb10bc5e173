"""What many do at the same instant: the database settles it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from invigilation.booking import BookingState
from invigilation.charge import Charge, ChargeState
from invigilation.desk.requests import Ask
from invigilation.errors import AlreadyBooked, IllegalTransition, InvigilationError, TooLate
from invigilation.session import SessionState
from invigilation.store import Store
from tests import builders
from tests.builders import CONSENT, START
from tests.races import START as RACE_START
from tests.races import office_with, race


async def held_seats(desk):
    async with desk.office.store.read() as tx:
        holds = await tx.rota.holds(RACE_START, RACE_START + timedelta(days=1))
    return [hold.seat for hold in holds]


async def test_200_learners_for_20_seats_are_20_winners(migrated_url):
    async with office_with(migrated_url, 20, 200) as (desk, requests):
        won = await race(desk, requests)
        seats = await held_seats(desk)

    assert len(won) == len({sitting.request for sitting in won}) == 20
    assert sorted(seats) == sorted(f"seat{number}" for number in range(20))


async def test_a_request_that_books_twenty_times_at_once_has_one_booking(migrated_url):
    async def book(desk, request):
        try:
            return await desk.bookings.book(request, RACE_START, "UTC")
        except (AlreadyBooked, IllegalTransition) as refused:
            return refused

    async with office_with(migrated_url, 20, 1) as (desk, [request]):
        results = await asyncio.gather(*(book(desk, request) for _ in range(20)))
        listed = await desk.bookings.between(RACE_START, RACE_START + timedelta(days=1))

    refused = [one for one in results if isinstance(one, InvigilationError)]
    assert (len(listed), len(refused)) == (1, 19)
    assert all(isinstance(one, AlreadyBooked) for one in refused)


def an_ask(reference, learner):
    licence = START + timedelta(days=90)
    return Ask("acme", reference, learner, "Lea", "lea@example.com", "psc", licence)


async def test_the_same_question_asked_twenty_times_at_once_is_one_request(world):
    asks = [world.desk.requests.ask(an_ask("order", "learner")) for _ in range(20)]

    answers = await asyncio.gather(*asks)

    assert len({asked.request.id for asked in answers}) == 1
    assert (await world.count("request"), await world.count("learner")) == (1, 1)


async def test_two_requests_of_a_new_learner_at_once_are_of_one_learner(world):
    asks = [world.desk.requests.ask(an_ask(f"order-{n}", "learner")) for n in range(5)]

    answers = await asyncio.gather(*asks)

    assert len({asked.request.id for asked in answers}) == 5
    assert len({asked.learner.id for asked in answers}) == 1


async def test_a_held_charge_falls_on_one_of_two_requests_made_at_once(world):
    one = await builders.book(world.desk)
    async with world.store.write() as tx:
        held = ChargeState.HELD
        made = world.clock.now()
        charge = Charge(
            "ch",
            one.learner,
            one.booking,
            None,
            "no_show",
            "Missed",
            100,
            0,
            "GBP",
            held,
            None,
            made,
        )
        await tx.charges.add(charge)

    answers = await asyncio.gather(
        *(world.desk.requests.ask(an_ask(f"more-{n}", "learner-1")) for n in range(4))
    )

    named = {charge.request for asked in answers for charge in asked.charges}
    assert len(named) == 1
    assert named < {asked.request.id for asked in answers}


@pytest.mark.parametrize("lap", range(3))
async def test_check_in_and_cancellation_at_once_end_in_one_of_the_two(world, lap):
    one = await builders.book(world.desk)
    world.clock.go_to(START - timedelta(minutes=lap))

    results = await asyncio.gather(
        world.desk.sessions.check_in(one.session, CONSENT),
        world.desk.bookings.cancel(one.booking, "", by_staff=True),
        return_exceptions=True,
    )

    failed = [one for one in results if isinstance(one, BaseException)]
    [refused] = failed
    assert isinstance(refused, (IllegalTransition, TooLate))
    after = await world.desk.bookings.find(one.booking)
    assert (after.booking_state, after.session_state) in {
        (BookingState.ATTENDED, SessionState.CHECKED_IN),
        (BookingState.CANCELLED, SessionState.CLOSED),
    }


async def test_lines_of_chat_sent_at_once_are_one_chain(world):
    one = await world.admitted()

    numbers = await asyncio.gather(
        *(world.desk.sessions.say(one.session, "learner", f"line {n}", f"c{n}") for n in range(12))
    )

    entries = await world.entries(one.session)
    assert sorted(numbers) == [entry.seq for entry in entries[-12:]]
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))


async def test_processes_that_start_together_make_one_schema(database_url):
    stores = [Store(database_url) for _ in range(3)]
    try:
        await asyncio.gather(*(store.migrate() for store in stores))

        for store in stores:
            async with store.read() as tx:
                assert await tx.people.count_staff() == 0
    finally:
        for store in stores:
            await store.close()
