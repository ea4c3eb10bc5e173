"""Machine clients sign in: OAuth 2.0 client credentials (RFC 6749, section 4.4).

`POST /api/oauth/token` takes the client's name and secret, by HTTP Basic or in the form body, and
gives a token that lives for fifteen minutes: a JWT signed with HS256, since this service is both
its issuer and its only reader. It is read without the database and cannot be revoked (RFC 7009, 3:
such a token is to be short-lived instead); what is taken back is the secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol
from urllib.parse import parse_qsl, unquote_plus

import jwt
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from invigilation.ports import Clock
from web.api.layer import Caller, read_body
from web.api.problems import Problem

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
AUDIENCE = "invigilation-api"
ISSUER = "invigilation"
LIFETIME = timedelta(minutes=15)
ALGORITHM = "HS256"
MIN_KEY_BYTES = 32
MAX_TOKEN = 4096
MAX_FORM_FIELDS = 16
FORM = "application/x-www-form-urlencoded"
_CLIENT_ID = re.compile(r"[!-~]{1,100}\Z")


class Scope(StrEnum):
    """What a machine client may be let to do."""

    REQUESTS_WRITE = "requests:write"
    REQUESTS_READ = "requests:read"
    BOOKINGS_WRITE = "bookings:write"
    BOOKINGS_READ = "bookings:read"
    SESSIONS_READ = "sessions:read"


MEANINGS: Mapping[Scope, str] = {
    Scope.REQUESTS_WRITE: "Ask for sessions.",
    Scope.REQUESTS_READ: "See your requests, their free slots, and your assessments.",
    Scope.BOOKINGS_WRITE: "Book and cancel for your learners.",
    Scope.BOOKINGS_READ: "See your bookings.",
    Scope.SESSIONS_READ: "See your sessions and their attestations.",
}


@dataclass(frozen=True, slots=True)
class Client:
    """A machine client of one backend; `secret_hash` is `hash_secret` of its secret.

    `older` are those of secrets that have been replaced, and are good for a while yet.
    """

    id: str
    secret_hash: str
    scopes: frozenset[str]
    backend: str
    older: tuple[str, ...] = ()


class Clients(Protocol):
    """The machine clients that are known."""

    async def find(self, client_id: str) -> Client | None:
        """Return the client of that name, unless there is none or it is revoked."""
        ...


def new_secret() -> str:
    """Return a client secret: 256 random bits, 43 characters."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Return the SHA-256 (hex) that stands for a secret in the store.

    A plain hash suffices because `new_secret` gives 256 random bits: there is nothing to guess.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


class Tokens:
    """Makes and reads access tokens; the `Guard` of the layer."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"the token key needs {MIN_KEY_BYTES} bytes")
        self._key = key
        self._clock = clock

    def issue(self, client: Client, scopes: frozenset[str]) -> str:
        """Return a token with these scopes, valid from now for `LIFETIME`."""
        now = self._clock.now()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": client.id,
            "backend": client.backend,
            "scope": " ".join(sorted(scopes)),
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "jti": secrets.token_urlsafe(12),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def caller(self, authorization: str | None) -> Caller:
        """Return who the header names; raises `Problem` invalid_token."""
        if not authorization:
            raise _bad_token("Send an access token: Authorization: Bearer ...", error=None)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN:
            raise _bad_token("The Authorization header is not a bearer token.")
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # The times are held against our own clock below.
                options={
                    "require": ["exp", "iat", "sub", "aud", "iss"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError:
            raise _bad_token("The access token cannot be read.") from None
        if self._clock.now().timestamp() >= claims["exp"]:
            raise _bad_token("The access token is over. Take a new one.")
        return Caller(claims["sub"], claims["backend"], frozenset(claims["scope"].split()))


def _bad_token(detail: str, error: str | None = "invalid_token") -> Problem:
    challenge = 'Bearer realm="invigilation"' + (f', error="{error}"' if error else "")
    return Problem("invalid_token", detail, headers={"WWW-Authenticate": challenge})


class TokenForm(BaseModel):
    """The form body of a token request (RFC 6749, section 4.4.2)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"grant_type": "client_credentials"}]},
    )

    grant_type: str = Field(description="client_credentials")
    scope: str | None = Field(default=None, description="Scopes, with spaces; all if left out.")
    client_id: str | None = Field(default=None, description="Unless sent by HTTP Basic.")
    client_secret: str | None = Field(default=None, description="Unless sent by HTTP Basic.")


class TokenAnswer(BaseModel):
    """An access token (RFC 6749, section 5.1)."""

    model_config = ConfigDict(frozen=True)

    access_token: str
    token_type: str
    expires_in: int = Field(description="Seconds.")
    scope: str


class TokenError(BaseModel):
    """Why there is no token (RFC 6749, section 5.2)."""

    model_config = ConfigDict(frozen=True)

    error: str
    error_description: str


class _Refused(Exception):
    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class TokenEndpoint:
    """`POST /api/oauth/token`."""

    def __init__(self, clients: Clients, tokens: Tokens) -> None:
        self._clients = clients
        self._tokens = tokens

    async def serve(self, request: web.Request) -> web.Response:
        """Answer with a token, or with the error that RFC 6749, section 5.2, names."""
        try:
            answer: BaseModel = await self._grant(request)
            status = 200
        except _Refused as refused:
            answer = TokenError(error=refused.error, error_description=refused.description)
            status = refused.status
        response = web.Response(
            status=status,
            body=answer.model_dump_json().encode(),
            content_type="application/json",
            headers={"Cache-Control": "no-store", "Pragma": "no-cache"},
        )
        if status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="invigilation", charset="UTF-8"'
        return response

    async def _grant(self, request: web.Request) -> TokenAnswer:
        form = await _form(request)
        client = await self._authenticate(*_credentials(request, form))
        grant = form.get("grant_type")
        if not grant:
            raise _Refused("invalid_request", "grant_type is missing.")
        if grant != "client_credentials":
            raise _Refused("unsupported_grant_type", "Only client_credentials is offered.")
        scopes = frozenset(form.get("scope", "").split()) or client.scopes
        if not scopes <= client.scopes:
            raise _Refused("invalid_scope", "This client does not hold every scope it asks for.")
        return TokenAnswer(
            access_token=self._tokens.issue(client, scopes),
            token_type="Bearer",  # noqa: S106 - the name of the kind
            expires_in=int(LIFETIME.total_seconds()),
            scope=" ".join(sorted(scopes)),
        )

    async def _authenticate(self, client_id: str, secret: str) -> Client:
        client = await self._clients.find(client_id) if _CLIENT_ID.match(client_id) else None
        # An unknown client costs the same comparison as a wrong secret.
        known = (client.secret_hash, *client.older) if client else (hash_secret(""),)
        given = hash_secret(secret).encode()
        # Each is compared, so that the time tells nothing of which one it was.
        same = [hmac.compare_digest(one.encode(), given) for one in known]
        if client is None or not any(same):
            raise _Refused("invalid_client", "The client or its secret is not right.", 401)
        return client


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type != FORM:
        raise _Refused("invalid_request", f"Send the body as {FORM}.")
    raw = await read_body(request)
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except ValueError:
        raise _Refused("invalid_request", "The form cannot be read.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _Refused("invalid_request", "A field is given more than once.")
    # A field without a value counts as left out (RFC 6749, section 3.2).
    return {name: value for name, value in form.items() if value}


def _credentials(request: web.Request, form: Mapping[str, str]) -> tuple[str, str]:
    header = request.headers.get("Authorization")
    in_body = "client_secret" in form
    if header is None:
        if not in_body or "client_id" not in form:
            raise _Refused("invalid_client", "Send the client's name and secret.", 401)
        return form["client_id"], form["client_secret"]
    name, secret = _basic(header)
    if in_body:
        raise _Refused("invalid_request", "Send the secret in one place only.")
    if form.get("client_id", name) != name:
        raise _Refused("invalid_request", "client_id differs from the header's.")
    return name, secret


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise _Refused("invalid_client", "The Authorization header is not Basic.", 401)
    # RFC 6749, section 2.3.1: both are form-encoded before Basic encodes them.
    return unquote_plus(name), unquote_plus(secret)
