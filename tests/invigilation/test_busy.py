"""Busy times of people's own calendars, and the addresses of their feeds."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from invigilation.desk.busy import EVERY, JITTER_S
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.office_hours import Window
from tests import builders
from tests.builders import START

HOUR = timedelta(hours=1)
URL = "https://calendar.example.com/private/secret-1/basic.ics"
DAY = Window(START - 2 * HOUR, START + 10 * HOUR)


async def offered(world, number=1):
    return await world.desk.bookings.starts(await builders.ask(world.desk, number), DAY)


async def audit(world):
    rows = await world.rows("SELECT actor, action, subject, before, after FROM audit ORDER BY at")
    return [row for row in rows if row[1].startswith(("busy", "feed"))]


async def claimed(world):
    [source] = await world.desk.busy.due(world.clock.now())
    return source


async def test_busy_times_are_not_offered_and_free_ones_are_again(world):
    busy = world.desk.busy
    await busy.set_source(world.sam, world.ann.id, URL, "Asia/Manila")
    source = await claimed(world)
    free = await offered(world)

    await busy.replace(source, [(START, START + HOUR), (START + HOUR, START + 2 * HOUR)])
    while_busy = await offered(world)
    await busy.replace(source, [])

    assert START in free
    # 90 minutes and the buffer of 15 must end before the busy time begins.
    assert [one for one in free if one not in while_busy] == [
        one for one in free if START - timedelta(minutes=105) < one < START + 2 * HOUR
    ]
    assert await offered(world) == free


async def test_a_booking_in_a_busy_time_stays(world):
    sitting = await builders.book(world.desk)
    await world.desk.busy.set_source(world.sam, world.ann.id, URL, "Asia/Manila")

    await world.desk.busy.replace(await claimed(world), [(START, START + HOUR)])

    assert (await world.desk.bookings.find(sitting.booking)).start == START


async def test_what_touches_is_one_busy_time(world):
    await world.desk.busy.set_source(world.sam, world.ann.id, URL, "Asia/Manila")
    times = [
        (START + 3 * HOUR, START + 4 * HOUR),
        (START, START + 2 * HOUR),
        (START + HOUR, START + HOUR * 1.5),
        (START + 2 * HOUR, START + 2.5 * HOUR),
        (START + 6 * HOUR, START + 6 * HOUR),
    ]

    news = await world.desk.busy.replace(await claimed(world), times)

    kept = [(one.start, one.end) for one in await world.desk.busy.times(world.ann.id)]
    assert news
    assert kept == [(START, START + 2.5 * HOUR), (START + 3 * HOUR, START + 4 * HOUR)]


async def version(world):
    async with world.store.read() as tx:
        return await tx.rota.version()


async def test_what_is_no_news_changes_no_rota(world):
    await world.desk.busy.set_source(world.sam, world.ann.id, URL, "Asia/Manila")
    source = await claimed(world)
    await world.desk.busy.replace(source, [(START, START + HOUR)])
    before = await version(world)

    news = await world.desk.busy.replace(source, [(START, START + HOUR)])

    assert not news
    assert await version(world) == before


async def test_a_fault_keeps_the_last_good_times_and_is_shown_until_the_next_good_reading(world):
    busy, ann = world.desk.busy, world.ann.id
    await busy.set_source(world.sam, ann, URL, "Asia/Manila")
    source = await claimed(world)
    await busy.replace(source, [(START, START + HOUR)])
    read = (await busy.source(ann)).read

    await busy.failed(source, "Too large. " * 100)

    shown = await busy.source(ann)
    assert shown.fault.startswith("Too large.")
    assert len(shown.fault) == 300
    assert shown.read == read
    assert len(await busy.times(ann)) == 1
    await busy.replace(source, [(START, START + HOUR)])
    assert (await busy.source(ann)).fault is None


async def test_each_source_is_read_by_one_every_half_hour_and_a_little_more(world):
    await world.desk.busy.set_source(world.sam, world.ann.id, URL, "Asia/Manila")
    clock = world.clock

    handed = await asyncio.gather(*(world.desk.busy.due(clock.now()) for _ in range(3)))
    clock.go(EVERY.total_seconds() - 1)
    too_early = await world.desk.busy.due(clock.now())
    clock.go(1 + JITTER_S)
    again = await world.desk.busy.due(clock.now())

    assert sum(map(len, handed)) == 1
    assert too_early == []
    assert [one.staff for one in again] == [world.ann.id]


async def test_what_comes_from_an_older_address_is_thrown_away(world):
    busy, ann = world.desk.busy, world.ann.id
    await busy.set_source(world.sam, ann, URL, "Asia/Manila")
    older = await claimed(world)
    await busy.replace(older, [(START, START + HOUR)])
    await busy.set_source(world.sam, ann, URL + "?2", "Asia/Manila")

    news = await busy.replace(older, [(START, START + 2 * HOUR)])
    await busy.failed(older, "gone")

    assert not news
    assert await busy.times(ann) == []
    assert (await busy.source(ann)).fault is None


async def test_dropping_a_source_forgets_its_times(world):
    busy, ann = world.desk.busy, world.ann.id
    await busy.set_source(world.sam, ann, URL, "Asia/Manila")
    await busy.replace(await claimed(world), [(START, START + HOUR)])

    await busy.drop(world.sam, ann)
    await busy.drop(world.sam, ann)

    assert await busy.source(ann) is None
    assert START in await offered(world)
    log = await audit(world)
    assert [row[:3] for row in log] == [
        (f"scheduler:{world.sam.id}", action, ann) for action in ("busy.set", "busy.dropped")
    ]
    # Who reads the log must not learn the address, which opens the whole calendar.
    assert "secret-1" not in repr(log)
    assert json.loads(log[0][4]) == {"host": "calendar.example.com", "zone": "Asia/Manila"}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (URL, URL),
        (f"  {URL} ", URL),
        ("webcal://calendar.example.com/a.ics", "https://calendar.example.com/a.ics"),
    ],
)
async def test_addresses_that_may_be_read(world, url, kept):
    await world.desk.busy.set_source(world.sam, world.ann.id, url, "UTC+05:30")

    assert (await world.desk.busy.source(world.ann.id)).url == kept


async def test_addresses_that_may_not_be_read(world):
    for url in (
        "http://calendar.example.com/a.ics",
        "file:///etc/passwd",
        "https://",
        "calendar.example.com",
        "https://me:secret@calendar.example.com/",
        "https://calendar.example.com/a b",
        "https://calendar.example.com/\u202e",
        "https://calendar.example.com:99999/",
        "https://[::1/",
        "https://calendar.example.com/" + "a" * 2_000,
    ):
        with pytest.raises(InvalidInput):
            await world.desk.busy.set_source(world.sam, world.ann.id, url, "UTC")

    assert await world.desk.busy.source(world.ann.id) is None


async def test_only_a_scheduler_sets_sources_for_people_there_are(world):
    busy = world.desk.busy
    with pytest.raises(NotAllowed):
        await busy.set_source(world.ann, world.ann.id, URL, "UTC")
    with pytest.raises(NotAllowed):
        await busy.drop(world.ann, world.ann.id)
    with pytest.raises(NotFound):
        await busy.set_source(world.sam, "st_nobody", URL, "UTC")
    with pytest.raises(InvalidInput):
        await busy.set_source(world.sam, world.ann.id, URL, "Mars/Olympus")


# --- feeds ---


async def test_a_feed_opens_with_its_token_alone(world):
    sitting = await builders.book(world.desk)

    token = await world.desk.feeds.new(world.ann, world.ann.id)

    person, sittings = await world.desk.feeds.of(token)
    assert person == world.ann
    assert [one.booking for one in sittings] == [sitting.booking]
    assert await world.desk.feeds.created(world.ann.id) == world.clock.now()
    assert token not in repr(await world.rows("SELECT * FROM feed"))
    assert token not in repr(await audit(world))
    with pytest.raises(NotFound):
        await world.desk.feeds.of(token[:-1])


async def test_a_new_address_ends_the_older_one_and_revoking_ends_all(world):
    feeds, ann = world.desk.feeds, world.ann
    older = await feeds.new(world.sam, ann.id)
    newer = await feeds.new(ann, ann.id)
    with pytest.raises(NotFound):
        await feeds.of(older)
    await feeds.of(newer)

    await feeds.revoke(world.sam, ann.id)
    await feeds.revoke(world.sam, ann.id)

    with pytest.raises(NotFound):
        await feeds.of(newer)
    assert await feeds.created(ann.id) is None
    assert [row[:2] for row in await audit(world)] == [
        (f"scheduler:{world.sam.id}", "feed.made"),
        (f"invigilator:{ann.id}", "feed.made"),
        (f"scheduler:{world.sam.id}", "feed.revoked"),
    ]


async def test_nobody_gives_out_a_colleagues_feed(world):
    ben = await builders.add_invigilator(world.desk, "Ben Baker")

    with pytest.raises(NotAllowed):
        await world.desk.feeds.new(ben, world.ann.id)
    with pytest.raises(NotAllowed):
        await world.desk.feeds.revoke(ben, world.ann.id)
    with pytest.raises(NotFound):
        await world.desk.feeds.new(world.sam, "st_nobody")


async def test_a_feed_reaches_90_days_back_and_180_ahead(world):
    sitting = await builders.book(world.desk)
    token = await world.desk.feeds.new(world.ann, world.ann.id)
    shown = {}

    for days in (-181, -179, 89, 91):
        world.clock.go_to(sitting.start + timedelta(days=days))
        shown[days] = len((await world.desk.feeds.of(token))[1])

    assert shown == {-181: 0, -179: 1, 89: 1, 91: 0}
