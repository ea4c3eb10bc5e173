"""What to expect of a learner's link at the hour of a session, from what was measured before.

A link at sea changes with the hour, as others use it, and with the days, as the ship moves: a
measurement counts the more the nearer it was to the hour of the session, and the younger it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from invigilation.ladder import LADDER, Rung, Way
from invigilation.probe import AT_HOUR, Probe, hour_apart

HALF_AFTER: Final = timedelta(days=4)
"""A measurement this old counts half."""
HOUR_HALF: Final = timedelta(hours=2)
"""One that was made so far from the session's hour of the day counts half of one at the hour."""
OLDEST: Final = timedelta(days=30)
CAUTION: Final = 0.3
"""The rung is that which this share of the weight lies at or below: rather too low."""
SURE: Final = 3
"""So many measurements at the hour make a forecast sure."""


class Risk(StrEnum):
    """How likely it is that the link troubles the session."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Sureness(StrEnum):
    """How much a forecast rests on."""

    SURE = "sure"
    FAIR = "fair"
    GUESS = "guess"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect, of `count` measurements; `near` were made at the session's hour."""

    rung: Rung
    way: Way
    risk: Risk
    count: int
    near: int

    @property
    def sureness(self) -> Sureness:
        """How much this rests on."""
        if self.near >= SURE:
            return Sureness.SURE
        return Sureness.FAIR if self.near or self.count >= SURE else Sureness.GUESS


_RISKS: Final = {
    Rung.FULL: Risk.LOW,
    Rung.SMALL: Risk.LOW,
    Rung.SLOW: Risk.MEDIUM,
    Rung.STILLS: Risk.MEDIUM,
    Rung.SOUND: Risk.HIGH,
    Rung.TEXT: Risk.HIGH,
}


def forecast(probes: Iterable[Probe], start: datetime, now: datetime) -> Forecast | None:
    """Return what to expect at `start`, from what is known `now`; None where nothing counts."""
    known = [one for one in probes if timedelta(0) <= now - one.at <= OLDEST]
    if not known:
        return None
    newest = max(known, key=lambda one: one.at)
    rung = _cautious([(one.expected.rung, weight(one.at, start, now)) for one in known])
    risk = _RISKS[rung]
    if newest.expected.way in {Way.SOCKET, Way.NONE}:
        risk = Risk.HIGH
    near = sum(hour_apart(one.at, start) <= AT_HOUR for one in known)
    return Forecast(rung, newest.expected.way, risk, len(known), near)


def weight(at: datetime, start: datetime, now: datetime) -> float:
    """Return how much a measurement counts: 1 now and at the hour, halved as the tables say."""
    days = max(now - at, timedelta(0)) / HALF_AFTER
    hours = max(hour_apart(at, start) - AT_HOUR, timedelta(0)) / HOUR_HALF
    return float(0.5 ** (days + hours))


def _cautious(weighed: Sequence[tuple[Rung, float]]) -> Rung:
    """Return the rung that `CAUTION` of the weight lies at or below."""
    least = CAUTION * sum(counts for _, counts in weighed)
    found = 0.0
    for rung in reversed(LADDER):
        found += sum(counts for one, counts in weighed if one is rung)
        if found >= least:
            return rung
    return LADDER[0]


_EXPECTED: Final = {
    Rung.FULL: "full pictures and sound",
    Rung.SMALL: "small pictures and sound",
    Rung.SLOW: "small, slow pictures and sound",
    Rung.STILLS: "still pictures and sound",
    Rung.SOUND: "sound only",
    Rung.TEXT: "text only",
}
_BY: Final = {
    Way.DIRECT: "",
    Way.RELAY: ", by a relay",
    Way.SOCKET: ", without a media connection",
    Way.NONE: ", no live connection",
}
_SURE: Final = {
    Sureness.SURE: "quite sure",
    Sureness.FAIR: "fairly sure",
    Sureness.GUESS: "not sure: no test at the session's hour yet",
}


def in_words(found: Forecast) -> str:
    """Say to a scheduler what to expect, and on what that rests."""
    tests = "1 test" if found.count == 1 else f"{found.count} tests"
    return (
        f"Expect {_EXPECTED[found.rung]}{_BY[found.way]}. "
        f"{tests}, {found.near} at the session's hour: {_SURE[found.sureness]}."
    )


def badge(found: Forecast) -> str:
    """Say it in three words at most."""
    return {Risk.LOW: "Link good", Risk.MEDIUM: "Link thin", Risk.HIGH: "Link at risk"}[found.risk]
