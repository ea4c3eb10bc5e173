"""PostgreSQL, Redis and a mail server, each real, on free ports and in temporary directories."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.harness.process import Process, ended, free_port, listens, owned
from tests.harness.waiting import until, wait_until

START_S = 30.0
"""How long a server may take to answer after it was started."""


def _postgres_programs() -> Path:
    """Find the folder of initdb and postgres: Debian's newest, else what the PATH says."""
    newest = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    on_path = shutil.which("initdb")
    assert newest or on_path, "PostgreSQL is missing: ./dev test installs it"
    return newest[-1].parent if newest else Path(on_path or "").parent


class PostgresServer:
    """One cluster. Commits are synced to disk, as in earnest. The superuser is `postgres`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._programs = _postgres_programs()
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(directory),
            "fsync": "on",
            "jit": "off",
            "max_connections": "200",
            "shared_buffers": "64MB",
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        log = Path(f"{directory}.log")
        self.process = Process(
            [str(self._programs / "postgres"), "-D", str(directory / "data"), *words],
            log,
            user="postgres",
            directory=directory,
        )
        self._databases = 0

    def url(self, database: str) -> str:
        """Return the address of a database, as SQLAlchemy takes it with asyncpg."""
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        """Make the cluster. PostgreSQL refuses to run as root, so root becomes `postgres`."""
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
        data = ["-D", str(self.directory / "data"), "-U", "postgres", "--auth=trust", "-E", "UTF8"]
        self._run("initdb", *data, "--locale=C.UTF-8", "--no-sync", user="postgres")

    def start(self) -> None:
        """Start it, also again after `stop` or `crash`, and wait until it answers."""
        self.process.start()
        wait_until(lambda: self._ready() or self.process.must_live(), START_S, "PostgreSQL")

    def stop(self) -> None:
        """Stop it as `pg_ctl stop -m fast` does: open transactions are rolled back."""
        self.process.end(signal.SIGINT)

    def crash(self) -> None:
        """End it at once, without a checkpoint; the next start recovers from its log."""
        self.process.end(signal.SIGQUIT)

    def create(self, *, template: str = "template1") -> str:
        """Create a fresh database, a copy of `template`; return its name."""
        self._databases += 1
        name = f"test_{self._databases}"
        self._run("createdb", *self._where(), "--template", template, name)
        return name

    def drop(self, name: str) -> None:
        """Drop a database and whoever is connected to it."""
        self._run("dropdb", *self._where(), "--force", "--if-exists", name)

    def _where(self) -> list[str]:
        return ["-h", str(self.directory), "-p", str(self.port), "-U", "postgres"]

    def _ready(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", *self._where()]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *arguments: str, user: str | None = None) -> None:
        command = [*(owned(user) if user else []), str(self._programs / program), *arguments]
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=self.directory
        )
        assert result.returncode == 0, f"{program}: {result.stdout}{result.stderr}"


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run one cluster in a directory that another user may reach; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as directory:
        server = PostgresServer(Path(directory))
        try:
            server.initialise()
            with ended(server.process, signal.SIGINT):
                server.start()
                yield server
        finally:
            server.process.log.unlink(missing_ok=True)


class RedisServer:
    """One Redis that keeps nothing on disk."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        program = shutil.which("redis-server")
        assert program, "Redis is missing: ./dev test installs it"
        options = f"--port {self.port} --bind 127.0.0.1 --dir {directory} --appendonly no --save"
        self.process = Process([program, *options.split(), ""], directory / "redis.log")

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, also again after `stop`, and wait until it answers."""
        self.process.start()
        wait_until(lambda: self._ready() or self.process.must_live(), START_S, "Redis")

    def stop(self) -> None:
        """Stop it; what it held is lost."""
        self.process.end()

    def _ready(self) -> bool:
        if not listens(self.port):
            return False
        with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as line:
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")


@contextlib.contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Run one Redis in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="redis-") as directory:
        server = RedisServer(Path(directory))
        with ended(server.process):
            server.start()
            yield server


class Mailbox:
    """A mail server that keeps what it is given. `messages` is in order of arrival."""

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd looks for this name
        """Keep one message, with the envelope's recipients in `X-Envelope-To`."""
        content = envelope.content
        assert isinstance(content, bytes)
        message = BytesParser(policy=modern).parsebytes(content)
        assert isinstance(message, EmailMessage)
        message["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
        self.messages.append(message)
        return "250 kept"

    def to(self, address: str) -> list[EmailMessage]:
        """Return what has come for one address."""
        return [message for message in self.messages if address in str(message["X-Envelope-To"])]

    async def wait_for(
        self, address: str, *, count: int = 1, seconds: float = 10.0
    ) -> EmailMessage:
        """Wait until `count` messages have come for an address; return the last of them."""
        what = f"{count} message(s) to {address}"
        await until(lambda: len(self.to(address)) >= count, seconds, what)
        return self.to(address)[-1]


async def _serve_mail(mailbox: Mailbox, stop: asyncio.Event, ready: Callable[[], object]) -> None:
    """Serve until `stop`, then close every line that a client has left open."""
    lines: list[SMTP] = []

    def line() -> SMTP:
        lines.append(SMTP(mailbox, hostname=mailbox.host, enable_SMTPUTF8=True))
        return lines[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(line, mailbox.host, 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    ready()
    await stop.wait()
    # asyncio loses a socket that is accepted while its server closes: accept no more, and let
    # what was just accepted open, which takes some turns of the loop.
    loop.remove_reader(server.sockets[0].fileno())
    for _ in range(10):
        await asyncio.sleep(0)
    server.close()
    for each in lines:
        if each.transport is not None:
            each.transport.close()
    await asyncio.sleep(0)


@contextlib.contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Run a mail server in a thread of its own, so that it answers while a test blocks."""
    mailbox, stop, ready = Mailbox(), asyncio.Event(), threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def life() -> None:
        loops.append(asyncio.get_running_loop())
        await _serve_mail(mailbox, stop, ready.set)

    thread = threading.Thread(target=lambda: asyncio.run(life()), name="mail")
    thread.start()
    assert ready.wait(START_S), "the mail server did not start"
    try:
        yield mailbox
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(START_S)
        assert not thread.is_alive(), "the mail server did not end"
