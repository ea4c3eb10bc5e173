"""The machine interface's layer, tried on a toy: every edge refuses in the words of RFC 9457."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging

import pytest
from aiohttp import ClientResponse, ServerDisconnectedError
from aiohttp.test_utils import TestClient

from invigilation.errors import SlotTaken
from tests.web.api_toy import NOW, HandClock, Harbour, bearer, running, toy
from web.api import layer
from web.api.idempotency import IN_FLIGHT_FOR
from web.api.problems import MEDIA_TYPE

BERTH = {"ship": "Aurora", "metres": 120}


@pytest.fixture
def harbour() -> Harbour:
    return Harbour()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def client(harbour, clock):
    async with running(toy(harbour, clock)) as client:
        client.session.headers.update(bearer(clock))
        yield client


async def take(client: TestClient, key: str = "k1", **more) -> ClientResponse:
    more.setdefault("json", BERTH)
    headers = {"Idempotency-Key": key} | more.pop("headers", {})
    return await client.post("/api/berths", headers=headers, **more)


async def problem(response: ClientResponse) -> dict:
    assert response.content_type == MEDIA_TYPE
    body = json.loads(await response.read())
    assert body["status"] == response.status
    assert body["type"].startswith("/problems/")
    assert body["title"]
    assert body["detail"]
    return body


async def test_success(client):
    response = await take(client, json=BERTH | {"until": "2027-03-01T10:30:00+01:00"})
    assert response.status == 201
    assert await response.json() == {
        "id": "b1",
        "ship": "Aurora",
        "metres": 120,
        "until": "2027-03-01T09:30:00Z",
    }
    assert response.headers["Cache-Control"] == "no-store"


async def test_document_answer(client):
    await take(client)
    response = await client.get("/api/berths/b1/paper")
    assert response.content_type == "application/jose"
    assert await response.read() == b"Aurora"


async def test_unknown_path(client):
    body = await problem(await client.get("/api/nowhere"))
    assert (body["status"], body["type"]) == (404, "/problems/not_found")


@pytest.mark.parametrize("ident", ["b9", "%00", "a%2Fb", "x" * 65, "%F0%9F%9A%A2"])
async def test_unknown_name(client, ident):
    body = await problem(await client.get(f"/api/berths/{ident}"))
    assert (body["status"], body["type"]) == (404, "/problems/not_found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_unknown_method(client, method):
    response = await client.request(method, "/api/berths")
    assert (await problem(response))["status"] == 405
    assert response.headers["Allow"] == "GET, POST"


async def test_no_token(client):
    del client.session.headers["Authorization"]
    response = await client.get("/api/berths")
    assert (await problem(response))["type"] == "/problems/invalid_token"
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="invigilation"'


async def test_old_token(client, clock):
    clock.moment = NOW.replace(minute=45)
    response = await client.get("/api/berths")
    assert response.status == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


async def test_missing_scope(client, clock):
    headers = bearer(clock, frozenset({"requests:read"}))
    response = await take(client, headers=headers)
    assert (await problem(response))["type"] == "/problems/insufficient_scope"
    assert 'scope="requests:write"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data"])
async def test_wrong_media_type(client, media_type):
    response = await take(client, json=None, data=b"{}", headers={"Content-Type": media_type})
    assert (await problem(response))["status"] == 415


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"ship": "\\ud800"}', b"\xff\xfe{}", b"[" * 5000, b'{"ship": "a\nb"}']
)
async def test_malformed_json(client, raw):
    response = await take(client, json=None, data=raw, headers={"Content-Type": "application/json"})
    assert (await problem(response))["type"] == "/problems/malformed_json"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"metres": "120"}, "#/metres"),
        ({"metres": 401}, "#/metres"),
        ({"metres": True}, "#/metres"),
        ({"metres": 12.5}, "#/metres"),
        ({"ship": "Au\0rora"}, "#/ship"),
        ({"ship": ""}, "#/ship"),
        ({"ship": None}, "#/ship"),
        ({"until": "1700000000"}, "#/until"),
        ({"until": "2027-03-01T09:30:00"}, "#/until"),
        ({"until": "0001-01-01T00:00:00+10:00"}, "#/until"),
        ({"a/b~c": 1}, "#/a~1b~0c"),
    ],
)
async def test_invalid_field(client, harbour, change, pointer):
    body = await problem(await take(client, json=BERTH | change))
    assert (body["status"], body["type"]) == (422, "/problems/invalid_input")
    assert [fault["pointer"] for fault in body["errors"]] == [pointer]
    assert harbour.made == 0


async def test_not_an_object(client):
    body = await problem(await take(client, json=[BERTH]))
    assert body["errors"][0]["pointer"] == "#"


async def test_many_faults_are_capped(client):
    body = await problem(await take(client, json={f"x{n}": n for n in range(100)}))
    assert len(body["errors"]) == layer.MAX_FAULTS
    assert body["detail"].startswith("102 ")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("other=1", "other"),
        ("since=yesterday", "since"),
    ],
)
async def test_invalid_query(client, query, parameter):
    body = await problem(await client.get(f"/api/berths?{query}"))
    assert body["status"] == 422
    assert [fault["parameter"] for fault in body["errors"]] == [parameter]


async def test_query_is_typed(client):
    for number in range(3):
        await take(client, key=f"k{number}")
    response = await client.get("/api/berths?limit=2&since=2027-03-01T00:00:00Z")
    assert len((await response.json())["berths"]) == 2


def _large() -> bytes:
    return json.dumps(BERTH | {"ship": "x" * layer.MAX_BODY}).encode()


async def test_too_large_by_its_own_word(client):
    headers = {"Content-Type": "application/json"}
    response = await take(client, json=None, data=_large(), headers=headers)
    assert (await problem(response))["status"] == 413


async def test_too_large_in_pieces(client):
    async def pieces():
        for at in range(0, layer.MAX_BODY + 4096, 4096):
            yield _large()[at : at + 4096]

    headers = {"Content-Type": "application/json"}
    response = await take(client, json=None, data=pieces(), headers=headers)
    assert (await problem(response))["status"] == 413


async def test_too_large_when_unpacked(client):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = await take(client, json=None, data=gzip.compress(_large() * 50), headers=headers)
    assert (await problem(response))["status"] == 413


async def test_body_that_does_not_unpack(client):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = await take(client, json=None, data=b"not gzip", headers=headers)
    assert response.status == 400


async def test_slow_body(client, monkeypatch):
    monkeypatch.setattr(layer, "READ_LIMIT_S", 0.05)
    hang_up = asyncio.Event()

    async def pieces():
        yield b'{"ship":'
        await hang_up.wait()

    headers = {"Content-Type": "application/json"}
    response = await take(client, json=None, data=pieces(), headers=headers)
    hang_up.set()
    assert (await problem(response))["type"] == "/problems/too_slow"


async def test_office_error_with_its_facts(client, harbour):
    harbour.refuse = SlotTaken(NOW)
    body = await problem(await take(client))
    assert (body["status"], body["type"]) == (409, "/problems/slot_taken")
    assert body["start"] == "2027-03-01T09:30:00Z"


async def test_fault_of_ours_says_nothing(client, harbour, caplog):
    harbour.refuse = RuntimeError("the password is swordfish")
    with caplog.at_level(logging.ERROR):
        response = await take(client)
    body = await problem(response)
    assert body["type"] == "/problems/internal"
    assert "swordfish" not in json.dumps(body)
    assert "swordfish" in caplog.text


async def test_undeclared_answer_is_our_fault(client, caplog):
    response = await client.get("/api/lie")
    assert (await problem(response))["status"] == 500
    assert "does not declare" in caplog.text


@pytest.mark.parametrize("key", [None, "", "x" * 256, "with space", "schl\u00fcssel"])
async def test_key_is_required(client, harbour, key):
    headers = {} if key is None else {"Idempotency-Key": key}
    response = await client.post("/api/berths", json=BERTH, headers=headers)
    assert (await problem(response))["type"] == "/problems/key_missing"
    assert harbour.made == 0


async def test_same_key_same_body_has_one_effect(client, harbour):
    first = await take(client)
    again = await take(client)
    assert harbour.made == 1
    assert (again.status, await again.read()) == (first.status, await first.read())
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_same_key_other_body(client, harbour):
    await take(client)
    body = await problem(await take(client, json=BERTH | {"metres": 90}))
    assert (body["status"], body["type"]) == (422, "/problems/key_reused")
    assert harbour.made == 1


async def test_same_key_other_path(client):
    await take(client, json={"ship": "A", "metres": 1})
    response = await client.post("/api/berths/b1/leave", json={}, headers={"Idempotency-Key": "k1"})
    assert response.status == 422


async def test_same_key_of_two_at_once(client, harbour):
    inside, go_on = asyncio.Event(), asyncio.Event()
    take_berth = harbour.take

    async def slow(call):
        inside.set()
        await go_on.wait()
        return await take_berth(call)

    harbour.take = slow
    async with running(toy(harbour, HandClock())) as other:
        other.session.headers.update(client.session.headers)
        first = asyncio.create_task(take(other))
        await inside.wait()
        second = await take(other)
        go_on.set()
        assert (await first).status == 201
    assert second.status == 409
    assert second.headers["Retry-After"]
    assert harbour.made == 1


async def test_refusal_sets_the_key_free(client, harbour):
    harbour.refuse = SlotTaken(NOW)
    refused = await take(client)
    accepted = await take(client)
    assert (refused.status, accepted.status) == (409, 201)


async def test_fault_sets_the_key_free(client, harbour):
    harbour.refuse = RuntimeError("database is gone")
    failed = await take(client)
    accepted = await take(client)
    assert (failed.status, accepted.status) == (500, 201)


async def test_key_of_a_dead_process_is_free_again(client, harbour, clock):
    harbour.refuse = asyncio.CancelledError()  # as when the server goes down in mid-call
    with pytest.raises(ServerDisconnectedError):
        await take(client)
    held = await take(client)
    clock.moment += IN_FLIGHT_FOR * 2
    free = await take(client)
    assert (held.status, free.status) == (409, 201)
