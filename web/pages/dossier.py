"""The evidence of a missed session, laid out for the page on which it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from invigilation.attendance import Condition
from invigilation.booking import BookingState
from invigilation.desk.missed import Dossier, Letter, Side
from invigilation.office_hours import LONDON
from invigilation.report import DeliveryState
from web.pages import words

WIDTH = 1_000
"""The width of the picture of heartbeats, in its own units."""
MARGIN = timedelta(minutes=5)
"""So much is drawn before check-in opens and after it closes."""
KINDS = {
    "booked": "The session was booked",
    "confirmed": "The booking was confirmed",
    "moved": "The booking was moved",
    "reassigned": "Another invigilator was named",
    "cancelled": "The booking was cancelled",
    "page_opened": "The learner opened their page",
    "probe": "The learner tested the link or a device",
    "token_used": "The learner used their personal link",
    "invigilator_ready": "The invigilator was ready",
    "check_in": "The learner checked in",
    "admit": "The assessment began",
    "stop": "The session was stopped",
    "refuse": "The learner was not admitted",
    "end": "The assessment ended",
    "no_show_proposed": "The service proposed a no-show",
    "attendance_decided": "A decision was taken",
}
"""What is shown of a record here; the rest is on the record's own page."""
MAILS = {
    "booked": "Confirmation of the booking",
    "moved": "The new time",
    "cancelled": "Cancellation",
    "reminder": "Reminder",
    "attendance": "Decision on the missed session",
}
STATES = {
    DeliveryState.PENDING: "Not delivered yet",
    DeliveryState.CLAIMED: "On its way",
    DeliveryState.DELIVERED: "Delivered",
    DeliveryState.DISABLED: "Could not be delivered",
}
SIDES = {
    Side.FOR: ("For a no-show", "quiet"),
    Side.AGAINST: ("Against a no-show", "warn"),
    Side.NEITHER: ("", ""),
}
RULE = ("Our invigilator", "Our service", "The learner")
VERDICTS = {
    BookingState.LEARNER_NO_SHOW: "the learner did not come",
    BookingState.PROVIDER_FAULT: "it was our fault",
    BookingState.TECHNICAL_UNRESOLVED: "a technical matter",
    BookingState.EXCUSED: "the learner is excused",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition as a line: its name, whether it holds, why, and when."""

    name: str
    holds: bool
    why: str
    when: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of evidence; `side` is the text and the kind of a tag."""

    at: datetime
    what: str
    more: str
    side: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle or a mark of the picture, in its own units."""

    x: float
    width: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """The service's signs of life through the grace time."""

    width: int
    beats: tuple[Bar, ...]
    silences: tuple[Bar, ...]
    open: Bar
    start: Bar
    attempts: tuple[Bar, ...]
    ready: tuple[Bar, ...]


def both(at: datetime) -> str:
    """Return "09:55 London, 09:55 UTC", with the day where it is not London's."""
    utc = words.clock(at, UTC)
    if at.astimezone(UTC).date() != at.astimezone(LONDON).date():
        utc = f"{at.astimezone(UTC):%a} {utc}"
    return f"{words.clock(at)} London, {utc} UTC"


def rules(found: Dossier) -> list[Rule]:
    """Return the rule's first three conditions; the fourth is the scheduler's decision."""
    lines = []
    for name, one in zip(RULE, found.judgement.conditions, strict=True):
        when = _silent(found) if one is found.judgement.conditions[1] else _moments(one)
        lines.append(Rule(name, one.holds, one.words, when))
    return lines


def _moments(one: Condition) -> tuple[str, ...]:
    return tuple(both(at) for at in one.proof[:5])


def _silent(found: Dossier) -> tuple[str, ...]:
    return tuple(
        f"No sign of life from {both(one.start)} to {both(one.end)} "
        f"({minutes(one.end - one.start)})"
        for one in found.silences
    )


def minutes(length: timedelta) -> str:
    """Return "2 min 30 s"."""
    whole, rest = divmod(int(length.total_seconds()), 60)
    return f"{whole} min {rest} s" if rest else f"{whole} min"


def rows(found: Dossier, names: Mapping[str, str]) -> list[Row]:
    """Return all evidence in the order of time; `names` are the staff's, by id."""
    start = found.sitting.start
    lines = [
        Row(found.opens, "Check-in opened", "", ("", "")),
        Row(start, "The session was to start", "", ("", "")),
        Row(found.closes, "Check-in closed", "", ("", "")),
    ]
    lines += [_mail(one) for one in found.letters]
    lines += [
        Row(
            one.start,
            "The service gave no sign of life",
            f"until {both(one.end)}",
            SIDES[Side.AGAINST],
        )
        for one in found.silences
    ]
    for one in found.happenings:
        if one.kind in KINDS:
            more = _who(one.actor, names)
            lines.append(
                Row(
                    one.at,
                    KINDS[one.kind],
                    f"{more}: {one.said}" if one.said else more,
                    SIDES[one.side],
                )
            )
    return sorted(lines, key=lambda line: line.at)


def _mail(one: Letter) -> Row:
    sent = one.sent
    what = f"Mail to the learner: {MAILS.get(sent.type, sent.type).lower()}"
    return Row(sent.created, what, STATES[sent.state], SIDES[one.side])


def _who(actor: str, names: Mapping[str, str]) -> str:
    role, _, ident = actor.partition(":")
    return f"{names.get(ident, ident)} ({role})" if ident else role.capitalize()


def picture(found: Dossier) -> Picture:
    """Lay the heartbeats out from a little before check-in opened to a little after it closed."""
    first, last = found.opens - MARGIN, found.closes + MARGIN
    scale = WIDTH / (last - first).total_seconds()

    def x(at: datetime) -> float:
        return round(min(max((at - first).total_seconds() * scale, 0), WIDTH), 1)

    def mark(at: datetime, name: str = "") -> Bar:
        return Bar(x(at), 3, name)

    def bar(start: datetime, end: datetime, name: str = "") -> Bar:
        return Bar(x(start), round(x(end) - x(start), 1), name)

    shown = [one for one in found.happenings if first <= one.at <= last]
    return Picture(
        WIDTH,
        tuple(mark(at) for at in found.beats if first <= at <= last),
        tuple(bar(one.start, one.end, minutes(one.end - one.start)) for one in found.silences),
        bar(found.opens, found.closes),
        mark(found.sitting.start),
        tuple(mark(one.at, one.kind) for one in shown if one.side is Side.AGAINST),
        tuple(mark(one.at) for one in shown if one.kind == "invigilator_ready"),
    )


def letters(found: Dossier) -> list[tuple[str, datetime, str, str, datetime | None, str]]:
    """Return each mail as (name, made, state, kind of its tag, when last heard of, what was heard).

    An attempt that failed has no time of its own: only what was heard is kept.
    """
    kinds = {DeliveryState.DELIVERED: "good", DeliveryState.DISABLED: "bad"}
    return [
        (
            MAILS.get(one.sent.type, one.sent.type),
            one.sent.created,
            STATES[one.sent.state],
            kinds.get(one.sent.state, "warn"),
            one.arrived,
            one.sent.note or "",
        )
        for one in found.letters
    ]


def decisions(found: Dossier, names: Mapping[str, str]) -> list[tuple[datetime, str, str, str]]:
    """Return what was decided so far as (when, by whom, what, why)."""
    return [
        (one.at, _who(one.actor, names), VERDICTS[one.state], one.why) for one in found.decisions
    ]
