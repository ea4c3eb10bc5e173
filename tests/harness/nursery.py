"""Starts our own programs by forking a process that has imported them: that takes most of a start.

`python -m tests.harness.nursery` reads a JSON line for each wish and answers with one: a program to
start (its process id), or the id of one (its exit code, or null while it runs). A program that was
forked is as one that was started by its own command, but for its imports, and for what it would
throw away of them at its end, object by object.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ctypes
import faulthandler
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp_jinja2
from jinja2 import FileSystemBytecodeCache

from tests.harness.process import Process, owned

ROOT = Path(__file__).parents[2]
KNOWN = ("web.cli", "web.app", "web.demonstration", "web.seed", "web.practice.app")
"""What is imported before the first fork."""
TEMPLATES = ROOT / "var" / "templates"
"""Where compiled templates are kept: every program would compile them anew."""
ASKED_WHY = signal.SIGUSR2
"""At this a program writes what it is waiting for."""
WHY_S = 3.0
"""So long it may take for that."""
SET_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2): the kernel ends a program whose nursery is gone."""

Wish = dict[str, Any]


# --- in the tests -------------------------------------------------------------------------------


class Nursery:
    """The process that forks, started with the first program."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, wish: Wish | int) -> Any:
        """Return the answer to one wish."""
        with self._asking:
            if self._process is None:
                command = [*owned(), sys.executable, "-m", "tests.harness.nursery"]
                self._process = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(wish) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


NURSERY = Nursery()


class Child:
    """A forked program, with the part of `subprocess.Popen` that `Process` uses."""

    def __init__(self, wish: Wish) -> None:
        self.pid: int = NURSERY.ask(wish)
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, as Popen has it, or None while it runs."""
        if self._code is None:
            self._code = NURSERY.ask(self.pid)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired`."""
        if (code := self.poll()) is not None:
            return code
        end = os.pidfd_open(self.pid)
        try:
            select.select([end], [], [], timeout)
        finally:
            os.close(end)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, how: int) -> None:
        """Send it a signal while it is there."""
        if self.poll() is None:
            os.kill(self.pid, how)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.send_signal(signal.SIGKILL)


def ran(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], said: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one of our command lines to its end, as `subprocess.run` does; `said` is its input."""
    with tempfile.TemporaryDirectory() as folder:
        given, printed, complained = (Path(folder, name) for name in ("in", "out", "err"))
        given.write_text(said, encoding="utf-8")
        printed.touch()
        child = Child(
            {
                "module": module,
                "arguments": list(arguments),
                "input": str(given),
                "log": str(printed),
                "errors": str(complained),
                "environment": dict(environment),
            }
        )
        code = child.wait()
        out, err = printed.read_text(encoding="utf-8"), complained.read_text(encoding="utf-8")
    return subprocess.CompletedProcess([module, *arguments], code, out, err)


class Nursling(Process):
    """One of our own programs, started by the nursery."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__([module, *arguments], log, environment=environment, directory=ROOT)
        self._module, self._arguments = module, list(arguments)

    def start(self) -> None:
        """Start it; what it prints is added to the log."""
        assert not self.alive, f"{self._module} runs already"
        self._running = Child(
            {
                "module": self._module,
                "arguments": self._arguments,
                "log": str(self.log),
                "environment": dict(self.environment or {}),
            }
        )

    def ask_why(self) -> None:
        """Have it write the stacks of its threads and tasks into its log."""
        assert self._running is not None, "not started"
        self._running.send_signal(ASKED_WHY)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._running.wait(WHY_S)


# --- in the nursery -----------------------------------------------------------------------------


def main() -> None:
    """Answer wishes; in a child, become the program."""
    gc.disable()
    for module in KNOWN:
        importlib.import_module(module)
    gc.freeze()  # a child neither goes through what was imported nor copies its pages for that
    gc.enable()
    TEMPLATES.mkdir(parents=True, exist_ok=True)
    aiohttp_jinja2.setup = partial(
        aiohttp_jinja2.setup, bytecode_cache=FileSystemBytecodeCache(str(TEMPLATES))
    )
    assert threading.active_count() == 1, "a thread would not survive the fork"
    wish = _served()
    if wish is not None:
        _become(wish)


def _served() -> Wish | None:
    """Serve until the tests are gone (None), or until this is the child that is wished for."""
    for line in sys.stdin:
        wish = json.loads(line)
        if isinstance(wish, int):
            print(json.dumps(_code(wish)), flush=True)
            continue
        child = os.fork()
        if child == 0:
            return wish  # type: ignore[no-any-return]
        print(child, flush=True)
    return None


def _code(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(wish: Wish) -> None:
    ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
    given = os.open(wish.get("input", os.devnull), os.O_RDONLY)
    log, errors = _opened(wish["log"]), _opened(wish.get("errors", wish["log"]))
    for source, target in ((given, 0), (log, 1), (errors, 2)):
        os.dup2(source, target)
    # What there was is the pipe of wishes, and what was read ahead from it.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for all its life
    os.environ.clear()
    os.environ.update(wish["environment"])
    os.chdir(ROOT)
    faulthandler.enable()
    signal.signal(ASKED_WHY, _say_why)
    faulthandler.register(ASKED_WHY, chain=True)
    sys.argv = [wish["module"], *wish["arguments"]]
    try:
        runpy.run_module(wish["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            raise
        _leave(end.code or 0)
    _leave(0)


def _say_why(*_: object) -> None:
    with contextlib.suppress(RuntimeError):  # no loop runs
        for task in asyncio.all_tasks():
            task.print_stack(limit=6)
    sys.stderr.flush()


def _opened(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def _leave(code: int) -> None:
    """End as the interpreter does, but leave the memory to the kernel: that saves 0.1 s."""
    threading._shutdown()  # type: ignore[attr-defined] # it waits for threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
