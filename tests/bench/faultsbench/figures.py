"""What came of one fault, and how it is written down."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench import Measure


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured; `limit` is what the promise allows at most, if it names it."""

    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it is within its limit."""
        return self.limit is None or self.value <= self.limit

    @property
    def words(self) -> str:
        """Write it with its unit: `back after 2.1 s`."""
        number = f"{self.value:,.0f}" if self.value == int(self.value) else f"{self.value:,.1f}"
        return f"{self.name} {number}{' ' if self.unit else ''}{self.unit}"


@dataclass(slots=True)
class Row:
    """One fault: what was done, what is promised, what came of it."""

    fault: str
    promise: str
    done: str = ""
    """How often, and how."""
    figures: list[Figure] = field(default_factory=list)
    trouble: str = ""
    """Why it could not be measured to its end."""

    def add(self, name: str, value: float, unit: str = "", limit: float | None = None) -> None:
        """Put a figure down."""
        self.figures.append(Figure(name, float(value), unit, limit))

    def add_worst(
        self, name: str, values: Sequence[float], unit: str, limit: float | None = None
    ) -> None:
        """Put the median of several down, and the worst, which the promise is about."""
        ordered = sorted(values)
        self.add(f"{name}, median", ordered[len(ordered) // 2], unit)
        self.add(f"{name}, worst of {len(ordered)}", ordered[-1], unit, limit)

    @property
    def kept(self) -> bool:
        """Whether the promise was kept, in all that was measured."""
        return not self.trouble and bool(self.figures) and all(one.kept for one in self.figures)


Fault = Callable[[Any, Row], Coroutine[Any, Any, None]]
"""Does a fault on a stage, and puts down what comes of it."""


def markdown(rows: Sequence[Row]) -> str:
    """Draw the table of docs/reliability.md."""
    lines = ["| fault | promise | measured | kept |", "|---|---|---|---|"]
    for row in rows:
        said = "; ".join(one.words for one in row.figures)
        if row.trouble:
            said = f"{said}; could not be measured to its end: {row.trouble}".removeprefix("; ")
        what = f"**{row.fault}**" + (f": {row.done}" if row.done else "")
        lines.append(f"| {what} | {row.promise} | {said} | {'yes' if row.kept else '**no**'} |")
    return "\n".join(lines)


def plain(rows: Sequence[Row]) -> str:
    """Tell it for a terminal."""
    lines = []
    for row in rows:
        mark = "kept " if row.kept else "BROKEN"
        lines += [f"{mark} {row.fault}: {row.done}", f"       {row.promise}"]
        for one in row.figures:
            over = "" if one.kept else f"   more than {one.limit:g}"
            lines.append(f"       - {one.words}{over}")
        if row.trouble:
            lines.append(f"       ! {row.trouble}")
    return "\n".join(lines)


def measures(rows: Sequence[Row]) -> list[Measure]:
    """Return everything that is a number."""
    return [
        Measure(f"{row.fault}, {one.name}", one.value, one.unit, 1)
        for row in rows
        for one in row.figures
    ]
