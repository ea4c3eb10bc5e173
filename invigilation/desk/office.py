"""What every desk of the office shares: the store, the clock, the keys, and the rules."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random, SystemRandom
from zoneinfo import ZoneInfo

from invigilation import record
from invigilation.charge import Price
from invigilation.errors import NotAllowed, NotFound
from invigilation.office_hours import LONDON
from invigilation.people import Role, Staff
from invigilation.ports import Clock, Sealer, Signer
from invigilation.record import NO_TEXTS, Data, Entry, Facts, Moment, Texts
from invigilation.report import Channel, Delivery, DeliveryState
from invigilation.session import Session
from invigilation.slots import Calendar, Staffing
from invigilation.store import Store, Tx
from invigilation.store.audit import Change
from invigilation.store.sessions import Open
from invigilation.store.views import Sitting
from invigilation.waiting import OFFER_LASTS

Told = Mapping[str, object]
"""What a notice tells a backend; JSON."""
SERVICE = "service"
LEARNER = "learner"
SECOND_CAMERA = "second_camera"


@dataclass(frozen=True, slots=True)
class Rules:
    """The office's rules, as configured."""

    zone: ZoneInfo = LONDON
    notice: timedelta = timedelta(hours=24)
    cutoff: timedelta = timedelta(hours=24)
    buffer: timedelta = timedelta(minutes=15)
    reservation: timedelta = OFFER_LASTS
    no_show_price: Price = field(default_factory=lambda: Price(4_500, 2_000))
    silence: timedelta = timedelta(minutes=60)
    """A login of staff ends when nothing is heard of them for so long."""
    silence_oversight: timedelta = timedelta(minutes=30)
    """The same of administrators and auditors, who see everything."""

    def silence_of(self, person: Staff | None) -> timedelta:
        """Return after what silence somebody's login ends."""
        oversees = person is not None and person.roles & {Role.ADMINISTRATOR, Role.AUDITOR}
        return self.silence_oversight if oversees else self.silence


@dataclass(slots=True)
class _Kept:
    """The calendar as last read, the names of who is in it, and the rota's version then."""

    version: int = -1
    calendar: Calendar | None = None
    staffing: Staffing | None = None
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Office:
    """The means that all desks work with."""

    store: Store
    clock: Clock
    signer: Signer
    sealer: Sealer
    rules: Rules = field(default_factory=Rules)
    dice: Random = field(default_factory=SystemRandom)
    """Decides between equals (who of several free invigilators has a booking), and draws."""
    pepper: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    """The key of the digests by which a document is known again; the same in every process."""
    _kept: _Kept = field(default_factory=_Kept)

    async def calendar(self, tx: Tx) -> Calendar:
        """Return the calendar without holds; read anew only when the rota has changed."""
        return await self.calendar_at(tx, await tx.rota.version())

    async def calendar_at(self, tx: Tx, version: int) -> Calendar:
        """Return the calendar of a rota's version that was read in this transaction."""
        kept = self._kept
        if kept.calendar is None or kept.version != version:
            calendar = await tx.rota.calendar(self.rules.zone)
            # Names are read after the seats, so that nobody with a seat lacks one; then all is
            # kept at once, so that no other reader leaves a mixture of two versions.
            names = {one.id: one.name for one in await tx.people.all_staff()}
            kept.version, kept.calendar, kept.names = version, calendar, names
            kept.staffing = None
            return calendar
        return kept.calendar

    async def staffing_at(self, tx: Tx, version: int) -> Staffing:
        """Return the calendar of a rota's version, made ready to be asked often."""
        calendar = await self.calendar_at(tx, version)
        kept = self._kept
        if kept.staffing is None or kept.staffing.calendar is not calendar:
            kept.staffing = Staffing(calendar)
        return kept.staffing

    def name_of(self, staff: str) -> str:
        """Return the name of somebody who has a seat in the calendar that was read last."""
        return self._kept.names[staff]

    def entry(
        self,
        held: Open,
        kind: str,
        actor: str,
        data: Facts,
        at: datetime | None = None,
        private: Texts = NO_TEXTS,
    ) -> Entry:
        """Write the next entry of a held session's record; `at` is now unless it is given.

        What people wrote, and names, are `private`: they can be erased one day.
        """
        when, session = Moment.of(self.clock, at), held.session.id
        return record.write(held.head, session, when, kind, actor, data, self.signer, private)

    async def note(
        self, tx: Tx, actor: str, action: str, subject: str, before: Data | None, after: Data | None
    ) -> None:
        """Write a change into the audit log, in the transaction that makes it."""
        then, now = (
            None if d is None else record.canonical(dict(d)).decode() for d in (before, after)
        )
        at = self.clock.now()
        change = Change(_in_order("au", at), at, actor, action, subject, then, now)
        await tx.audit.add(change)

    def notice(self, sitting: Sitting, kind: str, more: Told) -> Delivery:
        """Make the notice that tells the sitting's backend of `kind`."""
        facts: dict[str, object] = {
            "request": sitting.reference,
            "learner": sitting.learner_reference,
            "session": sitting.session,
            "booking": sitting.booking,
        }
        return self.told(sitting.channel, sitting.backend, kind, facts | dict(more))

    def told(self, channel: Channel, backend: str, kind: str, data: Told) -> Delivery:
        """Make the notice of a type to a backend that listens on `channel`, due at once."""
        now = self.clock.now()
        body = record.canonical({"type": kind, "timestamp": record.stamp(now), "data": dict(data)})
        return self._delivery(channel, backend, kind, body, now)

    def letter(self, address: str, kind: str, data: Data) -> Delivery:
        """Make a letter to a person, due at once; `data` is what its text is made of."""
        now = self.clock.now()
        return self._delivery(Channel.MAIL, address, kind, record.canonical(dict(data)), now)

    @staticmethod
    def _delivery(channel: Channel, target: str, kind: str, body: bytes, now: datetime) -> Delivery:
        state = DeliveryState.PENDING
        return Delivery(new_id("dl"), channel, target, kind, body, state, 0, now, now)


_COUNT = itertools.count()


def _in_order(prefix: str, at: datetime) -> str:
    """Return a fresh name that sorts after those that this process has given at that moment."""
    count = next(_COUNT) % 0x1_0000_0000
    return f"{prefix}_{round(at.timestamp() * 1e6):014x}{count:08x}{secrets.token_hex(4)}"


def new_id(prefix: str) -> str:
    """Return a fresh name that cannot be guessed, like `bk_0f3c…` (80 random bits)."""
    return f"{prefix}_{secrets.token_hex(10)}"


def allow(staff: Staff, *roles: Role) -> None:
    """Refuse staff who hold none of the roles; an administrator may do all that staff may."""
    if not staff.roles & {*roles, Role.ADMINISTRATOR}:
        raise NotAllowed("do this with your role")


def actor(staff: Staff, role: Role) -> str:
    """Return the name under which staff appears in a record."""
    return f"{role}:{staff.id}"


async def held(tx: Tx, session: str) -> Open:
    """Return the session, held for a change; raises `NotFound`."""
    found = await tx.sessions.hold(session)
    if found is None:
        raise NotFound("session", session)
    return found


async def sitting_of(tx: Tx, session: str) -> Sitting:
    """Return the sitting with all who belong to it; raises `NotFound`."""
    found = await tx.views.sitting(session)
    if found is None:
        raise NotFound("session", session)
    return found


async def watched(tx: Tx, session: str, by: Staff) -> tuple[Open, Sitting]:
    """Return the held session if it is this invigilator's; somebody else's is `NotAllowed`."""
    allow(by, Role.INVIGILATOR)
    one, sitting = await held(tx, session), await sitting_of(tx, session)
    if sitting.staff != by.id:
        raise NotAllowed("act in a colleague's session")
    return one, sitting


def saved(session: Session, entry: Entry) -> Session:
    """Return the session as the store now has it, its sequence that of the entry."""
    return replace(session, seq=entry.seq)


def following(one: Open, entry: Entry) -> Open:
    """Return the held session after an entry, so that another may follow in its transaction."""
    return replace(one, session=saved(one.session, entry), head=entry.head)
