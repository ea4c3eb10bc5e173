"""The enquiry desk: learners write to the scheduler, and somebody answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from invigilation import identity, record
from invigilation.booking import Booking, BookingState
from invigilation.desk.missed import DISPUTE_TIME
from invigilation.desk.office import LEARNER, Office, actor, allow, new_id
from invigilation.enquiry import Enquiry, EnquiryKind
from invigilation.errors import IllegalTransition, InvalidInput, NotFound, TooLate
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.session import SessionEvent
from invigilation.store import Tx
from invigilation.store.enquiries import Question

TEXT_LIMIT = 2_000
OPEN_LIMIT = 5
"""So many questions of one request may wait for an answer."""
TOO_MANY = (
    f"{OPEN_LIMIT} of your questions wait for an answer already. "
    "Please wait until one of them is answered."
)
DECIDED = "attendance_decided"
REFUSED = SessionEvent.REFUSE.value


@dataclass(frozen=True, slots=True)
class Decision:
    """When a missed session was judged against its learner.

    `until` is the last moment for a dispute; `disputed` when one waits for its answer.
    """

    booking: str
    at: datetime
    until: datetime
    disputed: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """That a learner was not admitted, because their identity was not confirmed.

    `reason` is what the invigilator wrote to them; the rest as for a `Decision`.
    """

    booking: str
    at: datetime
    until: datetime
    disputed: bool
    reason: str
    session: str


@dataclass(frozen=True, slots=True)
class EnquiryDesk:
    """Keeps questions until they are answered, and afterwards."""

    office: Office

    async def ask(self, request: str, kind: EnquiryKind, text: str) -> Enquiry:
        """Keep a question about a request and its newest booking.

        Raises `InvalidInput`, `NotFound`, and `TooLate` for a dispute after its time.
        """
        text = clean_text(text)
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            if await tx.requests.find(request) is None:
                raise NotFound("request", request)
            if await tx.enquiries.count_open(request) >= OPEN_LIMIT:
                raise InvalidInput("text", TOO_MANY)
            booking = await tx.bookings.latest_of(request)
            if kind is EnquiryKind.DISPUTE:
                await _may_dispute(tx, booking, now)
            ident = None if booking is None else booking.id
            one = Enquiry(new_id("eq"), request, ident, kind, text, now)
            await tx.enquiries.add(one)
            after: Data = {"kind": kind.value, "request": request, "booking": ident}
            await self.office.note(tx, LEARNER, "enquiry.asked", one.id, None, after)
        return one

    async def of_request(self, request: str) -> list[Enquiry]:
        """Return a request's questions and answers, oldest first."""
        async with self.office.store.read() as tx:
            return await tx.enquiries.of_request(request)

    async def decision(self, request: str) -> Decision | None:
        """Return how the request's missed session was judged against the learner, if it was."""
        async with self.office.store.read() as tx:
            booking = await tx.bookings.latest_of(request)
            return None if booking is None else await _decision(tx, booking)

    async def refusal(self, request: str) -> Refusal | None:
        """Return how the request's learner was refused for their identity, if they were."""
        async with self.office.store.read() as tx:
            booking = await tx.bookings.latest_of(request)
            return None if booking is None else await _refusal(tx, booking)

    async def open(self, by: Staff) -> list[Question]:
        """Return the questions that wait for an answer, oldest first."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            return await tx.enquiries.open()

    async def answered(self, by: Staff) -> list[Question]:
        """Return the questions that were answered last, newest first."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            return await tx.enquiries.answered()

    async def find(self, by: Staff, ident: str) -> Question:
        """Return one question; raises `NotFound`."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            return await _found(tx, ident)

    async def answer(self, by: Staff, ident: str, text: str) -> Enquiry:
        """Answer a question, once: the learner gets a letter with both.

        Raises `InvalidInput`, `NotFound`, or `IllegalTransition` when it is answered already.
        """
        allow(by, Role.SCHEDULER)
        text = clean_text(text)
        async with self.office.store.write() as tx:
            asked = await _found(tx, ident)
            now = self.office.clock.now()
            one = replace(asked.enquiry, answer=text, answered_by=by.id, answered=now)
            if not await tx.enquiries.answer(one):
                raise IllegalTransition("question", "answered", "answer")
            who = actor(by, Role.SCHEDULER)
            before: Data = {"answer": None}
            await self.office.note(tx, who, "enquiry.answered", ident, before, {"answer": text})
            letter = self.office.letter(asked.email, "answer", _facts(asked, one))
            await tx.outbox.add(letter)
        return one


def clean_text(raw: str) -> str:
    """Return what was written, its lines kept and its control characters left out."""
    lines = raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    plain = ("".join(c for c in line if c.isprintable() or c == "\t") for line in lines)
    text = "\n".join(line.rstrip() for line in plain).strip()
    if not 0 < len(text) <= TEXT_LIMIT:
        raise InvalidInput("text", f"Write 1 to {TEXT_LIMIT:,} letters.")
    return text


def _facts(asked: Question, one: Enquiry) -> Data:
    facts: Data = {
        "name": asked.name,
        "title": asked.title,
        "request": one.request,
        "zone": asked.zone,
        "question": one.text,
        "answer": one.answer,
        "kind": one.kind.value,
    }
    return facts if asked.start is None else {**facts, "start": record.stamp(asked.start)}


async def _found(tx: Tx, ident: str) -> Question:
    found = await tx.enquiries.find(ident)
    if found is None:
        raise NotFound("question", ident)
    return found


async def _may_dispute(tx: Tx, booking: Booking | None, now: datetime) -> None:
    decision: Decision | Refusal | None = None
    if booking is not None:
        decision = await _decision(tx, booking) or await _refusal(tx, booking)
    if decision is None:
        raise InvalidInput("kind", "There is no decision that you could dispute.")
    if decision.disputed:
        raise InvalidInput("kind", "We have your dispute already, and are looking at it.")
    if now > decision.until:
        raise TooLate("dispute this decision", decision.until)


async def _decision(tx: Tx, booking: Booking) -> Decision | None:
    session = await tx.sessions.id_of(booking.id)
    if session is None or booking.state is not BookingState.LEARNER_NO_SHOW:
        return None
    decided = await tx.sessions.moments(session, DECIDED)
    if not decided:
        return None
    at = decided[-1]
    disputed = await tx.enquiries.disputed(booking.id)
    return Decision(booking.id, at, at + DISPUTE_TIME, disputed)


async def _refusal(tx: Tx, booking: Booking) -> Refusal | None:
    session = await tx.sessions.id_of(booking.id)
    found = None if session is None else await tx.sessions.find(session)
    if session is None or found is None:
        return None
    check = await tx.sessions.identity(session)
    refused = await tx.sessions.moments(session, REFUSED)
    if not refused or check.decision is not identity.Decision.NOT_CONFIRMED:
        return None
    at = refused[-1]
    disputed = await tx.enquiries.disputed(booking.id)
    return Refusal(booking.id, at, at + DISPUTE_TIME, disputed, found.reason or "", session)
