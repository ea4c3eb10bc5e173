"""A feed as a calendar program reads it: no cookies, one secret address."""

from __future__ import annotations

from datetime import timedelta

import pytest
import vobject

from tests.web.office import ANA, SAM, START, TOM
from web.pages.feeds import WRONG_LIMIT


@pytest.fixture
async def booked(world):
    """A sitting, and the path of its invigilator's feed."""
    sitting = await world.booked()
    person = {ANA.id: ANA, TOM.id: TOM}[sitting.staff]
    token = await world.desk.feeds.new(person, person.id)
    return sitting, f"/feeds/{token}.ics"


def calendar(answer):
    return vobject.readOne(answer.text)


async def test_a_session_stands_in_it_with_nothing_about_the_learner(world, booked):
    sitting, path = booked

    answer = await world.stranger().get(path)

    assert answer.status == 200
    assert answer.header("Content-Type") == "text/calendar; charset=utf-8"
    assert answer.header("Cache-Control") == "private, no-cache"
    assert answer.header("Set-Cookie") == ""
    event = calendar(answer).vevent
    assert event.dtstart.value == START
    assert event.dtend.value == START + timedelta(minutes=90)
    assert event.summary.value == f"{sitting.title} (session)"
    assert event.status.value == "CONFIRMED"
    assert event.sequence.value == str(sitting.sequence)
    for private in ("Maria", "Santos", "learner1", "example.org/sit", sitting.request):
        assert private not in answer.text
    assert not hasattr(event, "attendee")


async def test_it_names_itself_and_says_how_often_to_ask(world, booked):
    answer = await world.stranger().get(booked[1])

    read = calendar(answer)
    assert read.x_wr_calname.value == "Invigilation Service"
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in answer.text
    assert "X-PUBLISHED-TTL:PT1H" in answer.text
    assert not hasattr(read, "method")


async def test_what_is_moved_or_cancelled_is_told(world, booked):
    sitting, path = booked
    first = await world.stranger().get(path)
    moved = await world.desk.bookings.move(
        sitting.booking, START + timedelta(hours=2), staff=sitting.staff, by_staff=True
    )
    second = await world.stranger().get(path)
    await world.desk.bookings.cancel(sitting.booking, "ill")

    third = await world.stranger().get(path)

    events = [calendar(one).vevent for one in (first, second, third)]
    assert len({one.uid.value for one in events}) == 1
    sequences = [int(one.sequence.value) for one in events]
    assert sequences == sorted(set(sequences))
    assert events[1].dtstart.value == moved.start
    assert events[2].status.value == "CANCELLED"
    assert events[2].summary.value.startswith("Cancelled: ")
    assert len({one.header("Etag") for one in (first, second, third)}) == 3


async def test_what_has_not_changed_is_not_sent_again(world, booked):
    sitting, path = booked
    program = world.stranger()
    first = await program.get(path)
    world.clock.move_to(world.clock.at + timedelta(hours=1))

    same = await program.get(path, headers={"If-None-Match": first.header("Etag")})
    await world.desk.bookings.cancel(sitting.booking, "ill")
    changed = await program.get(path, headers={"If-None-Match": first.header("Etag")})

    assert (same.status, same.body) == (304, b"")
    assert same.header("Etag") == first.header("Etag")
    assert same.header("Cache-Control") == "private, no-cache"
    assert changed.status == 200


async def test_an_address_that_is_no_more_is_not_there(world, booked):
    sitting, path = booked
    await world.desk.feeds.revoke(SAM, sitting.staff)

    revoked = await world.stranger().get(path)
    never = await world.stranger().get("/feeds/never-given-out.ics")

    assert (revoked.status, never.status) == (404, 404)


async def test_guessing_is_slowed_down_and_then_forgotten(world, booked):
    for number in range(WRONG_LIMIT):
        assert (await world.stranger().get(f"/feeds/guess-{number}.ics")).status == 404

    stopped = await world.stranger().get(booked[1])
    world.clock.move_to(world.clock.at + timedelta(minutes=16))
    later = await world.stranger().get(booked[1])

    assert stopped.status == 429
    assert int(stopped.header("Retry-After")) > 0
    assert later.status == 200


async def test_a_feed_without_sessions_is_a_calendar_all_the_same(world):
    token = await world.desk.feeds.new(SAM, SAM.id)

    answer = await world.stranger().get(f"/feeds/{token}.ics")

    assert answer.status == 200
    assert answer.text.startswith("BEGIN:VCALENDAR\r\n")
    assert "VEVENT" not in answer.text
