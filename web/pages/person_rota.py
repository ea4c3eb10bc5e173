"""The page of one person's rota, with all its forms."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web

from invigilation.desk.changes import MOST_AT_ONCE, today
from invigilation.desk.rota import PersonRota
from invigilation.office_hours import DAY, MIDNIGHT, Hours
from invigilation.people import Role
from invigilation.slots import Leave
from web.auth.visitor import staff_of
from web.keys import DESK, SETTINGS
from web.pages import fates, words
from web.pages.frame import staff_page
from web.pages.hours import DAYS, HINT, in_words, week_in_words

BUSY_SHOWN = 10
DONE = {
    "week": "The new week is kept.",
    "leave": "The leave is kept. No time in it is offered any more.",
    "no-leave": "The leave is removed.",
    "extra": "The extra hours are kept.",
    "no-extra": "The extra hours are removed.",
    "learners": "The number of learners is kept.",
    "skills": "The assessments are kept.",
    "busy": "We read this calendar within the next minutes.",
    "no-busy": "We do not read that calendar any more.",
    "no-feed": "The private feed is switched off. Its address shows nothing now.",
}
FORMS = {
    "week": ("first", *(day.lower() for day in DAYS)),
    "leave": ("leave_first", "leave_first_time", "leave_last", "leave_last_time", "leave_note"),
    "extra": ("extra_day", "extra_start", "extra_end"),
    "learners": ("learners",),
    "skills": ("skills",),
    "busy": ("busy_url", "busy_zone"),
}
"""The fields of each form: one that comes back with a mistake stands open."""


async def person_page(
    request: web.Request,
    entered: dict[str, str],
    errors: dict[str, str],
    token: str = "",
) -> web.StreamResponse:
    """Return the page; `token` is that of a feed just made, and is shown this once."""
    by = await staff_of(request, Role.SCHEDULER, Role.INVIGILATOR)
    desk, staff = request.app[DESK], request.match_info["staff"]
    rota = await desk.rota.person(by, staff)
    changes = bool(by.roles & {Role.SCHEDULER, Role.ADMINISTRATOR})
    async with desk.office.store.read() as tx:
        assessments = await tx.ahead.assessments()
    misfits = await desk.rota.misfits(by, staff) if changes else []
    source = await desk.busy.source(staff)
    return staff_page(
        request,
        by,
        "rota_person.html",
        status=422 if errors else 200,
        rota=rota,
        changes=changes,
        misfits=misfits,
        why_words=fates.why_words,
        week=week_in_words(rota.week),
        coming=[(first, week_in_words(week)) for first, week in rota.coming],
        days=_days(rota, entered),
        day_hint=HINT,
        first=entered.get("first") or str(_first(rota, today(desk.office))),
        assessments=[(one.id, one.title, one.backend) for one in assessments],
        chosen=_chosen(rota, entered),
        most=MOST_AT_ONCE,
        source=source,
        host=urlsplit(source.url).hostname if source else "",
        busy=rota.busy[:BUSY_SHOWN],
        more_busy=max(len(rota.busy) - BUSY_SHOWN, 0),
        zones=words.all_zones(),
        feed=await desk.feeds.created(staff),
        address=f"{request.app[SETTINGS].url}/feeds/{token}.ics" if token else "",
        entered=entered,
        errors=errors,
        opened={name for name, own in FORMS.items() if any(one in errors for one in own)},
        span=lambda leave: span(leave, desk.office.rules.zone),
        hours=lambda shift: in_words([shift.hours]),
        done=fates.done_words(request, DONE),
    )


def _days(rota: PersonRota, entered: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return (field, day, text) of each day: what was entered, else the week as it last will be."""
    week: tuple[tuple[Hours, ...], ...] = rota.coming[-1][1] if rota.coming else rota.week
    return [
        (day.lower(), day, entered.get(day.lower(), in_words(stretches)))
        for day, stretches in zip(DAYS, week, strict=True)
    ]


def _chosen(rota: PersonRota, entered: dict[str, str]) -> frozenset[str]:
    if "skills" in entered:
        return frozenset(
            name.removeprefix("skill-") for name in entered if name.startswith("skill-")
        )
    return rota.assessments


def _first(rota: PersonRota, day: date) -> date:
    """Propose the day of a new week: that of the one that is to come, else next Monday."""
    return rota.coming[-1][0] if rota.coming else day + DAY * (7 - day.weekday())


def span(leave: Leave, zone: ZoneInfo) -> str:
    """Return leave in words: whole days without times, and one day only once."""
    start, end = leave.start.astimezone(zone), leave.end.astimezone(zone)
    whole = start.time() == MIDNIGHT and end.time() == MIDNIGHT
    if whole:
        last = (end - timedelta(hours=1)).date()
        first = start.date()
        return words.day(first) if first == last else f"{words.day(first)} to {words.day(last)}"
    if start.date() == end.date():
        return f"{words.day(start.date())}, {start:%H:%M} to {end:%H:%M}"
    return f"{words.moment(leave.start)} to {words.moment(leave.end)}"
