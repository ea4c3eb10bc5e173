"""One node with what the page keeps and brings, asked call by call."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
UI = HERE.parents[1] / "web" / "ui"
MODULES = (
    "lib/at-rest",
    "link/chain",
    "link/shelf",
    "link/sealed",
    "link/bring",
    "link/kept-words",
)


def bundle(modules: Iterable[str], target: Path) -> None:
    """Bundle modules of the page into one."""
    how = ["--loader=ts", "--bundle", "--format=esm", "--log-level=error", "--target=es2022"]
    subprocess.run(
        [str(UI / "node_modules/.bin/esbuild"), *how, f"--outfile={target}"],
        input="".join(f'export * from "./{name}";' for name in modules).encode(),
        cwd=UI,
        check=True,
    )


class Node:
    """One node process with the modules loaded."""

    def __init__(self, modules: Path) -> None:
        driver = str(HERE / "driver.mjs")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            ["node", driver, str(modules)], stdin=pipe, stdout=pipe, text=True
        )
        self._numbers = itertools.count()

    async def send(self, message: dict[str, Any]) -> Any:
        """Send one call and return what came back."""
        answer = json.loads(await asyncio.to_thread(self._ask, json.dumps(message)))
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    async def call(self, name: str, *arguments: Any) -> Any:
        """Call a function."""
        return await self.send({"name": name, "arguments": arguments})

    async def make(self, name: str, *arguments: Any) -> Made:
        """Make an object of a class; an object that was made before may be an argument."""
        number = next(self._numbers)
        values = [{"object": one.number} if isinstance(one, Made) else one for one in arguments]
        await self.send({"name": name, "made": number, "arguments": values})
        return Made(self, number)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


class Made:
    """An object that lives in node."""

    def __init__(self, node: Node, number: int) -> None:
        self._node = node
        self.number = number

    async def call(self, name: str, *arguments: Any) -> Any:
        """Call its method, or read its property, of this name."""
        return await self._node.send({"name": name, "of": self.number, "arguments": arguments})
