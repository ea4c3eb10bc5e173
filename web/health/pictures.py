"""The pictures of the health page: what each shows, in which unit, and how it is said in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from invigilation.health import Sample
from web.health.series import (
    Points,
    Span,
    count,
    least,
    level,
    mean,
    nice,
    nice_seconds,
    points,
    shape,
    unknown,
    worst,
)

Said = Callable[[float], str]
MEGA, GIGA = 1_000_000, 1_000_000_000
NONE = "\N{EN DASH}"


class Tells(StrEnum):
    """What is said beside a picture's highest point."""

    NOW = "now"
    ALL = "all"
    NOTHING = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """One of the things that a picture shows on top of another; `look` is its colour's class."""

    name: str
    of: Callable[[list[Sample]], float]
    look: str = "sea"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a picture shows. `limit`: beyond it (below it, where `low`) somebody should look."""

    title: str
    hint: str
    layers: tuple[Layer, ...]
    said: Said
    least_top: float
    limit: float | None = None
    low: bool = False
    """Little is bad here, not much."""
    tells: Tells = Tells.NOW


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture that the template draws: a box `width` by 100, y downwards.

    `layers` are (path data, look), the farthest behind first. `most` is told of the highest point
    (the lowest, where little is bad), `told` of the newest or of all; `rows` holds a value in words
    for each row of the table.
    """

    title: str
    hint: str
    width: int
    layers: tuple[tuple[str, str], ...]
    legend: tuple[tuple[str, str], ...]
    gaps: tuple[tuple[int, int], ...]
    top: str
    limit: str
    limit_said: str
    beyond: bool
    told: str
    most: str
    low: bool
    most_place: int | None
    rows: tuple[str, ...]


def number(value: float) -> str:
    """Return "1,234"."""
    return f"{value:,.0f}"


def seconds(value: float) -> str:
    """Return "0.8 s", "12 s", "7 min", "3 h" or "2 days"."""
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:.3g} {name}"
    return f"{value:.2g} s" if 0 < value < 10 else f"{value:.0f} s"


def milliseconds(value: float) -> str:
    """Return "120 ms" or "1.2 s"."""
    return f"{value:.0f} ms" if value < 1_000 else seconds(value / 1_000)


def size(value: float) -> str:
    """Return "0 MB", "0.4 MB", "120 MB" or "3.5 GB" (powers of ten)."""
    if value >= GIGA:
        return f"{value / GIGA:,.3g} GB" if value < 1_000 * GIGA else f"{value / GIGA:,.0f} GB"
    return f"{value / MEGA:.3g} MB"


def permille(value: float) -> str:
    """Return "1.5 %" of a share in thousandths."""
    return f"{value / 10:.3g} %"


def _of(name: str) -> Callable[[Sample], float]:
    return attrgetter(name)


def _one(of: Callable[[list[Sample]], float], look: str = "sea") -> tuple[Layer, ...]:
    return (Layer("", of, look),)


def plans(reserve: int) -> tuple[tuple[str, tuple[Plan, ...]], ...]:
    """Return all pictures by heading; `reserve` bytes of the disk are kept free."""
    return (
        (
            "The live room",
            (
                Plan("Sessions", "that run at once", _one(level(_of("sessions"))), number, 5),
                Plan(
                    "What learners' pages send",
                    "the more, the better their links",
                    (
                        Layer("moving pictures", level(_of("moving"))),
                        Layer("single pictures", level(_of("stills")), "warn"),
                        Layer("voice alone", level(_of("sound")), "edge"),
                        Layer("words alone", level(_of("text")), "bad"),
                    ),
                    number,
                    5,
                ),
                Plan(
                    "Learners with a bad link",
                    "poor: much is lost or late. Away: nothing comes",
                    (
                        Layer("poor", level(_of("poor")), "warn"),
                        Layer("away", level(_of("away")), "bad"),
                    ),
                    number,
                    5,
                ),
                Plan(
                    "Lost on the way",
                    "of the worst link",
                    _one(worst(_of("loss_permille"))),
                    permille,
                    100,
                    limit=50,
                ),
                Plan(
                    "Time to connect",
                    "from coming in until sound and picture are there, on average",
                    _one(mean(_of("join_ms"), _of("joins"))),
                    milliseconds,
                    10_000,
                    limit=8_000,
                    tells=Tells.NOTHING,
                ),
                Plan(
                    "Came back",
                    "after a lost connection",
                    _one(count(_of("reconnects"))),
                    number,
                    5,
                    tells=Tells.ALL,
                ),
            ),
        ),
        (
            "Pictures and recordings",
            (
                Plan(
                    "Written",
                    "bytes of evidence",
                    _one(count(_of("evidence_bytes"))),
                    size,
                    MEGA,
                    tells=Tells.ALL,
                ),
                Plan(
                    "Free on the disk",
                    "recordings stop at the line",
                    _one(least(_of("free_bytes"))),
                    size,
                    GIGA,
                    limit=reserve,
                    low=True,
                ),
                Plan(
                    "Recordings that stopped",
                    "by themselves, or could not begin",
                    _one(count(_of("recordings_stopped")), "bad"),
                    number,
                    5,
                    limit=1,
                    tells=Tells.ALL,
                ),
            ),
        ),
        (
            "Work behind the scenes",
            (
                Plan(
                    "Waiting to be delivered",
                    "age of the oldest mail or report",
                    _one(worst(_of("outbox_age_s"))),
                    seconds,
                    60,
                    limit=86_400,
                ),
                Plan(
                    "Work by the clock is late",
                    "the latest of all sweeps",
                    _one(worst(_of("sweep_late_s"))),
                    seconds,
                    60,
                    limit=120,
                ),
                Plan(
                    "Sweeps that failed",
                    "",
                    _one(count(_of("sweeps_failed")), "bad"),
                    number,
                    5,
                    tells=Tells.ALL,
                ),
                Plan(
                    "Delay of the service itself",
                    "everything waits for so long at worst",
                    _one(worst(_of("lag_ms"))),
                    milliseconds,
                    500,
                    limit=500,
                ),
            ),
        ),
        (
            "At the door",
            (
                Plan(
                    "Sign-ins that failed",
                    "wrong password, code, or link",
                    _one(count(_of("sign_ins_failed")), "warn"),
                    number,
                    5,
                    tells=Tells.ALL,
                ),
                Plan(
                    "Turned away",
                    "requests and messages that were refused",
                    _one(count(_of("refused")), "warn"),
                    number,
                    5,
                    tells=Tells.ALL,
                ),
            ),
        ),
    )


def draw(
    plan: Plan, span: Span, held: Sequence[list[Sample]], rows: Sequence[list[Sample]]
) -> Drawn:
    """Draw a picture of the minutes in the steps of a span; `rows` are those of its table."""
    values = [points(held, layer.of) for layer in plan.layers]
    sums = [_stacked(values[: n + 1]) for n in range(len(values))]
    whole = sums[-1]
    known = [(value, place) for place, value in enumerate(whole) if value is not None]
    most = (min if plan.low else max)(known, key=lambda one: one[0], default=None)
    last = known[-1][0] if known else None
    fitting = nice_seconds if plan.said is seconds else nice
    top = fitting(max((value for value, _ in known), default=0.0), plan.least_top)
    limit = plan.limit
    extreme = None if most is None else most[0]
    return Drawn(
        plan.title,
        plan.hint,
        span.steps,
        tuple(
            (shape(total, top), layer.look)
            for total, layer in zip(reversed(sums), reversed(plan.layers), strict=True)
        ),
        tuple((layer.name, layer.look) for layer in plan.layers if layer.name),
        tuple(unknown(whole)),
        plan.said(top),
        "" if limit is None or limit > top else f"{100 - 100 * limit / top:.4g}",
        "" if limit is None else plan.said(limit),
        _beyond(plan, extreme),
        _told(plan, held, last),
        NONE if extreme is None else plan.said(extreme),
        plan.low,
        None if most is None or not most[0] else most[1],
        tuple(_row(plan, minutes) for minutes in rows),
    )


def _told(plan: Plan, held: Sequence[list[Sample]], last: float | None) -> str:
    if last is None or plan.tells is Tells.NOTHING:
        return ""
    if plan.tells is Tells.NOW:
        return f"now {plan.said(last)}"
    whole = sum(layer.of(minutes) for minutes in held if minutes for layer in plan.layers)
    return f"{plan.said(whole)} in all"


def _beyond(plan: Plan, extreme: float | None) -> bool:
    if extreme is None or plan.limit is None:
        return False
    return extreme < plan.limit if plan.low else extreme >= plan.limit


def _stacked(layers: Sequence[Points]) -> Points:
    steps = zip(*layers, strict=True)
    return tuple(
        None if any(one is None for one in step) else sum(one or 0.0 for one in step)
        for step in steps
    )


def _row(plan: Plan, minutes: list[Sample]) -> str:
    if not minutes:
        return NONE
    return plan.said(sum(layer.of(minutes) for layer in plan.layers))
