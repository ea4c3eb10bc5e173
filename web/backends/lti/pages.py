"""The tool's addresses: login, launch, the way into the assessment, and its public keys."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web
from itsdangerous import BadSignature, URLSafeSerializer
from yarl import URL

from invigilation.desk.platforms import Launched, PlatformDesk
from invigilation.errors import InvigilationError, NotFound, NotSignedIn
from invigilation.session import SessionState
from invigilation.store.views import Sitting
from recordings.errors import EvidenceDamaged
from recordings.vault import Vault
from web.auth.links import personal_link
from web.auth.visitor import request_id_of
from web.backends.lti import claims as said
from web.backends.lti.answers import start_assessment
from web.backends.lti.keys import ToolKey
from web.backends.lti.launches import Launches, LaunchRefused
from web.backends.lti.registering import Registrar
from web.backends.lti.wire import Wire
from web.keys import DESK, RELAY, SETTINGS
from web.pages.frame import go, render
from web.pages.headers import content_policy
from web.pages.mistakes import Refused, explain

log = logging.getLogger(__name__)
routes = web.RouteTableDef()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "__Host-lti"
COOKIE_SECONDS = 3_600
TOKEN_LIMIT = 100
OPEN = frozenset({SessionState.IN_PROGRESS, SessionState.PAUSED})
SPARE = timedelta(seconds=30)
"""A launch is not answered in the last half minute in which its platform remembers it."""
PICTURE_LASTS = timedelta(hours=24)
PICTURE_LIMIT = 400
PICTURE_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tool:
    """What the addresses work with."""

    desk: PlatformDesk
    launches: Launches
    registrar: Registrar
    wire: Wire
    key: ToolKey
    vault: Vault
    secret: bytes
    base: str

    @property
    def plain_http(self) -> bool:
        """Whether platforms may be spoken to without encryption: where we ourselves are."""
        return self.base.startswith("http://")

    def picture_link(self, platform: str, session: str, evidence: str) -> str:
        """Return where a platform can fetch that picture, for a day."""
        until = int((self.launches.clock.now() + PICTURE_LASTS).timestamp())
        token = self._pictures.dumps([platform, session, evidence, until])
        return f"{self.base}/lti/picture/{token if isinstance(token, str) else token.decode()}"

    def pictured(self, token: str) -> tuple[str, str, str]:
        """Return the platform, session and evidence that such a link names; or `NotFound`."""
        try:
            found = self._pictures.loads(token) if len(token) <= PICTURE_LIMIT else None
        except BadSignature:
            found = None
        match found:
            case [str(platform), str(session), str(evidence), int(until)]:
                if until >= self.launches.clock.now().timestamp():
                    return platform, session, evidence
        raise NotFound("picture", "")

    @property
    def _pictures(self) -> URLSafeSerializer:
        signer = {"digest_method": hashlib.sha256}
        return URLSafeSerializer(self.secret, salt="lti-picture", signer_kwargs=signer)


TOOL = web.AppKey("lti", Tool)


def _explained(handler: Handler) -> Handler:
    """Let a refusal be a page: what other sites send does not pass the pages' own guard."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except LaunchRefused as error:
            log.info("launch refused: %s", error)
            return _note(request, "This launch did not work", str(error), status=400)
        except InvigilationError as error:
            return explain(request, error)
        except web.HTTPRequestEntityTooLarge:
            return explain(request, Refused("too_large", ""))

    return guarded


async def _fields(request: web.Request) -> Mapping[str, str]:
    """Return what was sent, in the address or in a form."""
    try:
        form: Mapping[str, Any] = {} if request.method == "GET" else await request.post()
    except (ValueError, LookupError):
        raise LaunchRefused("The message cannot be read.") from None
    found = {**request.query, **form}
    said = {name: value for name, value in found.items() if isinstance(value, str)}
    if not all(_storable(value) for value in said.values()):
        raise LaunchRefused("The message cannot be read.")
    return said


def _storable(value: str) -> bool:
    """Say whether a text is one for every database: no NUL, and no half of a pair (surrogate)."""
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value)


def _browser(request: web.Request) -> str:
    token = request.cookies.get(COOKIE, "")
    return token if 20 <= len(token) <= TOKEN_LIMIT and token.isascii() else ""


@_explained
async def login(request: web.Request) -> web.StreamResponse:
    """Send the browser back to its platform for a message (OpenID Connect Core, 4)."""
    browser = _browser(request) or secrets.token_urlsafe(24)
    there = await request.app[TOOL].launches.begin(await _fields(request), browser)
    response = web.Response(
        status=302, headers={"Location": str(there), "Cache-Control": "no-store"}
    )
    # The launch is posted by another site's page: only a cookie of this kind comes with it.
    response.set_cookie(
        COOKIE,
        browser,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="None",
    )
    return response


@_explained
async def launch(request: web.Request) -> web.StreamResponse:
    """Take a launch: a proctoring that begins, one that has ended, or a plain look."""
    tool = request.app[TOOL]
    message = await tool.launches.finish(await _fields(request), _browser(request))
    match message.claims.get(said.MESSAGE_TYPE):
        case said.START_PROCTORING:
            wanted = said.start_of(message.claims, message.platform, plain_http=tool.plain_http)
            launched = await tool.desk.launched(wanted, f"{tool.base}/lti/start/")
            return await _lead(request, tool, launched)
        case said.END_ASSESSMENT:
            ended = said.end_of(message.claims)
            attempt = await tool.desk.find_attempt(
                message.platform, ended.deployment, ended.subject, ended.number, ended.link
            )
            await tool.desk.ended(attempt, ended.error)
            return _ended(request, failed=bool(ended.error))
        case said.RESOURCE:
            return _only_a_look(request)
    raise LaunchRefused("We do not know this kind of message.")


async def _lead(request: web.Request, tool: Tool, launched: Launched) -> web.StreamResponse:
    """Lead the learner on: into the assessment if it is open, else to their personal link."""
    ident = launched.asked.request.id
    sitting = await request.app[DESK].bookings.latest(ident)
    if sitting is not None and sitting.session_state in OPEN:
        return await _start(request, tool, launched, sitting)
    return go(personal_link(tool.secret, ident))


@routes.get("/lti/start/{attempt}")
async def start(request: web.Request) -> web.StreamResponse:
    """Show the way into the assessment to the learner whose session is open."""
    tool = request.app[TOOL]
    launched = await tool.desk.attempt(request.match_info["attempt"])
    if request_id_of(request) != launched.asked.request.id:
        raise NotSignedIn("Please open the personal link in the e-mail that we sent you.")
    sitting = await request.app[DESK].bookings.latest(launched.asked.request.id)
    if sitting is None or sitting.session_state not in OPEN:
        return go("/me")
    return await _start(request, tool, launched, sitting)


async def _start(
    request: web.Request, tool: Tool, launched: Launched, sitting: Sitting
) -> web.StreamResponse:
    """Show a button that posts the message; or, where the platform has forgotten, what to do."""
    attempt, platform = launched.attempt, launched.platform
    now = tool.launches.clock.now()
    remembered = timedelta(minutes=platform.launch_minutes) - SPARE
    if platform.launch_minutes and now - attempt.launched > remembered:
        backend = await request.app[DESK].requests.backend(platform.backend)
        name = "your training company" if backend is None else backend.name
        return render(request, "lti_again.html", at=launched, company=name)
    face = await tool.desk.face(sitting.session)
    picture = None
    if face is not None:
        picture = tool.picture_link(platform.backend, sitting.session, face)
    token = await tool.key.sign(start_assessment(launched, picture, now))
    await tool.desk.started(attempt, sitting.session)
    response = render(request, "lti_start.html", at=launched, token=token)
    response.headers["Content-Security-Policy"] = _policy(request, attempt.start_url)
    return response


def _policy(request: web.Request, there: str) -> str:
    """Let this page's form go to the platform, and wherever that leads on to.

    Browsers hold `form-action` against redirects, too.
    """
    policy = content_policy(request.path, URL(request.app[SETTINGS].url))
    origin = URL(there).origin()
    return policy.replace("form-action 'self'", f"form-action 'self' https: {origin}")


def _ended(request: web.Request, *, failed: bool) -> web.StreamResponse:
    sentence = (
        "Your training company's system could not finish the assessment. Your invigilator will "
        "speak with you."
        if failed
        else "Your answers are with your training company."
    )
    what = (
        "Close this window now. Your invigilator is in the other one: wait there until they end "
        "the session."
    )
    way = ("/me/room", "I have no other window")
    return _note(request, "Your assessment has ended", sentence, what, way)


def _only_a_look(request: web.Request) -> web.StreamResponse:
    sentence = "This is where your Official Assessment is invigilated."
    what = (
        "There is nothing to do here yet. Open the assessment in your course: it leads you here "
        "to choose a time, and on the day into your session."
    )
    return _note(request, "Remote invigilation", sentence, what)


def _note(
    request: web.Request,
    heading: str,
    sentence: str,
    what: str = "",
    way: tuple[str, str] | None = None,
    status: int = 200,
) -> web.StreamResponse:
    facts = {"heading": heading, "sentence": sentence, "what": what, "way": way}
    return render(request, "lti_note.html", status=status, **facts)


@routes.get("/lti/register/{invitation}", allow_head=False)
async def register(request: web.Request) -> web.StreamResponse:
    """Let a platform that was invited register itself (Dynamic Registration 1.0)."""
    query = request.query
    try:
        one = await request.app[TOOL].registrar.register(
            request.match_info["invitation"],
            query.get("openid_configuration", ""),
            query.get("registration_token", ""),
        )
    except LaunchRefused as error:
        return _note(request, "Registration did not work", str(error), status=400)
    response = render(request, "lti_registered.html", invited=one)
    # The platform's page that opened this one is told that it may close it.
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return response


@routes.get("/lti/jwks")
async def jwks(request: web.Request) -> web.StreamResponse:
    """Show the tool's public key."""
    answer = web.json_response(await request.app[TOOL].key.jwks())
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@routes.get("/lti/picture/{token}", allow_head=False)
async def picture(request: web.Request) -> web.StreamResponse:
    """Show a platform the picture of a face by which somebody was identified; it is noted."""
    tool = request.app[TOOL]
    platform, session, evidence = tool.pictured(request.match_info["token"])
    found = await tool.desk.see(platform, session, evidence)
    if found.erased is not None or (found.size or 0) > PICTURE_BYTES:
        raise Refused("erased", "This was deleted when its retention time was over.")
    try:
        body = await tool.vault.aside(tool.vault.read, found.session, found.id)
    except (NotFound, EvidenceDamaged):
        raise Refused("erased", "This was deleted when its retention time was over.") from None
    request.app[RELAY].session_changed(session)
    policy = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        # It stands in pages of the platform's.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return web.Response(body=body, content_type=found.media_type, headers=policy)


def setup(app: web.Application) -> None:
    """Add the tool's addresses; the tool itself is there when the application starts."""
    app.router.add_route("GET", "/lti/login", login)
    app.router.add_route("POST", "/lti/login", login)
    app.router.add_route("POST", "/lti/launch", launch)
    app.add_routes(routes)
