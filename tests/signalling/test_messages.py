"""What a client may send, and all that it may not."""

from __future__ import annotations

import pytest

from invigilation.errors import InvalidInput
from invigilation.identity import Decision, SnapshotKind
from invigilation.incident import Severity
from invigilation.session import Outcome
from signalling import messages as m
from signalling.messages import FORMS, Party, may_send, parse
from tests.signalling.bodies import BODIES

S = "se_1"


def body(event, **changed):
    return {"session": S, **BODIES[event], **changed}


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("join", m.Join(S)),
        ("leave", m.Leave(S)),
        ("offer", m.Offer(S, "v=0\r\n")),
        ("chat", m.Chat(S, "Hello", "client-0001")),
        ("media", m.Media(S, camera=True, microphone=True)),
        ("snapshot", m.Snapshot(S, SnapshotKind.FACE)),
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
    whole = body(event)
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
        ("attest", "statement", 4_000),
        ("join", "session", 64),
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
    ],
)
def test_a_word_is_one_of_a_list(event, field):
    for word in ("", "FACE", "unknown", "environment"):
        with pytest.raises(InvalidInput):
            parse(event, body(event, **{field: word}))


def test_a_truth_is_no_number():
    for wrong in (0, 1, "true"):
        with pytest.raises(InvalidInput):
            parse("media", body("media", camera=wrong))


def test_a_learner_may_send_five_kinds_of_messages():
    assert {event for event in FORMS if may_send(Party.LEARNER, event)} == {
        "join",
        "leave",
        "offer",
        "chat",
        "media",
    }
    assert all(may_send(Party.INVIGILATOR, event) for event in FORMS)
    assert not may_send(Party.INVIGILATOR, "attach")


def test_the_other_side():
    assert [party.other for party in Party] == [Party.INVIGILATOR, Party.LEARNER]
