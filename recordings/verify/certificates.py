"""The certificates of time-stamp authorities (RFC 5280), as far as a token needs them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .der import BITS, CONTEXT, SEQUENCE, Node, make, single, some
from .strict import shown
from .verdict import NotVerified


def check_chain(chain: Sequence[x509.Certificate], at: datetime) -> None:
    """Hold the chain together: made for this, in force at that time, each issued by the next."""
    try:
        usage = chain[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        usage = None
    if (
        usage is None
        or not usage.critical
        or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]
    ):
        raise NotVerified("the certificate of its signer is not one for time-stamps")
    for one in chain:
        if not one.not_valid_before_utc <= at <= one.not_valid_after_utc:
            raise NotVerified(f"the certificate of {name_of(one)} was not in force at that time")
    if any(not _may_issue(above) for above in chain[1:]):
        raise NotVerified("the certificate of its signer was issued by one that may not issue any")


def vouched(
    chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate], at: datetime
) -> bool:
    """Say whether an authority vouches for the chain; raise if there are some and none does."""
    if not authorities:
        return False
    top = chain[-1]
    for known in authorities:
        if known in chain:
            return True
        in_force = known.not_valid_before_utc <= at <= known.not_valid_after_utc
        if issued(top, known) and _may_issue(known) and in_force:
            return True
    raise NotVerified(f"{name_of(chain[0])} is not an authority that you trust")


def issued(one: x509.Certificate, by: x509.Certificate) -> bool:
    """Say whether the second certificate's key signed the first."""
    try:
        one.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_issue(one: x509.Certificate) -> bool:
    try:
        constraints = one.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = one.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as missing:
        return missing.oid == x509.KeyUsage.oid and constraints.ca
    except (x509.DuplicateExtension, ValueError):
        return False
    return constraints.ca and usage.key_cert_sign


def issuer_and_serial(certificate: bytes) -> bytes:
    """Return the IssuerAndSerialNumber (RFC 5652, 10.2.4) that names a certificate."""
    serial, _, issuer = _signed_fields(certificate)[:3]
    return make(SEQUENCE, issuer.raw, serial.raw)


def _signed_fields(certificate: bytes) -> list[Node]:
    """Return what a certificate says, from its serial number on."""
    signed = some(single(certificate).children(SEQUENCE))[0].children(SEQUENCE)
    fields = signed[1:] if signed and signed[0].tag == CONTEXT else signed
    return fields if len(fields) > 2 else some([])


def certificate(raw: bytes) -> x509.Certificate:
    """Read a certificate (DER) with a key of a known kind; raises `NotVerified`."""
    signature = some(single(raw).children(SEQUENCE), 3)[2].of(BITS).content
    if signature[:1] != b"\0":  # bits that count for nothing: another spelling of the same
        raise NotVerified("a certificate in it cannot be read")
    try:
        if _signed_fields(raw)[0].integer() <= 0:
            raise NotVerified("a certificate in it has no number")
        read = x509.load_der_x509_certificate(raw)
        read.public_key()
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm):
        raise NotVerified("a certificate in it cannot be read") from None
    return read


def name_of(one: x509.Certificate) -> str:
    """Return what people call the holder of a certificate, in printable ASCII: anybody made it."""
    common = one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return shown(str(common[0].value) if common else one.subject.rfc4514_string())
