"""Fixtures of every test: databases, servers, the service, films and browsers."""

from __future__ import annotations

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar

import aiohttp_jinja2
import pytest
import structlog
from argon2 import PasswordHasher
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from playwright.async_api import Playwright, async_playwright
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from invigilation.store import Store
from tests.harness.browser import Browsers
from tests.harness.emptying import emptying
from tests.harness.films import FilmStore
from tests.harness.servers import (
    Mailbox,
    PostgresServer,
    RedisServer,
    mail_server,
    postgres_server,
    redis_server,
)
from tests.harness.service import Practice, Program, Service

# Nothing of what is imported and collected is ever garbage: it is not gone through to find some.
gc.disable()

ProgramT = TypeVar("ProgramT", bound=Program)
SHARED = "begun"
"""A fixture that is made once in each process, and takes long: one part has all who use it."""
_REPORT = pytest.StashKey[pytest.TestReport]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Keep how a test went, so that its fixtures may print logs and take pictures of a failure."""
    report = yield
    if report.when == "call":
        item.stash[_REPORT] = report
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Let no example of Hypothesis fail for the time that it took: the machines are shared."""
    if config.pluginmanager.has_plugin("hypothesispytest"):
        from hypothesis import settings  # noqa: PLC0415 - the journeys do without it

        settings.register_profile("shared", deadline=None)
        settings.load_profile("shared")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run be shared by several processes: `--part 1/2` and `--part 2/2`, by modules."""
    parser.addoption("--part", help="N/M: of the chosen modules only one in M, the Nth share")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the modules of this process's part."""
    part = config.getoption("--part")
    if part is None:
        return
    number, parts = (int(one) for one in part.split("/"))
    sharing = {item.path for item in items if SHARED in getattr(item, "fixturenames", ())}
    dealt = [sorted(sharing), *([] for _ in range(parts - 1))]
    for module in sorted({item.path for item in items} - sharing):
        min(dealt, key=len).append(module)
    mine = set(dealt[number - 1])
    config.hook.pytest_deselected(items=[item for item in items if item.path not in mine])
    items[:] = [item for item in items if item.path in mine]


def pytest_collection_finish() -> None:
    """Look for garbage from here on, and in what the tests make alone."""
    gc.freeze()
    gc.enable()


def _failed(request: pytest.FixtureRequest) -> bool:
    report = request.node.stash.get(_REPORT, None)
    return report is None or report.failed


# --- servers ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL cluster for the session."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """One Redis for the session: clear what you put there, or use keys of your own."""
    with redis_server() as server:
        yield server


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server of this test's own."""
    with mail_server() as server:
        yield server


# --- databases ----------------------------------------------------------------------------------


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.store),
        pytest.param("postgresql", marks=pytest.mark.store),
    ]
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of an empty database; the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield _sqlite(tmp_path / "test.sqlite3")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema in it, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    asyncio.run(_migrate(_sqlite(path)))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """The name of a PostgreSQL database with the schema in it, to be copied."""
    name = postgres.create()
    asyncio.run(_migrate(postgres.url(name)))
    return name


@pytest.fixture(scope="session")
def emptied_database(
    postgres: PostgresServer, postgres_template: str
) -> Iterator[Callable[[], str]]:
    """What gives the address of the one PostgreSQL database that tests share, emptied anew.

    Whoever a test before left connected is put out.
    """
    url = postgres.url(postgres.create(template=postgres_template))
    with emptying(url, alone=True) as empty:

        def emptied() -> str:
            empty()
            return url

        yield emptied


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.store),
        pytest.param("postgresql", marks=pytest.mark.store),
    ]
)
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a database with the schema and no rows, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "test.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return _sqlite(path)
    return request.getfixturevalue("emptied_database")()


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Store]:
    """A store over an empty, migrated database; the test runs on SQLite and on PostgreSQL."""
    opened = Store(migrated_url)
    yield opened
    await opened.close()


def _sqlite(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


async def _migrate(url: str) -> None:
    opened = Store(url)
    try:
        await opened.migrate()
    finally:
        await opened.close()


# --- the service, its backend, and people -------------------------------------------------------


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """The service, not yet started, with a `var` folder of its own."""
    yield from _with_log(request, Service(tmp_path))


@pytest.fixture
def practice(
    request: pytest.FixtureRequest, tmp_path: Path, service: Service
) -> Iterator[Practice]:
    """The practice assessment backend of `service`, not yet started."""
    yield from _with_log(request, Practice(tmp_path, service))


def _with_log(request: pytest.FixtureRequest, program: ProgramT) -> Iterator[ProgramT]:
    yield program
    try:
        program.stop()
    finally:
        program.kill()
        if _failed(request):
            print(f"\n--- log of {type(program).__name__} ---\n{program.process.tail(200)}")


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> FilmStore:
    """Camera films and microphone sounds, each made once a session."""
    return FilmStore(tmp_path_factory.mktemp("films"), fps=5)


def _as_long_as_its_loop(fixture_name: str, config: pytest.Config) -> str:
    """Return the scope of what lives in the tests' event loop, which the command line may set."""
    return str(config.getini("asyncio_default_fixture_loop_scope"))


@pytest.fixture(scope=_as_long_as_its_loop)
async def driver() -> AsyncIterator[Playwright]:
    """Playwright's driver, a program that takes longer to start than a browser does."""
    async with async_playwright() as running:
        yield running


@pytest.fixture
async def browsers(
    request: pytest.FixtureRequest, tmp_path: Path, driver: Playwright
) -> AsyncIterator[Browsers]:
    """People's browsers; any error on their pages fails the test.

    They end before the service does: a page that loses its server complains. A test with another
    server of its own names that fixture before this one.
    """
    for name in {"service", "practice"} & set(request.fixturenames):
        request.getfixturevalue(name)
    people = Browsers(tmp_path, driver)
    yield people
    if _failed(request):
        for path in await people.photograph(request.node.name):
            print(f"picture: {path}")
    await people.close()
    assert people.unexpected() == []


class _Kept(BytecodeCache):
    """What Jinja compiled, in memory."""

    def __init__(self) -> None:
        self._compiled: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._compiled.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._compiled[bucket.key] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Let all tests share what SQLAlchemy and Jinja compile; each would do it anew."""
    first: dict[str, Any] = {}
    kept = _Kept()

    def engine_for(url: str, **options: Any) -> AsyncEngine:
        engine = create_async_engine(url, **options)
        real = engine.sync_engine
        shared = first.get(real.dialect.name)
        if shared is None or shared.dialect.server_version_info is None:  # it never connected
            first[real.dialect.name] = real
        else:
            real.dialect, real._compiled_cache = shared.dialect, shared._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("invigilation.store.store.create_async_engine", engine_for)
        setup = partial(aiohttp_jinja2.setup, bytecode_cache=kept)
        patch.setattr("aiohttp_jinja2.setup", setup)
        yield


@pytest.fixture(scope="session", autouse=True)
def _light_passwords() -> Iterator[None]:
    """Let argon2 work lightly: what it takes in earnest is the business of one test."""
    with pytest.MonkeyPatch.context() as patch:
        light = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr("web.auth.passwords._hasher", light)
        yield


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> None:
    """Log what went wrong without its variables: drawing them all takes seconds each time."""
    for one in structlog.get_config()["processors"]:
        if isinstance(one, structlog.dev.ConsoleRenderer):
            one.exception_formatter = structlog.dev.plain_traceback
