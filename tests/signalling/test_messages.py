"""What a client may send, and all that it may not."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from invigilation.challenge import ChallengeResult
from invigilation.document import DocumentKind, Fields
from invigilation.errors import InvalidInput
from invigilation.gap import Ruling
from invigilation.identity import Decision, SnapshotKind
from invigilation.incident import Severity
from invigilation.inspection import InspectionKind, InspectionResult
from invigilation.ladder import Budget, Rung, Way, Why
from invigilation.recheck import RecheckResult
from invigilation.session import Outcome
from signalling import messages
from signalling import messages as m
from signalling.forms import EVENTS, FORMS, may_send, parse
from signalling.messages import Party
from tests.signalling.bodies import BODIES

S = "se_1"
AT = datetime(2026, 11, 23, 10, 2, 11, tzinfo=UTC)


def body(event, **changed):
    return {"session": S, **BODIES[event], **changed}


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("join", m.Join(S)),
        ("leave", m.Leave(S)),
        ("offer", m.Offer(S, "v=0\r\n")),
        ("chat", m.Chat(S, "Hello", "client-0001")),
        ("media", m.Media(S, camera=True, microphone=True, screen=False, label="USB Camera")),
        ("notice", m.Notice(S, "Ten minutes are left", "client-0002")),
        (
            "link",
            m.Link(
                S,
                Rung.SMALL,
                Way.DIRECT,
                Why.LINK,
                keeps=True,
                used_kb=1234,
                budget=Budget(kbit=128),
                figures=m.Figures(80, 20, 12, 700, 0),
            ),
        ),
        ("still", m.Still(S, AT, b64decode(str(BODIES["still"]["jpeg"])))),
        ("picture_taken", m.PictureTaken(S, "pw_1", "ab" * 32, 88_000, AT)),
        ("sound", m.SoundPiece(S, "run1", 0, AT, b"\x1a\x45\xdf\xa3")),
        ("hand", m.Hand(S, raised=True)),
        ("done", m.Done(S, "is_1")),
        ("ask", m.AskInspection(S, InspectionKind.ROOM_SCAN)),
        ("judge", m.Judge(S, "is_1", InspectionResult.SATISFIED, "")),
        ("share_screen", m.ShareScreen(S, wanted=True)),
        ("rule_gap", m.RuleGap(S, "gp_1", Ruling.TECHNICAL, "")),
        ("judge_fill", m.JudgeFill(S, "gp_1", True, "")),
        ("hand_over", m.HandOver(S, "st_bob")),
        ("withdraw_handover", m.WithdrawHandover(S)),
        ("take_over", m.TakeOver(S)),
        ("extra_time", m.ExtraTime(S, 10)),
        ("reopen_identity", m.ReopenIdentity(S)),
        ("snapshot", m.Snapshot(S, SnapshotKind.FACE)),
        ("ask_document", m.AskDocument(S)),
        (
            "type_document",
            m.TypeDocument(
                S,
                DocumentKind.DRIVING_LICENCE,
                surname="Learner",
                given="Lea",
                number="L123",
                issuer="UTO",
                born="1990-03-27",
                expires="",
            ),
        ),
        (
            "refer_identity",
            m.ReferIdentity(S, m.Proposal.CONFIRMED, "Her passport has just expired"),
        ),
        ("challenge", m.AskChallenge(S)),
        ("judge_challenge", m.JudgeChallenge(S, "cg_1", ChallengeResult.SEEN, "")),
        ("recheck", m.TakeRecheck(S)),
        ("judge_recheck", m.JudgeRecheck(S, "rc_1", RecheckResult.SAME, "")),
        ("decide_identity", m.DecideIdentity(S, Decision.CONFIRMED, "Same person")),
        ("admit", m.Admit(S)),
        ("refuse", m.Refuse(S, "No document")),
        ("incident", m.NoteIncident(S, "environment.noise", Severity.LOW, "", picture=False)),
        ("pause", m.Pause(S, "Fire drill")),
        ("resume", m.Resume(S)),
        ("stop", m.Stop(S, "Fire alarm")),
        ("end", m.End(S)),
        ("attest", m.Attest(S, "I watched the whole sitting.", Outcome.COMPLETED)),
    ],
)
def test_every_message_is_read_into_its_own_type(event, message):
    read = parse(event, body(event))

    assert read == message
    assert type(read) is type(message)


def test_the_table_above_is_the_whole_protocol():
    assert BODIES.keys() == FORMS.keys()
    assert {form.make: event for event, form in FORMS.items()} == EVENTS


@pytest.mark.parametrize("event", ["", "attach", "Join", "connect", "__class__", None, 7, ["join"]])
def test_there_are_no_other_messages(event):
    with pytest.raises(InvalidInput):
        parse(event, {"session": S})


@pytest.mark.parametrize("raw", [None, [], "session", 1, True, [{"session": S}]])
def test_a_body_is_one_object(raw):
    with pytest.raises(InvalidInput):
        parse("join", raw)


@pytest.mark.parametrize("event", sorted(FORMS))
def test_no_field_may_be_missing_and_none_may_be_added(event):
    whole = {key: raw for key, raw in body(event).items() if key not in FORMS[event].optional}
    assert parse(event, whole)
    others = [{k: v for k, v in whole.items() if k != name} for name in whole]
    others.append({**whole, "more": 1})

    for other in others:
        with pytest.raises(InvalidInput):
            parse(event, other)


@pytest.mark.parametrize("event", sorted(FORMS))
@pytest.mark.parametrize(
    "wrong", [None, -1, 0.5, float("nan"), float("inf"), [], {}, [["x"]], {"a": {"b": 1}}, b"bytes"]
)
def test_no_field_takes_another_type(event, wrong):
    for name in body(event):
        with pytest.raises(InvalidInput) as caught:
            parse(event, body(event, **{name: wrong}))
        assert caught.value.field == name


@pytest.mark.parametrize(
    ("event", "field", "most"),
    [
        ("offer", "sdp", 48 * 1024),
        ("chat", "text", 2_000),
        ("chat", "client_id", 64),
        ("refuse", "reason", 1_000),
        ("pause", "reason", 1_000),
        ("stop", "reason", 1_000),
        ("decide_identity", "reason", 1_000),
        ("incident", "note", 1_000),
        ("notice", "text", 2_000),
        ("judge", "note", 1_000),
        ("rule_gap", "note", 1_000),
        ("judge_fill", "note", 1_000),
        ("hand_over", "to", 64),
        ("attest", "statement", 4_000),
        ("join", "session", 64),
        ("media", "label", 120),
        ("type_document", "surname", 120),
        ("type_document", "given", 120),
        ("type_document", "number", 40),
        ("type_document", "issuer", 60),
        ("refer_identity", "reason", 1_000),
        ("judge_challenge", "note", 1_000),
        ("judge_recheck", "note", 1_000),
    ],
)
def test_a_text_may_be_so_long_and_no_longer(event, field, most):
    assert getattr(parse(event, body(event, **{field: "x" * most})), field) == "x" * most

    with pytest.raises(InvalidInput):
        parse(event, body(event, **{field: "x" * (most + 1)}))


@pytest.mark.parametrize(
    ("event", "field", "least"),
    [
        ("chat", "text", 1),
        ("chat", "client_id", 8),
        ("refuse", "reason", 1),
        ("refer_identity", "reason", 1),
        ("attest", "statement", 20),
    ],
)
def test_a_text_has_at_least_so_many_characters(event, field, least):
    assert parse(event, body(event, **{field: "x" * least}))

    with pytest.raises(InvalidInput):
        parse(event, body(event, **{field: "x" * (least - 1)}))


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x85", "\ud800", "\r"])
@pytest.mark.parametrize(
    ("event", "field"), [("chat", "text"), ("refuse", "reason"), ("incident", "note")]
)
def test_control_characters_and_halves_of_characters_are_refused(event, field, character):
    with pytest.raises(InvalidInput):
        parse(event, body(event, **{field: f"before{character}after"}))


@pytest.mark.parametrize("text", ["two\nlines", "Ærøskøbing", "Здравствуйте", "👩‍✈️", "مرحبا"])
def test_text_of_any_language_passes_unchanged(text):
    assert parse("chat", body("chat", text=text)).text == text


@pytest.mark.parametrize("raw", ["../etc", "se 1", "se_1\n", "", "sé", "a/b"])
def test_a_session_has_a_plain_name(raw):
    with pytest.raises(InvalidInput):
        parse("join", {"session": raw})


def test_an_offer_is_ascii():
    with pytest.raises(InvalidInput):
        parse("offer", body("offer", sdp="v=0\r\ns=ü\r\n"))


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ("snapshot", "kind"),
        ("decide_identity", "decision"),
        ("incident", "severity"),
        ("incident", "category"),
        ("attest", "outcome"),
        ("ask", "kind"),
        ("judge", "result"),
        ("rule_gap", "ruling"),
        ("type_document", "kind"),
        ("refer_identity", "proposed"),
        ("judge_challenge", "result"),
        ("judge_recheck", "result"),
    ],
)
def test_a_word_is_one_of_a_list(event, field):
    for word in ("", "FACE", "unknown", "environment"):
        with pytest.raises(InvalidInput):
            parse(event, body(event, **{field: word}))


@pytest.mark.parametrize("kind", ["portrait", "face_aligned", "face_again"])
def test_pictures_that_come_about_by_themselves_are_not_asked_for(kind):
    with pytest.raises(InvalidInput):
        parse("snapshot", body("snapshot", kind=kind))


@pytest.mark.parametrize(
    "day", ["1990-2-7", "27.3.1990", "1990-02-30", "0000-01-01", "19900327", "1990-W01-1", "x", " "]
)
def test_a_day_is_a_day_of_the_calendar(day):
    for name in ("born", "expires"):
        with pytest.raises(InvalidInput):
            parse("type_document", body("type_document", **{name: day}))


def test_what_was_typed_is_a_documents_fields():
    typed = parse("type_document", body("type_document"))

    assert isinstance(typed, m.TypeDocument)
    assert typed.fields == Fields("Learner", "Lea", "L123", "UTO", born=date(1990, 3, 27))


def test_a_proposal_to_a_colleague_is_a_decision_or_none():
    assert m.ReferIdentity(S, m.Proposal.CONFIRMED, "x").decision is Decision.CONFIRMED
    assert m.ReferIdentity(S, m.Proposal.NONE, "x").decision is None


def test_a_decision_may_say_by_which_pictures():
    said = parse("decide_identity", body("decide_identity", document="ev_1", face="ev_2"))

    assert (said.document, said.face) == ("ev_1", "ev_2")


def test_a_reason_may_be_left_out_of_a_decision():
    assert parse("decide_identity", body("decide_identity", reason="")).reason == ""


def test_a_truth_is_no_number():
    for wrong in (0, 1, "true"):
        with pytest.raises(InvalidInput):
            parse("media", body("media", camera=wrong))


@pytest.mark.parametrize(
    ("event", "field", "most"), [("still", "jpeg", 24_576), ("sound", "audio", 16_384)]
)
def test_bytes_are_so_many_and_no_more(event, field, most):
    whole = parse(event, body(event, **{field: b64encode(bytes(most)).decode()}))
    assert len(getattr(whole, field)) == most

    for wrong in (b64encode(bytes(most + 1)).decode(), "", "====", "AA", "A A=", "AAAA\n", "ÄAAA"):
        with pytest.raises(InvalidInput):
            parse(event, body(event, **{field: wrong}))


@pytest.mark.parametrize(
    "at",
    [
        "2026-02-30T10:02:11.000Z",
        "2026-11-23T10:02:11Z",
        "2026-11-23T10:02:11.000+00:00",
        "2026-11-23T24:61:11.000Z",
        "",
    ],
)
def test_a_moment_is_written_in_one_way(at):
    with pytest.raises(InvalidInput):
        parse("still", body("still", at=at))


@pytest.mark.parametrize(
    "budget",
    [
        {"kbit": 7, "mb": None},
        {"kbit": 8.5, "mb": None},
        {"kbit": True, "mb": None},
        {"kbit": 64},
        {"kbit": None, "mb": 0},
    ],
)
def test_a_budget_has_both_limits_or_says_that_there_is_none(budget):
    assert parse("link", body("link", budget={"kbit": None, "mb": 40})).budget == Budget(None, 40)

    with pytest.raises(InvalidInput):
        parse("link", body("link", budget=budget))


def test_figures_are_whole_and_all_there():
    figures = dict(BODIES["link"]["figures"])

    for wrong in (
        {**figures, "rtt_ms": 0.5},
        {**figures, "rtt_ms": -1},
        {**figures, "more": 1},
        {"rtt_ms": 1},
    ):
        with pytest.raises(InvalidInput):
            parse("link", body("link", figures=wrong))


PROTOCOL = Path(messages.__file__).with_name("PROTOCOL.md").read_text(encoding="utf-8")
PARTIES = {"L": Party.LEARNER, "I": Party.INVIGILATOR, "S": Party.SUPERVISOR, "C": Party.SECOND}
OUTSIDE = {"join", "take_over", "withdraw_handover"}
"""What staff may send who are not in the room."""


def written_down() -> dict[str, set[Party | None]]:
    """Who may send what, as PROTOCOL.md has it; None is staff outside."""
    table: dict[str, set[Party | None]] = {}
    section = PROTOCOL.split("## Client to server")[1].split("## Server to client")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for event in re.findall(r"`(\w+)`", cells[0]) if line.startswith("| `") else []:
            letters = cells[1].split(",")[0].split()
            who: set[Party | None] = {PARTIES[one] for one in letters if one in PARTIES}
            if cells[1] == "all":
                who = {*Party}
            if event in {"take_over", "withdraw_handover"}:  # of staff who look in, as well
                who.add(Party.SUPERVISOR)
            table[event] = who | ({None} if event in OUTSIDE else set())
    return table


def test_the_protocol_document_names_every_message():
    assert written_down().keys() == FORMS.keys()


@pytest.mark.parametrize("event", sorted(FORMS))
@pytest.mark.parametrize("party", [*Party, None])
def test_who_may_send_what_is_as_the_protocol_says(event, party):
    assert may_send(party, event) == (party in written_down()[event])


@pytest.mark.parametrize("party", [*Party, None])
def test_nobody_may_send_what_is_not_there(party):
    assert not may_send(party, "attach")


def test_who_only_watches_or_shows_changes_nothing():
    silent = {"join", "leave", "offer"}
    supervisor = {event for event in FORMS if may_send(Party.SUPERVISOR, event)}
    second = {event for event in FORMS if may_send(Party.SECOND, event)}

    assert supervisor == silent | {"take_over", "withdraw_handover"}
    assert second == silent | {"media"}
