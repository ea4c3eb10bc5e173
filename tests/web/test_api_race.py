"""200 clients of the machine interface for 20 seats, each call sent twice under one key."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

from aiohttp import TCPConnector, web
from aiohttp.test_utils import TestClient, TestServer

from invigilation.desk import Desk
from invigilation.store.people import Client
from tests.races import START, office_with
from web.api import service
from web.api.oauth import Scope, hash_secret
from web.ports import StoredClients, StoredKeys

SECRET = "r" * 43
CLIENTS = 200
SEATS = 20
IN_FLIGHT = "key_in_flight"


async def interface(desk: Desk) -> web.Application:
    office = desk.office
    async with office.store.write() as tx:
        await tx.people.add_client(Client("race", "race", hash_secret(SECRET), tuple(Scope)))
    ports = service.Ports(
        StoredClients(office), StoredKeys(office), b"k" * 32, "", lambda request: request
    )
    app = web.Application()
    app.add_subapp("/api", service.build(desk, ports))
    return app


async def book(client: TestClient, request: str) -> tuple[int, str]:
    """Book under the request's own key until the first call with it has an answer."""
    body = {"request": request, "start": START.isoformat()}
    while True:
        answer = await client.post(
            "/api/bookings", json=body, headers={"Idempotency-Key": f"key-{request}"}
        )
        content = await answer.json()
        if content.get("type", "").endswith(IN_FLIGHT):
            continue
        return answer.status, content.get("id", "")


async def test_twenty_win_and_each_key_has_one_booking(migrated_url):
    async with office_with(migrated_url, SEATS, CLIENTS) as (desk, requests):
        server = TestServer(await interface(desk))
        async with TestClient(server, connector=TCPConnector(limit=CLIENTS)) as client:
            form = {"grant_type": "client_credentials", "client_id": "race"}
            token = await client.post("/api/oauth/token", data=form | {"client_secret": SECRET})
            bearer = "Bearer " + (await token.json())["access_token"]
            client.session.headers["Authorization"] = bearer

            twice = await asyncio.gather(*(book(client, one) for one in [*requests, *requests]))

        held = await desk.bookings.between(START, START + timedelta(days=1))

    first, second = twice[:CLIENTS], twice[CLIENTS:]
    assert first == second, "both calls under one key have one answer"
    assert Counter(status for status, _ in first) == {201: SEATS, 409: CLIENTS - SEATS}
    assert sorted(ident for status, ident in first if status == 201) == sorted(
        sitting.booking for sitting in held
    )
