"""The time zone that somebody reads times in: a cookie, which the page may also set."""

from __future__ import annotations

from aiohttp import web

from invigilation.errors import InvalidInput
from invigilation.office_hours import LONDON
from invigilation.zones import clean_zone, is_ship_clock, known_zones
from web.auth import cookies
from web.auth.visitor import request_id_of
from web.pages import words
from web.pages.frame import fields, go, render

routes = web.RouteTableDef()

BACK = {"/me", "/me/book", "/me/change"}


def zone_of(request: web.Request, otherwise: str = LONDON.key) -> str:
    """Return the zone that this browser has chosen or shown, else another one."""
    chosen = request.cookies.get(cookies.ZONE, "")
    return chosen if _known(chosen) else otherwise


def _known(zone: str) -> bool:
    return zone in known_zones() or is_ship_clock(zone)


@routes.get("/me/zone")
async def choose(request: web.Request) -> web.StreamResponse:
    """Show all zones."""
    request_id_of(request)
    return _form(request, zone_of(request), _back(request.query.get("back")), {})


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


def _back(path: str | None) -> str:
    return path if path in BACK else "/me"


def _form(request: web.Request, zone: str, back: str, errors: dict[str, str]) -> web.StreamResponse:
    return render(
        request,
        "zone.html",
        status=422 if errors else 200,
        regions=words.all_zones(),
        zone=zone,
        back=back,
        errors=errors,
    )
