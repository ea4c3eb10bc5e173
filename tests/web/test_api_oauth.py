"""Taking and reading access tokens, under RFC 6749 and with a clock moved by hand."""

from __future__ import annotations

import base64
import json

import jwt
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from tests.web.api_toy import ALL, KEY, NOW, SECRET, HandClock, Harbour, running, toy
from web.api.oauth import AUDIENCE, ISSUER, Client, Tokens, hash_secret, new_secret
from web.api.problems import Problem

GRANT = {"grant_type": "client_credentials"}
IN_BODY = GRANT | {"client_id": "lms", "client_secret": SECRET}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def client(clock):
    async with running(toy(Harbour(), clock)) as client:
        yield client


async def ask(client: TestClient, form: dict[str, str], **more) -> ClientResponse:
    return await client.post("/api/oauth/token", data=form, **more)


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


async def test_by_body(client):
    response = await ask(client, IN_BODY)
    body = await response.json()
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert body["scope"] == "requests:read requests:write"


@pytest.mark.parametrize("secret", [SECRET, "correct+horse+battery+staple"])
async def test_by_basic(client, secret):
    response = await ask(client, GRANT, headers=basic("lms", secret))
    assert response.status == 200


async def test_token_opens_the_interface(client):
    token = (await (await ask(client, IN_BODY)).json())["access_token"]
    response = await client.get("/api/berths", headers={"Authorization": f"bearer {token}"})
    assert response.status == 200


async def test_fewer_scopes(client):
    response = await ask(client, IN_BODY | {"scope": "requests:read"})
    assert (await response.json())["scope"] == "requests:read"


async def test_unknown_fields_are_ignored(client):
    response = await ask(client, IN_BODY | {"resource": "x", "scope": ""})
    assert response.status == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 401, "invalid_client"),
        (GRANT, 401, "invalid_client"),
        (IN_BODY | {"client_secret": "wrong"}, 401, "invalid_client"),
        (IN_BODY | {"client_secret": ""}, 401, "invalid_client"),
        (IN_BODY | {"client_id": "nobody"}, 401, "invalid_client"),
        (IN_BODY | {"client_id": "lms\0"}, 401, "invalid_client"),
        (IN_BODY | {"client_id": "nobody", "client_secret": ""}, 401, "invalid_client"),
        (IN_BODY | {"grant_type": ""}, 400, "invalid_request"),
        (IN_BODY | {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (IN_BODY | {"scope": "requests:read sessions:read"}, 400, "invalid_scope"),
    ],
)
async def test_refusals(client, form, status, error):
    response = await ask(client, form)
    assert (response.status, (await response.json())["error"]) == (status, error)
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


@pytest.mark.parametrize(
    "raw", [b"grant_type=a&grant_type=b", b"&".join([b"a=b"] * 100), b"client_id=%ff", b"\xff"]
)
async def test_unusable_forms(client, raw):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await client.post("/api/oauth/token", data=raw, headers=headers)
    assert (response.status, (await response.json())["error"]) == (400, "invalid_request")


async def test_json_body_is_refused(client):
    response = await client.post("/api/oauth/token", json=IN_BODY)
    assert (response.status, (await response.json())["error"]) == (400, "invalid_request")


async def test_secret_in_two_places(client):
    response = await ask(client, IN_BODY, headers=basic("lms", SECRET))
    assert (response.status, (await response.json())["error"]) == (400, "invalid_request")


async def test_two_names(client):
    form = GRANT | {"client_id": "reader"}
    response = await ask(client, form, headers=basic("lms", SECRET))
    assert (response.status, (await response.json())["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !", "Basic bG1z", "Bearer abc", "Basic /////w=="]
)
async def test_unusable_header(client, header):
    response = await ask(client, GRANT, headers={"Authorization": header})
    assert (response.status, (await response.json())["error"]) == (401, "invalid_client")


def test_token_says_who(clock):
    tokens = Tokens(KEY, clock)
    token = tokens.issue(Client("lms", "", ALL, "academy"), frozenset({"requests:read"}))
    caller = tokens.caller(f"Bearer {token}")
    assert (caller.client, caller.backend) == ("lms", "academy")
    assert caller.scopes == {"requests:read"}


CLAIMS = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "lms",
    "backend": "academy",
    "scope": "requests:read",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 900,
}


def test_the_claims_of_the_forgeries_are_good(clock):
    token = jwt.encode(CLAIMS, KEY, algorithm="HS256")
    assert Tokens(KEY, clock).caller(f"Bearer {token}").client == "lms"


def _unsigned() -> str:
    parts = ({"alg": "none", "typ": "JWT"}, CLAIMS)
    return (
        ".".join(
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
            for part in parts
        )
        + "."
    )


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "x" * 5000,
        _unsigned(),
        jwt.encode(CLAIMS, b"f" * 32, algorithm="HS256"),
        jwt.encode(CLAIMS, KEY * 2, algorithm="HS512"),
        jwt.encode(CLAIMS | {"aud": "another"}, KEY, algorithm="HS256"),
        jwt.encode(CLAIMS | {"iss": "another"}, KEY, algorithm="HS256"),
        jwt.encode(CLAIMS | {"exp": int(NOW.timestamp())}, KEY, algorithm="HS256"),
        jwt.encode({k: v for k, v in CLAIMS.items() if k != "exp"}, KEY, algorithm="HS256"),
    ],
)
def test_forged_tokens(clock, token):
    with pytest.raises(Problem) as refused:
        Tokens(KEY, clock).caller(f"Bearer {token}")
    assert refused.value.code == "invalid_token"


def test_short_key_is_refused(clock):
    with pytest.raises(ValueError, match="32 bytes"):
        Tokens(b"short", clock)


def test_secrets_are_long_and_hidden():
    secret = new_secret()
    assert len(secret) == 43
    assert secret not in hash_secret(secret)
    assert new_secret() != secret
