"""How often anybody may ask: the table, the counts by place, Redis when it is there or gone."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from invigilation.desk import Desk
from signalling.edge import EdgeServer
from tests.harness.servers import RedisServer
from tests.harness.waiting import until
from tests.web.office import SAM, START, Person, World
from web.auth import cookies, known, limiting
from web.auth.limiting import LIMITER, RATES, ROUTES, Limiter, Rate, TooMany
from web.auth.visitor import Visitor, recognise
from web.clock import SystemClock
from web.house import open_house
from web.keys import SETTINGS
from web.pages.mistakes import explain
from web.settings import Settings

MINUTE = 1_795_000_020.0
"""When one begins."""


@pytest.fixture(autouse=True)
def wall(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Hold the clock that counts go by: with every minute of the day they begin to be forgotten."""
    clock = SimpleNamespace(time=lambda: MINUTE, monotonic=time.monotonic)
    for module in ("limits.aio.storage.memory", "web.auth.limiting"):
        monkeypatch.setattr(f"{module}.time", clock)
    return clock


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates that a test can reach."""
    few = {name: Rate(3, one.seconds, one.shared) for name, one in RATES.items()}
    monkeypatch.setattr(limiting, "RATES", few)


async def spent(limiter: Limiter, name: str, who: str) -> int:
    """Return how often it may be done."""
    for count in range(10):
        try:
            await limiter.take(name, who)
        except TooMany:
            return count
    return 10


def test_every_row_names_a_route_of_the_service_and_a_rate(tmp_path) -> None:
    from web.app import application  # noqa: PLC0415 - slow to import

    app = application(open_house(Settings(var=tmp_path, identity_at_once=False)))
    known = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None
    }

    assert ROUTES.keys() <= known
    assert set(ROUTES.values()) <= RATES.keys()


@pytest.mark.usefixtures("few")
async def test_a_page_that_is_asked_for_too_often_says_so_and_when_to_come_back(
    world: World,
) -> None:
    person = world.stranger()
    answers = [await person.get("/verify") for _ in range(4)]
    health = await person.get("/static/nothing.css")

    assert [one.status for one in answers] == [200, 200, 200, 429]
    assert "Please wait a moment" in answers[3].words
    assert answers[3].header("Retry-After") == "60"
    assert answers[3].header("Content-Security-Policy")
    assert health.status == 404  # a rate of its own


@pytest.mark.usefixtures("few")
async def test_guesses_of_links_have_a_rate_of_their_own_as_has_what_leads_nowhere(
    world: World,
) -> None:
    person = world.stranger()
    statuses = [(await person.get(f"/r/guess{n}")).status for n in range(2)]
    statuses += [(await person.get(f"/nothing/{n}")).status for n in range(2)]

    assert statuses[-1] == 429
    assert (await person.get("/")).status == 200


@pytest.mark.usefixtures("few")
async def test_scripts_and_machines_are_told_in_their_own_way(world: World) -> None:
    person = world.stranger()
    for _ in range(4):
        answer = await person.ask("POST", "/room/ticket", json={})

    assert answer.status == 429
    assert '"code": "too_many"' in answer.text
    assert answer.header("Retry-After") == "60"


@pytest.mark.usefixtures("few")
async def test_places_are_counted_apart_and_an_ipv6_customer_is_one_place() -> None:
    app = web.Application()
    app[LIMITER] = Limiter()
    app[limiting.SETTINGS] = Settings(trusted_proxies=("127.0.0.1",))

    async def ask(place: str) -> bool:
        request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": place}, app=app)
        request = request.clone(remote="127.0.0.1")
        request._match_info = make_mocked_request("GET", "/", app=app).match_info
        try:
            await limiting.limit(request, "read")
        except TooMany:
            return False
        return True

    first = [await ask("192.0.2.1") for _ in range(4)]
    second = await ask("192.0.2.2")
    customer = [await ask(f"2001:db8:1:2::{n}") for n in range(4)]
    neighbour = await ask("2001:db8:1:3::1")

    assert (first, second) == ([True, True, True, False], True)
    assert (customer, neighbour) == ([True, True, True, False], True)


@pytest.mark.parametrize(
    ("peer", "noticed"), [("::ffff:192.0.2.9", True), ("192.0.2.9", True), ("127.0.0.1", False)]
)
def test_a_proxy_that_no_setting_names_is_noticed(peer: str, *, noticed: bool) -> None:
    app = web.Application()
    app[limiting.SETTINGS] = Settings(trusted_proxies=("127.0.0.1",))
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": "192.0.2.1"}, app=app)
    limiter = Limiter()

    limiter.look(request.clone(remote=peer))

    assert limiter._warned is noticed


async def test_the_factor_of_the_operator_multiplies_every_rate(monkeypatch) -> None:
    monkeypatch.setattr(limiting, "RATES", {"token": Rate(2)})

    assert await spent(Limiter(2.0), "token", "a") == 4


@pytest.mark.usefixtures("few")
async def test_two_processes_share_what_may_be_guessed_and_count_alone_without_redis(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patient:
        patient.setattr("web.auth.shared.SHARED_S", 20.0)  # here it may be slow, and is not away
        one, other = Limiter(1, redis.url), Limiter(1, redis.url)
        await one.take("token", "192.0.2.77")
        together = await spent(other, "token", "192.0.2.77")
    apart = await spent(other, "read", "192.0.2.77")
    redis.stop()
    try:
        alone = await spent(other, "token", "192.0.2.77")
    finally:
        redis.start()
        for limiter in (one, other):
            await limiter.close()

    assert (together, apart, alone) == (2, 3, 3)


async def test_only_so_many_requests_of_one_place_are_handled_at_once() -> None:
    limiter = Limiter()
    one, route, other = (("a", 2),), (("a", 2), ("a /", 1)), (("b", 2), ("b /", 1))
    with limiter.place("read", one), limiter.place("read", route):
        with pytest.raises(TooMany), limiter.place("read", one):
            pass
        with limiter.place("read", other), limiter.place("socket", one):
            pass
    with limiter.place("read", route), pytest.raises(TooMany), limiter.place("read", route):
        pass

    assert limiter.at_once == {}


async def test_a_body_that_does_not_come_in_is_cut(world: World, monkeypatch) -> None:
    monkeypatch.setattr(limiting, "BODY_S", 0.1)
    host, port = world.client.server.host, world.client.server.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        b"POST /request HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        b"Sec-Fetch-Site: same-origin\r\n\r\nname=slow"
    )

    try:
        async with asyncio.timeout(5):
            assert await reader.read() == b""
    finally:
        writer.transport.abort()
    limiter = world.app[LIMITER]
    await until(lambda: limiter.at_once == {}, 5, "its end")


async def test_counts_that_are_over_are_forgotten(
    monkeypatch: pytest.MonkeyPatch, wall: SimpleNamespace
) -> None:
    monkeypatch.setattr(limiting, "TIDY_S", 0.0)
    limiter = Limiter()
    for n in range(50):
        await limiter.take("read", f"192.0.2.{n}")
    store = limiter._own.storage
    wall.time = lambda: MINUTE + 1_000

    await limiter.take("read", "192.0.2.99")

    assert len(store.storage) == 1


async def crowd(person: Person, path: str) -> None:
    """Ask so often that the rate of the place is used up."""
    for _ in range(20):
        if (await person.get(path)).status == 429:
            return
    raise AssertionError("never too often")


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates of places that a test can reach; those of persons are as they are."""
    few = {name: Rate(6, one.seconds) for name, one in RATES.items() if not name.startswith("own_")}
    monkeypatch.setattr(limiting, "RATES", {**RATES, **few})


@pytest.mark.usefixtures("crowded")
async def test_who_is_signed_in_comes_in_where_strangers_have_used_up_their_place(
    world: World,
) -> None:
    learner = await world.learner((await world.booked()).request)
    stranger = world.stranger()
    await crowd(stranger, "/verify")
    stranger.cookies[cookies.LEARNER] = "guessed" * 5

    assert [(await learner.get("/me")).status for _ in range(9)] == [200] * 9
    assert (await stranger.get("/verify")).status == 429
    assert (await world.stranger().get("/verify")).status == 429


@pytest.mark.usefixtures("few")
async def test_connections_of_the_live_room_have_a_rate_of_their_own(tmp_path) -> None:
    app = web.Application()
    app[SETTINGS] = Settings(var=tmp_path)
    limiting.setup(app, explain)
    origin = "https://exam.example.org"
    server = EdgeServer([origin], SystemClock())
    server.route(app)
    path = "/room/socket/?EIO=4&transport=websocket"
    async with TestClient(TestServer(app)) as client:
        await client.get("/elsewhere")  # another rate
        let_in = [await client.ws_connect(path, origin=origin) for _ in range(3)]
        hellos = [(await one.receive_str())[:1] for one in let_in]
        async with client.get(path, headers={"Origin": origin}) as answer:
            refused = answer.status, answer.headers["Retry-After"], await answer.json()
        at_once = dict(app[LIMITER].at_once)
        for one in let_in:
            await one.close()
        await server.close()

    assert hellos == ["0", "0", "0"]
    assert refused[:2] == (429, "60")
    assert refused[2]["error"]["code"] == "too_many"
    assert at_once == {}  # a connection that lasts takes no place from anything else


@pytest.mark.usefixtures("crowded")
async def test_who_takes_a_list_away_has_a_budget_of_their_own(world: World) -> None:
    sam, stranger = await world.staff(SAM), world.stranger()
    await crowd(stranger, "/staff/audit.csv")

    assert (await sam.get("/staff/audit.csv")).status == 200
    assert (await stranger.get("/staff/audit.csv")).status == 429


async def test_a_consent_is_given_again_so_often_and_taken_back_at_any_time(
    world: World, monkeypatch
) -> None:
    monkeypatch.setattr(limiting, "RATES", {**RATES, "consent": Rate(2)})
    sitting = await world.booked()
    world.clock.move_to(START)
    learner = await world.learner(sitting.request)
    await learner.post("/me/check-in", {"identity": "yes", "recording": "yes"})

    async def change(what: str) -> int:
        form = {"purpose": "recording", "do": what}
        return (await learner.post("/me/consent", form)).status

    changes = [await change(what) for _ in range(3) for what in ("withdraw", "give")]
    last = await change("withdraw")

    assert changes == [303, 303, 303, 303, 303, 429]
    assert last == 303


@pytest.mark.usefixtures("crowded")
async def test_a_learner_in_a_crowded_place_still_gets_a_ticket_to_the_room(world: World) -> None:
    learner = await world.learner((await world.booked()).request)
    stranger = world.stranger()
    refused = [(await stranger.ask("POST", "/room/ticket")).status for _ in range(8)][-1]

    answered = (await learner.ask("POST", "/room/ticket")).status

    assert refused == 429
    assert answered in {400, 403}  # not as a page would ask, but heard


@pytest.mark.usefixtures("crowded")
async def test_cookies_that_are_guessed_are_looked_up_only_so_often(
    world: World, monkeypatch
) -> None:
    looked: list[str] = []

    async def recognised(request: web.BaseRequest, desk: Desk) -> Visitor:
        looked.append(request.path)
        return await recognise(request, desk)

    monkeypatch.setattr(known, "recognise", recognised)
    learner = await world.learner((await world.booked()).request)
    await learner.get("/me")
    stranger = world.stranger()
    stranger.cookies[cookies.LEARNER] = "guessed" * 5
    for _ in range(20):
        await stranger.get("/verify")

    assert len(looked) == 6
    assert (await learner.get("/me")).status == 200  # known from before
    assert len(looked) == 6


@pytest.mark.usefixtures("crowded")
async def test_one_person_has_a_rate_too_and_guesses_of_links_have_no_way_around(
    world: World, monkeypatch
) -> None:
    learner = await world.learner((await world.booked()).request)
    await crowd(world.stranger(), "/verify")
    await crowd(world.stranger(), "/r/guess")
    monkeypatch.setattr(limiting, "RATES", {**limiting.RATES, "own_read": Rate(2)})

    assert [(await learner.get("/me")).status for _ in range(3)] == [200, 200, 429]
    assert (await learner.get("/r/guess")).status == 429


async def test_who_is_signed_in_holds_requests_of_their_own_where_a_place_holds_all(
    world: World,
) -> None:
    learner = await world.learner((await world.booked()).request)
    limiter = world.app[LIMITER]
    limiter.at_once["127.0.0.1"] = limiting.AT_ONCE

    assert (await learner.get("/me")).status == 200
    assert (await world.stranger().get("/verify")).status == 429


async def test_what_hangs_at_one_route_leaves_room_for_the_others(
    world: World, monkeypatch
) -> None:
    monkeypatch.setattr(limiting, "ROUTE_AT_ONCE", 1)
    host, port = world.client.server.host, world.client.server.port
    _reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        b"POST /request HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        b"Sec-Fetch-Site: same-origin\r\n\r\nname=slow"
    )
    limiter = world.app[LIMITER]
    try:
        await until(lambda: len(limiter.at_once) == 2, 5, "what hangs")
        stranger = world.stranger()
        same = await stranger.ask("POST", "/request", {"name": "Quick"})
        others = [(await stranger.get(path)).status for path in ("/request", "/verify")]
    finally:
        writer.transport.abort()
    await until(lambda: limiter.at_once == {}, 5, "its end")

    assert (same.status, others) == (429, [200, 200])
