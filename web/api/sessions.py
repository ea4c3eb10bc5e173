"""How a session stands, and its attestation once it is sealed."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from invigilation.desk import Desk
from invigilation.desk.onboard import PREFIX
from invigilation.errors import NotFound
from invigilation.session import Outcome, SessionState
from web.api.fields import Ident, Moment, Nothing, Plain, Which
from web.api.layer import AnyOperation, Call, Document, Operation, Reply
from web.api.oauth import Scope

JOSE = "application/jose"


class SessionAnswer(Plain):
    """A session."""

    id: Ident
    booking: Ident
    request: Ident
    state: SessionState
    started: Moment | None = Field(description="When the learner was admitted.")
    finished: Moment | None
    spent_seconds: int = Field(description="Assessment time used, pauses excepted.")
    reason: str | None = Field(description="Why it was paused, stopped or refused.")
    outcome: Outcome | None = Field(description="What the attestation says.")


@dataclass(frozen=True, slots=True)
class Sessions:
    """Operations on sessions."""

    desk: Desk

    def operations(self) -> list[AnyOperation]:
        """Declare them."""
        return [self._show(), self._attestation()]

    def _show(self) -> Operation[Nothing, Nothing, Which]:
        return Operation(
            name="showSession",
            method="GET",
            path="/sessions/{id}",
            summary="Show a session",
            scopes=(Scope.SESSIONS_READ,),
            body=Nothing,
            query=Nothing,
            params=Which,
            answers={200: SessionAnswer},
            handler=self.show,
            tag="sessions",
        )

    def _attestation(self) -> Operation[Nothing, Nothing, Which]:
        return Operation(
            name="showAttestation",
            method="GET",
            path="/sessions/{id}/attestation",
            summary="Fetch a session's attestation",
            scopes=(Scope.SESSIONS_READ,),
            body=Nothing,
            query=Nothing,
            params=Which,
            answers={200: JOSE},
            handler=self.attestation,
            tag="sessions",
        )

    async def show(self, call: Call[Nothing, Nothing, Which]) -> Reply:
        """Return a session as it stands."""
        view = await self.desk.sessions.view(call.path.id)
        if view.sitting.backend != call.caller.backend:
            raise NotFound("session", call.path.id)
        session = view.session
        return Reply(
            200,
            SessionAnswer(
                id=session.id,
                booking=session.booking,
                request=view.sitting.request,
                state=session.state,
                started=session.started,
                finished=session.finished,
                spent_seconds=int(session.spent.total_seconds()),
                reason=session.reason,
                outcome=session.outcome,
            ),
        )

    async def attestation(self, call: Call[Nothing, Nothing, Which]) -> Reply:
        """Return the sealed record: a compact JWS, its keys in `/.well-known/jwks.json`.

        Where an officer on board invigilates, the id of the officer's form stands for a session.
        """
        ident, backend = call.path.id, call.caller.backend
        onboard = ident.startswith(PREFIX)
        desk = self.desk.onboard if onboard else self.desk.reports
        sealed = await desk.attestation(ident, backend)
        return Reply(200, Document(JOSE, sealed))
