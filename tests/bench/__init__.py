"""Measurements: `python -m tests.bench NAME` runs `tests.bench.NAME.run()`."""

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
    """Return the measures as lines of aligned columns."""
    width = max((len(measure.name) for measure in measures), default=0)
    return "\n".join(
        f"{m.name:<{width}}  {m.value:>12,.2f} {m.unit:<10} median of {m.runs}" for m in measures
    )


def main(name: str) -> None:
    """Run the measurements of that name, print them and write them to `var/bench/NAME.json`."""
    measures: list[Measure] = importlib.import_module(f"tests.bench.{name}").run()
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = json.dumps([asdict(measure) for measure in measures], indent=2)
    (FOLDER / f"{name}.json").write_text(rows + "\n")
    sys.stdout.write(table(measures) + "\n")
