"""Registration of platforms: what an operator enters, and 1EdTech's Dynamic Registration 1.0.

An operator invites one company with a link that is secret and runs out; the company's
administrator enters it in their platform, which then tells us about itself, once.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer
from yarl import URL

from invigilation.desk.office import SERVICE, Office
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import clean_name
from invigilation.report import Channel
from invigilation.store import Tx
from invigilation.store.people import Backend
from invigilation.store.platforms import Platform
from web.backends.lti.claims import END_ASSESSMENT, RESOURCE, SCOPE, START_PROCTORING
from web.backends.lti.launches import LaunchRefused
from web.backends.lti.wire import PlatformAway, Wire

INVITED_FOR = timedelta(days=14)
TOKEN_LIMIT = 500
URL_LIMIT = 2_000
NAME_LIMIT = 255
ISSUER_LIMIT = 500
LAUNCH_MINUTES = 10
"""How long platforms are taken to remember a launch: one that is widely used keeps it for 600 s."""
MINUTES = 90
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
_IDENT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who may register: the id and name that their backend will have, and until when."""

    backend: str
    name: str
    until: datetime


def _serializer(secret: bytes) -> URLSafeSerializer:
    signer = {"digest_method": hashlib.sha256}
    return URLSafeSerializer(secret, salt="lti-invitation", signer_kwargs=signer)


def invite(secret: bytes, base: str, one: Invitation) -> str:
    """Return the secret address at which a platform registers itself."""
    _ident(one.backend)
    told = [one.backend, clean_name(one.name), int(one.until.timestamp())]
    token = _serializer(secret).dumps(told)
    return f"{base}/lti/register/{token if isinstance(token, str) else token.decode('ascii')}"


def invited(secret: bytes, token: str, now: datetime) -> Invitation:
    """Return what an invitation says; raises `NotFound`."""
    try:
        found = _serializer(secret).loads(token) if len(token) <= TOKEN_LIMIT else None
    except BadSignature:
        found = None
    match found:
        case [str(backend), str(name), int(until)] if until >= now.timestamp():
            return Invitation(backend, name, datetime.fromtimestamp(until, UTC))
    raise NotFound("invitation", "")


async def keep(
    office: Office, tx: Tx, name: str, one: Platform, webhook: tuple[str, str] = ("", "")
) -> None:
    """Insert a platform with its backend, and note it; raises `InvalidInput`.

    `webhook` is the address and the `whsec_` secret of one that wants reports by webhook.
    """
    clean = checked(one)
    backend = Backend(clean.backend, clean_name(name), *webhook, Channel.LTI)
    if not await tx.people.add_backend(backend):
        raise InvalidInput("id", f"There is a backend {clean.backend} already.")
    if not await tx.platforms.add(clean):
        raise InvalidInput("client_id", "This platform is registered already.")
    said = {"issuer": clean.issuer, "client_id": clean.client_id}
    await office.note(tx, SERVICE, "platform.registered", clean.backend, None, said)


async def remove(office: Office, tx: Tx, ident: str) -> None:
    """Let a platform launch nothing more, and tell it nothing more; raises `NotFound`.

    Its backend stays, with all that was asked for, so that no invitation is good for it again.
    """
    if not await tx.platforms.remove(ident):
        raise NotFound("platform", ident)
    await office.note(tx, SERVICE, "platform.removed", ident, None, None)


def checked(one: Platform) -> Platform:
    """Return the platform, if all of it can be used; raises `InvalidInput`."""
    _ident(one.backend)
    for field, text, limit in (
        ("issuer", one.issuer, ISSUER_LIMIT),
        ("client_id", one.client_id, NAME_LIMIT),
        *(("deployment", each, NAME_LIMIT) for each in one.deployments),
    ):
        if not 0 < len(text) <= limit or not text.isprintable():
            raise InvalidInput(field, f"The {field} must be plain text of 1 to {limit} letters.")
    for field, url in (
        ("authorize_url", one.authorize_url),
        ("token_url", one.token_url),
        ("keys_url", one.keys_url),
    ):
        _address(field, url)
    if one.audience and (len(one.audience) > URL_LIMIT or not one.audience.isprintable()):
        raise InvalidInput("audience", f"An audience has at most {URL_LIMIT} letters.")
    if not 0 <= one.launch_minutes <= 24 * 60:
        raise InvalidInput("launch_minutes", "A platform remembers a launch for 0 to 1440 minutes.")
    return one


def _ident(raw: str) -> None:
    if not _IDENT.fullmatch(raw):
        text = "The id of a backend is at most 40 small letters, digits and hyphens."
        raise InvalidInput("id", text)


def _address(field: str, raw: object) -> str:
    try:
        url = URL(raw) if isinstance(raw, str) else URL()
        good = url.scheme in {"https", "http"} and bool(url.host) and url.port is not None
    except ValueError:
        good = False
    if not good or not isinstance(raw, str) or len(raw) > URL_LIMIT or not raw.isprintable():
        raise InvalidInput(field, f"The {field} must be like https://lms.example.com/lti.")
    return raw


# --- dynamic registration -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Registrar:
    """Registers platforms that were invited. `base` is the service's public address."""

    office: Office
    wire: Wire
    secret: bytes
    base: str
    name: str

    async def register(self, token: str, configuration: str, access: str) -> Invitation:
        """Ask the platform about itself, tell it about us, and keep it; once an invitation.

        Raises `NotFound` for an invitation that is none (any more), and `LaunchRefused`.
        """
        one = invited(self.secret, token, self.office.clock.now())
        async with self.office.store.read() as tx:
            if await tx.people.backend(one.backend) is not None:
                raise NotFound("invitation", "")
        try:
            said = await self._configuration(configuration)
            answer = await self._announce(said, access)
            async with self.office.store.write() as tx:
                await keep(self.office, tx, one.name, self._platform(one, said, answer))
        except PlatformAway as error:
            raise LaunchRefused(f"Your platform could not be registered: {error}.") from None
        except InvalidInput as error:
            raise LaunchRefused(f"Your platform could not be registered. {error}") from None
        return one

    async def _configuration(self, url: str) -> dict[str, object]:
        """Return the platform's configuration, which must be its issuer's own."""
        answered = await self.wire.ask("GET", self._safe("openid_configuration", url))
        said = answered.body
        issuer = said.get("issuer")
        if answered.status != 200 or not isinstance(issuer, str):
            raise PlatformAway(f"its configuration could not be read: status {answered.status}")
        for field in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            self._safe(field, said.get(field))
        self._safe("registration_endpoint", said.get("registration_endpoint"))
        if _host(issuer) != _host(url):
            raise PlatformAway("its configuration names an issuer at another address")
        if self.base.startswith("https://") and not issuer.startswith("https://"):
            raise PlatformAway("its issuer is not an https address")
        return said

    def _safe(self, field: str, raw: object) -> str:
        """Return an address: of https, unless this service itself is on plain http.

        Whoever could change its keys on their way would be the platform.
        """
        url = _address(field, raw)
        if self.base.startswith("https://") and not url.startswith("https://"):
            raise InvalidInput(field, f"The {field} is not an https address.")
        return url

    async def _announce(self, said: dict[str, object], access: str) -> dict[str, object]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if access:
            headers["Authorization"] = f"Bearer {access}"
        body = json.dumps(self.registration()).encode()
        url = str(said["registration_endpoint"])
        answered = await self.wire.ask("POST", url, headers=headers, data=body)
        if answered.status not in {200, 201}:
            raise PlatformAway(f"it answered with status {answered.status}: {answered.text}")
        return answered.body

    def registration(self) -> dict[str, object]:
        """Return what the tool says of itself."""
        launch, host = f"{self.base}/lti/launch", URL(self.base).host
        kinds = (START_PROCTORING, END_ASSESSMENT, RESOURCE)
        return {
            "application_type": "web",
            "response_types": ["id_token"],
            "grant_types": ["implicit", "client_credentials"],
            "initiate_login_uri": f"{self.base}/lti/login",
            "redirect_uris": [launch],
            "client_name": self.name,
            "jwks_uri": f"{self.base}/lti/jwks",
            "token_endpoint_auth_method": "private_key_jwt",
            "scope": SCOPE,
            TOOL_CONFIGURATION: {
                "domain": host,
                "description": "Remote invigilation of Official Assessments",
                "target_link_uri": launch,
                "claims": ["iss", "sub", "name", "given_name", "family_name", "email"],
                "messages": [{"type": kind, "target_link_uri": launch} for kind in kinds],
            },
        }

    def _platform(
        self, one: Invitation, said: dict[str, object], answer: dict[str, object]
    ) -> Platform:
        configured = answer.get(TOOL_CONFIGURATION)
        deployment = configured.get("deployment_id") if isinstance(configured, dict) else None
        audience = said.get("authorization_server")
        return Platform(
            one.backend,
            str(said["issuer"]),
            str(answer.get("client_id") or ""),
            (deployment,) if isinstance(deployment, str) and deployment else (),
            str(said["authorization_endpoint"]),
            str(said["token_endpoint"]),
            str(said["jwks_uri"]),
            audience if isinstance(audience, str) else "",
            LAUNCH_MINUTES,
            MINUTES,
            self.office.clock.now(),
        )


def _host(url: str) -> tuple[str | None, int | None]:
    """Return host and port of an address."""
    try:
        found = URL(url)
    except ValueError:
        return None, None
    return found.host, found.port
