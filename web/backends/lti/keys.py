"""The tool's RSA key, with which it signs what platforms verify, and the JWK set that shows it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

ALGORITHM = "RS256"
BITS = 2048
EXPONENT = 65537


class ToolKey:
    """The key in a file of its own (PEM, PKCS #8), made when it is first asked for.

    Platforms of LTI 1.3 take RS256 alone, so this is not the key that signs records.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: rsa.RSAPrivateKey | None = None

    async def sign(self, claims: Mapping[str, object]) -> str:
        """Return a compact JWT of these claims."""
        key = await self._loaded()
        headers = {"kid": _thumbprint(key.public_key())}
        return await asyncio.to_thread(jwt.encode, dict(claims), key, ALGORITHM, headers)

    async def jwks(self) -> dict[str, object]:
        """Return the public key as a JWK set (RFC 7517)."""
        public = (await self._loaded()).public_key()
        shown = {**_members(public), "kid": _thumbprint(public), "alg": ALGORITHM, "use": "sig"}
        return {"keys": [shown]}

    async def _loaded(self) -> rsa.RSAPrivateKey:
        if self._key is None:
            self._key = await asyncio.to_thread(_open, self._path)
        return self._key


def _open(path: Path) -> rsa.RSAPrivateKey:
    """Return the key in the file, making it if there is none: in a race the first one stays."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = rsa.generate_private_key(EXPONENT, BITS)
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(part, path)
        finally:
            part.unlink(missing_ok=True)
    found = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(found, rsa.RSAPrivateKey):
        raise ValueError(f"{path.name} holds no RSA key")  # noqa: TRY004 - bad content
    return found


def _members(public: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = public.public_numbers()
    return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}


def _thumbprint(public: rsa.RSAPublicKey) -> str:
    """Return the RFC 7638 thumbprint."""
    text = json.dumps(_members(public), separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(text.encode()).digest())


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
