"""The session on one axis: what is drawn where, as shares of the axis' length."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from invigilation.coverage import (
    COMES,
    HEARD,
    HEARD_AT_FIRST,
    SEEN,
    Sign,
    Span,
    spans,
    within,
    without,
)
from invigilation.office_hours import LONDON
from invigilation.presence import Link, Signal
from invigilation.record import Entry
from invigilation.session import HALTS, STARTS
from recordings.report_pdf.words import instant

STEPS = (1, 2, 5, 10, 15, 30, 60, 120)
"""Minutes between the marks of the axis."""
MARKS = 9
"""At most so many, or their times would touch."""
GOOD, WEAK, BAD = "good", "weak", "bad"

Bar = tuple[float, float, str]
"""From where to where (0 to 1), and what it is."""
Lane = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Axis:
    """From when to when is drawn; aware UTC."""

    first: datetime
    last: datetime

    def place(self, at: datetime) -> float:
        """Return where a moment lies, from 0 to 1; one beyond an end lies at that end."""
        whole = (self.last - self.first).total_seconds()
        return min(max((at - self.first).total_seconds() / whole, 0.0), 1.0)

    def bar(self, began: datetime, ended: datetime | None, kind: str) -> Bar:
        """Return a bar; one without an end goes on to the axis' end."""
        return (self.place(began), self.place(ended or self.last), kind)

    def marks(self) -> Iterator[tuple[float, str]]:
        """Yield places with their times in London, at full minutes."""
        minutes = (self.last - self.first).total_seconds() / 60
        step = next((one for one in STEPS if minutes / one <= MARKS), STEPS[-1])
        local = self.first.astimezone(LONDON)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        since = (local - midnight) // timedelta(minutes=step) + 1
        at = midnight + since * timedelta(minutes=step)
        while at <= self.last:
            yield self.place(at), f"{at:%H:%M}"
            at += timedelta(minutes=step)


def axis_of(payload: Mapping[str, Any], entries: Sequence[Entry]) -> Axis | None:
    """Return the axis from the check-in to the end; None where the learner never came."""
    came = [one.at for one in entries if one.kind in {"check_in", "admit"}]
    finished = payload.get("finished")
    if not came or finished is None:
        return None
    last = instant(finished["utc"])
    return Axis(came[0], last) if last - came[0] >= timedelta(seconds=1) else None


def drawn(payload: Mapping[str, Any], entries: Sequence[Entry]) -> dict[str, Any] | None:
    """Return what is drawn: `lanes` of bars, `marks`, `incidents`; None where there is no axis.

    What is good by the record's signals is so as in the attestation's figures (`coverage`).
    """
    axis = axis_of(payload, entries)
    if axis is None:
        return None
    runs = list(_runs(entries))
    gaps = [
        (instant(one["began"]), axis.last if one["ended"] is None else instant(one["ended"]))
        for one in payload["gaps"]
    ]
    return {
        "lanes": [
            {"name": "Assessment", "bars": [axis.bar(*run, "run") for run in runs]},
            *_presence(axis, entries, gaps),
            {"name": "Gaps", "bars": [axis.bar(*gap, "gap") for gap in gaps]},
        ],
        "pauses": list(_pauses(axis, runs)),
        "marks": list(axis.marks()),
        "incidents": [
            {"at": axis.place(instant(one["at"])), "number": number, "severity": one["severity"]}
            for number, one in enumerate(payload["incidents"], 1)
        ],
    }


def _runs(entries: Iterable[Entry]) -> Iterator[tuple[datetime, datetime | None]]:
    """Yield from when to when the assessment's clock ran."""
    since: datetime | None = None
    for one in entries:
        if one.kind in STARTS:
            since = since or one.at
        elif one.kind in HALTS and since is not None:
            yield since, one.at
            since = None
    if since is not None:
        yield since, None


def _pauses(
    axis: Axis, runs: Sequence[tuple[datetime, datetime | None]]
) -> Iterator[tuple[float, float]]:
    for (_, ended), (began, _) in itertools.pairwise(runs):
        if ended is not None:
            yield axis.place(ended), axis.place(began)


def _presence(axis: Axis, entries: Iterable[Entry], gaps: Sequence[Span]) -> Iterator[Lane]:
    """Yield the lanes of what came from the learner, from when it first came."""
    signs = [
        Sign(one.at, str(one.data.get("signal")), str(one.data.get("state")))
        for one in entries
        if one.kind == "signal"
    ]
    last = axis.last
    link = without(spans(signs, Signal.LINK, COMES, last), gaps)
    poor = within(spans(signs, Signal.LINK, frozenset({Link.POOR.value}), last), link)
    seen = within(link, spans(signs, Signal.PICTURE, SEEN, last))
    sound = spans(signs, Signal.SOUND, HEARD, last, initially=HEARD_AT_FIRST)
    expected = [(link[0][0] if link else axis.first, last)]
    for name, good, weak in (
        ("Learner on camera", seen, []),
        ("Microphone", within(link, sound), []),
        ("Connection", without(link, poor), poor),
    ):
        worth = {GOOD: good, WEAK: weak, BAD: without(expected, [*good, *weak])}
        bars = [axis.bar(*span, kind) for kind, found in worth.items() for span in found]
        yield {"name": name, "bars": sorted(bars)}
