"""The changes of the rota and of the office's hours, each a value that knows how to be made.

`RotaDesk.change` makes one, together with what becomes of the bookings that it displaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Final, Protocol

from invigilation import record
from invigilation.desk.office import Office, new_id
from invigilation.errors import InvalidInput, NotFound
from invigilation.office_hours import DAY, MIDNIGHT, Hours
from invigilation.people import Role
from invigilation.record import Data
from invigilation.slots import Leave, Shift
from invigilation.store import Tx
from invigilation.store.rota import KeptShift

NOTE_LIMIT: Final = 200
MOST_AT_ONCE: Final = 12
"""How many learners one person may watch at once."""
STRETCHES_A_DAY: Final = 4
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Made:
    """A change that was made, for the audit log; `subject` is a person's id or a day.

    With a `day` it concerns everybody's bookings around it, else all of that person.
    """

    subject: str
    before: Data | None
    after: Data | None
    day: date | None = None


class Change(Protocol):
    """A change of the rota; `action` is its word in the audit log."""

    @property
    def action(self) -> str:
        """Return the word of the audit log, like `leave.added`."""

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Make the change; raises `InvalidInput` or `NotFound`."""


@dataclass(frozen=True, slots=True)
class AddLeave:
    """Somebody is away, from `start` to before `end` (aware)."""

    staff: str
    start: datetime
    end: datetime
    note: str = ""
    action = "leave.added"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Insert the leave."""
        del office
        await _invigilator(tx, self.staff)
        if self.end <= self.start:
            raise InvalidInput("end", "The end must be after the start.")
        note = _text("note", self.note)
        leave = Leave(self.staff, self.start, self.end)
        await tx.rota.add_leave(new_id("lv"), leave, note)
        return Made(self.staff, None, _away(leave, note))


@dataclass(frozen=True, slots=True)
class RemoveLeave:
    """Take a leave back."""

    leave: str
    action = "leave.removed"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Delete the leave."""
        del office
        found = next((one for one in await tx.rota.leaves() if one.id == self.leave), None)
        if found is None:
            raise NotFound("leave", self.leave)
        await tx.rota.remove_leave(found.id)
        return Made(found.leave.staff, _away(found.leave, found.note), None)


@dataclass(frozen=True, slots=True)
class AddShift:
    """Add one weekly shift to what is there."""

    shift: Shift
    action = "shift.added"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Insert the shift."""
        del office
        await _invigilator(tx, self.shift.staff)
        if self.shift.last is not None and self.shift.last < self.shift.first:
            raise InvalidInput("last", "The last day must not be before the first.")
        await tx.rota.add_shift(new_id("sh"), self.shift)
        return Made(self.shift.staff, None, _weekly(self.shift))


@dataclass(frozen=True, slots=True)
class EndShift:
    """Let a weekly shift hold until `last`, included; before its first day it is taken away."""

    shift: str
    last: date
    action = "shift.ended"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Write the last day, or delete the shift."""
        del office
        found = _shift(await tx.rota.shifts(), self.shift)
        await _end(tx, found, self.last)
        return Made(
            found.shift.staff, _weekly(found.shift), {"shift": found.id, "last": str(self.last)}
        )


@dataclass(frozen=True, slots=True)
class SetWeek:
    """A person's whole week from the day `first` on: seven days of stretches, Monday first.

    What was the week before ends the day before; extra hours by date stay.
    """

    staff: str
    first: date
    week: tuple[tuple[Hours, ...], ...]
    action = "week.set"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """End the old shifts and insert the new ones."""
        await _invigilator(tx, self.staff)
        if self.first < today(office):
            raise InvalidInput("first", "Enter today or a later day: what is past stays.")
        if len(self.week) != 7:
            raise ValueError(f"a week has 7 days, not {len(self.week)}")
        for name, stretches in zip(WEEKDAYS, self.week, strict=True):
            _apart(name, stretches)
        before = [one for one in await tx.rota.shifts(self.staff) if not one.extra]
        for one in before:
            if one.shift.last is None or one.shift.last >= self.first:
                await _end(tx, one, self.first - DAY)
        for weekday, stretches in enumerate(self.week):
            for hours in stretches:
                shift = Shift(self.staff, weekday, hours, self.first, None)
                await tx.rota.add_shift(new_id("sh"), shift)
        return Made(
            self.staff,
            {"week": _in_words(week_of(before, self.first - DAY))},
            {"first": str(self.first), "week": _in_words(self.week)},
        )


@dataclass(frozen=True, slots=True)
class AddExtra:
    """Somebody works these hours on one day, beside what their week says."""

    staff: str
    day: date
    hours: Hours
    action = "extra.added"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Insert a shift of one day."""
        await _invigilator(tx, self.staff)
        if self.day < today(office):
            raise InvalidInput("day", "This day is over. Enter one that lies ahead.")
        shift = Shift(self.staff, self.day.weekday(), self.hours, self.day, self.day)
        await tx.rota.add_shift(new_id("sh"), shift)
        return Made(self.staff, None, _weekly(shift))


@dataclass(frozen=True, slots=True)
class RemoveExtra:
    """Take extra hours of a person back."""

    shift: str
    action = "extra.removed"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Delete the shift."""
        del office
        found = _shift(await tx.rota.shifts(), self.shift)
        if not found.extra:
            raise NotFound("extra hours", self.shift)
        await tx.rota.remove_shift(found.id)
        return Made(found.shift.staff, _weekly(found.shift), None)


@dataclass(frozen=True, slots=True)
class SetCapacity:
    """Somebody watches at most `learners` at once, from 1 to 12."""

    staff: str
    learners: int
    action = "capacity.set"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Retire the highest lanes, or put lanes back and add new ones."""
        del office
        await _invigilator(tx, self.staff)
        if not 1 <= self.learners <= MOST_AT_ONCE:
            raise InvalidInput("learners", f"Enter a number from 1 to {MOST_AT_ONCE}.")
        lanes = await tx.rota.lanes(self.staff)
        used = [one for one in lanes if not one.retired]
        for spare in used[self.learners :]:
            await tx.rota.retire([spare.id], retired=True)
        missing = self.learners - len(used)
        for lane in [one for one in lanes if one.retired][: max(missing, 0)]:
            await tx.rota.retire([lane.id], retired=False)
            missing -= 1
        top = max((one.lane for one in lanes), default=0)
        for number in range(1, missing + 1):
            await tx.rota.add_seat(new_id("sx"), self.staff, top + number)
        return Made(self.staff, {"learners": len(used)}, {"learners": self.learners})


@dataclass(frozen=True, slots=True)
class SetSkills:
    """Somebody takes only these assessments (ids); none of them means every one."""

    staff: str
    assessments: tuple[str, ...]
    action = "skills.set"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Write the skills."""
        del office
        await _invigilator(tx, self.staff)
        for ident in self.assessments:
            if await tx.requests.assessment(ident) is None:
                raise InvalidInput("assessments", "Choose from the list.")
        before = sorted((await tx.rota.skills()).get(self.staff, ()))
        after = sorted(set(self.assessments))
        await tx.rota.set_skills(self.staff, after)
        then, now = ", ".join(before), ", ".join(after)
        return Made(self.staff, {"assessments": then}, {"assessments": now})


@dataclass(frozen=True, slots=True)
class CloseDay:
    """Close the office on a day, with the extra hours that it may have; again is a new reason."""

    day: date
    reason: str
    action = "day.closed"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Insert the closure."""
        del office
        if not self.reason.strip():
            raise InvalidInput("reason", "Say why the office is closed.")
        reason = _text("reason", self.reason)
        opened = [one for one in await tx.rota.openings() if one.day == self.day]
        for one in opened:
            await tx.rota.remove_opening(one.id)
        before = dict(await tx.rota.closures()).get(self.day)
        await tx.rota.close(self.day, reason)
        was: Data = {"closed": before, "hours": ", ".join(_clock(one.hours) for one in opened)}
        return Made(str(self.day), was if before or opened else None, {"closed": reason}, self.day)


@dataclass(frozen=True, slots=True)
class ReopenDay:
    """Take a closure back; without one it is no change."""

    day: date
    action = "day.reopened"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Delete the closure."""
        del office
        before = dict(await tx.rota.closures()).get(self.day)
        await tx.rota.reopen(self.day)
        return Made(str(self.day), None if before is None else {"closed": before}, None, self.day)


@dataclass(frozen=True, slots=True)
class AddOpening:
    """Open the office for some hours on a day; they stand instead of the day's usual ones."""

    day: date
    hours: Hours
    action = "hours.opened"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Insert the opening."""
        del office
        await tx.rota.open(new_id("op"), self.day, self.hours)
        return Made(str(self.day), None, {"hours": _clock(self.hours)}, self.day)


@dataclass(frozen=True, slots=True)
class RemoveOpening:
    """Take extra hours of the office back."""

    opening: str
    action = "hours.removed"

    async def apply(self, tx: Tx, office: Office) -> Made:
        """Delete the opening."""
        del office
        found = [one for one in await tx.rota.openings() if one.id == self.opening]
        if not found:
            raise NotFound("opening", self.opening)
        await tx.rota.remove_opening(self.opening)
        day = found[0].day
        return Made(str(day), {"hours": _clock(found[0].hours)}, None, day)


def today(office: Office) -> date:
    """Return the office's day."""
    return office.clock.now().astimezone(office.rules.zone).date()


def week_of(shifts: Iterable[KeptShift], day: date) -> tuple[tuple[Hours, ...], ...]:
    """Return the weekly pattern that holds on a day, Monday first, without extra hours."""
    holding = [
        one.shift
        for one in shifts
        if not one.extra
        and one.shift.first <= day
        and (one.shift.last is None or day <= one.shift.last)
    ]
    return tuple(
        tuple(sorted((one.hours for one in holding if one.weekday == each), key=lambda h: h.start))
        for each in range(7)
    )


async def _invigilator(tx: Tx, staff: str) -> None:
    person = await tx.people.staff(staff)
    if person is None or not person.is_a(Role.INVIGILATOR):
        raise NotFound("invigilator", staff)


async def _end(tx: Tx, one: KeptShift, last: date) -> None:
    if last < one.shift.first:
        await tx.rota.remove_shift(one.id)
    else:
        await tx.rota.end_shift(one.id, last)


def _shift(shifts: Iterable[KeptShift], ident: str) -> KeptShift:
    found = next((one for one in shifts if one.id == ident), None)
    if found is None:
        raise NotFound("shift", ident)
    return found


def _text(name: str, raw: str) -> str:
    text = " ".join(raw.split())
    if len(text) > NOTE_LIMIT or any(not letter.isprintable() for letter in text):
        raise InvalidInput(name, f"Write plain text of at most {NOTE_LIMIT} letters.")
    return text


def _apart(name: str, stretches: Sequence[Hours]) -> None:
    if len(stretches) > STRETCHES_A_DAY:
        raise InvalidInput(name, f"Enter at most {STRETCHES_A_DAY} stretches a day.")
    for one, after in pairwise(sorted(stretches, key=lambda hours: hours.start)):
        if one.end == MIDNIGHT or after.start < one.end:
            raise InvalidInput(name, f"Two stretches of {name.capitalize()} overlap.")


def _clock(hours: Hours) -> str:
    return f"{hours.start:%H:%M}-{hours.end:%H:%M}"


def _in_words(week: Sequence[Sequence[Hours]]) -> str:
    """Return "monday 09:00-12:00 13:00-17:00, tuesday ..."; days off are left out."""
    return ", ".join(
        " ".join([name, *map(_clock, stretches)])
        for name, stretches in zip(WEEKDAYS, week, strict=True)
        if stretches
    )


def _weekly(shift: Shift) -> Data:
    return {
        "weekday": WEEKDAYS[shift.weekday],
        "hours": _clock(shift.hours),
        "first": str(shift.first),
        "last": None if shift.last is None else str(shift.last),
    }


def _away(leave: Leave, note: str) -> Data:
    return {"start": record.stamp(leave.start), "end": record.stamp(leave.end), "note": note}
