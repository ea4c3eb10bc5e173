"""The signing key of the exam office, and the seal on a finished record."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from invigilation.ports import Signer
from recordings.errors import SealBroken
from recordings.verify import JWS_ALGORITHM, JWS_TYPE, Keys, NotVerified, open_jws, thumbprint


class SigningKey:
    """An Ed25519 private key (RFC 8032). Satisfies the port `Signer`."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._key_id = thumbprint(private.public_key())

    @classmethod
    def generate(cls) -> SigningKey:
        """Return a fresh key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Read a PEM file (PKCS #8, not encrypted); raises ValueError for anything else."""
        private = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError(f"{path.name} holds no Ed25519 key")  # noqa: TRY004 - bad content
        return cls(private)

    def save(self, path: Path) -> None:
        """Write the key as PEM (PKCS #8) for the owner's eyes only.

        Raises FileExistsError rather than overwrite a key.
        """
        pem = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())

    def current(self) -> SigningKey:
        """Return itself: it is the only one."""
        return self

    @property
    def key_id(self) -> str:
        """The RFC 7638 thumbprint of the public key."""
        return self._key_id

    @property
    def public(self) -> Ed25519PublicKey:
        """The public half."""
        return self._private.public_key()

    def sign(self, data: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes) of exactly these bytes."""
        return self._private.sign(data)

    def jwk(self) -> dict[str, str]:
        """Return the public key as a JWK (RFC 8037), as it stands in the published key set."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _base64url(self.public.public_bytes_raw()).decode(),
            "kid": self.key_id,
            "alg": JWS_ALGORITHM,
            "use": "sig",
        }


class Seal:
    """Seals payloads as compact JWS. Satisfies the port `Sealer`."""

    def __init__(self, key: Signer) -> None:
        self._key = key

    def seal(self, payload: bytes) -> bytes:
        """Return the compact JWS (RFC 7515, `alg` Ed25519 of RFC 9864) over exactly `payload`."""
        key = self._key.current()
        header = {"alg": JWS_ALGORITHM, "kid": key.key_id, "typ": JWS_TYPE}
        text = json.dumps(header, separators=(",", ":")).encode()
        signed = _base64url(text) + b"." + _base64url(payload)
        return signed + b"." + _base64url(key.sign(signed))


def open_seal(jws: bytes, keys: Keys) -> bytes:
    """Return the payload of a seal; raises SealBroken unless a key of `keys` signed exactly it."""
    try:
        return open_jws(jws, keys)
    except NotVerified as error:
        raise SealBroken(str(error)) from None


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
