"""The rota desk: who works when, and when the office is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import NoReturn, TypeVar

from invigilation.desk import fates
from invigilation.desk.changes import Change, Made, today, week_of
from invigilation.desk.displaced import (
    PROPOSED_WITHIN,
    Displaced,
    Displaces,
    Fate,
    Prospect,
    place_of,
)
from invigilation.desk.office import Office, actor, allow
from invigilation.errors import NotFound
from invigilation.fitting import OURS, Ground, Misfit
from invigilation.office_hours import DAY, Hours, Window
from invigilation.people import Role, Staff
from invigilation.slots import Calendar, Leave
from invigilation.store import Tx
from invigilation.store.ahead import Ahead
from invigilation.store.rota import KeptLeave, KeptShift, Opening
from invigilation.store.views import Sitting

NO_FATES: Mapping[str, Fate] = {}
T = TypeVar("T")
MISFITS_SHOWN = 200
JUDGED_AT_ONCE = 1_000


class _Stop(Exception):
    """Rolls a change back, and carries out what was found in it."""

    def __init__(
        self, displaced: Sequence[Displaced], prospect: Prospect, mistakes: Mapping[str, str]
    ) -> None:
        super().__init__()
        self.displaced = displaced
        self.prospect = prospect
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class PersonRota:
    """Everything about one person's rota; `coming` are later weeks, each with its first day.

    `leave`, `extras` and `busy` are those that are not over. `assessments` are the ids of what
    they take, empty when it is every one. `touched` are bookings in their busy times.
    """

    staff: Staff
    week: tuple[tuple[Hours, ...], ...]
    coming: tuple[tuple[date, tuple[tuple[Hours, ...], ...]], ...]
    extras: tuple[KeptShift, ...]
    leave: tuple[KeptLeave, ...]
    capacity: int
    assessments: frozenset[str]
    busy: tuple[Leave, ...]
    touched: tuple[Ahead, ...]


@dataclass(frozen=True, slots=True)
class RotaDesk:
    """Keeps shifts, leave, lanes, skills, closures and openings."""

    office: Office

    # --- reading ---

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

    async def openings(self) -> list[Opening]:
        """Return the extra hours, ascending."""
        async with self.office.store.read() as tx:
            return await tx.rota.openings()

    async def misfits(self, by: Staff, staff: str | None = None) -> list[Displaced]:
        """Return the bookings ahead that do not fit, by start, with why; nothing is proposed.

        They can be those of one person alone; no more than `MISFITS_SHOWN` are told. A bank holiday
        that was seeded over them, or a busy time from outside, asks nobody.
        """
        allow(by, Role.SCHEDULER)
        now = self.office.clock.now()
        why: dict[str, frozenset[Misfit]] = {}
        after = now, ""
        async with self.office.store.read() as tx:
            ground = await tx.rota.ground(self.office.rules.zone)
            # There may be very many: a few at a time, so that nobody else waits for long.
            while places := await tx.ahead.places(now, after, JUDGED_AT_ONCE, staff):
                why |= {one: found for one, place in places if (found := ground.misfits(place))}
                if len(why) >= MISFITS_SHOWN or len(places) < JUDGED_AT_ONCE:
                    break
                after = places[-1][1].start, places[-1][0]
            ahead = await tx.ahead.those(list(why)[:MISFITS_SHOWN])
        return [Displaced(one, why[one.booking.id]) for one in ahead]

    async def everybody(self, by: Staff) -> list[PersonRota]:
        """Return the rota of all who invigilate, by name."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            staff = await tx.people.all_staff()
            return await self._rotas(tx, [one for one in staff if one.is_a(Role.INVIGILATOR)])

    async def person(self, by: Staff, staff: str) -> PersonRota:
        """Return everything of one person's rota, to a scheduler or to themselves.

        Raises `NotFound` for who does not invigilate.
        """
        if by.id != staff:
            allow(by, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            one = await tx.people.staff(staff)
            if one is None or not one.is_a(Role.INVIGILATOR):
                raise NotFound("invigilator", staff)
            return (await self._rotas(tx, [one]))[0]

    async def _rotas(self, tx: Tx, people: Sequence[Staff]) -> list[PersonRota]:
        now, day = self.office.clock.now(), today(self.office)
        whose = people[0].id if len(people) == 1 else None
        shifts = _by_staff(await tx.rota.shifts(whose), lambda one: one.shift.staff)
        leaves = _by_staff(await tx.rota.leaves(whose), lambda one: one.leave.staff)
        lanes = _by_staff(await tx.rota.lanes(whose), lambda one: one.staff)
        skills = await tx.rota.skills()
        times = [one for one in await tx.rota.busy_times() if one.end > now]
        busy = _by_staff(times, lambda one: one.staff)
        found = []
        for person in people:
            own, mine = shifts.get(person.id, []), tuple(busy.get(person.id, ()))
            # Few have busy times; of the others nobody's bookings need to be read.
            ahead = await tx.ahead.bookings(now, person.id) if mine else []
            found.append(
                PersonRota(
                    staff=person,
                    week=week_of(own, day),
                    coming=_coming(own, day),
                    extras=tuple(one for one in own if one.extra and one.shift.first >= day),
                    leave=tuple(one for one in leaves.get(person.id, ()) if one.leave.end > now),
                    capacity=sum(not one.retired for one in lanes.get(person.id, ())),
                    assessments=skills.get(person.id, frozenset()),
                    busy=mine,
                    touched=tuple(one for one in ahead if _touches(one, mine)),
                )
            )
        return found

    # --- changing ---

    async def change(
        self, by: Staff, change: Change, given: Mapping[str, Fate] = NO_FATES
    ) -> list[Sitting]:
        """Make a change of the rota, and of every booking that it displaces what was decided.

        `given` are the fates by booking id. Returns the sittings that were changed. Raises
        `Displaces`, and changes nothing, when a displaced booking has no fate or when a fate
        cannot be carried out; fates of bookings that are not displaced are left aside. Raises
        also what the change itself raises.
        """
        allow(by, Role.SCHEDULER)
        try:
            async with self.office.store.write() as tx:
                return await self._change(tx, by, change, given)
        except _Stop as stop:
            displaced = await stop.prospect.proposals_for(stop.displaced)
            raise Displaces(displaced, stop.mistakes) from None

    async def _change(
        self, tx: Tx, by: Staff, change: Change, given: Mapping[str, Fate]
    ) -> list[Sitting]:
        displaced, prospect = await self._make(tx, by, change)
        if any(each.one.booking.id not in given for each in displaced):
            raise _Stop(displaced, prospect, {})
        who = actor(by, Role.SCHEDULER)
        done, mistakes = await fates.carry_out(self.office, tx, who, prospect, displaced, given)
        if mistakes:
            raise _Stop(displaced, prospect, mistakes)
        return done

    async def preview(self, by: Staff, change: Change) -> list[Displaced]:
        """Return the bookings that a change would displace, with proposals; nothing is changed."""
        allow(by, Role.SCHEDULER)
        try:
            async with self.office.store.write() as tx:
                await self._roll_back(tx, by, change)
        except _Stop as stop:
            return await stop.prospect.proposals_for(stop.displaced)

    async def _roll_back(self, tx: Tx, by: Staff, change: Change) -> NoReturn:
        displaced, prospect = await self._make(tx, by, change)
        raise _Stop(displaced, prospect, {})

    async def _make(self, tx: Tx, by: Staff, change: Change) -> tuple[list[Displaced], Prospect]:
        """Make the change, and return what it displaces; bookings slip to free lanes by themselves.

        The office's own calendar is not asked: it would keep what may be rolled back.
        """
        office, zone = self.office, self.office.rules.zone
        await tx.rota.changing()
        before = await tx.rota.ground(zone)
        made = await change.apply(tx, office)
        who = actor(by, Role.SCHEDULER)
        await office.note(tx, who, change.action, made.subject, made.before, made.after)
        after = await tx.rota.ground(zone)
        now = office.clock.now()
        displaced = []
        for one in await self._concerned(tx, made, now):
            new = _new(one, before, after)
            if Misfit.NO_LANE in new and await tx.ahead.slip(one.booking, sorted(after.seats)):
                new -= {Misfit.NO_LANE}
            if new:
                displaced.append(Displaced(one, frozenset(new)))
        return displaced, await self._prospect(tx, displaced, now)

    async def _concerned(self, tx: Tx, made: Made, now: datetime) -> list[Ahead]:
        """Return the bookings that a change may displace: few of all that lie ahead."""
        if made.day is None:
            return await tx.ahead.bookings(now, made.subject)
        # Hours may reach over midnight, and so may a session.
        start, end = whole_days(made.day - DAY, made.day + DAY, self.office)
        return await tx.ahead.bookings(now, None, Window(start, end))

    async def _prospect(self, tx: Tx, displaced: Sequence[Displaced], now: datetime) -> Prospect:
        office = self.office
        calendar = await tx.rota.calendar(office.rules.zone)
        starts = [each.one.booking.start for each in displaced] or [now]
        # A week more: what somebody has to do is counted by the week.
        reach = PROPOSED_WITHIN + timedelta(days=8)
        holds = await tx.rota.holds(min(starts) - reach, max(starts) + reach)
        names = {one.id: one.name for one in await tx.people.all_staff()}
        return Prospect(replace(calendar, holds=holds), names, now, office.rules.buffer)

    async def close_holidays(self, of_year: Callable[[int], list[tuple[date, str]]]) -> int:
        """Close the bank holidays of this year and the next; return how many days were added.

        Each year once: a day that a scheduler has opened again stays open. Nobody is asked about
        bookings on them: those are among the `misfits`. `of_year` may block.
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
            await tx.rota.changing()
            if await tx.rota.holidays_until() != known:
                return 0  # another process was faster
            return await tx.rota.close_holidays(days, years[-1])


def _by_staff(rows: Iterable[T], whose: Callable[[T], str]) -> dict[str, list[T]]:
    """Return rows by the person whose they are, in their order."""
    found: dict[str, list[T]] = {}
    for one in rows:
        found.setdefault(whose(one), []).append(one)
    return found


def _coming(
    own: Sequence[KeptShift], day: date
) -> tuple[tuple[date, tuple[tuple[Hours, ...], ...]], ...]:
    """Return the weeks that begin after a day, each with its first day."""
    first_days = {one.shift.first for one in own if not one.extra}
    # A week that ends without another one after it is a change, too.
    first_days |= {one.shift.last + DAY for one in own if one.shift.last and not one.extra}
    return tuple((first, week_of(own, first)) for first in sorted(first_days) if first > day)


def _new(one: Ahead, before: Ground, after: Ground) -> set[Misfit]:
    """Return what stands against a booking now and did not before."""
    place = place_of(one)
    now = set(after.misfits(place) & OURS)
    return now - before.misfits(place) if now else now


def _touches(one: Ahead, times: Sequence[Leave]) -> bool:
    start, until = one.booking.start, one.booking.hold_until
    return any(time.start < until and start < time.end for time in times)


def whole_days(first: date, last: date, office: Office) -> tuple[datetime, datetime]:
    """Return the absolute time of these days of the office, both included."""
    zone = office.rules.zone
    start = datetime(first.year, first.month, first.day, tzinfo=zone)
    after = last + DAY
    end = datetime(after.year, after.month, after.day, tzinfo=zone)
    return start.astimezone(UTC), end.astimezone(UTC)
