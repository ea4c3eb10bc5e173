"""Calendars of other houses: the addresses that staff's busy times are read from, and our feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.slots import Leave
from invigilation.store.calendar_rows import busy, busy_source, feed
from invigilation.store.mapping import all_of, dump, load


@dataclass(frozen=True, slots=True)
class Source:
    """Where a person's busy times are read from. Aware UTC.

    `zone` is that of times that name none. `checked` is the last try, `read` the last good one;
    `fault` says what was wrong at the last try.
    """

    staff: str
    url: str
    zone: str
    checked: datetime | None = None
    read: datetime | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """The address at which a person's sessions can be subscribed to."""

    staff: str
    token_sha256: str
    created: datetime


class BusyTimes:
    """Rows of sources and of the times read from them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def source(self, staff: str) -> Source | None:
        """Find a person's source, and hold it until the transaction ends."""
        query = all_of(busy_source, Source).where(busy_source.c.staff == staff)
        row = (await self._db.execute(query.with_for_update())).first()
        return None if row is None else load(Source, row)

    async def sources(self) -> list[Source]:
        """Return everybody's sources."""
        rows = await self._db.execute(all_of(busy_source, Source).order_by(busy_source.c.staff))
        return [load(Source, row) for row in rows]

    async def set_source(self, one: Source) -> None:
        """Write a person's source anew."""
        await self.drop_source(one.staff)
        await self._db.execute(insert(busy_source).values(**dump(one)))

    async def drop_source(self, staff: str) -> None:
        """Delete a person's source."""
        await self._db.execute(delete(busy_source).where(busy_source.c.staff == staff))

    async def checked_before(self, moment: datetime) -> list[Source]:
        """Return the sources that were last tried before that moment, or never; oldest first."""
        query = all_of(busy_source, Source).where(
            or_(busy_source.c.checked.is_(None), busy_source.c.checked <= moment)
        )
        order = (busy_source.c.checked.is_not(None), busy_source.c.checked, busy_source.c.staff)
        return [load(Source, row) for row in await self._db.execute(query.order_by(*order))]

    async def claim(self, one: Source, now: datetime) -> bool:
        """Note that the source is being tried, if nobody else did since it was read."""
        same = (
            busy_source.c.checked.is_(None)
            if one.checked is None
            else busy_source.c.checked == one.checked
        )
        done = await self._db.execute(
            update(busy_source)
            .where(busy_source.c.staff == one.staff, busy_source.c.url == one.url, same)
            .values(checked=now)
        )
        return done.rowcount == 1

    async def settle(self, one: Source) -> None:
        """Write how a try ended."""
        await self._db.execute(
            update(busy_source)
            .where(busy_source.c.staff == one.staff)
            .values(read=one.read, fault=one.fault)
        )

    async def times(self, staff: str) -> list[Leave]:
        """Return a person's busy times, by start."""
        query = select(busy.c.staff, busy.c.start, busy.c.end).where(busy.c.staff == staff)
        rows = await self._db.execute(query.order_by(busy.c.start, busy.c.id))
        return [Leave(*row) for row in rows]

    async def replace(self, staff: str, rows: Sequence[tuple[str, datetime, datetime]]) -> None:
        """Write a person's busy times anew: each an id, a start and an end."""
        await self._db.execute(delete(busy).where(busy.c.staff == staff))
        if rows:
            values = [{"id": i, "staff": staff, "start": s, "end": e} for i, s, e in rows]
            await self._db.execute(insert(busy), values)


class Feeds:
    """Rows of feeds: one a person at the most."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def set(self, one: Feed) -> None:
        """Write a person's feed anew: an older address is worth nothing any more."""
        await self.drop(one.staff)
        await self._db.execute(insert(feed).values(**dump(one)))

    async def drop(self, staff: str) -> bool:
        """Delete a person's feed; say whether there was one."""
        done = await self._db.execute(delete(feed).where(feed.c.staff == staff))
        return done.rowcount == 1

    async def of_staff(self, staff: str) -> Feed | None:
        """Find a person's feed."""
        row = (await self._db.execute(all_of(feed, Feed).where(feed.c.staff == staff))).first()
        return None if row is None else load(Feed, row)

    async def of_token(self, token_sha256: str) -> Feed | None:
        """Find a feed by its token's digest."""
        query = all_of(feed, Feed).where(feed.c.token_sha256 == token_sha256)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Feed, row)
