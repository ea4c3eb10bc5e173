"""One program started by the tests: its log, its end, and nothing of it left behind."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

END_S = 15.0
"""How long a program may take to end when it was asked to; after that it is killed."""

PORTS = range(12_000, 32_000)

_given: set[int] = set()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now and was not given out before.

    It is below those that the kernel gives to whoever asks for any: between now and the moment
    when a program listens there, nobody else's connection takes it.
    """
    while True:
        port = random.choice(PORTS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


@contextlib.contextmanager
def kept_port() -> Iterator[int]:
    """Keep a port for programs that come one after another: nobody else gets it meanwhile."""
    with socket.socket() as keeper:
        # Whoever says the same may listen there, as a server does; `free_port` does not say it.
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", port := free_port()))
        yield port


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Tell whether something accepts connections on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((address, port)) == 0


def owned(user: str | None = None) -> list[str]:
    """Give the words before a command that tie its life to ours and, as root, set its user.

    The kernel ends the program when the test process is gone, so even a killed test run leaves
    no server behind.
    """
    setpriv = shutil.which("setpriv")
    if not setpriv:
        return []
    words = [setpriv, "--pdeathsig", "KILL"]
    if user and os.geteuid() == 0:
        words += ["--reuid", user, "--regid", user, "--clear-groups"]
    return words


class Running(Protocol):
    """What is asked of a program that was started: a part of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, how: int, /) -> None: ...
    def kill(self) -> None: ...


class Process:
    """A program and its log. `start` may be called again after it has ended."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.command = [*owned(user), *command]
        self.log = log
        self.environment = environment
        self.directory = directory
        self._running: Running | None = None

    @property
    def pid(self) -> int:
        """The process id; an error when it was not started."""
        assert self._running is not None, "not started"
        return self._running.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        """Start it; what it prints is added to the log."""
        assert not self.alive, f"{self.command[-1]} runs already"
        environment = None if self.environment is None else dict(self.environment)
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self.directory,
            )

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, wait, and return its exit code; killed when it does not within END_S."""
        assert self._running is not None, "not started"
        if self._running.poll() is None:
            self._running.send_signal(how)
        try:
            return self._running.wait(END_S)
        except subprocess.TimeoutExpired:
            self.ask_why()
            self._running.kill()
            self._running.wait()
            raise AssertionError(f"did not end in {END_S:g} s:\n{self.tail(400)}") from None

    def ask_why(self) -> None:
        """Have it write into its log what it is waiting for, if it can."""

    def finish(self, seconds: float) -> int:
        """Wait until it has ended by itself, and return its exit code; an error when it does not.

        Raises `subprocess.TimeoutExpired` after `seconds`.
        """
        assert self._running is not None, "not started"
        return self._running.wait(seconds)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would; nothing happens when it has ended already."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    def tail(self, lines: int = 80) -> str:
        """Return the last lines of its log."""
        if not self.log.exists():
            return "(no log)"
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def must_live(self) -> bool:
        """Return False, for use inside a wait, or fail with the log when it has ended."""
        assert self.alive, f"ended with {self._running and self._running.poll()}:\n{self.tail()}"
        return False


@contextlib.contextmanager
def ended(process: Process, how: signal.Signals = signal.SIGTERM) -> Iterator[Process]:
    """End a process on the way out, however the way out is taken."""
    try:
        yield process
    finally:
        if process.alive:
            process.end(how)
