"""Measurements: `python -m tests.bench NAME` runs `tests.bench.NAME.run(arguments)`."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import process_time

FOLDER = Path("var/bench")


@dataclass(frozen=True)
class Measure:
    """One median: what was measured, how much, in which unit, of how many runs."""

    name: str
    value: float
    unit: str
    runs: int


def median_cpu(function: Callable[[], object], runs: int) -> float:
    """Return the median processor time of a call in milliseconds, of this process alone."""
    taken = []
    for _ in range(runs):
        before = process_time()
        function()
        taken.append((process_time() - before) * 1000)
    return median(taken)


def table(measures: list[Measure]) -> str:
    """Return the measures as lines of aligned columns.

    Those named `row: column` are drawn side by side, the others a line each.
    """
    lines = [m for m in measures if ": " not in m.name]
    width = max((len(m.name) for m in lines), default=0)
    plain = [f"{m.name:<{width}}  {m.value:>12,.2f} {m.unit:<10} median of {m.runs}" for m in lines]
    return "\n".join(_grid([m for m in measures if ": " in m.name]) + plain)


def _grid(measures: list[Measure]) -> list[str]:
    rows: dict[str, list[Measure]] = {}
    for measure in measures:
        rows.setdefault(measure.name.split(": ")[0], []).append(measure)
    if not rows:
        return []
    head = next(iter(rows.values()))
    names = [(measure.name.split(": ")[1], measure.unit) for measure in head]
    widths = [max(8, len(name), len(unit)) for name, unit in names]
    first = max(map(len, rows))
    drawn = [
        [f"medians of {head[0].runs}".ljust(first), *(name for name, _ in names)],
        [" " * first, *(unit for _, unit in names)],
        *([row.ljust(first), *(f"{m.value:,.2f}" for m in of)] for row, of in rows.items()),
    ]
    return [
        "  ".join([line[0], *(cell.rjust(w) for cell, w in zip(line[1:], widths, strict=True))])
        for line in drawn
    ]


def main(name: str, arguments: list[str]) -> None:
    """Run the measurements of that name, print them and write them to `var/bench/NAME.json`."""
    module = importlib.import_module(f"tests.bench.{name}")
    measures: list[Measure] = module.run(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = json.dumps([asdict(measure) for measure in measures], indent=2)
    (FOLDER / f"{name}.json").write_text(rows + "\n")
    sys.stdout.write(table(measures) + "\n")
