"""The service's own key for webhooks: receivers check `v1a` by its public half."""

from __future__ import annotations

import base64
from pathlib import Path

from aiohttp import web

from recordings.seal import SigningKey
from web.backends.webhook import PUBLIC_PREFIX
from web.keyring import make_once

FILE = "webhook.pem"
WEBHOOK_KEY = web.AppKey("webhook_key", SigningKey)
PUBLISHED = "/.well-known/webhook-keys.json"


def open_webhook_key(folder: Path) -> SigningKey:
    """Return the key that is kept in `folder`, making it if it is missing."""
    path = folder / FILE
    make_once(path, SigningKey.generate().save)
    return SigningKey.load(path)


def public_text(key: SigningKey) -> str:
    """Return the public key as Standard Webhooks writes it: `whpk_` and base64 of 32 bytes."""
    return PUBLIC_PREFIX + base64.b64encode(key.public.public_bytes_raw()).decode()
