"""What the log says, and what it must not say."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.web.office import World
from web.health import logs

SESSION = "se_0123456789abcdef0123"
TYPED, READ = "Maria Santos", "P1234567 of Santos"


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Where the log goes while the test runs."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, structlog.get_config()
    text = io.StringIO()
    logs.configure(text)
    structlog.contextvars.clear_contextvars()
    yield text
    structlog.contextvars.clear_contextvars()
    root.handlers[:], root.level = before[0], before[1]
    structlog.configure(**before[2])


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("mail to Maria.Santos@example.org failed", "mail to [mail] failed"),
        ("call +44 20 7946 0958 now", "call [number] now"),
        ("came from 81.2.69.142", "came from [address]"),
        ("came from 2001:4860:4860::8888", "came from [address]"),
        ("no redis at 127.0.0.1:6379", "no redis at 127.0.0.1:6379"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [token]"),
        ("GET /calendar.ics?token=abc done", "GET /calendar.ics?[query] done"),
        ("t " + "a1" * 22, "t [token]"),
        (f"{SESSION} at 2026-11-23T10:00:00Z", f"{SESSION} at 2026-11-23T10:00:00Z"),
    ],
)
def test_a_line_loses_what_tells_of_people(said: str, kept: str) -> None:
    assert logs.clean(said) == kept


@pytest.mark.parametrize("piece", ["a", "a-", "eyJ-", "a:", "1 ", "'", "bearer ", "?a", "@"])
def test_a_value_without_end_is_cut(piece: str) -> None:
    assert len(logs.clean(piece * 500_000)) <= 2 * logs.LONGEST


def test_our_lines_and_those_of_libraries_look_alike(out: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(session=SESSION):
        structlog.get_logger().warning("something", why="maria@example.org")
        logging.getLogger("aiohttp.server").error("from %s", "81.2.69.142")
        logging.getLogger("aiohttp.server").info("not worth a line")

    ours, theirs = lines(out)
    assert (ours["event"], ours["level"], ours["session"]) == ("something", "warning", SESSION)
    assert ours["why"] == "[mail]"
    assert (theirs["event"], theirs["level"]) == ("from [address]", "error")
    assert (theirs["logger"], theirs["session"]) == ("aiohttp.server", SESSION)


def test_an_error_says_where_it_was_and_not_what_somebody_typed(out: io.StringIO) -> None:
    def parse() -> None:
        try:
            int(TYPED)
        except ValueError as error:
            raise KeyError(READ) from error

    for log in (structlog.get_logger(), logging.getLogger("ours")):
        try:
            parse()
        except KeyError:
            log.exception("it failed")

    for line in lines(out):
        told = line["exception"]
        assert "in parse" in told
        assert "ValueError: invalid literal for int() with base 10: '…'" in told
        assert "KeyError: '…'" in told
        assert "exc_info" not in line
    assert "Maria" not in out.getvalue()
    assert "P1234567" not in out.getvalue()


def test_every_error_of_a_group_is_told(out: io.StringIO) -> None:
    both = ExceptionGroup("two", [ValueError("first"), OSError("second")])

    structlog.get_logger().error("both failed", exc_info=both)

    [line] = lines(out)
    assert "ValueError: first" in line["exception"]
    assert "OSError: second" in line["exception"]


def test_facts_of_any_kind_are_cleaned(out: io.StringIO) -> None:
    structlog.get_logger().info(
        "facts", n=1, good=True, none=None, some=["a@example.org"], more={"to": "b@example.org"}
    )

    [line] = lines(out)
    assert (line["n"], line["good"], line["none"]) == (1, True, None)
    assert (line["some"], line["more"]) == (["[mail]"], {"to": "[mail]"})


async def test_a_request_that_names_a_session_is_logged_with_it(out: io.StringIO) -> None:
    async def answer(_: web.Request) -> web.Response:
        structlog.get_logger().info("asked")
        logging.getLogger("library").warning("asked, too")
        return web.Response()

    app = web.Application(middlewares=[logs.in_context])
    app.router.add_get("/staff/records/{session}", answer)
    app.router.add_get("/room/local", answer)
    app.router.add_get("/else/{name}", answer)
    async with TestClient(TestServer(app)) as client:
        for path in (f"/staff/records/{SESSION}", f"/room/local?session={SESSION}", "/else/Maria"):
            await client.get(path)

    named = [line.get("session") for line in lines(out)]
    assert named == [SESSION] * 4 + [None] * 2


async def test_a_room_names_its_session_in_every_line(out: io.StringIO) -> None:
    from signalling.registry import Rooms  # noqa: PLC0415 - only this test looks into it

    class Room:
        session = SESSION

        async def run(self) -> None:
            structlog.get_logger().info("a child of the room says so")
            await asyncio.sleep(0)

    rooms = Rooms.__new__(Rooms)
    rooms._rooms, rooms._tasks = {SESSION: Room()}, {SESSION: None}
    with structlog.contextvars.bound_contextvars(session="se_of_somebody_else", sid="x"):
        await asyncio.create_task(rooms._live(Room()))

    [line] = lines(out)
    assert (line["session"], line.get("sid")) == (SESSION, None)


async def test_a_learners_request_is_logged_with_their_booking_request(
    world: World, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("it is broken")

    asked = await world.asked()
    learner = await world.learner(asked.request.id)
    monkeypatch.setattr(type(world.desk.bookings), "latest", fails)

    answer = await learner.get("/me")

    assert answer.status == 500
    [line] = lines(out)
    assert line["request"] == asked.request.id
    assert "RuntimeError: it is broken" in line["exception"]
    assert "Maria" not in out.getvalue()
