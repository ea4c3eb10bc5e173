"""Secrets never get into the log: all of them marked, every edge driven, every line read."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import structlog
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from invigilation.desk.people import Reception
from web.app import application
from web.auth import cookies
from web.health import logs
from web.house import open_house
from web.settings import Settings

MARK = "canary7f3a"
"""Too short and too plain for the log's own filter: what is found was let in."""
NUMBERS = ("part", "offset", "n")
WITH_OTHERS = {
    "wrap_keys",
    "kms_token",
    "oidc_client_secret",
    "evidence_s3_secret",
    "copies_s3_secret",
}
"""Secrets that need a form of their own, or a service beside them that answers."""


def marked(name: str) -> SecretStr:
    return SecretStr(f"{MARK}-{name}")


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """The log, as the service writes it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, structlog.get_config()
    text = io.StringIO()
    logs.configure(text)
    yield text
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    structlog.configure(**before[2])


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path) -> Settings:
    """Settings with every secret that there is."""
    shutil.copy(sqlite_template, tmp_path / "invigilation.db")
    secrets = {
        name: marked(name)
        for name, field in Settings.model_fields.items()
        if field.annotation is SecretStr and name not in WITH_OTHERS
    }
    needed = {
        "turn_urls": ("turn:turn.example.com:3478",),
        "smtp_host": "127.0.0.1",
        "smtp_port": 9,
        "smtp_user": "user",
        "redis_url": f"redis://:{MARK}-redis@127.0.0.1:9/0",
        "rate_factor": 1_000,
        "identity_at_once": False,
    }
    return Settings(var=tmp_path, **needed, **secrets)


@pytest.fixture
async def client(
    settings: Settings, out: io.StringIO
) -> AsyncIterator[TestClient[aiohttp.web.Request, aiohttp.web.Application]]:
    del out  # it is there first
    app = application(open_house(settings))
    opened = TestClient(TestServer(app))
    await opened.start_server()
    yield opened
    await opened.close()


def sent() -> dict[str, dict[str, str]]:
    """What a caller may send that nobody else may see."""
    names = (cookies.STAFF, cookies.LEARNER, cookies.SECOND, cookies.VISITOR)
    pairs = "; ".join(f"{name}={MARK}-cookie-{name[-3:]}-0123456789" for name in names)
    return {
        "headers": {
            "Authorization": f"Bearer {MARK}-bearer",
            "Cookie": pairs,
            "X-CSRF-Token": f"{MARK}-csrf",
            "Stripe-Signature": f"t=1,v1={MARK}-signature",
            "Sec-Fetch-Site": "same-origin",
        },
        "params": {"token": f"{MARK}-query", "code": f"{MARK}-code", "state": f"{MARK}-state"},
    }


async def drive(
    client: TestClient[aiohttp.web.Request, aiohttp.web.Application], every: int = 1
) -> int:
    """Ask at every route, or every fourth, with secrets wherever they may stand; count them."""
    asked = 0
    form = dict.fromkeys(
        ("password", "client_secret", "id_token", "refresh_token", "code", "csrf", "email"),
        f"{MARK}-field",
    )
    for route in [*client.server.app.router.routes()][::every]:
        if route.resource is None or route.method == "HEAD":
            continue
        names = dict.fromkeys(NUMBERS, "1")
        path = route.resource.canonical
        for name in ("{" + one + "}" for one in names):
            path = path.replace(name, "1")
        while "{" in path:
            path = f"{path[: path.index('{')]}{MARK}-path{path[path.index('}') + 1 :]}"
        body = None if route.method == "GET" else form
        async with client.request(
            route.method, path, data=body, allow_redirects=False, **sent()
        ) as answer:
            await answer.read()
        asked += 1
    return asked


async def test_no_secret_gets_into_the_log(
    client: TestClient[aiohttp.web.Request, aiohttp.web.Application],
    settings: Settings,
    out: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = await drive(client)
    async with client.post(
        "/api/oauth/token",
        data={"grant_type": "client_credentials", "client_id": "x"},
        headers={"Authorization": aiohttp.encode_basic_auth("x", f"{MARK}-basic")},
    ) as answer:
        assert answer.status in {400, 401}
    with monkeypatch.context() as patch:
        patch.setattr(Reception, "login", broken_login)
        await drive(client, every=9)
    by_us = failed_pages(out.getvalue())
    with_database_gone(settings)
    broken = await drive(client, every=4)

    log = out.getvalue()
    assert asked > 150 > broken > 30
    assert "redis" in log  # it does say that Redis is away
    assert by_us > 0  # and that something of ours failed
    assert failed_pages(log) > by_us  # and, behind that, what the database was asked
    digests = [hashlib.sha256(f"{MARK}-path".encode()).hexdigest()]
    for secret in (MARK, *digests):
        assert [line for line in log.splitlines() if secret in line] == []


def failed_pages(log: str) -> int:
    """Count the lines in which the service says that a page failed, and by which fault."""
    lines = [json.loads(line) for line in log.splitlines()]
    said = [one for one in lines if str(one["event"]).startswith("page failed: ")]
    assert all(one["level"] == "error" and one["exception"] for one in said)
    return len(said)


async def broken_login(_: Reception, token: str) -> None:
    """Fail as a fault of ours would, with what it was given in its words."""
    raise KeyError(token)


def with_database_gone(settings: Settings) -> None:
    """Break what every page reads: the faults that follow quote what was asked of it."""
    with sqlite3.connect(settings.var / "invigilation.db") as line:
        line.execute("ALTER TABLE login RENAME TO login_gone")
    line.close()


def test_a_secret_of_the_settings_is_never_written_out(settings: Settings) -> None:
    assert MARK not in repr(settings).replace(settings.redis_url, "")
    assert MARK not in str(settings).replace(settings.redis_url, "")


def test_whatever_is_named_like_a_secret_is_one() -> None:
    words = ("password", "secret", "token", "api_key", "wrap_keys")
    plain = {"kms_token_file"}  # where it lies, not what it is
    named = {name for name in Settings.model_fields if name.endswith(words)} - plain

    assert {name for name in named if Settings.model_fields[name].annotation is not SecretStr} == (
        set()
    )
    assert named >= WITH_OTHERS
