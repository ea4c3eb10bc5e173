"""Deliveries: how each assessment backend is reached, and sending things again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from invigilation.desk.deliveries import OVERDUE, Endpoint
from invigilation.errors import InvalidInput
from invigilation.people import Role
from invigilation.report import Channel, DeliveryState
from invigilation.store.outbox import Sent
from web.auth.visitor import confirmed, staff_of
from web.backends.keys import PUBLISHED, WEBHOOK_KEY, public_text
from web.keys import DESK, SETTINGS
from web.pages.frame import fields, go, staff_page
from web.pages.moving import entered_start

routes = web.RouteTableDef()
READERS = (Role.ADMINISTRATOR, Role.AUDITOR)

CHANNELS = {
    Channel.WEBHOOK: "webhooks",
    Channel.LTI: "LTI 1.3",
    Channel.EDX: "edx-proctoring",
}
STATES = {
    DeliveryState.PENDING: ("Waiting", ""),
    DeliveryState.CLAIMED: ("On its way", ""),
    DeliveryState.DELIVERED: ("Accepted", "good"),
    DeliveryState.DISABLED: ("Given up", "bad"),
}
DONE = {
    "again": "It is sent again now, under the same name as before.",
    "not": "It is on its way at this moment, or was erased: there is nothing to send again.",
    "since": "They are sent again now, each under the same name as before.",
    "none": "Nothing was made since then.",
    "enabled": "The backend is told again, also what it has missed.",
    "key": "The key of its next receipt counts from now on.",
}
EMPTY = "Enter a day."


@dataclass(frozen=True, slots=True)
class Shown:
    """A backend in words; `look` is the kind of its tag."""

    of: Endpoint
    channel: str
    address: str
    state: str
    look: str


@routes.get("/staff/deliveries")
async def show(request: web.Request) -> web.StreamResponse:
    """List the backends with what was heard of them."""
    person = await staff_of(request, *READERS)
    desk = request.app[DESK]
    now = desk.office.clock.now()
    return staff_page(
        request,
        person,
        "deliveries.html",
        backends=[_shown(one, now) for one in await desk.deliveries.endpoints(person)],
        key=public_text(request.app[WEBHOOK_KEY]),
        published=request.app[SETTINGS].url + PUBLISHED,
        changes=person.is_a(Role.ADMINISTRATOR),
    )


@routes.get("/staff/deliveries/{backend}")
async def one(request: web.Request) -> web.StreamResponse:
    """Show one backend, with what was sent there last."""
    return await _one(request, {}, {})


@routes.post("/staff/deliveries/{backend}/again")
async def again(request: web.Request) -> web.StreamResponse:
    """Send one thing again, or all since a moment."""
    person = await staff_of(request, Role.ADMINISTRATOR)
    desk, entered = request.app[DESK], await fields(request)
    ident = request.match_info["backend"]
    if delivery := entered.get("delivery"):
        sent = await desk.deliveries.again(person, ident, delivery)
        return _back(ident, "again" if sent else "not")
    zone = desk.office.rules.zone
    try:
        since = entered_start(entered.get("day"), entered.get("time") or "00:00", zone)
    except InvalidInput as error:
        sentence = EMPTY if error.field == "day" else "Enter a time such as 14:30."
        return await _one(request, entered, {error.field: sentence})
    count = await desk.deliveries.again_since(person, ident, since)
    return _back(ident, "since" if count else "none")


@routes.post("/staff/deliveries/{backend}/enable")
async def enable(request: web.Request) -> web.StreamResponse:
    """Tell a backend again that wanted no more."""
    person = await staff_of(request, Role.ADMINISTRATOR)
    await fields(request)
    ident = request.match_info["backend"]
    await request.app[DESK].deliveries.enable(person, ident)
    return _back(ident, "enabled")


@routes.post("/staff/deliveries/{backend}/key")
async def trust(request: web.Request) -> web.StreamResponse:
    """Take the key of the next receipt for the backend's own."""
    person = await staff_of(request, Role.ADMINISTRATOR)
    await confirmed(request)
    await fields(request)
    ident = request.match_info["backend"]
    await request.app[DESK].deliveries.trust_next_key(person, ident)
    return _back(ident, "key")


@routes.get(PUBLISHED)
async def published(request: web.Request) -> web.StreamResponse:
    """Tell anybody the public key by which our webhooks can be checked."""
    answer = web.json_response({"keys": [public_text(request.app[WEBHOOK_KEY])]})
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


async def _one(
    request: web.Request, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    person = await staff_of(request, *READERS)
    desk = request.app[DESK]
    now = desk.office.clock.now()
    ident = request.match_info["backend"]
    found, sent = await desk.deliveries.endpoint(person, ident)
    secrets = await desk.deliveries.secrets(ident)
    yesterday = (now - timedelta(days=1)).astimezone(desk.office.rules.zone)
    return staff_page(
        request,
        person,
        "delivery.html",
        status=422 if errors else 200,
        one=_shown(found, now),
        sent=sent,
        states=STATES,
        again=_again,
        changes=person.is_a(Role.ADMINISTRATOR),
        overdue_before=now - OVERDUE,
        secrets=secrets,
        entered={"day": f"{yesterday:%Y-%m-%d}", "time": f"{yesterday:%H:%M}"} | entered,
        errors=errors,
        done=DONE.get(request.query.get("done", ""), ""),
    )


def _again(one: Sent) -> bool:
    """Say whether the page offers to send it again."""
    return one.state is not DeliveryState.CLAIMED


def _back(ident: str, done: str) -> web.Response:
    return go(f"/staff/deliveries/{ident}?done={done}")


def _shown(one: Endpoint, now: datetime) -> Shown:
    """Return how a backend is, in the words of the first thing that is wrong."""
    backend, health = one.backend, one.health
    by_webhook = backend.channel is Channel.WEBHOOK
    address = backend.webhook_url if by_webhook else ""
    if by_webhook and not address:
        state, look = "Asks not to be told", "quiet"
    elif health.disabled is not None:
        state, look = "Wants no more", "bad"
    elif one.late(now):
        state, look = "Late: over a day", "bad"
    elif health.failures:
        state, look = "Failing", "warn"
    elif health.last_success is None:
        state, look = "Never tried", "quiet"
    else:
        state, look = "Well", "good"
    return Shown(one, CHANNELS.get(backend.channel, backend.channel), address, state, look)
