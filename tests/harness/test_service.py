from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.nursery import ran
from tests.harness.process import free_port, listens
from tests.harness.service import Practice, Program, Service
from tests.harness.waiting import until


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    port = free_port()
    standin = Program(
        "tests.harness.standin",
        log=tmp_path / "log",
        port=port,
        environment={"STANDIN_PORT": str(port)},
    )
    yield standin
    standin.kill()


async def test_a_killed_program_comes_back_on_its_port_and_its_log_goes_on(
    program: Program,
) -> None:
    await program.start()
    program.kill()
    gone = not listens(program.port)

    await program.start()

    assert (gone, listens(program.port)) == (True, True)
    assert program.log.count("a life begins") == 2


async def test_a_stopped_program_leaves_by_itself(program: Program) -> None:
    await program.start()

    program.stop()

    assert not program.process.alive


async def test_a_program_says_what_it_is_waiting_for(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.harness.nursery.WHY_S", 0.0)
    await program.start()

    program.process.ask_why()

    await until(lambda: program.log.count("Stack for <Task") > 0, 10, "the stacks of its tasks")
    assert program.log.count("most recent call first") > 0
    assert program.process.alive


async def test_a_program_that_cannot_start_fails_at_once_with_its_log(tmp_path: Path) -> None:
    broken = Program("tests.harness.standin", log=tmp_path / "log", port=1, environment={})

    with pytest.raises(AssertionError, match="STANDIN_PORT"):
        await broken.start()


def test_a_command_line_reads_its_input_and_its_two_outputs_are_kept_apart() -> None:
    good = ran("json.tool", ["--compact"], {}, said='{"a": 1}')
    bad = ran("json.tool", ["--compact"], {}, said="not that")

    assert (good.returncode, good.stdout, good.stderr) == (0, '{"a":1}\n', "")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "Expecting value" in bad.stderr


def test_settings_of_the_shell_do_not_reach_our_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVIGILATION_DATABASE_URL", "postgresql+asyncpg://elsewhere/live")

    service = Service(tmp_path, {"INVIGILATION_NOTICE_HOURS": "0"})

    environment = service.process.environment or {}
    assert "INVIGILATION_DATABASE_URL" not in environment
    assert environment["INVIGILATION_NOTICE_HOURS"] == "0"
    assert environment["INVIGILATION_VAR"] == str(tmp_path / "var")


def test_the_practice_backend_is_told_its_service(tmp_path: Path) -> None:
    service = Service(tmp_path)

    practice = Practice(tmp_path, service)

    assert (practice.process.environment or {})["PRACTICE_SERVICE"] == service.url
    assert practice.port != service.port
