"""Time-stamp tokens (RFC 3161 over RFC 5652): who says that a digest was there, and when.

A token is taken in one form only, so that no byte of it can be changed unseen: one signature; what
is not signed (algorithm names, the signer's name) spelt one way; no unsigned attributes; and as
certificates the signer's alone, or the whole chain up to one that signed itself. `tidied` brings
what an authority answers into that form, which other tools take as well.

Whether a certificate has been revoked since is not looked up: that would need a connection.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from .certificates import certificate, check_chain, issued, issuer_and_serial, name_of, vouched
from .der import (
    CONTEXT,
    INTEGER,
    NULL,
    OCTETS,
    SEQUENCE,
    SET,
    TIME,
    Node,
    elements,
    make,
    number,
    oid,
    single,
    some,
)
from .verdict import NotVerified

MAX_TOKEN_BYTES = 64 * 1024
MAX_CHAIN = 6
MAX_CERTIFICATES = 32
MIN_RSA_BITS = 2048

_SIGNED_DATA = oid("1.2.840.113549.1.7.2")
_TST_INFO = oid("1.2.840.113549.1.9.16.1.4")
_CONTENT_TYPE = oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = oid("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE = oid("1.2.840.113549.1.9.16.2.12")
_SIGNING_CERTIFICATE_2 = oid("1.2.840.113549.1.9.16.2.47")
_RSA = oid("1.2.840.113549.1.1.1")
_ED25519 = oid("1.3.101.112")
_EMPTY = make(NULL)
_TIME = re.compile(r"(\d{14})(?:\.(\d{1,9}))?Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Hash:
    """A hash, and what signatures with it are called."""

    name: str
    of: hashes.HashAlgorithm
    digest: bytes
    rsa: bytes
    ecdsa: bytes


_HASHES = [
    _Hash(name, of, oid(f"2.16.840.1.101.3.4.2.{digest}"), oid(rsa), oid(ecdsa))
    for name, of, digest, rsa, ecdsa in (
        ("sha256", hashes.SHA256(), 1, "1.2.840.113549.1.1.11", "1.2.840.10045.4.3.2"),
        ("sha384", hashes.SHA384(), 2, "1.2.840.113549.1.1.12", "1.2.840.10045.4.3.3"),
        ("sha512", hashes.SHA512(), 3, "1.2.840.113549.1.1.13", "1.2.840.10045.4.3.4"),
    )
]
SHA256 = make(SEQUENCE, _HASHES[0].digest)
"""The algorithm by which imprints are made here."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """What a token says: when (UTC), and who; `trusted` if a named authority vouches for them."""

    at: datetime
    authority: str
    trusted: bool


@dataclass(frozen=True, slots=True)
class _Token:
    """The parts of a token that say something."""

    info: bytes
    hashed: _Hash
    attributes: bytes
    """The signed attributes, as the SET OF whose bytes are signed."""
    signature: bytes
    algorithm: bytes
    certificates: tuple[bytes, ...]


def open_token(
    token: bytes, digest: bytes, authorities: Sequence[x509.Certificate] = ()
) -> Stamped:
    """Return what a token says of a SHA-256 digest, or raise NotVerified.

    `authorities` are the certificates that the reader trusts for this: the authority's own, or
    that of whoever issued it. Without any, `trusted` is False and the signature is checked by the
    certificate that comes with the token.
    """
    parts = _read(token)
    if len(parts.certificates) > MAX_CHAIN:
        raise NotVerified("the token is not in the form in which one is kept")
    chain = _chain(parts)
    if _written(parts, chain) != token:
        raise NotVerified("the token is not in the form in which one is kept")
    at = _said(parts.info, digest)
    _check_attributes(parts, chain[0])
    _check_signature(parts, chain[0])
    check_chain(chain, at)
    return Stamped(at, name_of(chain[0]), vouched(chain, authorities, at))


def tidied(token: bytes, authorities: Iterable[x509.Certificate] = ()) -> bytes:
    """Return an authority's token in the form that `open_token` takes; checks nothing else.

    The chain is completed from `authorities` where the token lacks a link.
    """
    parts = _read(token)
    return _written(parts, _chain(parts, authorities))


def nonce_of(token: bytes) -> int | None:
    """Return the number that the asker gave along, if the token repeats one."""
    fields = single(_read(token).info).children(SEQUENCE)
    return next((one.integer() for one in fields[5:] if one.tag == INTEGER), None)


def imprint_of(digest: bytes) -> bytes:
    """Return the MessageImprint of a SHA-256 digest, as it stands in requests of ours."""
    return make(SEQUENCE, SHA256, make(OCTETS, digest))


def _read(token: bytes) -> _Token:
    if len(token) > MAX_TOKEN_BYTES:
        raise NotVerified("the token is too large")
    kind, content = some(single(token).children(SEQUENCE), 2)
    signed = single(content.of(CONTEXT).content).children(SEQUENCE)
    if kind.raw != _SIGNED_DATA or len(signed) < 4:
        raise NotVerified("it is no time-stamp token")
    inner, octets = some(signed[2].children(SEQUENCE), 2)
    if inner.raw != _TST_INFO:
        raise NotVerified("it is signed data, but no time-stamp token")
    certificates = next((one.content for one in signed[3:-1] if one.tag == CONTEXT), b"")
    listed = elements(certificates)
    if len(listed) > MAX_CERTIFICATES:
        raise NotVerified("it has too many certificates")
    signer = single(signed[-1].of(SET).content).children(SEQUENCE)
    if len(signer) < 6:
        raise NotVerified("its signer is not named as one")
    attributes = make(SET, signer[3].of(CONTEXT).content)
    return _Token(
        single(octets.of(CONTEXT).content).of(OCTETS).content,
        _hash(signer[2]),
        attributes,
        signer[5].of(OCTETS).content,
        some(signer[4].children(SEQUENCE))[0].raw,
        tuple(one.raw for one in listed),
    )


def _written(parts: _Token, chain: Sequence[x509.Certificate]) -> bytes:
    """Write a token anew; what is signed stays to the byte."""
    digest = make(SEQUENCE, parts.hashed.digest)
    leaf = chain[0].public_bytes(Encoding.DER)
    signer = make(
        SEQUENCE,
        number(1),
        issuer_and_serial(leaf),
        digest,
        bytes([CONTEXT]) + parts.attributes[1:],
        _algorithm(chain[0], parts.hashed),
        make(OCTETS, parts.signature),
    )
    kept = sorted(one.public_bytes(Encoding.DER) for one in chain)
    content = make(SEQUENCE, _TST_INFO, make(CONTEXT, make(OCTETS, parts.info)))
    signed = make(
        SEQUENCE,
        number(3),
        make(SET, digest),
        content,
        make(CONTEXT, *kept),
        make(SET, signer),
    )
    return make(SEQUENCE, _SIGNED_DATA, make(CONTEXT, signed))


def _chain(parts: _Token, more: Iterable[x509.Certificate] = ()) -> tuple[x509.Certificate, ...]:
    """Return the signer's certificate, with all above it if they lead to a self-signed one."""
    known = [certificate(raw) for raw in parts.certificates]
    named = _attributes(parts)
    leaf = next((one for one in known if _is_named(one, named)), None)
    if leaf is None:
        raise NotVerified("the certificate of its signer is not in the token")
    return _above(leaf, [*more, *known]) or (leaf,)


def _above(
    leaf: x509.Certificate, known: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...] | None:
    """Return a shortest chain from the leaf up to a self-signed one, if there is any.

    There may be several ways: authorities let each other sign their roots. Each certificate is
    looked at once, since whoever writes a token may make ways without number.
    """
    ways: list[tuple[x509.Certificate, ...]] = [(leaf,)]
    left = [one for one in known if one != leaf]
    while ways:
        way = ways.pop(0)
        if issued(way[-1], way[-1]):
            return way
        above = [one for one in left if issued(way[-1], one)] if len(way) < MAX_CHAIN else []
        left = [one for one in left if one not in above]
        ways += [(*way, one) for one in above]
    return None


def _said(info: bytes, digest: bytes) -> datetime:
    """Return the time that the TSTInfo says, if it is about this digest."""
    fields = single(info).children(SEQUENCE)
    if len(fields) < 5 or fields[0].integer() != 1:
        raise NotVerified("what it says is no time-stamp")
    algorithm, hashed = some(fields[2].children(SEQUENCE), 2)
    sha256 = _hash(algorithm) is _HASHES[0]
    if not sha256 or hashed.of(OCTETS).content != digest:
        raise NotVerified("the time-stamp is about something else")
    match = _TIME.fullmatch(fields[4].of(TIME).content.decode("ascii", "replace"))
    if match is None:
        raise NotVerified("its time is not spelt as it should be")
    try:
        at = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise NotVerified("its time is none") from None
    return at + timedelta(microseconds=int((match[2] or "")[:6].ljust(6, "0")))


def _check_attributes(parts: _Token, leaf: x509.Certificate) -> None:
    attributes = _attributes(parts)
    if attributes.get(_CONTENT_TYPE) != _TST_INFO:
        raise NotVerified("its signature is about something else")
    digest = hashlib.new(parts.hashed.name, parts.info).digest()
    if attributes.get(_MESSAGE_DIGEST) != make(OCTETS, digest):
        raise NotVerified("what it says was changed after it was signed")
    if not _is_named(leaf, attributes):
        raise NotVerified("its signature names another certificate")


def _check_signature(parts: _Token, leaf: x509.Certificate) -> None:
    key, signed, hashed = leaf.public_key(), parts.attributes, parts.hashed.of
    spelt = {some(single(_algorithm(leaf, parts.hashed)).children(SEQUENCE))[0].raw}
    if parts.algorithm not in spelt | ({_RSA} if isinstance(key, RSAPublicKey) else set()):
        raise NotVerified("its signature is of another kind than its key")
    try:
        if isinstance(key, RSAPublicKey):
            if key.key_size < MIN_RSA_BITS:
                raise NotVerified(f"the key of its signer has less than {MIN_RSA_BITS} bits")
            key.verify(parts.signature, signed, PKCS1v15(), hashed)
        elif isinstance(key, EllipticCurvePublicKey):
            key.verify(parts.signature, signed, ECDSA(hashed))
        elif isinstance(key, Ed25519PublicKey):
            key.verify(parts.signature, signed)
    except InvalidSignature:
        raise NotVerified("the authority's signature does not hold") from None


def _attributes(parts: _Token) -> dict[bytes, bytes]:
    """Return the signed attributes by their kind, those that have one value."""
    found: dict[bytes, bytes] = {}
    for one in single(parts.attributes).children(SET):
        kind, values = some(one.children(SEQUENCE), 2)
        value = values.children(SET)
        if kind.raw in found or len(value) != 1:
            raise NotVerified("a signed attribute stands in it twice")
        found[kind.raw] = value[0].raw
    return found


def _is_named(one: x509.Certificate, attributes: dict[bytes, bytes]) -> bool:
    """Say whether the signature names this certificate (RFC 5035, RFC 2634)."""
    raw = one.public_bytes(Encoding.DER)
    if _SIGNING_CERTIFICATE_2 in attributes:
        fields = _first_named(attributes[_SIGNING_CERTIFICATE_2])
        default = fields[0].tag == OCTETS
        hashed = _HASHES[0] if default else _hash(fields[0])
        digest = fields[0] if default else some(fields[1:])[0]
        return digest.of(OCTETS).content == hashlib.new(hashed.name, raw).digest()
    if _SIGNING_CERTIFICATE in attributes:
        digest = _first_named(attributes[_SIGNING_CERTIFICATE])[0]
        # RFC 2634 knows no other; the signature itself is made with a better one.
        return digest.of(OCTETS).content == hashlib.sha1(raw, usedforsecurity=False).digest()
    raise NotVerified("its signature names no certificate")


def _first_named(value: bytes) -> list[Node]:
    named = some(single(value).children(SEQUENCE))[0]
    return some(some(named.children(SEQUENCE))[0].children(SEQUENCE))


def _hash(algorithm: Node) -> _Hash:
    kind, *parameters = some(algorithm.children(SEQUENCE))
    for one in _HASHES:
        if kind.raw == one.digest and [extra.raw for extra in parameters] in ([], [_EMPTY]):
            return one
    raise NotVerified("it uses a hash that is not taken")


def _algorithm(leaf: x509.Certificate, hashed: _Hash) -> bytes:
    key = leaf.public_key()
    if isinstance(key, RSAPublicKey):
        return make(SEQUENCE, hashed.rsa, _EMPTY)
    if isinstance(key, EllipticCurvePublicKey):
        return make(SEQUENCE, hashed.ecdsa)
    if isinstance(key, Ed25519PublicKey):
        return make(SEQUENCE, _ED25519)
    raise NotVerified("the key of its signer is of a kind that is not taken")
