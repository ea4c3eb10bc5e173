"""Charges."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import Booking, BookingState
from invigilation.charge import UNPAID, Charge, ChargeState
from invigilation.people import Learner
from invigilation.request import Request, RequestState
from invigilation.store.audit import Change
from invigilation.store.calendar_rows import waiting
from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.paper_rows import audit, charge
from invigilation.store.rows import assessment, booking, learner, request
from invigilation.waiting import WaitingState


@dataclass(frozen=True, slots=True)
class Owed:
    """A charge, and who owes it."""

    charge: Charge
    learner: Learner


@dataclass(frozen=True, slots=True)
class Chargeable:
    """A request that a charge can be added to."""

    request: str
    reference: str
    title: str
    learner: Learner


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the ledger: a charge went from one state to another, None at its beginning."""

    at: datetime
    charge: Charge
    learner_reference: str
    before: str | None
    after: str
    provider: str
    reference: str
    actor: str


class Charges:
    """Rows of charges; one a missed booking at the most."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, one: Charge) -> None:
        """Insert a charge."""
        await self._db.execute(insert(charge).values(**dump(one)))

    async def hold_learner(self, ident: str) -> None:
        """Let nobody else move this learner's charges and payments until the transaction ends."""
        query = select(learner.c.id).where(learner.c.id == ident).with_for_update()
        await self._db.execute(query)

    async def find(self, ident: str) -> Charge | None:
        """Find a charge, and hold it until the transaction ends."""
        query = all_of(charge, Charge).where(charge.c.id == ident).with_for_update()
        return await self._one(query)

    async def look(self, ident: str) -> Owed | None:
        """Find a charge and who owes it, to be shown: nothing is held."""
        found = await self._owed(_OWED.where(charge.c.id == ident))
        return found[0] if found else None

    async def of_booking(self, booking: str) -> Charge | None:
        """Find the charge that a missed booking gave rise to, and hold it."""
        query = all_of(charge, Charge).where(charge.c.booking == booking).with_for_update()
        return await self._one(query)

    async def of_missed(self, booking: str) -> Charge | None:
        """Return the charge of a missed booking, to be shown: nothing is held."""
        return await self._one(all_of(charge, Charge).where(charge.c.booking == booking))

    async def held_of(self, learner: str) -> list[Charge]:
        """Return a learner's charges that wait for a next request, oldest first; hold them."""
        query = all_of(charge, Charge).where(
            charge.c.learner == learner, charge.c.state == ChargeState.HELD
        )
        rows = await self._db.execute(query.order_by(charge.c.created, *_LINES).with_for_update())
        return [load(Charge, row) for row in rows]

    async def on(self, request: Request) -> list[Charge]:
        """Return what holds a request up, or did: its own charges, and others still due before."""
        earlier = and_(
            charge.c.learner == request.learner,
            charge.c.created <= request.created,
            charge.c.state.in_(sorted(UNPAID)),
        )
        query = all_of(charge, Charge).where(or_(charge.c.request == request.id, earlier))
        rows = await self._db.execute(query.order_by(charge.c.created, *_LINES))
        return [load(Charge, row) for row in rows]

    async def open(self) -> list[Charge]:
        """Return all charges that are held or due, oldest first."""
        query = all_of(charge, Charge).where(
            charge.c.state.in_(sorted({ChargeState.HELD, *UNPAID}))
        )
        rows = await self._db.execute(query.order_by(charge.c.created, *_LINES))
        return [load(Charge, row) for row in rows]

    async def search(
        self, states: Collection[ChargeState], words: str, limit: int, request_like: str = ""
    ) -> list[Owed]:
        """Return charges in these states, newest first.

        `words` must be part of the learner's name, address or reference, or of the charge's title;
        or the charge's request begins with `request_like`.
        """
        query = _OWED.where(charge.c.state.in_(sorted(states)))
        if words:
            like = _like(words, charge.c.title)
            if request_like:
                like = or_(like, charge.c.request.startswith(request_like, autoescape=True))
            query = query.where(like)
        return await self._owed(query.order_by(charge.c.created.desc(), charge.c.id).limit(limit))

    async def chargeable(self, words: str, limit: int) -> list[Chargeable]:
        """Return open and booked requests by a part of the learner's name, address or reference."""
        query = (
            select(
                request.c.id, request.c.reference, assessment.c.title, *columns(learner, Learner)
            )
            .join(assessment, request.c.assessment == assessment.c.id)
            .join(learner, request.c.learner == learner.c.id)
            .where(request.c.state.in_([RequestState.OPEN, RequestState.BOOKED]))
            .where(_like(words, request.c.reference))
            .order_by(learner.c.name, request.c.created.desc())
            .limit(limit)
        )
        rows = await self._db.execute(query)
        return [Chargeable(row[0], row[1], row[2], load(Learner, row[3:])) for row in rows]

    async def reserved_of(self, learner: str, chosen: str = "") -> list[Booking]:
        """Return a learner's times that wait for a payment.

        One that is only offered waits for a word of theirs, unless it is for the request `chosen`.
        """
        offered = exists().where(
            waiting.c.booking == booking.c.id, waiting.c.state == WaitingState.OFFERED
        )
        query = (
            all_of(booking, Booking)
            .join(request, booking.c.request == request.c.id)
            .where(
                request.c.learner == learner,
                booking.c.state == BookingState.RESERVED,
                or_(~offered, booking.c.request == chosen),
            )
            .order_by(booking.c.id)
            .with_for_update(of=booking)
        )
        return [load(Booking, row) for row in await self._db.execute(query)]

    async def movements(self, first: datetime, last: datetime) -> list[Movement]:
        """Return how charges moved from `first` to before `last`, oldest first."""
        query = (
            select(*columns(audit, Change), learner.c.reference, *columns(charge, Charge))
            .join(charge, audit.c.subject == charge.c.id)
            .join(learner, charge.c.learner == learner.c.id)
            .where(audit.c.at >= first, audit.c.at < last, audit.c.action.startswith("charge."))
        )
        rows = await self._db.execute(query.order_by(audit.c.at, charge.c.id))
        found = [_movement(row) for row in rows]
        return sorted(
            (one for one in found if one is not None),
            key=lambda one: (one.at, one.charge.id, _ORDER.get(one.after, 0)),
        )

    async def save(self, one: Charge) -> None:
        """Write a charge's state, request and reason."""
        await self._db.execute(
            update(charge)
            .where(charge.c.id == one.id)
            .values(state=one.state, request=one.request, reason=one.reason, settled=one.settled)
        )

    async def _one(self, query: Select[Any]) -> Charge | None:
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Charge, row)

    async def _owed(self, query: Select[Any]) -> list[Owed]:
        width = len(columns(charge, Charge))
        rows = await self._db.execute(query)
        return [Owed(load(Charge, row[:width]), load(Learner, row[width:])) for row in rows]


# Of charges made in one moment, what was missed comes before what was added.
_LINES = (charge.c.booking.is_(None), charge.c.id)
_OWED = (
    all_of(charge, Charge)
    .add_columns(*columns(learner, Learner))
    .join(learner, charge.c.learner == learner.c.id)
)
_ORDER = {state.value: rank for rank, state in enumerate(ChargeState)}
"""Of two movements in one instant, the one that leads less far came first."""


def _like(words: str, *more: ColumnElement[str]) -> ColumnElement[bool]:
    known = (learner.c.name, learner.c.email, learner.c.reference, *more)
    return or_(*(one.icontains(words, autoescape=True) for one in known))


def _movement(row: Any) -> Movement | None:
    """Read a line of the ledger from the audit log; None for a note that moved nothing."""
    width = len(columns(audit, Change))
    change, charge_ = load(Change, row[:width]), load(Charge, row[width + 1 :])
    before = json.loads(change.before) if change.before else {}
    after = json.loads(change.after) if change.after else {}
    if "state" not in after or before.get("state") == after["state"]:
        return None
    return Movement(
        change.at,
        charge_,
        row[width],
        before.get("state"),
        after["state"],
        after.get("provider", ""),
        after.get("reference", ""),
        change.actor,
    )
