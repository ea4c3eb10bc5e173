"""The whole access table, asked for by everybody, of their own and of the other's.

Generated from the table, against the whole running service. Who may not is refused, and nothing
has changed by it; who may is not refused, and nothing fails.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.web import access_objects as objects
from tests.web.access_world import SIDES, Caller, Watched, World, open_world
from web.access.rows import TABLE
from web.access.table import MACHINES_WHO, SHOWN_BY_THEMSELVES, STAFF_WHO, Row, Who, Whose
from web.auth import cookies

REFUSED = frozenset({401, 403, 404})
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
SCRIPTED = ("/room/", "/api/", "/edx/", "/rehearsal")
NO_HTTP = frozenset({"/room/socket/"})
"""What is asked for otherwise: see tests/web/test_access_room.py."""


@dataclass(frozen=True, slots=True)
class Call:
    """One question to the service, and whether it is to be answered."""

    method: str
    row: Row
    name: str
    caller: Caller
    of: str
    """Of which side's things."""
    allowed: bool

    def __str__(self) -> str:
        whose = "" if not objects.has_owner(self.row.path) else f" (of {self.of})"
        return f"{self.name}: {self.method} {self.row.path}{whose}"


@pytest.fixture
async def world(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(sqlite_template, tmp_path) as opened:
        yield opened


def calls(world: World) -> Iterator[Call]:
    """Give every cell of the table that a login or a token decides about."""
    for method, row in TABLE:
        if row.path in NO_HTTP or row.who.keys() & SHOWN_BY_THEMSELVES:
            continue
        for name, caller in world.callers.items():
            if not _tells_more(row, name, caller):
                continue
            for of in _sides(row, caller):
                yield Call(method, row, name, caller, of, _allowed(row, caller, of))


def _tells_more(row: Row, name: str, caller: Caller) -> bool:
    """Say whether this caller is not just one more of those who may not ask at all."""
    return caller.who in row.who or (caller.side in {"", "a"} and "but for" not in name)


def _sides(row: Row, caller: Caller) -> tuple[str, ...]:
    """Return of whom to ask: of both where it makes a difference, first of one's own."""
    if caller.who in MACHINES_WHO:
        return SIDES[:1]
    mine = caller.side or SIDES[0]
    if row.who.get(caller.who, Whose.ALL) is Whose.ALL or not objects.has_owner(row.path):
        return (mine,)
    return (mine, *(side for side in SIDES if side != mine))


def _allowed(row: Row, caller: Caller, of: str) -> bool:
    whose = row.who.get(caller.who)
    if whose is None or (row.scope and row.scope not in caller.scopes):
        return False
    return whose is Whose.ALL or not objects.has_owner(row.path) or of == (caller.side or SIDES[0])


async def ask(world: World, call: Call) -> tuple[int, str]:
    """Ask, and return the status, and what was said when that is short."""
    path = objects.address(call.row.path, world.things[call.of], _own(world, call))
    session = {"session": world.things[call.of]["session"]}
    by_script = not call.allowed or call.row.path.startswith(SCRIPTED)
    body = json.dumps(session) if call.row.path.startswith("/room/") else "{}" if by_script else ""
    headers = {
        **call.caller.headers,
        "Sec-Fetch-Site": "same-origin",
        "X-CSRF-Token": call.caller.csrf,
        "Idempotency-Key": uuid.uuid4().hex,
        "Content-Type": JSON if by_script else FORM,
        "Accept-Encoding": "identity",
    }
    async with world.client.request(
        call.method,
        path,
        params=session if call.row.path == "/room/local" else None,
        data=None if call.method == "GET" else body,
        headers=headers,
        allow_redirects=False,
    ) as response:
        to = response.headers.get("Location", "")
        said = (
            to if response.content_type == "text/html" else (await response.text(errors="replace"))
        )
        return 401 if to.startswith("/staff/sign-in?") else response.status, said[:200]


def _own(world: World, call: Call) -> Mapping[str, str]:
    """Return what is the caller's alone; of another where another's is asked for."""
    if call.of == (call.caller.side or SIDES[0]):
        return call.caller.own
    other = "invigilator b" if call.name != "invigilator b" else "invigilator a"
    return world.callers[other].own


def _stopped_by_gate(call: Call) -> bool:
    """Say whether the gate alone must refuse this: all but what only the handlers can know."""
    row, who = call.row, call.caller.who
    if who not in row.who or (row.scope and row.scope not in call.caller.scopes):
        return True
    named = {"staff", "session"} & set(objects.parameters(row.path))
    return who in STAFF_WHO and row.who[who] is Whose.OWN and bool(named)


async def test_the_whole_table(world: World) -> None:
    watched = Watched(world.database)
    wrong: list[str] = []
    every = [*calls(world)]
    for call in sorted(every, key=lambda one: one.allowed):  # first all that is refused
        world.reached.clear()
        status, said = await ask(world, call)
        tables = watched.changed()
        if call.allowed:
            wrong += _not_let_in(call, status, said)
        else:
            wrong += _not_refused(call, status, said, tables, reached=bool(world.reached))
        if tables:
            await watched.restore()
    watched.close()

    assert not wrong, "\n".join(wrong)
    assert {call.row.path for call in every if call.allowed} == {call.row.path for call in every}


def _not_refused(
    call: Call, status: int, said: str, tables: list[str], *, reached: bool
) -> Iterator[str]:
    over = status == 409 and call.row.path in objects.OVER
    if status not in REFUSED and not over:
        yield f"{call} was answered with {status} {said}"
    if reached and _stopped_by_gate(call):
        yield f"{call} came past the gate"
    if tables:
        yield f"{call} was refused and changed something: {', '.join(tables)}"


def _not_let_in(call: Call, status: int, said: str) -> Iterator[str]:
    gone = status == 404 and call.row.path in objects.NOT_THERE
    if status >= 500 or (status in REFUSED and not gone):
        yield f"{call} was answered with {status} {said}"


async def test_proofs_that_are_wrong_open_nothing(world: World) -> None:
    watched = Watched(world.database)
    wrong = []
    nobody = world.callers["nobody"]
    for method, row in TABLE:
        if row.path in NO_HTTP or not row.who.keys() & {Who.BEARER, Who.OFFICER}:
            continue
        headers = {**nobody.headers, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": nobody.csrf}
        path = objects.parameter_free(row.path)
        async with world.client.request(
            method, path, headers=headers, allow_redirects=False
        ) as response:
            status = response.status
        shown = f"{method} {row.path}" in objects.SHOWN_TO_ANYBODY
        if not (shown and status == 200) and status not in REFUSED | {400, 410}:
            wrong.append(f"{method} {row.path} without a proof was answered with {status}")
        if tables := watched.changed():
            wrong.append(f"{method} {row.path} without a proof changed {', '.join(tables)}")
            await watched.restore()
    watched.close()

    assert not wrong, "\n".join(wrong)


async def test_an_officers_link_and_a_learners_open_what_they_name_and_nothing_else(
    world: World,
) -> None:
    a, b = (world.things[side] for side in SIDES)
    good = [f"/r/{a['personal']}", f"/onboard/{a['onboard']}", f"/feeds/{a['feed']}.ics"]
    crossed = [f"/onboard/{a['personal']}", f"/r/{a['onboard']}", f"/feeds/{b['second']}.ics"]

    async def status(path: str) -> int:
        async with world.client.get(path, allow_redirects=False) as response:
            return response.status

    assert [await status(path) for path in good] == [200] * 3
    assert [await status(path) for path in crossed] == [404] * 3
    async with world.client.get(good[1]) as response:
        assert not response.cookies.keys() - {cookies.VISITOR}, "an officer is signed in nowhere"
