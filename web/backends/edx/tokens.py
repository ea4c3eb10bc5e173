"""How an edX platform shows who it is: its access token, and its instructors' links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import jwt

from invigilation.desk.edx import EdxDesk
from invigilation.errors import NotFound
from invigilation.store.watch import Asked
from web.api.idempotency import KEPT_FOR
from web.api.oauth import Client, Tokens, hash_secret
from web.backends.edx.wrapping import ours
from web.wrapping import Wrapping

ALGORITHM = "HS256"
LONGEST = timedelta(minutes=5)
"""A link is good for a minute; the clocks of two machines may differ."""
SKEW = timedelta(seconds=30)
TOKEN_LIMIT = 4_096


@dataclass(frozen=True, slots=True)
class EdxClients:
    """The platforms as clients of the token endpoint."""

    desk: EdxDesk
    wrapping: Wrapping

    async def find(self, client_id: str) -> Client | None:
        """Return the platform of that name as a client without scopes, unless there is none."""
        try:
            one = await self.desk.platform(client_id)
        except NotFound:
            return None
        secret = self.wrapping.open(ours(client_id), one.secret)
        return Client(client_id, hash_secret(secret), frozenset(), client_id)


def backend_of(tokens: Tokens, authorization: str | None) -> str:
    """Return the platform that an Authorization header names, as `JWT` or as `Bearer`.

    Raises `Problem` invalid_token.
    """
    scheme, blank, token = (authorization or "").partition(" ")
    if blank and scheme.lower() == "jwt":
        authorization = f"Bearer {token}"
    return tokens.caller(authorization).backend


@dataclass(frozen=True, slots=True)
class Teacher:
    """Whom an instructor's link lets in, and to what; `exam` and `attempt` are our names."""

    backend: str
    course: str
    exam: str | None
    attempt: str | None


@dataclass(frozen=True, slots=True)
class Links:
    """Reads instructors' links: HS256 with the platform's secret, good once and for a minute."""

    desk: EdxDesk
    wrapping: Wrapping

    async def teacher(self, client_id: str, token: str) -> Teacher | None:
        """Return who is let in; None for a link that is not right, over, or used."""
        claims = await self._claims(client_id, token)
        course = claims.get("course_id")
        if not isinstance(course, str) or not course.isprintable():
            return None
        if not self._lasts(claims["exp"]) or not await self._first(client_id, str(claims["jti"])):
            return None
        exam, attempt = _word(claims.get("exam_id")), _word(claims.get("attempt_id"))
        return Teacher(client_id, course, exam, attempt)

    async def _claims(self, client_id: str, token: str) -> dict[str, object]:
        """Return what a link claims; nothing when it is not signed by that platform."""
        if not client_id.isprintable():
            return {}
        try:
            platform = await self.desk.platform(client_id)
            secret = self.wrapping.open(ours(client_id), platform.secret)
            return _claims(token, secret, client_id)
        except (NotFound, jwt.PyJWTError):
            return {}

    def _lasts(self, ends: object) -> bool:
        """Say whether a link is good now, by its end in epoch seconds."""
        if isinstance(ends, bool) or not isinstance(ends, int | float):
            return False
        now = self.desk.office.clock.now().timestamp()
        return now - SKEW.total_seconds() < ends < now + LONGEST.total_seconds()

    async def _first(self, client: str, jti: str) -> bool:
        """Say whether this link comes for the first time."""
        office = self.desk.office
        now = office.clock.now()
        digest = sha256(jti.encode(errors="backslashreplace")).hexdigest()
        asked = Asked(client, f"edx-link-{digest}", digest, None, None, now)
        async with office.store.write() as tx:
            return await tx.watch.begin(asked, now - KEPT_FOR, now - KEPT_FOR) is None


def _claims(token: str, secret: str, issuer: str) -> dict[str, object]:
    """Return the claims of a token that is signed; its end is held against our own clock."""
    if len(token) > TOKEN_LIMIT:
        raise jwt.InvalidTokenError
    claims: dict[str, object] = jwt.decode(
        token,
        secret,
        algorithms=[ALGORITHM],
        issuer=issuer,
        options={"require": ["exp", "iss", "jti"], "verify_exp": False, "verify_aud": False},
    )
    return claims


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
