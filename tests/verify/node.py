"""Runs the browser's verifier in node."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
UI = HERE.parents[1] / "web" / "ui"


class Refused(Exception):
    """The verifier could not begin: its words."""


@dataclass(slots=True)
class Node:
    """One node process with the verifier loaded."""

    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            ["node", "--no-warnings", str(HERE / "driver.mjs"), str(UI)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, name: str, **given: Any) -> Any:
        """Call one of the driver's functions; bytes go as base64."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        sent = {
            key: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for key, value in given.items()
        }
        self.process.stdin.write(json.dumps({"call": name, **sent}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["value"]

    def close(self) -> None:
        """End the process."""
        self.process.communicate()
