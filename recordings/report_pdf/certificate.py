"""The key and the certificate with which the service signs documents for people.

PDF readers know RSA with SHA-256 everywhere, and Ed25519 hardly anywhere: so this is a key of its
own. Unless the operator puts another in its place, its certificate is signed by itself; who checks
a document gets it from the service's published keys (`published`), as they get those of the record.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

KEY_BITS = 3072
YEARS = 25
"""Longer than any record is kept: what was signed once can be checked as long as it exists."""
NAME_LIMIT = 64
"""Of a common name in a certificate (RFC 5280, ub-common-name)."""


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """A private RSA key, and its certificate followed by those that lead to its root, if any."""

    private: RSAPrivateKey
    chain: tuple[x509.Certificate, ...]

    @classmethod
    def load(cls, path: Path) -> DocumentKey:
        """Read a PEM file: a key (PKCS #8), then its certificate, then those above it.

        Raises ValueError when it holds no RSA key, or no certificate of this key.
        """
        pem = path.read_bytes()
        private = load_pem_private_key(pem, password=None)
        chain = tuple(x509.load_pem_x509_certificates(pem))
        if not isinstance(private, RSAPrivateKey):
            raise ValueError(f"{path.name} holds no RSA key")  # noqa: TRY004 - bad content
        if chain[0].public_key() != private.public_key():
            raise ValueError(f"{path.name} holds a certificate of another key")
        return cls(private, chain)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, in hex."""
        return self.chain[0].fingerprint(SHA256()).hex()


def open_document_key(path: Path, name: str, now: datetime) -> DocumentKey:
    """Return the key kept at `path`; made there when it is missing, in the service's name.

    In a race the first one stays. Its certificate is also kept beside it, so that it stays
    published when another key takes its place. Raises ValueError for a damaged file.
    """
    if not path.exists():
        _make(path, name, now)
    key = DocumentKey.load(path)
    beside = path.with_name(f"{path.stem}-{key.fingerprint[:16]}.crt")
    if not beside.exists():
        chain = b"".join(one.public_bytes(Encoding.PEM) for one in key.chain)
        _write_once(beside, chain)
    return key


def published(path: Path) -> list[dict[str, object]]:
    """Return the certificates of all keys that were ever kept at `path`, the youngest first.

    Each is a JWK (RFC 7517, `x5c`). Raises ValueError for a damaged one.
    """
    files = path.parent.glob(f"{path.stem}-*.crt")
    chains = [x509.load_pem_x509_certificates(one.read_bytes()) for one in files]
    chains.sort(key=lambda chain: chain[0].not_valid_before_utc, reverse=True)
    return [jwk(chain) for chain in chains]


def jwk(chain: Sequence[x509.Certificate]) -> dict[str, object]:
    """Return a certificate of an RSA key, and those above it, as a JWK; ValueError for others."""
    public = chain[0].public_key()
    if not isinstance(public, RSAPublicKey):
        raise ValueError("a document's certificate is not one of an RSA key")  # noqa: TRY004
    numbers = public.public_numbers()
    named = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    text = json.dumps(named, sort_keys=True, separators=(",", ":"))
    ders = [one.public_bytes(Encoding.DER) for one in chain]
    return {
        **named,
        # RFC 7638
        "kid": _base64url(hashlib.sha256(text.encode()).digest()),
        "alg": "RS256",
        "use": "sig",
        "x5c": [base64.b64encode(der).decode() for der in ders],
        "x5t#S256": _base64url(hashlib.sha256(ders[0]).digest()),
    }


def roots_of_file(jwks: bytes) -> list[x509.Certificate]:
    """Return the certificates of documents in a published key set, its member `documents`.

    What no certificate can be made of is passed over: it proves nothing. None for another file.
    """
    try:
        listed = json.loads(jwks)["documents"]
    except (ValueError, LookupError, TypeError):
        return []
    found = []
    for key in listed if isinstance(listed, list) else ():
        chain = key.get("x5c") if isinstance(key, dict) else None
        if isinstance(chain, list) and chain and isinstance(chain[0], str):
            with contextlib.suppress(ValueError):
                der = base64.b64decode(chain[0], validate=True)
                found.append(x509.load_der_x509_certificate(der))
    return found


def _make(path: Path, name: str, now: datetime) -> None:
    """Write a new key with its certificate."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = generate_private_key(65_537, KEY_BITS)
    key = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_once(path, key + self_signed(private, name, now).public_bytes(Encoding.PEM))


def _write_once(path: Path, pem: bytes) -> None:
    """Write a file for the owner's eyes, whole or not at all; one that is there stays."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def self_signed(private: RSAPrivateKey, name: str, now: datetime) -> x509.Certificate:
    """Return a certificate for signing documents (RFC 5280), good from the day before `now`."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:NAME_LIMIT])])
    public = private.public_key()
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        # A clock that is behind by some hours must not find it unborn.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=YEARS * 365))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(private, SHA256())
    )


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
