"""The search for people in a log finds them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.harness.discretion import personal, told


def test_what_a_log_says_of_people_is_found(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    with closing(sqlite3.connect(database)) as line, line:
        line.execute("CREATE TABLE learner (name, email, document_number)")
        line.execute("CREATE TABLE staff (name, email)")
        line.execute("CREATE TABLE sealed_text (text)")
        line.execute("INSERT INTO learner VALUES ('Noor Åberg', 'noor@example.org', NULL)")
        line.execute("INSERT INTO staff VALUES ('Ana Reyes', 'ana@example.org')")
        line.execute("INSERT INTO sealed_text VALUES ('P12345678'), ('network'), ('ok')")

    log = '{"event": "network ok"}\n{"event": "NOOR \\u00c5BERG"}\n{"n": "p12345678"}'

    known = personal(database)
    found = [one.partition(" in ")[0] for one in told(log, known)]
    assert known == {"Noor Åberg", "noor@example.org", "Ana Reyes", "ana@example.org", "P12345678"}
    assert sorted(found) == ["'Noor Åberg'", "'P12345678'"]
