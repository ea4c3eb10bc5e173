"""How fast the live room answers honest people while others send it offers that are none.

Two invigilators' chat lines, ten a second each, are answered with an acknowledgement once they are
in the database. Quiet times and times of attack take turns. In an attack eight learners, each in a
session of their own, send mangled SDP as fast as a connection may send frames at all; their pages
would be cut off beyond that. Who is sent away comes back by the next of many tickets. Service,
honest people and attackers are three processes; sound and picture are real, the evidence room is a
double.

`./dev bench edge [--seconds 10] [--turns 2] [--write]`; `--write` puts the table into
docs/reliability.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import random
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp
import socketio
import structlog

from signalling.edge import FRAMES_A_SECOND
from signalling.live import RtcPeers
from signalling.peer import MediaSettings
from tests import builders
from tests.attack.test_media import mangled, offered
from tests.bench import Measure
from tests.builders import CONSENT, START, FixedClock, Scene
from tests.signalling.bodies import BODIES
from tests.signalling.service import ORIGIN, Service, serving
from tests.signalling.test_media_loopback import Client

DOCUMENT = Path("docs/reliability.md")
ATTACKERS = 8
HONEST = 2
LINES_A_SECOND = 10.0
OFFERS = 200
"""Different ones; they are sent again and again."""
PATIENCE_S = 60
QUIET, ATTACK = "quiet", "1,500 and more mangled offers"


class SteadyClock(FixedClock):
    """Stands in the time of the session, and runs for what is measured by `monotonic`."""

    def monotonic(self) -> float:
        """Return the real monotonic time."""
        return time.monotonic()


@dataclass(slots=True)
class Took:
    """What came of one kind of time: milliseconds until an answer, and offers that were sent."""

    answers: list[float] = field(default_factory=list)
    refused: int = 0
    offers: int = 0
    away: int = 0
    """How often an attacker was sent away, or not let in."""


def run(arguments: list[str]) -> list[Measure]:
    """Measure; see the module."""
    options = argparse.ArgumentParser(prog="./dev bench edge")
    options.add_argument("--seconds", type=float, default=10.0, help="of each time")
    options.add_argument("--turns", type=int, default=2, help="of quiet and attack")
    options.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT}")
    chosen = options.parse_args(arguments)
    # Refusals are what is measured: a terminal full of them would be, too.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="bench-edge-") as folder:
        times = asyncio.run(_measure(Path(folder), chosen.seconds, chosen.turns))
    if chosen.write:
        _write(_markdown(times))
    return _measures(times, chosen.turns)


async def _measure(folder: Path, seconds: float, turns: int) -> dict[str, Took]:
    client = Client()
    good, dice = await offered(client), random.Random(8)
    await client.leave()
    offers = folder / "offers.json"
    offers.write_text(json.dumps([mangled(good, dice) for _ in range(OFFERS)]))
    times = {QUIET: Took(), ATTACK: Took()}
    async with _room(folder) as (service, sessions):
        for _ in range(turns):
            await _time(service, sessions, times[QUIET], seconds, None)
            await _time(service, sessions, times[ATTACK], seconds, offers)
    return times


@contextlib.asynccontextmanager
async def _room(folder: Path) -> AsyncIterator[tuple[Service, list[str]]]:
    """The live room with a session for each honest person and each attacker."""
    clock = SteadyClock()
    async with builders.sqlite_store(folder) as store:
        desk = builders.office(store, clock)
        await builders.add_assessment(desk)
        ann = await builders.add_invigilator(desk, seats=ATTACKERS + HONEST)
        sittings = [await builders.book(desk, number) for number in range(ATTACKERS + HONEST)]
        clock.go_to(START - timedelta(minutes=10))
        for one in sittings:
            await desk.sessions.check_in(one.session, CONSENT)
        scene = Scene(desk, clock, ann, sittings[0])
        peers = RtcPeers(MediaSettings(host_addresses=("127.0.0.1",)))
        async with serving(scene, peers, clock) as service:
            service.sittings = sittings  # type: ignore[attr-defined]
            yield service, [one.session for one in sittings]


async def _time(
    service: Service, sessions: list[str], took: Took, seconds: float, offers: Path | None
) -> None:
    """Let honest people, and perhaps attackers, do what they do for so long."""
    attackers = []
    if offers is not None:
        for one in service.sittings[HONEST:]:  # type: ignore[attr-defined]
            tickets = [await service.learner_ticket(one) for _ in range(int(seconds) + 1)]
            words = (service.url, ",".join(tickets), one.session, seconds, offers)
            attackers.append(await _program("attack", *words))
    honest = [
        await _program("honest", service.url, await service.staff_ticket(), session, seconds)
        for session in sessions[:HONEST]
    ]
    for program in (*attackers, *honest):
        assert program.stdout is not None
        assert program.stdin is not None
        await program.stdout.readline()  # all are in the room before it begins
    for program in (*attackers, *honest):
        program.stdin.write(b"go\n")
    for program in honest:
        said = json.loads((await program.communicate())[0])
        took.answers += said["answers"]
        took.refused += said["refused"]
    for program in attackers:
        sent = json.loads((await program.communicate())[0])
        took.offers += sent["offers"]
        took.away += sent["away"]


async def _program(*words: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.edge", *map(str, words)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def _ready() -> None:
    """Say that all is ready, and wait for the others."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)


# --- the two kinds of people ----------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _page(url: str, ticket: str, session: str) -> AsyncIterator[socketio.AsyncClient]:
    async with aiohttp.ClientSession() as http:
        page = socketio.AsyncClient(reconnection=False, http_session=http)
        await page.connect(
            url,
            headers={"Origin": ORIGIN},
            auth={"ticket": ticket},
            namespaces=["/room"],
            socketio_path="room/socket",
            transports=["websocket"],
            wait_timeout=PATIENCE_S,
        )
        await _say(page, "join", {"session": session})
        yield page
        await page.disconnect()


async def _say(page: socketio.AsyncClient, event: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = await page.call(event, body, namespace="/room", timeout=PATIENCE_S)
    return answer


async def _honest(url: str, ticket: str, session: str, seconds: float) -> dict[str, object]:
    """Write lines, and say how long each took until it was acknowledged."""
    answers, refused = [], 0
    async with _page(url, ticket, session) as page:
        await _ready()
        began = time.monotonic()
        for number in range(int(seconds * LINES_A_SECOND)):
            await asyncio.sleep(max(0.0, began + number / LINES_A_SECOND - time.monotonic()))
            at = time.perf_counter()
            line = {"session": session, "text": f"line {number}", "client_id": f"line-{at:.6f}"}
            answer = await _say(page, "chat", BODIES["chat"] | line)
            answers.append((time.perf_counter() - at) * 1000)
            refused += not answer["ok"]
    return {"answers": answers, "refused": refused}


async def _attack(
    url: str, tickets: list[str], session: str, seconds: float, texts: list[str]
) -> dict[str, object]:
    """Send offers that are none, wait for no answer, and come back a second after being sent away.

    The pace is that of a connection: for the time without one nothing is made up for.
    """
    sent, away, until = 0, 0, 0.0
    for ticket in tickets:
        with contextlib.suppress(socketio.exceptions.SocketIOError):
            async with _page(url, ticket, session) as page:
                await _say(page, "link", BODIES["link"] | {"session": session, "rung": "full"})
                if not until:
                    await _ready()
                    until = time.monotonic() + seconds
                began, here = time.monotonic(), 0
                while page.connected and (now := time.monotonic()) < until:
                    while here < (now - began) * FRAMES_A_SECOND * 0.9:
                        body = {"session": session, "sdp": texts[sent % len(texts)]}
                        await page.emit("offer", body, namespace="/room")
                        sent, here = sent + 1, here + 1
                    await asyncio.sleep(0.01)
        if time.monotonic() >= until:
            break
        away += 1
        await asyncio.sleep(1.0)
    return {"offers": sent, "away": away}


# --- what it says ---------------------------------------------------------------------------------


def _measures(times: dict[str, Took], turns: int) -> list[Measure]:
    rows = []
    for name, took in times.items():
        for what, value, unit in (
            ("median", median(took.answers), "ms"),
            ("p99", quantiles(took.answers, n=100)[-1], "ms"),
            ("worst", max(took.answers), "ms"),
            ("answers", len(took.answers), ""),
            ("refused", took.refused, ""),
            ("offers", took.offers, ""),
            ("attackers sent away", took.away, ""),
        ):
            rows.append(Measure(f"{name}: {what}", value, unit, turns))
    return rows


def _markdown(times: dict[str, Took]) -> str:
    names = ("", "median", "99 of 100", "worst", "answers", "offers", "attackers sent away")
    rows = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for name, took in times.items():
        p99 = quantiles(took.answers, n=100)[-1]
        rows.append(
            f"| {name} | {median(took.answers):.1f} ms | {p99:.1f} ms | {max(took.answers):.0f} ms "
            f"| {len(took.answers):,} | {took.offers:,} | {took.away:,} |"
        )
    return "\n".join(rows)


def _write(table: str) -> None:
    begin, end = "<!-- edge: begin -->", "<!-- edge: end -->"
    made = f"{begin}\n{table}\n{end}"
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: made, text, flags=re.DOTALL)
    DOCUMENT.write_text(found, encoding="utf-8")


if __name__ == "__main__":
    role, to, by, where, length, *more = sys.argv[1:]
    if role == "honest":
        result = asyncio.run(_honest(to, by, where, float(length)))
    else:
        result = asyncio.run(
            _attack(to, by.split(","), where, float(length), json.loads(Path(more[0]).read_text()))
        )
    sys.stdout.write(json.dumps(result))
