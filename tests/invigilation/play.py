"""An office in which anything may be done in any order: what the property tests play with.

Every act takes plain numbers and makes of them whatever is there to be taken, so that random
numbers do something sensible. What the office refuses must change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import pytest

from invigilation import attendance
from invigilation.desk import changes
from invigilation.desk.bookings import confirm
from invigilation.desk.displaced import Displaces, Fate
from invigilation.desk.office import actor
from invigilation.desk.requests import Ask
from invigilation.errors import InvigilationError
from invigilation.office_hours import Hours, Window
from invigilation.people import Role, Staff
from invigilation.request import Assessment
from invigilation.slots import Shift
from tests import builders
from tests.builders import BACKEND, CONSENT, FixedClock
from tests.invigilation import invariants
from tests.invigilation.invariants import LONDON

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
REQUESTS = 12
BEFORE_SPRING = datetime(2027, 3, 19, 9, tzinfo=UTC)
BEFORE_AUTUMN = datetime(2026, 10, 16, 8, tzinfo=UTC)
SAM = Staff("st_sam", "sam@example.com", "Sam Field", frozenset({Role.SCHEDULER}))
WHO = actor(SAM, Role.SCHEDULER)
STAFF = ("st_ann", "st_bob", "st_cat")
ASSESSMENTS = ("as_psc", "as_sso")
ROTA = {
    "st_ann": (1, time(9), time(13)),
    "st_bob": (2, time(10), time(14)),
    "st_cat": (1, time(13), time(17)),
}
"""Few hours, so that days become full."""


def chosen(items, number):
    """The item that a number means, or None where there is none."""
    items = list(items)
    return items[number % len(items)] if items else None


@dataclass
class Play:
    """An office, and all that can be done in it. `alone` says that nobody else acts meanwhile."""

    store: object
    clock: FixedClock
    alone: bool = True
    desk: object = None
    requests: list[str] = field(default_factory=list)
    holidays: set[date] = field(default_factory=set)
    done: int = 0
    refused: int = 0

    async def open(self):
        """Hire three invigilators and a scheduler, and let learners ask for sessions."""
        self.desk = builders.office(self.store, self.clock)
        async with self.store.write() as tx:
            await tx.people.add_backend(BACKEND)
            for ident, minutes in zip(ASSESSMENTS, (90, 60), strict=True):
                one = Assessment(ident, BACKEND.id, ident[3:], ident, minutes, (), 70)
                await tx.requests.add_assessment(one)
            await tx.people.add_staff(SAM, "")
            for ident, (seats, start, end) in ROTA.items():
                person = Staff(ident, f"{ident}@x.org", ident, frozenset({Role.INVIGILATOR}))
                await tx.people.add_staff(person, "")
                for lane in range(seats):
                    await tx.rota.add_seat(f"{ident}_{lane}", ident, lane)
                for weekday in range(5):
                    shift = Shift(ident, weekday, Hours(start, end), date(2026, 1, 1), None)
                    await tx.rota.add_shift(f"sh_{ident}_{weekday}", shift)
        for number in range(REQUESTS):
            asked = await self.desk.requests.ask(
                Ask(
                    BACKEND.id,
                    f"order-{number}",
                    f"learner-{number}",
                    f"Lea {number}",
                    f"lea{number}@example.com",
                    ASSESSMENTS[number % 2][3:],
                    self.clock.now() + DAY * (5 + 5 * number),
                )
            )
            self.requests.append(asked.request.id)
        return self

    async def _try(self, work):
        """Do something that may be refused; then, if nobody else acts, nothing has changed."""
        before = await invariants.read(self.store) if self.alone else None
        self.clock.go(1)  # so that no two things happen at once
        try:
            result = await work
        except InvigilationError:
            self.refused += 1
            if before is not None:
                assert await invariants.read(self.store) == before, "a refusal changed something"
            return None
        self.done += 1
        return result

    # --- learners and bookings ---

    async def _start(self, request, when):
        """One of the offered starts, or, now and then, any half hour."""
        now = self.clock.now()
        if when % 6 == 5:
            steps = when % 700 if when % 4 else when % 9
            return now.replace(minute=0, second=0, microsecond=0) + 30 * MINUTE * steps
        offered = await self.desk.bookings.starts(request, Window(now, now + 6 * DAY))
        return chosen(offered, when // 6) or now + 2 * DAY

    async def _booked(self, number):
        rows = await invariants.read(self.store)
        return chosen((one for one in rows.bookings if one.state == "booked"), number)

    async def book(self, who, when, *, by_staff, named):
        """Book, by the learner or on the phone, perhaps with an invigilator of one's choice."""
        request = chosen(self.requests, who)
        start = await self._start(request, when)
        staff = chosen(STAFF, named) if by_staff and named % 2 else None
        sitting = await self._try(
            self.desk.bookings.book(
                request,
                start,
                "UTC",
                WHO if by_staff else "learner",
                by_staff=by_staff,
                staff=staff,
            )
        )
        self._notice(sitting, start, by_staff=by_staff)
        assert sitting is None or staff in {None, sitting.staff}

    def _notice(self, made, start, *, by_staff):
        if made is not None:
            assert made.start == start
            least = timedelta(0) if by_staff else self.desk.office.rules.notice
            # Where others act meanwhile, the clock has gone on.
            assert not self.alone or start >= self.clock.now() + least

    async def reserve(self, who, when):
        """Hold a time for somebody who must pay first."""
        request = chosen(self.requests, who)
        start = await self._start(request, when)
        made = await self._try(self.desk.bookings.reserve(request, start, "UTC"))
        if made is not None:
            assert made.start == start

    async def pay(self, number):
        """Confirm a reserved booking, as a payment does, while its time lasts."""
        rows = await invariants.read(self.store)
        one = chosen((one for one in rows.bookings if one.state == "reserved"), number)
        if one is not None and one.reserved_until > self.clock.now():
            await self._try(self._confirm(one.id))

    async def _confirm(self, ident):
        async with self.store.write() as tx:
            held = await tx.bookings.find(ident)
            await confirm(self.desk.office, tx, held, "service")

    async def give_back(self, who):
        """Give a reserved time back before its half hour is over."""
        await self._try(self.desk.bookings.give_back(chosen(self.requests, who)))

    async def move(self, number, when, *, by_staff, named):
        """Move a booking: by its learner, or by staff, perhaps to somebody."""
        one = await self._booked(number)
        if one is None:
            return
        start = await self._start(one.request, when)
        staff = chosen(STAFF, named) if by_staff and named % 2 else None
        who = WHO if by_staff else "learner"
        moved = await self._try(
            self.desk.bookings.move(one.id, start, who, by_staff=by_staff, staff=staff)
        )
        self._notice(moved, start, by_staff=by_staff)

    async def reassign(self, number, named):
        """Give a booking to somebody else at the same time."""
        one = await self._booked(number)
        if one is not None:
            staff = chosen(STAFF, named)
            move = self.desk.bookings.move(one.id, one.start, WHO, by_staff=True, staff=staff)
            await self._try(move)

    async def cancel(self, number, *, by_staff):
        """Cancel a booking."""
        one = await self._booked(number)
        if one is not None:
            who = WHO if by_staff else "learner"
            await self._try(self.desk.bookings.cancel(one.id, "ill", who, by_staff=by_staff))

    async def wait(self, who, days):
        """Join the line for one of the next days."""
        first = datetime.combine(self._day(days), time(), LONDON).astimezone(UTC)
        await self._try(
            self.desk.waiting.join(chosen(self.requests, who), first, first + DAY, "UTC")
        )

    async def crowd(self, days, choice):
        """Open two hours of a day, book all of them, and let the others stand in line."""
        day = self._day(days)
        await self.change(changes.AddOpening(day, Hours(time(10), time(12))), choice)
        first = datetime.combine(day, time(), LONDON).astimezone(UTC)
        for request in self.requests:
            offered = await self.desk.bookings.starts(request, Window(first, first + DAY))
            if offered:
                await self._try(self.desk.bookings.book(request, offered[0], "UTC"))
            else:
                await self._try(self.desk.waiting.join(request, first, first + DAY, "UTC"))

    async def answer_offer(self, number, *, accept):
        """Accept what was offered, or leave the line."""
        rows = await invariants.read(self.store)
        one = chosen((o for o in rows.waiting if o[2] in {"offered", "waiting"}), number)
        if one is not None:
            answer = self.desk.waiting.accept if accept else self.desk.waiting.leave
            await self._try(answer(one[1], one[0]))

    # --- the clock ---

    async def sweep(self):
        """What the clock asks for."""
        await self.desk.bookings.lapse()
        await self.desk.waiting.offer()
        await self.desk.attendance.sweep()
        if self.alone:
            rows, now = await invariants.read(self.store), self.clock.now()
            late = [o for o in rows.bookings if o.state == "reserved" and o.reserved_until <= now]
            assert late == []

    async def go(self, length):
        """Let time pass."""
        self.clock.go(length.total_seconds())
        await self.sweep()

    async def come(self, number):
        """A learner checks in, ten minutes before the start of a booking."""
        one = await self._booked(number)
        if one is None or attendance.opens(one.start) < self.clock.now():
            return
        self.clock.go_to(one.start - 10 * MINUTE)
        await self.sweep()
        session = await self.desk.bookings.find(one.id)
        await self._try(self.desk.sessions.check_in(session.session, CONSENT))

    # --- the rota ---

    def _day(self, days):
        return self.clock.now().astimezone(LONDON).date() + DAY * (days % 12)

    async def change(self, change, choice):
        """Make a change of the rota, with a fate for each booking that it displaces."""
        await self._try(self._change(change, choice))

    async def _change(self, change, choice):
        rota = self.desk.rota
        displaced = await rota.preview(SAM, change)
        fates = {each.one.booking.id: fate(each, choice + n) for n, each in enumerate(displaced)}
        if displaced and choice % 5 == 4 and self.alone:
            with pytest.raises(Displaces) as refused:
                await rota.change(SAM, change)
            asked = {each.one.booking.id for each in refused.value.displaced}
            assert asked == fates.keys()
        await rota.change(SAM, change, fates)

    async def go_away(self, who, days, hours, choice):
        """Take leave."""
        first = datetime.combine(self._day(days), time(9), LONDON).astimezone(UTC)
        start = first + HOUR * (hours % 8)
        away = changes.AddLeave(chosen(STAFF, who), start, start + HOUR * (1 + hours % 30))
        await self.change(away, choice)

    async def come_back(self, number, choice):
        """Take a leave back."""
        async with self.store.read() as tx:
            one = chosen(await tx.rota.leaves(), number)
        if one is not None:
            await self.change(changes.RemoveLeave(one.id), choice)

    async def close(self, days, choice):
        """Close a day."""
        await self.change(changes.CloseDay(self._day(days), "Fire drill"), choice)

    async def reopen(self, number, choice):
        """Open a day again."""
        day = chosen((day for day, _ in await self.desk.rota.closures()), number)
        if day is not None:
            await self.change(changes.ReopenDay(day), choice)

    async def open_hours(self, days, hour, choice):
        """Open the office for a few hours on a day, instead of its usual ones."""
        first = 8 + hour % 8
        hours = Hours(time(first), time(first + 4))
        await self.change(changes.AddOpening(self._day(days), hours), choice)

    async def shut_hours(self, number, choice):
        """Take such hours back."""
        one = chosen(await self.desk.rota.openings(), number)
        if one is not None:
            await self.change(changes.RemoveOpening(one.id), choice)

    async def new_week(self, who, days, hour, choice):
        """Another weekly pattern for somebody, from a day on."""
        first = 8 + hour % 6
        day = (Hours(time(first), time(first + 3 + hour % 5)),)
        week = tuple(() if weekday in {hour % 7, 5, 6} else day for weekday in range(7))
        change = changes.SetWeek(chosen(STAFF, who), self._day(days), week)
        await self.change(change, choice)

    async def extra(self, who, days, hour, choice):
        """Extra hours of somebody."""
        first = 9 + hour % 5
        hours = Hours(time(first), time(first + 3))
        await self.change(changes.AddExtra(chosen(STAFF, who), self._day(days), hours), choice)

    async def capacity(self, who, learners, choice):
        """So many learners at once."""
        await self.change(changes.SetCapacity(chosen(STAFF, who), 1 + learners % 3), choice)

    async def skills(self, who, which, choice):
        """What somebody takes: one assessment, or every one."""
        only = chosen(((), ASSESSMENTS[:1], ASSESSMENTS[1:]), which)
        await self.change(changes.SetSkills(chosen(STAFF, who), only), choice)

    async def holiday(self, days):
        """A bank holiday is seeded over whatever is booked; each year once."""
        day = self._day(days)
        added = await self.desk.rota.close_holidays(
            lambda year: [(day, "Jubilee")] if year == day.year else []
        )
        if added:
            self.holidays.add(day)

    async def busy(self, who, days, hours):
        """Somebody's own calendar has something on a day."""
        staff = chosen(STAFF, who)
        start = datetime.combine(self._day(days), time(11), LONDON).astimezone(UTC)
        if await self.desk.busy.source(staff) is None:
            await self.desk.busy.set_source(SAM, staff, "https://example.com/own.ics", "UTC")
        source = await self.desk.busy.source(staff)
        await self.desk.busy.replace(source, [(start, start + HOUR * (1 + hours % 4))])

    # --- what must hold ---

    async def check(self, before=None):
        """Everything that must hold; return what was read."""
        rows, now = await invariants.read(self.store), self.clock.now()
        wrong = list(invariants.broken(rows, now, self.holidays))
        assert not wrong, wrong
        listed = {each.one.booking.id for each in await self.desk.rota.misfits(SAM)}
        unfit = invariants.unfit(rows, now)
        assert listed == unfit.keys(), f"listed {listed}, and not {unfit}"
        impossible = [] if before is None else invariants.unlawful(before, rows)
        assert not impossible, impossible
        return rows


def fate(each, choice):
    """Choose what becomes of a displaced booking: one of the proposals, or its end."""
    proposal = chosen(each.proposals, choice)
    if proposal is None or choice % 4 == 0:
        return Fate.cancel("The office is closed.")
    if proposal.start == each.one.booking.start:
        return Fate.reassign(proposal.staff)
    return Fate.move(proposal.start, proposal.staff if choice % 2 else None)
