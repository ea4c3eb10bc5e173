"""How a page comes about: one template, rendered, in the frame that suits who asks."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from invigilation.people import Role, Staff
from web.auth.visitor import VISITOR
from web.keys import SETTINGS
from web.pages import words
from web.pages.assets import Assets

TEMPLATES = Path(__file__).parents[1] / "templates"
STAFF_PAGES = (
    ("/staff/console", "Console", Role.INVIGILATOR),
    ("/staff/calendar", "Calendar", Role.SCHEDULER),
    ("/staff/attendance", "Attendance", Role.SCHEDULER),
    ("/staff/charges", "Charges", Role.SCHEDULER),
    ("/staff/closures", "Closures", Role.SCHEDULER),
    ("/staff/admin", "Administration", Role.ADMINISTRATOR),
)
_BELONGS = {"/staff/calendar": ("/staff/bookings",)}


def setup_templates(app: web.Application, assets: Assets, service_name: str) -> None:
    """Set up the template environment with its helpers."""
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        default_helpers=False,
    )
    environment.globals.update(
        asset=assets.address,
        service_name=service_name,
        utc=UTC,
        three_times=words.three_times,
        offset=words.offset,
        brief=words.brief,
    )
    environment.filters.update(
        clock=words.clock,
        day=words.day,
        moment=words.moment,
        short=words.short,
        place=words.place,
        money=words.money,
        percent=words.percent,
    )


def render(
    request: web.Request, template: str, *, status: int = 200, **context: Any
) -> web.Response:
    """Return a page; `csrf` is always in its context."""
    visitor = request.get(VISITOR)
    context.setdefault("csrf", "" if visitor is None else visitor.csrf(request.path))
    context.setdefault("service_name", request.app[SETTINGS].service_name)
    response: web.Response = aiohttp_jinja2.render_template(
        template, request, context, status=status
    )
    return response


def staff_nav(person: Staff, path: str) -> list[dict[str, object]]:
    """Return the ways that this member of staff may go."""
    ways: list[dict[str, object]] = [
        {"href": href, "label": label, "current": path.startswith((href, *_BELONGS.get(href, ())))}
        for href, label, role in STAFF_PAGES
        if person.is_a(role) or person.is_a(Role.ADMINISTRATOR)
    ]
    return [*ways, {"href": "/staff/sign-out", "label": "Sign out", "current": False}]


def staff_page(
    request: web.Request, person: Staff, template: str, *, status: int = 200, **context: Any
) -> web.Response:
    """Return a page of the staff's part."""
    nav = staff_nav(person, request.path)
    return render(request, template, status=status, nav=nav, me=person, **context)


def go(path: str) -> web.Response:
    """Return the redirect after a form (or to where somebody must go first)."""
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


async def fields(request: web.Request) -> dict[str, str]:
    """Return a form's text fields, without white space at their ends.

    NUL is left out: PostgreSQL takes none, and nobody types one.
    """
    return {
        name: value.replace("\0", "").strip()
        for name, value in (await request.post()).items()
        if isinstance(value, str)
    }
