"""Tells whether a PDF is a report of the service that nobody has changed.

A reader's "signature valid" is not enough: some call a file valid to which a later part was added
that puts another file in the place of an attachment. So this looks at the whole file: certified
against any change, signed by a certificate that the service has published, nothing added behind
the signature but timestamps, and the attachment is an attestation that the service has signed.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import (
    EmbeddedPdfSignature,
    SignatureCoverageLevel,
    async_validate_pdf_signature,
    async_validate_pdf_timestamp,
    read_certification_data,
)
from pyhanko_certvalidator import ValidationContext

from invigilation.record import commitment, seals_in
from recordings.report_pdf.certificate import roots_of_file
from recordings.report_pdf.drawing import ATTESTATION, OPENINGS
from recordings.report_pdf.signing import as_asn1
from recordings.verify import Keys, Mark, NotVerified, Step, Verdict, verify_attestation

__all__ = ["attestation_of", "check", "roots_of_file"]

MAX_PDF_BYTES = 16 * 1024 * 1024
MAX_ATTACHED_BYTES = 64 * 1024 * 1024
TITLES = {
    1: "The file is a PDF with the service's seal on it",
    2: "The seal is by a certificate that the service has published",
    3: "The file is certified against change, and nothing was changed or added",
    4: "The attestation that is attached is signed",
    5: "The names and texts that are attached fit the attestation",
    6: "The time of the seal is witnessed",
}


@dataclass(slots=True)
class _File:
    """What the steps find out, for those that follow."""

    pdf: bytes
    keys: Keys
    roots: Sequence[x509.Certificate]
    authorities: Sequence[x509.Certificate]
    reader: PdfFileReader
    seal: EmbeddedPdfSignature
    payload: bytes = b""
    texts: Mapping[str, str] = field(default_factory=dict)


def check(
    pdf: bytes,
    keys: Keys,
    roots: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate] = (),
) -> Verdict:
    """Check a report in six steps: `keys` sign records, certificates of `roots` documents.

    `authorities` are those of time-stamp authorities. Never raises, whatever the bytes are. The
    verdict's `payload` is what the attached attestation says, its `texts` are those attached.
    """
    for library in ("pyhanko", "pyhanko_certvalidator"):
        # What it thinks of a file is told by the verdict.
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        file = _opened(pdf, keys, roots, authorities)
    except Exception as error:  # noqa: BLE001 - whatever a parser trips over
        return Verdict((_step(1, Mark.FAILED, _clause(error)),))
    steps = [_step(1, Mark.OK, "it has one")]
    for number, take in _STEPS.items():
        try:
            mark, clause = take(file)
        except Exception as error:  # noqa: BLE001 - as above
            mark, clause = Mark.FAILED, _clause(error)
        steps.append(_step(number, mark, clause))
    return Verdict(tuple(steps), file.payload.decode() or None, file.texts)


def attestation_of(pdf: bytes) -> bytes:
    """Return the JWS that is attached to a report; raises NotVerified for another file."""
    return _attached(PdfFileReader(io.BytesIO(pdf)), ATTESTATION)


def _step(number: int, mark: Mark, clause: str) -> Step:
    return Step(number, mark, f"{TITLES[number]}: {clause}.")


def _clause(error: Exception) -> str:
    if isinstance(error, NotVerified):
        return str(error)
    return f"it cannot be read ({type(error).__name__})"


def _opened(
    pdf: bytes,
    keys: Keys,
    roots: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
) -> _File:
    if len(pdf) > MAX_PDF_BYTES:
        raise NotVerified("it is too large")
    if not pdf.startswith(b"%PDF-"):
        raise NotVerified("it is no PDF")
    reader = PdfFileReader(io.BytesIO(pdf))
    seals = reader.embedded_regular_signatures
    if len(seals) != 1:
        raise NotVerified(f"it has {len(seals)} signatures, not one")
    return _File(pdf, keys, roots, authorities, reader, seals[0])


def _signed(file: _File) -> tuple[Mark, str]:
    trusted = _context(file.roots)
    stamped = _context((*file.authorities, *file.roots))
    status = asyncio.run(async_validate_pdf_signature(file.seal, trusted, stamped, skip_diff=True))
    if not (status.intact and status.valid):
        raise NotVerified("the signature does not fit the file")
    if not status.trusted:
        raise NotVerified("the certificate is not one of the service's")
    return Mark.OK, f"by {status.signing_cert.subject.native['common_name']}"


def _unchanged(file: _File) -> tuple[Mark, str]:
    seal = file.seal
    info = read_certification_data(file.reader)
    if info is None or info.permission is not MDPPerm.NO_CHANGES:
        raise NotVerified("it is not certified against change")
    if seal.docmdp_level is not MDPPerm.NO_CHANGES or info.author_sig != seal.sig_object:
        raise NotVerified("what certifies it is another signature")
    _tight(file.pdf, seal)
    last = file.reader.embedded_signatures[-1]
    for one in file.reader.embedded_signatures:
        one.compute_integrity_info()
    if last.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        raise NotVerified("something was added after it was sealed")
    if last is seal:
        return Mark.OK, "the seal covers the whole file"
    result = seal.diff_result
    level = getattr(result, "modification_level", ModificationLevel.OTHER)
    if seal.coverage < SignatureCoverageLevel.ENTIRE_REVISION or level > _ALLOWED:
        raise NotVerified("something was changed after it was sealed")
    return Mark.OK, "behind the seal there are only timestamps and their certificates"


_ALLOWED = ModificationLevel.LTA_UPDATES


def _tight(pdf: bytes, seal: EmbeddedPdfSignature) -> None:
    """Refuse anything else than the signature itself in the gap that it leaves in the file."""
    first, length, second, _ = (int(one) for one in seal.byte_range)
    gap = pdf[first + length : second]
    # DER says how long it is; behind it the room that was kept free is filled with zeros.
    contents = bytes.fromhex(gap[1:-1].decode("ascii"))
    written = b"<" + contents.hex().upper().encode("ascii") + b">"
    if gap != written or contents[_der_length(contents) :].strip(b"\0"):
        raise NotVerified("there is something beside the signature in its place")


def _der_length(data: bytes) -> int:
    """Return the length of the DER value (X.690, 8.1.3) at the beginning of `data`."""
    if data[1] < 0x80:
        return 2 + data[1]
    octets = data[1] & 0x7F
    return 2 + octets + int.from_bytes(data[2 : 2 + octets], "big")


def _attested(file: _File) -> tuple[Mark, str]:
    verdict = verify_attestation(_attached(file.reader, ATTESTATION), file.keys)
    for step in verdict.steps:
        if step.mark is Mark.FAILED:
            raise NotVerified(step.sentence.partition(": no, ")[2].removesuffix("."))
    file.payload = (verdict.payload or "").encode()
    return Mark.OK, f"session {json.loads(file.payload)['session']}"


def _fitting(file: _File) -> tuple[Mark, str]:
    openings = json.loads(_attached(file.reader, OPENINGS))
    if not file.payload:
        raise NotVerified("there is no attestation to hold them against")
    seals = set(seals_in(json.loads(file.payload)))
    for seal, opening in openings.items():
        if seal not in seals:
            raise NotVerified("one belongs to nothing that is attested")
        if commitment(bytes.fromhex(opening["key"]), opening["text"]) != seal:
            raise NotVerified("one was changed")
    file.texts = {seal: str(opening["text"]) for seal, opening in openings.items()}
    erased = len(seals) - len(openings)
    return Mark.OK, f"{len(openings)} fit" + (f", {erased} are erased" if erased else "")


def _witnessed(file: _File) -> tuple[Mark, str]:
    stamps = file.reader.embedded_timestamp_signatures
    if not stamps:
        return Mark.OK, "no time-stamp authority was asked; the time is the service's own word"
    if not file.authorities:
        return Mark.WARNING, "there is a timestamp, but no certificate to check it with was given"
    context = _context(file.authorities)
    for one in stamps:
        status = asyncio.run(async_validate_pdf_timestamp(one, context, skip_diff=True))
        if not (status.intact and status.valid and status.trusted):
            raise NotVerified("the timestamp is not one of a trusted authority")
    return Mark.OK, f"sealed before {status.timestamp:%Y-%m-%d %H:%M:%S} UTC"


_STEPS: dict[int, Callable[[_File], tuple[Mark, str]]] = {
    2: _signed,
    3: _unchanged,
    4: _attested,
    5: _fitting,
    6: _witnessed,
}


def _context(roots: Sequence[x509.Certificate]) -> ValidationContext:
    return ValidationContext(
        trust_roots=[as_asn1(one) for one in roots],
        allow_fetching=False,
        revocation_mode="soft-fail",
    )


def _attached(reader: PdfFileReader, name: str) -> bytes:
    """Return the one attachment of that name, as the file stands after its last change."""
    listed: Any = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    pairs = [(str(listed[at]), listed[at + 1]) for at in range(0, len(listed), 2)]
    found = [specification for named, specification in pairs if named == name]
    if len(found) != 1:
        raise NotVerified(f"{len(found)} files named {name} are attached")
    stream = found[0].get_object()["/EF"]["/F"]
    packed, packing = bytes(stream.encoded_data), stream.get("/Filter")
    if packing is None:
        return packed
    if packing != "/FlateDecode":
        raise NotVerified(f"{name} is packed in another way than ours")
    # A few bytes may unpack to more than the memory.
    data = zlib.decompressobj().decompress(packed, MAX_ATTACHED_BYTES + 1)
    if len(data) > MAX_ATTACHED_BYTES:
        raise NotVerified(f"{name} is too large")
    return data
