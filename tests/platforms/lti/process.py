"""The platform's process, as tests start it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from pathlib import Path
from typing import Any

import aiohttp

from tests.harness.process import Process, free_port
from tests.harness.service import ROOT
from tests.harness.waiting import until

PYTHON = ROOT / ".venv-platforms" / "bin" / "python"
PROGRAM = Path(__file__).parent / "lti_platform.py"
STARTS_S = 30.0


class LtiPlatform:
    """A platform that refuses these actions, at the time that a file says."""

    def __init__(self, folder: Path, tool: str, shift: Path, refuses: tuple[str, ...]) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        environment = {
            "PLATFORM_PORT": str(self.port),
            "PLATFORM_TOOL": tool,
            "PLATFORM_CLOCK_SHIFT_FILE": str(shift),
            "PLATFORM_REFUSES": ",".join(refuses),
        }
        log = folder / "platform.log"
        self.process = Process([str(PYTHON), str(PROGRAM)], log, environment=environment)

    async def start(self) -> None:
        self.process.start()

        async def ready() -> bool:
            return await asyncio.to_thread(self._answers) or self.process.must_live()

        await until(ready, STARTS_S, "the platform")

    def _answers(self) -> bool:
        with contextlib.closing(http.client.HTTPConnection("localhost", self.port)) as line:
            try:
                line.request("GET", "/readyz")
                return line.getresponse().status == http.HTTPStatus.OK
            except OSError:
                return False

    async def told(self) -> dict[str, list[Any]]:
        async with aiohttp.ClientSession() as client, client.get(f"{self.url}/told.json") as answer:
            return dict(await answer.json())

    async def controls(self, action: str, kind: str = "controls") -> list[dict[str, Any]]:
        return [one for one in (await self.told())[kind] if one["action"] == action]
