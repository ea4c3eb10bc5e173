"""The browser's verifier takes the same steps as the command, and finds the same in them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invigilation import merkle, record
from invigilation.desk.reports import file_of
from invigilation.record import Moment
from recordings.verify import parse_keys, verify_file
from recordings.verify.timestamp import open_token, tidied
from tests.harness.tsa import TimeStampAuthority
from tests.recordings import reports
from tests.recordings.bundles import (
    KEY,
    NEXT,
    NOW,
    Draft,
    canonical,
    jws,
    key_set,
    opening,
    pack,
    pdf,
    sha256,
    stamp,
    unpack,
    with_damage,
    with_local,
)
from tests.recordings.tampering import CASES, Case, good
from tests.verify.node import Node, Refused

GOOD = good()
KEYS = canonical(key_set())
TRUSTED = parse_keys(KEYS)
NOT_CHECKED_HERE = "; the PDF's own signature was not checked here"


def test_the_untouched_bundle_holds(node: Node) -> None:
    verdict = node.verify(GOOD, KEYS, NOW)

    # Who signed for the report is for the reader to find out: step 11 says so.
    assert verdict.marks == dict.fromkeys(range(1, 11), "ok") | {11: "warning"}
    assert verdict.ok
    assert verdict.pieces == {"ev_1": "id_document", "ev_2": "face", "ev_3": "video/webm"}
    assert verdict.report
    assert not verdict.bare


def test_a_chunk_is_played_as_what_its_device_told_that_it_is(node: Node) -> None:
    verdict = node.verify(with_local().packed(), KEYS, NOW)

    assert verdict.ok
    assert (verdict.pieces["lr_1"], verdict.pieces["lr_2"]) == ("video/webm", "video/mp4")


def test_both_verifiers_say_it_in_the_same_words(node: Node) -> None:
    verdict = node.verify(GOOD, KEYS, NOW)

    said = [one.replace(NOT_CHECKED_HERE, "") for one in verdict.sentences.values()]
    assert said == [step.sentence for step in verify_file(GOOD, TRUSTED, now=NOW).steps]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_change_is_named_by_its_step(node: Node, case: Case) -> None:
    changed = case.change(GOOD)

    verdict = node.verify(changed, KEYS, NOW)

    command = verify_file(changed, TRUSTED, now=NOW)
    assert verdict.first == (case.step, case.mark), verdict.sentences
    assert verdict.ok is (case.mark == "warning")
    assert verdict.marks == {step.number: step.mark.value for step in command.steps}


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, len(GOOD) - 1), flip=st.integers(1, 255))
def test_no_changed_byte_verifies(node: Node, at: int, flip: int) -> None:
    changed = GOOD[:at] + bytes([GOOD[at] ^ flip]) + GOOD[at + 1 :]

    assert not node.verify(changed, KEYS, NOW).ok


MEMBERS = unpack(GOOD)
PLACES = [(name, at) for name, data in sorted(MEMBERS.items()) for at in range(len(data))]


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.sampled_from(PLACES), flip=st.integers(1, 255))
def test_no_changed_byte_within_a_file_verifies(
    node: Node, place: tuple[str, int], flip: int
) -> None:
    name, at = place
    data = bytearray(MEMBERS[name])
    data[at] ^= flip

    assert not node.verify(pack(MEMBERS | {name: bytes(data)}), KEYS, NOW).ok


def test_what_it_says_is_told_in_plain_words(node: Node) -> None:
    began = {"utc": "2026-07-06T09:30:00.000000Z", "office": "2026-07-06T10:30:00+01:00"}
    claims = {
        "assessment": {"title": "Ship Security Officer", "reference": "ISPS-SSO", "minutes": 90},
        "started": began,
        "presence": {
            "assessment_seconds": 5_400,
            "on_camera_permille": 981,
            "gaps": [{"seconds": 40, "cause": "connection_lost", "ruling": "technical"}],
        },
        "incidents": [],
    }
    bundle = Draft(claims=claims).packed()

    facts = node.verify(bundle, KEYS, NOW).facts

    assert facts["Learner"] == "Maria Santos"
    assert facts["Invigilator"] == "Ana Reyes"
    assert facts["Assessment"] == "Ship Security Officer"
    assert facts["Began"] == "Monday, 6 July 2026, 09:30 UTC (10:30 in London)"
    assert facts["Outcome"] == "The assessment was completed"
    assert facts["Seen by the camera"] == "98.1 % of 90 minutes of assessment"
    assert facts["Gaps"].startswith("40 seconds, the connection was lost (technical")
    assert facts["Incidents"] == "None"


@pytest.mark.parametrize("told", [True, False])
def test_what_recordings_lack_is_told_by_an_attestation_of_either_age(
    node: Node,
    told: bool,  # noqa: FBT001 - a case
) -> None:
    bundle = with_damage(told=told).packed()

    verdict = node.verify(bundle, KEYS, NOW)

    when = "4096 bytes of ev_3 (0:04 to 0:07, 1:00:05 to its end)"
    lost = f"but the service lost some of what it recorded: all of ev_9; {when}."
    command = verify_file(bundle, TRUSTED, now=NOW)
    assert verdict.ok
    assert verdict.marks[8] == "warning"
    assert verdict.sentences[8].endswith(f"; {lost}")
    assert verdict.sentences[8] == command.steps[7].sentence
    assert verdict.lacks == {"ev_3": when}
    assert "A recording was complete, but for what was damaged" in verdict.happened
    assert "A recording was lost" in verdict.happened
    assert verdict.facts.get("Recordings") == (
        None
        if not told
        else (
            "The service lost some of what it recorded. Missing: Recording (ev_3): sound or "
            "picture from 10:05:04 UTC to 10:05:07 UTC, sound or picture from 11:05:05 UTC to its "
            "end; Recording of the learner's screen (ev_9): all of it"
        )
    )


def test_that_nothing_was_damaged_is_told_where_it_is_attested(node: Node) -> None:
    verdict = node.verify(Draft(claims={"damaged": []}).packed(), KEYS, NOW)

    assert verdict.marks[8] == "ok"
    assert verdict.facts["Recordings"] == "Nothing of them was damaged"
    assert verdict.lacks == {}


def test_much_damage_is_told_in_short(node: Node) -> None:
    draft = with_damage()
    holes = [{"bytes": 1, "since_ms": n * 60_000, "until_ms": n * 60_000 + 1} for n in range(5)]
    finished = next(one for one in draft.kinds if one[0] == "recording_finished")
    draft.claims["damaged"] = draft.claims["damaged"][1:]
    draft.claims["damaged"].append(
        {
            "evidence": "ev_3",
            "kind": "recording",
            "started": stamp(NOW),
            "lost": "part",
            "holes": holes,
        }
    )
    finished[2]["holes"] = holes
    draft.later = [("recording_lost", "service", {"evidence": f"ev_1{n}"}, []) for n in range(6)]

    bundle = draft.packed()

    said = node.verify(bundle, KEYS, NOW).sentences[8]
    assert said == verify_file(bundle, TRUSTED, now=NOW).steps[7].sentence
    assert "5 bytes of ev_3 (0:00 to 0:01, 1:00 to 1:01, 2:00 to 2:01, and more)" in said
    assert said.endswith("all of ev_12; and 3 more.")


@pytest.mark.parametrize("odd", ["constructor", "__proto__", 7, None, [], {}, {"toString": 1}])
def test_nothing_odd_in_an_attestation_stops_the_telling(node: Node, odd: object) -> None:
    claims = {
        "outcome": odd,
        "identity": {"state": odd, "kind": odd, "decided_by": odd},
        "presence": {"assessment_seconds": odd, "gaps": [odd, {"cause": odd, "ruling": odd}]},
        "incidents": [odd, {"category": odd, "severity": odd, "at": odd, "note": odd}],
        "started": {"utc": odd},
        "statement": odd,
    }

    verdict = node.verify(Draft(claims=claims).packed(), KEYS, NOW)

    assert verdict.ok
    assert verdict.facts["Learner"] == "Maria Santos"
    assert all(isinstance(words, str) for words in verdict.facts.values())


@pytest.mark.parametrize("odd", ["constructor", 7, None, [], {}, {"toString": 1}, 1e300])
def test_odd_damage_does_not_hold_and_stops_no_telling(node: Node, odd: object) -> None:
    holes = [odd, {"since_ms": odd, "until_ms": odd, "bytes": odd}]
    one = {"evidence": odd, "kind": odd, "started": odd, "lost": odd, "holes": holes}
    bundle = Draft(claims={"damaged": [odd, one, one | {"holes": odd}]}).packed()

    verdict = node.verify(bundle, KEYS, NOW)

    assert verdict.first == (8, "failed")
    assert not verify_file(bundle, TRUSTED, now=NOW).ok
    assert verdict.facts["Recordings"].startswith("The service lost some of what it recorded.")


def test_a_name_that_was_erased_is_said_to_be(node: Node) -> None:
    record = json.loads(MEMBERS["record.json"])
    for seal in opening("Maria Santos"):
        del record["openings"][seal]

    verdict = node.verify(pack(MEMBERS | {"record.json": canonical(record)}), KEYS, NOW)

    assert verdict.ok
    assert verdict.facts["Learner"] == "erased, or not given to you"
    assert "1 were erased or withheld" in verdict.sentences[9]
    assert "Maria Santos" not in verdict.texts


def test_nothing_is_told_by_an_attestation_that_nobody_known_signed(node: Node) -> None:
    verdict = node.verify(GOOD, canonical({"keys": [NEXT.jwk()]}), NOW)

    assert verdict.facts == {}
    assert verdict.pieces == {}
    assert verdict.happened == []
    assert not verdict.report


def test_a_record_alone_holds_as_well(node: Node) -> None:
    verdict = node.verify(MEMBERS["record.json"], KEYS, NOW)

    assert verdict.ok
    assert "none of them is in this file" in verdict.sentences[8]
    assert len(verdict.happened) == 10


def test_an_attestation_alone_is_but_signed(node: Node) -> None:
    attestation = json.loads(MEMBERS["record.json"])["attestation"]

    verdict = node.verify(attestation.encode() + b"\n", KEYS, NOW)

    assert verdict.ok
    assert verdict.bare
    assert verdict.marks == {2: "ok", 6: "ok"}


@pytest.mark.parametrize("file", [b"", b"PK", b"{", b"%PDF-1.7", b"a.b.c", b"\xff" * 99])
def test_what_is_no_record_does_not_hold(node: Node, file: bytes) -> None:
    assert not node.verify(file, KEYS, NOW).ok


def test_the_attestation_may_stand_in_the_report_as_it_is(node: Node) -> None:
    record = json.loads(MEMBERS["record.json"])
    attestation = record["attestation"].encode()
    plain = b"%PDF-1.7\n1 0 obj\n<< /Length 9 >>\nstream\r\n" + attestation + b"\r\nendstream\n"
    report = {"report.pdf": plain}
    made = {"sha256": sha256(plain), "size": len(plain), "pictures": True}
    draft = Draft(with_report=False, kinds=[*Draft().kinds], views=0)
    whole = _with_event(draft, "report_made", made)

    verdict = node.verify(pack(whole | report), KEYS, NOW)

    assert verdict.ok, verdict.sentences


def _with_event(draft: Draft, kind: str, data: dict[str, Any]) -> dict[str, bytes]:
    """Return a bundle's members with one event more, after the attestation."""
    members = draft.members()
    record = json.loads(members["record.json"])
    events = record["events"]
    previous = sha256(events[-1]["body"].encode())
    events.append(draft.event(len(events) + 1, previous, (kind, "service", data, [])))
    return members | {"record.json": canonical(record)}


def test_a_report_with_another_attestation_is_named(node: Node) -> None:
    other = pdf("eyJ.eyJ.AAA")
    made = {"sha256": sha256(other), "size": len(other), "pictures": True}
    whole = _with_event(Draft(with_report=False, views=0), "report_made", made)

    verdict = node.verify(pack(whole | {"report.pdf": other}), KEYS, NOW)

    assert verdict.first == (10, "failed")


def test_a_report_as_it_is_really_made_is_found_to_carry_its_attestation(node: Node) -> None:
    of = reports.source()
    paper = reports.sealed(of)
    made = {"sha256": sha256(paper), "size": len(paper), "pictures": True}
    end, when = of.entries[-1].head, Moment(reports.at(90), 0)
    signer = reports.Signer()
    entry = record.write(end, reports.SESSION, when, "report_made", "service", made, signer)
    whole = file_of(reports.SESSION, [*of.entries, entry], of.attestation, [], of.openings, ())
    bundle = pack({"record.json": whole, "report.pdf": paper})
    keys = canonical({"keys": [reports.KEY.jwk()]})

    verdict = node.verify(bundle, keys, reports.at(100))

    assert verdict.ok, verdict.sentences
    assert verdict.report
    assert verdict.facts["Learner"] == reports.LEARNER


class Stamped:
    """A bundle of today with a time-stamp, and what it is made of."""

    def __init__(self, folder: Path, **authority: Any) -> None:
        self.now = datetime.now(UTC)
        self.keys = canonical({"keys": [KEY.jwk()]})
        self.members = Draft(start=self.now - timedelta(hours=3)).members()
        self.record = json.loads(self.members["record.json"])
        payload = self.record["attestation"].split(".")[1]
        head = json.loads(base64.urlsafe_b64decode(payload + "=="))["chain"]["head"]
        leaves = [hashlib.sha256(bytes([number])).digest() for number in range(5)]
        leaves[3] = bytes.fromhex(head)
        digest = hashlib.sha256(len(leaves).to_bytes(8) + merkle.root(leaves)).digest()
        issuer = TimeStampAuthority(folder, **authority)
        self.token = tidied(issuer.token(digest))
        self.anchor = {
            "kind": "timestamp",
            "at": stamp(open_token(self.token, digest).at),
            "index": 3,
            "size": 5,
            "path": [one.hex() for one in merkle.paths(leaves)[3]],
            "token": base64.b64encode(self.token).decode(),
        }

    def packed(self, **changes: Any) -> bytes:
        anchors = [*self.record["anchors"], self.anchor | changes]
        record = canonical(self.record | {"anchors": anchors})
        return pack(self.members | {"record.json": record})


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Stamped:
    """One for all: OpenSSL takes its time."""
    return Stamped(tmp_path_factory.mktemp("authority"))


AUTHORITIES: dict[str, Callable[[], dict[str, Any]]] = {
    "a chain": lambda: {"links": 3},
    "SHA-1 in the name": lambda: {"ess": "sha1"},
    "RSA": lambda: {"signing": rsa.generate_private_key(65537, 2048)},
}


@pytest.mark.parametrize("kind", AUTHORITIES)
def test_a_time_stamp_is_taken_but_not_vouched_for(node: Node, tmp_path: Path, kind: str) -> None:
    stamped = Stamped(tmp_path, **AUTHORITIES[kind]())

    verdict = node.verify(stamped.packed(), stamped.keys, stamped.now)

    trusted = parse_keys(stamped.keys)
    command = verify_file(stamped.packed(), trusted, now=stamped.now)
    assert verdict.ok
    assert verdict.sentences[11] == command.steps[-1].sentence
    assert verdict.first == (11, "warning")


def test_no_changed_byte_of_a_time_stamp_holds(node: Node, stamped: Stamped) -> None:
    held = []

    for at in range(0, len(stamped.token), 13):
        token = bytearray(stamped.token)
        token[at] ^= 1 << at % 8
        changed = stamped.packed(token=base64.b64encode(token).decode())
        if node.verify(changed, stamped.keys, stamped.now).marks[11] != "failed":
            held.append(at)

    assert held == []


@pytest.mark.parametrize(
    "change",
    [
        {"index": 2},
        {"index": 5},
        {"index": -1},
        {"size": 4},
        {"size": 6},
        {"size": 2_000_000},
        {"path": []},
        {"path": ["00" * 32] * 3},
        {"path": [None]},
        {"at": "2026-11-23T10:00:00.000000Z"},
        {"at": "soon"},
        {"token": "AA"},
        {"token": "MAA="},
        {"more": 1},
    ],
    ids=str,
)
def test_a_time_stamp_of_something_else_is_named(
    node: Node, stamped: Stamped, change: dict[str, Any]
) -> None:
    verdict = node.verify(stamped.packed(**change), stamped.keys, stamped.now)

    assert verdict.first == (11, "failed")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 13])
def test_every_leaf_leads_to_its_root(node: Node, size: int) -> None:
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(size)]

    roots = {
        node.call("root", leaf=leaf.hex(), index=index, size=size, path=[one.hex() for one in path])
        for index, (leaf, path) in enumerate(zip(leaves, merkle.paths(leaves), strict=True))
    }

    assert roots == {merkle.root(leaves).hex()}


def test_another_signature_over_the_same_is_another_type(node: Node) -> None:
    bare = jws({"format": "invigilation-attestation/2"}, KEY, "JWT")

    assert not node.verify(bare.encode(), KEYS, NOW).ok


def test_keys_are_read_with_their_times(node: Node) -> None:
    found = node.call("keys", keys=KEYS)

    assert [(one["id"], one["from"], one["until"]) for one in found] == [
        (one["kid"], one["nbf"] * 1000, one["exp"] * 1000 if "exp" in one else None)
        for one in key_set()["keys"]
    ]


OWN = KEY.jwk()


@pytest.mark.parametrize(
    "keys",
    [
        b"",
        b"[]",
        b'{"keys": []}',
        canonical({"keys": [OWN, OWN]}),
        canonical({"keys": [OWN | {"kid": "other"}]}),
        canonical({"keys": [OWN | {"x": OWN["x"][:-1]}]}),
        canonical({"keys": [OWN | {"crv": "X25519"}]}),
        canonical({"keys": [OWN | {"nbf": "today"}]}),
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ],
)
def test_what_is_no_set_of_keys_is_refused(node: Node, keys: bytes) -> None:
    with pytest.raises(Refused):
        node.call("keys", keys=keys)


def test_keys_of_other_kinds_are_passed_over(node: Node) -> None:
    found = node.call("keys", keys=canonical({"keys": [OWN, {"kty": "RSA"}], "documents": []}))

    assert [one["id"] for one in found] == [KEY.key_id]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=values)
def test_both_write_one_canonical_text(node: Node, value: object) -> None:
    given_text = json.dumps(value, indent=1).encode()

    assert node.call("canonical", text=given_text) == canonical(value).decode()


def test_members_are_sorted_by_code_points(node: Node) -> None:
    names = {"\U0001f6a2": 1, "\ufffd": 2, "\ud7ff": 3, "a": 4, "__proto__": 5}

    assert node.call("canonical", text=canonical(names)) == canonical(names).decode()


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":1}',
        b"NaN",
        b"01",
        b"+1",
        b"1.",
        b"[1,]",
        b"{,}",
        b"[1 2]",
        b'"\\x"',
        b'"\\ud800"',
        b'"a\nb"',
        b'"open',
        b"\xef\xbb\xbf1",
        b'"\xff"',
        b"1 1",
        b"\x0b1",
        b"[" * 200 + b"]" * 200,
    ],
)
def test_json_is_read_strictly(node: Node, text: bytes) -> None:
    with pytest.raises(Refused):
        node.call("canonical", text=text)
