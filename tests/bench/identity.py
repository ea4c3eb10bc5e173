"""How well documents are read: drawn specimens, held up to a simulated webcam.

A burst is five pictures of one pose, as a hand holds it: a few pixels between them, other noise and
other shaking, but the same light and the same glare. Every specimen is another holder's. For each
kind of document, size of picture and quality: how often one picture alone is read exactly, how
often a burst is, how often the answer is wrong though all its check digits are right, and what it
takes. Exact means every character of every line. The time to a decision is a person's; its part
that is the machine's is from the last picture's arrival to the reading, p95 over all bursts.

`python -m tests.bench identity [--bursts 20] [--processes 2] [--quick] [--write]
[--size 640x480] [--quality good,medium]`; `--write` puts the figures into docs/identity.md.
The promise speaks of good and medium pictures of 640x480; of the others a fifth is read.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import monotonic, process_time

import numpy as np
from PIL import Image

from tests.bench import Measure
from tests.specimens import camera
from tests.specimens.documents import draw
from tests.specimens.holders import holder
from tests.specimens.zone import Form

DOCUMENT = Path("docs/identity.md")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
TODAY = date(2026, 6, 1)
FORMS = (Form.TD3, Form.TD2, Form.TD1, Form.MRV_A, Form.MRV_B)
PICTURES = 5
SECONDS = 60.0
"""No limit: what is measured is how well, and what it costs; the service ends it earlier."""
UNSTEADY = 2.0
"""Pixels, of a picture 640 wide, by which a hand moves between two pictures."""


@dataclass(frozen=True, slots=True)
class Case:
    """One burst to be read."""

    form: Form
    quality: camera.Quality
    size: tuple[int, int]
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a burst: exact, wrong or nothing; of its first picture alone, too."""

    case: Case
    alone: str
    together: str
    picture_ms: float
    burst_ms: float
    waited_ms: float
    said: tuple[str, ...] = ()
    truth: tuple[str, ...] = ()


def run(arguments: list[str]) -> list[Measure]:
    """Measure; see the module."""
    options = argparse.ArgumentParser(prog="./dev bench identity")
    options.add_argument("--bursts", type=int, default=20, help="of each kind, see above")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--quick", action="store_true", help="passports and cards, small, 6 each")
    options.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT}")
    options.add_argument("--size", default="640x480,1280x720")
    options.add_argument("--quality", default="good,medium,poor")
    chosen = options.parse_args(arguments)
    bursts = 6 if chosen.quick else chosen.bursts
    cases = [
        case
        for case in _cases(bursts, quick=chosen.quick)
        if f"{case.size[0]}x{case.size[1]}" in chosen.size.split(",")
        and case.quality in chosen.quality.split(",")
    ]
    outcomes = _all(cases, chosen.processes)
    measures = [*_measures(outcomes), *_summary(outcomes)]
    if chosen.write:
        _write(outcomes)
    return measures


def _cases(bursts: int, *, quick: bool) -> list[Case]:
    sizes = (camera.VGA,) if quick else (camera.VGA, camera.HD)
    forms = (Form.TD3, Form.TD1) if quick else FORMS
    qualities = list(camera.Quality)[:2] if quick else list(camera.Quality)
    return [
        Case(form, quality, size, seed)
        for size in sizes
        for quality in qualities
        for form in forms
        for seed in range(_number(bursts, quality, size))
    ]


def _number(bursts: int, quality: camera.Quality, size: tuple[int, int]) -> int:
    promised = size == camera.VGA and quality is not camera.Quality.POOR
    return bursts if promised else max(1, bursts // 5)


def _all(cases: Sequence[Case], processes: int) -> list[Outcome]:
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        outcomes = []
        for outcome in pool.map(_outcome, cases, chunksize=4):
            outcomes.append(outcome)
            if outcome.together == "wrong":
                print(f"{outcome.case}\n  said  {outcome.said}\n  truth {outcome.truth}")
            if len(outcomes) % 20 == 0:
                exact = sum(one.together == "exact" for one in outcomes)
                news = f"{len(outcomes)} of {len(cases)} bursts, {exact} exact"
                print(news, file=sys.stderr, flush=True)
    return outcomes


def _outcome(case: Case) -> Outcome:
    from recordings.vision import worker  # noqa: PLC0415 - in the process that reads, only

    specimen = draw(case.form, holder(5_000 + 97 * case.seed), back=case.form is Form.TD1)
    pictures = burst(specimen.image, case.quality, case.size, case.seed)
    if not hasattr(worker, "_warm"):
        worker.document(pictures[:1], None, TODAY, SECONDS)
        worker._warm = True
    before = process_time()
    alone = worker.document(pictures[:1], None, TODAY, SECONDS).reading
    between = process_time()
    began = monotonic()
    together = worker.document(pictures, None, TODAY, SECONDS).reading
    waited = monotonic() - began
    after = process_time()
    return Outcome(
        case,
        _word(alone and alone.lines, specimen.lines),
        _word(together and together.lines, specimen.lines),
        (between - before) * 1000,
        (after - between) * 1000,
        waited * 1000,
        together.lines if together else (),
        specimen.lines,
    )


def _word(said: tuple[str, ...] | None, truth: tuple[str, ...]) -> str:
    if said is None:
        return "none"
    return "exact" if said == truth else "wrong"


def burst(
    document: Image.Image, quality: camera.Quality, size: tuple[int, int], seed: int
) -> list[bytes]:
    """Return the JPEGs of one burst: one pose and one light, a hand that is not quite still."""
    chance = random.Random(f"burst {quality} {size} {seed}")
    spans = camera.CONDITIONS[quality]
    unit = size[0] / 640
    placed = camera._placed(document.size, size, spans, chance)
    room = camera._room(size, chance)
    soft, light = chance.uniform(*spans.blur), chance.random()
    noise, jpeg = chance.uniform(*spans.noise), chance.randint(*spans.jpeg)
    pictures = []
    for _ in range(PICTURES):
        aside = np.array([chance.gauss(0, UNSTEADY * unit / 2) for _ in range(2)])
        turned = [[chance.gauss(0, 0.2 * unit) for _ in range(2)] for _ in range(4)]
        corners = tuple((float(x), float(y)) for x, y in np.array(placed) + aside + turned)
        image = camera.lay(document, corners, room)
        image = camera._lit(image, corners, spans, random.Random(light))
        blur = soft * chance.uniform(0.85, 1.15) * unit
        image = camera._soft(image, blur, chance.uniform(0, spans.shake) * unit)
        image = camera._grain(image, noise, chance.randrange(2**32))
        pictures.append(camera.jpeg(image, jpeg))
    return pictures


def _share(outcomes: Iterable[str], word: str) -> float:
    words = list(outcomes)
    return words.count(word) / len(words) if words else 0.0


def _rows(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    rows: dict[str, list[Outcome]] = {}
    for one in outcomes:
        size = f"{one.case.size[0]}x{one.case.size[1]}"
        rows.setdefault(f"{size} {one.case.quality} {one.case.form}", []).append(one)
    return rows


def _columns(some: Sequence[Outcome]) -> dict[str, tuple[float, str]]:
    return {
        "alone exact": (_share([one.alone for one in some], "exact"), "share"),
        "alone wrong": (_share([one.alone for one in some], "wrong"), "share"),
        "burst exact": (_share([one.together for one in some], "exact"), "share"),
        "burst wrong": (_share([one.together for one in some], "wrong"), "share"),
        "picture": (median(one.picture_ms for one in some), "ms"),
        "burst": (median(one.burst_ms for one in some), "ms"),
    }


def _measures(outcomes: Sequence[Outcome]) -> list[Measure]:
    return [
        Measure(f"{row}: {name}", value, unit, len(some))
        for row, some in _rows(outcomes).items()
        for name, (value, unit) in _columns(some).items()
    ]


def _summary(outcomes: Sequence[Outcome]) -> list[Measure]:
    wrong = [one for one in outcomes if one.together == "wrong"]
    waits = sorted(one.waited_ms for one in outcomes)
    return [
        Measure("from picture to reading", median(waits), "ms", len(waits)),
        Measure("from picture to reading, p95", waits[int(0.95 * len(waits))], "ms", len(waits)),
        Measure("bursts read", float(len(outcomes)), "", len(outcomes)),
        Measure("bursts wrong, check digits right", float(len(wrong)), "", len(outcomes)),
    ]


def figures(outcomes: Sequence[Outcome]) -> str:
    """Return the table as Markdown."""
    heads = (
        "picture, quality, form|one picture exact|wrong|burst exact|wrong|ms a picture|ms a burst"
    )
    lines = [f"| {' | '.join(heads.split('|'))} | bursts |", "|---" * 8 + "|"]
    for row, some in _rows(outcomes).items():
        values = [
            f"{value:.0f}" if unit == "ms" else f"{value:.2f}"
            for value, unit in _columns(some).values()
        ]
        lines.append(f"| {row} | {' | '.join(values)} | {len(some)} |")
    for quality in dict.fromkeys(one.case.quality for one in outcomes):
        some = [one for one in outcomes if one.case.quality == quality]
        wrong = sum(one.together == "wrong" for one in some)
        exact = _share([one.together for one in some], "exact")
        lines.append(
            f"| all {quality} | | | {exact:.3f} | {wrong} of {len(some)} | | | {len(some)} |"
        )
    waits = sorted(one.waited_ms for one in outcomes)
    lines.append(
        f"\nFrom the last picture's arrival to the reading: median {median(waits) / 1000:.1f} s,"
        f" p95 {waits[int(0.95 * len(waits))] / 1000:.1f} s, with both processors reading."
    )
    return "\n".join(lines)


def _write(outcomes: Sequence[Outcome]) -> None:
    text = DOCUMENT.read_text()
    made = f"{BEGIN}\n{figures(outcomes)}\n{END}"
    new = re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: made, text, flags=re.DOTALL)
    DOCUMENT.write_text(new)
