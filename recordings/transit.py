"""Wrap keys that never leave a key service: the transit engine of HashiCorp Vault and OpenBao.

`POST BASE/encrypt/KEY {"plaintext", "associated_data"}` answers `{"data": {"ciphertext"}}`, and
`POST BASE/decrypt/KEY` the other way round; texts are base64, the ciphertext begins with `vault:v`
and the version of the key. The key must be of a type that takes associated data, such as
`aes256-gcm96`. Rotating it is the service's own affair; `invigilation keys rewrap` follows.

A wrapped key is the magic and the ciphertext. Keys that were opened are remembered for a while, so
that one recording is not a hundred questions.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

from recordings.wrap_keys import KEY_BYTES, KeysAway, WrongKey

MAGIC = b"INVWRAPT"
TIME_LIMIT_S = 5.0
REST_S = 5.0
"""So long a service that did not answer is not asked again: whoever asks hears so at once."""
MAX_ANSWER = 64 * 1024
REMEMBERED = 512
REMEMBERED_S = 300.0
_CONTEXT = b"invigilation probe"


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for one address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class TransitKeys:
    """Asks the key service at `base` (`https://vault.example.com:8200/v1/transit`).

    `token` gives the token of the moment, for an agent may renew it in a file.
    """

    def __init__(self, base: str, key: str, token: Callable[[], str]) -> None:
        self._base = base.rstrip("/")
        self._key = key
        self._token = token
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
        self._opened: OrderedDict[tuple[bytes, bytes], tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()
        self._rests_until = 0.0

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Have it wrapped; raises `KeysAway`."""
        sent = {"plaintext": _text(key), "associated_data": _text(context)}
        answer = self._ask("encrypt", sent).get("ciphertext")
        if not isinstance(answer, str) or not answer.startswith("vault:v"):
            raise KeysAway("its answer to encrypt has no ciphertext")
        return MAGIC + answer.encode()

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Have it opened; raises `WrongKey` and `KeysAway`."""
        if not wrapped.startswith(MAGIC):
            raise WrongKey("it was wrapped by a key that is not kept by this service")
        known = self._remembered(wrapped, context)
        if known is not None:
            return known
        ciphertext = wrapped[len(MAGIC) :].decode("ascii", "replace")
        sent = {"ciphertext": ciphertext, "associated_data": _text(context)}
        try:
            key = base64.b64decode(str(self._ask("decrypt", sent).get("plaintext")), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise WrongKey("what the key service opened is no key of a session")
        with self._lock:
            self._opened[(wrapped, context)] = (time.monotonic(), key)
            while len(self._opened) > REMEMBERED:
                self._opened.popitem(last=False)
        return key

    def newest(self, wrapped: bytes) -> bool:
        """Say whether the newest version of the key wrapped it; asks the service."""
        now = self.wrap(bytes(KEY_BYTES), _CONTEXT)
        return wrapped.split(b":")[:2] == now.split(b":")[:2]

    def _remembered(self, wrapped: bytes, context: bytes) -> bytes | None:
        with self._lock:
            at, key = self._opened.get((wrapped, context), (0.0, b""))
        return key if key and time.monotonic() - at < REMEMBERED_S else None

    def _ask(self, verb: str, sent: dict[str, str]) -> dict[str, Any]:
        if time.monotonic() < self._rests_until:
            raise KeysAway("it did not answer a moment ago")
        try:
            request = urllib.request.Request(  # noqa: S310 - a setting, http or https
                f"{self._base}/{verb}/{self._key}",
                json.dumps(sent).encode(),
                {"X-Vault-Token": self._token(), "Content-Type": "application/json"},
                method="POST",
            )
            with self._opener.open(request, timeout=TIME_LIMIT_S) as response:
                answer = json.loads(response.read(MAX_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                if verb == "decrypt" and error.code == 400:
                    raise WrongKey("the key service does not open it") from None
                raise KeysAway(f"it answered {verb} with status {error.code}") from None
        except (OSError, HTTPException, ValueError) as error:
            if isinstance(error, TimeoutError) or isinstance(
                getattr(error, "reason", None), TimeoutError
            ):
                self._rests_until = time.monotonic() + REST_S
            raise KeysAway(f"{type(error).__name__}: {error}") from None
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, dict):
            raise KeysAway(f"its answer to {verb} has no data")
        return data


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
