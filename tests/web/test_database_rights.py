"""On PostgreSQL one account changes the schema, and the one that serves cannot."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from invigilation.desk import audited
from invigilation.desk.office import SERVICE
from invigilation.store import Store
from tests.harness.servers import PostgresServer
from tests.harness.service import Service
from tests.invigilation.test_persons import Vault
from tests.web.machine import attested
from tests.web.office import open_world
from web.cli import main
from web.settings import Unable
from web.setup import migrate_by, open_store

REFUSED = (
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE INDEX mine ON audit (actor)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE audit ADD COLUMN mine int",
    "ALTER TABLE audit DISABLE TRIGGER ALL",
    "DROP TABLE audit_seal",
    "TRUNCATE audit",
    "TRUNCATE event",
    "DELETE FROM audit",
    "UPDATE event SET body = body",
    "DELETE FROM event",
    "UPDATE onboard_event SET body = body",
    "DELETE FROM onboard_event",
    "UPDATE erasure SET body = body",
    "DELETE FROM erasure",
    "UPDATE audit_seal SET body = body",
    "DELETE FROM audit_seal",
    "UPDATE alembic_version SET version_num = '0001'",
)

DELIVERED = (
    "UPDATE delivery SET state='delivered', accepted=next_at",
    "UPDATE booking SET state='attended'",
)


@dataclass(frozen=True)
class Two:
    """One database, by two accounts."""

    owner: str
    serving: str
    account: str
    everything: str
    """By the superuser."""


def plain(url: str) -> str:
    return url.replace("+asyncpg", "")


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(plain(url))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def two(postgres: PostgresServer) -> AsyncIterator[Two]:
    """As docs/operating.md makes them."""
    word = secrets.token_hex(4)
    owner, account = f"owner-{word}", f"serving_{word}"
    name = postgres.create()
    everything = postgres.url(name)
    await run(
        everything,
        f"CREATE ROLE \"{owner}\" LOGIN PASSWORD 'one'",
        f"CREATE ROLE {account} LOGIN PASSWORD 'two'",
        f'ALTER DATABASE {name} OWNER TO "{owner}"',
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {name} TO {account}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )

    def by(role: str) -> str:
        return everything.replace("postgres@", f"{role}:x@")

    yield Two(by(owner), by(account), account, everything)
    postgres.drop(name)
    await run(postgres.url("postgres"), f'DROP ROLE "{owner}"', f"DROP ROLE {account}")


async def test_serving_works_with_rows_alone(two: Two, tmp_path: Path) -> None:
    """Booked, sat, attested, sealed, forgotten and erased by an account without more rights."""
    await migrate_by(two.owner, two.serving)
    store = Store(two.serving)
    await open_store(store)
    world = await open_world(store, tmp_path)
    try:
        office = world.desk.office
        sitting = await attested(world)
        assert await audited.sweep(office) > 0
        async with store.write() as tx:
            for change in DELIVERED:
                await tx.audit._db.exec_driver_sql(change)
        await world.desk.erasure.forget(sitting.session, SERVICE, "They asked for it.")
        of = await world.desk.persons.find("learner-1")
        await world.desk.persons.erase(of, SERVICE, "They asked for it.", Vault().destroy)
        assert await audited.sweep(office) > 0
    finally:
        await world.client.close()
        await store.close()


async def test_what_is_not_its_own_is_refused_to_it(two: Two) -> None:
    await migrate_by(two.owner, two.serving)
    connection = await asyncpg.connect(plain(two.serving))
    passed = []
    for statement in REFUSED:
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            continue
        passed.append(statement)
    await connection.close()

    assert passed == []


async def test_rights_are_the_same_after_every_migration(two: Two) -> None:
    await migrate_by(two.owner, two.serving)
    await run(two.everything, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {two.account}")

    await migrate_by(two.owner, two.serving)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(two.serving, "DELETE FROM event")


async def test_a_schema_that_is_behind_is_a_plain_sentence(two: Two) -> None:
    store = Store(two.serving)

    with pytest.raises(Unable, match="run `invigilation migrate` with migration_database_url"):
        await open_store(store)
    await store.close()
    with pytest.raises(Unable, match="migration_database_url may not change the schema"):
        await migrate_by(two.serving, two.serving)


async def test_the_command_migrates_and_the_service_serves(
    two: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(tmp_path, {"INVIGILATION_DATABASE_URL": two.serving})
    monkeypatch.setenv("INVIGILATION_VAR", str(service.var))
    monkeypatch.setenv("INVIGILATION_DATABASE_URL", two.serving)
    monkeypatch.setenv("INVIGILATION_MIGRATION_DATABASE_URL", two.owner)
    monkeypatch.setattr("sys.argv", ["invigilation", "migrate"])

    def command() -> object:
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    assert not await asyncio.to_thread(command)

    await service.start()
    service.stop()
    assert "InsufficientPrivilege" not in service.log


async def test_a_database_that_one_account_owned_is_handed_over(
    two: Two, postgres: PostgresServer
) -> None:
    """As docs/operating.md says it for services that were set up before."""
    name = two.everything.rpartition("/")[2]
    await run(two.everything, f"ALTER DATABASE {name} OWNER TO {two.account}")
    store = Store(two.serving)
    await open_store(store)
    await store.close()
    owner = two.owner.partition("//")[2].partition(":")[0]

    await run(
        two.everything,
        f'ALTER DATABASE {name} OWNER TO "{owner}"',
        f'REASSIGN OWNED BY {two.account} TO "{owner}"',
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {name} TO {two.account}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )
    await migrate_by(two.owner, two.serving)

    store = Store(two.serving)
    await open_store(store)
    await store.close()
    for statement in ("DELETE FROM event", "CREATE TABLE mine (id int)"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run(two.serving, statement)
