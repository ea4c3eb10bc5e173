"""An edX platform in a journey: a process with edx-proctoring itself, in its own environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from tests.harness.process import Process, free_port
from tests.harness.service import ROOT, Program
from tests.journeys.world import World

PYTHON = ROOT / ".venv-platforms" / "bin" / "python"
FOLDER = ROOT / "tests" / "platforms" / "edx"
COURSE = "course-v1:Sea+SSO+2026"
CONTENT = "block-v1:Sea+SSO+2026+type@sequential+block@final"
CLIENT, SECRET = "invigilation", "the-secret-that-the-platform-made"


class Campus(Program):
    """The platform; `join` makes it a backend of the service."""

    def __init__(self, folder: Path, world: World) -> None:
        self.world = world
        data = folder / "platform"
        data.mkdir()
        self.provider = data / "provider"
        port = free_port()
        environment = {
            "PLATFORM_PORT": str(port),
            "PLATFORM_DATA": str(data),
            "PLATFORM_PROVIDER": str(self.provider),
            "PLATFORM_CLOCK_SHIFT_FILE": str(world.time.file),
        }
        super().__init__(
            "edx_platform", log=folder / "platform.log", port=port, environment=environment
        )
        # It runs in an environment of its own.
        self.process = Process(
            [str(PYTHON), "edx_platform.py"],
            folder / "platform.log",
            environment=self.process.environment,
            directory=FOLDER,
        )

    @property
    def page(self) -> str:
        """Where the exam is sat."""
        return f"{self.url}/courses/{COURSE}/jump_to/{CONTENT}"

    def join(self) -> None:
        """Add the platform to the office, and tell it how it reaches us."""
        done = self.world.run(
            "web.cli",
            *("edx", "add", "campus", "Campus"),
            *("--lms", self.url, "--lms-client-id", CLIENT, "--secret-stdin"),
            said=f"{SECRET}\n",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines()[:3])
        told = (said["base_url"], said["client_id"], said["client_secret"])
        self.provider.write_text("\n".join(told), encoding="utf-8")

    async def do(self, what: str, **said: str) -> dict[str, Any]:
        """Do something there; return how its attempt stands, or what was asked for."""
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{self.url}/do/{what}", json=said) as answer,
        ):
            assert answer.status == 200, f"{await answer.text()}\n{self.log}"
            return dict(await answer.json())
