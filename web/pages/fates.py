"""Making a change of the rota or of the hours, and asking what becomes of what it displaces.

Every form that changes them comes here. When bookings no longer fit, one page lists them all; it
carries the first form along in hidden fields, and is sent to the same address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from invigilation.desk.changes import Change
from invigilation.desk.displaced import Displaced, Displaces, Fate, FateKind, Proposal
from invigilation.errors import InvalidInput
from invigilation.fitting import Misfit
from invigilation.people import Role, Staff
from invigilation.store.ahead import Ahead
from invigilation.zones import zone_named
from web.keys import DESK, RELAY
from web.pages import words
from web.pages.booking import parse_start
from web.pages.frame import go, staff_page
from web.pages.moving import entered_start

SENT = "fates"
"""The field that says that the fates are part of the form."""
OURS = ("fate-", "day-", "time-", "who-", "reason-")
OTHER, CANCEL = "other", "cancel"
WHY = {
    Misfit.CLOSED: "the office is closed then",
    Misfit.OFF_DUTY: "{} is not at work then",
    Misfit.AWAY: "{} is on leave then",
    Misfit.NO_LANE: "{} has too many learners then",
    Misfit.NO_SKILL: "{} does not take this assessment",
    Misfit.BUSY: "{} is busy then, says their own calendar",
}
NOT_CHOSEN = "Choose what becomes of this booking."
NO_REASON = "Say why it is cancelled."
NO_STAFF = "Choose who invigilates."


@dataclass(frozen=True, slots=True)
class Task:
    """What is being done: the change, in words, and where to go before and after.

    `title` is like "Leave of Ann Archer", `back` the page that the form stands on, `done` the word
    that this page says afterwards.
    """

    change: Change
    title: str
    back: str
    done: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One way out for a displaced booking, for a radio button."""

    value: str
    words: str
    hint: str = ""


@dataclass(slots=True)
class _Given:
    """What was chosen on the page, and what is wrong with it, by booking."""

    fates: dict[str, Fate] = field(default_factory=dict)
    mistakes: dict[str, str] = field(default_factory=dict)


async def carry_out(
    request: web.Request, person: Staff, task: Task, entered: dict[str, str]
) -> web.StreamResponse:
    """Make the change and go back, or ask what becomes of bookings: 200, and 409 with mistakes.

    Raises `InvalidInput` or `NotFound` as the change does: the caller shows its form again.
    """
    desk = request.app[DESK].rota
    given = _given(request, entered) if SENT in entered else _Given()
    if given.mistakes:
        displaced = await desk.preview(person, task.change)
        return await _ask(request, person, task, displaced, entered, given.mistakes)
    try:
        done = await desk.change(person, task.change, given.fates)
    except Displaces as error:
        mistakes = error.mistakes
        if SENT in entered and not mistakes:
            mistakes = {
                each.one.booking.id: NOT_CHOSEN
                for each in error.displaced
                if each.one.booking.id not in given.fates
            }
        return await _ask(request, person, task, error.displaced, entered, mistakes)
    relay = request.app[RELAY]
    relay.changed(*done)
    if done:  # whoever has lost a session sees so, too
        for one in await request.app[DESK].reception.everybody():
            if one.is_a(Role.INVIGILATOR):
                relay.lobby_changed(one.id)
    mark = "&" if "?" in task.back else "?"
    return go(f"{task.back}{mark}done={task.done}" + (f"&count={len(done)}" if done else ""))


def done_words(request: web.Request, table: Mapping[str, str]) -> str:
    """Return what the page that was gone back to says: what was done, and with how many bookings.

    `table` has the sentence of each word that a `Task` may have as its `done`.
    """
    sentence = table.get(request.query.get("done", ""), "")
    count = request.query.get("count", "")
    if sentence and re.fullmatch(r"\d{1,4}", count, re.ASCII):
        bookings = "1 booking" if count == "1" else f"{count} bookings"
        sentence += f" What you chose for {bookings} has happened."
    return sentence


def _given(request: web.Request, entered: Mapping[str, str]) -> _Given:
    given = _Given()
    bookings = [name.removeprefix("who-") for name in entered if name.startswith("who-")]
    bookings += [name.removeprefix("held-") for name in entered if name.startswith("held-")]
    for booking in bookings:
        try:
            given.fates[booking] = _fate(request, entered, booking)
        except InvalidInput as error:
            given.mistakes[booking] = error.reason
    return given


def _fate(request: web.Request, entered: Mapping[str, str], booking: str) -> Fate:
    chosen = entered.get(f"fate-{booking}", "")
    if chosen == CANCEL:
        reason = entered.get(f"reason-{booking}", "")
        if not reason:
            raise InvalidInput("reason", NO_REASON)
        return Fate.cancel(reason)
    if chosen == OTHER:
        zone = request.app[DESK].office.rules.zone
        start = entered_start(entered.get(f"day-{booking}"), entered.get(f"time-{booking}"), zone)
        return Fate.move(start, entered.get(f"who-{booking}") or None)
    kind, proposed, staff = _read(chosen)
    if proposed is None:
        raise InvalidInput("fate", NOT_CHOSEN)
    if kind == FateKind.REASSIGN and staff:
        return Fate.reassign(staff)
    return Fate.move(proposed, staff or None)


def _read(value: str) -> tuple[str, datetime | None, str]:
    """Return what a proposal's button stands for (see `_value`); no start if it is none of ours."""
    kind, stamp, staff = (*value.split("|", 2), "", "")[:3]
    return kind, parse_start(stamp), staff


async def _ask(
    request: web.Request,
    person: Staff,
    task: Task,
    displaced: Sequence[Displaced],
    entered: Mapping[str, str],
    mistakes: Mapping[str, str],
) -> web.StreamResponse:
    staff = await request.app[DESK].reception.everybody()
    able = [(one.id, one.name) for one in staff if one.is_a(Role.INVIGILATOR)]
    items = [
        (each, _choices(each, entered, mistakes, dict(able)), why_words(each)) for each in displaced
    ]
    chosen = {
        each.one.booking.id: entered.get(
            f"fate-{each.one.booking.id}", "" if SENT in entered else _default(each)
        )
        for each in displaced
    }
    kept = {
        name: value
        for name, value in entered.items()
        if name not in {"csrf", SENT} and not name.startswith((*OURS, "held-"))
    }
    return staff_page(
        request,
        person,
        "fates.html",
        status=409 if mistakes else 200,
        task=task,
        items=items,
        chosen=chosen,
        able=able,
        action=request.path,
        kept=kept,
        entered=entered,
        errors={f"fate-{booking}": words for booking, words in mistakes.items()},
        names={each.one.booking.id: each.one.learner_name for each in displaced},
    )


def _default(each: Displaced) -> str:
    """Choose beforehand only what does not trouble the learner: somebody else, at the same time."""
    first = each.proposals[0] if each.proposals else None
    if first is None or first.start != each.one.booking.start:
        return ""
    return _value(each.one, first)


def _choices(
    each: Displaced,
    entered: Mapping[str, str],
    mistakes: Mapping[str, str],
    names: Mapping[str, str],
) -> list[Choice]:
    """Return the proposals; what was chosen before stays among them, unless it is taken."""
    booking = each.one.booking
    proposals = list(each.proposals)
    values = [_value(each.one, one) for one in proposals]
    before = entered.get(f"fate-{booking.id}", "")
    _, start, staff = _read(before)
    if start is not None and before not in values and booking.id not in mistakes:
        proposals.append(Proposal(start, staff, names.get(staff, "")))
        values.append(before)
    return [_choice(each.one, one, value) for one, value in zip(proposals, values, strict=True)]


def _choice(one: Ahead, proposal: Proposal, value: str) -> Choice:
    if proposal.start == one.booking.start:
        return Choice(value, f"{proposal.staff_name} at the same time", "The learner is not told.")
    theirs = words.short(proposal.start, zone_named(one.booking.zone))
    return Choice(
        value,
        f"{words.short(proposal.start)} with {proposal.staff_name}",
        f"For the learner: {theirs}.",
    )


def _value(one: Ahead, proposal: Proposal) -> str:
    kind = FateKind.REASSIGN if proposal.start == one.booking.start else FateKind.MOVE
    return f"{kind}|{proposal.start.isoformat()}|{proposal.staff}"


def why_words(each: Displaced) -> str:
    """Return why a booking does not fit, as one sentence without its first capital and end."""
    reasons = [text.format(each.one.staff_name) for why, text in WHY.items() if why in each.why]
    return " and ".join(reasons)
