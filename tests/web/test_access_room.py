"""Every message of the live room, sent by everybody who may connect, to their own session and the
other: over real connections to the whole running service, generated from the access table.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

from tests.signalling.bodies import BODIES
from tests.web.access_world import SIDES, Caller, Watched, World, open_world
from tests.web.office import HandClock
from web.access.room import EVENTS
from web.access.table import EventRow, Who, Whose

ROOM = "/room"
REFUSED = frozenset({"not_allowed", "not_signed_in", "not_found"})
FOR_WHO_THEY_ARE = ("do this as", "do this before", "enter ", "with your role", "a colleague")
"""How a refusal begins that is about the sender, and not about how things stand."""
LAST = ("hand_over", "refuse", "stop", "end", "attest", "leave")
"""After these one may do no more."""
ARRIVE = ("join", "leave")
STEP_S = 0.1
"""Between two messages, by the service's clock: nobody sends too fast."""


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody's connection."""

    name: str
    caller: Caller
    socket: Any
    clock: HandClock

    async def say(self, event: str, session: str) -> dict[str, Any]:
        """Send a message, and return its answer."""
        self.clock.seconds += STEP_S
        body = {"session": session, **BODIES[event]}
        return dict(await self.socket.call(event, body, namespace=ROOM, timeout=20))


@pytest.fixture
async def world(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(sqlite_template, tmp_path) as opened:
        yield opened


@pytest.fixture
async def lines(world: World) -> AsyncIterator[list[Line]]:
    """Everybody who may connect, each in their own room; the administrator looks in at one."""
    async with aiohttp.ClientSession() as http:
        opened = [
            await connect(world, http, name)
            for name in (
                "invigilator a",
                "invigilator b",
                "learner a",
                "second camera a",
                "administrator",
            )
        ]
        for line in opened:
            joined = await line.say("join", world.things[line.caller.side or "a"]["session"])
            assert joined["ok"], (line.name, joined)
        yield opened
        for line in opened:
            await line.socket.disconnect()


async def connect(world: World, http: aiohttp.ClientSession, name: str) -> Line:
    caller = world.callers[name]
    headers = {
        **caller.headers,
        "Sec-Fetch-Site": "same-origin",
        "X-CSRF-Token": caller.csrf,
        "Content-Type": "application/json",
    }
    session = world.things[caller.side or "a"]["session"]
    body = json.dumps({"session": session})
    async with world.client.post("/room/ticket", data=body, headers=headers) as answer:
        ticket = (await answer.json())["ticket"]
    socket = socketio.AsyncClient(reconnection=False, http_session=http)
    await socket.connect(
        str(world.client.make_url("/")),
        headers={"Origin": world.house.settings.origins[0]},
        auth={"ticket": ticket},
        socketio_path="/room/socket",
        namespaces=[ROOM],
        transports=["websocket"],
    )
    clock = world.house.desk.office.clock
    assert isinstance(clock, HandClock)
    return Line(name, caller, socket, clock)


def cells(lines: list[Line]) -> Iterator[tuple[Line, EventRow, str]]:
    """Give every message of everybody, to each of the two sessions."""
    for row in sorted(EVENTS, key=lambda row: row.event in LAST and LAST.index(row.event) + 1):
        for line in lines:
            for side in SIDES:
                yield line, row, side


def allowed(line: Line, row: EventRow, side: str) -> bool:
    """Say whether the table allows it; what a colleague must have asked for, nobody has."""
    whose = row.who.get(line.caller.who)
    own = line.caller.side == side
    if line.caller.who is Who.ADMINISTRATOR and row.event not in ARRIVE:
        return whose is Whose.ALL and side == "a"  # they look in at one session only
    return whose is Whose.ALL or (whose in {Whose.OWN, Whose.ASKED} and own)


async def test_nobody_sends_what_the_table_does_not_allow(world: World, lines: list[Line]) -> None:
    watched = Watched(world.database)
    wrong, sent = [], 0
    for line, row, side in cells(lines):
        if allowed(line, row, side):
            continue
        sent += 1
        answer = await line.say(row.event, world.things[side]["session"])
        if answer["ok"] or answer["error"]["code"] not in REFUSED:
            wrong.append(f"{line.name}: {row.event} to session {side} was answered: {answer}")
        if tables := watched.changed():
            wrong.append(f"{line.name}: {row.event} to session {side} changed {', '.join(tables)}")
            await watched.restore()
    watched.close()

    assert not wrong, "\n".join(wrong)
    assert sent > len(EVENTS)


async def test_whoever_may_is_not_turned_away_for_who_they_are(
    world: World, lines: list[Line]
) -> None:
    wrong = []
    for line, row, side in cells(lines):
        if not allowed(line, row, side) or Whose.ASKED in row.who.values():
            continue
        answer = await line.say(row.event, world.things[side]["session"])
        error = answer.get("error", {"code": "", "detail": ""})
        told = error["detail"].removeprefix("You may not ").removeprefix("You cannot ")
        if error["code"] == "internal" or told.startswith(FOR_WHO_THEY_ARE):
            wrong.append(f"{line.name}: {row.event} to session {side} was answered: {answer}")

    assert not wrong, "\n".join(wrong)
