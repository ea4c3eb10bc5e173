"""Personal links: the request's id, signed. They open the request until its session is over."""

from __future__ import annotations

import hashlib

from itsdangerous import BadSignature, URLSafeSerializer

from invigilation.errors import NotFound

TOKEN_LIMIT = 200


def _serializer(secret: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret, salt="personal-link", signer_kwargs={"digest_method": hashlib.sha256}
    )


def personal_link(secret: bytes, request: str) -> str:
    """Return the path of the link that signs this request's learner in."""
    token = _serializer(secret).dumps(request)
    return f"/r/{token if isinstance(token, str) else token.decode('ascii')}"


def request_of(secret: bytes, token: str) -> str:
    """Return the id of the request that a link names; raises `NotFound`."""
    try:
        found = _serializer(secret).loads(token) if len(token) <= TOKEN_LIMIT else None
    except BadSignature:
        found = None
    if not isinstance(found, str):
        raise NotFound("link", "")
    return found
