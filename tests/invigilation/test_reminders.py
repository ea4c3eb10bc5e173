"""Reminders: each once, the newest that is due, none that has become wrong."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from invigilation.desk import Desk
from invigilation.desk.reminders import BATCH, REMINDER
from invigilation.report import Channel
from tests import builders
from tests.builders import START
from tests.invigilation.conftest import kept_loop

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LONG_BEFORE = START - timedelta(hours=100)
"""A Thursday morning."""
NEXT = START + timedelta(days=1)


async def reminders(world):
    """The reminders in the outbox, oldest first: what they say of the time, and to whom."""
    rows = await world.rows(
        "SELECT target, type, body FROM delivery WHERE type = 'reminder' ORDER BY created, id"
    )
    return [(row[0], json.loads(bytes(row[2]))) for row in rows]


async def hours(world):
    return [facts["hours"] for _, facts in await reminders(world)]


async def sweep_at(world, *moments):
    for moment in moments:
        world.clock.go_to(moment)
        await world.desk.reminders.sweep()


def before(*amounts):
    return [START - HOUR * amount for amount in amounts]


@kept_loop
async def early(world):
    world.clock.go_to(LONG_BEFORE)
    return await builders.book(world.desk)


@pytest.mark.parametrize(
    ("swept", "sent"),
    [
        ([90, 72.02], []),
        ([72, 71.9, 50, 25, 24.5], [72]),
        ([72, 24, 1, 0.5], [72, 24, 1]),
        # After an outage only the newest that is due.
        ([30], [72]),
        ([20, 1], [24, 1]),
        ([72, 0.75], [72, 1]),
        ([0.01], [1]),
        # Never after the start.
        ([0, -1], []),
        ([72, -0.01, -24], [72]),
    ],
)
@pytest.mark.usefixtures("early")
async def test_a_learner_is_reminded_at_each_time_once(world, swept, sent):
    await sweep_at(world, *before(*swept))

    assert await hours(world) == sent


@pytest.mark.parametrize(
    ("booked", "sent"), [(73, [72, 24, 1]), (72, [24, 1]), (50, [24, 1]), (24, [1]), (2, [1])]
)
async def test_what_had_passed_when_it_was_booked_is_left_out(world, booked, sent):
    world.clock.go_to(START - HOUR * booked)
    request = await builders.ask(world.desk)
    await world.desk.bookings.book(request, START, "Asia/Manila", by_staff=True)

    await sweep_at(world, START - HOUR * booked + MINUTE, *before(72, 24, 1)[-len(sent) :])

    assert await hours(world) == sent


async def test_a_reminder_says_what_it_is_about(world, early):
    await sweep_at(world, START - 24 * HOUR)

    [(target, facts)] = await reminders(world)
    assert target == "lea1@example.com"
    assert facts["name"] == "Lea Learner 1"
    assert facts["title"] == builders.ASSESSMENT.title
    assert facts["request"] == early.request
    assert (facts["booking"], facts["sequence"]) == (early.booking, early.sequence)
    assert datetime.fromisoformat(facts["start"]) == START
    assert datetime.fromisoformat(facts["end"]) == early.end
    assert facts["zone"] == "Europe/London"
    [session] = await world.rows("SELECT session FROM delivery WHERE type = 'reminder'")
    assert session[0] == early.session


async def test_a_moved_booking_is_reminded_of_anew(world, early):
    await sweep_at(world, START - 72 * HOUR)
    await world.desk.bookings.move(early.booking, NEXT)

    await sweep_at(world, *(NEXT - HOUR * amount for amount in (72, 24, 1)))

    told = [(facts["hours"], facts["start"][:10]) for _, facts in await reminders(world)]
    moved = f"{NEXT:%Y-%m-%d}"
    assert told == [(72, f"{START:%Y-%m-%d}"), (72, moved), (24, moved), (1, moved)]


async def test_a_booking_moved_near_is_not_reminded_of_what_had_passed(world, early):
    world.clock.go_to(START - 30 * HOUR)
    await world.desk.bookings.move(early.booking, START + HOUR, by_staff=True)

    await sweep_at(world, START - 29 * HOUR, START - 23 * HOUR)

    assert await hours(world) == [24]


async def test_a_cancelled_booking_is_reminded_of_no_more(world, early):
    await sweep_at(world, START - 72 * HOUR)
    await world.desk.bookings.cancel(early.booking, "ill")

    await sweep_at(world, *before(24, 1))

    assert await hours(world) == [72]


async def test_a_time_that_is_only_held_is_not_reminded_of(world):
    world.clock.go_to(LONG_BEFORE)
    await world.desk.bookings.reserve(await builders.ask(world.desk), START, "Europe/London")

    await sweep_at(world, START - 72 * HOUR)

    assert await hours(world) == []


@pytest.mark.usefixtures("early")
async def test_two_processes_remind_once(world):
    world.clock.go_to(START - 24 * HOUR)
    other = Desk.of(world.desk.office)

    made = await asyncio.gather(world.desk.reminders.sweep(), other.reminders.sweep())

    assert sum(made) == 1
    assert await hours(world) == [24]


async def test_many_are_reminded_in_one_sweep(world, monkeypatch):
    monkeypatch.setattr("invigilation.desk.reminders.BATCH", 2)
    assert BATCH > 2
    world.clock.go_to(LONG_BEFORE)
    for number, start in enumerate((START, START + 2 * HOUR, START + 4 * HOUR, NEXT)):
        await builders.book(world.desk, number, start)
    world.clock.go_to(NEXT - 40 * HOUR)

    made = await world.desk.reminders.sweep()

    assert made == 4
    assert len({target for target, _ in await reminders(world)}) == 4


# --- what waited too long for its mail server ---


async def waiting_letter(world):
    async with world.store.write() as tx:
        due = await tx.outbox.due(world.clock.now(), 50)
    [one] = [one for one in due if one.channel is Channel.MAIL and one.type == REMINDER]
    return one


@pytest.mark.usefixtures("early")
async def test_a_late_reminder_leaves_only_while_it_is_the_newest(world):
    await sweep_at(world, START - 24 * HOUR)
    letter = await waiting_letter(world)
    found = {}

    for left in (24, 20, 1.01, 1, 0, -3):
        world.clock.go_to(START - HOUR * left)
        found[left] = await world.desk.reminders.outdated(letter)

    newer, passed = "not sent: a newer reminder is due", "not sent: the session's start has passed"
    assert found == {24: None, 20: None, 1.01: None, 1: newer, 0: passed, -3: passed}


@pytest.mark.parametrize("change", ["move", "cancel"])
async def test_a_reminder_of_what_is_no_more_does_not_leave(world, early, change):
    world.clock.go_to(START - 24 * HOUR)
    await world.desk.reminders.sweep()
    letter = await waiting_letter(world)
    if change == "move":
        await world.desk.bookings.move(early.booking, NEXT, by_staff=True)
    else:
        await world.desk.bookings.cancel(early.booking, "ill", by_staff=True)

    found = await world.desk.reminders.outdated(letter)

    assert found == "not sent: the booking has changed since"


async def test_across_the_change_of_clocks_hours_are_hours(world):
    """London's clocks go forward at 2027-03-28 01:00 UTC, between reminder and session."""
    start = datetime(2027, 3, 30, 9, tzinfo=UTC)
    request = await builders.ask(world.desk)
    await world.rows("UPDATE request SET licence_until = licence_until * 2")
    world.clock.go_to(start - timedelta(days=10))
    await world.desk.bookings.book(request, start, "Asia/Kathmandu")

    await sweep_at(world, start - 72 * HOUR - MINUTE, start - 72 * HOUR, start - 24 * HOUR - MINUTE)

    assert await hours(world) == [72]
