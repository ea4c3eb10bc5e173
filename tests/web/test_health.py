"""What a load balancer, an operator and an administrator are told of the service's health."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from invigilation.health import Sample
from invigilation.ladder import Rung
from invigilation.presence import Link
from invigilation.session import SessionState
from scheduler.jobs import Job
from signalling.watching import Figures, RoomFigures
from tests.builders import FixedClock, office, sqlite_store
from tests.web.office import ADA, ANA, World
from tests.web.watched import gauges_of
from web.access.rows import TABLE
from web.auth import cookies
from web.health import checks, readiness
from web.health.entrances import DOORS, Entrances, result_of
from web.health.guard import Guard
from web.health.pulse import Pulse
from web.health.readiness import Check, Readiness
from web.health.routes import watching
from web.health.sampling import Sampler
from web.keys import SETTINGS
from web.settings import Settings
from web.watchers import Metrics

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
NOBODY = Figures((), 0, 0)


@dataclass
class Something:
    """Something that is needed, and may be broken."""

    broken: bool = False
    asked: int = 0
    hangs: asyncio.Event | None = None

    async def ask(self) -> None:
        self.asked += 1
        if self.hangs is not None:
            await self.hangs.wait()
        if self.broken:
            raise ConnectionError("gone")


@dataclass
class Watched:
    """Readiness over two things: one stops the work, the other only weakens it."""

    clock: FixedClock = field(default_factory=FixedClock)
    needed: Something = field(default_factory=Something)
    useful: Something = field(default_factory=Something)

    def __post_init__(self) -> None:
        self.readiness = Readiness(
            [
                Check("database", self.needed.ask, stops=True),
                Check("redis", self.useful.ask, stops=False),
            ],
            self.clock,
        )


async def test_all_well_is_ready() -> None:
    now = await Watched().readiness.look()

    assert (now.ready, now.failing) == (True, ())


async def test_what_only_weakens_the_service_keeps_it_ready() -> None:
    watched = Watched(useful=Something(broken=True))

    now = await watched.readiness.look()

    assert (now.ready, now.stopped, now.weak) == (True, (), ("redis",))


async def test_without_what_is_needed_it_is_not_ready_and_then_is_again() -> None:
    watched = Watched(needed=Something(broken=True))
    before = await watched.readiness.look()
    watched.needed.broken = False
    watched.clock.go(readiness.KEPT_S)

    after = await watched.readiness.look()

    assert (before.ready, before.stopped) == (False, ("database",))
    assert after.ready


async def test_who_asks_all_the_time_costs_one_question_a_second() -> None:
    watched = Watched()

    await asyncio.gather(*(watched.readiness.look() for _ in range(50)))

    assert watched.needed.asked == 1


async def test_what_hangs_counts_as_away_and_is_not_asked_twice_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience, answer = readiness.CHECK_S, asyncio.Event()
    monkeypatch.setattr(readiness, "CHECK_S", 0.01)
    watched = Watched(needed=Something(hangs=answer))
    first = await watched.readiness.look()
    watched.clock.go(readiness.KEPT_S)
    second = await watched.readiness.look()
    monkeypatch.setattr(readiness, "CHECK_S", patience)
    answer.set()
    watched.clock.go(readiness.KEPT_S)

    third = await watched.readiness.look()

    assert [one.ready for one in (first, second, third)] == [False, False, True]
    assert watched.needed.asked == 1
    await watched.readiness.close()


async def test_a_service_that_ends_is_ready_for_nobody() -> None:
    watched = Watched()
    watched.readiness.drain()

    now = await watched.readiness.look()

    assert (now.ready, now.stopped) == (False, ("draining",))


async def test_a_folder_that_takes_nothing_is_no_evidence_store(tmp_path: Path) -> None:
    root = tmp_path / "evidence"
    root.write_text("a file stands where the folder should be")

    with pytest.raises(OSError, match="evidence"):
        await checks.vault(root).ask()


async def test_asking_the_evidence_store_leaves_nothing_there(tmp_path: Path) -> None:
    await checks.vault(tmp_path / "evidence").ask()

    assert list((tmp_path / "evidence").iterdir()) == []


async def test_less_than_the_reserve_is_told(tmp_path: Path) -> None:
    await checks.disk(tmp_path, reserve=1).ask()

    with pytest.raises(checks.Unwell):
        await checks.disk(tmp_path, reserve=1 << 62).ask()


async def test_redis_that_is_not_there_is_told() -> None:
    with pytest.raises(Exception, match="Connect"):
        await checks.redis("redis://127.0.0.1:1").ask()


def pulse_of(clock: FixedClock) -> Pulse:
    async def nothing() -> None: ...

    pulse = Pulse(clock)
    pulse.expect([Job("beat", timedelta(seconds=30), timedelta(seconds=20), nothing)])
    return pulse


def test_a_sweep_that_fails_is_late_but_not_standing() -> None:
    clock = FixedClock()
    pulse = pulse_of(clock)
    for _ in range(4):
        clock.go(30)
        pulse.ran("beat", False)

    assert pulse.late() == {"beat": 70.0}
    assert pulse.standing() == []


def test_a_sweep_that_nothing_runs_any_more_stands_still() -> None:
    clock = FixedClock()
    pulse = pulse_of(clock)
    clock.go(30)
    pulse.ran("beat", True)

    clock.go(81)

    assert pulse.late() == {"beat": 31.0}
    assert pulse.standing() == ["beat"]


def asked_from(address: str, **headers: str) -> web.Request:
    app = web.Application()
    app[SETTINGS] = Settings(trusted_proxies=("10.0.0.5",))
    return make_mocked_request(
        "GET", "/metrics", headers=headers, app=app, transport=Transport(address)
    )


class Transport(asyncio.Transport):
    """A connection from an address."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 40_000)})


@pytest.mark.parametrize(
    ("address", "headers", "good"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {}, True),
        ("::ffff:127.0.0.1", {}, True),  # as a socket of both families shows it
        ("::ffff:127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, False),
        ("203.0.113.9", {}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"Via": "1.1 somebody"}, False),
        ("10.0.0.5", {"X-Forwarded-For": "203.0.113.9"}, False),
        ("10.0.0.5", {"X-Forwarded-For": "127.0.0.1"}, True),
        ("203.0.113.9", {"Authorization": "Bearer of-the-tests"}, True),
        ("203.0.113.9", {"Authorization": "bearer of-the-tests"}, True),
        ("127.0.0.1", {"Authorization": "Bearer wrong"}, False),
        ("203.0.113.9", {"Authorization": "Bearer "}, False),
    ],
)
def test_the_figures_are_for_those_with_the_token_or_from_the_network(
    address: str, headers: dict[str, str], *, good: bool
) -> None:
    guard = Guard("of-the-tests", LOOPBACK)

    assert guard.admits(asked_from(address, **headers)) is good


def test_without_a_token_an_empty_one_opens_nothing() -> None:
    request = asked_from("203.0.113.9", Authorization="Bearer ")

    assert not Guard("", LOOPBACK).admits(request)


async def test_the_routes_answer_as_load_balancer_and_prometheus_expect(
    sqlite_template: Path, tmp_path: Path
) -> None:
    redis = Something(broken=True)
    async with sqlite_store(tmp_path, sqlite_template) as store:
        clock = FixedClock()
        gauges = gauges_of(
            office(store, clock), tmp_path, NOBODY, Check("redis", redis.ask, stops=False)
        )
        app = web.Application()
        app[SETTINGS] = Settings(var=tmp_path)
        app.add_routes(watching(gauges.readiness, gauges, Guard("", LOOPBACK)))
        async with TestClient(TestServer(app)) as client:
            alive = await client.get("/healthz")
            ready = await client.get("/readyz")
            said = await ready.json()
            figures = await (await client.get("/metrics")).text()
            behind = await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
            gauges.readiness.drain()
            ending = await client.get("/readyz")

    assert (alive.status, ready.status, ending.status, behind.status) == (200, 200, 503, 403)
    assert said == {"status": "ready", "stopped": [], "weak": ["redis"]}
    assert 'invigilation_check_failing{check="redis"} 1.0' in figures
    assert "invigilation_ready 1.0" in figures


async def test_the_disk_is_looked_at_while_all_other_threads_hang(tmp_path: Path) -> None:
    hangs, loop = threading.Event(), asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    hanging = asyncio.ensure_future(asyncio.to_thread(hangs.wait))

    for check in (checks.vault(tmp_path), checks.disk(tmp_path, 1)):
        async with asyncio.timeout(20):
            await check.ask()

    assert not hanging.done()
    hangs.set()
    await hanging


async def test_figures_are_answered_while_the_database_is_away(
    sqlite_template: Path, tmp_path: Path
) -> None:
    away = Something(broken=True)
    async with sqlite_store(tmp_path, sqlite_template) as store:
        desk = office(store, FixedClock())
        gauges = gauges_of(desk, tmp_path, NOBODY, Check("database", away.ask, stops=True))

    await gauges.set()

    registry = gauges.metrics.registry
    assert registry.get_sample_value("invigilation_ready") == 0
    labels = {"check": "database"}
    assert registry.get_sample_value("invigilation_check_failing", labels) == 1


ROOMS = Figures(
    (
        RoomFigures(SessionState.IN_PROGRESS, Link.POOR, Rung.STILLS, 0.2, 2, 3),
        RoomFigures(SessionState.PAUSED, Link.LIVE, Rung.FULL, 0.0, 1, 0),
        RoomFigures(SessionState.ENDED, Link.GONE, None, None, 0, 0),
    ),
    5,
    7,
)


async def test_a_minute_is_kept_with_what_was_counted_in_it_alone(
    sqlite_template: Path, tmp_path: Path
) -> None:
    clock = FixedClock()
    async with sqlite_store(tmp_path, sqlite_template) as store:
        gauges = gauges_of(office(store, clock), tmp_path, ROOMS)
        sampler = Sampler(gauges, "n1")
        metrics = gauges.metrics
        metrics.reconnects.labels("learner", "socket").inc()
        metrics.sign_ins.labels("staff", "refused").inc()
        await sampler.sweep()
        clock.go(60)
        metrics.joining.labels("learner").observe(2.0)
        metrics.joining.labels("learner").observe(4.0)
        metrics.evidence_bytes.inc(3_000_000_000)
        metrics.sign_ins.labels("staff", "good").inc()

        await sampler.sweep()

        async with store.read() as tx:
            first, second = await tx.health.since(clock.now() - timedelta(minutes=5))
    assert (first.reconnects, first.sign_ins_failed, first.joins) == (1, 1, 0)
    assert (second.reconnects, second.sign_ins_failed) == (0, 0)
    assert (second.joins, second.join_ms, second.evidence_bytes) == (2, 3_000, 3_000_000_000)
    assert (second.sessions, second.connections, second.poor, second.away) == (2, 5, 1, 0)
    assert (second.moving, second.stills, second.loss_permille) == (1, 1, 200)


async def test_what_could_not_be_written_comes_into_the_next_minute(
    sqlite_template: Path, tmp_path: Path
) -> None:
    clock = FixedClock()
    async with sqlite_store(tmp_path, sqlite_template) as store:
        gauges = gauges_of(office(store, clock), tmp_path)
        sampler = Sampler(gauges, "n1")
        await sampler.sweep()
        gauges.metrics.recordings_stopped.labels("full").inc()
        with pytest.raises(Exception, match="UNIQUE"):
            await sampler.sweep()  # the same moment again
        clock.go(60)

        kept = await sampler.sweep()

    assert kept.recordings_stopped == 1


async def test_minutes_are_forgotten_after_eight_days(
    sqlite_template: Path, tmp_path: Path
) -> None:
    clock = FixedClock()
    async with sqlite_store(tmp_path, sqlite_template) as store:
        sampler = Sampler(gauges_of(office(store, clock), tmp_path), "n1")
        old = clock.now()
        await sampler.sweep()
        clock.go(timedelta(days=8, minutes=1).total_seconds())

        await sampler.sweep()

        async with store.read() as tx:
            kept = await tx.health.since(old - timedelta(days=1))
    assert [one.at for one in kept] == [clock.now()]


async def keep(world: World, *samples: Sample) -> None:
    async with world.desk.office.store.write() as tx:
        for one in samples:
            await tx.health.add(one)


async def test_the_page_shows_the_last_day_in_pictures_and_in_words(world: World) -> None:
    now = world.clock.now()
    busy = [
        Sample(now - timedelta(minutes=n), node, sessions=6, free_bytes=9_000_000_000, poor=1)
        for n in range(30)
        for node in ("n1", "n2")
    ]
    await keep(
        world,
        *busy,
        Sample(now - timedelta(minutes=40), "n1", failing="redis", recordings_stopped=2),
    )
    ada = await world.staff(ADA)

    page = await ada.get("/staff/health")

    assert page.status == 200
    assert "Most 12 at 08:30; now 12." in page.words
    assert "2 in all" in page.words
    assert "Redis , Wed 18 Nov, 08:20 London ( 08:20 UTC )" in page.words
    assert "No figures , Wed 18 Nov, 08:20 to 08:31 London" in page.words
    assert "style=" not in page.text
    scripts = re.findall(r"<script[^>]*>", page.text)
    assert ["/static/awake-" in one for one in scripts] == [True], "that of every staff page"


async def test_the_page_says_so_when_there_are_no_figures_yet(world: World) -> None:
    ada = await world.staff(ADA)

    page = await ada.get("/staff/health?span=anything")

    assert (page.status, "No figures yet" in page.words) == (200, True)


async def test_an_invigilator_has_no_health_page(world: World) -> None:
    ana = await world.staff(ANA)

    assert (await ana.get("/staff/health")).status == 403


def answer(status: int, key: str = "", value: str = "s3cret") -> web.Response:
    said = web.Response(status=status)
    if key:
        said.set_cookie(key, value)
    return said


@pytest.mark.parametrize(
    ("kind", "said", "result"),
    [
        ("staff", answer(303, cookies.STAFF), "good"),
        ("staff", answer(303, cookies.ENTERING), ""),
        ("staff", answer(303, cookies.STAFF, ""), ""),
        ("staff", answer(422), "refused"),
        ("staff", answer(403), ""),
        ("staff", answer(429), "slowed"),
        ("staff", answer(500), ""),
        ("learner", answer(303, cookies.LEARNER), "good"),
        ("learner", answer(404), "refused"),
        ("machine", answer(200), "good"),
        ("machine", answer(401), "refused"),
    ],
)
def test_a_sign_in_is_counted_by_what_the_door_answered(
    kind: str, said: web.Response, result: str
) -> None:
    assert result_of(kind, said) == result


async def test_only_doors_are_counted() -> None:
    metrics = Metrics()
    app = web.Application(middlewares=[Entrances(metrics).middleware()])

    async def refuse(_: web.Request) -> web.Response:
        raise web.HTTPNotFound

    app.router.add_post("/r/{token}", refuse)
    app.router.add_post("/else", refuse)
    async with TestClient(TestServer(app)) as client:
        for path in ("/r/abc", "/else", "/nowhere"):
            await client.post(path)

    found = metrics.registry.get_sample_value
    labels = {"kind": "learner", "result": "refused"}
    assert found("invigilation_sign_ins_total", labels) == 1


def test_the_doors_are_routes_of_the_service() -> None:
    known = {f"{method} {row.path}" for row in TABLE.rows for method in row.methods.split()}

    assert known >= set(DOORS)
