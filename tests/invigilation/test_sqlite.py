"""Our cursor over aiosqlite: all of a statement in one visit to the connection's thread."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from invigilation.store.sqlite import connect


async def test_a_statement_brings_its_rows_and_figures_in_one_visit(tmp_path):
    line = await connect(str(tmp_path / "a.db"))
    visits = []
    real = line.visit

    async def counted(errand):
        visits.append(errand)
        await real(errand)

    line.visit = counted
    cursor = line.cursor()
    await cursor.execute("CREATE TABLE one (a, b)")
    await cursor.executemany("INSERT INTO one VALUES (?, ?)", [(1, "x"), (2, "y")])
    made = cursor.rowcount
    await cursor.execute("SELECT a, b FROM one ORDER BY a")
    rows = await cursor.fetchall()
    again = await cursor.fetchall()
    names = [column[0] for column in cursor.description]
    await cursor.close()
    await line.close()

    assert (made, rows, list(again), names) == (2, [(1, "x"), (2, "y")], [], ["a", "b"])
    assert len(visits) == 3


async def test_what_the_database_refuses_is_raised_and_the_line_stays_usable(tmp_path):
    line = await connect(str(tmp_path / "a.db"))
    cursor = line.cursor()
    await cursor.execute("CREATE TABLE one (a UNIQUE)")
    await cursor.execute("INSERT INTO one VALUES (?)", (1,))
    with pytest.raises(sqlite3.IntegrityError):
        await cursor.execute("INSERT INTO one VALUES (?)", (1,))
    await cursor.execute("SELECT count(*) FROM one")
    rows = await cursor.fetchall()
    await line.close()

    assert rows == [(1,)]


async def test_a_closed_line_leaves_no_thread(tmp_path):
    before = threading.active_count()
    line = await connect(str(tmp_path / "a.db"))
    assert threading.active_count() == before + 1
    await line.close()
    line._thread.join(5)

    assert threading.active_count() == before
