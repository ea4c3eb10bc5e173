"""What a journey takes place in: the seeded service, its practice backend, mail, and the time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from tests.harness.nursery import ran
from tests.harness.servers import Mailbox
from tests.harness.service import Practice, Service
from tests.harness.waiting import until
from web.auth import totp

MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
"""When a journey begins: before the office opens; London is at UTC."""
DATABASE = "invigilation.db"
SOON_S = 45.0
"""How long anything may take that is done in under a second when nothing else runs."""


def run(
    service: Service, module: str, *arguments: str, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one of our command lines in a service's environment; `said` is its standard input."""
    return ran(module, arguments, service.process.environment or os.environ, said)


class Time:
    """The time of service and backend: the machine's, moved by the seconds in a file."""

    def __init__(self, file: Path, begins: datetime = MONDAY) -> None:
        self.file = file
        self.shift = 0.0
        self.go_to(begins)

    def now(self) -> datetime:
        """Return the moved time."""
        return datetime.now(UTC) + timedelta(seconds=self.shift)

    def go_to(self, moment: datetime) -> None:
        """Make it this moment."""
        self.shift += (moment - self.now()).total_seconds()
        other = self.file.with_suffix(".new")
        other.write_text(str(self.shift))
        other.replace(self.file)  # whoever reads finds the old or the new, never half of one

    def forward(self, step: timedelta) -> None:
        """Let this much time pass at once."""
        self.go_to(self.now() + step)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the practice backend has made: where to book, and where the assessment is."""

    booking_url: str
    assessment_url: str


class World:
    """Everything that runs in a journey. `open` starts it; the fixtures end it."""

    def __init__(self, service: Service, practice: Practice, mailbox: Mailbox, time: Time) -> None:
        self.service = service
        self.practice = practice
        self.mailbox = mailbox
        self.time = time
        self.password = ""
        self.app_secret = ""
        self.used: dict[str, int] = {}
        """The last code of each person's app that was used."""

    async def open(self, seeded: Path) -> None:
        """Take a copy of the seeded folder, share its secrets, start both programs."""
        shutil.copytree(seeded, self.service.var, dirs_exist_ok=True)
        self._hook(f"http://127.0.0.1:{self.practice.port}/webhooks")
        demo = json.loads((self.service.var / "demo.json").read_text())
        self.know(demo)
        self.practice.set(
            PRACTICE_CLIENT_SECRET=demo["client_secret"],
            PRACTICE_WEBHOOK_SECRET=demo["webhook_secret"],
        )
        await asyncio.gather(self.service.start(), self.practice.start())

    def know(self, demo: dict[str, str]) -> None:
        """Keep what the demonstration's staff sign in with."""
        self.password, self.app_secret = demo["password"], demo["app_secret"]

    async def code(self, email: str) -> str:
        """Return a code that this person's authenticator app shows, and that was not used yet."""

        async def unused() -> int | None:
            now = totp.step_at(self.time.now())
            last = self.used.get(email, 0)
            return next((step for step in (now, now + totp.DRIFT) if step > last), None)

        step = await until(unused, totp.STEP_SECONDS * 2, "another code of the app")
        self.used[email] = step
        return totp.code_of(self.app_secret, step)

    def _hook(self, url: str) -> None:
        """Let the seeded backend listen where this journey's practice backend does."""
        with contextlib.closing(sqlite3.connect(self.service.var / DATABASE)) as line, line:
            line.execute("UPDATE backend SET webhook_url = ? WHERE webhook_url <> ''", (url,))

    def run(self, module: str, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of our command lines in the service's environment."""
        return run(self.service, module, *arguments, said=said)

    async def fetch(self, url: str) -> Any:
        """Return the JSON at an address."""
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json(content_type=None)

    async def assessment_of(self, booking_url: str) -> str:
        """Return where the assessment is for which one books there."""
        async with aiohttp.ClientSession() as client, client.get(self.practice.url) as answer:
            page = await answer.text()
        after = page.partition(f'href="{booking_url}"')[2]
        found = re.search(r'href="(/assessment/[^"]+)"', after)
        assert found, page
        return self.practice.url + found[1]

    async def post(self, url: str) -> None:
        """Send an empty form."""
        async with aiohttp.ClientSession() as client, client.post(url) as answer:
            assert answer.status == 200, await answer.text()

    async def reports(self) -> list[dict[str, Any]]:
        """Return the reports that the practice backend has verified and kept."""
        return list(await self.fetch(f"{self.practice.url}/reports.json"))

    async def report(self) -> dict[str, Any]:
        """Wait for the first report and return it."""
        found = await until(self.reports, SOON_S, "a report")
        return dict(found[0])

    async def told(self, kind: str, count: int = 1) -> None:
        """Wait until the practice backend has kept so many webhooks of a type."""

        async def kept() -> bool:
            events = await self.fetch(f"{self.practice.url}/events.json")
            return sum(event["type"] == kind for event in events) >= count

        await until(kept, SOON_S, f"{count} webhook(s) {kind}")

    async def beat(self) -> None:
        """Wait until a sign of life that began after this moment has been written."""
        # One run may have read the time before it was moved; the one after it cannot have.
        before = await self._beats()

        async def more() -> bool:
            return await self._beats() >= before + 2

        await until(more, SOON_S, "a sign of life")

    async def _beats(self) -> float:
        return await self.count("invigilation_sweeps_total", job="beat", result="good")

    async def count(self, name: str, **labels: str) -> float:
        """Return one of the service's own figures."""
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"{self.service.local}/metrics") as answer,
        ):
            text = await answer.text()
        wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
        for line in text.splitlines():
            if line.startswith(f"{name}{{{wanted}}} "):
                return float(line.rpartition(" ")[2])
        return 0.0

    async def live_through(self, until_when: datetime) -> None:
        """Let time pass minute by minute, with a sign of life in each."""
        while self.time.now() < until_when:
            left = until_when - self.time.now()
            self.time.forward(min(left, timedelta(seconds=60)))
            await self.beat()

    def invigilator_of(self, learner: str) -> str:
        """Return the e-mail address of whoever watches a learner's first session."""
        found = self.rows(
            "SELECT staff.email FROM booking JOIN staff ON booking.staff = staff.id "
            "JOIN request ON booking.request = request.id "
            "JOIN learner ON request.learner = learner.id "
            "WHERE learner.name = ? ORDER BY booking.start",
            learner,
        )
        return str(found[0][0])

    def all_watched_by(self, email: str) -> None:
        """Let one invigilator have every session, as if colleagues had handed them over."""
        with contextlib.closing(sqlite3.connect(self.service.var / DATABASE)) as line, line:
            line.execute(
                "UPDATE session SET invigilator = (SELECT id FROM staff WHERE email = ?)", (email,)
            )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read from the service's database, as somebody who looks into it from outside."""
        limit = time.monotonic() + SOON_S
        while True:
            with contextlib.closing(
                sqlite3.connect(f"file:{self.service.var / DATABASE}?mode=ro", uri=True)
            ) as line:
                try:
                    return line.execute(query, values).fetchall()
                except sqlite3.OperationalError:
                    if time.monotonic() > limit:
                        raise
