"""Speaks to an edX platform: signs in by client credentials, and posts its callbacks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from invigilation.edx import Platform
from invigilation.ports import Clock
from web.backends.edx.wrapping import theirs
from web.wrapping import Wrapping

TIME_LIMIT_S = 10.0
"""Connecting, sending and the answer's head together take no longer."""
MAX_ANSWER = 16_384
"""No more of an answer's body is read."""
MAX_REASON = 200
TOKEN_LIMIT = 8_192
TOKEN_SECONDS = 3_600
"""No token is kept for longer, whatever the platform says."""
MARGIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the beginning of the body. Status 0: nothing came."""

    status: int
    text: str

    @property
    def good(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300

    @property
    def reason(self) -> str:
        """What to tell staff."""
        return (f"status {self.status}: {self.text}" if self.status else self.text)[:MAX_REASON]


@dataclass(frozen=True, slots=True)
class Lms:
    """Platforms, by HTTP; `client` refuses addresses inside the house."""

    client: aiohttp.ClientSession
    clock: Clock
    wrapping: Wrapping
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    async def call(self, platform: Platform, path: str, body: Mapping[str, object]) -> Answer:
        """Post a body to a path of the platform; never raises for what the other side does.

        A token that the platform takes for over is renewed once.
        """
        answer = Answer(0, "")
        for _ in range(2):
            token = await self._token(platform)
            if isinstance(token, Answer):
                return token
            headers = {"Authorization": f"JWT {token}", "Content-Type": "application/json"}
            answer = await self._post(platform, path, json.dumps(body).encode(), headers)
            if answer.status != 401:
                break
            self._tokens.pop(platform.backend, None)
        return answer

    async def _token(self, platform: Platform) -> str | Answer:
        known = self._tokens.get(platform.backend)
        if known is not None and self.clock.monotonic() < known[1]:
            return known[0]
        form = aiohttp.FormData(
            {
                "grant_type": "client_credentials",
                "client_id": platform.lms_client,
                "client_secret": self.wrapping.open(theirs(platform.backend), platform.lms_secret),
                "token_type": "jwt",
            }
        )
        answer = await self._post(platform, "/oauth2/access_token", form, {})
        if not answer.good:
            return Answer(answer.status, f"no access token: {answer.text}"[:MAX_REASON])
        token, seconds = _granted(answer.text)
        if not token:
            return Answer(0, "the platform's access token cannot be read")
        until = self.clock.monotonic() + min(seconds, TOKEN_SECONDS) - MARGIN_S
        self._tokens[platform.backend] = (token, until)
        return token

    async def _post(
        self,
        platform: Platform,
        path: str,
        data: bytes | aiohttp.FormData,
        headers: Mapping[str, str],
    ) -> Answer:
        try:
            async with (
                asyncio.timeout(TIME_LIMIT_S),
                self.client.post(
                    URL(platform.url + path, encoded=True),
                    data=data,
                    headers=dict(headers),
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response,
            ):
                return Answer(response.status, await _excerpt(response))
        except TimeoutError:
            return Answer(0, f"no answer within {TIME_LIMIT_S:.0f} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(0, f"{type(error).__name__}: {error}"[:MAX_REASON])


def _granted(text: str) -> tuple[str, float]:
    """Return an access token and its seconds; an empty one for what cannot be used."""
    try:
        said = json.loads(text)
        token, seconds = said["access_token"], float(said.get("expires_in", 0))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", 0.0
    usable = isinstance(token, str) and len(token) <= TOKEN_LIMIT and token.isascii()
    return (token, seconds) if usable and token.isprintable() else ("", 0.0)


async def _excerpt(response: aiohttp.ClientResponse) -> str:
    """Return the first bytes of the answer, and hang up on one that has more."""
    body = bytearray()
    async for piece in response.content.iter_chunked(MAX_ANSWER):
        body += piece
        if len(body) >= MAX_ANSWER:
            response.close()
            break
    text = bytes(body[:MAX_ANSWER]).decode(errors="replace")
    return "".join(c if c.isprintable() else " " for c in text)
