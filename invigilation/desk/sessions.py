"""The invigilation desk: what happens in a session, from check-in to attestation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from invigilation import attendance
from invigilation.booking import BookingEvent, BookingState
from invigilation.desk.consents import give_all, purposes_of, refuse_without_consent
from invigilation.desk.endings import wind_up
from invigilation.desk.identity_facts import (
    HINTED,
    READ,
    confirmed_alone,
    facts_from,
    may_capture,
)
from invigilation.desk.incidents import incident_in
from invigilation.desk.office import (
    LEARNER,
    Office,
    actor,
    allow,
    held,
    saved,
    sitting_of,
    watched,
)
from invigilation.desk.room_view import RoomView
from invigilation.errors import InvalidInput, NeedsColleague, NotAllowed, NotFound, TooLate
from invigilation.incident import NOTE_LIMIT, Incident, Severity, check_category
from invigilation.people import Role, Staff
from invigilation.record import Data, Texts
from invigilation.report import Channel, Delivery
from invigilation.request import RequestEvent
from invigilation.session import (
    EXTRA_MINUTES,
    LIVE,
    OVER,
    SEALED,
    Session,
    SessionEvent,
    SessionState,
)
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.sessions import Line, Open
from invigilation.store.views import LobbySitting

CHAT_LIMIT = 2_000
REASON_LIMIT = 1_000
ATTEMPTS = ("page_opened", "probe", "token_used")
READY = "invigilator_ready"
READ_SINCE = (
    "The document was read after you had decided: it has expired, or has another name. Look again."
)
NOTES = frozenset(
    {
        "hand_raised",
        "hand_lowered",
        "screen_asked",
        "screen_shared",
        "screen_ended",
        "signal",
        "ladder",
        "link_budget",
    }
)
"""What a room may note: hands, screens, `signal`, a change of what presence is judged by, and
what the learner's page sends over its link."""
NOTE_VALUES = 8
NOTE_LETTERS = 200
_CAME_OR_WENT = {True: "joined", False: "left"}


@dataclass(frozen=True, slots=True)
class SessionDesk:
    """Moves sessions on; each change commits with the entry that tells of it."""

    office: Office

    async def view(self, session: str) -> RoomView:
        """Return what a room shows; raises `NotFound`."""
        async with self.office.store.read() as tx:
            found = await tx.rooms.of(session, HINTED, READ)
        if found is None:
            raise NotFound("session", session)
        sitting, check = found.sitting, found.identity
        return RoomView(
            sitting,
            found.session,
            check,
            found.incidents,
            found.lines,
            self.office.clock.now(),
            found.gaps,
            found.inspections,
            found.handing_to,
            facts_from(sitting, check, found.learner, found.entries),
            found.challenges,
            found.rechecks,
            found.consents,
            found.referred_by,
            may_capture(found.session.state, check, found.consents, found.inspections),
            # Others than assessment systems by LTI cannot refuse.
            found.refusals if sitting.channel is Channel.LTI else (),
            found.fills,
            found.device,
        )

    async def note_attempt(self, session: str, kind: str) -> None:
        """Note that the learner tried to come in: one of `ATTEMPTS`; once a minute is enough."""
        if kind not in ATTEMPTS:
            raise InvalidInput("kind", "There is no such attempt.")
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            before = await tx.sessions.moments(session, kind)
            if one.session.state is not SessionState.SCHEDULED or _just_now(self.office, before):
                return
            await tx.sessions.append(self.office.entry(one, kind, LEARNER, {}))

    async def ready(self, session: str, by: Staff) -> None:
        """Note that the invigilator is ready for this session; once a minute is enough."""
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            before = await tx.sessions.moments(session, READY)
            if one.session.state is not SessionState.SCHEDULED or _just_now(self.office, before):
                return
            who = actor(by, Role.INVIGILATOR)
            await tx.sessions.append(self.office.entry(one, READY, who, {}))

    async def check_in(self, session: str, consent: tuple[str, ...]) -> Session:
        """Let the learner in, with the purposes they consented to; again is no change.

        Raises `TooLate` after the grace time and `InvalidInput` before check-in opens or without
        consent to be recorded and identified.
        """
        purposes = purposes_of(consent)
        async with self.office.store.write() as tx:
            # First the booking, then the session, as everybody does who changes both: no deadlock.
            booking = await tx.bookings.find((await sitting_of(tx, session)).booking)
            one, sitting = await held(tx, session), await sitting_of(tx, session)
            if one.session.state in LIVE:
                return one.session
            _in_time(sitting.start, self.office.clock.now())
            data: Data = {"consent": ",".join(sorted(purposes))}
            name = {"name": sitting.learner_name}
            tell = partial(self.office.notice, sitting, "session.checked_in", {})
            after = await self._step(tx, one, SessionEvent.CHECK_IN, LEARNER, data, name, tell)
            await give_all(tx, session, purposes, self.office.clock.now())
            if booking is not None and booking.state is BookingState.BOOKED:
                await tx.bookings.save(booking.after(BookingEvent.ATTEND))
                request = await tx.requests.find(sitting.request)
                if request is not None:
                    fulfilled = request.after(RequestEvent.FULFIL)
                    await tx.requests.set_state(request.id, fulfilled.state)
        return after

    async def admit(self, session: str, by: Staff) -> Session:
        """Start the assessment: its link is released, and the backend is told.

        Raises `NeedsColleague` where one person has confirmed what takes two: the document was
        read only after that.
        """
        return await self._by_invigilator(session, by, SessionEvent.ADMIT, "session.admitted")

    async def pause(self, session: str, by: Staff, reason: str) -> Session:
        """Stop the assessment's clock for a while."""
        why = _reason(reason)
        return await self._by_invigilator(session, by, SessionEvent.PAUSE, "session.paused", why)

    async def resume(self, session: str, by: Staff) -> Session:
        """Let the assessment's clock run again."""
        return await self._by_invigilator(session, by, SessionEvent.RESUME, "session.resumed")

    async def stop(self, session: str, by: Staff, reason: str) -> Session:
        """Break the session off, with a reason that the learner reads."""
        why = _reason(reason)
        return await self._by_invigilator(session, by, SessionEvent.STOP, "session.stopped", why)

    async def refuse(self, session: str, by: Staff, reason: str) -> Session:
        """Do not admit the learner, with a reason that they read."""
        why = _reason(reason)
        return await self._by_invigilator(session, by, SessionEvent.REFUSE, "session.refused", why)

    async def end(self, session: str, by: Staff) -> Session:
        """End the assessment as planned."""
        return await self._by_invigilator(session, by, SessionEvent.END, "session.ended")

    async def _by_invigilator(
        self, session: str, by: Staff, event: SessionEvent, notice: str, reason: str | None = None
    ) -> Session:
        async with self.office.store.write() as tx:
            one, sitting = await watched(tx, session, by)
            if event in {SessionEvent.ADMIT, SessionEvent.RESUME}:
                await refuse_without_consent(tx, session)
            if event is SessionEvent.ADMIT and await confirmed_alone(tx, sitting):
                raise NeedsColleague(READ_SINCE)
            said = {} if reason is None else {"reason": reason}
            who = actor(by, Role.INVIGILATOR)
            tell = partial(self.office.notice, sitting, notice, said)
            return await self._step(tx, one, event, who, {}, said, tell)

    async def _step(
        self,
        tx: Tx,
        one: Open,
        event: SessionEvent,
        who: str,
        data: Data,
        private: Texts,
        tell: Callable[[], Delivery],
    ) -> Session:
        now = self.office.clock.now()
        after = one.session.after(event, now, private.get("reason"))
        if after.state in OVER:
            one = await wind_up(self.office, tx, one, now)
        told: Data = {**data, "state": after.state.value}
        entry = self.office.entry(one, event.value, who, told, now, private)
        await tx.sessions.save(after, entry, tell())
        return saved(after, entry)

    async def present(self, session: str, who: str, *, present: bool) -> None:
        """Note that somebody came into the room or left it.

        `who` is an actor of the record: `learner`, `SECOND_CAMERA`, or staff by `actor`; a
        supervisor comes as an administrator, and looks in.
        """
        looks = who.startswith(f"{Role.ADMINISTRATOR}:")
        kind = ("looked_in" if present else "looked_out") if looks else _CAME_OR_WENT[present]
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            await tx.sessions.append(self.office.entry(one, kind, who, {}))

    async def note(self, session: str, kind: str, who: str, data: Data) -> None:
        """Note a small fact of the room, one of `NOTES`; a sealed record takes no more of them.

        `who` is an actor as in `present`; `data` has at most 8 values, of at most 200 letters each.
        """
        if kind not in NOTES:
            raise InvalidInput("kind", "There is no such note.")
        if len(data) > NOTE_VALUES or any(len(str(one)) > NOTE_LETTERS for one in data.values()):
            raise InvalidInput("data", "This is too much for a note.")
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            if one.session.state not in SEALED:
                await tx.sessions.append(self.office.entry(one, kind, who, data))

    async def say(
        self, session: str, sender: str, text: str, client_id: str, *, notice: bool = False
    ) -> int:
        """Keep a line of chat and return its number; the same `client_id` again changes nothing.

        `sender` is `learner` or `invigilator`, who alone gives a `notice`: a line to be shown
        large. The record holds its seal.
        """
        if notice and sender != Role.INVIGILATOR:
            raise NotAllowed("give a notice")
        text = text.strip()
        if not 0 < len(text) <= CHAT_LIMIT:
            raise InvalidInput("text", f"Write 1 to {CHAT_LIMIT} letters.")
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            known = await tx.sessions.said(session, client_id)
            if known is not None:
                return known
            if one.session.state in SEALED:
                raise NotAllowed("write in a session that is closed")
            kind = "notice" if notice else "chat"
            entry = self.office.entry(one, kind, sender, {}, private={"text": text})
            line = Line(session, entry.seq, sender, text, entry.at, client_id, notice)
            await tx.sessions.append(entry, line)
        return entry.seq

    async def note_incident(
        self,
        session: str,
        by: Staff,
        *,
        category: str,
        severity: Severity,
        note: str,
        picture: str | None,
    ) -> Incident:
        """Note what the invigilator saw; `picture` is the id of evidence taken before."""
        note = note.strip()
        if len(note) > NOTE_LIMIT:
            raise InvalidInput("note", f"A note has at most {NOTE_LIMIT} letters.")
        check_category(category)
        async with self.office.store.write() as tx:
            one, sitting = await watched(tx, session, by)
            if one.session.state not in LIVE:
                raise NotAllowed("note an incident when the session is not running")
            await _pictured(tx, session, picture)
            return await incident_in(
                self.office,
                tx,
                one,
                sitting,
                by,
                category=category,
                severity=severity,
                note=note,
                picture=picture,
            )

    async def lobby(self, by: Staff, first: datetime, last: datetime) -> list[LobbySitting]:
        """Return what this invigilator may want to see, by start.

        That is their sittings that start from `first` to before `last` or are live, those offered
        to them, and the live ones of colleagues: which of these are left alone, the room knows.
        """
        allow(by, Role.INVIGILATOR)
        async with self.office.store.read() as tx:
            return await tx.views.lobby(by.id, first, last)

    async def evidence(self, session: str) -> list[Evidence]:
        """Return the session's evidence, oldest first."""
        async with self.office.store.read() as tx:
            return await tx.evidence.of_session(session)

    async def extra_minutes(self, session: str, by: Staff, minutes: int) -> Session:
        """Give the learner more time, for a reason that lies with us or with the link."""
        if minutes not in EXTRA_MINUTES:
            raise InvalidInput("minutes", f"Give 1 to {EXTRA_MINUTES[-1]} minutes.")
        async with self.office.store.write() as tx:
            one, sitting = await watched(tx, session, by)
            if one.session.state not in LIVE:
                raise NotAllowed("give extra time when the session is not running")
            after = replace(one.session, minutes=one.session.minutes + minutes)
            who = actor(by, Role.INVIGILATOR)
            entry = self.office.entry(one, "extra_time", who, {"minutes": minutes})
            notice = self.office.notice(sitting, "session.extra_time", {"minutes": minutes})
            await tx.sessions.save(after, entry, notice)
        return saved(after, entry)


def _reason(raw: str) -> str:
    reason = raw.strip()
    if not 0 < len(reason) <= REASON_LIMIT:
        raise InvalidInput("reason", f"Give a reason of 1 to {REASON_LIMIT} letters.")
    return reason


async def _pictured(tx: Tx, session: str, picture: str | None) -> None:
    if picture is None:
        return
    found = await tx.evidence.find(picture)
    if found is None or found.session != session:
        raise InvalidInput("picture", "There is no such picture in this session.")


def _in_time(start: datetime, now: datetime) -> None:
    opens, closes = attendance.opens(start), attendance.closes(start)
    if now < opens:
        raise InvalidInput("time", f"Check-in opens at {opens:%H:%M} UTC on {opens:%d %B %Y}.")
    if now > closes:
        raise TooLate("check in", closes)


def _just_now(office: Office, before: tuple[datetime, ...]) -> bool:
    return bool(before) and (office.clock.now() - before[-1]).total_seconds() < 60
