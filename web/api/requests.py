"""Asking for a session, and the times that it may be booked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from invigilation.charge import UNPAID, Charge, ChargeState
from invigilation.desk import Desk
from invigilation.desk.requests import Ask, Asked
from invigilation.office_hours import Window
from invigilation.request import RequestState, end_of_day, licence_end
from web.api.fields import (
    BirthDay,
    Day,
    DocumentNumber,
    Email,
    Ident,
    Moment,
    Name,
    Nothing,
    Optionally,
    Plain,
    Reference,
    WebAddress,
    Which,
)
from web.api.layer import AnyOperation, Call, Operation, Reply
from web.api.oauth import Scope
from web.api.problems import Problem
from web.auth.links import to_test

SLOTS_BY_DEFAULT = timedelta(days=14)
SLOTS_AT_MOST = timedelta(days=62)


class LearnerBody(Plain):
    """Who is to be invigilated."""

    reference: Reference
    name: Name
    email: Email
    born: Optionally[BirthDay] = Field(
        default=None, description="The day of birth: it is compared with the identity document."
    )
    document_number: Optionally[DocumentNumber] = Field(
        default=None, description="The number of the identity document: it is compared with it."
    )


_EXAMPLE: dict[str, JsonValue] = {
    "reference": "enrolment-20871",
    "learner": {
        "reference": "learner-1001",
        "name": "Maria Santos",
        "email": "maria.santos@example.org",
        "born": "1994-03-17",
    },
    "assessment": "ISPS-SSO",
    "purchased_on": "2027-01-15",
    "assessment_url": "https://lms.example.org/assessment/6b1f",
    "return_url": "https://lms.example.org/courses/sso",
}


class NewRequest(Plain):
    """A session that is asked for. Give the licence's last day, or the day it was bought."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [_EXAMPLE],
            "oneOf": [{"required": ["licence_until"]}, {"required": ["purchased_on"]}],
        }
    )

    reference: Reference = Field(
        description="Your own name for the entitlement; the same one again gives the same request."
    )
    learner: LearnerBody
    assessment: Reference = Field(description="The code of one of your assessments.")
    licence_until: Optionally[Day] = Field(
        default=None, description="The licence's last day, in London."
    )
    purchased_on: Optionally[Day] = Field(
        default=None, description="The day of purchase: the licence is six months from then."
    )
    assessment_url: WebAddress = Field(
        description="Where the assessment is sat; released to the learner on admission."
    )
    return_url: Optionally[WebAddress] = Field(
        default=None, description="Where the learner goes afterwards."
    )

    @model_validator(mode="after")
    def _one_licence(self) -> Self:
        if (self.licence_until is None) == (self.purchased_on is None):
            raise ValueError("Give either licence_until or purchased_on.")
        return self


class ChargeAnswer(Plain):
    """What is to be paid before a time can be booked, or was; amounts in pence."""

    id: Ident
    state: ChargeState
    net: int
    vat: int
    gross: int
    currency: str


class RequestAnswer(Plain):
    """A request."""

    id: Ident
    reference: str
    state: RequestState
    assessment: str
    licence_until: Moment = Field(description="The licence ends before this moment.")
    booking_url: str = Field(description="The learner's personal link. Treat it as a secret.")
    test_url: str = Field(
        description="The same link, to the test of the learner's own link to us: a minute, on any "
        "day before the session. What it finds is `link` of the booking. Treat it as a secret."
    )
    booking: Ident | None = Field(description="The active booking, else the last one.")
    onboard: Ident | None = Field(
        description="The form of the officer on board that fulfilled the request, if one did; its "
        "attestation is that of the session of this id."
    )
    charge: ChargeAnswer | None


class Period(Plain):
    """From when (now, if left out) to when (14 days later, if left out; 62 at most)."""

    since: Moment | None = Field(default=None, alias="from", description="The first moment.")
    until: Moment | None = Field(default=None, alias="to", description="No start lies past it.")


class SlotsAnswer(Plain):
    """Starts that are free now, ascending; each session lasts that many minutes."""

    minutes: int
    starts: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Requests:
    """Operations on requests; `link` gives the learner's personal link for a request's id."""

    desk: Desk
    link: Callable[[str], str]

    def operations(self) -> list[AnyOperation]:
        """Declare them."""
        return [self._create(), self._show(), self._slots()]

    def _create(self) -> Operation[NewRequest, Nothing, Nothing]:
        return Operation(
            name="createRequest",
            method="POST",
            path="/requests",
            summary="Ask for a session",
            scopes=(Scope.REQUESTS_WRITE,),
            body=NewRequest,
            query=Nothing,
            params=Nothing,
            answers={201: RequestAnswer},
            handler=self.create,
            tag="requests",
        )

    def _show(self) -> Operation[Nothing, Nothing, Which]:
        return Operation(
            name="showRequest",
            method="GET",
            path="/requests/{id}",
            summary="Show a request",
            scopes=(Scope.REQUESTS_READ,),
            body=Nothing,
            query=Nothing,
            params=Which,
            answers={200: RequestAnswer},
            handler=self.show,
            tag="requests",
        )

    def _slots(self) -> Operation[Nothing, Period, Which]:
        return Operation(
            name="listSlots",
            method="GET",
            path="/requests/{id}/slots",
            summary="List the free starts for a request",
            scopes=(Scope.REQUESTS_READ,),
            body=Nothing,
            query=Period,
            params=Which,
            answers={200: SlotsAnswer},
            handler=self.slots,
            tag="requests",
        )

    async def create(self, call: Call[NewRequest, Nothing, Nothing]) -> Reply:
        """Ask for a session; send the learner to `booking_url` to choose a time."""
        body = call.body
        ask = Ask(
            backend=call.caller.backend,
            reference=body.reference,
            learner_reference=body.learner.reference,
            name=body.learner.name,
            email=body.learner.email,
            assessment=body.assessment,
            licence_until=self._licence(body.licence_until, body.purchased_on),
            assessment_url=body.assessment_url,
            return_url=body.return_url or "",
            born=body.learner.born,
            document_number=body.learner.document_number,
        )
        return Reply(201, await self._answer(await self.desk.requests.ask(ask)))

    def _licence(self, until: date | None, purchased: date | None) -> datetime:
        zone = self.desk.office.rules.zone
        if until is not None:
            return end_of_day(until, zone)
        if purchased is None:
            raise RuntimeError("the model lets one of the two through")
        return licence_end(purchased, zone)

    async def show(self, call: Call[Nothing, Nothing, Which]) -> Reply:
        """Return a request as it stands."""
        asked = await self.desk.requests.find(call.path.id, call.caller.backend)
        return Reply(200, await self._answer(asked))

    async def slots(self, call: Call[Nothing, Period, Which]) -> Reply:
        """Return the starts that the learner may book now; anybody may take one meanwhile."""
        asked = await self.desk.requests.find(call.path.id, call.caller.backend)
        window = self._window(call.query)
        starts = await self.desk.bookings.starts(asked.request.id, window)
        return Reply(200, SlotsAnswer(minutes=asked.assessment.minutes, starts=tuple(starts)))

    def _window(self, period: Period) -> Window:
        since = period.since or self.desk.office.clock.now()
        until = period.until or since + SLOTS_BY_DEFAULT
        if not since < until <= since + SLOTS_AT_MOST:
            words = f"It must lie after `from`, by {SLOTS_AT_MOST.days} days at most."
            faults: list[dict[str, Any]] = [{"parameter": "to", "detail": words}]
            raise Problem("invalid_input", words, facts={"errors": faults})
        return Window(since, until)

    async def _answer(self, asked: Asked) -> RequestAnswer:
        request = asked.request
        latest = await self.desk.bookings.latest(request.id)
        onboard = await self.desk.onboard.accepted(request.id)
        link = self.link(request.id)
        return RequestAnswer(
            id=request.id,
            reference=request.reference,
            state=request.state,
            assessment=asked.assessment.code,
            licence_until=request.licence_until,
            booking_url=link,
            test_url=to_test(link),
            booking=latest.booking if latest else None,
            onboard=onboard.id if onboard else None,
            charge=_charge(asked.charges),
        )


def _charge(charges: tuple[Charge, ...]) -> ChargeAnswer | None:
    """Return the charge that is due, else the last one that was."""
    if not charges:
        return None
    one = next((one for one in charges if one.state in UNPAID), charges[-1])
    price = one.price
    return ChargeAnswer(
        id=one.id,
        state=one.state,
        net=price.net_pence,
        vat=price.vat_pence,
        gross=price.gross_pence,
        currency=one.currency,
    )
