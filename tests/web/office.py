"""An office with people in it, its pages served over a real database, and browsers without one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from invigilation.desk import Desk, Office
from invigilation.desk.people import Kind
from invigilation.desk.requests import FORM, Ask, Asked
from invigilation.office_hours import Hours
from invigilation.people import Role, Staff
from invigilation.ports import Payments
from invigilation.proof import Proof
from invigilation.request import Assessment
from invigilation.slots import Shift
from invigilation.store import Store
from invigilation.store.credentials import Totp
from invigilation.store.people import Backend
from invigilation.store.views import Sitting
from recordings.evidence import Snapshots
from recordings.seal import Seal, SigningKey
from recordings.vault import Vault
from signalling.mirror import Mirrors
from tests.signalling.doubles import FakePeers
from tests.web.eyes import shelf_of
from tests.web.watched import gauges_of
from web import pages
from web.auth import cookies, totp
from web.auth.factors import FACTORS, Factors, name_of
from web.auth.links import personal_link
from web.auth.passkeys import party_of
from web.backends.keys import WEBHOOK_KEY
from web.captures import Captures, Room
from web.keys import (
    DESK,
    GAUGES,
    METRICS,
    READINESS,
    RELAY,
    SECRET,
    SETTINGS,
    VAULT,
    VERIFIER,
)
from web.local import LocalKeeping
from web.pages.captures import CAPTURES
from web.pages.local import LOCAL
from web.pages.rehearsal import MIRRORS
from web.pages.verify import ASSETS, PUBLISHED
from web.relay import Relay
from web.reports import REPORTS, open_reports
from web.settings import Settings
from web.wrapping import Wrapping

MORNING = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
"""A Wednesday; London is at UTC."""
START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
"""The Monday after."""
SECRET_BYTES = bytes(range(32))
PASSWORD = "correct horse battery staple"
APP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
BACKEND = "company"
_SETTINGS = Settings()
"""The environment, read once: to read it takes a third of the time in which an office opens."""
ANA = Staff("st_ana", "ana@example.org", "Ana Reyes", frozenset({Role.INVIGILATOR}))
TOM = Staff("st_tom", "tom@example.org", "Tom Baker", frozenset({Role.INVIGILATOR}))
SAM = Staff("st_sam", "sam@example.org", "Sam Field", frozenset({Role.SCHEDULER}))
ADA = Staff("st_ada", "ada@example.org", "Ada Stone", frozenset({Role.ADMINISTRATOR}))
TITLE = "Ship Security Officer: Official Assessment"


@dataclass(slots=True)
class HandClock:
    """A clock that stands still until it is moved."""

    at: datetime = MORNING
    seconds: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def move_to(self, at: datetime) -> None:
        self.seconds += (at - self.at).total_seconds()
        self.at = at


@dataclass(slots=True)
class Person:
    """Somebody's browser: cookies by name, and no redirect followed unless asked."""

    client: TestClient[web.Request, web.Application]
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=lambda: {"Sec-Fetch-Site": "same-origin"})

    async def ask(
        self,
        method: str,
        path: str,
        data: dict[str, str] | None = None,
        json: object = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = self.headers | ({"Cookie": pairs} if pairs else {}) | (headers or {})
        async with self.client.request(
            method, path, data=data, json=json, headers=sent, allow_redirects=False
        ) as response:
            for name, morsel in response.cookies.items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
            raw = await response.read()
            return Answer(response.status, response.headers.copy(), raw)

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, data: dict[str, str], page: str | None = None) -> Answer:
        """Fill in the form of a page (by default the one at the same path) and send it."""
        token = (await self.get(page or path)).csrf
        return await self.ask("POST", path, data={"csrf": token, **data})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: aiohttp.typedefs.LooseHeaders
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def words(self) -> str:
        """The page's text without its tags, its white space folded."""
        bare = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", self.text, flags=re.DOTALL)
        return " ".join(bare.replace("&#39;", "'").replace("&amp;", "&").split())

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf-token" content="([^"]*)"', self.text)
        return found[1] if found else ""

    @property
    def to(self) -> str:
        """Where a redirect leads; empty when it is none."""
        return str(dict(self.headers).get("Location", ""))  # type: ignore[arg-type]

    def header(self, name: str) -> str:
        return str(dict(self.headers).get(name, ""))  # type: ignore[arg-type]


@dataclass(frozen=True, repr=False, slots=True)
class World:
    """The office, its application, and how its people come in."""

    desk: Desk
    clock: HandClock
    app: web.Application
    vault: Vault
    client: TestClient[web.Request, web.Application]

    def stranger(self) -> Person:
        return Person(self.client)

    async def staff(self, person: Staff) -> Person:
        token, _ = await self.desk.reception.sign_in(Kind.STAFF, person.id, Proof.CODE)
        return Person(self.client, {cookies.STAFF: token})

    async def with_app(self, person: Staff) -> None:
        """Give a member of staff an authenticator app; `code` says what it shows."""
        wrapped = self.app[FACTORS].wrapping.wrap(name_of(person.id), APP_SECRET)
        async with self.desk.office.store.write() as tx:
            await tx.credentials.set_totp(Totp(person.id, wrapped, 0, self.clock.now()))

    def code(self, steps: int = 0) -> str:
        """The code that everybody's app shows now, or so many steps later."""
        return totp.code_of(APP_SECRET, totp.step_at(self.clock.now()) + steps)

    async def learner(self, request: str) -> Person:
        token, _ = await self.desk.reception.sign_in(Kind.LEARNER, request)
        return Person(self.client, {cookies.LEARNER: token})

    async def asked(
        self, number: int = 1, name: str = "Maria Santos", zone: str = "Asia/Manila"
    ) -> Asked:
        return await self.desk.requests.ask(
            Ask(
                BACKEND,
                f"entitlement-{number}",
                f"learner-{number}",
                name,
                f"learner{number}@example.org",
                "ISPS-SSO",
                datetime(2027, 3, 1, tzinfo=UTC),
                assessment_url="https://lms.example.org/sit",
                zone=zone,
            )
        )

    async def booked(self, number: int = 1, start: datetime = START) -> Sitting:
        asked = await self.asked(number)
        return await self.desk.bookings.book(asked.request.id, start, asked.learner.zone)

    async def reasons(self, session: str) -> None:
        """Have the scheduler and the administrator say why they look at a session's evidence."""
        for person in (SAM, ADA):
            await self.desk.looks.open(session, person, "audit")

    def link(self, request: str) -> str:
        return personal_link(SECRET_BYTES, request)


def make_app(
    store: Store, folder: Path, clock: HandClock, payments: Payments | None = None
) -> web.Application:
    """Put the pages together over a store."""
    key = SigningKey.generate()
    app = web.Application()
    app[DESK] = Desk.of(Office(store, clock, key, Seal(key)), payments)
    app[SETTINGS] = _SETTINGS.model_copy(update={"var": folder})
    app[SECRET] = SECRET_BYTES
    app[FACTORS] = Factors(app[DESK], Wrapping(SECRET_BYTES), party_of(app[SETTINGS]))
    app[WEBHOOK_KEY] = SigningKey.generate()
    app[VAULT] = Vault(folder / "evidence", bytes(32), reserve=0)
    app[REPORTS] = open_reports(app[DESK], app[VAULT], app[SETTINGS])
    app[PUBLISHED] = lambda: [key.jwk()]
    app[GAUGES] = gauges_of(app[DESK], folder)
    app[METRICS], app[READINESS] = app[GAUGES].metrics, app[GAUGES].readiness
    app[VERIFIER] = lambda record: b'"attestation": null' not in record
    app[RELAY] = Relay("", lambda _: None, lambda _: None, lambda _: None)
    shelf = shelf_of(app[DESK], app[VAULT], Snapshots())
    app[CAPTURES] = Captures(app[DESK], shelf, Room(lambda *_: None, lambda *_: None))
    app[MIRRORS] = Mirrors(FakePeers(clock), clock.monotonic)

    app[LOCAL] = LocalKeeping(app[DESK], app[VAULT], lambda _: None, b"s" * 32)

    async def nothing_goes_on(_: web.Application) -> None:
        await shelf.studies.close()
        await app[MIRRORS].close()

    app.on_cleanup.append(nothing_goes_on)
    pages.setup(app)
    app[ASSETS].kept = None  # no build comes after this one: nothing is copied
    return app


async def open_world(
    store: Store,
    folder: Path,
    payments: Payments | None = None,
    hook: web.RouteDef | None = None,
    *,
    peopled: bool = False,
) -> World:
    """Return an office with staff, a rota and an assessment; the caller closes its client.

    `peopled`: the database has what `people` fills in, being a copy of `office_template`.
    """
    clock = HandClock()
    app = make_app(store, folder, clock, payments)
    if hook is not None:
        app.add_routes([hook])
    if not peopled:
        await people(store, "")
    client = TestClient(TestServer(app))
    await client.start_server()
    return World(app[DESK], clock, app, app[VAULT], client)


async def people(store: Store, password_hash: str) -> None:
    """Fill an empty database: four of staff, a rota of two, one assessment, two closed days."""
    async with store.write() as tx:
        for backend in (BACKEND, FORM):
            await tx.people.add_backend(Backend(backend, backend.title(), "", ""))
            await tx.requests.add_assessment(
                Assessment(
                    f"as_{backend}",
                    backend,
                    "ISPS-SSO",
                    TITLE,
                    90,
                    ("Course notes", "Pen and paper"),
                    70,
                )
            )
        for person in (ANA, TOM, SAM, ADA):
            await tx.people.add_staff(person, password_hash)
        for person in (ANA, TOM):
            await tx.rota.add_seat(f"seat_{person.id}", person.id, 1)
            for weekday in range(5):
                hours = Hours(time(9), time(15) if weekday == 4 else time(17))
                shift = Shift(person.id, weekday, hours, date(2026, 11, 1), None)
                await tx.rota.add_shift(f"sh_{person.id}_{weekday}", shift)
        await tx.rota.close(date(2026, 12, 25), "Christmas Day")
        await tx.rota.close(date(2026, 11, 27), "Moving house")


async def heartbeats(desk: Desk, first: datetime, last: datetime) -> None:
    """Let the service have been well all that time."""
    async with desk.office.store.write() as tx:
        at = first
        while at <= last:
            await tx.watch.beat(at)
            at += timedelta(minutes=1)
