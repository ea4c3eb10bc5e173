"""What both systems are measured by: the link, the sounding of it, and a watched window."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Error, Page

from tests.bench.linkbench.figures import Figures
from tests.bench.linkbench.meter import figures, pictures_between, shown, sound_between
from tests.harness.profiles import traces
from tests.harness.ship import Ship, Stats
from tests.harness.sounding import Echo
from tests.harness.waiting import until

IDLE_COUNT, IDLE_EVERY_MS = 12, 250
SOUNDING_BYTES = 60
SOUNDING_EVERY_MS = 1_000


async def set_link(vessel: Ship, link: str) -> None:
    """Let the ship's link be a profile, or go through a trace."""
    found = traces()
    if link in found:
        await vessel.replay(found[link])
    else:
        await vessel.profile(link)


@contextlib.asynccontextmanager
async def echo(vessel: Ship) -> AsyncIterator[int]:
    """Answer datagrams ashore; return the port."""
    line, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Echo, local_addr=(vessel.service_address, 0)
    )
    try:
        yield int(line.get_extra_info("sockname")[1])
    finally:
        line.close()


async def idle_ms(vessel: Ship, port: int) -> float | None:
    """Return the round trip while nothing else is on the link; counting begins anew before it."""
    await vessel.empty()
    return median(await vessel.sound(port, IDLE_COUNT, SOUNDING_BYTES, IDLE_EVERY_MS))


async def sound(vessel: Ship, port: int, seconds: float) -> list[float | None]:
    """Sound the link for some seconds, under whatever else is on it."""
    count = int(seconds * 1000 / SOUNDING_EVERY_MS)
    return await vessel.sound(port, count, SOUNDING_BYTES, SOUNDING_EVERY_MS)


async def met(
    page: Page, other: Page, join: Callable[[], Awaitable[None]], limit_s: float, of: Figures
) -> None:
    """Time how a learner comes in by `join`, until both hear each other and one is seen.

    `other` is the page of the one who waits. Raises the first of what failed, after all is tried.
    """
    before = await figures(other)
    began, began_ms = time.monotonic(), time.time() * 1000

    async def joined() -> None:
        await join()
        of.joined_s = time.monotonic() - began
        of.done.append("joined")

    async def heard(where: Page, energy: float) -> float:
        async def louder() -> bool:
            with contextlib.suppress(Error):  # while the page is being opened
                return (await figures(where))["energy"] > energy + 0.001
            return False

        await until(louder, limit_s, "sound")
        return time.monotonic() - began

    async def seen() -> None:
        rows = await until(lambda: shown(other, began_ms), limit_s, "a first picture")
        of.seen_s = (rows[0][0] - began_ms) / 1000

    tasks = (joined(), heard(page, 0.0), heard(other, before["energy"]), seen())
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    ends = [one for one in outcomes[1:3] if isinstance(one, float)]
    if len(ends) == 2:
        of.heard_s = max(ends)
    for one in outcomes:
        if isinstance(one, BaseException):
            raise one


@dataclass(frozen=True, slots=True)
class Reading:
    """What the watching page and the link had counted at a moment."""

    at: float
    at_ms: float
    sums: dict[str, float]
    stats: Stats


async def read(vessel: Ship, page: Page) -> Reading:
    """Read both now."""
    sums, stats = await figures(page), await vessel.stats()
    return Reading(time.monotonic(), time.time() * 1000, sums, stats)


async def conclude(
    page: Page, before: Reading, after: Reading, back: list[float | None], of: Figures
) -> None:
    """Put down what was seen, heard and sent between two readings; `back` are round trips in it."""
    rows = await shown(page, before.at_ms)
    seen = pictures_between(rows, before.at_ms, after.at_ms)
    of.concealed = sound_between(before.sums, after.sums).concealed
    of.picture_median_s, of.picture_longest_s = seen.median_s, seen.longest_s
    of.picture = f"{seen.size[0]}x{seen.size[1]}" + (" still" if seen.kind == "still" else "")
    of.a_second = seen.a_second
    of.rtt_ms, of.rtt_p95_ms = median(back), high(back)
    up, down = after.stats.up, after.stats.down
    packets = up.packets - before.stats.up.packets
    of.queue_ms = 1000 * (up.queue_s - before.stats.up.queue_s) / packets if packets else None
    took = after.at - before.at
    of.up_kbit = (up.bytes - before.stats.up.bytes) * 8 / 1000 / took
    of.down_kbit = (down.bytes - before.stats.down.bytes) * 8 / 1000 / took


def median(back: list[float | None]) -> float | None:
    """Return the middle of those that came back."""
    came = [one for one in back if one is not None]
    return statistics.median(came) if came else None


def high(back: list[float | None]) -> float | None:
    """Return what one in twenty was longer than."""
    came = sorted(one for one in back if one is not None)
    return came[int(0.95 * (len(came) - 1))] if came else None
