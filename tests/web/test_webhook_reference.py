"""Our webhooks, checked by the reference libraries of Standard Webhooks, in two languages."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import standardwebhooks
from aiohttp import web
from aiohttp.test_utils import TestServer

from recordings.seal import SigningKey
from web.backends.keys import public_text
from web.backends.webhook import Delivered, Delivery, Endpoint, deliver, open_session
from web.outward import ANYWHERE

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "web" / "ui" / "node_modules" / "standardwebhooks"
NEW, OLD, OTHER = ("whsec_" + word * 8 for word in ("bmV3", "b2xk", "b3Ro"))
BODY = '{"type":"session.ended","timestamp":"2026-11-20T09:00:00Z","data":{"name":"Zoë"}}'
KEY = SigningKey.generate()


@dataclass(frozen=True)
class Message:
    """What arrived."""

    headers: dict[str, str]
    body: str


@pytest.fixture(scope="module")
def heard() -> Message:
    """One webhook as a backend's server heard it, sent while a secret is being replaced."""
    return asyncio.run(_sent())


async def _sent() -> Message:
    got: list[Message] = []

    async def take(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        got.append(Message(headers, (await request.read()).decode()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", take)
    async with TestServer(app) as server, open_session(ANYWHERE) as client:
        endpoint = Endpoint(str(server.make_url("/hook")), NEW, (OLD,), KEY)
        sent = Delivery("dl_1", BODY.encode(), datetime.now(UTC))
        assert await deliver(client, endpoint, sent) == Delivered()
    return got[0]


def by_python(message: Message, secret: str) -> object:
    return standardwebhooks.Webhook(secret).verify(message.body, message.headers)


def by_node(message: Message, key: SigningKey = KEY) -> tuple[list[str], list[bool]]:
    """What the library says with each secret, and whether our own signature is right."""
    asked = {
        "library": str(LIBRARY),
        "secrets": [NEW, OLD, OTHER],
        "whpk": public_text(key),
        "message": {"headers": message.headers, "body": message.body},
    }
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("webhooks.mjs"))],
        input=json.dumps(asked),
        check=True,
        capture_output=True,
        text=True,
    )
    said = json.loads(done.stdout)
    return [json.loads(one) if one[0] == "{" else one for one in said["shared"]], said["own"]


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_the_library_of_python_accepts_it_by_either_secret(heard: Message, secret: str) -> None:
    assert by_python(heard, secret) == json.loads(BODY)


@pytest.mark.parametrize(
    "changed",
    [
        {"body": BODY.replace("ended", "begun")},
        {"headers": {"webhook-id": "dl_2"}},
        {"headers": {"webhook-timestamp": "1763629200"}},
        {"headers": {"webhook-signature": "v1,AAAA"}},
    ],
)
def test_the_library_of_python_refuses_what_is_changed(heard: Message, changed: object) -> None:
    assert isinstance(changed, dict)
    headers = heard.headers | changed.get("headers", {})
    message = replace(heard, headers=headers, body=changed.get("body", heard.body))

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        by_python(message, NEW)


def test_the_library_of_python_refuses_another_time(heard: Message) -> None:
    later = str(int(heard.headers["webhook-timestamp"]) + 60)

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        by_python(replace(heard, headers=heard.headers | {"webhook-timestamp": later}), NEW)


def test_another_secret_is_refused(heard: Message) -> None:
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        by_python(heard, OTHER)


def test_the_library_of_javascript_says_the_same(heard: Message) -> None:
    shared, own = by_node(heard)
    none, not_own = by_node(replace(heard, body=BODY.replace("ended", "begun")))

    assert shared == [json.loads(BODY), json.loads(BODY), "No matching signature found"]
    assert none == ["No matching signature found"] * 3
    assert (own, not_own) == ([True], [False])
    assert by_node(heard, SigningKey.generate())[1] == [False]
