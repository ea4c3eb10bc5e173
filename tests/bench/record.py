"""What the attested record costs: an event, a seal, a report, and checking a long session.

An event of the record alone is its canonical body and its signature; one in the database is a
committed transaction of its own, as in a live session (SQLite, `synchronous=FULL`). A report is a
PDF drawn and certified. The long session has 10,000 events, far more than any of two hours.

`python -m tests.bench record [--events 10000] [--runs 3]`
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import functools
import hashlib
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from invigilation import record
from invigilation.desk.office import held
from invigilation.office_hours import Window
from recordings.bundle import Piece, packed, record_piece
from recordings.seal import Seal, SigningKey
from recordings.verify import verify
from tests.bench import Measure
from tests.bench.filled import MONDAY, filled
from tests.recordings import reports

SESSION = "ses_bench"
BEGIN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PICTURE = bytes(range(256)) * 400
PICTURES = 8
STORED = 300
WEEK = timedelta(weeks=1)
TEXT = "May I drink some water?"


def run(arguments: list[str]) -> list[Measure]:
    """Measure; see the module."""
    options = argparse.ArgumentParser(prog="./dev bench record")
    options.add_argument("--events", type=int, default=10_000)
    options.add_argument("--runs", type=int, default=3)
    chosen = options.parse_args(arguments)
    key = SigningKey.generate()
    began, used = perf_counter(), process_time()
    entries = _entries(key, chosen.events)
    micros = 1_000_000 / chosen.events
    measures = [
        Measure("event, written and signed, wall", (perf_counter() - began) * micros, "us", 1),
        Measure("event, written and signed, CPU", (process_time() - used) * micros, "us", 1),
        *asyncio.run(_stored()),
    ]
    payload = record.canonical(_payload(entries))
    measures += _both("seal of an attestation", lambda: Seal(key).seal(payload), 200)
    measures += _both("report for people, PDF", lambda: reports.sealed(reports.source()), 3)
    file = _file(entries, key, payload)
    bundle = packed([record_piece(file), *_pictures()])
    keys = {key.key_id: key.public}
    assert verify(bundle, keys, now=BEGIN).ok
    name = f"verify {chosen.events:,} events"
    measures += _both(f"{name}, record", lambda: verify(file, keys), chosen.runs)
    measures += _both(f"{name}, bundle", lambda: verify(bundle, keys), chosen.runs)
    shared = functools.partial(verify, bundle, keys, processes=2)
    measures += _both(f"{name}, two processes", shared, chosen.runs)[:1]
    return measures


def _both(name: str, act: Callable[[], object], runs: int) -> list[Measure]:
    """Return the medians of wall and processor time of a call, in milliseconds."""
    wall, cpu = [], []
    for _ in range(runs):
        began, used = perf_counter(), process_time()
        act()
        wall.append((perf_counter() - began) * 1_000)
        cpu.append((process_time() - used) * 1_000)
    return [
        Measure(f"{name}, wall", median(wall), "ms", runs),
        Measure(f"{name}, CPU", median(cpu), "ms", runs),
    ]


def _entries(key: SigningKey, count: int) -> list[record.Entry]:
    """Return the entries of a session: every tenth holds a text under seal."""
    head, entries = record.EMPTY, []
    for number in range(count):
        when = record.Moment(BEGIN + timedelta(milliseconds=number * 700), number * 700)
        kind = "chat" if number % 10 == 0 else "signal"
        data = {"signal": "picture", "state": "black", "n": number}
        private = {"text": TEXT} if kind == "chat" else {}
        entry = record.write(head, SESSION, when, kind, "learner", data, key, private)
        head = entry.head
        entries.append(entry)
    return entries


def _payload(entries: list[record.Entry]) -> dict[str, object]:
    head = entries[-1].head
    return {
        "format": "invigilation-attestation/2",
        "session": SESSION,
        "attested_at": record.stamp(entries[-1].at),
        "evidence": _listed(),
        "chain": {"head": head.digest, "length": head.seq},
        "incidents": [{"id": f"in_{number}", "severity": "low"} for number in range(20)],
    }


def _listed() -> list[dict[str, object]]:
    digest = hashlib.sha256(PICTURE).hexdigest()
    return [
        {"id": f"ev_{number}", "kind": "face", "sha256": digest, "size": len(PICTURE)}
        for number in range(PICTURES)
    ]


def _pictures() -> list[Piece]:
    return [Piece.of(f"evidence/ev_{number}.jpg", PICTURE) for number in range(PICTURES)]


def _file(entries: list[record.Entry], key: SigningKey, payload: bytes) -> bytes:
    openings = {
        one.seal: {"key": one.key.hex(), "text": one.text}
        for entry in entries
        for one in entry.private
    }
    whole = {
        "format": "invigilation-record/2",
        "session": SESSION,
        "events": [
            {
                "body": entry.body.decode(),
                "signature": base64.urlsafe_b64encode(entry.signature).rstrip(b"=").decode(),
                "key_id": entry.key_id,
            }
            for entry in entries
        ],
        "attestation": Seal(key).seal(payload).decode(),
        "openings": openings,
        "evidence": _listed(),
        "anchors": [],
    }
    return record.canonical(whole)


async def _stored() -> list[Measure]:
    """Measure events that are committed one by one."""
    wall, cpu = [], []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'office.db'}"
        async with filled(url, 2, 100) as (desk, request):
            offered = await desk.bookings.starts(request, Window(MONDAY, MONDAY + WEEK))
            sitting = await desk.bookings.book(request, offered[0], "Europe/London")
            for number in range(STORED):
                data: record.Data = {"signal": "picture", "state": "black", "n": number}
                began, used = perf_counter(), process_time()
                async with desk.office.store.write() as tx:
                    one = await held(tx, sitting.session)
                    await tx.sessions.append(desk.office.entry(one, "signal", "learner", data))
                wall.append((perf_counter() - began) * 1_000_000)
                cpu.append((process_time() - used) * 1_000_000)
    return [
        Measure("event, committed on SQLite, wall", median(wall), "us", STORED),
        Measure("event, committed on SQLite, CPU", median(cpu), "us", STORED),
    ]
