"""What must hold of the calendar whatever happens: read from the rows, and judged naively.

Nothing of the fast search is shared: a booking is looked at quarter hour by quarter hour, as
London's clocks show it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import text

from invigilation.booking import TABLE

LONDON = ZoneInfo("Europe/London")
QUARTER = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OCCUPIED = frozenset({"reserved", "booked", "no_show_proposed", "attended"})
"""While a booking is in one of these, its invigilator can do nothing else in that lane."""
ACTIVE = frozenset({"reserved", "booked", "no_show_proposed"})
WEEK = {0: (540, 1020), 1: (540, 1020), 2: (540, 1020), 3: (540, 1020), 4: (540, 900)}
"""London minutes of the day, by weekday."""
FINAL = frozenset({"cancelled", "lapsed", "provider_fault", "technical_unresolved", "excused"})

QUERIES = {
    "bookings": 'SELECT id, request, seat, staff, start, "end", hold_until, state, sequence,'
    " reserved_until FROM booking ORDER BY placed, request, start, id",
    "seats": "SELECT id, staff, retired FROM seat ORDER BY id",
    "shifts": 'SELECT staff, weekday, start_minute, end_minute, "first", "last" FROM shift'
    " ORDER BY id",
    "leaves": 'SELECT staff, start, "end" FROM leave ORDER BY id',
    "closures": "SELECT day FROM closure ORDER BY day",
    "openings": "SELECT day, start_minute, end_minute FROM opening ORDER BY id",
    "skills": "SELECT staff, assessment FROM skill ORDER BY staff, assessment",
    "busy": 'SELECT staff, start, "end" FROM busy ORDER BY id',
    "requests": "SELECT id, state, licence_until, assessment FROM request ORDER BY id",
    "sessions": "SELECT id, booking, state FROM session ORDER BY id",
    "waiting": "SELECT id, request, state, booking FROM waiting ORDER BY created, id",
    "mails": "SELECT session, channel, type FROM delivery ORDER BY id",
    "lapses": "SELECT body FROM delivery WHERE type IN ('reservation_lapsed', 'offer_lapsed')",
    "returned": "SELECT subject FROM audit WHERE action = 'reservation.given_back'",
    "records": "SELECT session, kind, body FROM event WHERE kind IN"
    " ('booked', 'moved', 'cancelled', 'attendance_decided') ORDER BY session, seq",
}


@dataclass(frozen=True)
class Booked:
    """A row of a booking."""

    id: str
    request: str
    seat: str
    staff: str
    start: datetime
    end: datetime
    until: datetime
    state: str
    sequence: int
    reserved_until: datetime | None


@dataclass(frozen=True)
class Rows:
    """All rows that matter, as they are in the tables."""

    tables: dict[str, list[tuple]]
    bookings: list[Booked] = field(compare=False)

    def __getattr__(self, name):
        try:
            return self.tables[name]
        except KeyError:
            raise AttributeError(name) from None


async def read(store) -> Rows:
    """Read everything in one transaction."""
    tables = {}
    async with store.read() as tx:
        for name, query in QUERIES.items():
            rows = await tx.bookings._db.execute(text(query))
            tables[name] = [tuple(row) for row in rows]
    bookings = [
        Booked(*row[:4], at(row[4]), at(row[5]), at(row[6]), row[7], row[8], at(row[9]))
        for row in tables["bookings"]
    ]
    return Rows(tables, bookings)


def at(micro):
    return None if micro is None else EPOCH + timedelta(microseconds=micro)


def misfits(rows: Rows, one: Booked) -> set[str]:
    """Why a booking does not fit where it is, by the words of `fitting.Misfit`."""
    found = set()
    seat = next(row for row in rows.seats if row[0] == one.seat)
    if seat[2]:
        found.add("no_lane")
    assert seat[1] == one.staff, "a booking's seat is its invigilator's"
    able = {row[1] for row in rows.skills if row[0] == one.staff}
    request = next(row for row in rows.requests if row[0] == one.request)
    if able and request[3] not in able:
        found.add("no_skill")
    moment = one.start
    while moment < one.until:
        found |= _wrong_at(rows, one.staff, moment)
        moment += QUARTER
    return found


def _wrong_at(rows, staff, moment):
    wall = moment.astimezone(LONDON)
    day, minute = wall.date(), wall.hour * 60 + wall.minute
    wrong = set()
    if not _open(rows, day, minute):
        wrong.add("closed")
    on_duty = any(
        who == staff
        and weekday == day.weekday()
        and first <= day.toordinal()
        and (last is None or day.toordinal() <= last)
        and start <= minute < end
        for who, weekday, start, end, first, last in rows.shifts
    )
    if not on_duty:
        wrong.add("off_duty")
    for word, times in (("away", rows.leaves), ("busy", rows.busy)):
        if any(
            who == staff and at(start) < moment + QUARTER and moment < at(end)
            for who, start, end in times
        ):
            wrong.add(word)
    return wrong


def _open(rows, day: date, minute: int) -> bool:
    extra = [row for row in rows.openings if row[0] == day.toordinal()]
    if extra:
        return any(start <= minute < end for _, start, end in extra)
    if (day.toordinal(),) in rows.closures or day.weekday() not in WEEK:
        return False
    start, end = WEEK[day.weekday()]
    return start <= minute < end


def unfit(rows: Rows, now: datetime) -> dict[str, set[str]]:
    """The bookings ahead that do not fit, with why."""
    waiting = {booking for _, booking, state in rows.sessions if state == "scheduled"}
    found = {}
    for one in rows.bookings:
        ahead = one.state == "reserved" or (one.state == "booked" and one.id in waiting)
        if ahead and one.start > now and (why := misfits(rows, one)):
            found[one.id] = why
    return found


def broken(rows: Rows, now: datetime, holidays: set[date] = frozenset()) -> list[str]:
    """Everything that is wrong; `holidays` were seeded, and so asked nobody."""
    return [
        *_overlaps(rows),
        *_too_many_at_once(rows),
        *_out_of_place(rows, now, holidays),
        *_entitlements(rows),
        *_sessions(rows),
        *_untold(rows),
        *_lines(rows),
    ]


def _overlaps(rows):
    """Two on one seat, their buffers included."""
    seats = defaultdict(list)
    for one in rows.bookings:
        if one.state in OCCUPIED:
            seats[one.seat].append(one)
    for held in seats.values():
        held.sort(key=lambda one: one.start)
        for one, after in pairwise(held):
            if after.start < one.until:
                yield f"{one.id} ({one.state}) and {after.id} ({after.state}) share {one.seat}"


def _too_many_at_once(rows):
    """Nobody watches more learners than they have lanes; those put away count while in use."""
    lanes = Counter(staff for _, staff, _ in rows.seats)
    for one in rows.bookings:
        together = sum(
            other.staff == one.staff
            and other.state in OCCUPIED
            and other.start <= one.start < other.until
            for other in rows.bookings
        )
        if one.state in OCCUPIED and together > lanes[one.staff]:
            yield f"{one.staff} watches {together} at {one.start}"


def _out_of_place(rows, now, holidays):
    for ident, why in unfit(rows, now).items():
        one = next(one for one in rows.bookings if one.id == ident)
        excused = {"busy"}
        if one.start.astimezone(LONDON).date() in holidays:
            excused.add("closed")
        if why - excused:
            yield f"{ident} at {one.start} does not fit: {sorted(why)}"
    for one in rows.bookings:
        wall = one.start.astimezone(LONDON)
        if (wall.minute % 30, wall.second, wall.microsecond) != (0, 0, 0):
            yield f"{one.id} is off the grid"


def _entitlements(rows):
    active = Counter(one.request for one in rows.bookings if one.state in ACTIVE)
    yield from (f"{request} has {n} bookings" for request, n in active.items() if n > 1)
    held = {one.request for one in rows.bookings if one.state in {"booked", "no_show_proposed"}}
    licences = {row[0]: at(row[2]) for row in rows.requests}
    for ident, state, _, _ in rows.requests:
        if (state == "booked") != (ident in held):
            yield f"{ident} is {state}"
    for one in rows.bookings:
        if one.state in ACTIVE and one.end > licences[one.request]:
            yield f"{one.id} ends after its licence"


def _sessions(rows):
    """Whatever was booked has one session; what was only reserved has none."""
    count = Counter(booking for _, booking, _ in rows.sessions)
    states = {booking: state for _, booking, state in rows.sessions}
    for one in rows.bookings:
        wanted = 0 if one.state in {"reserved", "lapsed"} else 1
        if count[one.id] != wanted:
            yield f"{one.id} ({one.state}) has {count[one.id]} sessions"
        if one.state == "cancelled" and states.get(one.id) != "closed":
            yield f"{one.id} is cancelled and its session {states.get(one.id)}"


def _untold(rows):
    """Every change of a booking has its letter and its webhook, once."""
    due: Counter[tuple[str, str, str]] = Counter()
    for session, kind, body in rows.records:
        data = json.loads(bytes(body))["data"]
        if kind == "moved" and data["from"] == data["start"]:
            continue  # another invigilator is no news to the learner
        webhook = {
            "booked": "booking.made",
            "moved": "booking.moved",
            "cancelled": "booking.cancelled",
            "attendance_decided": "attendance.decided",
        }[kind]
        letter = "attendance" if kind == "attendance_decided" else kind
        due[session, "webhook", webhook] += 1
        due[session, "mail", letter] += 1
    told = {kind for _, _, kind in due}
    sent = Counter(mail for mail in rows.mails if mail[2] in told)
    for key in due.keys() | sent.keys():
        if due[key] != sent[key]:
            yield f"{key}: {due[key]} changes, {sent[key]} sent"
    lapses = Counter(json.loads(bytes(row[0]))["request"] for row in rows.lapses)
    by_hand = {row[0] for row in rows.returned}
    silent = Counter(
        one.request for one in rows.bookings if one.state == "lapsed" and one.id not in by_hand
    )
    for request, n in silent.items():
        if lapses[request] < n:
            yield f"{request} lost {n} reservations and heard of {lapses[request]}"


def _lines(rows):
    states = {one.id: one.state for one in rows.bookings}
    for ident, _, state, booking in rows.waiting:
        if state == "offered" and states.get(booking) != "reserved":
            yield f"{ident} is offered {booking}, which is {states.get(booking)}"


def _reachable():
    after = defaultdict(set)
    for (state, _), to in TABLE.items():
        after[state.value].add(to.value)
    for _ in TABLE:  # no way is longer than the table
        for state in list(after):
            after[state] = after[state].union(*(after.get(one, ()) for one in after[state]))
    return after


AFTER = _reachable()


def unlawful(before: Rows, now: Rows) -> list[str]:
    """What cannot have happened between two readings: bookings lost, revived, or counted down."""
    found = []
    current = {one.id: one for one in now.bookings}
    for one in before.bookings:
        after = current.get(one.id)
        if after is None:
            found.append(f"{one.id} is lost")
        elif after.sequence < one.sequence:
            found.append(f"{one.id} counts down")
        elif after.state != one.state and after.state not in AFTER.get(one.state, ()):
            found.append(f"{one.id} went from {one.state} to {after.state}")
        elif (
            after.start != one.start and after.sequence == one.sequence and after.state != "lapsed"
        ):
            found.append(f"{one.id} moved without a new sequence")
    return found
