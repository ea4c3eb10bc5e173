"""A passkey in software: makes credentials and signs challenges (WebAuthn level 3, 6)."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(slots=True)
class SoftKey:
    """A key on a device; whatever is set otherwise makes its answers wrong."""

    origin: str
    host: str = "localhost"
    flags: int = PRESENT | VERIFIED
    counter: int = 1
    ident: bytes = b"a passkey of the tests"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, options: dict[str, Any]) -> str:
        """Answer what a page asks to make a passkey from."""
        said = self._said("webauthn.create", options["challenge"])
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = bytes(16) + len(self.ident).to_bytes(2) + self.ident + encode_cbor(public)
        data = self._data(self.flags | ATTESTED) + attested
        whole = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(said, attestationObject=b64(whole), transports=["internal"])

    def sign(self, options: dict[str, Any]) -> str:
        """Answer what a page asks to sign."""
        said = self._said("webauthn.get", options["challenge"])
        self.counter += 1
        data = self._data(self.flags)
        signed = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        return self._answer(said, authenticatorData=b64(data), signature=b64(signed))

    def _said(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _data(self, flags: int) -> bytes:
        return (
            hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4)
        )

    def _answer(self, said: bytes, **response: object) -> str:
        return json.dumps(
            {
                "id": b64(self.ident),
                "rawId": b64(self.ident),
                "type": "public-key",
                "response": {"clientDataJSON": b64(said), **response},
            }
        )
