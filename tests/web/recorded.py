"""A session with recordings of several sources, encoded like a browser's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

from invigilation.presence import Source
from invigilation.store.views import Sitting
from recordings.evidence import Snapshots
from tests.recordings import media
from tests.web.eyes import shelf_of
from tests.web.office import START, World

PARTS = (
    (Source.CAMERA, 0.0, 12),
    (Source.INVIGILATOR, 0.5, 30),
    (Source.SCREEN, 3.0, 12),
    (Source.SCREEN, 18.0, 16),
    (Source.CAMERA, 20.0, 14),
)
"""Source, its begin in seconds after the start, and how long it lasts."""
_SEEN = {Source.CAMERA: (320, 240), Source.SCREEN: (640, 360), Source.SECOND: (240, 320)}
_HEARD = frozenset({Source.CAMERA, Source.INVIGILATOR})


@cache
def _pictures(seconds: int, size: tuple[int, int]) -> tuple[media.Frame, ...]:
    return tuple(media.video(seconds, size=size))


@cache
def _sounds(seconds: int) -> tuple[media.Frame, ...]:
    return tuple(media.audio(seconds, 60))


def _within(second: int, frames: tuple[media.Frame, ...]) -> list[media.Frame]:
    return [frame for frame in frames if int(frame.at) == second]


async def recorded(world: World, parts: tuple[tuple[Source, float, int], ...] = PARTS) -> Sitting:
    """Return a session that is checked in and was recorded."""
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=1))
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    for source, begins, lasts in sorted(parts, key=lambda part: part[1]):
        world.clock.move_to(START + timedelta(seconds=begins))
        await record(world, sitting.session, source, lasts)
    await world.reasons(sitting.session)
    return sitting


async def record(
    world: World,
    session: str,
    source: Source,
    lasts: int,
    spoil: Callable[[Path], object] = lambda _: None,
) -> None:
    """Record one source from now on, for so many seconds of media; the clock stands still.

    `spoil` gets the file before it is finished.
    """
    snapshots = Snapshots()
    recording = await shelf_of(world.desk, world.vault, snapshots).begin(session, source)
    zero = world.clock.monotonic()
    for second in range(lasts):
        for frame in _within(second, _pictures(lasts, _SEEN[source])) if source in _SEEN else ():
            recording.video(frame.data, round(frame.at * 90_000), frame.key, zero + frame.at)
        for packet in _within(second, _sounds(lasts)) if source in _HEARD else ():
            recording.audio(packet.data, round(packet.at * 48_000), zero + packet.at + 0.06)
        # The disk of a test is no faster than its clock.
        await asyncio.to_thread(recording.recorder._thread.submit(int).result)
    spoil(world.vault._root / session / f"{recording.part.id}.part")
    await recording.finish()
    snapshots.close()
