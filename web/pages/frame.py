"""How a page comes about: one template, rendered, in the frame that suits who asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from invigilation.office_hours import LONDON
from invigilation.people import Role, Staff
from invigilation.zones import is_ship_clock, zone_named
from web.auth.entering import home_of
from web.auth.visitor import VISITOR, Visitor
from web.keys import SETTINGS
from web.pages import words
from web.pages.assets import Assets

TEMPLATES = Path(__file__).parents[1] / "templates"
STAFF_PAGES = (
    ("/staff/console", "Console", Role.INVIGILATOR),
    ("/staff/calendar", "Calendar", Role.SCHEDULER),
    ("/staff/bookings", "Bookings", Role.SCHEDULER),
    ("/staff/attendance", "Attendance", Role.SCHEDULER),
    ("/staff/onboard", "Onboard", Role.SCHEDULER),
    ("/staff/onboard", "Onboard", Role.INVIGILATOR),
    ("/staff/enquiries", "Questions", Role.SCHEDULER),
    ("/staff/charges", "Charges", Role.SCHEDULER),
    ("/staff/products", "Products", Role.SCHEDULER),
    ("/staff/rota", "Rota", Role.SCHEDULER),
    ("/staff/rota", "Rota", Role.INVIGILATOR),
    ("/staff/closures", "Closures", Role.SCHEDULER),
    ("/staff/records", "Records", Role.SCHEDULER),
    ("/staff/records", "Records", Role.AUDITOR),
    ("/staff/onboard", "Onboard", Role.AUDITOR),
    ("/staff/audit", "Audit", Role.SCHEDULER),
    ("/staff/audit", "Audit", Role.AUDITOR),
    ("/staff/deliveries", "Deliveries", Role.AUDITOR),
    ("/staff/looks", "Who looked", Role.ADMINISTRATOR),
    ("/staff/looks", "Who looked", Role.AUDITOR),
    ("/staff/health", "Health", Role.ADMINISTRATOR),
    ("/staff/health", "Health", Role.AUDITOR),
    ("/staff/admin", "Administration", Role.ADMINISTRATOR),
)
_BELONGS = {"/staff/bookings": ("/staff/book",), "/staff/admin": ("/staff/deliveries",)}
_GROUPS = (
    ("Sessions", ("Console", "Calendar", "Bookings", "Records", "Attendance")),
    ("Learners", ("Questions", "Onboard", "Charges", "Products")),
    ("Office", ("Rota", "Closures", "Audit", "Who looked", "Health", "Administration")),
)
"""The headings under which the pages stand, and their order; others come last, under Office."""
MINE = "Your sign-in"
NOT_LEARNERS = ("/staff", "/second", "/onboard/")
"""Pages that are not a learner's, even where the browser is signed in as one, too."""


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
        beside=words.beside,
        london=LONDON,
    )
    environment.filters.update(
        clock=words.clock,
        day=words.day,
        moment=words.moment,
        short=words.short,
        place=words.place,
        money=words.money,
        percent=words.percent,
        zone_named=zone_named,
        is_ship_clock=is_ship_clock,
        ship_offset=words.ship_offset,
    )


def render(
    request: web.Request, template: str, *, status: int = 200, **context: Any
) -> web.Response:
    """Return a page; `csrf` is always in its context."""
    visitor = request.get(VISITOR)
    context.setdefault("csrf", "" if visitor is None else visitor.csrf(request.path))
    context.setdefault("service_name", request.app[SETTINGS].service_name)
    context.setdefault("learner_at", _learner_at(request.path, visitor))
    response: web.Response = aiohttp_jinja2.render_template(
        template, request, context, status=status
    )
    return response


def _learner_at(path: str, visitor: Visitor | None) -> str:
    """Return where a learner who is signed in is; nothing for anybody else, and other pages."""
    theirs = visitor is not None and visitor.learner is not None
    return path if theirs and not path.startswith(NOT_LEARNERS) else ""


@dataclass(frozen=True, slots=True)
class Way:
    """A page that somebody of the staff may go to."""

    href: str
    label: str
    current: bool


def staff_nav(person: Staff, path: str) -> list[tuple[str, list[Way]]]:
    """Return the ways that this member of staff may go, under few headings."""
    ways = {
        label: Way(href, label, _within(path, (href, *_BELONGS.get(href, ()))))
        for href, label, role in STAFF_PAGES
        if person.is_a(role) or (person.is_a(Role.ADMINISTRATOR) and role is not Role.AUDITOR)
    }
    ways[MINE] = Way("/staff/me", MINE, _within(path, ("/staff/me", "/staff/confirm")))
    known = {label for _, labels in _GROUPS for label in labels}
    others = [label for label in ways if label not in known]
    groups = []
    for heading, labels in _GROUPS:
        rest = others if heading == _GROUPS[-1][0] else []
        if found := [ways[label] for label in (*labels, *rest) if label in ways]:
            groups.append((heading, found))
    return groups


def _within(path: str, pages: tuple[str, ...]) -> bool:
    return any(path == page or path.startswith(f"{page}/") for page in pages)


def staff_page(
    request: web.Request, person: Staff, template: str, *, status: int = 200, **context: Any
) -> web.Response:
    """Return a page of the staff's part."""
    own = {"me": person, "staff_nav": staff_nav(person, request.path), "home_path": home_of(person)}
    return render(request, template, status=status, **own, **context)


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
