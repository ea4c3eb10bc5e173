"""All that a live room shows of its session, by one statement."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import String, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.challenge import Challenge
from invigilation.consent import Consent
from invigilation.fill import Fill
from invigilation.gap import Gap
from invigilation.identity import IdentityCheck
from invigilation.incident import Incident
from invigilation.inspection import Inspection
from invigilation.people import Learner, Staff
from invigilation.recheck import Recheck
from invigilation.record import Entry
from invigilation.session import Session
from invigilation.store.devices import DEVICE, LearnerDevice
from invigilation.store.fills import FILLS
from invigilation.store.identities import CHALLENGES, CONSENTS, RECHECKS
from invigilation.store.mapping import all_of, load
from invigilation.store.marks import GAPS, INSPECTIONS
from invigilation.store.openings import Openings
from invigilation.store.people import staff_of
from invigilation.store.platforms import REFUSALS, Refusal
from invigilation.store.rows import booking, identity_check, learner, request, session, staff
from invigilation.store.sessions import (
    FIND,
    IDENTITY,
    INCIDENTS,
    LINES,
    OF_KIND,
    Line,
    checked,
)
from invigilation.store.together import Rows, Together
from invigilation.store.views import SITTING, Sitting

_IDENT = bindparam("ident", type_=String)
_KIND = [column.name for column in OF_KIND.selected_columns].index("kind")
_LEARNER = (
    all_of(learner, Learner)
    .join(request, request.c.learner == learner.c.id)
    .join(booking, booking.c.request == request.c.id)
    .join(session, session.c.booking == booking.c.id)
    .where(session.c.id == _IDENT)
)
_HANDING_TO = (
    all_of(staff, Staff)
    .join(session, session.c.handing_to == staff.c.id)
    .where(session.c.id == _IDENT)
)
_REFERRED_BY = (
    select(staff.c.name)
    .join(identity_check, identity_check.c.referred_by == staff.c.id)
    .where(identity_check.c.session == _IDENT)
)
_ROOM = Together(
    SITTING,
    FIND,
    IDENTITY,
    _LEARNER,
    _HANDING_TO,
    _REFERRED_BY,
    INCIDENTS,
    LINES,
    GAPS,
    FILLS,
    INSPECTIONS,
    CHALLENGES,
    RECHECKS,
    CONSENTS,
    DEVICE,
    REFUSALS,
    OF_KIND,
)


@dataclass(frozen=True, slots=True)
class RoomRows:
    """What is known of a session; `entries` are those of the kinds that were asked for.

    `referred_by` is the name of who asked a colleague to look at the identity.
    """

    sitting: Sitting
    session: Session
    identity: IdentityCheck
    learner: Learner
    handing_to: Staff | None
    referred_by: str | None
    incidents: tuple[Incident, ...]
    lines: tuple[Line, ...]
    gaps: tuple[Gap, ...]
    fills: tuple[Fill, ...]
    inspections: tuple[Inspection, ...]
    challenges: tuple[Challenge, ...]
    rechecks: tuple[Recheck, ...]
    consents: tuple[Consent, ...]
    device: LearnerDevice | None
    refusals: tuple[Refusal, ...]
    entries: tuple[Entry, ...]


class Rooms:
    """One wide reading."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._openings = Openings(connection)

    async def of(self, ident: str, opened: str, *kinds: str) -> RoomRows | None:
        """Return all that a room shows of a session.

        `entries` are those of the kind `opened`, with their private texts, then those of `kinds`,
        without; each kind in the record's order.
        """
        # fmt: off
        (
            sitting, found, check, person, handing_to, referred_by, incidents, lines, gaps, fills,
            inspections, challenges, rechecks, consents, device, refusals, entries,
        ) = await _ROOM.read(self._db, ident=ident, kinds=[opened, *kinds])
        # fmt: on
        if not sitting:
            return None
        return RoomRows(
            load(Sitting, sitting[0]),
            load(Session, found[0]),
            checked(ident, check[0] if check else None),
            load(Learner, person[0]),
            staff_of(handing_to[0]) if handing_to else None,
            referred_by[0][0] if referred_by else None,
            tuple(load(Incident, row) for row in incidents),
            tuple(load(Line, row) for row in reversed(lines)),
            tuple(load(Gap, row) for row in gaps),
            tuple(load(Fill, row) for row in fills),
            tuple(load(Inspection, row) for row in inspections),
            tuple(load(Challenge, row) for row in challenges),
            tuple(load(Recheck, row) for row in rechecks),
            tuple(load(Consent, row) for row in consents),
            load(LearnerDevice, device[0]) if device else None,
            tuple(load(Refusal, row) for row in refusals),
            await self._entries(entries, opened),
        )

    async def _entries(self, rows: Rows, opened: str) -> tuple[Entry, ...]:
        with_texts = await self._openings.opened([row for row in rows if row[_KIND] == opened])
        others = [load(Entry, row) for row in rows if row[_KIND] != opened]
        return (*with_texts, *others)
