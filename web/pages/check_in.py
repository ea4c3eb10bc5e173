"""Check-in with consent, purpose by purpose, taking it back, and the learner's room."""

from __future__ import annotations

import asyncio

from aiohttp import web
from yarl import URL

from invigilation.consent import NEEDED, Consent, Purpose
from invigilation.desk.office import LEARNER
from invigilation.desk.people import digest
from invigilation.errors import InvalidInput, TooLate
from invigilation.session import LIVE, OVER, SessionState
from invigilation.store.views import Sitting
from web.auth import learner_device
from web.auth.limiting import limit
from web.keys import DESK, RELAY, SETTINGS
from web.pages.frame import fields, go, render
from web.pages.headers import content_policy
from web.pages.local import LOCAL
from web.pages.me import Standing, standing_of
from web.pages.personal import note_attempt
from web.pages.tickets import SOCKET_PATH, TICKET_PATH, learner_ticket
from web.pages.verify import ASSETS

routes = web.RouteTableDef()

PURPOSES = {
    Purpose.IDENTITY: "Agree to the identity pictures, or ask us for another way.",
    Purpose.RECORDING: "Agree to the recording, or ask us for another way.",
}
"""What nobody can be invigilated without, and what is said where it is missing."""
AGREED_TO = {
    Purpose.IDENTITY: "Pictures of your face and of your identity document",
    Purpose.RECORDING: "Recording your camera and microphone",
    Purpose.LIKENESS: "A computer works out how alike your face and the photo are",
}
PHONE = "Mobi"
"""What the browsers of phones, and hardly any others, have in their `User-Agent`."""


@routes.get("/me/check-in")
async def show(request: web.Request) -> web.StreamResponse:
    """Show what may be used and ask for consent; before or after its time, say so."""
    return await _form(request, {}, {})


@routes.post("/me/check-in")
async def check_in(request: web.Request) -> web.StreamResponse:
    """Check the learner in and lead them into the room."""
    standing = await standing_of(request)
    if standing.sitting is None:
        return go("/me")
    if not _fits(request, standing.sitting):
        return go("/me/check-in")
    entered = await fields(request)
    offered = [one for one in Purpose if one in PURPOSES or _compares(request)]
    consent = tuple(one.value for one in offered if entered.get(one.value) == "yes")
    missing = {one.value: text for one, text in PURPOSES.items() if one not in consent}
    if missing and standing.sitting.session_state is SessionState.SCHEDULED:
        return await _form(request, entered, missing)
    try:
        await request.app[DESK].sessions.check_in(standing.sitting.session, consent)
    except (InvalidInput, TooLate):
        # Too early or too late: the page itself says when.
        return go("/me/check-in")
    request.app[RELAY].changed(standing.sitting)
    return await _bound(request, go("/me/room"), standing.sitting.session)


async def _bound(
    request: web.Request, response: web.StreamResponse, session: str
) -> web.StreamResponse:
    """Let the session belong to the device that checks in."""
    secret = learner_device.secret_of(request)
    await learner_device.bind(request, session, secret)
    learner_device.keep(response, secret)
    return response


async def _form(
    request: web.Request, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    standing = await standing_of(request)
    sitting = standing.sitting
    if standing.stage == "live":
        return go("/me/room")
    if sitting is None or standing.stage not in {"booked", "check_in", "missed"}:
        return go("/me")
    await note_attempt(request, sitting, "page_opened")
    if standing.stage == "check_in" and not _fits(request, sitting):
        return _use_a_computer(request, standing)
    settings = request.app[SETTINGS]
    return render(
        request,
        "check_in.html",
        status=422 if errors else 200,
        at=standing,
        sitting=sitting,
        entered=entered,
        errors=errors,
        identity_days=settings.identity_days,
        recording_days=settings.recording_days,
        compares=_compares(request),
    )


@routes.get("/me/consent")
async def consents(request: web.Request) -> web.StreamResponse:
    """Show what the learner agreed to, with a button to take each back, or to give it again."""
    standing = await standing_of(request)
    if standing.sitting is None:
        return go("/me")
    given = {one.purpose: one for one in await _consents(request, standing.sitting)}
    over = standing.sitting.session_state in OVER
    offered = [one for one in Purpose if one in given or (one in PURPOSES and given)]
    if _compares(request) and given and not over and Purpose.LIKENESS not in offered:
        offered.append(Purpose.LIKENESS)
    rows = [(one, AGREED_TO[one], given.get(one)) for one in offered]
    return render(
        request,
        "consent.html",
        at=standing,
        rows=rows,
        over=over,
        needed=NEEDED,
        done=request.query.get("done", ""),
    )


@routes.post("/me/consent")
async def change_consent(request: web.Request) -> web.StreamResponse:
    """Take one consent back, or give it again while the session is not over."""
    standing = await standing_of(request)
    sitting = standing.sitting
    entered = await fields(request)
    if sitting is None or entered.get("purpose") not in {one.value for one in Purpose}:
        return go("/me/consent")
    desk, purpose = request.app[DESK].consents, Purpose(entered["purpose"])
    withdraws = entered.get("do") != "give"
    if withdraws:
        await desk.withdraw(sitting.session, purpose, LEARNER)
    elif sitting.session_state in LIVE and (purpose in PURPOSES or _compares(request)):
        # To take one back is never too often: without giving it again it changes nothing more.
        await limit(request, "consent", sitting.request)
        await desk.give(sitting.session, purpose, LEARNER)
    else:
        return go("/me/consent")
    request.app[RELAY].changed(sitting)
    return go(f"/me/consent?done={'withdrawn' if withdraws else 'given'}")


async def _consents(request: web.Request, sitting: Sitting) -> list[Consent]:
    return await request.app[DESK].consents.of(sitting.session)


def _compares(request: web.Request) -> bool:
    """Say whether this office lets a computer compare faces; each learner is asked all the same."""
    return bool(request.app[SETTINGS].likeness)


@routes.get("/me/room")
async def room(request: web.Request) -> web.StreamResponse:
    """Show the room to a learner who has checked in, on the device that the session belongs to."""
    standing = await standing_of(request)
    sitting = standing.sitting
    if sitting is None:
        return go("/me")
    if sitting.session_state is SessionState.SCHEDULED:
        return go("/me/check-in")
    if sitting.session_state not in LIVE:
        return go("/me")
    if not _fits(request, sitting):
        return _use_a_computer(request, standing)
    secret = learner_device.secret_of(request)
    if not await learner_device.bind(request, sitting.session, secret):
        known = await request.app[DESK].devices.of(sitting.session)
        return render(request, "other_device.html", at=standing, known=known)
    response = await _room(request, sitting)
    learner_device.keep(response, secret)
    return response


@routes.post("/me/device")
async def go_on_here(request: web.Request) -> web.StreamResponse:
    """Let the learner go on on this device, in the place of the one before."""
    standing = await standing_of(request)
    sitting = standing.sitting
    if sitting is None or sitting.session_state not in LIVE:
        return go("/me")
    secret = learner_device.secret_of(request)
    changed = await request.app[DESK].devices.take_over(sitting.session, digest(secret))
    if changed is not None:
        # The device before stays in the room until this one is, and cannot come back then.
        request.app[RELAY].changed(changed)
    response = go("/me/room")
    learner_device.keep(response, secret)
    return response


async def _room(request: web.Request, sitting: Sitting) -> web.StreamResponse:
    boot = {
        # The first connection needs no request of its own for what stands here already.
        **await learner_ticket(request, sitting.session),
        "session": sitting.session,
        "role": "learner",
        "socket_path": SOCKET_PATH,
        "ticket_url": TICKET_PATH,
        "second_url": "/me/second-camera",
        "state": sitting.session_state.value,
        "kept_key": request.app[LOCAL].key_of(sitting.session),
    }
    dial = await _dial(request)
    response = render(request, "room.html", boot=boot, dial=dial)
    public = URL(request.app[SETTINGS].url)
    response.headers["Content-Security-Policy"] = content_policy(request.path, public, dial)
    return response


async def _dial(request: web.Request) -> str:
    """Return the script that stands in the room's page: it cannot wait for a file of its own.

    At sea a file takes a second, and this one saves two. Where nothing was built it is empty.
    """
    try:
        return await asyncio.to_thread(request.app[ASSETS].text, "dial.js")
    except FileNotFoundError:
        return ""


def _fits(request: web.Request, sitting: Sitting) -> bool:
    """Say whether the assessment may be sat on the device that asks."""
    return sitting.phone_allowed or PHONE not in request.headers.get("User-Agent", "")


def _use_a_computer(request: web.Request, standing: Standing) -> web.StreamResponse:
    """Say that a phone alone will not do, and what it can do."""
    return render(request, "use_computer.html", at=standing)
