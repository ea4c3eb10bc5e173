"""The audit log: who changed what, when, and what was before and is after, in words."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from invigilation.office_hours import DAY, Window
from invigilation.people import Role, Staff
from invigilation.store.audit import Change
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages import paging, sheet, words
from web.pages.frame import staff_page
from web.pages.moving import entered_day

routes = web.RouteTableDef()

PAGE = 100
DAYS_SHOWN = 30
"""What is shown when no days are given."""
WORDS_LIMIT = 100
HEADING = ("When (London)", "When (UTC)", "Who", "What", "About", "Before", "After", "About (id)")
WHERE = {
    "bk": "/staff/bookings/",
    "se": "/staff/records/",
}
"""Pages of what a change may be about, by the beginning of its id."""
KINDS = {
    "bk": "booking",
    "rq": "request",
    "se": "session",
    "st": "member of staff",
    "ch": "charge",
    "lv": "leave",
    "sh": "shift",
    "op": "opening",
    "wt": "place in the line",
    "ob": "onboard verification",
    "pr": "product",
    "eq": "question",
}
SAID_ALREADY = frozenset({"request"})
"""Facts that the subject of a change says better."""
_PLAIN = {"gross_pence": "amount", "net_pence": "net amount", "vat_basis_points": "VAT"}


@dataclass(frozen=True, slots=True)
class Told:
    """One change in words. `facts` are (name, before, after), only those that differ."""

    at: datetime
    who: str
    what: str
    about: str
    href: str
    facts: list[tuple[str, str, str]]
    ident: str


@routes.get("/staff/audit")
async def show(request: web.Request) -> web.StreamResponse:
    """List the changes of some days, newest first."""
    person = await staff_of(request, Role.SCHEDULER, Role.AUDITOR)
    desk = request.app[DESK]
    entered, window = _asked(request)
    before = paging.place(request.query.get("before"))
    found = await desk.ledger.changes(window, entered["words"], PAGE + 1, before)
    changes = found[:PAGE]
    names = await desk.ledger.names(_named(changes))
    more = paging.mark(changes[-1].at, changes[-1].id) if len(found) > PAGE else ""
    return staff_page(
        request,
        person,
        "audit.html",
        changes=[told(one, names, _pages(person)) for one in changes],
        entered=entered,
        first_page="" if before is None else f"/staff/audit?{urlencode(entered)}",
        more=more and f"/staff/audit?{urlencode(entered | {'before': more})}",
        file=f"/staff/audit.csv?{urlencode(entered)}",
    )


@routes.get("/staff/audit.csv")
async def export(request: web.Request) -> web.StreamResponse:
    """Answer with all changes of some days, as a file."""
    await staff_of(request, Role.SCHEDULER, Role.AUDITOR)
    desk = request.app[DESK]
    entered, window = _asked(request)

    async def batches() -> AsyncIterator[list[Sequence[str]]]:
        async for changes in desk.ledger.every_change(window, entered["words"]):
            names = await desk.ledger.names(_named(changes))
            yield [_row(told(one, names)) for one in changes]

    name = f"audit-{entered['from']}-{entered['to']}.csv"
    return await sheet.send(request, name, HEADING, batches())


def _row(one: Told) -> Sequence[str]:
    before, after = (
        "; ".join(f"{fact[0]}: {fact[side]}" for fact in one.facts if fact[side]) for side in (1, 2)
    )
    return (*sheet.both(one.at), one.who, one.what, one.about, before, after, one.ident)


def _asked(request: web.Request) -> tuple[dict[str, str], Window]:
    """Return the fields of the form as they count, and the time that they mean."""
    office = request.app[DESK].office
    zone = office.rules.zone
    today = office.clock.now().astimezone(zone).date()
    last = entered_day(request.query.get("to")) or today
    first = entered_day(request.query.get("from")) or min(last, today) - DAYS_SHOWN * DAY
    sought = request.query.get("words", "").replace("\0", "").strip()[:WORDS_LIMIT]
    entered = {"words": sought, "from": first.isoformat(), "to": last.isoformat()}
    return entered, Window(_midnight(first, zone), _midnight(last + DAY, zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _named(changes: Sequence[Change]) -> set[str]:
    """Return the ids that are to be told by name: of subjects, and of bookings in the facts."""
    inside = (
        str(facts["booking"])
        for one in changes
        for facts in (_facts(one.before), _facts(one.after))
        if facts.get("booking")
    )
    return {*(one.subject for one in changes), *inside}


def _pages(person: Staff) -> Mapping[str, str]:
    """Return the pages that this person may open: auditors have none of bookings."""
    overseer = person.roles & {Role.SCHEDULER, Role.ADMINISTRATOR}
    return WHERE if overseer else {"se": WHERE["se"]}


def told(change: Change, names: dict[str, str], pages: Mapping[str, str] = WHERE) -> Told:
    """Return a change in words; `names` are those of staff and subjects, by id."""
    was, now = _facts(change.before), _facts(change.after)
    facts = [
        (_name(key), _value(key, was.get(key), names), _value(key, now.get(key), names))
        for key in [*now, *(key for key in was if key not in now)]
        if was.get(key) != now.get(key) and key not in SAID_ALREADY
    ]
    kind = KINDS.get(change.subject.partition("_")[0], "")
    name = names.get(change.subject, "")
    about = f"{name} ({kind})" if name and kind else name or kind or _day(change.subject)
    page = pages.get(change.subject.partition("_")[0], "")
    href = page and page + change.subject
    who = actor_words(change.actor, names)
    return Told(change.at, who, _action(change.action), about, href, facts, change.subject)


def actor_words(raw: str, names: dict[str, str]) -> str:
    """Return "Ana Reyes (invigilator)" for "invigilator:st_…"."""
    role, _, ident = raw.partition(":")
    return f"{names.get(ident, ident)} ({role})" if ident else raw.capitalize()


def _action(raw: str) -> str:
    """Return "Leave added" for "leave.added"."""
    said = raw.replace(".", " ").replace("_", " ")
    return re.sub(r"\benquiry\b", "question", said).capitalize()


def _facts(raw: str | None) -> dict[str, object]:
    found = json.loads(raw) if raw else {}
    return found if isinstance(found, dict) else {"": found}


def _name(key: str) -> str:
    return _PLAIN.get(key, key.replace("_", " "))


def _value(key: str, value: object, names: dict[str, str]) -> str:
    match value:
        case None:
            said = ""
        case bool():
            said = "yes" if value else "no"
        case list():
            said = ", ".join(_value(key, one, names) for one in value) or "none"
        case dict():
            said = ", ".join(f"{_name(k)} {_value(k, one, names)}" for k, one in value.items())
        case int() if key.endswith("_pence"):
            said = words.money(value)
        case int() if key.endswith("_basis_points"):
            said = words.percent(value)
        case str() if (at := _moment(value)) is not None:
            said = f"{words.short(at)} London ({words.clock(at, UTC)} UTC)"
        case str():
            said = names.get(value, value)
        case _:
            said = str(value)
    return said


def _day(text: str) -> str:
    """Return "Friday 4 December 2026" for "2026-12-04", and anything else as it is."""
    try:
        return words.day(date.fromisoformat(text))
    except ValueError:
        return text


def _moment(text: str) -> datetime | None:
    if len(text) < len("2026-11-23T10:00Z") or text[10:11] != "T":
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo is None else at
