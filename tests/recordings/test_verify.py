from __future__ import annotations

import ast
import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation import record as office
from recordings import auditor
from recordings import verify as verifier
from recordings.seal import SigningKey
from recordings.verify import (
    KeysUnreadable,
    Mark,
    load_keys,
    render,
    signatures,
    verify,
    verify_attestation,
    verify_file,
)

from .records import (
    EVIDENCE,
    KEY,
    KEYS,
    SESSION,
    START,
    as_bytes,
    attestation,
    bodies,
    chained,
    event,
    record,
)

STRANGER = SigningKey.generate()
RECORD = record()


def failed(data: bytes) -> list[int]:
    return [step.number for step in verify(data, KEYS).steps if step.mark is Mark.FAILED]


def test_an_untouched_record_verifies_in_eleven_steps() -> None:
    verdict = verify(as_bytes(RECORD), KEYS, now=START)

    assert verdict.ok
    assert [step.number for step in verdict.steps] == [*range(1, 12)]
    assert {step.mark for step in verdict.steps} == {Mark.OK}
    assert verdict.payload is not None
    assert json.loads(verdict.payload)["session"] == SESSION


def test_a_record_of_the_first_version_still_verifies() -> None:
    first = [
        {name: value for name, value in body.items() if name != "monotonic_ms"} | {"v": 1}
        for body in bodies()
    ]

    verdict = verify(as_bytes(rebuilt(first)), KEYS)

    assert verdict.ok, render(verdict)


def test_what_the_exam_office_writes_verifies() -> None:
    entries, head = [], office.EMPTY
    for seq in range(3):
        data = {"text": "Grüße", "n": seq, "none": None, "yes": True}
        entries.append(
            office.write(head, SESSION, office.Moment(START, 5), "chat", "learner", data, KEY)
        )
        head = entries[-1].head
    events = [event(entry.body.decode()) for entry in entries]

    verdict = verify(as_bytes(record(events=events, attestation=attestation(events))), KEYS)

    assert verdict.ok, render(verdict)


def reordered() -> dict[str, Any]:
    events = chained(bodies())
    return record(events=[events[0], events[2], events[1], events[3]])


def with_event(number: int, **changes: str) -> dict[str, Any]:
    changed = copy.deepcopy(RECORD)
    changed["events"][number] |= changes
    return changed


def rebuilt(unchained: list[dict[str, Any]]) -> dict[str, Any]:
    """What somebody who holds the signing key of events could make."""
    events = chained(unchained)
    return record(events=events, attestation=attestation(events))


def numbered(*numbers: object) -> list[dict[str, Any]]:
    return [body | {"seq": seq} for body, seq in zip(bodies(len(numbers)), numbers, strict=True)]


def attested(**changes: Any) -> dict[str, Any]:
    return record(attestation=attestation(RECORD["events"], **changes))


def resized(size: object) -> list[dict[str, Any]]:
    return [EVIDENCE[0] | {"size": size}, EVIDENCE[1]]


HEAD, TAIL = RECORD["attestation"].rsplit(".", 1)
BODY_2 = RECORD["events"][1]["body"]
# A change, and the first step that must name it.
TAMPERED: dict[str, tuple[Callable[[], dict[str, Any]], int]] = {
    "format unknown": (lambda: record(format="invigilation-record/3"), 1),
    "member added": (lambda: record(note="trust me"), 1),
    "event member added": (lambda: with_event(0, note="trust me"), 1),
    "event signature missing": (lambda: record(events=[{"body": "", "key_id": ""}]), 1),
    "events no list": (lambda: record(events={}), 1),
    "attestation no text": (lambda: record(attestation=7), 1),
    "not attested": (lambda: record(attestation=None), 2),
    "attestation cut": (lambda: record(attestation=HEAD), 2),
    "attestation empty": (lambda: record(attestation=""), 2),
    "attestation's signature of another": (
        lambda: record(attestation=f"{HEAD}.{attestation(chained(bodies(3))).rsplit('.')[-1]}"),
        2,
    ),
    "attestation by a stranger": (
        lambda: record(attestation=attestation(RECORD["events"], STRANGER)),
        2,
    ),
    "attestation of another format": (lambda: attested(format="invigilation-attestation/9"), 2),
    "record of another session": (lambda: record(session="ses_8"), 3),
    "attestation of another session": (lambda: attested(session="ses_8"), 3),
    "events of another session": (lambda: rebuilt(bodies(session="ses_8")), 3),
    "a word changed": (lambda: with_event(1, body=BODY_2.replace("learner", "invigil")), 4),
    "a signature of another event": (
        lambda: with_event(1, signature=RECORD["events"][0]["signature"]),
        4,
    ),
    "an event by a stranger": (
        lambda: record(events=[*RECORD["events"][:3], event(BODY_2, STRANGER)]),
        4,
    ),
    "an event under an unknown key": (lambda: with_event(1, key_id="nobody"), 4),
    "a signature with padding": (
        lambda: with_event(1, signature=RECORD["events"][1]["signature"] + "=="),
        4,
    ),
    "a body with a lone surrogate": (lambda: with_event(1, body="\\ud800"), 3),
    "order changed": (reordered, 5),
    "first gone": (lambda: record(events=RECORD["events"][1:]), 5),
    "middle gone": (lambda: record(events=RECORD["events"][:1] + RECORD["events"][2:]), 5),
    "one twice": (lambda: record(events=RECORD["events"][:2] + RECORD["events"][1:]), 5),
    "signed hole in the numbers": (lambda: rebuilt(numbered(1, 2, 4)), 5),
    "signed start at 0": (lambda: rebuilt(numbered(0, 1)), 5),
    "signed number true": (lambda: rebuilt(numbered(True)), 5),
    "signed broken link": (lambda: rebuilt(bodies(prev="0" * 64)), 5),
    "signed body not canonical": (
        lambda: record(
            events=[*RECORD["events"][:3], event(RECORD["events"][3]["body"].replace(":", ": "))]
        ),
        5,
    ),
    "signed body of another version": (lambda: rebuilt(bodies(v=3)), 5),
    "signed body of the first version with what it had not": (lambda: rebuilt(bodies(v=1)), 5),
    "signed body with no whole milliseconds": (lambda: rebuilt(bodies(monotonic_ms="1")), 5),
    "signed body without a time": (lambda: rebuilt(bodies(at="yesterday")), 5),
    "signed impossible time": (lambda: rebuilt(bodies(at="2026-13-23T10:00:00.000001Z")), 6),
    "tail gone": (lambda: record(events=RECORD["events"][:3]), 7),
    "all events gone": (lambda: record(events=[]), 7),
    "another chain, signed too": (lambda: record(events=chained(bodies(kind="calm"))), 7),
    "attested length 0": (lambda: attested(chain={"head": "0" * 64, "length": 0}), 7),
    "attested length negative": (lambda: attested(chain={"head": "0" * 64, "length": -1}), 7),
    "attested chain missing": (lambda: attested(chain=None), 7),
    "evidence gone": (lambda: record(evidence=EVIDENCE[:1]), 8),
    "evidence added": (lambda: record(evidence=[*EVIDENCE, EVIDENCE[0] | {"id": "e3"}]), 8),
    "evidence twice": (lambda: record(evidence=[*EVIDENCE, EVIDENCE[0]]), 8),
    "evidence resized": (lambda: record(evidence=resized(6401)), 8),
    "evidence size a float": (lambda: record(evidence=resized(6400.0)), 8),
    "evidence reordered": (lambda: record(evidence=EVIDENCE[::-1]), 8),
    "evidence of another kind": (
        lambda: record(evidence=[EVIDENCE[0] | {"kind": "face"}, EVIDENCE[1]]),
        8,
    ),
    "evidence with a note": (
        lambda: record(evidence=[EVIDENCE[0] | {"note": ""}, EVIDENCE[1]]),
        8,
    ),
}


@pytest.mark.parametrize(("change", "step"), TAMPERED.values(), ids=TAMPERED.keys())
def test_each_change_is_named_by_its_step(change: Callable[[], Any], step: int) -> None:
    changed = change()

    verdict = verify(json.dumps(changed).encode(), KEYS)

    first = next(step.number for step in verdict.steps if step.mark is Mark.FAILED)
    assert (verdict.ok, first) == (False, step), render(verdict)


@settings(max_examples=400, deadline=None)
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_no_changed_byte_verifies(at: int, byte: int) -> None:
    raw = bytearray(as_bytes(RECORD))
    place = at % len(raw)
    changed = raw[place] != byte
    raw[place] = byte

    verdict = verify(bytes(raw), KEYS)

    assert verdict.ok is not changed


@settings(max_examples=150, deadline=None)
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_noise_is_refused_without_an_error(data: bytes) -> None:
    verdict = verify_file(data, KEYS)

    assert not verdict.ok
    assert render(verdict).isascii()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(member=st.sampled_from(["session", "events", "attestation", "evidence"]), value=JSON)
def test_a_hostile_member_is_refused_without_an_error(member: str, value: Any) -> None:
    data = json.dumps(record(**{member: value})).encode()

    verdict = verify(data, KEYS)

    assert not verdict.ok
    assert render(verdict).isascii()


@settings(max_examples=200, deadline=None)
@given(member=st.sampled_from(["session", "chain", "evidence", "format"]), value=JSON)
def test_a_hostile_signed_member_is_refused_without_an_error(member: str, value: Any) -> None:
    verdict = verify(json.dumps(attested(**{member: value})).encode(), KEYS)

    assert not verdict.ok


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"format":"invigilation-record/1","format":"invigilation-record/1"}',
        as_bytes(RECORD).decode().encode("utf-16"),
        as_bytes(RECORD)[:-1] + b',"session":"ses_7"}',
        as_bytes(RECORD) + b"\0",
        b"\xef\xbb\xbf" + as_bytes(RECORD),
    ],
    ids=["deep list", "deep object", "twice", "utf-16", "session twice", "tail", "bom"],
)
def test_odd_json_fails_at_the_first_step(data: bytes) -> None:
    assert failed(data) == [1]


def test_no_trusted_key_means_not_verified() -> None:
    verdict = verify(as_bytes(RECORD), {})

    assert not verdict.ok
    assert verdict.payload is None


def test_the_record_of_an_officers_form_verifies_as_one() -> None:
    events = chained(bodies(session="ob_7"))
    sealed = attestation(events, session="ob_7", kind="onboard")

    verdict = verify(as_bytes(record(session="ob_7", events=events, attestation=sealed)), KEYS)

    assert verdict.ok
    assert "about the officer's form ob_7" in verdict.steps[2].sentence
    assert '"kind":"onboard"' in (verdict.payload or "")


@pytest.mark.parametrize("broken", [None, 1, 15, 24])
def test_processes_that_share_the_work_find_the_first_broken_signature(
    monkeypatch: pytest.MonkeyPatch, broken: int | None
) -> None:
    monkeypatch.setattr(signatures, "WORTH", 10)
    events = chained(bodies(24))
    for number in () if broken is None else (broken, 24):
        place = number - 1
        events[place] = events[place] | {"signature": events[-2]["signature"]}

    alone, shared = (signatures.first_broken(events, KEYS, many) for many in (1, 3))

    assert shared == alone
    assert (alone is None) is (broken is None)
    if broken is not None:
        assert f"event {broken}:" in (alone or "")


def test_views_after_the_seal_are_counted_and_named() -> None:
    later = [*bodies(4), *({**body, "kind": "evidence_viewed"} for body in bodies(6)[4:])]
    events = chained(later)

    verdict = verify(as_bytes(record(events=events, attestation=attestation(events[:4]))), KEYS)

    assert verdict.ok
    assert "2 signed after the attestation: evidence_viewed 2 times" in verdict.steps[6].sentence


@pytest.mark.parametrize(("minutes", "mark"), [(4, Mark.OK), (6, Mark.WARNING)])
def test_a_clock_set_back_is_shown_but_does_not_condemn(minutes: int, mark: Mark) -> None:
    times = ["2026-11-23T10:30:00.000000Z", f"2026-11-23T10:{30 - minutes}:00.000000Z"]
    unchained = [body | {"at": at} for body, at in zip(bodies(2), times, strict=True)]

    verdict = verify(as_bytes(rebuilt(unchained)), KEYS)

    assert verdict.ok
    assert verdict.steps[5].mark is mark


def test_a_bare_attestation_verifies_and_shows_its_payload() -> None:
    verdict = verify_file(RECORD["attestation"].encode() + b"\n", KEYS)

    assert verdict.ok
    # The first format does not say when it was signed.
    assert [(step.number, step.mark) for step in verdict.steps] == [(2, "ok"), (6, "warning")]
    assert "I watched the whole of it." in render(verdict)
    assert "Nothing else was checked" in render(verdict)


def test_a_changed_attestation_shows_no_payload() -> None:
    verdict = verify_attestation(RECORD["attestation"].encode()[:-4] + b"AAAA", KEYS)

    assert not verdict.ok
    assert verdict.payload is None
    assert "NOT VERIFIED" in render(verdict)


def test_nothing_of_the_file_reaches_the_terminal_raw() -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J"

    text = render(verify(as_bytes(with_event(0, key_id=hostile)), KEYS))

    assert "\x1b" not in text
    assert "\\x1b" in text


def test_keys_are_read_from_a_key_set_or_pem(tmp_path: Path) -> None:
    jwks, pem = tmp_path / "keys.json", tmp_path / "key.pem"
    jwks.write_text(json.dumps({"keys": [KEY.jwk(), STRANGER.jwk()]}))
    pem.write_bytes(KEY.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    assert set(load_keys(jwks)) == {KEY.key_id, STRANGER.key_id}
    assert set(load_keys(pem)) == {KEY.key_id}
    assert verify(as_bytes(RECORD), load_keys(pem)).ok


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"keys":[{}]}',
        '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}',
        json.dumps({"keys": [KEY.jwk() | {"kid": STRANGER.key_id}]}),
        json.dumps({"keys": [KEY.jwk() | {"crv": "X25519"}]}),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ],
)
def test_a_file_without_usable_keys_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)

    with pytest.raises(KeysUnreadable):
        load_keys(path)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    public = generate_private_key(SECP256R1()).public_key()
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    with pytest.raises(KeysUnreadable):
        load_keys(path)


def modules(source: Path) -> set[str]:
    """Return the packages that a source file imports, without its own."""
    return {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else []
        )
    }


def test_the_verifier_stands_alone() -> None:
    sources = list(Path(verifier.__file__).parent.glob("*.py"))

    imported = {name for source in sources for name in modules(source)}

    assert len(sources) > 10
    assert imported <= sys.stdlib_module_names | {"cryptography"}


def test_an_auditor_runs_the_one_file(tmp_path: Path) -> None:
    script, keys, good, bad = (tmp_path / name for name in ("v.pyz", "keys", "good", "bad"))
    script.write_bytes(auditor.verifier())
    keys.write_text(json.dumps({"keys": [KEY.jwk()]}))
    good.write_bytes(as_bytes(RECORD))
    bad.write_bytes(as_bytes(record(session="ses_8")))

    codes = [
        subprocess.run(
            [sys.executable, "-I", str(script), str(file), str(keys)],
            check=False,
            capture_output=True,
        ).returncode
        for file in (good, bad, tmp_path / "none")
    ]

    assert codes == [0, 1, 2]
    assert auditor.verifier() == script.read_bytes()
