"""How the service does: now, and in pictures of the last day or week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from invigilation.health import EVERY, Sample
from invigilation.office_hours import LONDON
from invigilation.people import Role
from web.auth.visitor import staff_of
from web.health.checks import WORDS
from web.health.gauges import Now
from web.health.pictures import Drawn, draw, plans, seconds, size
from web.health.series import Span, Stretch, stretches
from web.keys import DESK, GAUGES, SETTINGS
from web.pages import words
from web.pages.frame import staff_page

routes = web.RouteTableDef()

STEPS = 288
SPANS = {
    "day": ("Last day", timedelta(minutes=5), timedelta(hours=1)),
    "week": ("Last 8 days", timedelta(minutes=40), timedelta(hours=8)),
}
"""What can be seen: its name, the step of a picture, and that of a row of the table."""
TICKS = 4
SHOWN = 20
"""Troubles that are listed."""
OVERDUE = timedelta(days=1)
COPY_LATE = timedelta(hours=26)
LATE_S = 120.0


@dataclass(frozen=True, slots=True)
class Fact:
    """One line on how the service does now; `look` is the kind of its tag."""

    what: str
    said: str
    tag: str
    look: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was wrong for a while; `until` says when it ended, or "now"; empty: within a minute."""

    what: str
    meant: str
    first: datetime
    last: datetime
    until: str


@routes.get("/staff/health")
async def show(request: web.Request) -> web.StreamResponse:
    """Show how the service does, and how it did."""
    person = await staff_of(request, Role.ADMINISTRATOR, Role.AUDITOR)
    office = request.app[DESK].office
    chosen = request.query.get("span", "day")
    chosen = chosen if chosen in SPANS else "day"
    _, step, row = SPANS[chosen]
    now = office.clock.now()
    span = Span(now, step, STEPS)
    table = Span(now, row, STEPS * step // row)
    standing = await request.app[GAUGES].now()
    async with office.store.read() as tx:
        samples = await tx.health.since(span.first)
    return staff_page(
        request,
        person,
        "health.html",
        facts=_facts(standing),
        groups=_groups(samples, span, table, request.app[SETTINGS].evidence_reserve),
        troubles=[_trouble(one, now) for one in stretches(samples, span.first, now)][:SHOWN],
        nothing=not samples,
        now=now,
        span=span,
        ticks=[_tick(span, part, chosen) for part in range(TICKS + 1)],
        rows=[table.at(place) for place in range(table.steps)],
        chosen=chosen,
        spans=[(name, one[0]) for name, one in SPANS.items()],
    )


def _groups(
    samples: list[Sample], span: Span, table: Span, reserve: int
) -> list[tuple[str, list[Drawn]]]:
    held, rows = span.hold(samples), table.hold(samples)
    return [
        (heading, [draw(plan, span, held, rows) for plan in some])
        for heading, some in plans(reserve)
    ]


def _tick(span: Span, part: int, chosen: str) -> str:
    at = span.first + part * span.steps * span.step / TICKS
    if chosen == "day":
        return words.clock(at)
    local = at.astimezone(LONDON)
    return f"{local:%a} {local.day}"


def _trouble(one: Stretch, now: datetime) -> Trouble:
    what, meant = WORDS.get(one.check, ("No figures", "The service did not run, or was held up."))
    zone = LONDON
    same_day = one.first.astimezone(zone).date() == one.last.astimezone(zone).date()
    until = words.clock(one.last) if same_day else words.short(one.last)
    if now - one.last <= 2 * EVERY:
        until = "now"
    elif one.first == one.last:
        until = ""
    return Trouble(what, meant, one.first, one.last, until)


def _facts(now: Now) -> list[Fact]:
    facts = [
        Fact(what, meant, "Failing", "bad")
        if name in now.standing.failing
        else Fact(what, "", "Well", "good")
        for name, (what, meant) in WORDS.items()
        if name in now.checked or name in now.standing.failing
    ]
    late = {job: by for job, by in now.late.items() if by >= LATE_S}
    if late:
        said = ", ".join(f"{job} by {seconds(by)}" for job, by in sorted(late.items()))
        facts.append(Fact("Sweeps that are late", said, "Look here", "warn"))
    facts += [_age("Oldest mail or report that waits", now.stored.outbox_age)]
    if now.stored.timestamp_age:
        facts.append(_age("Oldest list without a timestamp", now.stored.timestamp_age))
    if now.stored.alarms:
        said = f"{now.stored.alarms} open, see Who looked"
        facts.append(Fact("Alarms about unusual looks", said, "Look here", "warn"))
    if now.copies is not None:
        facts.append(_age("Newest copy elsewhere", now.copies.age, COPY_LATE))
    if now.shelf:
        facts.append(Fact("Evidence on its way to the store", f"{now.shelf} files", "", ""))
    facts.append(Fact("Free on the disk", size(now.free), "", ""))
    rooms = len(now.room.rooms)
    said = f"{rooms} open, {now.room.connections} connections"
    facts.append(Fact("Live rooms", said, "", ""))
    return facts


def _age(what: str, age: float | None, overdue: timedelta = OVERDUE) -> Fact:
    if age is None:
        return Fact(what, "not known", "", "")
    if age >= overdue.total_seconds():
        return Fact(what, seconds(age), "Late", "bad")
    return Fact(what, seconds(age) if age else "none", "", "")
