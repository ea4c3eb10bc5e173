"""The service and the practice backend as processes, which may be killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from tests.harness.nursery import Nursling
from tests.harness.process import Process, free_port
from tests.harness.servers import Mailbox
from tests.harness.waiting import until

ROOT = Path(__file__).parents[2]
START_S = 30.0
"""How long a program of ours may take until it is ready."""
ANSWER_S = 2.0


def _ready(port: int) -> bool:
    """Whether `/readyz` is answered with 200."""
    with contextlib.closing(
        http.client.HTTPConnection("localhost", port, timeout=ANSWER_S)
    ) as line:
        try:
            line.request("GET", "/readyz")
            return line.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


class Program:
    """One of our own programs, serving HTTP on one port for all of its lives.

    `environment` is added to the test process's own, less the settings that are in there.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        log: Path,
        port: int,
        environment: Mapping[str, str],
    ) -> None:
        self.port = port
        self.public = ""
        """Where people reach it, when that is not its address on this machine."""
        ours = ("INVIGILATION_", "PRACTICE_")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        own = {**inherited, "PYTHONUNBUFFERED": "1", **environment}
        self.process: Process = Nursling(module, arguments, log, environment=own)

    def set(self, **environment: str) -> None:
        """Set further variables for its next start."""
        self.process.environment = {**(self.process.environment or {}), **environment}

    @property
    def local(self) -> str:
        """Its address on this machine, without a slash at the end."""
        return f"http://localhost:{self.port}"

    @property
    def url(self) -> str:
        """Its address as people have it, without a slash at the end."""
        return self.public or self.local

    @property
    def log(self) -> str:
        """All that it has printed, over all of its lives."""
        return self.process.tail(100_000)

    async def start(self) -> None:
        """Start it, the first time or again, and wait until it is ready."""
        self.process.start()

        async def ready() -> bool:
            return await asyncio.to_thread(_ready, self.port) or self.process.must_live()

        await until(ready, START_S, f"{self.url}/readyz")

    def kill(self) -> None:
        """End it with SIGKILL: nothing of it gets to tidy up."""
        self.process.kill()

    def stop(self) -> None:
        """End it with SIGTERM; it must leave with exit code 0."""
        if self.process.alive:
            code = self.process.end(signal.SIGTERM)
            assert code == 0, f"ended with {code}:\n{self.process.tail()}"


class Service(Program):
    """The service itself, with a `var` folder of its own; SQLite in it unless told otherwise."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.var = folder / "var"
        self.var.mkdir(parents=True, exist_ok=True)
        port = free_port()
        own = {
            "INVIGILATION_VAR": str(self.var),
            "INVIGILATION_PORT": str(port),
            # A file as large as in earnest, for every test, would be much of a small disk.
            "INVIGILATION_EVIDENCE_RESERVE_MB": "16",
        }
        super().__init__(
            "web",
            "serve",
            log=folder / "service.log",
            port=port,
            environment={**own, **(environment or {})},
        )

    def at(self, port: int) -> None:
        """Let it serve on another port from its next start on."""
        self.port = port
        self.set(INVIGILATION_PORT=str(port))

    def reached_at(self, url: str, address: str) -> None:
        """Let people come by another address, such as a ship's shore; media go there, too."""
        self.public = url
        self.set(INVIGILATION_PUBLIC_URL=url, INVIGILATION_MEDIA_ADDRESSES=f'["{address}"]')

    def set_for_journeys(
        self, mailbox: Mailbox, clock_shift: Path, *, minutes_fly: bool = False
    ) -> None:
        """Let it work fast, at the time that the file says, and send its mails to the mailbox.

        Where `minutes_fly`, signs of life come fast enough for `World.live_through`. A clock that
        jumps over hours is no silence of anybody's: logins rest as late as they may.
        """
        self.set(
            INVIGILATION_CLOCK_SHIFT_FILE=str(clock_shift),
            INVIGILATION_NOTICE_HOURS="0",
            INVIGILATION_IDLE_MINUTES="720",
            INVIGILATION_IDLE_MINUTES_OVERSIGHT="720",
            INVIGILATION_WEBHOOK_PRIVATE_ADDRESSES="true",
            INVIGILATION_DELIVER_SECONDS="0.5",
            INVIGILATION_SWEEP_SECONDS="1" if minutes_fly else "2",
            INVIGILATION_HEARTBEAT_SECONDS="0.1" if minutes_fly else "1",
            INVIGILATION_SMTP_HOST=mailbox.host,
            INVIGILATION_SMTP_PORT=str(mailbox.port),
        )


class Practice(Program):
    """The practice assessment backend of one service, with a folder and secrets of its own."""

    client_secret = "practice-client-secret-of-the-tests"
    webhook_secret = "whsec_cHJhY3RpY2Utd2ViaG9vay1zZWNyZXQtb2YtdGVzdHM="

    def __init__(
        self, folder: Path, service: Service, environment: Mapping[str, str] | None = None
    ) -> None:
        port = free_port()
        self.data = folder / "practice"
        own = {
            "PRACTICE_PORT": str(port),
            "PRACTICE_PUBLIC": f"http://localhost:{port}",
            "PRACTICE_SERVICE": service.local,
            "PRACTICE_DATA": str(self.data),
            "PRACTICE_CLIENT_SECRET": self.client_secret,
            "PRACTICE_WEBHOOK_SECRET": self.webhook_secret,
            "PRACTICE_TESTING": "1",
        }
        super().__init__(
            "web.practice",
            log=folder / "practice.log",
            port=port,
            environment={**own, **(environment or {})},
        )

    def at(self, port: int) -> None:
        """Let it serve on another port from its next start on."""
        self.port = port
        self.set(PRACTICE_PORT=str(port), PRACTICE_PUBLIC=self.local)
