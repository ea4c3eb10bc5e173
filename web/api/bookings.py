"""Booking a time on a learner's behalf, and giving it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ConfigDict, Field

from invigilation.booking import ACTIVE, BookingState
from invigilation.desk import Desk
from invigilation.errors import (
    AlreadyBooked,
    IllegalTransition,
    PaymentDue,
    SlotNotOffered,
    SlotTaken,
    TooLate,
)
from invigilation.forecast import Risk
from invigilation.ladder import Rung, Way
from invigilation.store.views import Sitting
from web.api.fields import Ident, Moment, Nothing, Optionally, Plain, Reference, Which
from web.api.layer import AnyOperation, Call, Caller, Operation, Reply
from web.api.oauth import Scope


class NewBooking(Plain):
    """A start that is wanted for a request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"request": "rq_0f3c5a7b9d1e2f4a6b8c", "start": "2027-03-01T09:30:00Z"}]
        }
    )

    request: Ident
    start: Moment
    zone: Optionally[Reference] = Field(
        default=None, description="The learner's IANA time zone, for the mails."
    )


class LinkAnswer(Plain):
    """What to expect of the learner's link at the hour of the session, by their own tests of it."""

    risk: Risk = Field(description="How likely it is that the link troubles the session.")
    rung: Rung = Field(description="What the link will carry; full is all.")
    way: Way = Field(description="How sound and picture will travel.")
    tests: int = Field(description="On how many tests of the last 30 days this rests.")
    at_the_hour: int = Field(description="How many of them were made at the session's hour.")


class BookingAnswer(Plain):
    """A booking, and the session that it leads to."""

    id: Ident
    request: Ident
    session: Ident
    state: BookingState
    start: Moment
    end: Moment
    zone: str
    sequence: int = Field(description="Grows with each change.")
    link: LinkAnswer | None = Field(
        description="Null until the learner has tested their link (`test_url` of the request), and "
        "when the session is over or given back."
    )


class Cancellation(Plain):
    """Why a booking is given back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Watch was changed"}]})

    reason: Optionally[Reference] = Field(default=None, description="In plain words.")


@dataclass(frozen=True, slots=True)
class Bookings:
    """Operations on bookings; the learner's rules hold (notice, cut-off)."""

    desk: Desk

    def operations(self) -> list[AnyOperation]:
        """Declare them."""
        return [self._create(), self._show(), self._cancel()]

    def _create(self) -> Operation[NewBooking, Nothing, Nothing]:
        return Operation(
            name="createBooking",
            method="POST",
            path="/bookings",
            summary="Book a time",
            scopes=(Scope.BOOKINGS_WRITE,),
            body=NewBooking,
            query=Nothing,
            params=Nothing,
            answers={201: BookingAnswer},
            problems=(
                "not_found",
                SlotNotOffered.code,
                SlotTaken.code,
                AlreadyBooked.code,
                PaymentDue.code,
                IllegalTransition.code,
            ),
            handler=self.create,
            tag="bookings",
        )

    def _show(self) -> Operation[Nothing, Nothing, Which]:
        return Operation(
            name="showBooking",
            method="GET",
            path="/bookings/{id}",
            summary="Show a booking",
            scopes=(Scope.BOOKINGS_READ,),
            body=Nothing,
            query=Nothing,
            params=Which,
            answers={200: BookingAnswer},
            handler=self.show,
            tag="bookings",
        )

    def _cancel(self) -> Operation[Cancellation, Nothing, Which]:
        return Operation(
            name="cancelBooking",
            method="POST",
            path="/bookings/{id}/cancel",
            summary="Give a booking back",
            scopes=(Scope.BOOKINGS_WRITE,),
            body=Cancellation,
            query=Nothing,
            params=Which,
            answers={200: BookingAnswer},
            problems=(TooLate.code, IllegalTransition.code),
            handler=self.cancel,
            tag="bookings",
        )

    async def create(self, call: Call[NewBooking, Nothing, Nothing]) -> Reply:
        """Book a free start; the same start for the same request again is the same booking."""
        body = call.body
        asked = await self.desk.requests.find(body.request, call.caller.backend)
        zone = body.zone or asked.learner.zone
        try:
            sitting = await self.desk.bookings.book(
                asked.request.id, body.start, zone, _actor(call.caller)
            )
        except (AlreadyBooked, IllegalTransition):
            # A process that died between the booking and its answer leaves no answer to replay.
            same = await self._same(asked.request.id, body.start)
            if same is None:
                raise
            sitting = same
        return Reply(201, await self._answer(sitting))

    async def _same(self, request: str, start: datetime) -> Sitting | None:
        sitting = await self.desk.bookings.latest(request)
        if sitting is None or sitting.start != start or sitting.booking_state not in ACTIVE:
            return None
        return sitting

    async def show(self, call: Call[Nothing, Nothing, Which]) -> Reply:
        """Return a booking as it stands."""
        sitting = await self.desk.bookings.find(call.path.id, call.caller.backend)
        return Reply(200, await self._answer(sitting))

    async def cancel(self, call: Call[Cancellation, Nothing, Which]) -> Reply:
        """Give a booking back until the cut-off before its start; its request is open again."""
        sitting = await self.desk.bookings.find(call.path.id, call.caller.backend)
        cancelled = await self.desk.bookings.cancel(
            sitting.booking, call.body.reason or "", _actor(call.caller)
        )
        return Reply(200, await self._answer(cancelled))

    async def _answer(self, sitting: Sitting) -> BookingAnswer:
        return _told(sitting, await self._link(sitting))

    async def _link(self, sitting: Sitting) -> LinkAnswer | None:
        """Return what schedulers see beside the booking, while it is still to come."""
        if sitting.booking_state is not BookingState.BOOKED:
            return None
        one = (sitting.booking, sitting.request, sitting.start)
        found = (await self.desk.probes.forecasts([one])).get(sitting.booking)
        if found is None:
            return None
        return LinkAnswer(
            risk=found.risk,
            rung=found.rung,
            way=found.way,
            tests=found.count,
            at_the_hour=found.near,
        )


def _actor(caller: Caller) -> str:
    """Return the name under which a backend's client appears in a record."""
    return f"backend:{caller.backend}"


def _told(sitting: Sitting, link: LinkAnswer | None) -> BookingAnswer:
    return BookingAnswer(
        id=sitting.booking,
        request=sitting.request,
        session=sitting.session,
        state=sitting.booking_state,
        start=sitting.start,
        end=sitting.end,
        zone=sitting.zone,
        sequence=sitting.sequence,
        link=link,
    )
