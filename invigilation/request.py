"""A request: what a backend, or a learner by the public form, asks for; a booking answers it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from invigilation.transitions import advance

LICENCE_MONTHS = 6


class RequestState(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    BOOKED = "booked"
    FULFILLED = "fulfilled"
    WITHDRAWN = "withdrawn"


class RequestEvent(StrEnum):
    """What can happen to a request."""

    BOOK = "book"
    RELEASE = "release"
    FULFIL = "fulfil"
    FULFIL_ON_BOARD = "fulfil_on_board"
    WITHDRAW = "withdraw"


_S, _E = RequestState, RequestEvent
TABLE = {
    (_S.OPEN, _E.BOOK): _S.BOOKED,
    # An officer on board invigilates: nothing is booked.
    (_S.OPEN, _E.FULFIL_ON_BOARD): _S.FULFILLED,
    (_S.OPEN, _E.WITHDRAW): _S.WITHDRAWN,
    (_S.BOOKED, _E.RELEASE): _S.OPEN,
    (_S.BOOKED, _E.FULFIL): _S.FULFILLED,
    # After a dispute, or a sitting that the link broke off, the learner may book again.
    (_S.FULFILLED, _E.RELEASE): _S.OPEN,
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is sat: its length, what may lie on the table, and whether a phone alone will do."""

    id: str
    backend: str
    code: str
    title: str
    minutes: int
    materials: tuple[str, ...]
    pass_mark: int
    phone_allowed: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """One ask for one session, within a licence that ends (exclusive) at `licence_until`."""

    id: str
    backend: str
    reference: str
    learner: str
    assessment: str
    assessment_url: str
    return_url: str
    licence_until: datetime
    state: RequestState
    created: datetime

    def after(self, event: RequestEvent) -> Request:
        """Return the request after the event; raises `IllegalTransition`."""
        return replace(self, state=advance(TABLE, "request", self.state, event))


def licence_end(purchased: date, zone: ZoneInfo) -> datetime:
    """Return the end (exclusive, UTC) of the last licence day: six months from the purchase.

    A day that the last month lacks becomes that month's last day.
    """
    months = purchased.month - 1 + LICENCE_MONTHS
    year, month = purchased.year + months // 12, months % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    last = min(purchased.day, (following - timedelta(days=1)).day)
    return end_of_day(date(year, month, last), zone)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment (UTC) after the day in that zone."""
    return datetime.combine(day + timedelta(days=1), time(0), zone).astimezone(UTC)
