"""Fixtures of the pages: one office with people, over a real database."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from invigilation.store import Store
from tests.web.machine import machine, session
from tests.web.office import World, open_world

__all__ = ["machine", "session", "world"]


@pytest.fixture
async def world(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[World]:
    """An office with staff, a rota and an assessment, and its pages served."""
    path = tmp_path / "office.sqlite3"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite+aiosqlite:///{path}")
    opened = await open_world(store, tmp_path)
    yield opened
    await opened.client.close()
    await store.close()
