"""Receipts: what became of a request, from beginning to end, for its learner to keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from invigilation.booking import BookingState
from invigilation.charge import Charge
from invigilation.desk.office import LEARNER, Office
from invigilation.onboard import Verification
from invigilation.record import Entry
from invigilation.store.receipts import Kept, Paid

HELD, LAPSED, ONBOARD = "held", "lapsed", "onboard_accepted"
RESERVED = frozenset({BookingState.RESERVED, BookingState.LAPSED})


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, at `at` (aware UTC).

    `kind` is that of the record's entry, `held` and `lapsed` for a time that was only reserved,
    `onboard_accepted` for the `officer` on board, or `charge_` with the charge's state. `start` is
    the session's start that it is about, `before` the one that a move left; `state` is how a missed
    session was judged. `by_learner` says who did it. `booking` and `payment` are references.
    """

    at: datetime
    kind: str
    booking: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    before: datetime | None = None
    state: BookingState | None = None
    reason: str = ""
    by_learner: bool = False
    charge: Charge | None = None
    payment: str | None = None
    officer: Verification | None = None


@dataclass(frozen=True, slots=True)
class ReceiptDesk:
    """Tells learners what became of their requests."""

    office: Office

    async def of(self, request: str) -> list[Line]:
        """Return all that happened to a request, oldest first; nothing for one that is unknown."""
        async with self.office.store.read() as tx:
            kept = await tx.receipts.bookings(request)
            entries = await tx.receipts.entries([one.session for one in kept if one.session])
            back = await tx.receipts.given_back([one.booking.id for one in kept])
            officer = await tx.receipts.accepted(request)
            charges = await tx.receipts.charges(request)
        lines: list[Line] = []
        for one in kept:
            own = [entry for entry in entries if entry.session == one.session]
            lines.extend(_lines(one, own, back.get(one.booking.id)))
        if officer is not None and officer.reviewed is not None:
            lines.append(Line(officer.reviewed, ONBOARD, officer=officer))
        lines.extend(_charged(charges))
        return sorted(lines, key=lambda line: line.at)


def _lines(kept: Kept, entries: list[Entry], given_back: datetime | None) -> Iterator[Line]:
    """Yield what happened to one booking."""
    one = kept.booking
    if one.state in RESERVED:
        yield Line(one.placed, HELD, one.id, one.start, one.end)
        if one.state is BookingState.LAPSED:
            # What nobody gave back came back when its time was over.
            over = given_back or one.reserved_until or one.placed
            yield Line(over, LAPSED, one.id, one.start, one.end)
        return
    start, length = one.start, one.end - one.start
    for entry in entries:
        line, start = _line(entry, kept, start, length)
        yield line


def _line(entry: Entry, kept: Kept, start: datetime, length: timedelta) -> tuple[Line, datetime]:
    """Return the line of an entry, and the session's start after it."""
    data = entry.data
    before = None
    if entry.kind in {"booked", "moved"}:
        start = datetime.fromisoformat(str(data["start"]))
    if entry.kind == "moved":
        before = datetime.fromisoformat(str(data["from"]))
    state = BookingState(str(data["state"])) if entry.kind == "attendance_decided" else None
    ended = entry.kind in {"cancelled", "refuse", "stop"}
    reason = str(data.get("why") or data.get("reason") or "")
    return (
        Line(
            entry.at,
            entry.kind,
            kept.booking.id,
            start,
            start + length,
            before,
            state,
            reason or (kept.reason or "" if ended else ""),
            entry.actor == LEARNER,
        ),
        start,
    )


def _charged(charges: list[Paid]) -> Iterator[Line]:
    for one in charges:
        charge = one.charge
        yield Line(
            one.since,
            f"charge_{charge.state.value}",
            charge.booking,
            charge=charge,
            payment=one.payment,
        )
