"""The practice backend as a client of the invigilation service's machine interface."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import aiohttp

from web.practice.signatures import Keys, keys_of

TIMEOUT_S = 8.0
TOKEN_SLACK_S = 60
SCOPES = "requests:read requests:write"
MAX_DETAIL = 300


class OfficeError(Exception):
    """The service did not do what was asked; the words are for a person."""


class TokenOver(OfficeError):
    """The service does not take the token, or does not know this client."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for on behalf of a learner; `born` and `document_number` may be empty."""

    key: str
    reference: str
    learner_reference: str
    name: str
    email: str
    born: str
    document_number: str
    assessment: str
    purchased_on: str
    assessment_url: str
    return_url: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the service made of a wish."""

    id: str
    booking_url: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """An assessment that the service knows."""

    code: str
    title: str


class Office:
    """Speaks to the service; keeps an access token while it lasts."""

    def __init__(self, service: str, client_id: str, client_secret: str) -> None:
        self._service = service
        # RFC 6749, section 2.3.1: both are form-encoded before Basic encodes them.
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()
        self._token = ""
        self._until = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Get ready; `close` ends it."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def ask(self, wish: Wish) -> Asked:
        """Ask for a session; the same key has one effect. Raises `OfficeError`."""
        learner = {
            "reference": wish.learner_reference,
            "name": wish.name,
            "email": wish.email,
            "born": wish.born,
            "document_number": wish.document_number,
        }
        body = {
            "reference": wish.reference,
            "learner": {name: value for name, value in learner.items() if value},
            "assessment": wish.assessment,
            "purchased_on": wish.purchased_on,
            "assessment_url": wish.assessment_url,
            "return_url": wish.return_url,
        }
        answer = await self._api("POST", "/api/requests", json=body, key=wish.key)
        return Asked(_text(answer, "id"), _text(answer, "booking_url"))

    async def assessments(self) -> list[Assessment]:
        """Return what can be sat; raises `OfficeError`."""
        answer = await self._api("GET", "/api/assessments")
        listed = answer.get("assessments") if isinstance(answer, dict) else None
        return [Assessment(_text(one, "code"), _text(one, "title")) for one in listed or []]

    async def keys(self) -> Keys:
        """Return the keys that reports are sealed with; raises `OfficeError`."""
        return keys_of(await self._call("GET", "/.well-known/jwks.json", {}))

    async def _api(self, method: str, path: str, *, key: str = "", **more: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        kept = bool(self._token)
        try:
            return await self._call(method, path, headers | await self._bearer(), **more)
        except TokenOver:
            # A token that was kept may be over sooner than it said: take a new one, once.
            self._token = ""
            if not kept:
                raise
            return await self._call(method, path, headers | await self._bearer(), **more)

    async def _bearer(self) -> dict[str, str]:
        return {"Authorization": "Bearer " + await self._take_token()}

    async def _take_token(self) -> str:
        now = asyncio.get_running_loop().time()
        if not self._token or now >= self._until:
            form = {"grant_type": "client_credentials", "scope": SCOPES}
            headers = {"Authorization": self._basic}
            answer = await self._call("POST", "/api/oauth/token", headers, data=form)
            self._token = _text(answer, "access_token")
            self._until = now + int(answer.get("expires_in", 0)) - TOKEN_SLACK_S
        return self._token

    async def _call(self, method: str, path: str, headers: dict[str, str], **more: Any) -> Any:
        if self._session is None:
            raise RuntimeError("open() comes first")
        try:
            async with self._session.request(
                method, self._service + path, headers=headers, allow_redirects=False, **more
            ) as response:
                answer = await response.json(content_type=None)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OfficeError("The invigilation service does not answer.") from error
        if not 200 <= status < 300:
            words = answer if isinstance(answer, dict) else {}
            detail = str(words.get("detail") or words.get("error_description") or "")
            kind = TokenOver if status == 401 else OfficeError
            raise kind(f"The invigilation service said {status}. {detail}"[:MAX_DETAIL])
        return answer


def _text(answer: Any, name: str) -> str:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str):
        raise OfficeError(f"The invigilation service's answer has no {name}.")
    return value
