"""The service's pages as the simulated learner uses them: plain HTTP, forms and a small jar."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from yarl import URL

REDIRECTS = 5
ANSWER_S = 20.0

_CSRF = re.compile(r'<meta name="csrf-token" content="([^"]*)"')
_BOOT = re.compile(r'<script type="application/json" id="boot">(.*?)</script>', re.DOTALL)
_NAME = re.compile(r"Continue as ([^<]+)<")


class Trouble(Exception):
    """Something that the learner cannot mend by trying again; the message is a plain sentence."""


class SignedOut(Exception):
    """The service does not know this browser any more: open the personal link again."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it came: where it was found in the end, its status and its text."""

    path: str
    status: int
    text: str

    @property
    def csrf(self) -> str:
        """The page's form token."""
        found = _CSRF.search(self.text)
        return html.unescape(found[1]) if found else ""

    @property
    def heading(self) -> str:
        """Its first heading."""
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.DOTALL)
        return html.unescape(re.sub(r"<[^>]+>", "", found[1])).strip() if found else "no heading"


class Browser:
    """Keeps cookies and follows redirects, as a browser does; for one site.

    aiohttp's own jar keeps `Secure` cookies back on http://localhost, where browsers send them.
    """

    def __init__(self, client: aiohttp.ClientSession, origin: str) -> None:
        self.origin = origin
        self._client = client
        self._cookies: dict[str, str] = {}

    async def get(self, path: str) -> Page:
        """Open a page."""
        return await self._fetch("GET", path, None)

    async def post(self, path: str, fields: dict[str, str]) -> Page:
        """Send a form and open what it leads to."""
        return await self._fetch("POST", path, fields)

    async def ask(self, path: str, csrf: str, body: object) -> tuple[int, dict[str, object]]:
        """Send JSON; the status and the JSON that came back."""
        headers = {"X-CSRF-Token": csrf, **self._headers()}
        async with self._client.post(self.origin + path, json=body, headers=headers) as answer:
            is_json = answer.content_type.endswith("json")
            return answer.status, await answer.json(content_type=None) if is_json else {}

    async def _fetch(self, method: str, path: str, fields: dict[str, str] | None) -> Page:
        url = URL(self.origin + path)
        for _ in range(REDIRECTS):
            async with self._client.request(
                method, url, data=fields, headers=self._headers(), allow_redirects=False
            ) as answer:
                for name, morsel in answer.cookies.items():
                    self._cookies[name] = morsel.value
                leads_to = answer.headers.get("Location")
                if not 300 <= answer.status < 400 or leads_to is None:
                    return Page(url.path, answer.status, await answer.text())
            url, method, fields = url.join(URL(leads_to)), "GET", None
        raise Trouble(f"{path} leads in circles.")

    def _headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items() if value)
        return {"Origin": self.origin, **({"Cookie": cookies} if cookies else {})}


@dataclass(frozen=True, slots=True)
class Room:
    """What the room's page tells its script."""

    session: str
    ticket_path: str
    socket_path: str
    csrf: str


class LearnerPages:
    """A learner's way from the personal link into the room."""

    def __init__(self, client: aiohttp.ClientSession, link: str) -> None:
        url = URL(link)
        if url.host is None or "/r/" not in url.path:
            raise Trouble("A personal link looks like http://localhost:8080/r/TOKEN.")
        self._browser = Browser(client, str(url.origin()))
        self._path = url.path

    @property
    def origin(self) -> str:
        """The service's origin."""
        return self._browser.origin

    async def enter(self) -> str:
        """Open the personal link and press its button; return the learner's name."""
        page = await self._browser.get(self._path)
        found = _NAME.search(page.text)
        if page.status != HTTPStatus.OK or found is None:
            raise Trouble(f"The personal link does not open: {page.heading}.")
        await self._browser.post(self._path, {"csrf": page.csrf})
        return html.unescape(found[1]).strip()

    async def check_in(self) -> Room | None:
        """Give both consents and come into the room; None while check-in is not open yet."""
        page = await self._browser.get("/me/check-in")
        if 'name="identity"' in page.text:
            fields = {"csrf": page.csrf, "identity": "yes", "recording": "yes"}
            page = await self._browser.post("/me/check-in", fields)
        if 'action="/me/device"' in page.text:
            # Started anew, this is another device.
            page = await self._browser.post("/me/device", {"csrf": page.csrf})
        if page.path == "/me/room":
            return self._room(page)
        if "not open yet" in page.text:
            return None
        if page.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise SignedOut
        raise Trouble(f"There is no way into the room: {page.heading}.")

    def _room(self, page: Page) -> Room:
        found = _BOOT.search(page.text)
        if found is None:
            raise Trouble("The room's page came without what its script needs.")
        boot = json.loads(found[1])
        return Room(boot["session"], boot["ticket_url"], boot["socket_path"].strip("/"), page.csrf)

    async def ticket(self, room: Room) -> str:
        """Ask for a ticket for one live connection."""
        status, body = await self._browser.ask(
            room.ticket_path, room.csrf, {"session": room.session}
        )
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise SignedOut
        if status != HTTPStatus.OK:
            raise Trouble(f"No ticket was given: {body.get('detail') or status}.")
        return str(body["ticket"])
