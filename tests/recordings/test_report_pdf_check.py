"""Our check of a PDF, beside two others: a single change anywhere, and the step that names it."""

from __future__ import annotations

import io
import logging
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from recordings.report_pdf.certificate import DocumentKey
from recordings.report_pdf.check import attestation_of, check
from recordings.report_pdf.sheet import openings_file
from recordings.report_pdf.signing import Authority, NoTimestamp, _signer, as_asn1, certify
from recordings.seal import SigningKey
from recordings.verify import DatedKey, Mark, render
from tests.harness.tsa import certificate, key, time_stamp_authority
from tests.recordings.reports import (
    KEYS,
    LEARNER,
    SERVICE,
    document_key,
    drawn,
    made_key,
    sealed,
    source,
)


@pytest.fixture(scope="module")
def of():
    return source()


@pytest.fixture(scope="module")
def whole(of):
    return sealed(of)


def judged(pdf, **more):
    return check(pdf, KEYS, [document_key().chain[0]], **more)


def failed(verdict):
    return [step.number for step in verdict.steps if step.mark is Mark.FAILED]


def by_pdfsig(pdf, tmp_path):
    """What pdfsig says, or that it says nothing good: the document whole, the signature valid."""
    file = tmp_path / "signed.pdf"
    file.write_bytes(pdf)
    said = subprocess.run(["pdfsig", str(file)], capture_output=True, check=False, text=True).stdout
    return "Total document signed" in said and "Signature is Valid." in said


def by_pyhanko(pdf):
    """What the library's own validator says, as one uses it without anything of ours."""
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    trusted = ValidationContext(trust_roots=[as_asn1(document_key().chain[0])])
    try:
        seal = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures[0]
        status = validate_pdf_signature(seal, trusted)
    except Exception:  # noqa: BLE001 - a file that it cannot read is refused, too
        return False
    return bool(status.bottom_line and status.coverage.name == "ENTIRE_FILE")


def test_what_was_made_is_accepted_by_everybody(of, whole, tmp_path):
    verdict = judged(whole)

    assert verdict.ok, verdict
    assert [step.number for step in verdict.steps] == [1, 2, 3, 4, 5, 6]
    assert all(step.sentence.endswith(".") for step in verdict.steps)
    assert LEARNER not in (verdict.payload or "")
    assert "Ana Reyes" in render(verdict)
    assert by_pdfsig(whole, tmp_path)
    assert by_pyhanko(whole)
    assert attestation_of(whole) == of.attestation


# --- one change each --------------------------------------------------------------------------


def flipped_page(pdf):
    """Change a byte of what is drawn on a page."""
    at = pdf.index(b"stream\n", pdf.index(b"/FlateDecode")) + 40
    return pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]


def comment_behind(pdf):
    return pdf + b"% nothing\n"


def swapped_attachment(pdf):
    """Add a revision in which the attachment's stream is another text."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    listed = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    files = listed[1].get_object()["/EF"]
    stream = files["/F"]
    stream._data = b"e30.e30.e30"
    stream._encoded_data = None
    writer.mark_update(files.raw_get("/F"))
    return written(writer)


def another_page(pdf):
    """Add a revision in which the first page has other dimensions."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    page = writer.root["/Pages"]["/Kids"][0]
    page["/MediaBox"] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 300, 300)))
    writer.mark_update(writer.root["/Pages"]["/Kids"].raw_get(0))
    return written(writer)


def cut(pdf):
    return pdf[: len(pdf) // 2]


def padding_used(pdf):
    """Write something into the room that was left free behind the signature."""
    at = re.search(rb"0{64}>", pdf).end() - 9
    return pdf[:at] + b"41414141" + pdf[at + 8 :]


def smaller_letters(pdf):
    """Spell the signature's digits in small letters: another file with the same meaning."""
    found = re.search(rb"/Contents ?<([0-9A-F]+)>", pdf)
    return pdf[: found.start(1)] + found[1].lower() + pdf[found.end(1) :]


def written(writer):
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def signed(pdf, meta):
    out = io.BytesIO()
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    PdfSigner(meta, signer=_signer(document_key())).sign_pdf(writer, output=out)
    return out.getvalue()


@dataclass(frozen=True)
class Case:
    change: Callable[[bytes], bytes]
    step: int
    others: bool = True
    """Whether both other programs refuse it as well."""


CASES = [
    Case(flipped_page, 2),
    Case(cut, 1),
    Case(comment_behind, 3, others=False),
    Case(swapped_attachment, 3),
    Case(another_page, 3),
    Case(padding_used, 3, others=False),
    Case(smaller_letters, 3, others=False),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.change.__name__)
def test_a_single_change_is_named_by_its_step(case, whole, tmp_path):
    changed = case.change(whole)

    verdict = judged(changed)

    assert changed != whole
    assert not verdict.ok
    assert case.step in failed(verdict)
    if case.others:
        assert not by_pdfsig(changed, tmp_path)
        assert not by_pyhanko(changed)


def test_a_stranger_who_draws_and_certifies_the_same_is_refused(of, tmp_path):
    forged = sealed(of, made_key(tmp_path, SERVICE))

    assert failed(judged(forged)) == [2]
    assert not by_pyhanko(forged)


def test_a_file_that_is_signed_but_not_certified_is_refused(of):
    meta = PdfSignatureMetadata("Seal", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)

    assert failed(judged(signed(drawn(of), meta))) == [3]


def test_a_file_that_allows_changes_is_refused(of):
    meta = PdfSignatureMetadata(
        "Seal",
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.FILL_FORMS,
    )

    assert failed(judged(signed(drawn(of), meta))) == [3]


def test_an_attestation_by_another_key_is_refused():
    assert failed(judged(sealed(source(key=SigningKey.generate())))) == [4, 5]


@pytest.mark.parametrize(
    "change",
    [
        lambda listed: listed.replace(LEARNER.encode(), b"Somebody Else"),
        lambda listed: listed.replace(b'"key": "', b'"key": "00', 1),
        lambda listed: re.sub(rb'"[0-9a-f]{64}": ', b'"' + b"0" * 64 + b'": ', listed, count=1),
        lambda _: b"not JSON",
    ],
)
def test_an_opening_that_does_not_fit_is_refused(change, of):
    listed = openings_file(of)

    pdf = certify(drawn(of, change(listed)), document_key(), SERVICE)

    assert failed(judged(pdf)) == [5]


def test_an_attachment_that_swells_is_not_unpacked(whole):
    writer = IncrementalPdfFileWriter(io.BytesIO(whole))
    files = writer.root["/Names"]["/EmbeddedFiles"]["/Names"][1].get_object()["/EF"]
    stream = files["/F"]
    stream._data, stream._encoded_data = None, zlib.compress(bytes(65 * 1024 * 1024), 9)
    stream["/Filter"] = generic.NameObject("/FlateDecode")
    writer.mark_update(files.raw_get("/F"))

    verdict = judged(written(writer))

    assert 4 in failed(verdict)
    assert "is too large" in render(verdict)


def test_an_attestation_by_a_key_that_was_retired_before_is_refused(whole):
    retired = {
        name: DatedKey(public, None, datetime(2026, 1, 1, tzinfo=UTC))
        for name, public in KEYS.items()
    }

    verdict = check(whole, retired, [document_key().chain[0]])

    assert failed(verdict)[0] == 4
    assert "was retired before" in render(verdict)


def test_erased_texts_are_counted():
    verdict = judged(sealed(source(erased={LEARNER}, pictures=False)))

    assert verdict.ok
    assert verdict.steps[4].sentence.endswith("6 fit, 1 are erased.")


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_byte_of_it_is_free(data, whole):
    at = data.draw(st.integers(0, len(whole) - 1))
    mask = data.draw(st.integers(1, 255))

    verdict = judged(whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :])

    assert not verdict.ok


@pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7\n", b"{}", b"%PDF-1.7\n" + b"\0" * 99])
def test_what_is_no_report_is_refused_in_words(pdf):
    verdict = judged(pdf)

    assert failed(verdict) == [1]


def test_the_attachment_can_be_found_without_a_pdf_library(of, whole):
    streams = re.finditer(rb"stream\r?\n", whole)

    def text(at):
        try:
            return zlib.decompressobj().decompress(whole[at:])
        except zlib.error:
            return whole[at : at + len(of.attestation)]

    assert of.attestation in [text(one.end()) for one in streams]


def test_a_certificate_of_an_authority_does_as_well(of, tmp_path):
    """The operator's own: issued by somebody, with that one's certificate behind it."""
    above = key()
    root = certificate("A root", above, None, above)
    own = document_key().private
    leaf = certificate(SERVICE, own, root, above, ca=False)
    path = tmp_path / "documents.pem"
    private = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, root)))

    pdf = sealed(of, DocumentKey.load(path))

    assert check(pdf, KEYS, [leaf]).ok


# --- timestamps -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.fail("OpenSSL is missing: ./dev test installs it")
    with time_stamp_authority(tmp_path_factory.mktemp("tsa")) as running:
        yield running


def trusted(authority):
    return tuple(x509.load_pem_x509_certificates(authority.certificates.read_bytes()))


@pytest.fixture(scope="module")
def stamped(of, authority):
    asked = Authority(authority.url, trusted(authority), private=True)
    return certify(drawn(of), document_key(), SERVICE, asked)


def test_with_an_authority_the_time_is_witnessed(stamped, authority):
    verdict = judged(stamped, authorities=trusted(authority))

    assert verdict.ok, verdict
    assert re.search(r"sealed before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", verdict.steps[5].sentence)
    assert b"/DSS" in stamped
    unknown = judged(stamped)
    assert unknown.ok
    assert unknown.steps[5].mark is Mark.WARNING


def test_a_timestamp_of_a_stranger_is_refused(stamped):
    assert failed(judged(stamped, authorities=[document_key().chain[0]])) == [6]


@pytest.mark.parametrize("change", [swapped_attachment, another_page, comment_behind])
def test_nothing_is_added_behind_a_timestamp_either(change, stamped, authority):
    assert 3 in failed(judged(change(stamped), authorities=trusted(authority)))


def test_an_authority_that_fails_is_named(of, authority):
    authority.status = 503
    asked = Authority(authority.url, trusted(authority), private=True)
    try:
        with pytest.raises(NoTimestamp, match="503"):
            certify(drawn(of), document_key(), SERVICE, asked)
    finally:
        authority.status = 200


def test_an_authority_inside_is_not_asked_unless_that_is_allowed(of, authority):
    before = authority.asked

    with pytest.raises(NoTimestamp, match="private"):
        certify(drawn(of), document_key(), SERVICE, Authority(authority.url, trusted(authority)))

    assert authority.asked == before


def test_an_authority_that_nobody_vouches_for_is_refused(of, authority):
    with pytest.raises(NoTimestamp):
        certify(drawn(of), document_key(), SERVICE, Authority(authority.url, (), private=True))
