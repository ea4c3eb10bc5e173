"""Putting a booking elsewhere, as a form or a script asks for it, and the sentence that refuses."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from aiohttp import web

from invigilation.desk import Desk
from invigilation.desk.office import actor
from invigilation.errors import InvalidInput, InvigilationError, Outdated, SlotNotOffered, SlotTaken
from invigilation.people import Role, Staff
from invigilation.slots import Refusal
from invigilation.store.ledger import Line
from web.keys import DESK, RELAY
from web.pages.mistakes import Refused
from web.pages.states import WHY_NOT

STAYS = "The booking stays as it was."
CHANGED = (
    "Somebody else has changed this booking meanwhile, so nothing was moved. "
    "The page now shows how it stands."
)


def entered_day(raw: str | None) -> date | None:
    """Return the day of a field, or none."""
    try:
        found = date.fromisoformat(raw or "")
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2200 else None


def entered_start(day: str | None, at: str | None, zone: ZoneInfo) -> datetime:
    """Return the moment that the office's clock shows so; raises `InvalidInput`."""
    found = entered_day(day)
    if found is None:
        raise InvalidInput("day", "Enter the new day.")
    try:
        clock = time.fromisoformat(at or "")
    except ValueError:
        raise InvalidInput("time", "Choose the new time.") from None
    return datetime.combine(found, clock.replace(tzinfo=None), zone).astimezone(UTC)


def why_not(error: InvigilationError, name: str) -> str:
    """Return in words why a place was refused; `name` is the invigilator's, if one was chosen."""
    if isinstance(error, SlotTaken) or (
        isinstance(error, SlotNotOffered) and error.why == Refusal.FULL and name
    ):
        return f"{name} has another session then." if name else WHY_NOT[Refusal.FULL]
    if isinstance(error, SlotNotOffered):
        if name and error.why == Refusal.NOT_STAFFED:
            return f"{name} cannot invigilate then: not at work, on leave, or busy."
        return WHY_NOT.get(error.why, str(error))
    return str(error)


async def named(desk: Desk, staff: str) -> str:
    """Return the name of an invigilator who was chosen; empty for none. Raises `InvalidInput`."""
    if not staff:
        return ""
    for one in await desk.reception.everybody():
        if one.id == staff:
            return one.name
    raise InvalidInput("staff", "Choose an invigilator from the list.")


async def put(
    request: web.Request, person: Staff, found: Line, start: datetime, staff: str
) -> Line:
    """Move a booking to a start and an invigilator (empty: whoever is free); return it as it is.

    It moves only from where it was `found`. Raises `Refused` with a plain sentence; then nothing
    has changed.
    """
    desk = request.app[DESK]
    name = await named(desk, staff)
    who = actor(person, Role.SCHEDULER)
    try:
        moved = await desk.bookings.move(
            found.booking,
            start,
            who,
            by_staff=True,
            staff=staff or None,
            sequence=found.sequence,
            was=found.staff,
        )
    except Outdated as error:
        raise Refused(error.code, CHANGED) from error
    except (SlotTaken, SlotNotOffered) as error:
        raise Refused(error.code, f"{why_not(error, name)} {STAYS}") from error
    relay = request.app[RELAY]
    relay.lobby_changed(found.staff)
    relay.changed(moved)
    return await desk.ledger.find(found.booking)
