"""The rota desk: who works when, and when the office is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from invigilation.desk.office import Office, allow, new_id
from invigilation.errors import InvalidInput, NotFound
from invigilation.office_hours import Hours, Window
from invigilation.people import Role, Staff
from invigilation.slots import Calendar, Leave, Shift
from invigilation.store.rota import Opening


@dataclass(frozen=True, slots=True)
class RotaDesk:
    """Keeps shifts, leave, closures and openings."""

    office: Office

    async def calendar(self) -> Calendar:
        """Return the rota and the office hours, without bookings."""
        async with self.office.store.read() as tx:
            return await self.office.calendar(tx)

    async def open_windows(self, first: date, last: date) -> list[Window]:
        """Return when the office is open on these days (London), in absolute time."""
        return (await self.calendar()).office.windows(first, last)

    async def closures(self) -> list[tuple[date, str]]:
        """Return the closed days and why, ascending."""
        async with self.office.store.read() as tx:
            return await tx.rota.closures()

    async def close_day(self, by: Staff, day: date, reason: str) -> None:
        """Close the office on a day; bookings on it stay until a scheduler moves them."""
        allow(by, Role.SCHEDULER)
        reason = reason.strip()
        if not 0 < len(reason) <= 200:
            raise InvalidInput("reason", "Say why the office is closed.")
        async with self.office.store.write() as tx:
            await tx.rota.close(day, reason)

    async def close_holidays(self, of_year: Callable[[int], list[tuple[date, str]]]) -> int:
        """Close the bank holidays of this year and the next; return how many days were added.

        Each year once: a day that a scheduler has opened again stays open. `of_year` may block.
        """
        office = self.office
        this = office.clock.now().astimezone(office.rules.zone).year
        async with office.store.read() as tx:
            known = await tx.rota.holidays_until()
        years = range(max(known + 1, this), this + 2)
        if not years:
            return 0
        days = [day for year in years for day in await asyncio.to_thread(of_year, year)]
        async with office.store.write() as tx:
            if await tx.rota.holidays_until() != known:
                return 0  # another process was faster
            return await tx.rota.close_holidays(days, years[-1])

    async def reopen_day(self, by: Staff, day: date) -> None:
        """Take a closure back."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.write() as tx:
            await tx.rota.reopen(day)

    async def add_opening(self, by: Staff, day: date, hours: Hours) -> None:
        """Open the office for some hours on a day; they stand instead of the day's usual ones."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.write() as tx:
            await tx.rota.open(new_id("op"), day, hours)

    async def openings(self) -> list[Opening]:
        """Return the extra hours, ascending."""
        async with self.office.store.read() as tx:
            return await tx.rota.openings()

    async def remove_opening(self, by: Staff, ident: str) -> None:
        """Take extra hours back; bookings in them stay until a scheduler moves them."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.write() as tx:
            if not await tx.rota.remove_opening(ident):
                raise NotFound("opening", ident)

    async def add_shift(self, by: Staff, shift: Shift) -> None:
        """Add a weekly shift."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.write() as tx:
            await tx.rota.add_shift(new_id("sh"), shift)

    async def add_leave(self, by: Staff, staff: str, start: datetime, end: datetime) -> None:
        """Note that somebody is away."""
        allow(by, Role.SCHEDULER)
        if end <= start:
            raise InvalidInput("end", "The end must be after the start.")
        async with self.office.store.write() as tx:
            await tx.rota.add_leave(new_id("lv"), Leave(staff, start, end))
