"""Two hundred deliveries through everything that can happen: each has one effect, none is lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from invigilation.report import Channel
from invigilation.store import Store
from invigilation.store.people import Backend
from tests import builders
from tests.harness.process import free_port
from tests.harness.service import ROOT
from tests.harness.waiting import until, wait_until
from tests.web.delivery_programs import SECRET, prepare
from web.clock import ShiftedClock

TARGETS = ("acme", "bolt", "core", "dock")
ALL = 200
CLAIMED_S, HOUR = 61, 3_600
PATIENCE_S = 120
STILL, LONG_S = 25, 600


class Stage:
    """A database, a backend and workers that are started and killed, and the time of all."""

    def __init__(self, folder: Path, url: str, mother: subprocess.Popen[str]) -> None:
        self.url, self._mother = url, mother
        self.store = Store(url)
        self.shift = folder / "shift"
        self.effects = folder / "effects.sqlite3"
        self.port = free_port()
        self.clock = ShiftedClock(self.shift)
        self.kills = 0
        self._seconds = 0.0
        self._lives = 0
        self.forward(0)
        prepare(self.effects)
        self.desk = builders.office(self.store, self.clock)  # type: ignore[arg-type]
        self.backend = 0
        self.workers: list[int] = []

    def forward(self, seconds: float) -> None:
        """Move the clock; a negative step is a clock that was set back."""
        self._seconds += seconds
        other = self.shift.with_suffix(".new")
        other.write_text(str(self._seconds))
        other.replace(self.shift)

    def _start(self, **program: Any) -> int:
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.write(json.dumps(program | {"shift": str(self.shift)}) + "\n")
        self._mother.stdin.flush()
        return int(self._mother.stdout.readline())

    def start_backend(self) -> None:
        self._lives += 1
        more = {"database": str(self.effects), "port": self.port, "seed": self._lives}
        self.backend = self._start(program="serve", **more)

    def start_worker(self) -> None:
        self.workers.append(self._start(program="work", url=self.url))

    def kill(self, pid: int) -> None:
        """Kill one of the programs at once, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
        wait_until(lambda: not alive(pid), PATIENCE_S, "the end of a program")

    def tend(self) -> None:
        """Start the backend again if it died by itself."""
        if not alive(self.backend):
            self.start_backend()

    async def put(self, count: int) -> None:
        async with self.store.write() as tx:
            for number in range(count):
                target = TARGETS[number % len(TARGETS)]
                facts = {"number": number}
                one = self.desk.office.told(Channel.WEBHOOK, target, "session.step", facts)
                await tx.outbox.add(one)

    async def count(self, where: str, what: str) -> int:
        async with self.store.read() as tx:
            rows = await tx.outbox._db.execute(text(f"SELECT {what} {where}"))
            return int(rows.scalar_one() or 0)

    async def delivered(self) -> int:
        return await self.count("FROM delivery WHERE state = 'delivered'", "count(*)")

    async def failures(self) -> int:
        return await self.count("FROM endpoint", "sum(failures)")

    async def reaches(self, count: int, step: float) -> None:
        """Let time pass in steps until so many have arrived; in long ones when nothing moves."""
        seen, still = -1, 0

        async def there() -> bool:
            nonlocal seen, still
            self.tend()
            found = await self.delivered()
            still = still + 1 if found == seen else 0
            seen = found
            self.forward(step if still < STILL else LONG_S)
            return found >= count

        await until(there, PATIENCE_S, f"{count} deliveries")

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.effects, timeout=10)) as db:
            return db.execute(query).fetchall()


def alive(pid: int) -> bool:
    """Say whether a program runs; one that was killed is gone at once, nobody waits for it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def mother(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """The program that forks the others."""
    log = tmp_path_factory.mktemp("programs") / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.web.delivery_programs"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as started,
    ):
        yield started
        assert started.stdin is not None
        started.stdin.close()
        started.wait(10)


@pytest.fixture
async def stage(
    migrated_url: str, tmp_path: Path, mother: subprocess.Popen[str]
) -> AsyncIterator[Stage]:
    """Everything but the programs themselves."""
    stage = Stage(tmp_path, migrated_url, mother)
    hook = f"http://127.0.0.1:{stage.port}/hook"
    async with stage.store.write() as tx:
        for target in TARGETS:
            await tx.people.add_backend(Backend(target, target.title(), hook, SECRET))
    yield stage
    for pid in (*stage.workers, stage.backend):
        if pid:
            stage.kill(pid)
    await stage.store.close()


async def test_200_of_200_arrive_with_one_effect_each(stage: Stage) -> None:
    stage.start_backend()
    stage.start_worker()
    stage.start_worker()

    await kills(stage)
    await outage(stage)
    await jumps(stage)
    await stage.reaches(ALL, HOUR)

    effects = dict(stage.asked("SELECT id, body FROM effect"))
    heard = stage.asked("SELECT id, body, what FROM heard")
    async with stage.store.read() as tx:
        rows = await tx.outbox._db.execute(text("SELECT id, body FROM delivery"))
        put = {row[0]: bytes(row[1]) for row in rows}
    assert len(put) == ALL
    assert effects == put
    assert stage.asked("SELECT number FROM ledger") == [(ALL,)]
    assert all(body == put[ident] for ident, body, _ in heard)
    assert len(heard) > ALL  # some came twice, or this would show nothing
    assert {what for _, _, what in heard} >= {"lost", "answered"}
    assert stage.kills >= 10


async def kills(stage: Stage) -> None:
    """A hundred, while workers and the backend are killed in turns in the middle of their work."""
    await stage.put(100)
    for turn in range(10):
        await stage.reaches(8 * (turn + 1), 2)
        if turn % 2:
            stage.kill(stage.backend)
            stage.start_backend()
        else:
            stage.kill(stage.workers.pop(0))
            stage.start_worker()
    await stage.reaches(100, CLAIMED_S)


async def outage(stage: Stage) -> None:
    """Sixty, while the backend is away for a day; then it comes back."""
    stage.kill(stage.backend)
    await stage.put(60)
    for _ in range(24):
        before = await stage.failures()
        stage.forward(HOUR * 1.3)

        async def tried(before: int = before) -> bool:
            return await stage.failures() > before

        await until(tried, PATIENCE_S, "an attempt")
    assert await stage.delivered() == 100
    stage.start_backend()
    await stage.reaches(160, HOUR)


async def jumps(stage: Stage) -> None:
    """Forty, while the clock is set back and forth."""
    await stage.put(40)
    for turn, step in enumerate((-HOUR, 2 * HOUR, -3 * HOUR, HOUR / 2, 25 * HOUR, -HOUR)):
        stage.forward(step)
        await stage.reaches(160 + 4 * turn, 5 * 60)
