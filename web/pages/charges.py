"""Charges: what is held or due, noted as paid, or waived with a reason."""

from __future__ import annotations

from aiohttp import web

from invigilation.charge import UNPAID
from invigilation.desk.charges import Owed
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Role, Staff
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages.frame import fields, go, staff_page

routes = web.RouteTableDef()

DONE = {"paid": "The charge is noted as paid.", "waived": "The charge is waived."}


@routes.get("/staff/charges")
async def show(request: web.Request) -> web.StreamResponse:
    """List the charges that are held or due."""
    person = await staff_of(request, Role.SCHEDULER)
    owed = await request.app[DESK].charges.open(person)
    done = DONE.get(request.query.get("done", ""), "")
    return staff_page(request, person, "charges.html", owed=owed, done=done)


@routes.get("/staff/charges/{charge}")
async def one(request: web.Request) -> web.StreamResponse:
    """Show one charge and the ways to settle it."""
    person, owed = await _owed(request)
    return _form(request, person, owed, {}, {})


@routes.post("/staff/charges/{charge}/paid")
async def pay(request: web.Request) -> web.StreamResponse:
    """Note that a charge was paid, and how."""
    person, owed = await _owed(request)
    entered = await fields(request)
    try:
        await request.app[DESK].charges.pay(owed.charge.id, person, entered.get("note", ""))
    except InvalidInput as error:
        return _form(request, person, owed, entered, {"note": error.reason})
    return go("/staff/charges?done=paid")


@routes.post("/staff/charges/{charge}/waive")
async def waive(request: web.Request) -> web.StreamResponse:
    """Waive a charge."""
    person, owed = await _owed(request)
    entered = await fields(request)
    try:
        await request.app[DESK].charges.waive(owed.charge.id, person, entered.get("reason", ""))
    except InvalidInput as error:
        return _form(request, person, owed, entered, {"reason": error.reason})
    return go("/staff/charges?done=waived")


async def _owed(request: web.Request) -> tuple[Staff, Owed]:
    person = await staff_of(request, Role.SCHEDULER)
    ident = request.match_info["charge"]
    for owed in await request.app[DESK].charges.open(person):
        if owed.charge.id == ident:
            return person, owed
    raise NotFound("charge", ident)


def _form(
    request: web.Request,
    person: Staff,
    owed: Owed,
    entered: dict[str, str],
    errors: dict[str, str],
) -> web.StreamResponse:
    return staff_page(
        request,
        person,
        "charge.html",
        status=422 if errors else 200,
        one=owed,
        due=owed.charge.state in UNPAID,
        entered=entered,
        errors=errors,
    )
