"""Links that are secrets: what they are for, signed.

A personal link names a request, and opens it until its session is over. An officer's link names a
request, too, and a moment until which it is good; all that it opens is the form of that request.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from itsdangerous import BadSignature, URLSafeSerializer

from invigilation.errors import NotFound

TOKEN_LIMIT = 200
TEST = "test"
"""What `to` says in a personal link that leads on to the test of the link."""


def _serializer(secret: bytes, salt: str = "personal-link") -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=salt, signer_kwargs={"digest_method": hashlib.sha256})


def personal_link(secret: bytes, request: str) -> str:
    """Return the path of the link that signs this request's learner in."""
    token = _serializer(secret).dumps(request)
    return f"/r/{token if isinstance(token, str) else token.decode('ascii')}"


def to_test(link: str) -> str:
    """Return the personal link that leads on to the test of the learner's link."""
    return f"{link}?to={TEST}"


def request_of(secret: bytes, token: str) -> str:
    """Return the id of the request that a link names; raises `NotFound`."""
    try:
        found = _serializer(secret).loads(token) if len(token) <= TOKEN_LIMIT else None
    except BadSignature:
        found = None
    if not isinstance(found, str):
        raise NotFound("link", "")
    return found


def onboard_link(secret: bytes, request: str, until: datetime) -> str:
    """Return the path of the link to the officer's form of this request, good until then."""
    token = _serializer(secret, "onboard-link").dumps([request, int(until.timestamp())])
    return f"/onboard/{token if isinstance(token, str) else token.decode('ascii')}"


def onboard_of(secret: bytes, token: str) -> tuple[str, datetime]:
    """Return the request that an officer's link names, and until when it is good.

    Raises `NotFound`; whether it is still good is for the caller to say.
    """
    serializer = _serializer(secret, "onboard-link")
    try:
        found = serializer.loads(token) if len(token) <= TOKEN_LIMIT else None
    except BadSignature:
        found = None
    match found:
        case [str(request), int(until)]:
            return request, datetime.fromtimestamp(until, UTC)
    raise NotFound("link", "")
