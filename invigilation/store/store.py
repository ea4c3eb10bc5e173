"""The store: one database, transactions, and the tables behind named doors."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import event, func, select, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    InvalidatePoolError,
    OperationalError,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from invigilation.errors import Busy, Unsure
from invigilation.store.ahead import AheadRows
from invigilation.store.anchors import Anchors
from invigilation.store.audit import Audit
from invigilation.store.bookings import Bookings
from invigilation.store.busy import BusyTimes, Feeds
from invigilation.store.charges import Charges
from invigilation.store.clients import ClientSecrets
from invigilation.store.credentials import Credentials
from invigilation.store.devices import Devices
from invigilation.store.edx import EdxRows
from invigilation.store.endpoints import Endpoints
from invigilation.store.enquiries import Enquiries
from invigilation.store.erasures import Erasures
from invigilation.store.evidence import EvidenceRows
from invigilation.store.fills import Fills
from invigilation.store.health import Health
from invigilation.store.identities import Identities
from invigilation.store.ledger import Ledger
from invigilation.store.logins import Logins
from invigilation.store.looks import Looks
from invigilation.store.marks import Marks
from invigilation.store.onboard import Onboard
from invigilation.store.openings import Openings
from invigilation.store.outbox import Outbox
from invigilation.store.payments import Payments
from invigilation.store.people import People
from invigilation.store.persons import Persons
from invigilation.store.platforms import Platforms
from invigilation.store.probes import Probes
from invigilation.store.products import Products
from invigilation.store.receipts import Receipts
from invigilation.store.reminders import Reminders
from invigilation.store.requests import Requests
from invigilation.store.rights import account_of, grant
from invigilation.store.rooms import Rooms
from invigilation.store.rota import Rota
from invigilation.store.sessions import Sessions
from invigilation.store.sqlite import connect
from invigilation.store.texts import Texts
from invigilation.store.views import Views
from invigilation.store.waiting import WaitingRows
from invigilation.store.watch import Watch

log = logging.getLogger(__name__)
DATABASE = "database"
"""What is busy, as an error says."""
AWAY_STATES = frozenset({"08", "40", "53", "57"})
"""Classes of SQLSTATE (PostgreSQL, appendix A): no connection, two in each other's way, no room,
an operator's hand. The same request may pass a moment later."""
AWAY_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
"""The same of SQLite (rescode.html): its lowest eight bits. Its driver calls many a fault of ours
an operational error, too, and that would fail as often as it is tried."""
POOL_SIZE = 10
RESTED_S = 5.0
"""A line that nobody has used for so long is asked whether it is still good before it is lent."""
STATEMENTS = 400
"""Prepared ones that a line to PostgreSQL keeps: the store makes some 400 different ones."""
BUSY_MS = 10_000
SCRUB_S = 0.5
WAL_TRIES = 2_000
NOT_PERMITTED = "42501"
"""PostgreSQL's `insufficient_privilege`."""
MIGRATION_LOCK = 0x696E7669
"""The name of an advisory lock; any number that nobody else in the database uses."""
# What a statement was about (names, keys, tokens' digests) has no place in an error's text.
# The line that was given back last is lent next: it knows its statements.
_ENGINE: dict[str, Any] = {
    "pool_size": POOL_SIZE,
    "max_overflow": 0,
    "hide_parameters": True,
    "pool_use_lifo": True,
}
_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaBehind(Exception):
    """The schema is not that of this version, and the account may not change it."""


class Tx:
    """One open transaction; each attribute is a door to some tables."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.people = People(connection)
        self.platforms = Platforms(connection)
        self.logins = Logins(connection)
        self.credentials = Credentials(connection)
        self.requests = Requests(connection)
        self.rota = Rota(connection)
        self.ahead = AheadRows(connection)
        self.bookings = Bookings(connection)
        self.sessions = Sessions(connection)
        self.rooms = Rooms(connection)
        self.openings = Openings(connection)
        self.anchors = Anchors(connection)
        self.marks = Marks(connection)
        self.fills = Fills(connection)
        self.evidence = EvidenceRows(connection)
        self.identities = Identities(connection)
        self.charges = Charges(connection)
        self.payments = Payments(connection)
        self.products = Products(connection)
        self.probes = Probes(connection)
        self.onboard = Onboard(connection)
        self.outbox = Outbox(connection)
        self.endpoints = Endpoints(connection)
        self.reminders = Reminders(connection)
        self.busy = BusyTimes(connection)
        self.feeds = Feeds(connection)
        self.watch = Watch(connection)
        self.health = Health(connection)
        self.waiting = WaitingRows(connection)
        self.views = Views(connection)
        self.audit = Audit(connection)
        self.ledger = Ledger(connection)
        self.enquiries = Enquiries(connection)
        self.receipts = Receipts(connection)
        self.texts = Texts(connection)
        self.edx = EdxRows(connection)
        self.looks = Looks(connection)
        self.erasures = Erasures(connection)
        self.persons = Persons(connection)
        self.devices = Devices(connection)
        self.clients = ClientSecrets(connection)


class Store:
    """The database behind `url` (`sqlite+aiosqlite:///FILE` or `postgresql+asyncpg://...`)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(url) if self._sqlite else _postgresql_engine(url)
        self._reading = {} if self._sqlite else {"isolation_level": "AUTOCOMMIT"}
        # SQLite has one writer: waiting here is fair and cheap, polling a locked file is neither.
        self._writer: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self._sqlite else nullcontext()
        )

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """Open a transaction that commits at the end of the block, or rolls back on any error.

        Raises `Busy` where the database is away or too busy, and nothing was done; `Unsure` where
        it went away at the very end.
        """
        ended = False
        async with self._writer, self._line(writes=True) as connection:
            try:
                async with connection.begin():
                    yield Tx(connection)
                    ended = True
            except DBAPIError as error:
                if not _is_away(error):
                    raise
                log.warning("the database went away in a transaction: %s", error.orig)
                raise (Unsure() if ended else Busy(DATABASE)) from error

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """Open a transaction for reading: one consistent view on SQLite, fresh on PostgreSQL.

        There each statement sees what is committed when it begins, so they need no transaction
        around them, whose beginning and end would be a way to the server each.

        Raises `Busy` where the database is away or too busy.
        """
        async with self._line(**self._reading) as connection:
            try:
                async with connection.begin():
                    yield Tx(connection)
            except DBAPIError as error:
                if not _is_away(error):
                    raise
                log.warning("the database went away in a reading: %s", error.orig)
                raise Busy(DATABASE) from error

    @asynccontextmanager
    async def _line(self, **options: Any) -> AsyncIterator[AsyncConnection]:
        """Lend a connection of the pool; raises `Busy` when there is none to be had."""
        lent = self._engine.connect()
        try:
            # Each driver has its own ways to say that nobody answers.
            connection = await lent
        except Exception as error:
            log.warning("no connection to the database: %s", type(error).__name__)
            raise Busy(DATABASE) from error
        try:
            yield await connection.execution_options(**options) if options else connection
        finally:
            # Given back whatever happens: who is being cancelled does not take it along.
            await asyncio.shield(asyncio.create_task(connection.close()))

    async def migrate(self, serving: str = "") -> None:
        """Bring the schema up to date; safe to repeat.

        `serving` is the address by which another account works with it: that one gets the rights
        to, on PostgreSQL. Raises `SchemaBehind` where our account may not do it.
        """
        async with self._writer, self._engine.connect() as plain:
            connection = await plain.execution_options(writes=True)
            try:
                async with connection.begin():
                    await connection.run_sync(_upgrade)
                    if serving and not self._sqlite:
                        await connection.run_sync(grant, account_of(serving))
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != NOT_PERMITTED:
                    raise
                raise SchemaBehind from error

    async def ping(self) -> None:
        """Raise unless the database answers."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def scrub(self) -> bool:
        """Make what was deleted unreadable in the file; say whether all of it is.

        SQLite's log keeps older pages until it is emptied: not while somebody reads, and not for
        long. PostgreSQL clears up by itself in time (autovacuum).
        """
        path = make_url(self._url).database
        if not self._sqlite or path in {None, "", ":memory:"}:
            return True
        async with self._writer:
            return await asyncio.to_thread(_empty_log, str(path))

    async def close(self) -> None:
        """Give all connections back."""
        await self._engine.dispose()


def _is_away(error: DBAPIError) -> bool:
    """Say whether this is about the database itself, and not about what was asked of it."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in AWAY_CODES
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or state[:2] in AWAY_STATES:
        return True
    return isinstance(error, OperationalError | InterfaceError | InternalError)


def _upgrade(connection: Connection, revision: str = "head") -> None:
    if connection.dialect.name == "postgresql":
        # Processes that start together take turns; on SQLite the write transaction sees to that.
        connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _postgresql_engine(url: str) -> AsyncEngine:
    """Make an engine that asks the server no more than it must: the way there may be a long one."""
    kept = {"prepared_statement_cache_size": STATEMENTS}
    engine = create_async_engine(url, **_ENGINE, connect_args=kept)

    @event.listens_for(engine.sync_engine, "checkin")
    def _rest(_line: Any, record: Any) -> None:
        record.info["since"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def _wake(line: Any, record: Any, _lent: Any) -> None:
        since = record.info.get("since")
        if since is None:
            return
        if line.driver_connection.is_closed():
            raise InvalidatePoolError
        if time.monotonic() - since > RESTED_S:
            try:
                line.ping()
            except Exception as error:
                raise InvalidatePoolError from error

    return engine


def _sqlite_engine(url: str) -> AsyncEngine:
    path = make_url(url).database or ":memory:"
    engine = create_async_engine(url, **_ENGINE, async_creator=partial(connect, path))

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling starts them too late and double-books.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        _to_wal(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # What is deleted is overwritten, however the library was built.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _empty_log(path: str) -> bool:
    with closing(sqlite3.connect(path, timeout=SCRUB_S, isolation_level=None)) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return int(busy) == 0


def _to_wal(cursor: Any) -> None:
    """Switch a new file to WAL; of several that try at once SQLite turns all but one away.

    It does so without waiting, whatever the busy time-out is, to avoid a deadlock.
    """
    for tries_left in reversed(range(WAL_TRIES)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if not tries_left:
                raise
        else:
            return
