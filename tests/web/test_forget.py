"""`invigilation forget`: what it erases, and what it says when it must not."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from invigilation.record import Entry
from invigilation.store import Store
from tests import builders
from tests.builders import FixedClock
from web.cli import main


async def _cancelled(directory: Path, template: Path, *, delivered: bool) -> str:
    """Make an office with a session that was cancelled for a private reason; return its id."""
    async with builders.sqlite_store(directory, template) as store:
        desk = builders.office(store, FixedClock())
        await builders.add_assessment(desk)
        await builders.add_invigilator(desk, "Ann Archer")
        one = await builders.book(desk)
        await desk.bookings.cancel(one.booking, "My mother is ill.")
        if delivered:
            async with store.write() as tx:
                await tx.bookings._db.execute(text("UPDATE delivery SET state = 'delivered'"))
    return one.session


async def _entries(url: str, session: str) -> list[Entry]:
    store = Store(url)
    try:
        async with store.read() as tx:
            return await tx.sessions.entries(session)
    finally:
        await store.close()


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    address = f"sqlite+aiosqlite:///{tmp_path / 'office.sqlite3'}"
    monkeypatch.setenv("INVIGILATION_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("INVIGILATION_DATABASE_URL", address)
    return address


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["invigilation", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_session_is_forgotten(
    url: str,
    tmp_path: Path,
    sqlite_template: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = asyncio.run(_cancelled(tmp_path, sqlite_template, delivered=True))
    before = asyncio.run(_entries(url, session))

    code = run(monkeypatch, "forget", session, "--reason", "They asked for it.")

    said = capsys.readouterr().out
    assert (code, f"{session}: names and texts erased from the record: 1." in said) == (0, True)
    *entries, last = asyncio.run(_entries(url, session))
    assert "My mother is ill." in before[-1].data.values()
    assert [one.body for one in entries] == [one.body for one in before]
    assert "My mother is ill." not in entries[-1].data.values()
    assert (last.kind, last.actor) == ("texts_erased", "staff:operator")


def test_what_is_still_needed_is_not_forgotten(
    url: str,
    tmp_path: Path,
    sqlite_template: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = asyncio.run(_cancelled(tmp_path, sqlite_template, delivered=False))

    codes = [
        run(monkeypatch, "forget", ident, "--reason", "They asked for it.")
        for ident in (session, "se_none")
    ]

    said = capsys.readouterr().err
    assert codes == [1, 1]
    assert "delivered" in said
    assert "no such session" in said
    assert "My mother is ill." in asyncio.run(_entries(url, session))[-1].data.values()
