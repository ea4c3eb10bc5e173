"""Receipts: the training company signs that it took a report, with a key of its own.

The service keeps the receipt with the record: whoever holds the service's key can no more rewrite
what somebody else has signed for.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from web.practice.records import Report

KEY = "receipts.pem"
TYPE = "invigilation-receipt+jws"


class Pen:
    """Signs receipts; the key is made once, in the folder of the database."""

    def __init__(self, folder: Path, backend: str) -> None:
        self._path = folder / KEY
        self._backend = backend
        self._key: Ed25519PrivateKey | None = None

    def prepare(self) -> None:
        """Read the key, or make it."""
        if not self._path.exists():
            key = Ed25519PrivateKey.generate()
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            part = self._path.with_name(f".{KEY}.{secrets.token_hex(4)}")
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor has no path
                file.write(pem)
            with contextlib.suppress(FileExistsError):
                os.link(part, self._path)
            part.unlink()
        found = load_pem_private_key(self._path.read_bytes(), password=None)
        if not isinstance(found, Ed25519PrivateKey):
            raise ValueError(f"{KEY} holds no Ed25519 key")  # noqa: TRY004 - bad content
        self._key = found

    def receipt(self, webhook: str, report: Report) -> dict[str, object]:
        """Return the receipt for a kept report and the public key, as members of the answer.

        A report that names no chain of events gets none: there would be nothing to sign for.
        """
        if self._key is None:
            raise ValueError("the pen is not prepared")
        chain = json.loads(_decoded(report.jws.split(".")[1])).get("chain")
        if not isinstance(chain, dict) or "head" not in chain:
            return {}
        jwk = {
            "crv": "Ed25519",
            "kty": "OKP",
            "x": _base64url(self._key.public_key().public_bytes_raw()),
        }
        name = _base64url(hashlib.sha256(_json(jwk)).digest())
        at = datetime.fromisoformat(report.verified).astimezone(UTC)
        claims = {
            "type": "report.accepted",
            "webhook_id": webhook,
            "backend": self._backend,
            "session": report.session,
            "head": chain["head"],
            "attestation_sha256": report.sha256,
            "accepted_at": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }
        header = {"alg": "Ed25519", "kid": name, "typ": TYPE}
        signed = f"{_base64url(_json(header))}.{_base64url(_json(claims))}"
        return {
            "receipt": f"{signed}.{_base64url(self._key.sign(signed.encode()))}",
            "key": jwk,
        }


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
