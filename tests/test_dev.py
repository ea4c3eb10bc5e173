from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import tomllib
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """Load the script as a module that believes to live in a folder of its own."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would lie beside the script
    loader = SourceFileLoader("dev", str(ROOT / "dev"))
    spec = importlib.util.spec_from_loader("dev", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    ui, static = tmp_path / "web" / "ui", tmp_path / "web" / "static"
    ui.mkdir(parents=True)
    venv = tmp_path / ".venv"
    module.__dict__.update(
        ROOT=tmp_path, VENV=venv, PYTHON=venv / "bin" / "python", UI=ui, STATIC=static
    )
    module.__dict__["LOG"] = tmp_path / "var" / "dev.log"
    return module


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "dev"), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def one_sentence(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith(".\n") and "Traceback" not in text


def test_a_used_port_is_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        result = run("up", "--port", str(port))

    assert result.returncode == 1
    assert f"Port {port} is in use" in result.stderr
    assert one_sentence(result.stderr)


@pytest.mark.parametrize("port", ["65536", "-1"])
def test_an_impossible_port_is_one_sentence(port: str) -> None:
    result = run("up", "--port", port)

    assert result.returncode == 1
    assert "There is no port" in result.stderr
    assert one_sentence(result.stderr)


def test_an_unknown_verb_is_one_sentence() -> None:
    result = run("sail")

    assert (result.returncode, one_sentence(result.stderr)) == (1, True)


def test_help_names_every_verb(dev: ModuleType) -> None:
    result = run("--help")

    assert result.returncode == 0
    assert all(re.search(rf"^  {verb}\b", result.stdout, re.MULTILINE) for verb in dev.VERBS)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("npm error code ENOSPC", "The disk is full"),
        ("Failed to establish a new connection: Name or service: NewConnectionError", "network"),
        ("npm error code EAI_AGAIN", "network"),
        ("E: Unable to fetch some archives", "network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "not the one that the lock file"),
        ("npm error code EINTEGRITY", "not the one that the lock file"),
        ("first\nsomething else\n", "Building failed (something else)"),
        ("", "Building failed (its command said nothing)"),
    ],
)
def test_a_failed_command_becomes_one_sentence(dev: ModuleType, output: str, expected: str) -> None:
    sentence = dev.explain("Building", output)

    assert expected in sentence
    assert one_sentence(sentence + "\n")


def test_without_python_3_11_it_says_so(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev.sys, "version_info", (3, 13, 1))
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(dev.Plain, match=r"Python 3\.11 is needed"):
        dev.base_python()


def test_a_nearly_full_disk_is_said_before_anything_is_made(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (dev.ROOT / "requirements.lock").write_text("")
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(dev.shutil, "disk_usage", lambda _: usage)

    code = dev.main(["check"])

    said = capsys.readouterr().err
    assert (code, one_sentence(said), dev.VENV.exists()) == (1, True, False)
    assert "disk" in said


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (OSError(28, "No space left on device"), "The disk is full"),
        (OSError(13, "Permission denied", "/var"), "Permission denied: /var"),
        (KeyboardInterrupt(), "Stopped"),
    ],
)
def test_no_fault_becomes_a_traceback(
    dev: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: BaseException,
    expected: str,
) -> None:
    def fail(_: list[str]) -> None:
        raise fault

    monkeypatch.setitem(dev.VERBS, "check", fail)

    result = dev.main(["check"])

    said = capsys.readouterr().err
    assert result == 1
    assert expected in said
    assert "Traceback" not in said


def test_what_is_missing_is_named_where_it_cannot_be_installed(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "SYSTEM_PACKAGES", {"sextant": lambda: False, "bell": lambda: True})
    monkeypatch.setattr(dev.os, "geteuid", lambda: 1000)

    with pytest.raises(dev.Plain, match="sextant") as refused:
        dev.system_packages()

    assert "bell" not in str(refused.value)


def test_steps_run_side_by_side_and_all_end_before_one_is_a_fault(
    dev: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    together = threading.Barrier(2, timeout=30)

    def fails() -> None:
        with dev.Step("one"):
            together.wait()
            raise dev.Plain("one found faults.")

    def passes() -> None:
        with dev.Step("other"):
            together.wait()

    with pytest.raises(dev.Plain, match="one found faults"):
        dev.side_by_side(fails, passes)

    said = sorted(capfd.readouterr().out.splitlines())
    assert re.fullmatch(r"one \.+ failed after [0-9.]+ s", said[0])
    assert re.fullmatch(r"other \.+ [0-9.]+ s", said[1])
    assert len(said) == 2


@pytest.mark.parametrize(
    ("codes", "expected"), [((0, 0, 0), 0), ((0, 0, 1), 1), ((0, 2, 0), 2), ((3, 0, 1), 3)]
)
def test_groups_of_tests_run_side_by_side_and_each_may_fail(
    dev: ModuleType,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    codes: tuple[int, int, int],
    expected: int,
) -> None:
    # Each waits for the others' signs, so this would not end if one ran after another.
    (tmp_path / "python").write_text(
        '#!/bin/sh\ncase "$*" in'
        f' *"--ignore"*) mine=b; code={codes[1]};; *"not journey"*) mine=a; code={codes[0]};;'
        f" *) mine=c; code={codes[2]};; esac\n"
        'echo "$mine says $*"; touch "$mine"\n'
        "until [ -e a ] && [ -e b ] && [ -e c ]; do sleep 0.01; done; exit $code\n"
    )
    (tmp_path / "python").chmod(0o755)
    dev.__dict__["PYTHON"] = tmp_path / "python"

    code = dev.everything()

    said = capfd.readouterr().out
    assert code == expected
    places = [said.index(f"{one} says -m pytest -m") for one in "abc"]
    assert places == sorted(places)


def test_the_pages_are_built_when_a_source_changed_and_only_then(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def build(step: str, command: list[str], cwd: Path) -> None:
        dev.STATIC.mkdir(exist_ok=True)
        (dev.STATIC / "manifest.json").write_text("{}")
        built.append(step)

    monkeypatch.setattr(dev, "quietly", build)
    monkeypatch.setattr(dev, "node", lambda: "node")
    source = dev.UI / "entries" / "room.ts"
    source.parent.mkdir()
    (dev.UI / "node_modules").mkdir()
    counts = []
    for content, dependency in (("1", "1"), ("1", "2"), ("2", "2")):
        source.write_text(content)
        (dev.UI / "node_modules" / "any.js").write_text(dependency)
        dev.pages()
        counts.append(len(built))

    (dev.STATIC / "manifest.json").unlink()
    dev.pages()

    assert [*counts, len(built)] == [1, 1, 2, 3]


def test_an_interrupted_build_is_done_again(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(step: str, command: list[str], cwd: Path) -> None:
        dev.STATIC.mkdir(exist_ok=True)
        (dev.STATIC / "manifest.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(dev, "quietly", interrupted)
    monkeypatch.setattr(dev, "node", lambda: "node")
    with pytest.raises(KeyboardInterrupt):
        dev.pages()
    again = []
    monkeypatch.setattr(dev, "quietly", lambda *_: again.append(True))

    dev.pages()

    assert again == [True]


def test_addresses_leave_the_lock_file_and_hashes_stay(dev: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "package-lock.json"
    package = {"version": "1.0.0", "integrity": "sha512-x"}
    addresses = {"resolved": "https://example.org/a.tgz", "funding": {"url": "https://a.example"}}
    path.write_text(json.dumps({"packages": {"a": {**package, **addresses}}}))

    dev.without_addresses(path)

    assert json.loads(path.read_text()) == {"packages": {"a": package}}


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-node.lock", "web/ui/package-lock.json"]
)
def test_lock_files_carry_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text()

    assert re.search("sha256:|sha512-", text)
    assert not re.search("https?://", text)


def test_every_locked_python_package_has_a_hash_and_an_exact_version() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())

    assert len(entries) > 100
    assert all(
        re.match(r"[a-z0-9.-]+==\S+ (; .+ )?\\\n    --hash=sha256:", entry) for entry in entries
    )


def test_the_lock_names_every_package_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)

    names = {re.split(r"[^A-Za-z0-9_.-]", one)[0].lower().replace("_", "-") for one in wanted}

    assert names - set(locked) == set()


def test_every_journey_is_in_one_of_the_groups(dev: ModuleType) -> None:
    mark = "mark." + "journey"
    marked = [path for path in (ROOT / "tests").rglob("*.py") if mark in path.read_text()]

    places = [ROOT / place for place in dev.JOURNEYS]

    assert marked
    assert [one for one in marked if not any(one.is_relative_to(place) for place in places)] == []
    parts = {
        options[options.index("--part") + 1]
        for options in dev.GROUPS.values()
        if "--part" in options
    }
    assert parts == {"1/2", "2/2"}
