"""Snapshots of the database: taken under writers, put back elsewhere, on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from invigilation.people import Role, Staff
from invigilation.store import Store, snapshot
from invigilation.store.snapshot import NoSnapshot

ANA = Staff("st_ana", "ana@example.com", "Ana Reyes", frozenset({Role.INVIGILATOR}))
TOM = Staff("st_tom", "tom@example.com", "Tom Field", frozenset({Role.SCHEDULER}))


def empty(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of another empty database of the same kind."""
    if make_url(url).get_backend_name() == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/restored.db"
    server = request.getfixturevalue("postgres")
    return str(server.url(server.create()))


async def staff_of(url: str) -> list[str]:
    store = Store(url)
    try:
        async with store.read() as tx:
            return sorted(one.name for one in await tx.people.all_staff())
    finally:
        await store.close()


async def test_a_snapshot_is_the_database_as_it_was(
    migrated_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    store = Store(migrated_url)
    async with store.write() as tx:
        await tx.people.add_staff(ANA, "hash")
    elsewhere = empty(migrated_url, request, tmp_path)
    async with store.write() as tx:
        await tx.people.add_staff(TOM, "hash")  # not committed yet

        def taken() -> bytes:
            return b"".join(snapshot.taken(migrated_url, tmp_path / "scratch"))

        data = await asyncio.to_thread(taken)

    kind = snapshot.kind_of(migrated_url)
    await asyncio.to_thread(snapshot.put_back, [data], kind, elsewhere)

    assert await staff_of(elsewhere) == ["Ana Reyes"]
    assert await staff_of(migrated_url) == ["Ana Reyes", "Tom Field"]
    assert not (tmp_path / "scratch").exists()
    await store.close()


async def test_what_cannot_be_taken_or_put_back_is_said_without_the_password(
    postgres, tmp_path: Path
) -> None:
    nowhere = "postgresql+asyncpg://ana:secret@127.0.0.1:9/none"
    missing = f"sqlite+aiosqlite:///{tmp_path}/none.db"
    said = []
    for act in (
        lambda: list(snapshot.taken(nowhere, tmp_path / "scratch")),
        lambda: list(snapshot.taken(missing, tmp_path / "scratch")),
        lambda: snapshot.put_back([b"no dump"], "postgresql", postgres.url("postgres")),
        lambda: snapshot.put_back([b"x"], "sqlite", nowhere),
    ):
        with pytest.raises(NoSnapshot) as refused:
            await asyncio.to_thread(act)
        said.append(str(refused.value))

    assert said[0].startswith("pg_dump failed:")
    assert said[1].startswith("The database cannot be copied:")
    assert said[2].startswith("pg_restore failed:")
    assert said[3] == "The snapshot is of sqlite: name such a database."
    assert "secret" not in "".join(said)
    assert not (tmp_path / "none.db").exists()
