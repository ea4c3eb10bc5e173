"""A company's sign-in, as a double: OpenID Connect discovery, keys, and codes for tokens."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from invigilation.ports import Clock

CLIENT = "invigilation"
SECRET = "a secret: with% signs+"


@dataclass(slots=True)
class CompanyDouble:
    """Signs whoever `who` says in, and gives a token for each code once.

    `spoil` may change the claims, and `sign` how they are signed.
    """

    clock: Clock
    who: dict[str, Any] = field(default_factory=dict)
    spoil: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    names: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    kid: str = "k1"
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, nobody is told the keys."""
    keys_asked: asyncio.Event = field(default_factory=asyncio.Event)
    issuer: str = ""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def application(self) -> web.Application:
        """Return the provider's own service."""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        return app

    def signs_in(self, where: str) -> dict[str, str]:
        """Take the browser that was sent here; return what it brings back."""
        query = dict(URL(where).query)
        assert query["code_challenge_method"] == "S256"
        assert query["response_type"] == "code"
        code = f"code{len(self._codes)}"
        self._codes[code] = query
        return {"code": code, "state": query["state"], "iss": self.issuer}

    def token_for(self, query: dict[str, str]) -> str:
        """Return the identity token for somebody who was sent here with this query."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": "somebody",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": query["nonce"],
            "email_verified": True,
            **self.who,
            **self.spoil,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": self.kid})

    def public(self) -> dict[str, Any]:
        """Return the public key, as it is published."""
        found: dict[str, Any] = json.loads(
            jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=False)
        )
        return found | {"kid": self.kid, "use": "sig", "alg": "ES256"}

    async def _discovery(self, _: web.Request) -> web.Response:
        self.asked.append("discovery")
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return web.json_response(told | self.names)

    async def _keys(self, _: web.Request) -> web.Response:
        self.asked.append("keys")
        self.keys_asked.set()
        await self.answers.wait()
        return web.json_response({"keys": [self.public()]})

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append("token")
        query = self._codes.pop(form["code"], None)
        if query is None or not self._is_ours(request, form):
            return web.json_response({"error": "invalid_grant"}, status=400)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == query["code_challenge"]
        assert form["redirect_uri"] == query["redirect_uri"]
        return web.json_response({"id_token": self.token_for(query), "access_token": "none"})

    def _is_ours(self, request: web.Request, form: dict[str, str]) -> bool:
        if "client_secret" in form:
            return (form["client_id"], form["client_secret"]) == (CLIENT, SECRET)
        pair = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        name, _, secret = pair.partition(":")
        known = URL(f"?v={secret}", encoded=True).query["v"]
        return (name, known) == (CLIENT, SECRET)


@asynccontextmanager
async def company_running(clock: Clock) -> AsyncIterator[CompanyDouble]:
    """Run the double on a port of its own."""
    double = CompanyDouble(clock)
    double.answers.set()
    server = TestServer(double.application())
    await server.start_server()
    double.issuer = str(server.make_url("")).rstrip("/")
    try:
        yield double
    finally:
        await server.close()
