"""The time zone that somebody reads times in: a cookie, which the page may also set."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from invigilation.errors import InvalidInput
from invigilation.office_hours import LONDON
from invigilation.zones import (
    QUARTER,
    clean_zone,
    is_ship_clock,
    known_zones,
    ship_clock,
    zone_named,
)
from web.auth import cookies
from web.auth.visitor import request_id_of
from web.keys import DESK
from web.pages import words
from web.pages.frame import fields, go, render

routes = web.RouteTableDef()

BACK = {"/me", "/me/book", "/me/change", "/me/waiting", "/me/receipts", "/me/pay"}


def zone_of(request: web.Request, otherwise: str = LONDON.key) -> str:
    """Return the zone that this browser has chosen or shown, else another one."""
    chosen = request.cookies.get(cookies.ZONE, "")
    return clean_zone(chosen) if _known(chosen) else otherwise


def _known(zone: str) -> bool:
    return zone in known_zones() or is_ship_clock(zone)


@routes.get("/me/zone")
async def choose(request: web.Request) -> web.StreamResponse:
    """Show all zones."""
    asked = await request.app[DESK].requests.find(request_id_of(request))
    zone = zone_of(request, asked.learner.zone)
    return _form(request, zone, _back(request.query.get("back")), {})


@routes.post("/me/zone")
async def chosen(request: web.Request) -> web.StreamResponse:
    """Keep the choice and go back."""
    request_id_of(request)
    entered = await fields(request)
    back = _back(entered.get("back"))
    try:
        zone = clean_zone(entered.get("zone", ""))
    except InvalidInput as error:
        return _form(request, "", back, {"zone": error.reason})
    response = go(back)
    cookies.keep_zone(response, zone)
    return response


def _ships(request: web.Request) -> list[tuple[str, str]]:
    """Return every ship's clock with what it shows now: so it is found by looking at the wall."""
    now = request.app[DESK].office.clock.now()
    return [
        (zone, f"{text} (now {words.clock(now, zone_named(zone))})")
        for zone, text in words.ship_clocks()
    ]


def _nearest(request: web.Request, zone: str) -> str:
    """Return the ship's clock that shows the same as a zone now, to within a quarter hour."""
    now = request.app[DESK].office.clock.now()
    offset = now.astimezone(zone_named(zone)).utcoffset() if _known(zone) else None
    offset = offset or timedelta(0)
    return ship_clock(offset - offset % QUARTER)


def _back(path: str | None) -> str:
    return path if path in BACK else "/me"


def _form(request: web.Request, zone: str, back: str, errors: dict[str, str]) -> web.StreamResponse:
    return render(
        request,
        "zone.html",
        status=422 if errors else 200,
        regions=words.all_zones(),
        ships=_ships(request),
        zone=zone,
        ship=_nearest(request, zone),
        back=back,
        errors=errors,
        zone_known=cookies.ZONE in request.cookies,
    )
