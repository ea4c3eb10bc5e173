"""The desk of busy times: what a person's own calendar, elsewhere, says of when they are away."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from invigilation.desk.office import Office, actor, allow, new_id
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.slots import Leave
from invigilation.store.busy import Source
from invigilation.zones import clean_zone

EVERY = timedelta(minutes=30)
JITTER_S = 300
"""A source is read again up to so many seconds later, so that not all are read at once."""
MAX_URL = 2_000
MAX_FAULT = 300
AT_ONCE = 40
"""No more sources are handed out at once."""
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class BusyDesk:
    """Keeps sources and what was read from them. Times are aware UTC, ends not included."""

    office: Office

    async def set_source(
        self, by: Staff, staff: str, url: str, zone: str, *, plain: bool = False
    ) -> None:
        """Read a person's busy times from this address from now on; older ones are forgotten.

        `zone` is that of times that name none. `plain` lets http pass, for rehearsals.
        Raises `NotAllowed`, `InvalidInput` or `NotFound`.
        """
        allow(by, Role.SCHEDULER)
        url, zone = _clean_url(url, plain=plain), clean_zone(zone)
        async with self.office.store.write() as tx:
            if await tx.people.staff(staff) is None:
                raise NotFound("person", staff)
            before = await tx.busy.source(staff)
            await tx.busy.set_source(Source(staff, url, zone))
            await tx.busy.replace(staff, ())
            await tx.rota.outdate()
            who = actor(by, Role.SCHEDULER)
            after = _told(Source(staff, url, zone))
            await self.office.note(
                tx, who, "busy.set", staff, None if before is None else _told(before), after
            )

    async def drop(self, by: Staff, staff: str) -> None:
        """Read a person's busy times no more, and forget them; without a source nothing happens."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.write() as tx:
            before = await tx.busy.source(staff)
            if before is None:
                return
            await tx.busy.drop_source(staff)
            await tx.busy.replace(staff, ())
            await tx.rota.outdate()
            who = actor(by, Role.SCHEDULER)
            await self.office.note(tx, who, "busy.dropped", staff, _told(before), None)

    async def source(self, staff: str) -> Source | None:
        """Return where a person's busy times are read from, and how that goes."""
        async with self.office.store.read() as tx:
            return await tx.busy.source(staff)

    async def sources(self) -> dict[str, Source]:
        """Return, by person, where everybody's busy times are read from."""
        async with self.office.store.read() as tx:
            return {one.staff: one for one in await tx.busy.sources()}

    async def times(self, staff: str) -> list[Leave]:
        """Return a person's busy times, by start."""
        async with self.office.store.read() as tx:
            return await tx.busy.times(staff)

    async def due(self, now: datetime) -> list[Source]:
        """Return the sources whose turn it is, each to one caller only: that one reads it."""
        async with self.office.store.read() as tx:
            ripe = [
                one
                for one in await tx.busy.checked_before(now - EVERY)
                if one.checked is None or one.checked + EVERY + _jitter(one) <= now
            ][:AT_ONCE]
        if not ripe:
            return []
        async with self.office.store.write() as tx:
            return [replace(one, checked=now) for one in ripe if await tx.busy.claim(one, now)]

    async def replace(self, source: Source, times: Iterable[Span]) -> bool:
        """Keep what was read from a source; say whether it was news.

        What came from an address that is not the person's any more is thrown away.
        """
        joined = _joined(times)
        async with self.office.store.write() as tx:
            present = await tx.busy.source(source.staff)
            if present is None or (present.url, present.zone) != (source.url, source.zone):
                return False
            await tx.busy.settle(replace(present, read=self.office.clock.now(), fault=None))
            known = [(one.start, one.end) for one in await tx.busy.times(source.staff)]
            if known == joined:
                return False
            rows = [(new_id("bz"), start, end) for start, end in joined]
            await tx.busy.replace(source.staff, rows)
            await tx.rota.outdate()
        return True

    async def failed(self, source: Source, fault: str) -> None:
        """Note that a source could not be read; what was read before stays."""
        async with self.office.store.write() as tx:
            present = await tx.busy.source(source.staff)
            if present is not None and present.url == source.url:
                await tx.busy.settle(replace(present, fault=fault[:MAX_FAULT]))


def _jitter(one: Source) -> timedelta:
    """Return a wait that differs from source to source and from turn to turn."""
    return timedelta(seconds=zlib.crc32(f"{one.staff} {one.checked}".encode()) % JITTER_S)


def _joined(times: Iterable[Span]) -> list[Span]:
    """Return the times by start, those that touch made one."""
    joined: list[Span] = []
    for start, end in sorted(times):
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _told(one: Source) -> Data:
    """Return what the audit log may know: an address may itself be a secret."""
    return {"host": urlsplit(one.url).hostname or "", "zone": one.zone}


def _clean_url(raw: str, *, plain: bool) -> str:
    url = raw.strip()
    if url.lower().startswith("webcal://"):
        url = "https://" + url[len("webcal://") :]
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or parts.scheme not in ({"https", "http"} if plain else {"https"}):
        raise InvalidInput("url", "Enter an address that begins with https:// or webcal://.")
    if len(url) > MAX_URL or not url.isprintable() or " " in url:
        raise InvalidInput("url", "This address is too long, or has letters that none may have.")
    if parts.username or parts.password:
        raise InvalidInput("url", "Enter the address without a user name and password.")
    return url
