"""Whole sessions over bad links, in real browsers: what the two people saw, heard and waited for.

One learner sits on board a ship (a network namespace behind an emulated link), the invigilator is
ashore. On each link: booking and check-in, then, with nothing cached, the way into the room; the
pictures of document and face; the open assessment, watched and listened to for a while; half an
hour by the service's clock; an incident; the end and the signature. Beside it, on link d, one
session in which the link is lost for ten minutes, then for 10, 30 and 60 seconds.

Then the same on each link with stock parts: aiortc as it comes and a browser's defaults, the same
people, ship and figures, a shorter window, and nothing of a session but picture and sound.

`./dev bench link [--quick] [--links lan,b,c,d,e,vsat_bursts,leo_handovers] [--seconds 60]
[--systems ours,stock] [--outages 600,10,30,60] [--write]`; `--write` puts the tables into
docs/links.md, and leaves there the rows of what was not measured. Needs root, as network namespaces
do. Other work on the machine makes the figures worse: they are real time.

Time is counted from outside the pages. Sound lost is what the invigilator's browser had to make up
of the learner's (`concealedSamples`, W3C webrtc-stats); the age of the picture is the time between
two that were shown, within the watched window; the round trip is that of small datagrams, with and
without picture and sound on the link.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import re
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import Measure
from tests.bench.linkbench.figures import OURS, STOCK, Figures, Outage
from tests.bench.linkbench.outages import Loss, lose_again_and_again
from tests.bench.linkbench.report import (
    aligned,
    markdown,
    measures,
    merged,
    outages_table,
    sessions_table,
    troubles,
)
from tests.bench.linkbench.session import attend
from tests.bench.linkbench.stage import Theatre
from tests.bench.linkbench.stock import attend_stock
from tests.harness.ship import possible

DOCUMENT = Path("docs/links.md")
LINKS = "lan,b,c,d,e,vsat_bursts,leo_handovers"
OUTAGES = "600,10,30,60"
"""Seconds. The longest first: it takes little of the machine while the links are measured."""
FILL_S = {600.0: 60.0, 10.0: 60.0, 30.0: 120.0, 60.0: 240.0}
"""How long a gap may take to be filled at sea before the ship comes into harbour."""
STOCK_S = 50.0
"""Stock parts are watched no longer: they have lost a satellite after some 30 seconds."""
QUICK = {"links": "d", "outages": "30", "seconds": 20.0}


def run(arguments: list[str]) -> list[Measure]:
    """Measure; see the module."""
    chosen = _options(arguments)
    if reason := possible():
        raise SystemExit(f"The links cannot be measured here: {reason}.")
    began = time.monotonic()
    sessions, outages = asyncio.run(
        _all(
            [one for one in chosen.links.split(",") if one],
            [float(one) for one in chosen.outages.split(",") if one],
            chosen.systems.split(","),
            chosen.seconds,
        )
    )
    took = time.monotonic() - began
    for table in (sessions_table(sessions), outages_table(outages)):
        if len(table) > 1:
            print(aligned(table), end="\n\n")
    print(*troubles(sessions, outages), f"It took {took / 60:.0f} min.\n", sep="\n")
    if chosen.write:
        _write("sessions", markdown(sessions_table(sessions)))
        _write("outages", markdown(outages_table(outages)))
    return measures(sessions, outages)


def _options(arguments: list[str]) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="./dev bench link")
    options.add_argument("--quick", action="store_true", help="link d, and 30 s without it")
    options.add_argument("--links", default=LINKS)
    options.add_argument("--systems", default=f"{OURS},{STOCK}")
    options.add_argument("--outages", default=OUTAGES, help="seconds of each; empty for none")
    options.add_argument("--seconds", type=float, default=60.0, help="each link is watched so long")
    options.add_argument("--write", action="store_true", help=f"put the tables into {DOCUMENT}")
    chosen = options.parse_args(arguments)
    if chosen.quick:
        vars(chosen).update(QUICK)
    return chosen


async def _all(
    links: list[str], outages: list[float], systems: list[str], seconds: float
) -> tuple[list[Figures], list[Outage]]:
    with tempfile.TemporaryDirectory(prefix="bench-link-") as folder:
        theatre = await asyncio.to_thread(Theatre, Path(folder))
        await theatre.prepare()
        async with asyncio.TaskGroup() as both:
            lost = both.create_task(_outages(theatre, outages))
            held = both.create_task(_sessions(theatre, links, systems, seconds))
    return held.result(), lost.result()


async def _sessions(
    theatre: Theatre, links: list[str], systems: list[str], seconds: float
) -> list[Figures]:
    rows = []
    for link, system in itertools.product(links, systems):
        began = time.monotonic()
        if system == STOCK:
            row = await attend_stock(theatre.folder(), theatre.films, link, STOCK_S)
        else:
            async with theatre.stage() as stage:
                row = await attend(stage, link, seconds)
        rows.append(row)
        _news(f"{link}, {system}: {row.outcome} {row.trouble}", began)
    return rows


async def _outages(theatre: Theatre, outages: list[float]) -> list[Outage]:
    if not outages:
        return []
    began = time.monotonic()
    losses = [Loss(seconds, FILL_S.get(seconds, 4 * seconds)) for seconds in outages]
    async with theatre.stage() as stage:
        rows = await lose_again_and_again(stage, losses)
    _news("outages", began)
    return rows


def _news(what: str, began: float) -> None:
    print(f"{what} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)


def _write(name: str, table: str) -> None:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = DOCUMENT.read_text()
    before = text.split(begin)[1].split(end)[0].strip()
    made = f"{begin}\n{merged(before, table)}\n{end}"
    pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
    DOCUMENT.write_text(re.sub(pattern, lambda _: made, text, flags=re.DOTALL))
