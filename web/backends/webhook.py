"""Sends webhooks as Standard Webhooks (https://www.standardwebhooks.com, version 1) says.

One call of `deliver` is one attempt; the caller keeps the outbox and asks `next_attempt` when to
try again. The body is sent exactly as it was stored: the signatures cover those bytes. There is one
`v1` for each secret in use (while one replaces another, the receiver may know either), and one
`v1a` by the service's own key, which anybody can check with the public one.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
from yarl import URL

from invigilation.ports import Signer
from web.outward import Network, open_client

SECRET_PREFIX = "whsec_"  # noqa: S105 - the standard's word, not a secret
PUBLIC_PREFIX = "whpk_"
MIN_SECRET_BYTES = 24
MAX_SECRET_BYTES = 64
TIME_LIMIT_S = 10.0
"""Connecting, sending and the answer's head together take no longer."""
ANSWER_TIME_S = 2.0
"""What was accepted is accepted: longer nobody waits for the body of that answer."""
MAX_ANSWER = 8192
"""No more of an answer's body is read."""
MAX_REASON = 200
GONE = 410
USER_AGENT = "invigilation-webhooks/1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a backend listens, and what it can check messages by.

    `secret` (`whsec_`) is shared with it, `older` ones are still in use beside it; `key` is the
    service's own.
    """

    url: str
    secret: str
    older: tuple[str, ...] = ()
    key: Signer | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: `id` is the message's own, the same at every attempt; `at` is now."""

    id: str
    payload: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Delivered:
    """The backend has it; `answer` is what it said (JSON, not parsed), empty if nothing."""

    answer: bytes = b""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not delivered: the reason, for staff to read; `silent` if nothing was answered at all."""

    reason: str
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Disabled:
    """The backend said 410: it wants nothing more at this address."""


Outcome = Delivered | Retry | Disabled


_STEPS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
)
JITTER = 0.2


def next_attempt(attempts: int, jitter: float = 0.0) -> timedelta:
    """Return how long to wait after that many failed attempts (1 and more), without end.

    `jitter`, from 0 up to 1, lengthens the wait by up to `JITTER` of it.
    """
    step = _STEPS[min(max(attempts, 1), len(_STEPS)) - 1]
    return step * (1 + JITTER * jitter)


def parse_secret(secret: str) -> bytes:
    """Return the key of a `whsec_` secret; raises `ValueError`."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"a webhook secret starts with {SECRET_PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is base64") from None
    if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise ValueError(f"a webhook key has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes")
    return key


def sign(secret: str, ident: str, timestamp: int, payload: bytes) -> str:
    """Return `v1,` and the base64 HMAC-SHA256 of `id.timestamp.payload`."""
    digest = hmac.digest(parse_secret(secret), _signed(ident, timestamp, payload), hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def sign_by(key: Signer, ident: str, timestamp: int, payload: bytes) -> str:
    """Return `v1a,` and the base64 Ed25519 signature of `id.timestamp.payload`."""
    return "v1a," + base64.b64encode(key.sign(_signed(ident, timestamp, payload))).decode()


def _signed(ident: str, timestamp: int, payload: bytes) -> bytes:
    return f"{ident}.{timestamp}.".encode() + payload


def open_session(private: Collection[Network] = ()) -> aiohttp.ClientSession:
    """Return the client session that webhooks are sent by; its owner closes it.

    It connects to public addresses and to those in `private` only.
    """
    return open_client(private, USER_AGENT)


async def deliver(
    session: aiohttp.ClientSession, endpoint: Endpoint, delivery: Delivery
) -> Outcome:
    """Try once to deliver; never raises for what the network, backend or its entry here does.

    Any 2xx is success, 410 disables; redirects are not followed and count as failures.
    """
    try:
        headers = _headers(endpoint, delivery)
        async with (
            asyncio.timeout(TIME_LIMIT_S) as limit,
            session.post(
                URL(endpoint.url, encoded=True),
                data=delivery.payload,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as response,
        ):
            # The head is here; its status shall not be lost because the body is slow.
            now = asyncio.get_running_loop().time()
            limit.reschedule(max(limit.when() or now, now + 2 * ANSWER_TIME_S))
            return await _outcome(response)
    except TimeoutError:
        return Retry(f"no answer within {TIME_LIMIT_S:.0f} s", silent=True)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        silent = isinstance(error, OSError | aiohttp.ClientConnectionError)
        return Retry(f"{type(error).__name__}: {error}"[:MAX_REASON], silent)


def _headers(endpoint: Endpoint, delivery: Delivery) -> dict[str, str]:
    timestamp = int(delivery.at.timestamp())
    signatures = [
        sign(secret, delivery.id, timestamp, delivery.payload)
        for secret in (endpoint.secret, *endpoint.older)
    ]
    if endpoint.key is not None:
        signatures.append(sign_by(endpoint.key, delivery.id, timestamp, delivery.payload))
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


async def _outcome(response: aiohttp.ClientResponse) -> Outcome:
    # The status decides, as soon as it is here; what follows is read for the reason alone.
    status = response.status
    if 200 <= status < 300:
        return Delivered(await _answer(response))
    if status == GONE:
        response.close()
        return Disabled()
    if 300 <= status < 400:
        response.close()
        return Retry(f"status {status}: redirects are not followed")
    body = await _excerpt(response)
    words = "".join(c if c.isprintable() else " " for c in body.decode(errors="replace"))
    return Retry(f"status {status}: {words}"[:MAX_REASON])


async def _answer(response: aiohttp.ClientResponse) -> bytes:
    """Return a short JSON body whole; whatever else came, or came too slowly, is none."""
    try:
        if response.content_type != "application/json":
            return b""
        async with asyncio.timeout(ANSWER_TIME_S):
            body = await _excerpt(response)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        return b""
    finally:
        response.close()
    return b"" if len(body) >= MAX_ANSWER else body


async def _excerpt(response: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes of the answer, and hang up on one that has more."""
    body = bytearray()
    async for piece in response.content.iter_chunked(MAX_ANSWER):
        body += piece
        if len(body) >= MAX_ANSWER:
            response.close()
            break
    return bytes(body[:MAX_ANSWER])
