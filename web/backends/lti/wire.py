"""Calls to a platform: its keys, an access token, its Assessment Control Service.

Redirects are refused, every answer is bounded, and no call takes longer than `TIME_LIMIT_S`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import aiohttp
from yarl import URL

from invigilation.ports import Clock
from invigilation.store.platforms import Platform
from web.backends.lti.claims import SCOPE
from web.backends.lti.keys import ToolKey

TIME_LIMIT_S = 10.0
MAX_ANSWER = 64 * 1024
MAX_REASON = 200
KEYS_KEPT_S = 3_600.0
KEYS_AGAIN_S = 30.0
"""An unknown key is looked for again, but not more often than this."""
KEYS_AWAY_S = 5.0
"""So long nobody asks again for keys that could not be read."""
TOKEN_SPARE_S = 60.0
TOKEN_LONGEST_S = 3_600.0
ASSERTION_S = 300
PLATFORMS_KEPT = 200
CONTROL_TYPE = "application/vnd.ims.lti-ap.v1.control+json"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
USER_AGENT = "invigilation-lti/1"
V = TypeVar("V")


class PlatformAway(Exception):
    """A platform did not answer (`silent`), or not in a way that can be used.

    The reason is for staff.
    """

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent


@dataclass(frozen=True, slots=True)
class Answered:
    """What a platform answered: its status, and the JSON object in the body, or none."""

    status: int
    body: dict[str, object]
    text: str


@dataclass(slots=True)
class _Keys:
    read: float
    found: dict[str, dict[str, object]]


@dataclass(slots=True)
class _Token:
    until: float
    text: str


@dataclass(slots=True)
class Wire:
    """The connections to all platforms, with what they gave that is good for a while."""

    client: aiohttp.ClientSession
    key: ToolKey
    clock: Clock
    _keys: OrderedDict[str, _Keys] = field(default_factory=OrderedDict)
    _tokens: OrderedDict[str, _Token] = field(default_factory=OrderedDict)
    # One for each platform that is registered, at most.
    _asking: dict[str, asyncio.Lock] = field(default_factory=dict)
    _failed: dict[str, tuple[float, str]] = field(default_factory=dict)

    async def public_key(self, platform: Platform, kid: str) -> dict[str, object] | None:
        """Return the platform's key of that name, or none; raises `PlatformAway`."""
        url = platform.keys_url
        if (known := self._known(url, kid)) is None:
            # However many launches wait for the keys of a platform, it is asked once.
            async with self._asking.setdefault(url, asyncio.Lock()):
                if (known := self._known(url, kid)) is None:
                    known = await self._new_keys(url)
        return known.found.get(kid)

    def _known(self, url: str, kid: str) -> _Keys | None:
        """Return the keys that are kept, unless they must be read for this one."""
        now = self.clock.monotonic()
        failed = self._failed.get(url)
        if failed is not None and now - failed[0] < KEYS_AWAY_S:
            raise PlatformAway(failed[1], silent=True)
        known = self._keys.get(url)
        if known is None or now - known.read >= KEYS_KEPT_S:
            return None
        return known if kid in known.found or now - known.read < KEYS_AGAIN_S else None

    async def _new_keys(self, url: str) -> _Keys:
        try:
            found = await self._read_keys(url)
        except PlatformAway as error:
            self._failed[url] = (self.clock.monotonic(), str(error))
            raise
        self._failed.pop(url, None)
        known = _Keys(self.clock.monotonic(), found)
        _keep(self._keys, url, known)
        return known

    async def _read_keys(self, url: str) -> dict[str, dict[str, object]]:
        answered = await self.ask("GET", url, headers={"Accept": "application/json"})
        listed = answered.body.get("keys")
        if answered.status != 200 or not isinstance(listed, list):
            raise PlatformAway(f"its keys could not be read: status {answered.status}")
        return {str(one["kid"]): one for one in listed if isinstance(one, dict) and one.get("kid")}

    async def control(self, platform: Platform, url: str, body: dict[str, object]) -> Answered:
        """Post to the platform's Assessment Control Service; raises `PlatformAway`."""
        answered = await self._post_control(platform, url, body)
        if answered.status in {401, 403} and platform.backend in self._tokens:
            # The token has been taken back before its time, perhaps: once more with a new one.
            del self._tokens[platform.backend]
            answered = await self._post_control(platform, url, body)
        return answered

    async def _post_control(
        self, platform: Platform, url: str, body: dict[str, object]
    ) -> Answered:
        token = await self._token(platform)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": CONTROL_TYPE}
        return await self.ask("POST", url, headers=headers, data=json.dumps(body).encode())

    async def _token(self, platform: Platform) -> str:
        """Return an access token of the control scope (RFC 7523 2.2, client credentials)."""
        now = self.clock.monotonic()
        known = self._tokens.get(platform.backend)
        if known is not None and known.until > now:
            return known.text
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": await self._assertion(platform, self.clock.now()),
            "scope": SCOPE,
        }
        answered = await self.ask("POST", platform.token_url, form=form)
        token, lasts = answered.body.get("access_token"), answered.body.get("expires_in")
        if answered.status != 200 or not isinstance(token, str) or not token:
            raise PlatformAway(f"no access token: status {answered.status}: {answered.text}")
        # The lesser one first: a whole number may be too long for a float.
        seconds = min(lasts, TOKEN_LONGEST_S) if isinstance(lasts, int | float) else 0.0
        until = now + seconds - TOKEN_SPARE_S
        _keep(self._tokens, platform.backend, _Token(until, token))
        return token

    async def _assertion(self, platform: Platform, now: datetime) -> str:
        at = int(now.timestamp())
        return await self.key.sign(
            {
                "iss": platform.client_id,
                "sub": platform.client_id,
                "aud": platform.audience or platform.token_url,
                "iat": at,
                "exp": at + ASSERTION_S,
                "jti": secrets.token_urlsafe(16),
            }
        )

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
        form: dict[str, str] | None = None,
    ) -> Answered:
        """Send one request and read its answer; raises `PlatformAway`."""
        try:
            async with (
                asyncio.timeout(TIME_LIMIT_S),
                self.client.request(
                    method,
                    URL(url, encoded=True),
                    headers=headers,
                    data=data if form is None else form,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response,
            ):
                return await _answered(response)
        except TimeoutError:
            raise PlatformAway(f"no answer within {TIME_LIMIT_S:.0f} s", silent=True) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"[:MAX_REASON]
            raise PlatformAway(reason, silent=True) from None


async def _answered(response: aiohttp.ClientResponse) -> Answered:
    if 300 <= response.status < 400:
        response.close()
        raise PlatformAway(f"status {response.status}: redirects are not followed")
    raw = bytearray()
    async for piece in response.content.iter_chunked(MAX_ANSWER):
        raw += piece
        if len(raw) > MAX_ANSWER:
            response.close()
            raise PlatformAway("its answer is too long")
    text = "".join(c if c.isprintable() else " " for c in raw.decode(errors="replace"))
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    return Answered(response.status, body if isinstance(body, dict) else {}, text[:MAX_REASON])


def _keep(kept: OrderedDict[str, V], name: str, value: V) -> None:
    kept[name] = value
    kept.move_to_end(name)
    while len(kept) > PLATFORMS_KEPT:
        kept.popitem(last=False)
