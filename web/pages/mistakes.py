"""What a page says when it cannot do what was asked: one table from code to status and words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from aiohttp import web
from aiohttp.web_request import FileField
from yarl import URL

from invigilation.errors import InvigilationError, NotSignedIn, ReasonNeeded
from web.access.gate import refused
from web.auth import cookies, csrf, links
from web.auth.known import KNOWN
from web.auth.limiting import TooMany
from web.auth.visitor import VISITOR, ConfirmFirst, Visitor, recognise
from web.health.logs import bound
from web.keys import DESK, SECRET
from web.pages.frame import go, render
from web.pages.headers import compress

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NOT_PAGES = ("/api/", "/edx/", "/room/socket", "/payments/", "/lti/login", "/lti/launch")
"""Under these paths others answer for themselves."""

FILES = ("/report.pdf", "/bundle", "/download")
DEST = "Sec-Fetch-Dest"
"""What a browser asks for: a page to show, or a picture in one (Fetch Metadata)."""
SCRIPTS = "/room/"
"""Only scripts ask for what is under this path."""
PICTURES_UNDER = "/onboard/"
PICTURE_ROOM = 24 * 1024 * 1024
"""More than a picture may have, so that a form with a larger one comes back with its other fields.
"""

STATUS = {
    "refused": 409,
    "invalid_input": 422,
    "not_found": 404,
    "not_allowed": 403,
    "reason_needed": 403,
    "not_signed_in": 401,
    "confirm_first": 403,
    "illegal_transition": 409,
    "slot_not_offered": 409,
    "slot_taken": 409,
    "already_booked": 409,
    "too_late": 409,
    "payment_due": 402,
    "forged": 403,
    "over": 410,
    "out_of_date": 410,
    "erased": 410,
    "method": 405,
    "too_large": 413,
    "too_many": 429,
    "internal": 500,
    "busy": 503,
    "evidence_store_full": 503,
    "unsure": 503,
}
_HEADINGS = {
    401: "Please sign in",
    402: "A payment is due first",
    403: "You cannot open this page",
    404: "There is nothing at this address",
    405: "This page cannot do that",
    409: "That is not possible now",
    410: "This is over",
    413: "That is too much at once",
    422: "Something is not right yet",
    429: "Please wait a moment",
    500: "Sorry, that went wrong",
    503: "We are busy",
}
_WHAT_TO_DO = {
    401: "It signs you in. Take the newest e-mail from us.",
    402: "Pay the charge, or ask the scheduler about it, and then choose your time.",
    403: "If you think that you should, ask the administrator about your role.",
    404: "Check the address. If you followed a link of ours, it may be out of date.",
    405: "Go back and use the buttons on the page.",
    409: "Go back, load the page again and see how things stand now.",
    410: "What came of it is in the e-mail that we sent you. Reply to it if you have a question.",
    413: "Go back and send less.",
    422: "Go back and check what you entered.",
    429: "Wait a minute, and then load the page again.",
    500: "We have noted the fault and will look at it. Nothing you entered before was lost: "
    "please try again in a minute.",
    503: "Please try again in a moment.",
}


_CUT_OFF = "This link does not work"
_WHOLE = (
    "Open it once more from the e-mail itself: it must be whole, up to its last letter. "
    "If it still does not work, reply to that e-mail."
)
"""Of a personal link: a mail program may have cut it off, and nobody typed it."""

_FORGED = "This form is out of date. Go back, load the page again, and send it once more."

_OWN = {
    "forged": ("Please send the form again", ""),
    "erased": ("It is no longer there", ""),
    "out_of_date": (
        "This link is out of date",
        "A link for an officer is good for 14 days. Ask the learner for a new one.",
    ),
}
"""Headings and advice of refusals that the status alone does not explain."""


class Refused(InvigilationError):
    """A refusal of the pages' own: a code of `STATUS`."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@web.middleware
async def pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Recognise the visitor, turn away forged requests, and explain what went wrong."""
    if request.path.startswith(NOT_PAGES):
        return await handler(request)
    try:
        request = _with_room(request)
        visitor = await recognise(request, request.app[DESK])
        request[VISITOR] = visitor
        request.app[KNOWN].note(request, visitor)
        _of_whom(request, visitor)
        await _check(request)
        response = await handler(request)
    except InvigilationError as error:
        refused(request, error)
        response = explain(request, error)
        if isinstance(error, TooMany):
            response.headers["Retry-After"] = str(error.wait_s)
    except web.HTTPNotFound:
        response = explain(request, Refused("not_found", ""))
    except web.HTTPMethodNotAllowed as error:
        response = explain(request, Refused("method", ""))
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    except web.HTTPRequestEntityTooLarge:
        response = explain(request, Refused("too_large", ""))
    except web.HTTPException:
        raise
    except Exception:
        log.exception("page failed: %s %s", request.method, _shape(request))
        response = explain(request, Refused("internal", ""))
    finally:
        await _close_files(request)
    known = request.get(VISITOR)
    if known is not None and known.fresh and response.content_type == "text/html":
        cookies.keep(response, cookies.VISITOR, known.token)
    await compress(request, response)
    return response


def _of_whom(request: web.Request, visitor: Visitor) -> None:
    """Let the log say whose request it is: of learners their request, of phones their session."""
    if request.path.startswith("/staff"):
        return
    if request.path.startswith("/second"):
        if visitor.second is not None:
            bound(session=visitor.second.person)
    elif visitor.learner is not None:
        bound(request=visitor.learner.person)


def _with_room(request: web.Request) -> web.Request:
    """Return the request with room for a picture, where somebody's link lets one be sent."""
    token = request.match_info.get("token", "")
    if request.method != "POST" or not token or not request.path.startswith(PICTURES_UNDER):
        return request
    links.onboard_of(request.app[SECRET], token)
    return request.clone(client_max_size=PICTURE_ROOM)


async def _close_files(request: web.Request) -> None:
    """Close the files of a form, which the server does only for the request as it came."""
    for sent in request.get(csrf.FORM, {}).values():
        if isinstance(sent, FileField):
            await asyncio.to_thread(sent.file.close)


async def _check(request: web.Request) -> None:
    """Raise for a request that no page of ours makes."""
    if "\0" in request.path:  # PostgreSQL takes none, and no name of ours has one
        raise Refused("not_found", "")
    if request.method not in csrf.SAFE and not await csrf.genuine(request):
        if _has_ended(request):
            raise NotSignedIn("Please sign in again.")
        raise Refused("forged", _FORGED)


def _has_ended(request: web.Request) -> bool:
    """Say whether a form of staff comes from a browser whose login is no more: it says so then."""
    theirs = request.path.startswith("/staff") and not request.path.startswith("/staff/sign-")
    return theirs and bool(request.cookies.get(cookies.STAFF)) and request[VISITOR].staff is None


def _shape(request: web.Request) -> str:
    """Return the path for a log, with names in the place of what may be a secret (`/r/{token}`)."""
    resource = request.match_info.route.resource
    return "no page of ours" if resource is None else resource.canonical


def _form_page(request: web.Request) -> str:
    """Return the page of ours whose form was sent, as the browser names it."""
    try:
        came = URL(request.headers.get("Referer", ""))
    except ValueError:
        return "/staff"
    return came.raw_path_qs if came.authority == request.host else "/staff"


def _is_file(request: web.Request) -> bool:
    """Say whether a file is asked for, after which the browser stays where it was."""
    return request.path.endswith(FILES)


def explain(request: web.Request, error: InvigilationError) -> web.StreamResponse:
    """Return the page (or, to a script, the JSON) that says what is wrong and what to do."""
    status = STATUS.get(error.code, 409)
    if request.content_type == "application/json" or request.path.startswith(SCRIPTS):
        told = {"code": error.code, "detail": str(error) or _HEADINGS[status]}
        return web.json_response({"error": told}, status=status)
    staff = request.path.startswith("/staff")
    if isinstance(error, NotSignedIn) and staff:
        then = request.path_qs if request.method == "GET" else _form_page(request)
        return go(f"/staff/sign-in?next={quote(then, safe='')}")
    if isinstance(error, NotSignedIn) and request.path == "/second":
        return render(request, "second_over.html", status=401, used=False)
    if isinstance(error, ConfirmFirst):
        then = request.path_qs if request.method == "GET" else _form_page(request)
        if _is_file(request):  # back to its page: nothing would be seen of a file that arrives
            then = request.path.rpartition("/")[0]
        return go(f"/staff/confirm?next={quote(then, safe='')}")
    if isinstance(error, ReasonNeeded) and request.headers.get(DEST, "document") == "document":
        then = f"/staff/records/{error.subject}" if _is_file(request) else request.path_qs
        where = "onboard" if error.subject.startswith("ob_") else "records"
        return go(f"/staff/{where}/{error.subject}/look?next={quote(then, safe='')}")
    what = _WHAT_TO_DO[status]
    sentence = "" if status == 404 else str(error)
    heading = _HEADINGS[status]
    if error.code in _OWN:
        heading, what = _OWN[error.code]
    if status == 404 and request.path.startswith("/r/"):
        heading, what = _CUT_OFF, _WHOLE
    return render(
        request,
        "mistake.html",
        status=status,
        heading=heading,
        sentence=sentence,
        what=what,
        home="/staff" if staff else "/",
    )
