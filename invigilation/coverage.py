"""Coverage: how much of an assessment the learner was there to be seen, by the record's signals.

The record has a signal's state once it has held for some seconds (`signal` entries), and a gap
from the last packet to the next: a signal counts from the moment of its entry, and not in a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from invigilation.gap import Gap, Run
from invigilation.presence import Link, Sight, Signal, Sound

Span = tuple[datetime, datetime]
"""From when to when, exclusive; aware UTC."""
NONE = timedelta(0)
COMES = frozenset({Link.LIVE.value, Link.POOR.value})
STILLS = frozenset({Sight.STILLS.value})
SEEN = frozenset({Sight.GOOD.value}) | STILLS
HEARD = frozenset({Sound.HEARD.value, Sound.QUIET.value})
HEARD_AT_FIRST = Sound.HEARD.value
"""Of the sound only a change is recorded: until then it is there."""
UNWATCHED = timedelta(seconds=60)
"""A room that is watched opens a gap within seconds: one that was opened so late was not."""


class Cause(StrEnum):
    """Why nothing came: `NO_MEDIA`, the connection stood; `SERVICE`, we did not watch."""

    CONNECTION_LOST = "connection_lost"
    NO_MEDIA = "no_media"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Sign:
    """A signal has changed to a state of `Link`, `Sight` or `Sound`."""

    at: datetime
    signal: str
    state: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """Figures of an assessment whose clock ran for `assessment`, pauses excepted."""

    assessment: timedelta
    on_camera: timedelta
    """A picture came that was worth looking at."""
    heard: timedelta
    """Sound or picture came, and the microphone was not switched off."""
    link_gone: timedelta
    """Nothing came at all."""
    stills: timedelta = NONE
    """Of the time on camera: single pictures came, some seconds apart, and no moving one."""

    @property
    def on_camera_permille(self) -> int | None:
        """The share of the time on camera; None when no clock ran."""
        return None if not self.assessment else round(1000 * (self.on_camera / self.assessment))


def coverage(
    runs: Iterable[Run], signs: Sequence[Sign], gaps: Iterable[Gap], until: datetime
) -> Coverage:
    """Work the figures out for a clock that ran in `runs`; all is over `until`.

    `signs` are in order. Before the first of the link there is none.
    """
    running = [(since, min(ended or until, until)) for since, ended in runs]
    silent = [(one.began, one.ended or until) for one in gaps]
    link = without(spans(signs, Signal.LINK, COMES, until), silent)
    comes = within(running, link)
    seen = within(comes, spans(signs, Signal.PICTURE, SEEN, until))
    stills = within(comes, spans(signs, Signal.PICTURE, STILLS, until))
    heard = within(comes, spans(signs, Signal.SOUND, HEARD, until, initially=HEARD_AT_FIRST))
    return Coverage(
        length(running),
        length(seen),
        length(heard),
        length(without(running, link)),
        length(stills),
    )


def cause(gap: Gap, opened: datetime, signs: Sequence[Sign]) -> Cause:
    """Say why nothing came in a gap, whose entry was written at `opened`."""
    if opened - gap.began > UNWATCHED:
        return Cause.SERVICE
    links = [sign for sign in signs if sign.signal == Signal.LINK]
    before = [sign.state for sign in links if sign.at <= gap.began]
    meanwhile = [
        sign.state
        for sign in links
        if gap.began < sign.at and (gap.ended is None or sign.at <= gap.ended)
    ]
    gone = Link.GONE.value in (*(before[-1:] or [Link.GONE.value]), *meanwhile)
    return Cause.CONNECTION_LOST if gone else Cause.NO_MEDIA


def spans(
    signs: Iterable[Sign],
    signal: Signal,
    states: frozenset[str],
    until: datetime,
    *,
    initially: str | None = None,
) -> list[Span]:
    """Return when a signal was in one of the states, ascending."""
    found: list[Span] = []
    first = datetime.min.replace(tzinfo=until.tzinfo)
    since = first if initially in states else None
    for sign in signs:
        if sign.signal != signal:
            continue
        if since is None and sign.state in states:
            since = sign.at
        elif since is not None and sign.state not in states:
            found.append((since, max(sign.at, since)))
            since = None
    if since is not None and since < until:
        found.append((since, until))
    return found


def within(spans: Iterable[Span], others: Sequence[Span]) -> list[Span]:
    """Return what of `spans` lies in `others`, of which no two overlap."""
    cut = ((max(a, c), min(b, d)) for a, b in spans for c, d in others)
    return [(first, last) for first, last in cut if first < last]


def without(spans: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """Return what of `spans` lies in none of `others`."""
    left = list(spans)
    for first, last in others:
        left = [
            part
            for a, b in left
            for part in ((a, min(b, first)), (max(a, last), b))
            if part[0] < part[1]
        ]
    return left


def length(spans: Iterable[Span]) -> timedelta:
    """Return how long the spans are together, if no two overlap."""
    return sum((last - first for first, last in spans), NONE)
