"""Two peer connections of one page: the one before goes on while a newer one comes up."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.harness.service import ROOT

DRIVER = Path(__file__).with_name("media_link.mjs")
ENDS_S = 30.0
UP = [["revive"], ["answer"], ["state", 0, "connected"]]
LOST = [["state", 0, "disconnected"], ["lost"], ["state", 0, "failed"], ["revive"]]


def last(*steps: list[list[Any]]) -> tuple[list[str], str]:
    """Go through the steps; return the peer connections' states, and what the page was told."""
    every = json.dumps([step for some in steps for step in some])
    command = ["node", str(DRIVER), str(ROOT / "web" / "ui"), every]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ENDS_S, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return found["peers"][:1] + found["peers"][-1:], found["told"]


def test_the_connection_before_is_not_closed_for_one_that_is_not_up() -> None:
    (before, newer), told = last(UP, LOST, [["answer"]])

    assert (before, newer) == ("failed", "new")
    assert told == "lost"


def test_the_newer_one_takes_over_when_it_is_up_first() -> None:
    (before, newer), told = last(UP, LOST, [["answer"], ["state", -1, "connected"]])

    assert (before, newer) == ("closed", "connected")
    assert told == "connected"


def test_the_one_before_is_kept_when_it_heals_first() -> None:
    heals = [["answer"], ["state", 0, "disconnected"], ["state", 0, "connected"]]

    (before, newer), told = last(UP, LOST, heals)

    assert (before, newer) == ("connected", "closed")
    assert told == "connected"
