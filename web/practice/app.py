"""The practice backend's pages and addresses."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from web.practice import course
from web.practice.hooks import Inbox
from web.practice.office import Assessment, Office, OfficeError, Wish
from web.practice.progress import Gate, gate, moment, words
from web.practice.receipts import Pen
from web.practice.records import Attempt, Learner, Records, Request
from web.practice.settings import Settings

MAX_BODY = 4 * 1024 * 1024
PURCHASED = timedelta(days=30)
"""Every licence here was bought that long ago."""
FIELD_LIMIT = 200
DATABASE = "practice.sqlite3"
_HERE = Path(__file__).parent


def clock_of(settings: Settings) -> Callable[[], datetime]:
    """Return what tells the present moment, aware, in UTC; moved if the settings say so."""
    shift = settings.clock_shift_file

    def now() -> datetime:
        seconds = float(shift.read_text()) if shift else 0.0
        return datetime.now(UTC) + timedelta(seconds=seconds)

    return now


def application(settings: Settings, now: Callable[[], datetime] | None = None) -> web.Application:
    """Return the whole application; its database is prepared when it starts."""
    now = now or clock_of(settings)
    records = Records(settings.data / DATABASE)
    office = Office(settings.service, settings.client_id, settings.client_secret)
    pen = Pen(settings.data, settings.client_id)
    inbox = Inbox(records, office, settings, pen, now)
    pages = Pages(settings, records, office, inbox, now)
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_guard])

    async def lifetime(_: web.Application) -> AsyncIterator[None]:
        await asyncio.to_thread(records.prepare)
        await asyncio.to_thread(pen.prepare)
        await office.open()
        yield
        await office.close()

    app.cleanup_ctx.append(lifetime)
    app.add_routes(pages.routes())
    csp = _policy(settings.service)

    async def headers(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.setdefault("Content-Security-Policy", csp)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")

    app.on_response_prepare.append(headers)
    return app


def _policy(service: str) -> str:
    return (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
        # Asking for a session leads on to wherever the service says that times are chosen.
        f"form-action 'self' http: https:; frame-ancestors 'self' {service}"
    )


@web.middleware
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse forms that another site's page sends."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    if request.method == "POST" and site not in {"same-origin", "none"}:
        raise web.HTTPForbidden(text="This form belongs to another page.")
    return await handler(request)


@dataclass(frozen=True, slots=True)
class _Row:
    """A request as the list shows it."""

    request: Request
    learner: str
    state: str


class Pages:
    """Every address of the practice backend."""

    def __init__(
        self,
        settings: Settings,
        records: Records,
        office: Office,
        inbox: Inbox,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._records = records
        self._office = office
        self._inbox = inbox
        self._now = now
        self._known: list[Assessment] = []
        self._templates = Environment(
            loader=PackageLoader("web.practice"), autoescape=True, undefined=StrictUndefined
        )
        self._templates.filters["moment"] = moment

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return the addresses."""
        routes: list[web.AbstractRouteDef] = [
            web.get("/", self.home),
            web.post("/learners", self.enrol),
            web.post("/requests", self.ask),
            web.get("/assessment/{token}", self.assessment),
            web.post("/assessment/{token}", self.answer),
            web.post("/webhooks", self.webhook),
            web.get("/reports.json", self.reports),
            web.get("/reports/{session}.jws", self.report),
            web.get("/events.json", self.events),
            web.get("/deliveries.json", self.deliveries),
            web.get("/healthz", self.health),
            web.get("/readyz", self.health),
            web.get("/style.css", self.style),
        ]
        if self._settings.testing:
            routes += [web.post("/test/down", self.down), web.post("/test/up", self.up)]
        return routes

    async def home(self, _: web.Request) -> web.Response:
        """Show learners, requests, reports and the webhook log."""
        return await self._home()

    async def _home(self, problem: str = "", status: int = 200) -> web.Response:
        # A short list, read at each page: what the service offers may have changed.
        try:
            self._known = await self._office.assessments()
        except OfficeError as error:
            problem = problem or str(error)
        learners = await asyncio.to_thread(self._records.learners)
        names = {one.reference: one.name for one in learners}
        requests = await asyncio.to_thread(self._records.requests)
        events = await asyncio.to_thread(self._records.events)
        rows = [
            _Row(
                one,
                names.get(one.learner, one.learner),
                words([event for event in events if event.request == one.reference]),
            )
            for one in requests
        ]
        return self._page(
            "home.html",
            status,
            problem=problem,
            learners=[(one, secrets.token_urlsafe(16)) for one in learners],
            assessments=self._known,
            rows=rows,
            reports=await asyncio.to_thread(self._records.reports),
            deliveries=await asyncio.to_thread(self._records.deliveries),
            service=self._settings.service,
        )

    async def enrol(self, request: web.Request) -> web.StreamResponse:
        """Add a learner."""
        form = await request.post()
        name, email = _field(form, "name"), _field(form, "email")
        if not name or "@" not in email:
            return await self._home("Enter a name and an e-mail address.", 400)
        born, number = _field(form, "born"), _field(form, "document_number")
        await asyncio.to_thread(self._records.add_learner, name, email, born, number)
        raise web.HTTPSeeOther("/")

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Ask for a remote session, and send the learner to where a time is chosen."""
        form = await request.post()
        nonce, code = _field(form, "nonce"), _field(form, "assessment")
        learner = await asyncio.to_thread(self._records.learner, _field(form, "learner"))
        if learner is None or not code or len(nonce) < 16:
            return await self._home("Choose a learner and an assessment.", 400)
        wished = await asyncio.to_thread(
            self._records.begin_request,
            nonce,
            learner.reference,
            code,
            secrets.token_urlsafe(24),
            self._now().isoformat(),
        )
        try:
            asked = await self._office.ask(self._wish(wished, learner, request))
        except OfficeError as error:
            await asyncio.to_thread(
                self._records.settle_request, wished.reference, None, None, str(error)
            )
            return await self._home(str(error), 502)
        await asyncio.to_thread(
            self._records.settle_request, wished.reference, asked.id, asked.booking_url, None
        )
        raise web.HTTPSeeOther(asked.booking_url)

    def _wish(self, wished: Request, learner: Learner, request: web.Request) -> Wish:
        public = self._settings.public or f"{request.scheme}://{request.host}"
        return Wish(
            key=wished.nonce,
            reference=wished.reference,
            learner_reference=learner.reference,
            name=learner.name,
            email=learner.email,
            born=learner.born,
            document_number=learner.document_number,
            assessment=wished.assessment,
            purchased_on=(self._now() - PURCHASED).date().isoformat(),
            assessment_url=f"{public}/assessment/{wished.token}",
            return_url=f"{public}/",
        )

    async def assessment(self, request: web.Request) -> web.Response:
        """Show the assessment, once it is released."""
        return await self._sheet(await self._of_token(request), again="again" in request.query)

    async def answer(self, request: web.Request) -> web.Response:
        """Take the answers in and mark them; while the session is paused they are only kept."""
        wished = await self._of_token(request)
        form = await request.post()
        given = {
            number: int(text)
            for number in range(len(course.QUESTIONS))
            if (text := _field(form, f"q{number}")).isdigit() and len(text) == 1
        }
        state = await self._gate(wished)
        if state in {Gate.WAITING, Gate.CLOSED}:
            return await self._sheet(wished, status=409)
        if state is Gate.PAUSED:
            attempt = Attempt(given, None, None, None)
        else:
            mark = course.mark(given)
            attempt = Attempt(given, mark.percent, mark.passed, self._now().isoformat())
        await asyncio.to_thread(self._records.save_attempt, wished.token, attempt)
        return await self._sheet(wished, status=409 if state is Gate.PAUSED else 200)

    async def _sheet(
        self, wished: Request, *, again: bool = False, status: int = 200
    ) -> web.Response:
        attempt = await asyncio.to_thread(self._records.attempt, wished.token)
        done = attempt is not None and attempt.percent is not None
        return self._page(
            "assessment.html",
            status,
            gate=await self._gate(wished),
            questions=course.QUESTIONS,
            pass_mark=course.PASS_MARK,
            attempt=attempt,
            shows_result=done and not again,
            given=attempt.answers if attempt and not done else {},
        )

    async def _of_token(self, request: web.Request) -> Request:
        token = request.match_info["token"]
        wished = await asyncio.to_thread(self._records.request_of, token)
        if wished is None:
            raise web.HTTPNotFound(text="There is no such assessment.")
        return wished

    async def _gate(self, wished: Request) -> Gate:
        return gate(await asyncio.to_thread(self._records.events, wished.reference))

    async def webhook(self, request: web.Request) -> web.Response:
        """Take a webhook in."""
        answer = await self._inbox.receive(request.headers, await request.read())
        said = {"note": answer.note, **answer.receipt}
        return web.json_response(said, status=answer.status)

    async def reports(self, _: web.Request) -> web.Response:
        """Return the verified reports."""
        reports = await asyncio.to_thread(self._records.reports)
        return web.json_response([asdict(one) for one in reports])

    async def report(self, request: web.Request) -> web.Response:
        """Return one report's sealed text."""
        for one in await asyncio.to_thread(self._records.reports):
            if one.session == request.match_info["session"]:
                return web.Response(text=one.jws, content_type="application/jose")
        raise web.HTTPNotFound(text="There is no such report.")

    async def events(self, _: web.Request) -> web.Response:
        """Return the webhooks that were kept."""
        events = await asyncio.to_thread(self._records.events)
        return web.json_response([asdict(one) for one in events])

    async def deliveries(self, _: web.Request) -> web.Response:
        """Return the last calls of the webhook address, kept or not."""
        deliveries = await asyncio.to_thread(self._records.deliveries)
        return web.json_response([asdict(one) for one in deliveries])

    async def health(self, _: web.Request) -> web.Response:
        """Say that it is there."""
        return web.Response(text="ok\n")

    async def style(self, _: web.Request) -> web.Response:
        """Return the style sheet."""
        text = await asyncio.to_thread((_HERE / "style.css").read_text)
        return web.Response(text=text, content_type="text/css")

    async def down(self, _: web.Request) -> web.Response:
        """Answer 503 to every webhook from now on."""
        self._inbox.down = True
        return web.Response(text="down\n")

    async def up(self, _: web.Request) -> web.Response:
        """Take webhooks in again."""
        self._inbox.down = False
        return web.Response(text="up\n")

    def _page(self, name: str, status: int, **values: Any) -> web.Response:
        text = self._templates.get_template(name).render(values)
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


def _field(form: Any, name: str) -> str:
    value = form.get(name, "")
    return " ".join(value.split())[:FIELD_LIMIT] if isinstance(value, str) else ""
