"""The session on one axis: what is drawn where, as shares of the axis' length."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from invigilation.office_hours import LONDON
from invigilation.record import Entry
from invigilation.session import HALTS, STARTS
from recordings.report_pdf.words import instant

STEPS = (1, 2, 5, 10, 15, 30, 60, 120)
"""Minutes between the marks of the axis."""
MARKS = 9
"""At most so many, or their times would touch."""
GOOD, WEAK, BAD = "good", "weak", "bad"
LANES = {
    "picture": ("Learner on camera", {"good": GOOD}),
    "sound": ("Microphone", {"heard": GOOD, "quiet": GOOD}),
    "link": ("Connection", {"live": GOOD, "poor": WEAK}),
}
"""Of each signal: its name, and what its states are worth; any other state is bad."""

Bar = tuple[float, float, str]
"""From where to where (0 to 1), and what it is."""


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
    """Return what is drawn: `lanes` of bars, `marks`, `incidents`; None where there is no axis."""
    axis = axis_of(payload, entries)
    if axis is None:
        return None
    runs = list(_runs(entries))
    lanes = [
        {"name": "Assessment", "bars": [axis.bar(*run, "run") for run in runs]},
        *(_signal_lane(axis, entries, signal) for signal in LANES),
        {"name": "Gaps", "bars": list(_gaps(axis, payload))},
    ]
    return {
        "lanes": [{**lane, "name": lane["name"], "bars": lane["bars"]} for lane in lanes],
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


def _signal_lane(axis: Axis, entries: Iterable[Entry], signal: str) -> dict[str, Any]:
    name, worth = LANES[signal]
    changes = [
        (one.at, str(one.data.get("state")))
        for one in entries
        if one.kind == "signal" and one.data.get("signal") == signal
    ]
    ends: list[datetime | None] = [at for at, _ in changes[1:]]
    bars = [
        axis.bar(at, until, worth.get(state, BAD))
        for (at, state), until in zip(changes, [*ends, None], strict=False)
        if at < axis.last
    ]
    return {"name": name, "bars": bars}


def _gaps(axis: Axis, payload: Mapping[str, Any]) -> Iterator[Bar]:
    for one in payload["gaps"]:
        ended = None if one["ended"] is None else instant(one["ended"])
        yield axis.bar(instant(one["began"]), ended, "gap")
