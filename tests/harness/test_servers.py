from __future__ import annotations

import contextlib
import gc
import smtplib
import socket
import sys
from email.message import EmailMessage
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from invigilation.store import Store
from tests.harness.process import Process, free_port, listens
from tests.harness.servers import (
    Mailbox,
    PostgresServer,
    RedisServer,
    mail_server,
    postgres_server,
    redis_server,
)
from tests.harness.waiting import until, wait_until


def plain(url: str) -> str:
    return url.replace("+asyncpg", "")


async def test_a_fresh_database_on_either_kind_is_migrated_and_answers(store: Store) -> None:
    await store.ping()

    async with store.read() as tx:
        assert tx is not None


@pytest.mark.store
async def test_commits_survive_a_crash_of_postgresql() -> None:
    with postgres_server() as server:
        address = plain(server.url(server.create()))
        line = await asyncpg.connect(address)
        await line.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        line.terminate()

        server.crash()
        server.start()

        line = await asyncpg.connect(address)
        found = await line.fetchval("SELECT n FROM kept")
        await line.close()
    assert found == 7
    assert not listens(server.port)
    assert not server.directory.exists()


@pytest.mark.store
async def test_postgresql_syncs_and_a_copy_of_a_database_has_its_tables(
    postgres: PostgresServer,
) -> None:
    first = postgres.create()
    line = await asyncpg.connect(plain(postgres.url(first)))
    synced = await line.fetchval("SHOW fsync")
    await line.execute("CREATE TABLE kept (n int)")
    await line.close()

    copy = postgres.create(template=first)

    line = await asyncpg.connect(plain(postgres.url(copy)))
    rows = await line.fetch("SELECT * FROM kept")
    await line.close()
    postgres.drop(copy)
    postgres.drop(first)
    assert (synced, rows) == ("on", [])


async def test_redis_comes_goes_and_comes_back_empty() -> None:
    with redis_server() as server:
        async with Redis.from_url(server.url) as client:
            await client.set("a", "1")

        server.stop()
        gone = not listens(server.port)
        server.start()

        async with Redis.from_url(server.url) as client:
            assert (gone, await client.get("a")) == (True, None)
    assert not listens(server.port)


async def test_one_redis_serves_the_session(redis: RedisServer) -> None:
    async with Redis.from_url(redis.url) as client:
        assert await client.ping()


async def test_mail_arrives_with_its_recipients(mailbox: Mailbox) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "office@example.org", "a@example.org", "Ahoy"
    letter.set_content("Grüße\n")

    with smtplib.SMTP(mailbox.host, mailbox.port) as line:
        line.send_message(letter, to_addrs=["a@example.org", "b@example.org"])

    kept = await mailbox.wait_for("b@example.org")
    assert (kept["Subject"], kept.get_content()) == ("Ahoy", "Grüße\r\n")
    assert mailbox.to("c@example.org") == []


def test_the_mail_server_is_gone_afterwards_and_closes_lines_left_open() -> None:
    with contextlib.ExitStack() as lines, mail_server() as server:
        for _ in range(20):
            where = (server.host, server.port)
            lines.enter_context(socket.create_connection(where, timeout=5))

    gc.collect()  # an unclosed transport would warn here, and a warning is an error
    assert not listens(server.port)


def test_a_program_that_ended_is_shown_with_its_log(tmp_path: Path) -> None:
    process = Process([sys.executable, "-c", "print('so long')"], tmp_path / "log")
    process.start()

    with pytest.raises(AssertionError, match="so long"):
        wait_until(process.must_live, 10, "its end")


def test_a_killed_program_is_gone_and_starts_again(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    process = Process(command, tmp_path / "log", directory=tmp_path)
    process.start()
    wait_until(lambda: listens(port) or process.must_live(), 10, "the port")

    process.kill()

    assert (process.alive, listens(port)) == (False, False)
    process.start()
    wait_until(lambda: listens(port) or process.must_live(), 10, "the port again")
    process.kill()


async def test_a_wait_names_what_did_not_come() -> None:
    with pytest.raises(TimeoutError, match=r"waited 0 s for the tide"):
        await until(lambda: False, 0, "the tide")
