"""Runs the jobs by APScheduler, in memory: on every node the same table, claims in the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from scheduler.jobs import Job
from scheduler.leaps import Leaps, mind

log = structlog.get_logger(__name__)
STOP_SECONDS = 5.0


@asynccontextmanager
async def running(
    jobs: Sequence[Job], watch: Callable[[str, float, bool], None]
) -> AsyncIterator[None]:
    """Run the jobs while the block lasts; each runs at once, and never twice at the same time.

    `watch` hears of every run: the job's name, its seconds, and whether it succeeded. A run that
    was late is made up for by one run, not by many; a clock that is set back holds up none.
    """
    scheduler = AsyncIOScheduler(
        timezone=UTC,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    runs: set[asyncio.Task[None]] = set()
    under_way: set[asyncio.Task[None]] = set()

    async def run(job: Job) -> None:
        # The work is a task of ours: the library would log its cancelling as a failure.
        work = asyncio.create_task(_once(job, watch))
        _keep(work, runs)
        _keep(asyncio.current_task(), under_way)
        await asyncio.wait({work})

    for job in jobs:
        scheduler.add_job(
            run,
            "interval",
            [job],
            seconds=job.period.total_seconds(),
            id=job.name,
            next_run_time=datetime.now(UTC),
        )
    scheduler.start()
    minding = asyncio.create_task(mind(Leaps(), lambda: _all_now(scheduler)))
    try:
        yield
    finally:
        minding.cancel()
        scheduler.pause()
        for work in runs:
            work.cancel()
        await asyncio.wait({minding, *under_way}, timeout=STOP_SECONDS)
        scheduler.shutdown(wait=False)


def _all_now(scheduler: AsyncIOScheduler) -> None:
    for job in scheduler.get_jobs():
        job.modify(next_run_time=datetime.now(UTC))


def _keep(task: asyncio.Task[None] | None, among: set[asyncio.Task[None]]) -> None:
    if task is not None:
        among.add(task)
        task.add_done_callback(among.discard)


async def _once(job: Job, watch: Callable[[str, float, bool], None]) -> None:
    began = time.monotonic()
    good = False
    try:
        async with asyncio.timeout(job.timeout.total_seconds()):
            await job.sweep()
        good = True
    except Exception:
        # The next run tries again; a sweep that fails must not end the clock.
        log.exception("sweep failed", job=job.name)
    finally:
        watch(job.name, time.monotonic() - began, good)
