"""Fixtures of the pages: one office with people, over a real database."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from invigilation.store import Store
from tests.web.machine import machine, session
from tests.web.office import World, open_world, people

__all__ = ["machine", "session", "world"]


@pytest.fixture(scope="session")
def office_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the office's people in it, to be copied."""
    path = tmp_path_factory.mktemp("office") / "office.sqlite3"
    shutil.copy(sqlite_template, path)

    async def fill() -> None:
        store = Store(f"sqlite+aiosqlite:///{path}")
        await people(store, "")
        await store.close()

    asyncio.run(fill())
    return path


@pytest.fixture
async def world(office_template: Path, tmp_path: Path) -> AsyncIterator[World]:
    """An office with staff, a rota and an assessment, and its pages served."""
    path = tmp_path / "office.sqlite3"
    shutil.copy(office_template, path)
    store = Store(f"sqlite+aiosqlite:///{path}")
    opened = await open_world(store, tmp_path, peopled=True)
    yield opened
    await opened.client.close()
    await store.close()
