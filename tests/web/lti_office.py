"""An office that a platform of LTI is registered with, and that platform, in hand-written form."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import jwt
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric import rsa

from invigilation.desk.identity import Seen
from invigilation.desk.platforms import PlatformDesk
from invigilation.identity import Decision, SnapshotKind
from invigilation.store import Store
from invigilation.store.evidence import Evidence
from invigilation.store.platforms import Attempt, Platform
from invigilation.store.views import Sitting
from tests.web import office
from tests.web.office import (
    ANA,
    SECRET_BYTES,
    START,
    Answer,
    HandClock,
    Person,
    World,
    make_app,
)
from web.backends.lti import claims as said
from web.backends.lti import pages, registering
from web.backends.lti.keys import ToolKey
from web.backends.lti.launches import Launches
from web.backends.lti.wire import USER_AGENT, Wire
from web.outward import ANYWHERE, open_client

BASE = "http://localhost:8080"
"""Where the service says that it is: nobody connects there."""
BACKEND, CLIENT, LINK, SUBJECT = "academy", "tool-1", "link-1", "learner-7"
START_URL = "https://lms.example.org/start"
KID = "k1"
FACE = b"a face"


@dataclass(slots=True)
class Academy:
    """A platform: its key, what it says at its addresses, and what it was told."""

    key: rsa.RSAPrivateKey
    url: str = ""
    acs: tuple[int, object] = (200, {"status": "running"})
    token: tuple[int, object] = (200, {"access_token": "token-1", "expires_in": 3600})
    configuration: dict[str, object] = field(default_factory=dict)
    controls: list[dict[str, object]] = field(default_factory=list)
    assertions: list[str] = field(default_factory=list)
    tools: list[dict[str, object]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    keys_read: int = 0

    async def keys(self, _: web.Request) -> web.Response:
        self.keys_read += 1
        shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return web.json_response({"keys": [{**shown, "kid": KID}]})

    async def give_token(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.assertions.append(str(form["client_assertion"]))
        return web.json_response(self.token[1], status=self.token[0])

    async def control(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        self.controls.append(json.loads(await request.read()))
        return web.json_response(self.acs[1], status=self.acs[0])

    async def configure(self, _: web.Request) -> web.Response:
        mine = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "registration_endpoint": f"{self.url}/register",
        }
        return web.json_response(mine | self.configuration)

    async def register(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        self.tools.append(json.loads(await request.read()))
        return web.json_response({**self.tools[-1], "client_id": "given-1"})

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/keys", self.keys)
        app.router.add_post("/token", self.give_token)
        app.router.add_post("/acs", self.control)
        app.router.add_get("/configuration", self.configure)
        app.router.add_post("/register", self.register)
        return app


@dataclass(slots=True)
class LtiWorld:
    """The office, the platform, and how a person comes from one to the other."""

    office: World
    academy: Academy
    platform: Platform
    tool: pages.Tool

    async def login(self, person: Person, **more: str) -> Answer:
        """Begin a login as the platform does."""
        asked = {"iss": self.platform.issuer, "client_id": CLIENT, "login_hint": SUBJECT, **more}
        query = "&".join(f"{name}={value}" for name, value in asked.items() if value)
        return await person.get(f"/lti/login?{query}")

    def claims(self, nonce: str, kind: str = said.START_PROCTORING) -> dict[str, object]:
        """Return the claims of a message that holds."""
        now = int(self.office.clock.now().timestamp())
        return {
            "iss": self.platform.issuer,
            "aud": CLIENT,
            "azp": CLIENT,
            "sub": SUBJECT,
            "iat": now,
            "exp": now + 3600,
            "nonce": nonce,
            "name": "Maria Santos",
            "email": "maria@example.org",
            said.MESSAGE_TYPE: kind,
            said.VERSION: "1.3.0",
            said.DEPLOYMENT: "1",
            said.RESOURCE_LINK: {"id": LINK, "title": "Ship Security Officer"},
            said.ATTEMPT: "1",
            said.SESSION_DATA: "opaque",
            said.START_URL: START_URL,
            said.CONTROL: {
                "assessment_control_url": f"{self.academy.url}/acs",
                "actions": ["pause", "resume", "terminate", "update", "flag"],
            },
        }

    def sign(self, claims: dict[str, object], kid: str = KID) -> str:
        return jwt.encode(claims, self.academy.key, "RS256", headers={"kid": kid})

    async def launch(
        self, person: Person, changes: dict[str, object] | None = None, kind: str = ""
    ) -> Answer:
        """Go the whole way of a launch; None takes a claim away."""
        query = query_of(await self.login(person))
        claims = self.claims(query["nonce"], kind or said.START_PROCTORING) | (changes or {})
        kept = {name: value for name, value in claims.items() if value is not None}
        return await self.post(person, query["state"], self.sign(kept))

    async def post(self, person: Person, state: str, token: str) -> Answer:
        """Post a launch, as a page of the platform's does."""
        cross = {"Sec-Fetch-Site": "cross-site", "Origin": "https://lms.example.org"}
        data = {"state": state, "id_token": token}
        return await person.ask("POST", "/lti/launch", data, headers=cross)

    async def admitted(self, person: Person) -> tuple[Sitting, Attempt]:
        """Launch, book, and let the session begin; the platform's launch is old by then."""
        await self.launch(person)
        async with self.office.desk.office.store.read() as tx:
            attempt = await tx.platforms.attempt_of(BACKEND, "1", SUBJECT, 1, LINK)
        assert attempt is not None
        return await self.begun(attempt), attempt

    async def begun(self, attempt: Attempt) -> Sitting:
        """Book the session of an attempt, and let it begin."""
        desk, clock = self.office.desk, self.office.clock
        assert attempt.request is not None
        sitting = await desk.bookings.book(attempt.request, START, "UTC")
        clock.move_to(START)
        await desk.sessions.check_in(sitting.session, ("identity", "recording"))
        by = replace(ANA, id=sitting.staff)
        for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
            ident = f"ev_{kind.value}"
            kept = self.office.vault.put(sitting.session, ident, FACE)
            seen = Evidence(
                ident,
                sitting.session,
                kind.value,
                "image/jpeg",
                clock.now(),
                kept.sha256,
                kept.size,
                None,
            )
            await desk.identity.record(sitting.session, by, Seen(kind, seen))
        await desk.identity.decide(sitting.session, by, Decision.CONFIRMED, "It is she herself.")
        await desk.sessions.admit(sitting.session, by)
        return sitting


def query_of(answer: Answer) -> dict[str, str]:
    """Return the query of a redirect."""
    return dict(parse_qsl(urlsplit(answer.to).query))


def form_of(answer: Answer) -> tuple[str, dict[str, str]]:
    """Return where a page's form goes and what it says."""
    action = re.search(r'<form method="post" action="([^"]*)"', answer.text)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', answer.text))
    assert action, answer.text
    return unescape(action[1]), {name: unescape(value) for name, value in fields.items()}


@asynccontextmanager
async def lti_world(
    template: Path, folder: Path, academy: Academy, tool_key: ToolKey, port: int = 0
) -> AsyncIterator[LtiWorld]:
    """Open an office over a database of its own, with the platform beside it.

    With a `port` the service is where it says that it is.
    """
    base = f"http://localhost:{port}" if port else BASE
    path = folder / "office.sqlite3"
    shutil.copy(template, path)
    store, clock = Store(f"sqlite+aiosqlite:///{path}"), HandClock()
    app = make_app(store, folder, clock)
    pages.setup(app)
    await office.people(store, "")
    server = TestServer(academy.app())
    await server.start_server()
    academy.url = str(server.make_url("")).rstrip("/")
    async with open_client(ANYWHERE, USER_AGENT) as client:
        the_office = app[office.DESK].office
        wire = Wire(client, tool_key, clock)
        desk = PlatformDesk(the_office, app[office.DESK].requests)
        launches = Launches(desk, wire, clock, SECRET_BYTES, base)
        registrar = registering.Registrar(the_office, wire, SECRET_BYTES, base, "Invigilation")
        vault = app[office.VAULT]
        tool = pages.Tool(desk, launches, registrar, wire, tool_key, vault, SECRET_BYTES, base)
        app[pages.TOOL] = tool
        platform = Platform(
            BACKEND,
            "https://lms.example.org",
            CLIENT,
            ("1",),
            "https://lms.example.org/authorize",
            f"{academy.url}/token",
            f"{academy.url}/keys",
            "",
            10,
            90,
            clock.now(),
        )
        async with store.write() as tx:
            await registering.keep(the_office, tx, "Sea Academy", platform)
        browser: TestClient[web.Request, web.Application] = TestClient(
            TestServer(app, port=port or None)
        )
        await browser.start_server()
        world = World(app[office.DESK], clock, app, vault, browser)
        yield LtiWorld(world, academy, platform, tool)
        await browser.close()
    await server.close()
    await store.close()
