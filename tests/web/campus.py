"""An office with an edX platform as backend, and that platform's callbacks played by a server."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import jwt
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from invigilation import attendance
from invigilation.desk.edx import EdxDesk
from invigilation.desk.identity import Seen
from invigilation.identity import Decision, SnapshotKind
from invigilation.incident import Severity
from invigilation.session import Outcome
from invigilation.store import Store
from invigilation.store.evidence import Evidence
from invigilation.store.views import Sitting
from tests.web import office
from tests.web.office import ANA, SECRET_BYTES, START, World
from web.access.gate import GUARDS
from web.access.guards import platforms
from web.access.table import Who
from web.api.oauth import Tokens
from web.auth.links import personal_link
from web.backends.edx.course_page import CoursePage
from web.backends.edx.provider import Provider
from web.backends.edx.setup import Lms, add_platform
from web.backends.edx.tokens import Links
from web.keys import SETTINGS
from web.wrapping import Wrapping

CAMPUS = "campus"
OTHER = "other"
LMS_SECRET = "the-secret-that-the-platform-made"
COURSE = "course-v1:Sea+SSO+2026"
CONTENT = "block-v1:Sea+SSO+2026+type@sequential+block@final"
EXAM = {
    "id": 7,
    "course_id": COURSE,
    "content_id": CONTENT,
    "external_id": None,
    "exam_name": "Final exam",
    "time_limit_mins": 60,
    "is_proctored": True,
    "is_practice_exam": False,
    "is_active": True,
    "due_date": None,
    "hide_after_due": False,
    "backend": "remote",
}
WHO = {
    "lms_host": "https://lms.example.org",
    "time_limit_mins": 60,
    "is_sample_attempt": False,
    "user_id": "5f3a" * 10,
    "full_name": "Maria Santos",
    "email": "maria@example.org",
    "status": "created",
}
STATEMENT = "I watched the learner from the admission to the end."
NOTE = "Maria looked at her phone."


@dataclass
class Campus:
    """The office, its desk for platforms, and what a platform says to it."""

    office: World
    desk: EdxDesk
    wrapping: Wrapping
    secrets: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    async def ask(self, method, path, json=None, *, by=CAMPUS, scheme="JWT", **headers):
        """Send a call; return its status and what came back."""
        if by not in self.tokens:
            status, said = await self.sign_in(by, self.secrets[by])
            assert status == 200, said
            self.tokens[by] = said["access_token"]
        sent = {"Authorization": f"{scheme} {self.tokens[by]}", **headers}
        url = f"/edx{path}"
        async with self.office.client.request(method, url, json=json, headers=sent) as answer:
            return answer.status, await answer.json(content_type=None)

    async def sign_in(self, client, secret):
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "token_type": "jwt",
        }
        async with self.office.client.post("/edx/oauth2/access_token", data=form) as answer:
            return answer.status, await answer.json(content_type=None)

    async def exam(self, **more):
        """Save an exam; return our name for it."""
        status, said = await self.ask("POST", "/api/v1/exam/", EXAM | more)
        assert status == 200, said
        return said["id"]

    async def attempt(self, exam, **more):
        """Register an attempt; return our name for it."""
        status, said = await self.ask("POST", f"/api/v1/exam/{exam}/attempt/", WHO | more)
        assert status == 200, said
        return said["id"]

    async def begun(self, **more):
        """Save an exam and register an attempt; return both names."""
        exam = await self.exam()
        return exam, await self.attempt(exam, **more)

    def instructor(self, **claims):
        """The token of an instructor's link, as the platform makes it."""
        facts = {
            "course_id": COURSE,
            "user": {"id": "u1", "full_name": "Tess Teacher", "email": "tess@example.org"},
            "iss": CAMPUS,
            "jti": "once-only",
            "exp": self.office.clock.now().timestamp() + 60,
        }
        kept = {name: one for name, one in (facts | claims).items() if one is not None}
        return jwt.encode(kept, self.secrets[CAMPUS])

    async def booked(self, attempt, start=START) -> Sitting:
        found, _ = await self.desk.standing(attempt)
        return await self.desk.bookings.book(found.request, start, "Europe/London")

    async def admitted(self, attempt) -> Sitting:
        """The learner sits, after a check of their identity."""
        sitting = await self.booked(attempt)
        desk, clock = self.office.desk, self.office.clock
        clock.move_to(attendance.opens(sitting.start))
        self.tokens.clear()  # they are over by now
        await desk.sessions.check_in(sitting.session, ("identity", "recording"))
        by = replace(ANA, id=sitting.staff)
        for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
            taken = Evidence(
                f"ev_{kind.value}",
                sitting.session,
                kind.value,
                "image/jpeg",
                clock.now(),
                "ab" * 32,
                1_000,
                None,
            )
            await desk.identity.record(sitting.session, by, Seen(kind, taken))
        await desk.identity.decide(sitting.session, by, Decision.CONFIRMED, "It is she herself.")
        await desk.sessions.admit(sitting.session, by)
        return sitting

    async def note(self, sitting, category, severity=Severity.MEDIUM):
        by = replace(ANA, id=sitting.staff)
        await self.office.desk.sessions.note_incident(
            sitting.session, by, category=category, severity=severity, note=NOTE, picture=None
        )

    async def attested(self, sitting, outcome=Outcome.COMPLETED):
        by = replace(ANA, id=sitting.staff)
        desk = self.office.desk
        if outcome is Outcome.STOPPED:
            await desk.sessions.stop(sitting.session, by, "Somebody helped.")
        else:
            await desk.sessions.end(sitting.session, by)
        await desk.reports.attest(sitting.session, by, STATEMENT, outcome)


@asynccontextmanager
async def open_campus(
    store: Store, folder: Path, lms: str = "https://lms.example.org"
) -> AsyncIterator[Campus]:
    """Open an office whose backends are two platforms."""
    clock = office.HandClock()
    app = office.make_app(store, folder, clock)
    await office.people(store, "")
    whole = app[office.DESK]
    desk = EdxDesk(whole.office, whole.requests, whole.bookings, whole.erasure)
    wrapping = Wrapping(bytes(32))
    tokens = Tokens(bytes(32), clock)
    provider = Provider(
        desk,
        wrapping,
        tokens,
        lambda request: app[SETTINGS].url + personal_link(SECRET_BYTES, request),
        "Invigilation Service",
        app[SETTINGS].url,
    )
    app[GUARDS] = {Who.PLATFORM: platforms(tokens)}
    app.add_routes([*provider.routes(), CoursePage(desk, Links(desk, wrapping)).route()])
    secrets = {}
    async with store.write() as tx:
        for one in (CAMPUS, OTHER):
            place = Lms(lms, "invigilation", LMS_SECRET)
            _, secrets[one] = await add_platform(tx, wrapping, one, one.title(), place)
    client: TestClient[web.Request, web.Application] = TestClient(TestServer(app))
    await client.start_server()
    try:
        world = World(whole, clock, app, app[office.VAULT], client)
        yield Campus(world, desk, wrapping, secrets)
    finally:
        await client.close()


@asynccontextmanager
async def sqlite_campus(
    template: Path, folder: Path, lms: str = "https://lms.example.org"
) -> AsyncIterator[Campus]:
    """Open one over a SQLite file of its own."""
    path = folder / "office.sqlite3"
    shutil.copy(template, path)
    store = Store(f"sqlite+aiosqlite:///{path}")
    try:
        async with open_campus(store, folder, lms) as campus:
            yield campus
    finally:
        await store.close()
