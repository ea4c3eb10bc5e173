"""The desk of looks: why somebody sees evidence, and who is told when it is unusual."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from invigilation.booking import BookingState
from invigilation.desk.office import SERVICE, Office, allow, new_id
from invigilation.enquiry import EnquiryKind
from invigilation.errors import IllegalTransition, InvalidInput, NotAllowed, NotFound, ReasonNeeded
from invigilation.identity import IdentityCheck, IdentityState
from invigilation.looks import (
    DAY,
    LASTS,
    OWN_LASTS,
    OWN_WORK,
    Limits,
    Look,
    LookAlarm,
    LookReason,
    Standing,
    reason_of,
    unusual,
)
from invigilation.onboard import OnboardState
from invigilation.people import Role, Staff
from invigilation.record import Data, Texts
from invigilation.session import LIVE, SEALED, Session
from invigilation.store import Tx
from invigilation.store.views import Sitting

OVERSEERS = frozenset({Role.SCHEDULER, Role.ADMINISTRATOR, Role.AUDITOR})
"""They see the evidence of every session, for a reason."""
REVIEWERS = frozenset({Role.SCHEDULER, Role.INVIGILATOR, Role.ADMINISTRATOR, Role.AUDITOR})
"""They see the documents of officers on board."""
MISSED = frozenset(
    {
        BookingState.NO_SHOW_PROPOSED,
        BookingState.LEARNER_NO_SHOW,
        BookingState.PROVIDER_FAULT,
        BookingState.TECHNICAL_UNRESOLVED,
        BookingState.EXCUSED,
    }
)
SHOWN = 200
NOTE = range(10, 1_001)
FOUND_OUT = f"Write what you found out: {NOTE[0]} to {NOTE[-1]} letters."
ALARM_LETTER = "look_alarm"


@dataclass(frozen=True, slots=True)
class Why:
    """What the record says of why somebody looked; `words` are sealed, as they can be erased."""

    reason: LookReason
    words: str = ""

    @property
    def data(self) -> Data:
        """What stands in the record for ever."""
        return {"reason": self.reason.value}

    @property
    def private(self) -> Texts:
        """What stands in the record as a seal."""
        return {"why": self.words} if self.words else {}


@dataclass(frozen=True, slots=True)
class Looks:
    """Who looked of late, and alarms, for a screen; `names` are those of the staff, by id."""

    looks: tuple[Look, ...]
    alarms: tuple[LookAlarm, ...]
    names: dict[str, str]
    about: dict[str, str]
    """Whom a record is about, by its id, for those that are known."""


@dataclass(frozen=True, slots=True)
class LookDesk:
    """Asks for reasons, and notices what is unusual."""

    office: Office
    limits: Limits = field(default_factory=Limits)

    async def standing(self, subject: str, by: Staff, evidence: str | None = None) -> Standing:
        """Say whether somebody may look at the evidence of a record now, or is asked why.

        `subject` is a session, or an officer's form; `evidence` is one piece of a session's, all
        of it unless given. Raises `NotFound` for who may never look.
        """
        now = self.office.clock.now()
        async with self.office.store.read() as tx:
            if await tx.looks.last(by.id, subject, now - LASTS) is not None:
                await _allowed(tx, subject, by)
                return Standing.MAY
            try:
                await self._by_itself(tx, subject, by, evidence)
            except ReasonNeeded:
                return Standing.ASK
            return await _own_standing(tx, subject, by, now)

    async def open(self, subject: str, by: Staff, raw: str, words: str = "") -> Look:
        """Take somebody's reason to look at a record, for eight hours.

        Who is theirs and has confirmed that it is them needs none: `raw` is then `their_session`.
        What is unusual is told to the administrators in the same transaction. Raises
        `InvalidInput`, and `NotFound` for who may never look.
        """
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            own = raw == LookReason.THEIRS and await _is_own(tx, subject, by, now)
            reason, words = (LookReason.THEIRS, "") if own else reason_of(raw, words)
            return await self._open(tx, subject, by, reason, words)

    async def about(self, subject: str, by: Staff) -> str:
        """Return the name of whom a record is about, or `NotFound` to who may never look."""
        async with self.office.store.read() as tx:
            await _allowed(tx, subject, by)
            sitting = await tx.views.sitting(subject)
            if sitting is not None:
                return sitting.learner_name
            form = await tx.onboard.find(subject)
            return "" if form is None else form.officer

    async def for_rights(self, tx: Tx, subject: str, by: Staff) -> Look:
        """Open a look for handing a learner what is kept about them."""
        return await self._open(tx, subject, by, LookReason.RIGHTS, "")

    async def listed(self, by: Staff) -> Looks:
        """Return the newest looks and alarms, for administrators and auditors."""
        allow(by, Role.AUDITOR)
        async with self.office.store.read() as tx:
            looks, alarms = await tx.looks.newest(SHOWN), await tx.looks.alarms(SHOWN)
            names = {one.id: one.name for one in await tx.people.all_staff()}
            about = await tx.looks.named({one.subject for one in looks})
        return Looks(tuple(looks), tuple(alarms), names, about)

    async def close(self, alarm: str, by: Staff, note: str) -> LookAlarm:
        """Close an alarm with what somebody found out; nobody closes one about themselves."""
        allow(by, Role.ADMINISTRATOR)
        note, now = note.strip(), self.office.clock.now()
        if len(note) not in NOTE:
            raise InvalidInput("note", FOUND_OUT)
        async with self.office.store.write() as tx:
            found = await tx.looks.alarm(alarm)
            if found is None:
                raise NotFound("alarm", alarm)
            if found.staff == by.id:
                raise NotAllowed("close an alarm about yourself: a colleague does")
            after = replace(found, note=note, closed_by=by.id, closed=now)
            if not await tx.looks.close(after):
                raise IllegalTransition("alarm", "closed", "close")
            told: Data = {"kind": found.kind.value, "who": found.staff, "note": note}
            await self.office.note(tx, f"staff:{by.id}", "look.alarm_closed", alarm, None, told)
        return after

    async def _open(self, tx: Tx, subject: str, by: Staff, reason: LookReason, words: str) -> Look:
        now = self.office.clock.now()
        await _allowed(tx, subject, by)
        founded = await _founded(tx, subject, reason)
        one = Look(new_id("lk"), by.id, subject, reason, words, founded, now)
        await tx.looks.add(one)
        told: Data = {"why": reason.value, "reason": words}
        await self.office.note(tx, f"staff:{by.id}", "look.opened", subject, None, told)
        await self._watch(tx, by, now)
        return one

    async def _watch(self, tx: Tx, by: Staff, now: datetime) -> None:
        looks = await tx.looks.of_staff(by.id, now - DAY)
        found = unusual(looks, now, self.office.rules.zone, self.limits)
        for kind, records in found.items():
            if not await tx.looks.alarmed(by.id, kind, now - LASTS):
                alarm = LookAlarm(new_id("la"), by.id, kind, now, records)
                await self._tell(tx, by, alarm)

    async def _tell(self, tx: Tx, by: Staff, alarm: LookAlarm) -> None:
        """Write an alarm, and to every administrator but the one whom it is about."""
        await tx.looks.raise_alarm(alarm)
        told: Data = {"kind": alarm.kind.value, "who": by.id, "records": alarm.records}
        await self.office.note(tx, SERVICE, "look.alarm", alarm.id, None, told)
        staff = await tx.people.all_staff()
        others = [one for one in staff if one.is_a(Role.ADMINISTRATOR) and one.id != by.id]
        for one in others:
            facts: Data = {
                "name": one.name,
                "about": by.name,
                "kind": alarm.kind.value,
                "records": alarm.records,
                "page": "/staff/looks",
            }
            await tx.outbox.add(self.office.letter(one.email, ALARM_LETTER, facts))

    async def _by_itself(self, tx: Tx, subject: str, by: Staff, evidence: str | None) -> Why:
        sitting, now = await tx.views.sitting(subject), self.office.clock.now()
        if sitting is None:
            return await why_form(tx, now, subject, by)
        return await why(tx, now, sitting, by, evidence)


async def why(
    tx: Tx, now: datetime, sitting: Sitting, by: Staff, evidence: str | None = None
) -> Why:
    """Return why somebody looks at a session's evidence, or at one piece of it.

    Their own session and what they are asked to look at are reasons by themselves. Raises
    `ReasonNeeded`, and `NotFound` for who may never look.
    """
    session = await tx.sessions.find(sitting.session)
    if session is None:
        raise NotFound("session", sitting.session)
    if _is_theirs(session, sitting, by, now):
        return Why(LookReason.THEIRS)
    check = await tx.sessions.identity(sitting.session)
    asked = may_look_too(check, by) and evidence in pictures(check)
    if asked and session.state not in SEALED:
        return Why(LookReason.SECOND)
    if not (sitting.staff == by.id or by.roles & OVERSEERS or asked):
        raise NotFound("evidence", evidence or "")
    if session.state in LIVE and await _looks_in(tx, sitting.session, by):
        return Why(LookReason.SUPERVISION)
    return await _said(tx, now, sitting.session, by)


async def why_form(tx: Tx, now: datetime, form: str, by: Staff) -> Why:
    """Return why somebody looks at the picture of an officer's form; raises as `why` does."""
    found = await tx.onboard.find(form)
    if found is None or not by.roles & REVIEWERS:
        raise NotFound("form", form)
    if found.state is OnboardState.SUBMITTED and by.roles != {Role.AUDITOR}:
        return Why(LookReason.FORM)
    return await _said(tx, now, form, by)


def may_look_too(check: IdentityCheck, by: Staff) -> bool:
    """Say whether somebody is asked to decide on an identity, too, or has decided on it."""
    if check.state is IdentityState.REFERRED:
        return bool(by.roles & {Role.INVIGILATOR, Role.ADMINISTRATOR})
    return check.referred_by is not None and check.decided_by == by.id


def pictures(check: IdentityCheck) -> frozenset[str | None]:
    """Return the ids of the pictures that a check shows."""
    shown = (check.document, check.back, check.portrait, check.face, check.aligned)
    return frozenset(shown) - {None}


async def _said(tx: Tx, now: datetime, subject: str, by: Staff) -> Why:
    look = await tx.looks.last(by.id, subject, now - LASTS)
    if look is None:
        raise ReasonNeeded(subject)
    return Why(look.reason, look.words)


async def _looks_in(tx: Tx, session: str, by: Staff) -> bool:
    """Say whether somebody is in the live room, named to the learner and in the record."""
    marks = await tx.sessions.entries_of(session, "looked_in", "looked_out")
    mine = [one.kind for one in marks if one.actor.endswith(f":{by.id}")]
    return bool(mine) and mine[-1] == "looked_in"


async def _allowed(tx: Tx, subject: str, by: Staff) -> None:
    """Raise `NotFound` for somebody who may not look at this for any reason."""
    sitting = await tx.views.sitting(subject)
    if sitting is None:
        if await tx.onboard.find(subject) is None or not by.roles & REVIEWERS:
            raise NotFound("session", subject)
        return
    if sitting.staff != by.id and not by.roles & OVERSEERS:
        check = await tx.sessions.identity(subject)
        if not may_look_too(check, by):
            raise NotFound("session", subject)


async def _is_own(tx: Tx, subject: str, by: Staff, now: datetime) -> bool:
    sitting, session = await tx.views.sitting(subject), await tx.sessions.find(subject)
    if sitting is None or session is None:
        return False
    return _is_theirs(session, sitting, by, now)


async def _own_standing(tx: Tx, subject: str, by: Staff, now: datetime) -> Standing:
    """Say whether who looks at what is theirs confirms that it is them first."""
    sitting, session = await tx.views.sitting(subject), await tx.sessions.find(subject)
    if sitting is None or session is None or sitting.staff != by.id:
        return Standing.MAY
    late = session.state in SEALED and now >= _over(session, sitting) + OWN_WORK
    return Standing.CONFIRM if late else Standing.MAY


def _is_theirs(session: Session, sitting: Sitting, by: Staff, now: datetime) -> bool:
    """Say whether a session is in somebody's hands, or was until a few days ago."""
    fresh = session.state not in SEALED or now < _over(session, sitting) + OWN_LASTS
    return sitting.staff == by.id and fresh


def _over(session: Session, sitting: Sitting) -> datetime:
    return session.finished or sitting.end


async def _founded(tx: Tx, subject: str, reason: LookReason) -> bool:
    """Say whether what is known bears a reason out; many need nothing to be borne out by."""
    sitting = await tx.views.sitting(subject)
    if sitting is None:
        return True
    match reason:
        case LookReason.NO_SHOW:
            return sitting.booking_state in MISSED
        case LookReason.GAP:
            return bool(await tx.marks.gaps(subject))
        case LookReason.DISPUTE:
            asked = await tx.enquiries.of_request(sitting.request)
            return any(one.kind is EnquiryKind.DISPUTE for one in asked)
        case LookReason.QUESTION:
            return bool(await tx.enquiries.of_request(sitting.request))
        case _:
            return True
