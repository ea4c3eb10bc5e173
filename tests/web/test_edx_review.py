"""The word for a session, what is told beside it, and the secrets of both sides."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta

import pytest

from invigilation.desk.edx import Seen
from invigilation.errors import InvalidInput
from invigilation.gap import Gap, Ruling
from invigilation.incident import Incident, Severity
from invigilation.session import Outcome
from tests.web.campus import LMS_SECRET
from web.backends.edx.review import COMMENTS, Sealed, Verdict, on_board, review, verdict
from web.backends.edx.setup import Lms, add_platform
from web.cli import main
from web.wrapping import Wrapping

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
SEALED = Sealed("se_1", "ab" * 32)


def incident(category="other.other", severity=Severity.LOW, minute=3):
    at = START + timedelta(minutes=minute)
    return Incident("in_1", "se_1", category, severity, "Maria smiled.", None, at, "st_1")


def seen(outcome=Outcome.COMPLETED, *incidents, gaps=(), started=START):
    return Seen(started, outcome, incidents, gaps)


@pytest.mark.parametrize(
    ("outcome", "incidents", "expected"),
    [
        (Outcome.COMPLETED, (), Verdict.PASSED),
        (Outcome.COMPLETED, (("examinee.late", Severity.LOW),), Verdict.PASSED),
        (Outcome.COMPLETED, (("technical.network", Severity.MEDIUM),), Verdict.PASSED),
        (Outcome.COMPLETED, (("examinee.late", Severity.MEDIUM),), Verdict.SUSPICIOUS),
        (Outcome.COMPLETED, (("technical.network", Severity.HIGH),), Verdict.SUSPICIOUS),
        (Outcome.STOPPED, (), Verdict.VIOLATION),
        (Outcome.REFUSED, (), Verdict.VIOLATION),
        (Outcome.TECHNICAL, (("examinee.late", Severity.HIGH),), Verdict.NOT_REVIEWED),
        (None, (), Verdict.NOT_REVIEWED),
    ],
)
def test_the_word_follows_the_outcome_and_what_weighs(outcome, incidents, expected):
    assert verdict(seen(outcome, *(incident(*one) for one in incidents))) is expected


def test_what_was_seen_is_told_in_order_without_a_name_or_a_note():
    gap = Gap("g", "se_1", START + timedelta(seconds=60), START + timedelta(seconds=90))
    late = incident("examinee.id_authorisation", Severity.MEDIUM)

    body = review(seen(Outcome.COMPLETED, late, gaps=(gap,)), SEALED, "rev@example.org")

    assert body == {
        "status": "suspicious",
        "reviewed_by": "rev@example.org",
        "comments": [
            {
                "comment": "Nothing came from the learner: not judged.",
                "status": "noted",
                "start": 60,
                "stop": 90,
                "duration": 30,
            },
            {
                "comment": "Incident: examinee, id authorisation (medium severity).",
                "status": "suspicious",
                "start": 180,
                "stop": 180,
                "duration": 0,
            },
            {
                "comment": f"Sealed report of the session se_1, SHA-256 {'ab' * 32}.",
                "status": "noted",
                "start": 0,
                "stop": 0,
                "duration": 0,
            },
        ],
    }


def test_a_gap_is_told_as_it_was_ruled_and_before_the_start_is_second_0():
    gap = Gap("g", "se_1", START - timedelta(seconds=5), None, None, Ruling.TECHNICAL)

    (told, _) = review(seen(gaps=(gap,)), SEALED, "")["comments"]

    assert told["comment"] == "Nothing came from the learner: a technical fault."
    assert (told["start"], told["stop"], told["duration"]) == (0, 0, 0)


def test_however_much_was_seen_the_seal_is_told():
    many = tuple(incident(minute=minute) for minute in range(COMMENTS * 2))

    comments = review(seen(Outcome.COMPLETED, *many), SEALED, "")["comments"]

    assert len(comments) == COMMENTS
    assert "se_1" in comments[-1]["comment"]


def test_a_learner_who_was_not_admitted_has_no_seconds():
    body = review(seen(Outcome.REFUSED, incident(), started=None), SEALED, "")

    assert body["comments"][0]["start"] == 0


def test_an_officer_on_board_passes():
    assert on_board(SEALED, "")["status"] == "passed"


# --- secrets ------------------------------------------------------------------------------------


def test_a_wrapped_secret_opens_with_its_key_and_under_its_name_only():
    wrapping = Wrapping(bytes(32))
    wrapped = wrapping.wrap("a", "secret")

    assert wrapping.open("a", wrapped) == "secret"
    assert b"secret" not in wrapped
    assert wrapped != wrapping.wrap("a", "secret")
    for other, name, bytes_ in (
        (wrapping, "b", wrapped),
        (Wrapping(bytes([1]) * 32), "a", wrapped),
        (wrapping, "a", wrapped[:-1]),
        (wrapping, "a", b""),
    ):
        with pytest.raises(ValueError, match="cannot be opened"):
            other.open(name, bytes_)


@pytest.mark.parametrize(
    ("ident", "place"),
    [
        ("Campus", Lms("https://lms.example.org", "us", LMS_SECRET)),
        ("campus", Lms("lms.example.org", "us", LMS_SECRET)),
        ("campus", Lms("https://lms.example.org/path", "us", LMS_SECRET)),
        ("campus", Lms("https://lms.example.org", "", LMS_SECRET)),
        ("campus", Lms("https://lms.example.org", "us", "short")),
        ("campus", Lms("https://lms.example.org", "us", LMS_SECRET, "nobody")),
    ],
)
async def test_a_platform_that_cannot_be_reached_is_not_added(ident, place, world):
    store = world.desk.office.store

    with pytest.raises(InvalidInput):
        async with store.write() as tx:
            await add_platform(tx, Wrapping(bytes(32)), ident, "Campus", place)


def test_the_command_adds_a_platform_and_tells_its_secret_once(
    sqlite_template, tmp_path, monkeypatch, capsys
):
    var = tmp_path / "var"
    var.mkdir()
    (var / "invigilation.db").write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("INVIGILATION_VAR", str(var))
    words = "edx add campus Campus --lms https://lms.example.org --lms-client-id us --secret-stdin"

    codes = []
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", ["invigilation", *words.split()])
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{LMS_SECRET}\n"))
        with pytest.raises(SystemExit) as ended:
            main()
        codes.append(ended.value.code)

    shown = capsys.readouterr()
    assert codes == [0, 1]
    assert "/edx\n" in shown.out
    assert "client_id      campus\n" in shown.out
    assert "There is a backend campus already." in shown.err
    assert LMS_SECRET not in shown.out
