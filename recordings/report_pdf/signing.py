"""Certifies a PDF against any change, as PAdES (ETSI EN 319 142-1): B-B, or B-LTA with timestamps.

A certified document says by its signature that nothing at all may be changed in it (DocMDP with
P = 1, ISO 32000-2, 12.8.2.2); B-LTA adds timestamps and what one needs to check them in later
years. The signature has no picture on the page, so that the file stays PDF/A.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from socket import getaddrinfo
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from asn1crypto import keys as asn1_keys  # type: ignore[import-untyped, unused-ignore]
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_signer import DSSContentSettings, TimestampDSSContentSettings
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from recordings.report_pdf.certificate import DocumentKey

FIELD = "Seal"
_ALL_BEFORE = DSSContentSettings(
    include_vri=False,
    next_ts_settings=TimestampDSSContentSettings(include_vri=False, update_before_ts=True),
)
"""All certificates go before the last timestamp, so that it covers the whole file."""
TIMESTAMP_SECONDS = 10.0
TIMESTAMP_BYTES = 64 * 1024
"""Of an authority's answer; usual ones have 2 to 8 kB."""


class NoTimestamp(Exception):
    """The time-stamp authority did not give what is needed."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A time-stamp authority: its address, and the certificates by which it is trusted."""

    url: str
    roots: tuple[x509.Certificate, ...]
    private: bool = False
    """Whether it may be asked at a private or loopback address."""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Go nowhere else: the answer stays what it is, no timestamp."""


class HttpTimeStamper(TimeStamper):
    """Asks by RFC 3161 over HTTP: no redirects, a time limit, and an answer of bounded size."""

    def __init__(self, url: str, *, private: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._url = url
        self._private = private

    def _check_place(self) -> None:
        """Raise OSError where the address leads into a private network, and may not."""
        host = urlsplit(self._url).hostname or ""
        found = {str(one[4][0]) for one in getaddrinfo(host, None)}
        if not self._private and not all(map(_public, found)):
            raise OSError("its address is a private one")

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Return the authority's answer. Blocks: this runs where nothing else does."""
        headers = {
            "Content-Type": "application/timestamp-query",
            "Accept": "application/timestamp-reply",
        }
        if not self._url.startswith(("http://", "https://")):
            raise TimestampRequestError("the address is no web address")
        asked = Request(self._url, req.dump(), headers)  # noqa: S310 - checked above
        try:
            self._check_place()
            with build_opener(_NoRedirect).open(asked, timeout=TIMESTAMP_SECONDS) as answer:
                body = answer.read(TIMESTAMP_BYTES + 1)
        except OSError as error:
            if isinstance(error, HTTPError):
                error.close()
            raise TimestampRequestError(f"the time-stamp authority: {error}") from error
        if len(body) > TIMESTAMP_BYTES:
            raise TimestampRequestError("the time-stamp authority's answer is too long")
        try:
            return tsp.TimeStampResp.load(body, strict=True)
        except ValueError as error:
            raise TimestampRequestError("the authority's answer is no timestamp") from error


def _public(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_global


def certify(pdf: bytes, key: DocumentKey, name: str, authority: Authority | None = None) -> bytes:
    """Return the PDF certified in the service's `name`: PAdES B-B, with an authority B-LTA.

    Raises NoTimestamp when the authority fails, or is not one that its certificates vouch for.
    Blocks for some tenths of a second, with an authority for up to a minute.
    """
    stamper = (
        None if authority is None else HttpTimeStamper(authority.url, private=authority.private)
    )
    meta = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        reason="Report of an invigilated session",
        name=name,
        certify=True,
        subfilter=SigSeedSubFilter.PADES,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        embed_validation_info=authority is not None,
        use_pades_lta=authority is not None,
        dss_settings=_ALL_BEFORE,
        validation_context=None if authority is None else _trusting(key, authority.roots),
    )
    signer = PdfSigner(meta, signer=_signer(key), timestamper=stamper)
    out = io.BytesIO()
    try:
        signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), output=out)
    except Exception as error:
        if authority is None:
            raise
        raise NoTimestamp(f"{type(error).__name__}: {error}") from error
    return out.getvalue()


def as_asn1(one: x509.Certificate) -> asn1_x509.Certificate:
    """Return the certificate as the PDF library wants it."""
    return asn1_x509.Certificate.load(one.public_bytes(Encoding.DER))


def _trusting(key: DocumentKey, roots: Sequence[x509.Certificate]) -> ValidationContext:
    trusted = [as_asn1(one) for one in (key.chain[-1], *roots)]
    return ValidationContext(
        trust_roots=trusted,
        other_certs=[as_asn1(one) for one in key.chain],
        allow_fetching=False,
        revocation_mode="soft-fail",
    )


def _signer(key: DocumentKey) -> SimpleSigner:
    der = key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple([as_asn1(one) for one in key.chain[1:]])
    return SimpleSigner(
        signing_cert=as_asn1(key.chain[0]),
        signing_key=asn1_keys.PrivateKeyInfo.load(der),
        cert_registry=store,
    )
