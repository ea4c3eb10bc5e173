"""OpenID Connect as LTI 1.3 uses it: the login that a platform begins, and the launch it ends in.

1EdTech Security Framework 1.1, 5.1: a platform sends the browser to us, we send it back with a
`state` and a `nonce`, and the platform posts a signed message with both.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from itsdangerous import BadSignature, URLSafeSerializer
from yarl import URL

from invigilation.desk.platforms import PlatformDesk
from invigilation.errors import InvigilationError, NotFound
from invigilation.ports import Clock
from invigilation.store.platforms import Platform
from web.backends.lti.claims import DEPLOYMENT, VERSION, VERSION_1P3, Claims
from web.backends.lti.keys import ALGORITHM
from web.backends.lti.wire import PlatformAway, Wire

STATE_LASTS = timedelta(minutes=10)
LEEWAY = timedelta(seconds=60)
"""Clocks of two companies differ by so much at most."""
OLDEST = timedelta(minutes=15)
"""A message made longer ago than this is no launch of now."""
TOKEN_LIMIT = 32 * 1024
STATE_LIMIT = 600
HINT_LIMIT = 4_000
SMALLEST_KEY = 2048
LATEST = 1e11
"""Seconds since 1970: some time in the year 5138."""


class LaunchRefused(InvigilationError):
    """A launch that does not hold, with a sentence that says why."""

    code = "launch_refused"


@dataclass(frozen=True, slots=True)
class Message:
    """A message that its platform has signed for us, for the first time, just now."""

    platform: Platform
    claims: Claims


@dataclass(frozen=True, slots=True)
class Launches:
    """Begins logins and checks what they end in. `base` is the service's public address."""

    desk: PlatformDesk
    wire: Wire
    clock: Clock
    secret: bytes
    base: str

    @property
    def redirect_uri(self) -> str:
        """Where platforms post their launches."""
        return f"{self.base}/lti/launch"

    async def begin(self, said: Mapping[str, str], browser: str) -> URL:
        """Return where the browser goes to get its message; raises `LaunchRefused`.

        `browser` is a secret of this browser's: only there does the launch hold.
        """
        issuer, hint = said.get("iss", ""), said.get("login_hint", "")
        if not issuer or not hint or len(hint) > HINT_LIMIT:
            raise LaunchRefused("The message of your training company's system is not complete.")
        target = said.get("target_link_uri", "")
        if target and not _within(target, self.base):
            raise LaunchRefused("This launch is for another service.")
        try:
            platform = await self.desk.find(issuer, said.get("client_id") or None)
        except NotFound:
            raise LaunchRefused("We do not know the system that sent you here.") from None
        nonce = secrets.token_urlsafe(24)
        query = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": platform.client_id,
            "redirect_uri": self.redirect_uri,
            "login_hint": hint,
            "state": self._state(platform, nonce, browser),
            "nonce": nonce,
        }
        message_hint = said.get("lti_message_hint", "")
        if message_hint:
            query["lti_message_hint"] = message_hint[:HINT_LIMIT]
        return URL(platform.authorize_url).update_query(query)

    def _state(self, platform: Platform, nonce: str, browser: str) -> str:
        at = int(self.clock.now().timestamp())
        token = self._serializer.dumps([platform.backend, nonce, at, _digest(browser)])
        return token if isinstance(token, str) else token.decode("ascii")

    @property
    def _serializer(self) -> URLSafeSerializer:
        signer = {"digest_method": hashlib.sha256}
        return URLSafeSerializer(self.secret, salt="lti-state", signer_kwargs=signer)

    async def finish(self, said: Mapping[str, str], browser: str) -> Message:
        """Return the message of a launch, which holds in every respect; raises `LaunchRefused`."""
        backend, nonce = self._opened(said.get("state", ""), browser)
        if said.get("error"):
            raise LaunchRefused("Your training company's system did not let you in.")
        platform = await self.desk.of_backend(backend)
        claims = await self._verified(platform, said.get("id_token", ""))
        self._check(platform, claims, nonce)
        if not await self.desk.use_nonce(platform, nonce):
            raise LaunchRefused("This launch was used before. Start again from your course.")
        return Message(platform, claims)

    def _opened(self, state: str, browser: str) -> tuple[str, str]:
        """Return the backend and the nonce that a state of ours names."""
        try:
            found = self._serializer.loads(state) if len(state) <= STATE_LIMIT else None
        except BadSignature:
            found = None
        match found:
            case [str(backend), str(nonce), int(at), str(whose)]:
                age = self.clock.now().timestamp() - at
                if not -LEEWAY.total_seconds() <= age <= STATE_LASTS.total_seconds():
                    raise LaunchRefused("This took too long. Start again from your course.")
                if not hmac.compare_digest(whose, _digest(browser)):
                    raise LaunchRefused(
                        "Your browser did not keep our cookie. Open the assessment in a window of "
                        "its own, not inside the course page, and start again from your course."
                    )
                return backend, nonce
        raise LaunchRefused("This launch did not begin here. Start again from your course.")

    async def _verified(self, platform: Platform, token: str) -> Claims:
        """Return the claims of a JWT that a key of the platform signed with RS256."""
        try:
            header = jwt.get_unverified_header(token) if len(token) <= TOKEN_LIMIT else {}
        except jwt.InvalidTokenError:
            header = {}
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(kid, str):
            raise LaunchRefused("The message is not signed in the way that LTI 1.3 asks for.")
        try:
            jwk = await self.wire.public_key(platform, kid)
        except PlatformAway:
            raise LaunchRefused(
                "We cannot reach your training company's system now. Try again in a minute."
            ) from None
        if jwk is None:
            raise LaunchRefused("The message is signed with a key that we do not know.")
        try:
            return await asyncio.to_thread(_open, token, jwk)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise LaunchRefused("The signature of the message does not hold.") from None

    def _check(self, platform: Platform, claims: Claims, nonce: str) -> None:
        """Check issuer, audience, times, nonce, version and deployment."""
        if claims.get("iss") != platform.issuer:
            raise LaunchRefused("The message is from somebody else.")
        audience = claims.get("aud")
        listed = audience if isinstance(audience, list) else [audience]
        if platform.client_id not in listed:
            raise LaunchRefused("The message is for another service.")
        if (len(listed) > 1 or "azp" in claims) and claims.get("azp") != platform.client_id:
            raise LaunchRefused("The message is for another service.")
        now = self.clock.now().timestamp()
        made, ends = _seconds(claims.get("iat")), _seconds(claims.get("exp"))
        slack = LEEWAY.total_seconds()
        if ends + slack <= now or not -slack <= now - made <= OLDEST.total_seconds():
            raise LaunchRefused("This launch is too old. Start again from your course.")
        given = claims.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise LaunchRefused("The message does not answer this login.")
        if claims.get(VERSION) != VERSION_1P3:
            raise LaunchRefused("The message is not of LTI 1.3.")
        if platform.deployments and claims.get(DEPLOYMENT) not in platform.deployments:
            raise LaunchRefused("The message is from a part of the system that we do not know.")


def _open(token: str, jwk: dict[str, object]) -> Claims:
    """Return the claims of a JWT; times are for the caller, who has a clock of their own."""
    if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig":
        raise ValueError("no key for signatures")
    public = jwt.PyJWK.from_dict({**jwk, "alg": ALGORITHM}).key
    if not isinstance(public, RSAPublicKey) or public.key_size < SMALLEST_KEY:
        raise ValueError("no RSA key of 2048 bits")
    claims: Claims = jwt.decode(
        token,
        public,
        algorithms=[ALGORITHM],
        options={
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
            "verify_aud": False,
            "verify_iss": False,
            "verify_sub": False,
            "verify_jti": False,
        },
    )
    return claims


def _seconds(raw: object) -> float:
    # NaN is in no range.
    if isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw < LATEST:
        return float(raw)
    raise LaunchRefused("The message does not say when it was made.")


def _digest(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()[:32]


def _within(target: str, base: str) -> bool:
    try:
        return URL(target).origin() == URL(base).origin()
    except ValueError:
        return False
