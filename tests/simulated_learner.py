"""A simulated learner, for somebody who tries the service alone: `python -m ... [LINK]`.

It comes in by the personal link, checks in, holds up a specimen card, answers messages, sits the
assessment and leaves when the session is over. One line of its log is one step.

The personal link opens the learner's session, and everybody on the machine can read a program's
arguments: so it may come by the environment (`SIMULATED_LEARNER_LINK`) or, for `-`, as the first
line of standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from datetime import UTC, datetime

from tests.simulated.learner import Learner
from tests.simulated.pages import Trouble

WORK_S = 60.0
LINK_VARIABLE = "SIMULATED_LEARNER_LINK"


def _say(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)


async def _attend(learner: Learner) -> None:
    """Attend until the end, or until this program is told to stop."""
    attending = asyncio.current_task()
    assert attending is not None
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, attending.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await learner.attend()


def link_of(argument: str) -> str:
    """Return the personal link from wherever it was handed over; empty when it was nowhere.

    It is taken out of the environment, so that the browser of this learner does not inherit it.
    """
    inherited = os.environ.pop(LINK_VARIABLE, "")
    if argument == "-":
        return sys.stdin.readline().strip()
    return argument or inherited


def main(arguments: list[str]) -> int:
    """Run one learner; return the exit code: 0 after a session, 1 when there was none."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulated_learner", description=__doc__)
    parser.add_argument(
        "link",
        nargs="?",
        default="",
        help="the personal link, http://localhost:PORT/r/TOKEN; - to read it from standard input; "
        f"by default it is in {LINK_VARIABLE}",
    )
    parser.add_argument(
        "--work", type=float, default=WORK_S, metavar="SECONDS", help="time for the assessment"
    )
    given = parser.parse_args(arguments)
    link = link_of(given.link)
    if not link:
        parser.error("no personal link was given")
    logging.basicConfig(level=logging.ERROR)
    try:
        asyncio.run(_attend(Learner(link, work_s=given.work, say=_say)))
    except Trouble as sentence:
        _say(str(sentence))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
