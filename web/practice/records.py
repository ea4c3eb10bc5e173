"""What the practice backend keeps: learners, requests, webhooks, reports, in one SQLite file.

Every method opens the database, does one transaction and closes it; call them off the event loop.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

BUSY_S = 10.0
LOG_SHOWN = 100
_SCHEMA = """
CREATE TABLE IF NOT EXISTS learner (
    reference TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL,
    born TEXT NOT NULL DEFAULT '', document_number TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS request (
    reference TEXT PRIMARY KEY, nonce TEXT NOT NULL UNIQUE, learner TEXT NOT NULL,
    assessment TEXT NOT NULL, token TEXT NOT NULL UNIQUE, created TEXT NOT NULL,
    service_id TEXT, booking_url TEXT, problem TEXT);
CREATE TABLE IF NOT EXISTS event (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, session TEXT NOT NULL, digest TEXT NOT NULL,
    request TEXT NOT NULL, at TEXT NOT NULL, received TEXT NOT NULL, data TEXT NOT NULL,
    UNIQUE (session, type, digest));
CREATE INDEX IF NOT EXISTS event_request ON event (request);
CREATE TABLE IF NOT EXISTS report (
    session TEXT PRIMARY KEY, request TEXT NOT NULL, learner TEXT NOT NULL, outcome TEXT NOT NULL,
    due TEXT NOT NULL, sha256 TEXT NOT NULL, verified TEXT NOT NULL, jws TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'remote', invigilator TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY, at TEXT NOT NULL, webhook TEXT NOT NULL, type TEXT NOT NULL,
    status INTEGER NOT NULL, note TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS attempt (
    token TEXT PRIMARY KEY, answers TEXT NOT NULL, percent INTEGER, passed INTEGER, at TEXT);
"""
_ADDED = (
    ("report", "kind", "ALTER TABLE report ADD COLUMN kind TEXT NOT NULL DEFAULT 'remote'"),
    ("report", "invigilator", "ALTER TABLE report ADD COLUMN invigilator TEXT NOT NULL DEFAULT ''"),
    ("learner", "born", "ALTER TABLE learner ADD COLUMN born TEXT NOT NULL DEFAULT ''"),
    (
        "learner",
        "document_number",
        "ALTER TABLE learner ADD COLUMN document_number TEXT NOT NULL DEFAULT ''",
    ),
)
"""What a file made by an earlier version lacks."""
FIRST_LEARNERS = (
    ("L-1001", "Maria Santos", "maria.santos@example.org", "1994-03-17", "LM4821735"),
    ("L-1002", "Arjun Nair", "arjun.nair@example.org", "1988-11-02", ""),
    ("L-1003", "Olena Koval", "olena.koval@example.org", "1996-05-29", ""),
    ("L-1004", "Kwame Mensah", "kwame.mensah@example.org", "", ""),
    ("L-1005", "Erik Lindqvist", "erik.lindqvist@example.org", "", ""),
)
"""Of some, the training company knows the day of birth, of one the document's number, too."""


@dataclass(frozen=True, slots=True)
class Learner:
    """Somebody who takes the course here; `born` (ISO) and `document_number` may be empty."""

    reference: str
    name: str
    email: str
    born: str = ""
    document_number: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A session asked for, and what the service said to it."""

    reference: str
    nonce: str
    learner: str
    assessment: str
    token: str
    created: str
    service_id: str | None
    booking_url: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook that was accepted; `at` is the service's time (RFC 3339), `data` its facts."""

    id: str
    type: str
    session: str
    digest: str
    request: str
    at: str
    received: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """A report whose seal held; `sha256` is of the sealed text.

    `kind` is `remote` or `onboard`, `invigilator` who was to watch: both as attested.
    """

    session: str
    request: str
    learner: str
    outcome: str
    due: str
    sha256: str
    verified: str
    jws: str
    kind: str
    invigilator: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call of the webhook address and what was answered."""

    at: str
    webhook: str
    type: str
    status: int
    note: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a learner has answered; marked once it was handed in."""

    answers: dict[int, int]
    percent: int | None
    passed: bool | None
    at: str | None


class Records:
    """The tables, behind the few things that are done with them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Make the tables, and the first learners when there is nobody."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._connect()) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
            for table, name, step in _ADDED:
                rows = db.execute("SELECT name FROM pragma_table_info(?)", (table,))
                if name not in {row["name"] for row in rows}:
                    db.execute(step)
        with self._transaction() as db:
            if db.execute("SELECT count(*) FROM learner").fetchone()[0] == 0:
                db.executemany("INSERT INTO learner VALUES (?, ?, ?, ?, ?)", FIRST_LEARNERS)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
        db.row_factory = sqlite3.Row
        return db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def learners(self) -> list[Learner]:
        """Return everybody, by reference."""
        with self._transaction() as db:
            rows = db.execute("SELECT * FROM learner ORDER BY reference").fetchall()
        return [Learner(**row) for row in rows]

    def add_learner(self, name: str, email: str, born: str, document_number: str) -> Learner:
        """Enrol somebody under the next reference; the last two may be empty."""
        with self._transaction() as db:
            count = db.execute("SELECT count(*) FROM learner").fetchone()[0]
            learner = Learner(f"L-{1001 + count}", name, email, born, document_number)
            db.execute("INSERT INTO learner VALUES (?, ?, ?, ?, ?)", astuple(learner))
        return learner

    def learner(self, reference: str) -> Learner | None:
        """Find somebody."""
        with self._transaction() as db:
            row = db.execute("SELECT * FROM learner WHERE reference = ?", (reference,)).fetchone()
        return Learner(**row) if row else None

    def begin_request(
        self, nonce: str, learner: str, assessment: str, token: str, now: str
    ) -> Request:
        """Note a wish before it is sent; the same nonce gives the same request."""
        with self._transaction() as db:
            count = db.execute("SELECT count(*) FROM request").fetchone()[0]
            reference = f"{learner}-{count + 1:04d}"
            db.execute(
                "INSERT OR IGNORE INTO request (reference, nonce, learner, assessment, token, "
                "created) VALUES (?, ?, ?, ?, ?, ?)",
                (reference, nonce, learner, assessment, token, now),
            )
            row = db.execute("SELECT * FROM request WHERE nonce = ?", (nonce,)).fetchone()
        return Request(**row)

    def settle_request(
        self, reference: str, service_id: str | None, booking_url: str | None, problem: str | None
    ) -> None:
        """Write what the service said."""
        with self._transaction() as db:
            db.execute(
                "UPDATE request SET service_id = ?, booking_url = ?, problem = ? "
                "WHERE reference = ?",
                (service_id, booking_url, problem, reference),
            )

    def requests(self) -> list[Request]:
        """Return all requests, the newest first."""
        with self._transaction() as db:
            rows = db.execute("SELECT * FROM request ORDER BY created DESC").fetchall()
        return [Request(**row) for row in rows]

    def request_of(self, token: str) -> Request | None:
        """Find the request that an assessment's link belongs to."""
        with self._transaction() as db:
            row = db.execute("SELECT * FROM request WHERE token = ?", (token,)).fetchone()
        return Request(**row) if row else None

    def receive(self, event: Event, report: Report | None) -> bool:
        """Keep a webhook, and its report, in one transaction; False when it came before."""
        with self._transaction() as db:
            done = db.execute(
                "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    event.id,
                    event.type,
                    event.session,
                    event.digest,
                    event.request,
                    event.at,
                    event.received,
                    json.dumps(event.data),
                ),
            )
            new = done.rowcount == 1
            if new and report:
                db.execute(
                    "INSERT OR IGNORE INTO report VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        report.session,
                        report.request,
                        report.learner,
                        report.outcome,
                        report.due,
                        report.sha256,
                        report.verified,
                        report.jws,
                        report.kind,
                        report.invigilator,
                    ),
                )
        return new

    def events(self, request: str | None = None) -> list[Event]:
        """Return the webhooks accepted, of one request or all, in the service's order of time."""
        where, values = ("WHERE request = ? ", (request,)) if request is not None else ("", ())
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT * FROM event {where}ORDER BY at, rowid",  # noqa: S608 - fixed words
                values,
            ).fetchall()
        return [Event(**{**row, "data": json.loads(row["data"])}) for row in rows]

    def reports(self) -> list[Report]:
        """Return the verified reports, the oldest first."""
        with self._transaction() as db:
            rows = db.execute("SELECT * FROM report ORDER BY verified, session").fetchall()
        return [Report(**row) for row in rows]

    def report(self, session: str) -> Report | None:
        """Return the report of a session, as it was first kept."""
        with self._transaction() as db:
            row = db.execute("SELECT * FROM report WHERE session = ?", (session,)).fetchone()
        return Report(**row) if row else None

    def log(self, delivery: Delivery) -> None:
        """Note a call of the webhook address."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO delivery (at, webhook, type, status, note) VALUES (?, ?, ?, ?, ?)",
                (delivery.at, delivery.webhook, delivery.type, delivery.status, delivery.note),
            )
            db.execute(
                "DELETE FROM delivery WHERE number <= (SELECT max(number) FROM delivery) - 1000"
            )

    def deliveries(self) -> list[Delivery]:
        """Return the last calls of the webhook address, the newest first."""
        with self._transaction() as db:
            rows = db.execute(
                "SELECT at, webhook, type, status, note FROM delivery ORDER BY number DESC LIMIT ?",
                (LOG_SHOWN,),
            ).fetchall()
        return [Delivery(**row) for row in rows]

    def save_attempt(self, token: str, attempt: Attempt) -> None:
        """Keep what a learner has answered."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?, ?)",
                (
                    token,
                    json.dumps(attempt.answers),
                    attempt.percent,
                    attempt.passed,
                    attempt.at,
                ),
            )

    def attempt(self, token: str) -> Attempt | None:
        """Return what a learner has answered."""
        with self._transaction() as db:
            row = db.execute(
                "SELECT answers, percent, passed, at FROM attempt WHERE token = ?", (token,)
            ).fetchone()
        if row is None:
            return None
        answers = {int(n): int(a) for n, a in json.loads(row["answers"]).items()}
        passed = None if row["passed"] is None else bool(row["passed"])
        return Attempt(answers, row["percent"], passed, row["at"])
