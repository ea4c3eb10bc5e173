"""A learner without a browser: the same forms, sent by hand, when only their effect matters."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

import aiohttp
from yarl import URL

from tests.journeys.world import World

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


def visitor(*origins: str) -> aiohttp.ClientSession:
    """Return a client that keeps cookies as a browser does, also the secure ones of localhost."""
    jar = aiohttp.CookieJar(treat_as_secure_origin=[URL(origin) for origin in origins])
    return aiohttp.ClientSession(cookie_jar=jar, headers={"Sec-Fetch-Site": "same-origin"})


async def sign_in(client: aiohttp.ClientSession, world: World, learner: str) -> tuple[str, str]:
    """Ask for a session at the practice backend; return the personal link and the form token."""
    form = {"learner": learner, "assessment": "ISPS-SSO", "nonce": secrets.token_urlsafe(16)}
    async with client.post(f"{world.practice.url}/requests", data=form) as answer:
        link, text = str(answer.url), await answer.text()
    found = TOKEN.search(text)
    assert found, text
    async with client.post(link, data={"csrf": found[1]}) as answer:
        assert answer.url.path == "/me", await answer.text()
    async with client.get(f"{world.service.url}/me/book") as answer:
        found = TOKEN.search(await answer.text())
    assert found
    return link, found[1]


async def book_plainly(world: World, learner: str, start: datetime) -> str:
    """Ask for a session of a learner (by reference) and book it; return the personal link."""
    async with visitor(world.service.url) as client:
        link, csrf = await sign_in(client, world, learner)
        form = {"csrf": csrf, "start": f"{start:%Y-%m-%dT%H:%MZ}"}
        async with client.post(f"{world.service.url}/me/book", data=form) as answer:
            assert "done=booked" in str(answer.url), await answer.text()
    return link
