"""The administrator's page: who works here, what has not arrived, how the service is."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web

from invigilation.attendance import HEARTBEAT_GAP
from invigilation.desk import Desk
from invigilation.people import Role
from invigilation.store.outbox import Sent
from web.auth.visitor import confirmed, staff_of
from web.keys import DESK, SETTINGS
from web.pages.frame import fields, go, staff_page

routes = web.RouteTableDef()

MAX_WAITING = 50
OVERDUE = timedelta(days=1)
LOW_SPACE = 2_000_000_000
DONE = {
    "company": "Done. The next account of the company with their e-mail address is theirs. "
    "Tell them to sign in soon.",
}


@dataclass(frozen=True, slots=True)
class Sign:
    """One line on how the service is."""

    what: str
    well: bool
    words: str


@routes.get("/staff/admin")
async def show(request: web.Request) -> web.StreamResponse:
    """Show staff, deliveries and health."""
    person = await staff_of(request, Role.ADMINISTRATOR)
    desk = request.app[DESK]
    now = desk.office.clock.now()
    async with desk.office.store.read() as tx:
        waiting: list[Sent] = await tx.outbox.waiting(MAX_WAITING)
    return staff_page(
        request,
        person,
        "admin.html",
        staff=await desk.reception.everybody(),
        signed_in=await desk.logins.counts(person),
        bound={one.person.id: one.since for one in await desk.company.bound()},
        done=DONE.get(request.query.get("done", ""), ""),
        waiting=waiting,
        overdue_before=now - OVERDUE,
        signs=await _signs(desk, request.app[SETTINGS].var, now),
    )


@routes.post("/staff/admin/company/{staff}/undo")
async def undo(request: web.Request) -> web.StreamResponse:
    """Let somebody come in by another account of the company than so far."""
    person = await staff_of(request, Role.ADMINISTRATOR)
    await confirmed(request)
    await fields(request)
    await request.app[DESK].company.undo(person, request.match_info["staff"])
    return go("/staff/admin?done=company")


async def _signs(desk: Desk, var: Path, now: datetime) -> list[Sign]:
    async with desk.office.store.read() as tx:
        beats = await tx.watch.beats(now - timedelta(hours=1), now)
        oldest = await tx.outbox.oldest_pending()
    beating = bool(beats) and now - beats[-1] <= HEARTBEAT_GAP
    late = oldest is not None and now - oldest > OVERDUE
    free = (await asyncio.to_thread(shutil.disk_usage, var)).free
    return [
        Sign("Database", well=True, words="It answers."),
        Sign(
            "Clockwork",
            beating,
            f"Last heartbeat {beats[-1]:%H:%M:%S} UTC." if beats else "No heartbeat for an hour.",
        ),
        Sign(
            "Deliveries",
            not late,
            "Nothing waits longer than a day."
            if not late
            else f"Something waits since {oldest:%d %B, %H:%M} UTC.",
        ),
        Sign("Disk", free > LOW_SPACE, f"{free / 1e9:,.0f} GB are free."),
    ]
