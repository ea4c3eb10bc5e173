"""What a learner's page measured of its link, and the rung of the ladder to expect from that.

All figures come from the learner's own page: they are a forecast, and evidence that somebody tried;
nothing is decided by them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from invigilation.errors import InvalidInput
from invigilation.ladder import LADDER, Rung, Way

KBIT_MOST: Final = 1_000_000
DELAY_MOST_MS: Final = 60_000
PERMILLE: Final = 1_000
MOST: Final = {
    "up_kbit": KBIT_MOST,
    "down_kbit": KBIT_MOST,
    "rtt_ms": DELAY_MOST_MS,
    "jitter_ms": DELAY_MOST_MS,
    "lost_up_permille": PERMILLE,
    "lost_down_permille": PERMILLE,
}
"""The largest value of each figure that is believed; the smallest is 0."""


class ProbeKind(StrEnum):
    """How much was measured."""

    FULL = "full"
    """By a press of the button: about a minute, with a media connection."""
    SMALL = "small"
    """By the page itself, at the hour of the session: some seconds and about 35 kB."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured. `up` is from the learner to the server.

    The widths are what was carried without a queue, in kilobits a second; `rtt_ms` is the round
    trip on the empty link. `udp`: media went there and back directly, or by UDP of a relay.
    `turn`: they went by a relay alone; None where none is configured or none was tried. `socket`:
    a WebSocket was opened.
    """

    up_kbit: int
    down_kbit: int
    rtt_ms: int
    jitter_ms: int
    lost_up_permille: int
    lost_down_permille: int
    udp: bool
    turn: bool | None
    socket: bool

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for what no link can have."""
        for name, most in MOST.items():
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= most:
                raise InvalidInput(name, f"Send a whole number from 0 to {most}.")
        for name in ("udp", "socket"):
            if type(getattr(self, name)) is not bool:
                raise InvalidInput(name, "Send true or false.")
        if self.turn is not None and type(self.turn) is not bool:
            raise InvalidInput("turn", "Send true, false or null.")


NAMES: Final = tuple(field.name for field in fields(Figures))


@dataclass(frozen=True, slots=True)
class Expected:
    """What to expect of a link: the rung, and how sound and picture will travel."""

    rung: Rung
    way: Way


@dataclass(frozen=True, slots=True)
class Probe:
    """One measurement that was kept, of the learner of a request."""

    id: str
    request: str
    session: str | None
    at: datetime
    kind: ProbeKind
    figures: Figures
    expected: Expected


@dataclass(frozen=True, slots=True)
class _Need:
    """What a rung takes of the link: kilobits a second, and at most so much lost and delayed."""

    rung: Rung
    up: int
    down: int
    lost: int
    rtt: int


NEEDS: Final = (
    _Need(Rung.FULL, 165, 95, 100, 1_500),
    _Need(Rung.SMALL, 70, 24, 120, 2_000),
    _Need(Rung.SLOW, 44, 20, 150, 2_500),
    _Need(Rung.STILLS, 26, 18, 180, 4_000),
    _Need(Rung.SOUND, 17, 17, 250, 4_000),
    _Need(Rung.TEXT, 0, 0, PERMILLE, DELAY_MOST_MS),
)
"""The most first. A step of the page's ladder takes at most some percent more than its need here:
what is measured is what was carried, a little less than what the link has (docs/links.md)."""

JITTER_COUNTS_MS: Final = 500
"""Packets that come this unevenly fill any buffer: then there is no picture that moves."""


def expect(figures: Figures) -> Expected:
    """Return what to expect of a link with these figures; a better one never gives a lower rung."""
    way = _way(figures)
    if way is Way.NONE:
        return Expected(Rung.TEXT, way)
    lost = max(figures.lost_up_permille, figures.lost_down_permille)
    carried = next(
        need.rung
        for need in NEEDS
        if figures.up_kbit >= need.up
        and figures.down_kbit >= need.down
        and lost <= need.lost
        and figures.rtt_ms <= need.rtt
    )
    best = LADDER[0]
    if way is Way.SOCKET or figures.jitter_ms > JITTER_COUNTS_MS:
        best = Rung.STILLS
    return Expected(worse(carried, best), way)


def worse(one: Rung, other: Rung) -> Rung:
    """Return the lower of two rungs."""
    return max(one, other, key=LADDER.index)


def _way(figures: Figures) -> Way:
    if figures.udp:
        return Way.DIRECT
    if figures.turn:
        return Way.RELAY
    return Way.SOCKET if figures.socket else Way.NONE


_SEEN: Final = {
    Rung.FULL: "your invigilator will see you well, and you will see and hear each other.",
    Rung.SMALL: "your invigilator will see small pictures, 8 a second, and hear you well.",
    Rung.SLOW: "your invigilator will see small pictures, 5 a second, and hear you.",
    Rung.STILLS: "your invigilator will see a still picture every few seconds, and hear you.",
    Rung.SOUND: "your invigilator will hear you, but hardly see you.",
    Rung.TEXT: "there is not enough room for sound or picture. You could only write.",
}
_ADVICE: Final = {
    Rung.FULL: ("There is nothing that you need to change.",),
    Rung.SMALL: ("This is enough for your session.",),
    Rung.SLOW: (
        "This is enough for your session.",
        "If you can, ask others not to use the link during it.",
    ),
    Rung.STILLS: (
        "A session is possible like this. It is better with a wider link.",
        "Use a cable in place of Wi-Fi, or move closer to the antenna.",
        "Close other programs and pages, and ask others not to use the link.",
        "Test again at another hour: at night a link often has more room.",
    ),
    Rung.SOUND: (
        "Use a cable in place of Wi-Fi, or move closer to the antenna.",
        "Close other programs and pages, and ask others not to use the link.",
        "Choose another hour, or a day in port, and test again then.",
    ),
    Rung.TEXT: (
        "A session is not possible over this link as it is now.",
        "Use a cable in place of Wi-Fi, close other programs, and test again.",
        "Choose another hour, or a day in port, or write to the scheduler.",
    ),
}


def in_words(figures: Figures, expected: Expected) -> list[str]:
    """Say to the learner what to expect, then what to do: plain sentences."""
    said = [f"On this link {_SEEN[expected.rung]}"]
    if expected.way is Way.RELAY:
        said.append("Your network lets no direct connection through. We go round it by a relay.")
    elif expected.way is Way.SOCKET:
        said.append(
            "Your network lets no sound and picture through. We send still pictures and sound "
            "another way, some seconds late. If you can, ask your network's people to let "
            "UDP through."
        )
    elif expected.way is Way.NONE:
        said.append("Your network lets no live connection through. Try another network.")
    lost = max(figures.lost_up_permille, figures.lost_down_permille)
    if lost > NEEDS[0].lost:
        said.append(f"Of 100 packets {round(lost / 10)} are lost: a weak signal may be the reason.")
    return [*said, *_ADVICE[expected.rung]]


FRESH: Final = timedelta(days=90)
"""So long a measurement is kept; what the session's record says of it stays with the record."""
DAILY: Final = 30
"""So many are taken in of one request within 24 hours."""
SMALL_EVERY: Final = timedelta(minutes=20)
"""No more than one small measurement in this time."""
AT_HOUR: Final = timedelta(minutes=30)
"""So near to the hour of the session a page makes a small measurement by itself."""
DAYS_BEFORE: Final = timedelta(days=14)
"""So long before the session, and later, small measurements are made."""


def at_hour(start: datetime, now: datetime) -> bool:
    """Say whether it is, some days before at most, about the hour of a session at `start`."""
    ahead = start - now
    if not timedelta(0) < ahead <= DAYS_BEFORE:
        return False
    return hour_apart(start, now) <= AT_HOUR


def hour_apart(one: datetime, other: datetime) -> timedelta:
    """Return how far two moments lie apart on the face of a clock of 24 hours: 12 at most."""
    day = timedelta(days=1)
    apart = (one - other) % day
    return min(apart, day - apart)
