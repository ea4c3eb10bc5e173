"""A learning platform as a process: the consumer of lti-consumer-xblock behind a few addresses.

The library speaks LTI: preflight, launch messages, access tokens, the check of what the tool
answers. It has no Assessment Control Service; the one here answers as strictly as it is told to:
what is named in PLATFORM_REFUSES gets 400, and what a request must have is asked for.

It runs in the platforms' own environment, which has none of the project's packages.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import os
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

SHIFT = os.environ.get("PLATFORM_CLOCK_SHIFT_FILE", "")
_real = time.time


def _shift() -> float:
    try:
        return float(Path(SHIFT).read_text(encoding="ascii")) if SHIFT else 0.0
    except (OSError, ValueError):
        return 0.0


# The library and its caches take the time from here: it must be that of the service under test.
time.time = lambda: _real() + _shift()

import django  # noqa: E402
from django.conf import settings  # noqa: E402

settings.configure(
    PLATFORM_NAME="Training platform",
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    INSTALLED_APPS=[],
    SECRET_KEY=secrets.token_urlsafe(16),
    USE_TZ=True,
)
django.setup()

import jwt.api_jwt  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from edx_django_utils.cache import TieredCache, get_cache_key  # noqa: E402
from lti_consumer.data import Lti1p3LaunchData, Lti1p3ProctoringLaunchData  # noqa: E402
from lti_consumer.lti_1p3.consumer import LtiProctoringConsumer  # noqa: E402
from lti_consumer.utils import get_data_from_cache  # noqa: E402


class _Shifted(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
        return dt.datetime.fromtimestamp(time.time(), tz)


jwt.api_jwt.datetime = _Shifted

PORT = int(os.environ["PLATFORM_PORT"])
BASE = f"http://localhost:{PORT}"
TOOL = os.environ["PLATFORM_TOOL"]
REFUSES = frozenset(filter(None, os.environ.get("PLATFORM_REFUSES", "").split(",")))
ACTIONS = ["pause", "resume", "terminate", "update", "flag"]
CLIENT, DEPLOYMENT, LINK = "invigilation-tool", "1", "block-v1:course+exam"
ATTEMPT = "1"  # some platforms write the number as text
CONTROL = "application/vnd.ims.lti-ap.v1.control+json"
SCOPE = "https://purl.imsglobal.org/spec/lti-ap/scope/control.all"
FORGETS_S = 600
NEEDED = ("user", "resource_link", "attempt_number", "action", "incident_time", "reason_code")
USER = {"id": "learner-7", "name": "Maria Santos", "email": "maria.santos@example.org"}

KEY = (
    rsa.generate_private_key(65537, 2048)
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)
CONFIGURATION = {
    "issuer": BASE,
    "authorization_endpoint": f"{BASE}/authorize",
    "token_endpoint": f"{BASE}/token",
    "jwks_uri": f"{BASE}/keys",
    "registration_endpoint": f"{BASE}/register",
}
told: dict[str, list[object]] = {
    "tools": [],
    "starts": [],
    "controls": [],
    "refused": [],
    "errors": [],
}


def consumer() -> LtiProctoringConsumer:
    """Return the library's consumer, fresh as for each of its requests."""
    return LtiProctoringConsumer(
        iss=BASE,
        lti_oidc_url=f"{TOOL}/lti/login",
        lti_launch_url=f"{TOOL}/lti/launch",
        client_id=CLIENT,
        deployment_id=DEPLOYMENT,
        rsa_key=KEY,
        rsa_key_id="platform-key",
        redirect_uris=[f"{TOOL}/lti/launch"],
        tool_keyset_url=f"{TOOL}/lti/jwks",
    )


def _cached(name: str) -> str:
    return str(get_cache_key(app="lti", user_id=USER["id"], resource_link_id=LINK, key=name))


def begin(kind: str) -> str:
    """Return where the browser goes to begin a launch."""
    data = Lti1p3LaunchData(
        user_id=USER["id"],
        user_role="student",
        config_id="exam",
        resource_link_id=LINK,
        name=USER["name"],
        email=USER["email"],
        message_type=kind,
        launch_presentation_return_url=f"{BASE}/",
        proctoring_launch_data=Lti1p3ProctoringLaunchData(
            attempt_number=ATTEMPT, start_assessment_url=f"{BASE}/start"
        ),
    )
    TieredCache.set_all_tiers(_cached("launch_data"), data, django_cache_timeout=FORGETS_S)
    return str(consumer().prepare_preflight_url(data))


def launch(said: dict[str, str]) -> dict[str, str]:
    """Return the fields of the form that the browser posts to the tool."""
    data = get_data_from_cache(said["lti_message_hint"])
    one = consumer()
    one.set_user_data(
        user_id=data.user_id, role="student", full_name=data.name, email_address=data.email
    )
    one.set_resource_link_claim(LINK, title="Ship Security Officer: Official Assessment")
    one.set_launch_presentation_claim("window", data.launch_presentation_return_url)
    session_data = get_data_from_cache(_cached("session_data")) or secrets.token_urlsafe(24)
    TieredCache.set_all_tiers(_cached("session_data"), session_data, django_cache_timeout=FORGETS_S)
    one.set_proctoring_data(
        attempt_number=ATTEMPT,
        session_data=session_data,
        start_assessment_url=f"{BASE}/start",
        assessment_control_url=f"{BASE}/acs",
        assessment_control_actions=ACTIONS,
    )
    return dict(one.generate_launch_request(said))


def start(token: str) -> dict[str, object]:
    """Check the message that starts the assessment, as the library's own view does."""
    data = get_data_from_cache(_cached("launch_data"))
    if data is None:
        raise LookupError("the launch is forgotten")
    one = consumer()
    one.set_proctoring_data(
        attempt_number=data.proctoring_launch_data.attempt_number,
        session_data=get_data_from_cache(_cached("session_data")),
        resource_link_id=data.resource_link_id,
    )
    return dict(one.check_and_decode_token(token))


def control(bearer: str, kind: str, raw: bytes) -> tuple[int, dict[str, object]]:
    """Answer a call of the Assessment Control Service."""
    try:
        allowed = consumer().check_token(bearer, allowed_scopes=[SCOPE])
    except Exception as error:  # noqa: BLE001 - whatever the library raises, it is no token
        return 401, {"error": str(error)}
    body = json.loads(raw)
    if not allowed or kind != CONTROL:
        return 403, {"error": "scope or media type"}
    if any(body.get(name) in (None, "") for name in NEEDED) or "incident_severity" not in body:
        return 400, {"error": "something is missing"}
    if body["user"].get("sub") != USER["id"] or body["attempt_number"] != ATTEMPT:
        return 404, {"error": "no such attempt"}
    told["refused" if body["action"] in REFUSES else "controls"].append(body)
    if body["action"] in REFUSES:
        return 400, {"error": f"no {body['action']} here"}
    states = {"pause": "paused", "terminate": "terminated"}
    return 200, {"status": states.get(body["action"], "running")}


class Handler(BaseHTTPRequestHandler):
    """The platform's addresses."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        said = dict(parse_qsl(parts.query))
        if parts.path == "/":
            self._page("Course", '<a href="/begin">Open the assessment</a>')
        elif parts.path == "/begin":
            self._go(begin(said.get("kind", "LtiStartProctoring")))
        elif parts.path == "/authorize":
            self._form(said["redirect_uri"], launch(said))
        elif parts.path == "/keys":
            self._json(200, consumer().get_public_keyset())
        elif parts.path == "/.well-known/openid-configuration":
            self._json(200, CONFIGURATION)
        elif parts.path == "/told.json":
            self._json(200, told)
        elif parts.path == "/readyz":
            self._json(200, {"status": "ready"})
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = dict(parse_qsl(raw.decode("utf-8", "replace")))
        try:
            if self.path == "/token":
                self._json(200, consumer().access_token(said))
            elif self.path == "/start":
                told["starts"].append(start(said["JWT"]))
                self._page("Assessment", '<a href="/begin?kind=LtiEndAssessment">Hand in</a>')
            elif self.path == "/register":
                told["tools"].append(json.loads(raw))
                self._json(200, {**json.loads(raw), "client_id": CLIENT})
            elif self.path == "/acs":
                bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
                self._json(*control(bearer, self.headers.get("Content-Type", ""), raw))
            else:
                self._json(404, {})
        except Exception as error:  # noqa: BLE001 - the tests read what it was
            told["errors"].append(f"{self.path}: {type(error).__name__}: {error}")
            self._json(400, {"error": type(error).__name__})

    def log_message(self, *_: object) -> None:
        """Say nothing: what matters is in `told`."""

    def _go(self, where: str) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _page(self, title: str, body: str) -> None:
        text = f"<!doctype html><html lang=en><title>{title}</title><h1>{title}</h1>{body}</html>"
        self._send(200, "text/html; charset=utf-8", text.encode())

    def _form(self, action: str, fields: dict[str, str]) -> None:
        inputs = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in fields.items()
        )
        form = f'<form id="f" method="post" action="{html.escape(action)}">{inputs}</form>'
        self._page("One moment", form + "<script>document.getElementById('f').submit()</script>")

    def _json(self, status: int, body: object) -> None:
        self._send(status, "application/json", json.dumps(body, default=str).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    sys.stderr.write(f"platform on {BASE}\n")
    ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
