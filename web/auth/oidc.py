"""Staff come in by their company's sign-in: OpenID Connect Core 1.0, authorization code flow.

With PKCE (RFC 7636, S256), a `state` that belongs to this browser, a `nonce`, and the provider's
keys and endpoints by discovery (OpenID Connect Discovery 1.0). The identity token is taken from the
token endpoint, and its signature is checked all the same. Who comes in for the first time is found
by the e-mail address that the provider says it has verified, and afterwards by the provider's own
name for them (`invigilation/desk/companies.py`); nobody is added by it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote_plus

import aiohttp
import jwt
import structlog
from yarl import URL

from invigilation.errors import InvigilationError
from invigilation.ports import Clock
from web.auth.refreshed import Refreshed
from web.settings import Settings

log = structlog.get_logger(__name__)
ALGORITHMS: Final = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
"""Of keys that only the provider holds; never `none`, nor one of shared secrets."""
LEEWAY: Final = timedelta(seconds=60)
LASTS: Final = timedelta(minutes=10)
"""How long somebody may be at the provider's."""
MAX_AGE: Final = timedelta(hours=12)
"""Whoever signed in with the provider longer ago is asked there again; as long as a login lasts."""
TIME_LIMIT_S: Final = 10.0
SAID_LIMIT_S: Final = 3.0
"""So long may it take to say where it is, and what its keys are."""
MAX_ANSWER: Final = 128 * 1024
CODE_LIMIT: Final = 4_000
SUBJECT_LIMIT: Final = 255
"""Core 1.0, 2: so many letters of ASCII at most."""
LATEST: Final = 1e11
"""Seconds since 1970: some time in the year 5138."""
MANY_FACTORS: Final = "mfa"
"""Several factors were shown (RFC 8176, 2)."""
USER_AGENT: Final = "invigilation-oidc/1"


class CompanyRefused(InvigilationError):
    """Somebody cannot come in by the company's sign-in; the sentence says why."""

    code = "not_allowed"


def name_of(settings: Settings) -> str:
    """Return what staff know the company's sign-in by; empty when there is none."""
    return settings.oidc_name if settings.oidc_issuer else ""


@dataclass(frozen=True, slots=True)
class Company:
    """What is agreed with the provider. `redirect` is where it sends people back to.

    `always_two`: its sign-in asks for two factors, whatever its tokens say; else they must say so,
    by `amr` or by one of the `acr` values.
    """

    issuer: str
    client_id: str
    client_secret: str
    redirect: str
    always_two: bool = False
    acr: frozenset[str] = frozenset()
    plain: bool = False
    """Endpoints may be `http`, for rehearsals on one machine."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What a browser keeps while its person is at the provider's; `at` is in seconds since 1970."""

    state: str
    nonce: str
    verifier: str
    at: int
    then: str
    confirm: bool

    def dump(self) -> list[object]:
        """Return what is kept."""
        return [self.state, self.nonce, self.verifier, self.at, self.then, self.confirm]

    @classmethod
    def load(cls, kept: object) -> Flow | None:
        """Return what was kept, if that is what it is."""
        match kept:
            case [str(state), str(nonce), str(verifier), int(at), str(then), bool(confirm)]:
                return cls(state, nonce, verifier, at, then, confirm)
        return None


@dataclass(frozen=True, slots=True)
class Shown:
    """Who the provider says somebody is; `two`: they showed it two factors.

    `auth_time` is when they did; None when the provider does not say, which may be long ago.
    """

    issuer: str
    subject: str
    """The provider's name for them: never changed, never given to another (Core 1.0, 5.7)."""
    email: str
    two: bool
    auth_time: datetime | None


@dataclass(frozen=True, slots=True)
class _Places:
    authorize: str
    token: str
    keys: str
    post: bool
    """The secret goes in the form, since the provider takes it nowhere else."""


class Provider:
    """One provider, by its own account of itself."""

    def __init__(self, company: Company, client: aiohttp.ClientSession, clock: Clock) -> None:
        self.company = company
        self.client = client
        self.clock = clock
        self._places = Refreshed(self._found, clock)
        self._keys = Refreshed(self._published, clock)

    async def close(self) -> None:
        """End what it is still being asked."""
        await self._keys.close()
        await self._places.close()

    async def begin(self, then: str, *, confirm: bool) -> tuple[URL, Flow]:
        """Return where the browser goes, and what it must bring back; raises `CompanyRefused`.

        `confirm`: somebody who is signed in already shows once more who they are.
        """
        places = await self._places.get()
        verifier = secrets.token_urlsafe(48)
        at = int(self.clock.now().timestamp())
        state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "response_type": "code",
            "scope": "openid email",
            "client_id": self.company.client_id,
            "redirect_uri": self.company.redirect,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        # With an age asked for, the provider says when somebody signed in (Core 1.0, 3.1.2.1).
        query["max_age"] = "0" if confirm else str(int(MAX_AGE.total_seconds()))
        if confirm:
            query["prompt"] = "login"
        url = URL(places.authorize).update_query(query)
        return url, Flow(state, nonce, verifier, at, then, confirm)

    async def finish(self, flow: Flow, said: Mapping[str, str]) -> Shown:
        """Return who came back with this answer; raises `CompanyRefused`."""
        age = self.clock.now().timestamp() - flow.at
        if not -LEEWAY.total_seconds() <= age <= LASTS.total_seconds():
            raise CompanyRefused("This took too long. Please start again.")
        if not hmac.compare_digest(said.get("state", "").encode(), flow.state.encode()):
            raise CompanyRefused("This answer belongs to another browser or another try.")
        if said.get("iss", self.company.issuer) != self.company.issuer:  # RFC 9207
            raise CompanyRefused("This answer is from somebody else.")
        if said.get("error"):
            raise CompanyRefused("Your company's sign-in did not let you in.")
        code = said.get("code", "")
        if not 0 < len(code) <= CODE_LIMIT:
            raise CompanyRefused("The answer of your company's sign-in is not complete.")
        return self._shown(await self._verified(await self._token(code, flow)), flow)

    # --- the identity token -----------------------------------------------------------------------

    async def _token(self, code: str, flow: Flow) -> str:
        places, mine = await self._places.get(), self.company
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": mine.redirect,
            "code_verifier": flow.verifier,
        }
        headers = {}
        if places.post:
            form |= {"client_id": mine.client_id, "client_secret": mine.client_secret}
        else:
            # RFC 6749, 2.3.1: both are form-encoded before Basic encodes them.
            pair = f"{quote_plus(mine.client_id)}:{quote_plus(mine.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = await self._ask("POST", places.token, form, headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _away("it gave no identity token")
        return token

    async def _verified(self, token: str) -> dict[str, object]:
        """Return the claims of a token that the provider has signed for us."""
        try:
            head = jwt.get_unverified_header(token)
            algorithm, kid = head.get("alg"), head.get("kid")
            if algorithm not in ALGORITHMS:
                raise _away(f"its token is signed by {algorithm!r}"[:80])
            key = jwt.PyJWK(await self._key(kid), algorithm=algorithm)
            claims: dict[str, object] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self.company.client_id,
                issuer=self.company.issuer,
                # The times are held against our own clock below.
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as error:
            raise _away(f"its token does not hold: {type(error).__name__}") from None
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        party = claims.get("azp", self.company.client_id if len(audiences) == 1 else None)
        if party != self.company.client_id:
            raise _away("its token is for another party")
        return claims

    def _shown(self, claims: Mapping[str, object], flow: Flow) -> Shown:
        now, slack = self.clock.now().timestamp(), LEEWAY.total_seconds()
        if not (_seconds(claims["iat"]) - slack <= now < _seconds(claims["exp"]) + slack):
            raise _away("its token is not of now")
        nonce = claims["nonce"]
        if not isinstance(nonce, str) or not hmac.compare_digest(
            nonce.encode(), flow.nonce.encode()
        ):
            raise _away("its token is for another try")
        said = claims.get("auth_time")
        since = None if said is None else _seconds(said)
        if flow.confirm and (since is None or since < flow.at - slack):
            raise CompanyRefused("Your company's sign-in did not ask you again. Please try again.")
        email = claims.get("email")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            raise CompanyRefused("Your company's sign-in does not vouch for your e-mail address.")
        subject = claims["sub"]
        if not isinstance(subject, str) or not _is_name(subject):
            raise _away("its token does not name anybody")
        methods = claims.get("amr")
        two = (
            self.company.always_two
            or claims.get("acr") in self.company.acr
            or (isinstance(methods, list) and MANY_FACTORS in methods)
        )
        shown = None if since is None else datetime.fromtimestamp(since, UTC)
        return Shown(self.company.issuer, subject, email.strip().lower(), two, shown)

    # --- what the provider says of itself ---------------------------------------------------------

    async def _found(self) -> _Places:
        """Return the provider's endpoints, as it names them itself."""
        url = self.company.issuer.rstrip("/") + "/.well-known/openid-configuration"
        return self._read(await self._ask("GET", url, limit=SAID_LIMIT_S))

    def _read(self, said: Mapping[str, object]) -> _Places:
        if said.get("issuer") != self.company.issuer:
            raise _away("it says that it is another issuer")
        found = [
            str(said.get(name, ""))
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        ]
        schemes = {"https", "http"} if self.company.plain else {"https"}
        if any(URL(one).scheme not in schemes or not URL(one).host for one in found):
            raise _away("it does not name its endpoints")
        # Without a word on it, the secret goes by HTTP Basic (Discovery 1.0, 3).
        ways = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        post = isinstance(ways, list) and "client_secret_basic" not in ways
        return _Places(found[0], found[1], found[2], post)

    async def _key(self, kid: object) -> dict[str, object]:
        """Return the provider's key of that name; its only key, where the token names none."""
        found = await self._keys.get(lambda keys: kid is not None and kid not in keys)
        if kid is None and len(found) == 1:
            return next(iter(found.values()))
        if not isinstance(kid, str) or kid not in found:
            raise _away("its token is signed by a key that it does not publish")
        return found[kid]

    async def _published(self) -> dict[str, dict[str, object]]:
        places = await self._places.get()
        found = _signing((await self._ask("GET", places.keys, limit=SAID_LIMIT_S)).get("keys"))
        if not found:
            raise _away("it publishes no keys")
        return found

    async def _ask(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        limit: float = TIME_LIMIT_S,
    ) -> dict[str, object]:
        """Send one request and return the JSON object of its answer; raises `CompanyRefused`."""
        try:
            async with (
                asyncio.timeout(limit),
                self.client.request(
                    method,
                    url,
                    data=form,
                    headers={"Accept": "application/json", **(headers or {})},
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response,
            ):
                raw = bytearray()
                async for piece in response.content.iter_chunked(MAX_ANSWER):
                    raw += piece
                    if len(raw) > MAX_ANSWER:
                        raise _away("its answer is too long")
                status = response.status
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise _away(f"{type(error).__name__}: {error}"[:200]) from None
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        if status != 200 or not isinstance(body, dict):
            raise _away(f"status {status}")
        return body


def _signing(listed: object) -> dict[str, dict[str, object]]:
    """Return the keys of a key set (RFC 7517) that sign, by name."""
    found = {}
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("use", "sig") == "sig":
            found[str(one.get("kid", ""))] = one
    return found


def _is_name(subject: str) -> bool:
    return 0 < len(subject) <= SUBJECT_LIMIT and subject.isascii() and subject.isprintable()


def _seconds(claim: object) -> float:
    if isinstance(claim, bool) or not isinstance(claim, int | float) or not 0 <= claim < LATEST:
        raise _away("its token has a time that cannot be")
    return float(claim)


def _away(why: str) -> CompanyRefused:
    """Return the refusal for what is the provider's fault; the log says more than the page."""
    log.warning("company sign-in failed", why=why)
    return CompanyRefused(
        "Your company's sign-in did not answer as it should. "
        "Please try again, or use your password."
    )
