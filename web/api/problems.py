"""What the machine interface answers when it cannot do what was asked: RFC 9457 problems.

One table turns a code into a status and a title; the codes of the exam office's errors
(`invigilation.errors`) and those of this edge stand in it side by side.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from invigilation import errors

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"
RETRY_AFTER_S = 5
"""What a client is told to wait when a limit is reached or its first attempt is still running."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its HTTP status and its title, the same for every occurrence."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = {
    # The exam office's own refusals.
    "refused": Kind(409, "The exam office refuses this"),
    "invalid_input": Kind(422, "A field cannot be used as it is"),
    "not_found": Kind(404, "There is no such thing"),
    "not_allowed": Kind(403, "This is not allowed"),
    "needs_colleague": Kind(409, "It takes two people to decide this"),
    "reason_needed": Kind(409, "Somebody has to say why they look at this"),
    "not_signed_in": Kind(401, "Who is asking is not known"),
    "illegal_transition": Kind(409, "Not possible in the present state"),
    "slot_not_offered": Kind(409, "This start is not offered"),
    "slot_taken": Kind(409, "This start is taken"),
    "already_booked": Kind(409, "There is an active booking already"),
    "too_late": Kind(409, "The cut-off has passed"),
    "payment_due": Kind(402, "A charge is due first"),
    "key_reused": Kind(422, "The idempotency key came before with another request"),
    "busy": Kind(503, "A limit is reached"),
    "unsure": Kind(503, "It is not known whether this was done"),
    # This edge's.
    "invalid_token": Kind(401, "The access token is missing, unreadable or over"),
    "insufficient_scope": Kind(403, "The access token lacks a scope"),
    "malformed_json": Kind(400, "The body is not JSON"),
    "key_missing": Kind(400, "The Idempotency-Key header is missing or unusable"),
    "key_in_flight": Kind(409, "The first request with this idempotency key is still running"),
    "too_slow": Kind(408, "The body did not arrive in time"),
    "too_large": Kind(413, "The body is too large"),
    "wrong_media_type": Kind(415, "The body is of the wrong media type"),
    "method_not_allowed": Kind(405, "This path does not know the method"),
    "too_many": Kind(429, "Too many requests in a short time"),
    "internal": Kind(500, "A fault on our side"),
}


class Fault(BaseModel):
    """One field that cannot be used."""

    model_config = ConfigDict(frozen=True)

    pointer: str | None = Field(
        default=None, description="Where in the body: a JSON Pointer as a URI fragment (RFC 6901)."
    )
    parameter: str | None = Field(default=None, description="Which query parameter.")
    detail: str = Field(description="What is wrong with it.")


class ProblemBody(BaseModel):
    """An RFC 9457 problem; further members are facts of that kind of problem."""

    model_config = ConfigDict(
        title="Problem",
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/slot_taken",
                    "title": "This start is taken",
                    "status": 409,
                    "detail": "Somebody else has just taken this time.",
                    "start": "2027-03-01T09:30:00Z",
                }
            ]
        },
    )

    type: str = Field(description="A stable relative URI that names the kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What happened this time, for a person to read.")
    errors: list[Fault] | None = Field(default=None, description="The fields at fault.")


class Problem(Exception):
    """An answer that is a problem: `code` stands in `KINDS`, `facts` become further members."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        facts: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.kind = KINDS[code]
        self.detail = detail
        self.facts = dict(facts or {})
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """Return this problem as an HTTP answer."""
        body = {
            "type": TYPE_PREFIX + self.code,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        } | self.facts
        return web.Response(
            status=self.kind.status,
            body=json.dumps(body, ensure_ascii=False).encode(),
            content_type=MEDIA_TYPE,
            headers=self.headers,
        )


def from_error(error: errors.InvigilationError) -> Problem:
    """Return the problem for an exam-office error.

    What is not in the table was not meant for a client (evidence that is damaged, say): that is an
    `internal` problem without details.
    """
    if error.code not in KINDS:
        return internal()
    headers = {"Retry-After": str(RETRY_AFTER_S)} if error.code == "busy" else {}
    return Problem(error.code, str(error), facts=_facts(error), headers=headers)


def internal() -> Problem:
    """Return the problem for a fault of ours; the log has the rest."""
    return Problem("internal", "We have noted this and will look at it.")


def instant(moment: datetime) -> str:
    """Return the RFC 3339 text of an aware moment, in UTC with a Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


_FACTS: Mapping[type[errors.InvigilationError], Callable[[Any], dict[str, Any]]] = {
    errors.InvalidInput: lambda e: {
        "errors": [{"pointer": "#/" + e.field.replace(".", "/"), "detail": e.reason}]
    },
    errors.IllegalTransition: lambda e: {"state": e.state, "event": e.event},
    errors.SlotNotOffered: lambda e: {"start": instant(e.start), "why": str(e.why)},
    errors.SlotTaken: lambda e: {"start": instant(e.start)},
    errors.AlreadyBooked: lambda e: {"booking": e.booking},
    errors.TooLate: lambda e: {"cutoff": instant(e.cutoff)},
    errors.PaymentDue: lambda e: {"charge": e.charge, "pence": e.pence},
}


def _facts(error: errors.InvigilationError) -> dict[str, Any]:
    known = _FACTS.get(type(error))
    return known(error) if known else {}


async def describe(request: web.Request) -> web.Response:
    """GET /problems/{code}: what a problem's `type` says when somebody opens it."""
    kind = KINDS.get(request.match_info["code"])
    if kind is None:
        raise web.HTTPNotFound
    return web.Response(text=f"{kind.title}.\n\nHTTP status {kind.status}.\n")
