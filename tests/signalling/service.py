"""The live room on a port of its own, for tests: real clients, doubles for peers and evidence."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

import aiohttp
import pytest
import socketio
from aiohttp import web

from invigilation.desk.people import Kind
from invigilation.people import Staff
from invigilation.store.views import Sitting
from signalling.live import Live
from tests.builders import BOOKED_AT, CONSENT, Scene, book, booked
from tests.harness.waiting import until
from tests.signalling.doubles import FakeEvidence, FakePeers

ORIGIN = "https://exams.example.com"


@dataclass
class Page:
    """A person's page: its socket and all that came."""

    socket: socketio.AsyncClient
    session: str
    got: list[tuple[str, dict]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def say(self, event: str, session: str | None = None, **fields) -> dict:
        body = {"session": session or self.session, **fields}
        return await self.socket.call(event, body, namespace="/room", timeout=10)

    def of(self, event: str) -> list[dict]:
        return [body for kind, body in self.got if kind == event]

    async def heard(self, event: str, what=lambda _body: True) -> dict:
        await until(lambda: any(what(one) for one in self.of(event)), 5, f"a {event}")
        return next(one for one in self.of(event) if what(one))


@dataclass
class Service:
    """The live room on a port of its own."""

    scene: Scene
    live: Live
    url: str
    http: aiohttp.ClientSession
    peers: FakePeers
    evidence: FakeEvidence
    pages: list[Page] = field(default_factory=list)

    @property
    def session(self) -> str:
        return self.scene.sitting.session

    async def learner_ticket(self, sitting: Sitting | None = None) -> str:
        one = sitting or self.scene.sitting
        desk, known = self.scene.desk, await self.scene.desk.devices.of(one.session)
        device = None if known is None else known.device  # the one that takes part asks
        return await desk.reception.ticket(Kind.LEARNER, one.request, one.session, device)

    async def staff_ticket(self, staff: Staff | None = None) -> str:
        person = staff or self.scene.ann
        return await self.scene.desk.reception.ticket(Kind.STAFF, person.id, None)

    async def connect(
        self, ticket: str | None, origin: str | None = ORIGIN, *, patience_s: float = 5
    ) -> Page:
        socket = socketio.AsyncClient(reconnection=False, http_session=self.http)
        page = Page(socket, self.session)

        @socket.on("*", namespace="/room")
        async def _got(event, body):
            page.got.append((event, body))

        @socket.on("disconnect", namespace="/room")
        async def _gone(reason):
            page.gone.set()

        await socket.connect(
            self.url,
            headers={} if origin is None else {"Origin": origin},
            auth={} if ticket is None else {"ticket": ticket},
            namespaces=["/room"],
            socketio_path="room/socket",
            transports=["websocket"],
            wait_timeout=patience_s,
        )
        self.pages.append(page)
        return page

    async def learner(self, sitting: Sitting | None = None) -> Page:
        page = await self.connect(await self.learner_ticket(sitting))
        page.session = (sitting or self.scene.sitting).session
        return page

    async def staff(self, staff: Staff | None = None) -> Page:
        return await self.connect(await self.staff_ticket(staff))

    async def second_camera(self) -> Page:
        """Come in as the second camera of the session."""
        reception = self.scene.desk.reception
        return await self.connect(await reception.ticket(Kind.SECOND, self.session, self.session))

    async def check_in(self) -> None:
        await self.scene.desk.sessions.check_in(self.session, CONSENT)

    async def second(self) -> Sitting:
        """Book another learner's session at the same time, with the same invigilator."""
        clock = self.scene.clock
        now = clock.now()
        clock.go_to(BOOKED_AT)
        sitting = await book(self.scene.desk, 2)
        clock.go_to(now)
        return sitting


@contextlib.asynccontextmanager
async def serving(scene: Scene, peers=None, clock=None):
    peers = peers or FakePeers(scene.clock)
    evidence = FakeEvidence(scene.desk)
    live = Live(scene.desk, evidence, peers, clock or scene.clock, [ORIGIN])
    app = web.Application()
    live.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port}"
        service = Service(scene, live, url, http, peers, evidence)
        try:
            yield service
        finally:
            for page in service.pages:
                await page.socket.disconnect()
            await runner.cleanup()


@pytest.fixture
async def service(tmp_path, sqlite_template):
    async with booked(tmp_path, sqlite_template) as scene, serving(scene) as one:
        yield one
