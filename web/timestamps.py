"""Asks a time-stamp authority (RFC 3161 over HTTP) to say that a digest was there, and when."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
from cryptography import x509

from invigilation.desk import Desk
from invigilation.desk.anchors import NoTimestamp, Stamp
from invigilation.ports import Clock
from recordings.verify.der import BOOLEAN, INTEGER, SEQUENCE, Node, make, number, single
from recordings.verify.timestamp import imprint_of, nonce_of, open_token, tidied
from recordings.verify.verdict import NotVerified
from scheduler.jobs import Job
from web.outward import ANYWHERE, open_client
from web.settings import Settings, Unable

TIME_LIMIT_S = 15.0
"""Connecting, asking and the whole answer together take no longer."""
MAX_ANSWER = 64 * 1024
CLOCKS_APART = timedelta(minutes=5)
"""As far apart as the verifier lets clocks be: what differs more would not verify later."""
PERIOD = timedelta(minutes=10)
LIMIT = timedelta(minutes=5)
USER_AGENT = "invigilation-timestamps/1"
QUERY = "application/timestamp-query"
REPLY = "application/timestamp-reply"
_GRANTED = {0, 1}
_NONCE_BITS = 63


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority at `url`, known by its certificate or its issuer's. A `Timestamper`."""

    client: aiohttp.ClientSession
    url: str
    certificates: tuple[x509.Certificate, ...]
    clock: Clock

    async def stamp(self, digest: bytes) -> Stamp:
        """Return a token over a SHA-256 digest, checked; raises `NoTimestamp`."""
        nonce = secrets.randbits(_NONCE_BITS)
        answer = await self.ask(query(digest, nonce))
        try:
            token = tidied(token_of(answer, nonce), self.certificates)
            at = open_token(token, digest, self.certificates).at
        except NotVerified as error:
            raise NoTimestamp(f"What the authority answered is not good: {error}.") from None
        apart = abs(at - self.clock.now())
        if apart > CLOCKS_APART:
            minutes = apart // timedelta(minutes=1)
            raise NoTimestamp(f"The authority's clock and ours are {minutes} minutes apart.")
        return Stamp(token, at)

    async def ask(self, request: bytes) -> bytes:
        """Send a TimeStampReq (DER) and return the TimeStampResp; raises `NoTimestamp`."""
        try:
            async with (
                asyncio.timeout(TIME_LIMIT_S),
                self.client.post(
                    self.url,
                    data=request,
                    headers={"Content-Type": QUERY, "Accept": REPLY},
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response,
            ):
                if response.status != 200:
                    raise NoTimestamp(f"The authority answered with status {response.status}.")
                return await _bounded(response)
        except TimeoutError:
            raise NoTimestamp(f"No answer within {TIME_LIMIT_S:.0f} s.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            said = f"{type(error).__name__}: {error}"
            raise NoTimestamp(f"The authority cannot be reached ({said}).") from None


def opening(settings: Settings, clock: Clock) -> AbstractAsyncContextManager[Authority | None]:
    """Give the authority that is set while a block lasts, or None if none is.

    Raises `Unable` at once when a file holds no certificate.
    """
    certificates = read_certificates(settings.timestamp_certificates)
    private = ANYWHERE if settings.timestamp_private_addresses else ()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Authority | None]:
        if not settings.timestamp_url:
            yield None
            return
        async with open_client(private, USER_AGENT) as client:
            yield Authority(client, settings.timestamp_url, certificates, clock)

    return opened()


def jobs(desk: Desk, authority: Authority | None) -> list[Job]:
    """Return what the clock asks for, if there is an authority."""
    if authority is None:
        return []
    return [Job("anchor", PERIOD, LIMIT, lambda: desk.anchors.sweep(authority))]


def read_certificates(files: Iterable[Path]) -> tuple[x509.Certificate, ...]:
    """Return the certificates in PEM files; raises `Unable` with a sentence."""
    found: list[x509.Certificate] = []
    for file in files:
        try:
            found += x509.load_pem_x509_certificates(file.read_bytes())
        except OSError as error:
            raise Unable(f"Setting timestamp_certificates: {file}: {error.strerror}.") from None
        except ValueError:
            raise Unable(
                f"Setting timestamp_certificates: {file} holds no certificates in PEM form."
            ) from None
    return tuple(found)


def query(digest: bytes, nonce: int) -> bytes:
    """Return a TimeStampReq that asks for the authority's certificate, too (RFC 3161, 2.4.1)."""
    wanted = make(BOOLEAN, b"\xff")
    return make(SEQUENCE, number(1), imprint_of(digest), number(nonce), wanted)


def token_of(answer: bytes, nonce: int) -> bytes:
    """Return the token in a TimeStampResp (RFC 3161, 2.4.2) to a query; raises `NotVerified`."""
    status, *token = single(answer).children(SEQUENCE) or [Node(0, b"", b"")]
    said = status.children(SEQUENCE)
    if not said or said[0].tag != INTEGER:
        raise NotVerified("it is no answer to a request for a time-stamp")
    if said[0].integer() not in _GRANTED or len(token) != 1:
        words = b" ".join(one.content for one in said[1:2]).decode("utf-8", "replace")
        shown = "".join(letter if letter.isprintable() else " " for letter in words)
        raise NotVerified(f"it refuses (status {said[0].integer()}) {shown[:80].strip()}".strip())
    if nonce_of(token[0].raw) != nonce:
        raise NotVerified("it answers another question")
    return token[0].raw


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER:
            response.close()
            raise NoTimestamp(f"The authority answered with more than {MAX_ANSWER} bytes.")
    return body
