"""What becomes of a booking, within a transaction that somebody else has opened."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from invigilation import record
from invigilation.booking import Booking, BookingEvent, BookingState
from invigilation.desk.offers import Pick, context, wanted
from invigilation.desk.office import SERVICE, Office, held, new_id, sitting_of
from invigilation.desk.onboard_record import BOOKED_INSTEAD, withdraw
from invigilation.errors import IllegalTransition, NotFound, PaymentDue, SlotTaken, TooLate
from invigilation.people import Role
from invigilation.record import EMPTY, Data, Moment
from invigilation.request import RequestEvent, RequestState
from invigilation.session import Session, SessionEvent, SessionState
from invigilation.store import Tx
from invigilation.store.bookings import Context
from invigilation.store.views import Sitting
from invigilation.waiting import WaitingEvent, WaitingState


async def confirm(office: Office, tx: Tx, booking: Booking, actor: str) -> Sitting:
    """Make a reserved booking a booked one: its session begins, and its learner is told.

    Whether all is paid, and whether the half hour is over, is for the caller to judge; a booking
    that is reserved no more raises `IllegalTransition`.
    """
    booked = await tx.bookings.confirm(booking)
    if booked is None:
        found = await tx.bookings.find(booking.id)
        lost = found or replace(booking, state=BookingState.LAPSED)
        lost.after(BookingEvent.CONFIRM)
        raise NotFound("booking", booking.id)
    return await begin(office, tx, booked, await context(tx, booked.request), actor)


async def refuse_unpaid(tx: Tx, asked: Context) -> None:
    """Raise `PaymentDue` while a charge stands before the request's booking."""
    if asked.charge_due is not None:
        charge = await tx.charges.find(asked.charge_due)
        raise PaymentDue(asked.charge_due, charge.price.gross_pence if charge else 0)


async def begin(
    office: Office, tx: Tx, one: Booking, asked: Context, actor: str, *, by_hand: bool = False
) -> Sitting:
    """Open the session of a booking that is just booked, and tell everybody."""
    was, state = asked.request.state, asked.request.after(RequestEvent.BOOK).state
    if not await tx.requests.step(one.request, was, state):
        # An officer on board was accepted while this waited for the row.
        raise IllegalTransition("request", RequestState.FULFILLED, RequestEvent.BOOK)
    if asked.waits:
        await tx.waiting.leave_all(one.request, one.id)
    if asked.form_waits:
        await withdraw(office, tx, one.request, actor, BOOKED_INSTEAD)
    session = Session(new_id("se"), one.id, SessionState.SCHEDULED, asked.assessment.minutes, 0)
    data: dict[str, record.Plain] = {
        "booking": one.id,
        "start": record.stamp(one.start),
        "end": record.stamp(one.end),
        "invigilator": one.staff,
        "assessment": asked.assessment.code,
    }
    if by_hand:
        data["invigilator_chosen_by"] = actor
    when = Moment.of(office.clock)
    first = record.write(EMPTY, session.id, when, "booked", actor, data, office.signer)
    await tx.sessions.add(session, first.head)
    await tx.sessions.begin_record(first)
    await office.calendar_at(tx, asked.rota_version)  # whoever has a seat in it has a name
    sitting = _sitting(session, one, asked, office.name_of(one.staff))
    await _note(office, tx, actor, "booking.made", one, None, facts(one, by_hand=by_hand))
    await _tell(office, tx, sitting, "booking.made", "booked")
    return sitting


async def move(office: Office, tx: Tx, one: Booking, pick: Pick, actor: str) -> Booking:
    """Put a held booking, booked or reserved, onto another start, invigilator, or both.

    The caller holds the rota still or changes it. `SlotTaken` and `SlotNotOffered` lose nothing;
    a session that has begun is `TooLate`. The learner is told when the start is another one.
    """
    one.after(BookingEvent.MOVE)
    asked = await context(tx, one.request)
    aim = replace(await wanted(office, tx, asked, pick), reserved_until=one.reserved_until)
    moved = await tx.bookings.move(one, aim)
    if moved is None:
        raise SlotTaken(pick.start)
    by_hand = pick.staff is not None
    if one.state is BookingState.BOOKED:
        await _record_move(office, tx, one, moved, actor, by_hand=by_hand)
    then, now = facts(one), facts(moved, by_hand=by_hand)
    await _note(office, tx, actor, "booking.moved", one, then, now)
    return moved


async def _record_move(
    office: Office, tx: Tx, one: Booking, moved: Booking, actor: str, *, by_hand: bool
) -> None:
    session = await session_of(tx, one.id)
    open_ = await held(tx, session)
    if open_.session.state is not SessionState.SCHEDULED:
        raise TooLate("change this booking", one.start)
    data: dict[str, record.Plain] = {
        "from": record.stamp(one.start),
        "start": record.stamp(moved.start),
        "end": record.stamp(moved.end),
        "invigilator": moved.staff,
    }
    if by_hand:
        data["invigilator_chosen_by"] = actor
    # Whom the booking names now invigilates: whoever took the session over before does no more.
    fresh = replace(open_.session, invigilator=None, handing_to=None)
    await tx.sessions.save(fresh, office.entry(open_, "moved", actor, data))
    if moved.start != one.start:
        await _tell(office, tx, await sitting_of(tx, session), "booking.moved", "moved")


async def cancel(office: Office, tx: Tx, one: Booking, reason: str, actor: str) -> Sitting:
    """Cancel a held booking: its session is closed, its request open again, its learner told.

    The learner reads the reason if a scheduler gives it; their own, or a backend's, is only kept.
    """
    session = await session_of(tx, one.id)
    open_ = await held(tx, session)
    now = office.clock.now()
    closed = open_.session.after(SessionEvent.CLOSE, now, reason or None)
    said = {"reason": reason}
    await tx.bookings.save(one.after(BookingEvent.CANCEL))
    await tx.logins.end_second(session)
    await tx.sessions.save(closed, office.entry(open_, "cancelled", actor, {}, now, said))
    asked = (await context(tx, one.request)).request
    await tx.requests.set_state(asked.id, asked.after(RequestEvent.RELEASE).state)
    await _note(office, tx, actor, "booking.cancelled", one, facts(one), {"reason": reason})
    sitting = await sitting_of(tx, session)
    told = reason if actor.startswith(f"{Role.SCHEDULER}:") else ""
    await _tell(office, tx, sitting, "booking.cancelled", "cancelled", told)
    return sitting


async def release(
    office: Office, tx: Tx, one: Booking, actor: str, *, tell: bool = True, reason: str = ""
) -> None:
    """Give a held, reserved booking back; whoever it was offered to leaves that line.

    Raises `IllegalTransition` if it is not reserved. Without `tell` no letter is sent; in it the
    learner reads the reason.
    """
    await tx.bookings.save(one.after(BookingEvent.LAPSE))
    place = await tx.waiting.offered(one.id)
    if place is not None:
        event = WaitingEvent.LAPSE if actor == SERVICE else WaitingEvent.LEAVE
        await tx.waiting.save(place.after(event), WaitingState.OFFERED)
    after: Data | None = {"reason": reason} if reason else None
    await _note(office, tx, actor, "reservation.given_back", one, facts(one), after)
    if tell:
        asked = await context(tx, one.request)
        kind = "reservation_lapsed" if place is None else "offer_lapsed"
        more: Data = {} if actor == SERVICE else {"withdrawn": True, "reason": reason}
        await write_to(office, tx, asked, kind, one.start, one.zone, more)


async def write_to(
    office: Office,
    tx: Tx,
    asked: Context,
    kind: str,
    start: datetime,
    zone: str,
    more: Data | None = None,
) -> None:
    """Write a letter to a request's learner, of the facts that every letter has and some more."""
    mail: Data = {
        "name": asked.learner.name,
        "title": asked.assessment.title,
        "request": asked.request.id,
        "start": record.stamp(start),
        "zone": zone,
        **(more or {}),
    }
    await tx.outbox.add(office.letter(asked.learner.email, kind, mail))


def facts(one: Booking, *, by_hand: bool = False) -> Data:
    """Return what the audit log says of a booking; `by_hand`: somebody chose the invigilator."""
    plain: dict[str, record.Plain] = {
        "request": one.request,
        "start": record.stamp(one.start),
        "invigilator": one.staff,
        "state": one.state.value,
    }
    return plain | {"invigilator_chosen": "by hand"} if by_hand else plain


async def _note(
    office: Office,
    tx: Tx,
    actor: str,
    action: str,
    one: Booking,
    before: Data | None,
    after: Data | None,
) -> None:
    """Note what a person did; what the service does by itself is no change that anybody made."""
    if actor != SERVICE:
        await office.note(tx, actor, action, one.id, before, after)


async def _tell(
    office: Office, tx: Tx, sitting: Sitting, kind: str, letter: str, reason: str = ""
) -> None:
    times: Data = {
        "start": record.stamp(sitting.start),
        "end": record.stamp(sitting.end),
        "sequence": sitting.sequence,
    }
    mail: Data = {
        **times,
        "booking": sitting.booking,
        "request": sitting.request,
        "name": sitting.learner_name,
        "zone": sitting.zone,
        "title": sitting.title,
    }
    if reason:
        mail = {**mail, "reason": reason}
    await tx.outbox.add(
        office.notice(sitting, kind, times),
        office.letter(sitting.learner_email, letter, mail),
        session=sitting.session,
    )


async def session_of(tx: Tx, booking: str) -> str:
    """Return the id of a booking's session; raises `NotFound` for one that is only reserved."""
    session = await tx.sessions.id_of(booking)
    if session is None:
        raise NotFound("session", booking)
    return session


def _sitting(session: Session, booking: Booking, asked: Context, staff_name: str) -> Sitting:
    """Put together what the store would read back."""
    request, learner, assessment = asked.request, asked.learner, asked.assessment
    return Sitting(
        session=session.id,
        session_state=session.state,
        booking=booking.id,
        booking_state=booking.state,
        sequence=booking.sequence,
        start=booking.start,
        end=booking.end,
        zone=booking.zone,
        staff=booking.staff,
        staff_name=staff_name,
        request=request.id,
        reference=request.reference,
        assessment_url=request.assessment_url,
        return_url=request.return_url,
        backend=request.backend,
        channel=asked.channel,
        learner=learner.id,
        learner_reference=learner.reference,
        learner_name=learner.name,
        learner_email=learner.email,
        title=assessment.title,
        minutes=assessment.minutes,
        materials=assessment.materials,
        pass_mark=assessment.pass_mark,
        phone_allowed=assessment.phone_allowed,
    )
