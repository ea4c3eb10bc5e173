"""What becomes of live sessions when something breaks, against what is promised.

Two people sit in a session in real browsers, the service and all it stands on are real: its
process is killed and told to end, its database restarted, slowed and stopped, Redis, the mail
server and the backend taken away, the disk filled, the clock moved, a browser killed, a second
window opened. Each fault is one line of docs/reliability.md: the promise, and what was measured.

`./dev bench faults [--quick] [--only NAME,NAME] [--kills 30] [--write]`; `--write` puts the table
into docs/reliability.md. Needs root, since a small disk has to be mounted. It takes about a quarter
of an hour (`--quick`: three minutes or so). Other work on the machine makes the figures worse.

Confirmed is what the server has acknowledged to a page. A person is back when their page shows a
new picture of the other and plays their sound. Times are counted from outside the pages.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from playwright.async_api import Error

from tests.bench import Measure
from tests.bench.faultsbench import attacks, disk, pages, process, servers
from tests.bench.faultsbench.figures import Fault, Row, markdown, measures, plain
from tests.bench.faultsbench.stage import House, Stage
from tests.harness.servers import postgres_server, redis_server

DOCUMENT = Path("docs/reliability.md")
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
KILLS, QUICK_KILLS = 30, 3
TIMES, QUICK_TIMES = 5, 1


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault, by its name; `alone` is one that needs nobody in a session."""

    name: str
    fault: str
    promise: str
    act: Fault
    alone: bool = False


def main_trials(kills: int, times: int) -> list[Trial]:
    """Return what is done to a service with SQLite, the last of which ends the session."""
    return [
        Trial(
            "mail",
            "Mail server away",
            "bookings go on; each letter comes once when it is back",
            servers.mail_away,
            alone=True,
        ),
        Trial(
            "kill",
            "Service killed",
            "no confirmed event lost; both back within 5 s of its start; at most one chunk of "
            "recording lost",
            partial(process.kill, times=kills),
        ),
        Trial(
            "drain",
            "Deploy",
            "everybody is told and comes back without a click; nothing lost; recordings complete",
            partial(process.drain, times=times),
        ),
        Trial("clock", "Clock jumps", "nobody dropped, no order changed", pages.clock),
        Trial(
            "tabs",
            "Two tabs",
            "one live seat: the newer tab has it, the older says so",
            pages.two_tabs,
        ),
        Trial(
            "vanish",
            "Browser vanishes",
            "the invigilator is told; another browser leads straight back",
            pages.vanish,
        ),
        Trial(
            "backend",
            "Backend away for a day",
            "each report and message takes effect once",
            servers.backend_away,
        ),
    ]


def postgres_trials(times: int) -> list[Trial]:
    """Return what is done to a service with PostgreSQL and Redis."""
    return [
        Trial(
            "database",
            "Database restarted",
            "nothing confirmed is lost; stall under 5 s",
            partial(servers.database_restart, times=max(2, times)),
        ),
        Trial(
            "slow",
            "Slow database",
            "nobody dropped, nothing lost; answers late, and within 5 s",
            servers.database_slow,
        ),
        Trial(
            "redis",
            "Redis lost",
            "nobody dropped; states equal again within 2 s of its return",
            servers.redis_away,
        ),
    ]


def disk_trials() -> list[Trial]:
    """Return what is done to a service whose disk is small."""
    return [
        Trial(
            "disk",
            "Disk full",
            "events commit; recording stops first and says so, and begins again by itself",
            disk.full,
        )
    ]


def edge_trials(*, quick: bool) -> list[Trial]:
    """Return what needs no session."""
    return [
        Trial(
            "bookings",
            "Many bookings at once",
            "no double booking",
            partial(attacks.bookings, offices=2 if quick else 9),
            alone=True,
        ),
    ]


def run(arguments: list[str]) -> list[Measure]:
    """Measure; see the module."""
    chosen = _options(arguments)
    began = time.monotonic()
    rows = asyncio.run(_all(chosen))
    print(plain(rows), f"\nIt took {(time.monotonic() - began) / 60:.0f} min.\n", sep="\n")
    if chosen.write:
        _write(markdown(rows))
    return measures(rows)


def _options(arguments: list[str]) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="./dev bench faults")
    options.add_argument("--quick", action="store_true", help="few repetitions")
    options.add_argument("--only", default="", help="names of faults, with commas between")
    options.add_argument("--kills", type=int, default=0)
    options.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT}")
    return options.parse_args(arguments)


async def _all(chosen: argparse.Namespace) -> list[Row]:
    kills = chosen.kills or (QUICK_KILLS if chosen.quick else KILLS)
    times = QUICK_TIMES if chosen.quick else TIMES
    only = {name for name in chosen.only.split(",") if name}

    def wanted(trials: list[Trial]) -> list[Trial]:
        return [one for one in trials if not only or one.name in only]

    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-faults-") as folder:
        house = await asyncio.to_thread(House, Path(folder))
        await house.prepare()
        if trials := wanted(main_trials(kills, times)):
            rows += await _on(house.land(), trials)
        if trials := wanted(postgres_trials(times)):
            with postgres_server() as postgres, redis_server() as redis:
                rows += await _on(house.on_postgres(postgres, redis), trials)
        if trials := wanted(disk_trials()):
            small = house.land(disk_mb=disk.DISK_MB, **disk.SETTINGS)
            rows += await _on(small, trials)
        for trial in wanted(edge_trials(quick=chosen.quick)):
            rows.append(await _try(trial, None))
    return rows


async def _on(where: AbstractAsyncContextManager[Stage], trials: Sequence[Trial]) -> list[Row]:
    """Do one fault after another on one stage."""
    rows: list[Row] = []
    try:
        async with where as stage:
            await _each(stage, trials, rows)
    except (AssertionError, TimeoutError, Error) as fault:
        print(str(fault)[-3000:], file=sys.stderr, flush=True)
        left = trials[len(rows) :]
        rows += [Row(one.fault, one.promise, trouble=_line(fault)) for one in left]
    return rows


async def _each(stage: Stage, trials: Sequence[Trial], rows: list[Row]) -> None:
    for trial in trials:
        if not trial.alone and stage.pair is None:
            try:
                await stage.meet()
            except (AssertionError, TimeoutError, Error):
                _show(stage)
                raise
        rows.append(await _try(trial, stage))
        if rows[-1].trouble:
            _show(stage)


async def _try(trial: Trial, stage: Stage | None) -> Row:
    began, row = time.monotonic(), Row(trial.fault, trial.promise)
    try:
        await trial.act(stage, row)
    except (AssertionError, TimeoutError, Error) as fault:
        row.trouble = _line(fault)
        print(str(fault)[-1500:], file=sys.stderr, flush=True)
    took = time.monotonic() - began
    print(
        f"{trial.name}: {'kept' if row.kept else 'BROKEN'} ({took:.0f} s) {row.trouble}",
        file=sys.stderr,
        flush=True,
    )
    return row


def _show(stage: Stage) -> None:
    """Tell whoever looks into it what the service said last."""
    lines = stage.world.service.process.tail(400).splitlines()
    told = [line for line in lines if "apscheduler" not in line][-40:]
    print(*told, sep="\n", file=sys.stderr, flush=True)


def _line(fault: BaseException) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:200]


def _write(table: str) -> None:
    made = f"{BEGIN}\n{table}\n{END}"
    pattern = f"{re.escape(BEGIN)}.*?{re.escape(END)}"
    DOCUMENT.write_text(re.sub(pattern, lambda _: made, DOCUMENT.read_text(), flags=re.DOTALL))
