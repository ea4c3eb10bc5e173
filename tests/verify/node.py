"""Runs the browser's verifier in node."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
UI = HERE.parents[1] / "web" / "ui"


class Refused(Exception):
    """The verifier could not begin: its words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the browser's verifier found: marks and sentences by the numbers of the steps."""

    marks: dict[int, str]
    sentences: dict[int, str]
    ok: bool
    bare: bool
    facts: dict[str, str]
    texts: set[str]
    pieces: dict[str, str]
    lacks: dict[str, str]
    report: bool
    happened: list[str]

    @property
    def first(self) -> tuple[int, str] | None:
        """The first step that is not in order, and how it is."""
        return next((item for item in self.marks.items() if item[1] != "ok"), None)


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

    def verify(self, file: bytes, keys: bytes, now: datetime) -> Verdict:
        """Check a file by a file of keys."""
        milliseconds = round(now.timestamp() * 1000)
        found = self.call("verify", file=file, keys=keys, now=milliseconds)
        steps = found["steps"]
        return Verdict(
            {step["number"]: step["mark"] for step in steps},
            {step["number"]: f"{step['title']}: {step['clause']}." for step in steps},
            found["ok"],
            found["bare"],
            {fact["name"]: fact["words"] for fact in found["facts"]},
            set(found["texts"]),
            found["pieces"],
            found["lacks"],
            found["report"],
            found["happened"],
        )

    def close(self) -> None:
        """End the process."""
        self.process.communicate()
