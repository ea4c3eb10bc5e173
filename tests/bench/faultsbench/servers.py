"""Faults of what the service stands on: its database, Redis, the mail server, the backend."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import datetime, timedelta

from tests.bench.faultsbench.figures import Row
from tests.bench.faultsbench.process import amiss
from tests.bench.faultsbench.stage import Stage
from tests.harness.waiting import until
from tests.journeys.steps import START
from tests.journeys.world import SOON_S
from web.house import open_house
from web.relay import Relay
from web.settings import Settings

QUIET_S = 3.0
STALL_S = 5.0
SLOW_S = 0.01
"""Each way, of each packet: a round trip takes twice as long, and a line takes six of them."""
FROZEN_S = 3.0
AWAY_S = 6.0
CHANGES = 50
SOMEBODY, ADDRESS = "Erik Lindqvist", "erik.lindqvist@example.org"
STEP = timedelta(hours=1)
DAY = timedelta(days=1)


async def database_restart(stage: Stage, row: Row, times: int) -> None:
    """Restart PostgreSQL as an update does, and let it crash, while both write."""
    pair, server = stage.two, stage.postgres
    assert server
    drops, acked_lost, stalls, aways = pair.drops, 0, [], []
    for number in range(times):
        async with pair.writing(f"Database {number}") as lines:
            await asyncio.sleep(QUIET_S)
            acked, began = set(pair.acked), time.monotonic()
            await asyncio.to_thread(server.crash if number % 2 else server.stop)
            await asyncio.to_thread(server.start)
            aways.append(time.monotonic() - began)
            await asyncio.sleep(QUIET_S)
        await pair.confirmed()
        acked_lost += len(acked - set(stage.lines()))
        stalls.append(max(wait for wire in pair.wires for wait in wire.waits(lines)))
    row.done = f"PostgreSQL stopped or crashed and started again, {times} times, while both write"
    row.add("confirmed lines lost", acked_lost, "", 0)
    row.add("lines refused, twice or never", amiss(stage, pair), "", 0)
    row.add_worst("the database is away for", aways, "s")
    row.add_worst("the longest wait for a confirmation", stalls, "s", STALL_S)
    row.add("live connections that ended", pair.drops - drops, "", 0)


async def database_slow(stage: Stage, row: Row) -> None:
    """Let each way to the database take long, then stand still for a while."""
    pair, way = stage.two, stage.database
    assert way
    drops = pair.drops
    way.delay_s = SLOW_S
    async with pair.writing("While the database is slow") as slow:
        await asyncio.sleep(15.0)
    await pair.confirmed()
    way.delay_s = 0.0
    async with pair.writing("While the database stands still") as still:
        await asyncio.sleep(1.0)
        way.freeze()
        await asyncio.sleep(FROZEN_S)
        way.thaw()
        await asyncio.sleep(1.0)
    await pair.confirmed()
    await pair.back(time.time() * 1000, time.monotonic())
    row.done = f"{SLOW_S * 1000:.0f} ms each way for 15 s; then no answer for {FROZEN_S:.0f} s"
    row.add("live connections that ended", pair.drops - drops, "", 0)
    row.add("lines refused, twice or never", amiss(stage, pair), "", 0)
    waits = [wait for wire in pair.wires for wait in wire.waits(slow)]
    row.add_worst("a line is confirmed, slow, after", waits, "s", STALL_S)
    waits = [wait for wire in pair.wires for wait in wire.waits(still)]
    row.add_worst("a line is confirmed, standing still, after", waits, "s", FROZEN_S + 2)


async def redis_away(stage: Stage, row: Row) -> None:
    """Take Redis away while another process changes the session, and bring it back."""
    pair, redis = stage.two, stage.redis
    assert redis
    drops = pair.drops
    service = stage.world.service
    environment = dict(service.process.environment or {})
    settings = Settings(
        var=service.var,
        database_url=environment["INVIGILATION_DATABASE_URL"],
        clock_shift_file=stage.world.time.file,
    )
    house = open_house(settings)
    relay = Relay(redis.url, *[lambda _: None] * 3)
    [(session, booked, handed)] = stage.world.rows(
        "SELECT session.id, booking.staff, session.invigilator FROM session "
        "JOIN booking ON session.booking = booking.id WHERE session.started IS NOT NULL"
    )
    async with house.desk.office.store.read() as tx:
        by = await tx.people.staff(handed or booked)
    assert by is not None
    try:
        async with relay.running():
            redis.stop()
            for _ in range(CHANGES):
                await house.desk.sessions.extra_minutes(session, by, 1)
                relay.session_changed(session)
                await asyncio.sleep(AWAY_S / CHANGES)
            redis.start()
            began = time.monotonic()
            last = max(seq for seq, _ in stage.events())

            def equal() -> bool:
                return all(wire.state["seq"] >= last for wire in pair.wires)

            await until(equal, SOON_S, "equal states")
            row.add("states equal after its return", time.monotonic() - began, "s", 2.0)
    finally:
        await house.desk.office.store.close()
    row.done = f"Redis away for {AWAY_S:.0f} s, in which another process makes {CHANGES} changes"
    row.add("live connections that ended", pair.drops - drops, "", 0)


async def mail_away(stage: Stage, row: Row) -> None:
    """Book while the mail server is away; it comes back after an hour."""
    await stage.mail.shut()
    learner = await stage.cast.learner()
    asked = await learner.ask(SOMEBODY)
    await learner.enter(asked.booking_url)
    opened = time.monotonic()
    await learner.book(START + DAY)
    row.add("a booking, as the learner waits for it, takes", time.monotonic() - opened, "s", 5.0)
    await asyncio.sleep(2.0)
    stage.world.time.forward(STEP)
    await stage.mail.open()
    back = time.monotonic()
    with contextlib.suppress(TimeoutError):
        await until(lambda: _letters(stage) > 0, 3.0, "a letter")
    if not _letters(stage):
        stage.world.time.forward(STEP)
        await until(lambda: _letters(stage) > 0, SOON_S, "a letter")
    row.add("the letter comes, once the server is back, after", time.monotonic() - back, "s", 10.0)
    await asyncio.sleep(2.0)
    row.done = "a booking while the mail server is away for an hour"
    row.add("invitations too many or too few", abs(_letters(stage) - 1), "", 0)
    await learner.page.context.close()


def _letters(stage: Stage) -> int:
    """Return how many invitations to the session have come."""
    came = stage.world.mailbox.to(ADDRESS)
    return sum(
        any(part.get_content_type() == "text/calendar" for part in one.walk()) for one in came
    )


async def backend_away(stage: Stage, row: Row) -> None:
    """End and attest the session while the backend is away; it comes back after a day."""
    world, pair = stage.world, stage.two
    world.practice.kill()
    await pair.console.end()
    await pair.console.attest()
    await until(lambda: _tried(stage), SOON_S, "an attempt that failed")
    left = world.time.now()
    while world.time.now() < left + DAY:
        world.time.forward(STEP)
        await asyncio.sleep(0.5)
    attempts = _tried(stage)
    await world.practice.start()
    back: datetime = world.time.now()
    await _delivered(stage)
    row.add("reports that arrived too often or never", abs(len(await world.reports()) - 1), "", 0)
    calls = await world.fetch(f"{world.practice.url}/deliveries.json")
    taken = [one["webhook"] for one in calls if one["status"] == 200]
    row.add("messages that took effect twice", len(taken) - len(set(taken)), "", 0)
    row.add("attempts in vain", attempts)
    late = (world.time.now() - back).total_seconds() / 60
    row.add("delivered after its return, by the service's clock, within", late, "min", 90.0)
    row.done = "the backend is away for a day, by the service's clock, while a session is attested"


def _tried(stage: Stage) -> int:
    """Return how often a delivery was tried in vain so far."""
    found = stage.world.rows(
        "SELECT SUM(attempts) FROM delivery WHERE channel = 'webhook' AND state <> 'delivered'"
    )
    return int(found[0][0] or 0)


async def _delivered(stage: Stage) -> None:
    owed = "SELECT 1 FROM delivery WHERE channel = 'webhook' AND state <> 'delivered'"
    for _ in range(12):
        with contextlib.suppress(TimeoutError):
            await until(lambda: not stage.world.rows(owed), 3.0, "everything delivered")
            return
        stage.world.time.forward(timedelta(minutes=10))
    raise TimeoutError("not everything was delivered")
