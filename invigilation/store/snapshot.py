"""Snapshots of the whole database, taken while the service runs, and put back elsewhere.

SQLite's is a database file (`VACUUM INTO`), PostgreSQL's the custom format of `pg_dump`. All of
this blocks.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from subprocess import DEVNULL, PIPE

from sqlalchemy.engine import URL, make_url

SQLITE, POSTGRESQL = "sqlite", "postgresql"
CHUNK = 1024 * 1024
SAID = 300
_SOCKETS = {"host": "PGHOST", "port": "PGPORT", "ssl": "PGSSLMODE", "sslmode": "PGSSLMODE"}


class NoSnapshot(Exception):
    """It could not be taken or put back; the message says why, and names no password."""


def kind_of(url: str) -> str:
    """Return which kind of database this URL names."""
    return make_url(url).get_backend_name()


def taken(url: str, scratch: Path) -> Iterator[bytes]:
    """Yield a snapshot in pieces; `scratch` is a file that may be made. Raises `NoSnapshot`."""
    parsed = make_url(url)
    if parsed.get_backend_name() == SQLITE:
        return _of_sqlite(str(parsed.database), scratch)
    return _of_postgresql(parsed)


def put_back(pieces: Iterable[bytes], kind: str, url: str) -> None:
    """Make the database at this URL what was snapshotted: a new file, or an empty database.

    Raises `NoSnapshot`, and what the pieces raise.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != kind:
        raise NoSnapshot(f"The snapshot is of {kind}: name such a database.")
    if kind == SQLITE:
        with Path(str(parsed.database)).open("xb") as file:
            file.writelines(pieces)
        return
    command = ["pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", "--dbname="]
    environment = _environment(parsed)
    command[-1] += environment["PGDATABASE"]
    with _program(command, environment, feeds=True) as program:
        if program.stdin is None or program.stderr is None:
            raise NoSnapshot("pg_restore cannot be started")
        try:
            program.stdin.writelines(pieces)
            program.stdin.close()
        except BrokenPipeError:
            pass  # it says why
        _ended(program, "pg_restore")


def _of_sqlite(path: str, scratch: Path) -> Iterator[bytes]:
    try:
        where = f"{Path(path).resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(where, uri=True, timeout=10)) as connection:
            connection.execute("VACUUM INTO ?", (str(scratch),))
    except sqlite3.Error as error:
        raise NoSnapshot(f"The database cannot be copied: {error}.") from None
    try:
        with scratch.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece
    finally:
        scratch.unlink(missing_ok=True)


def _of_postgresql(url: URL) -> Iterator[bytes]:
    command = ["pg_dump", "--format=custom", "--no-owner", "--no-privileges"]
    with _program(command, _environment(url)) as program:
        if program.stdout is None:
            raise NoSnapshot("pg_dump cannot be started")
        try:
            while piece := program.stdout.read(CHUNK):
                yield piece
            _ended(program, "pg_dump")
        finally:
            program.kill()


def _program(
    command: list[str], environment: dict[str, str], *, feeds: bool = False
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=PIPE if feeds else DEVNULL,
            stdout=DEVNULL if feeds else PIPE,
            stderr=PIPE,
            env=environment,
        )
    except FileNotFoundError:
        raise NoSnapshot(f"{command[0]} is not installed: it comes with PostgreSQL.") from None


def _ended(program: subprocess.Popen[bytes], name: str) -> None:
    said = b"" if program.stderr is None else program.stderr.read()
    if program.wait():
        words = " ".join(said.decode("utf-8", "replace").split())
        raise NoSnapshot(f"{name} failed: {words[:SAID]}")


def _environment(url: URL) -> dict[str, str]:
    """Return libpq's variables for this URL: a password is no argument, which others could read."""
    given = {
        "PGHOST": url.host,
        "PGPORT": None if url.port is None else str(url.port),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database or "postgres",
    }
    for name, variable in _SOCKETS.items():
        if name in url.query:
            given[variable] = str(url.query[name])
    # Whose certificate is good is said to every program by the same variables.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PG") or name.startswith("PGSSL")
    }
    return kept | {name: value for name, value in given.items() if value}
