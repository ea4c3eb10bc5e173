"""The report for people: what stands on its pages, and that it is what archives ask for."""

from __future__ import annotations

import io
import json
import re
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader

from recordings.report_pdf import sheet as sheets
from recordings.report_pdf.certificate import (
    DocumentKey,
    jwk,
    open_document_key,
    published,
    roots_of_file,
)
from recordings.report_pdf.sheet import Pictures, sheet
from recordings.report_pdf.writable import RANGES, writable
from tests.recordings import reports
from tests.recordings.reports import LEARNER, NOTE, STATEMENT, at, drawn, sealed, source


def read(pdf, tmp_path, *tool):
    """What one of poppler's programs says of a PDF."""
    file = tmp_path / "report.pdf"
    file.write_bytes(pdf)
    done = subprocess.run([*tool, str(file)], capture_output=True, check=False, text=True)
    return done.stdout


def words_of(pdf, tmp_path):
    (tmp_path / "report.pdf").write_bytes(pdf)
    command = ["pdftotext", str(tmp_path / "report.pdf"), "-"]
    return " ".join(
        subprocess.run(command, capture_output=True, check=True).stdout.decode().split()
    )


def pages(pdf, tmp_path):
    return int(re.search(r"Pages:\s+(\d+)", read(pdf, tmp_path, "pdfinfo"))[1])


@pytest.fixture(scope="module")
def usual():
    return drawn(source())


def test_it_says_in_words_who_sat_what_when_and_under_whose_watch(usual, tmp_path):
    said = words_of(usual, tmp_path)

    for words in (
        LEARNER,
        "Ana Reyes",
        "Ship Security Officer: Official Assessment",
        "Monday 21 June 2027, 10:00:00 London (09:00:00 UTC)",
        "Confirmed by Ana Reyes at 09:58:00 London",
        "Seaman's book",
        "By machine, check digits right",
        "Name: written another way, as documents do; date of birth: the same",
        "1 of 1 done as asked",
        "2 times, 1 judged the same person",
        "95.1 %",
        "10:26:00 to 10:26:40",
        "the connection was lost",
        "technical: its time was given back. The dome lost the satellite.",
        NOTE,
        STATEMENT,
        (
            "1 pause: 10:40:00 to 10:47:00 (Fire drill.); 5 minutes of extra time; "
            "1 look around asked for, 1 found good."
        ),
    ):
        assert words in said, words


def test_it_has_two_pages_and_is_an_archives_pdf(usual, tmp_path):
    assert pages(usual, tmp_path) == 2
    assert re.search(rb"<pdfaid:part>3</pdfaid:part>", usual)
    assert re.search(rb"<pdfaid:conformance>B</pdfaid:conformance>", usual)
    fonts = read(usual, tmp_path, "pdffonts").splitlines()[2:]
    assert fonts
    # emb sub uni: embedded, cut down, and with letters that can be searched for.
    assert all(line.split()[-5:-2] == ["yes", "yes", "yes"] for line in fonts)
    assert "attestation.jws" in read(usual, tmp_path, "pdfdetach", "-list")


def test_nothing_in_it_depends_on_anything_outside_or_does_anything():
    """Rules of ISO 19005-3 that can be read off the file, also once it is sealed."""
    pdf = sealed(source())
    reader = PdfFileReader(io.BytesIO(pdf))
    root = reader.root

    assert root["/OutputIntents"][0].get_object()["/S"] == "/GTS_PDFA1"
    assert "/DestOutputProfile" in root["/OutputIntents"][0].get_object()
    assert "/Filter" not in root["/Metadata"].get_object()
    assert not reader.encrypted
    assert len(reader.trailer["/ID"]) == 2
    for word in (b"/JavaScript", b"/Launch", b"/LZWDecode", b"/RichMedia", b"/XFA", b"/URI"):
        assert word not in pdf
    attached = [one.get_object() for one in root["/AF"]]
    assert {one["/AFRelationship"] for one in attached} == {"/Data", "/Supplement"}
    assert all("/UF" in one and "/F" in one for one in attached)
    [field] = [one.get_object() for one in root["/AcroForm"]["/Fields"]]
    # One without a picture has no size, is printed, and is not hidden.
    assert field["/Rect"] == [0, 0, 0, 0]
    assert field["/F"] & 0b100110 == 0b100
    assert "/NeedAppearances" not in root["/AcroForm"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en-GB"


def test_however_much_there_is_to_say_it_stays_at_two_pages(tmp_path):
    def gaps(envelope):
        return [reports.gap(n, 1 + 3 * n, "The dome turned. " * 40, envelope) for n in range(24)]

    def incidents(envelope):
        return [reports.incident(n, 2 + 3 * n, NOTE * 20, envelope) for n in range(24)]

    def statement(envelope):
        return envelope.seal(("I watched the learner to the end.\n" * 200)[:4_000].strip())

    long = sheet(source(gaps=gaps, incidents=incidents))
    longest = source(gaps=gaps, incidents=incidents, statement=statement)

    assert pages(drawn(source(gaps=gaps, incidents=incidents)), tmp_path) == 2
    assert pages(drawn(longest), tmp_path) == 2
    assert len(long["gaps"]["rows"]) + long["gaps"]["more"] == 24
    assert len(long["incidents"]["rows"]) > 3
    assert len(long["gaps"]["rows"]) > 3


def test_what_recordings_lack_is_told_in_words(tmp_path):
    lacking = [
        reports.damaged("recording", 1, (65, 68), (4_000, None)),
        reports.damaged("stills", 30, (None, None)),
        reports.damaged("screen_recording", 2, lost="all"),
    ]

    said = words_of(drawn(source(damaged=lacking)), tmp_path)

    assert (
        "Recordings. The service lost some of what it recorded, which is not the learner's fault. "
        "Missing (London): the learner's camera and voice, 10:02:05 to 10:02:08, "
        "from 11:07:40 to the end of that recording; "
        "the learner's still pictures, a part of the recording that began at 10:30:00; "
        "the learner's screen, the whole recording that was to begin at 10:02:00."
    ) in said


@pytest.mark.parametrize("changes", [{}, {"damaged": []}])
def test_where_nothing_is_missing_or_an_older_attestation_is_silent_nothing_is_said(
    changes, tmp_path
):
    assert "Recordings." not in words_of(drawn(source(**changes)), tmp_path)


def test_much_that_is_missing_stays_on_its_page(tmp_path):
    def gaps(envelope):
        return [reports.gap(n, 1 + 3 * n, "The dome turned. " * 40, envelope) for n in range(24)]

    def incidents(envelope):
        return [reports.incident(n, 2 + 3 * n, NOTE * 20, envelope) for n in range(24)]

    def statement(envelope):
        return envelope.seal(("I watched the learner to the end.\n" * 200)[:4_000].strip())

    holes = [(60 * n, None) for n in range(50)]
    lacking = [reports.damaged("recording", 1, *holes)]
    crowded = source(gaps=gaps, incidents=incidents, damaged=lacking)
    longest = source(gaps=gaps, incidents=incidents, statement=statement, damaged=lacking)

    assert [pages(drawn(one), tmp_path) for one in (crowded, longest)] == [2, 2]
    assert "and 46 more, as the attached attestation says" in words_of(drawn(crowded), tmp_path)
    assert "There were none." not in words_of(drawn(longest), tmp_path)


def test_what_has_no_room_is_not_said_to_be_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "ROOM_MM", 0.0)

    said = words_of(drawn(source()), tmp_path)

    assert "There were none." not in said
    assert said.count("2, for which there is no room: the attached attestation has them all.") == 2


def test_a_long_statement_is_there_to_its_last_word(tmp_path):
    text = "I watched the learner from the admission to the end. " * 74 + "That is all of it."

    pdf = drawn(source(statement=lambda envelope: envelope.seal(text), gaps=[], incidents=[]))

    assert "That is all of it." in words_of(pdf, tmp_path)
    assert pages(pdf, tmp_path) == 2


def test_what_was_erased_is_said_to_be(tmp_path):
    said = words_of(drawn(source(erased={LEARNER, NOTE}, pictures=False)), tmp_path)

    assert LEARNER not in said
    assert NOTE not in said
    assert "(erased) (reference learner-1)" in said
    assert "2 of 7 have been erased" in said
    assert "are not in this report" in said


def test_pictures_are_in_it_and_only_where_they_are_kept(usual):
    one = source()
    half = drawn(
        type(one)(
            one.attestation,
            one.openings,
            one.entries,
            Pictures(face=one.pictures.face),
            one.made_at,
            one.service,
            one.url,
            one.certificate,
        )
    )

    assert usual.count(b"/DCTDecode") == 2
    assert half.count(b"/DCTDecode") == 1
    assert b"/DCTDecode" not in drawn(source(pictures=False))


def test_the_same_session_gives_the_same_pages(usual):
    one = source(pictures=False)

    assert drawn(one) == drawn(one)
    assert drawn(one) != usual


def test_somebody_who_was_never_admitted_has_a_report_too(tmp_path):
    bare = {"started": None, "finished": None, "outcome": "refused", "gaps": [], "incidents": []}

    said = words_of(drawn(source(presence=None, **bare)), tmp_path)

    assert "Not admitted" in said
    assert "it did not come to that" in said
    assert "There is nothing to draw" in said


def test_an_attestation_of_the_first_format_can_be_drawn(tmp_path):
    plain = {
        "format": "invigilation-attestation/1",
        "learner": {"reference": "learner-1", "name": "Plain Name"},
        "statement": STATEMENT,
    }
    one = source(**plain, pictures=False)

    told = sheet(one)

    assert dict(told["who"])["Learner"].startswith("Plain Name")


def test_bars_and_marks_lie_where_they_belong():
    told = sheet(source())["timeline"]

    lanes = {lane["name"]: lane["bars"] for lane in told["lanes"]}
    whole = 94 * 60
    running = [[round(x * whole) for x in bar[:2]] for bar in lanes["Assessment"]]
    assert running == [[14 * 60, 54 * 60], [61 * 60, whole]]
    assert [bar[2] for bar in lanes["Connection"]] == ["good", "weak", *["bad", "good"] * 2]
    assert [bar[2] for bar in lanes["Learner on camera"]] == ["good", *["bad", "good"] * 2]
    # Until something else is recorded there is sound; in a gap there is nothing.
    assert [bar[2] for bar in lanes["Microphone"]] == ["good", *["bad", "good"] * 2]
    assert len(lanes["Gaps"]) == 2
    assert told["pauses"] == [[pytest.approx(54 * 60 / whole), pytest.approx(61 * 60 / whole)]]
    assert [name for _, name in told["marks"]][:2] == ["10:00", "10:15"]
    assert [one["number"] for one in told["incidents"]] == [1, 2]


def test_every_letter_that_is_called_writable_has_a_glyph(tmp_path):
    letters = "".join(chr(code) for first, last in RANGES for code in range(first, last + 1))
    text = " ".join(writable(letters))

    pdf = drawn(source(statement=lambda envelope: envelope.seal(text), gaps=[], incidents=[]))

    assert "[U+" not in words_of(pdf, tmp_path)


def test_a_letter_without_a_glyph_is_named():
    assert writable("李 Wei\u202e\x00\nNgọc") == "[U+674E] Wei \nNgọc"


def test_nothing_in_a_text_is_taken_for_a_command(tmp_path):
    text = '#panic("x") $ * _ ` <a> @b \\ = // [1] {2} — and so on, to the end of it'

    said = words_of(drawn(source(statement=lambda envelope: envelope.seal(text))), tmp_path)

    assert text in said


def test_a_damaged_picture_is_an_error_that_says_so():
    one = source()

    with pytest.raises(ValueError, match="cannot be drawn"):
        reports.draw(sheet(one), one.attestation, b"{}", {"face": b"no picture"}, at(90))


def test_the_documents_key_is_made_once_and_for_the_owner_alone(tmp_path):
    path = tmp_path / "keys" / "documents.pem"
    first = open_document_key(path, "The Service", at(0))

    again = open_document_key(path, "Another", at(1))

    assert again.fingerprint == first.fingerprint
    assert path.stat().st_mode & 0o777 == 0o600
    names = {one.name for one in path.parent.iterdir()}
    assert names == {path.name, f"documents-{first.fingerprint[:16]}.crt"}


def test_a_certificate_stays_published_when_another_takes_its_place(tmp_path):
    path = tmp_path / "documents.pem"
    first = open_document_key(path, "The Service", at(0))
    path.unlink()

    second = open_document_key(path, "The Service", at(10_000))

    listed = json.dumps({"documents": published(path)}).encode()
    assert roots_of_file(listed) == [second.chain[0], first.chain[0]]
    assert b"PRIVATE" not in b"".join(one.read_bytes() for one in tmp_path.glob("*.crt"))


def test_a_file_without_the_keys_own_certificate_is_refused(tmp_path):
    one, other = reports.made_key(tmp_path / "one"), reports.document_key()
    path = tmp_path / "one" / "documents.pem"
    key = path.read_text().partition("-----BEGIN CERT")[0]
    cert = other.chain[0].public_bytes(Encoding.PEM).decode()
    path.write_text(key + cert)

    with pytest.raises(ValueError, match="another key"):
        DocumentKey.load(path)
    assert one.fingerprint != other.fingerprint


def test_certificates_are_read_from_the_published_keys():
    listed = json.dumps({"keys": [], "documents": [jwk(reports.document_key().chain)]}).encode()

    assert roots_of_file(listed) == [reports.document_key().chain[0]]
    for other in (b"", b"[]", b'{"keys": []}', b'{"documents": [{"x5c": ["AAAA"]}, 7]}'):
        assert roots_of_file(other) == []
