"""Every single way in which somebody may change a bundle, and the step that must name it.

`python -m tests.recordings.tampering FOLDER` writes the untouched bundle, the keys, every changed
bundle, and `cases.json` with what is expected, for verifiers in other languages.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.recordings.bundles import (
    KEY,
    NEXT,
    NOW,
    RETIRED,
    ROTATED,
    SESSION,
    STRANGER,
    Draft,
    fixed,
    key_set,
    opening,
    pdf,
    picture,
    sealed,
    sha256,
    stamp,
    with_damage,
)
from tests.recordings.changes import (
    Change,
    all_of_first_format,
    appended,
    attached_later,
    attestation,
    body,
    compressed,
    damaged,
    damaged_later,
    dated,
    earlier,
    event,
    filled,
    finished,
    foreign,
    foreign_record,
    header,
    kept,
    kept_elsewhere,
    key_changed,
    last_attested_gone,
    members,
    move,
    named_too_early,
    named_twice,
    of_first_format,
    opened_anew,
    other_attachment,
    other_event,
    patched,
    payload,
    pretty,
    put,
    receipt,
    rechained,
    record,
    report_unnamed,
    respelt,
    respelt_receipt,
    reversed_events,
    reworded,
    second_list,
    seq,
    signed,
    signed_other_attachment,
    swap,
    swap_pictures,
    swapped_openings,
    text,
    timed,
    told,
    twice,
    unsorted,
    with_fields,
    with_key,
    witnessed_by_a_stranger,
    witnessed_by_no_one,
    witnessed_twice,
    witnesses_unsorted,
)


@dataclass(frozen=True, slots=True)
class Case:
    """A change of a bundle, and the first step that must not be in order (and how it must be)."""

    name: str
    change: Change
    step: int
    mark: str = "failed"


_FILE = [
    Case("empty", lambda _: b"", 2),
    Case("cut in the middle", lambda bundle: bundle[: len(bundle) // 2], 1),
    Case("last byte gone", lambda bundle: bundle[:-1], 1),
    Case("a byte before it", lambda bundle: b"\0" + bundle, 2),
    Case("a byte after it", lambda bundle: bundle + b"\0", 1),
    Case("another bundle after it", second_list, 1),
    Case("compressed", compressed, 1),
    Case("a member's time changed", dated, 1),
    Case("the version changed", patched(4, b"\x2d"), 1),
    Case("the flags changed", patched(7, b"\0"), 1),
    Case("a name changed in one place", patched(30, b"x"), 1),
    Case("a comment announced", patched(-2, b"\1", from_end=True), 1),
    Case("a comment", with_fields(comment=b"all is well"), 1),
    Case("an extra field in front", with_fields(local=b"\x99\x99\x01\0x"), 1),
    Case("an extra field in the list", with_fields(extra=b"\x99\x99\x01\0x"), 1),
    Case("members in another order", unsorted, 1),
    Case("a member twice", twice, 1),
    Case("a folder in it", put("evidence/", b""), 1),
    Case("a file that is not ours", put("readme.txt", b"Trust me."), 1),
    Case("a file beside the folder", put("evidence/../keys.jpg", b""), 1),
    Case("keys brought along", members(with_key), 1),
    Case("a picture as a recording", move("evidence/ev_1.jpg", "evidence/ev_1.webm"), 8),
    Case("no record", members(lambda found: found.pop("record.json")), 1),
    Case("an unknown format", record(lambda of: of.update(format="invigilation-record/3")), 1),
    Case("called an older format", record(of_first_format), 1),
    Case("made into an older format", record(all_of_first_format), 1),
    Case("a member more", record(lambda of: of.update(note="trust me")), 1),
    Case("a member less", record(lambda of: of.pop("openings")), 1),
    Case("a member twice in the record", text(b'"format"', b'"session":"ses_8","format"'), 1),
    Case("spaces in the record", members(pretty), 1),
    Case("a letter spelt otherwise", text("£".encode(), b"\\u00a3"), 1),
    Case("not UTF-8", text("ü".encode(), b"\xfc"), 1),
    Case("events no list", record(lambda of: of.update(events={})), 1),
    Case("an event with a note", event(2, lambda of: of.update(note="")), 1),
    Case(
        "a seal's key too short",
        record(lambda of: next(iter(of["openings"].values())).update(key="00")),
        1,
    ),
]
_SEAL = [
    Case("not attested", record(lambda of: of.update(attestation=None)), 2),
    Case("the attestation cut", attestation(lambda parts: parts.pop()), 2),
    Case("the attestation empty", record(lambda of: of.update(attestation="")), 2),
    Case("another algorithm", header(alg="EdDSA"), 2),
    Case("no algorithm", header(alg="none"), 2),
    Case("another key named", header(kid=STRANGER.key_id), 2),
    Case("a key's address in the header", header(jku="https://example.org/keys"), 2),
    Case("another type", header(typ="JWT"), 2),
    Case("a signed other type", signed(header={"typ": "JWT"}), 2),
    Case("a signed other algorithm", signed(header={"alg": "EdDSA"}), 2),
    Case("another outcome", payload(lambda of: of.update(outcome="stopped")), 2),
    Case(
        "another outcome, signed by a stranger",
        payload(lambda of: of.update(outcome="x"), STRANGER),
        2,
    ),
    Case("a key that was never ours", signed(sealer=fixed(99)), 2),
    Case(
        "the signature of another session",
        attestation(
            lambda parts: parts.__setitem__(2, foreign_record()["attestation"].split(".")[2])
        ),
        2,
    ),
    Case(
        "a signature's last letter respelt",
        attestation(lambda parts: parts.__setitem__(2, respelt(parts[2]))),
        2,
    ),
    Case("padding", attestation(lambda parts: parts.__setitem__(2, parts[2] + "==")), 2),
    Case("standard base64", attestation(lambda parts: parts.__setitem__(1, parts[1] + "+")), 2),
    Case("a line break", attestation(lambda parts: parts.__setitem__(1, parts[1] + "\n")), 2),
    Case(
        "an attestation of an unknown format",
        signed(claims={"format": "invigilation-attestation/3"}),
        2,
    ),
]
_CHAIN = [
    Case(
        "the attestation of another session",
        record(lambda of: of.update(attestation=foreign_record()["attestation"])),
        3,
    ),
    Case("called another session", record(lambda of: of.update(session="ses_8")), 3),
    Case("an event of another session", record(lambda of: other_event(of, 5)), 3),
    Case("a word changed", body(6, "minor", "major"), 4),
    Case("an actor changed", body(5, "learner", "invigil"), 4),
    Case("a time changed", body(4, ":04:", ":05:"), 4),
    Case("a seal changed", body(6, sealed("A door was heard"), sealed("A voice was heard")), 4),
    Case("an event after the attestation changed", body(10, "ev_1", "ev_2"), 4),
    Case(
        "another event's signature",
        record(lambda of: of["events"][1].update(signature=of["events"][2]["signature"])),
        4,
    ),
    Case(
        "a signature respelt", event(2, lambda of: of.update(signature=respelt(of["signature"]))), 4
    ),
    Case(
        "a signature with padding",
        event(2, lambda of: of.update(signature=of["signature"] + "==")),
        4,
    ),
    Case(
        "an event by a stranger", signed(key_of=lambda number: STRANGER if number == 5 else KEY), 4
    ),
    Case(
        "an event under another trusted key's name",
        event(2, lambda of: of.update(key_id=RETIRED.key_id)),
        4,
    ),
    Case("an event under no key's name", event(2, lambda of: of.update(key_id="")), 4),
    Case("an event dropped", record(lambda of: of["events"].pop(4)), 5),
    Case("the first event dropped", record(lambda of: of["events"].pop(0)), 5),
    Case("two events exchanged", record(lambda of: swap(of["events"], 3, 4)), 5),
    Case("all events the other way round", record(reversed_events), 5),
    Case("an event twice", record(lambda of: of["events"].insert(4, of["events"][4])), 5),
    Case("a signed hole in the numbers", signed(body=seq(5)), 5),
    Case("a signed number that is none", signed(body=seq(True)), 5),
    Case("a signed time that is none", signed(body=timed("yesterday")), 5),
    Case("a signed body of an unknown version", signed(body=lambda one: one | {"v": 4}), 5),
    Case("a signed body with a member more", signed(body=lambda one: one | {"note": ""}), 5),
    Case("a signed seal that is none", signed(body=lambda one: one | {"sealed": {"text": "x"}}), 5),
]
_TIMES = [
    Case("a signed impossible time", signed(body=timed("2026-13-23T10:00:00.000001Z")), 6),
    Case("signed with a retired key", signed(key=RETIRED, sealer=RETIRED), 6),
    Case(
        "one event signed with a retired key",
        signed(key_of=lambda number: RETIRED if number == 5 else KEY),
        6,
    ),
    Case("attested with a retired key", signed(sealer=RETIRED), 6),
    Case("signed with a key of the future", signed(key=NEXT, sealer=NEXT), 6),
    Case(
        "one event signed with a key of the future",
        signed(key_of=lambda number: NEXT if number == 5 else KEY),
        6,
    ),
    Case("attested with a key of the future", signed(sealer=NEXT), 6),
    Case("dated back to before the key", earlier(40), 6),
    Case("attested at another time than its event", signed(claims={"attested_at": stamp(NOW)}), 6),
    Case(
        "a signed clock set back", signed(body=timed("2026-11-23T09:30:00.000001Z")), 6, "warning"
    ),
]
_END = [
    Case("the tail cut, the attested event with it", record(last_attested_gone), 7),
    Case("all events gone", record(lambda of: of.update(events=[])), 7),
    Case(
        "an incident taken out, all events signed again",
        rechained(lambda kinds: [one for one in kinds if one[0] != "incident"]),
        7,
    ),
    Case(
        "another story, signed again",
        rechained(
            lambda kinds: [
                *kinds[:5],
                ("incident", "invigilator:st_ana", {"severity": "none"}, []),
                *kinds[6:],
            ]
        ),
        7,
    ),
    Case("attested length 0", signed(claims={"chain": {"head": "0" * 64, "length": 0}}), 7),
    Case("attested length true", signed(claims={"chain": {"head": "0" * 64, "length": True}}), 7),
    Case("attested chain missing", signed(claims={"chain": None}), 7),
]
_EVIDENCE = [
    Case("evidence taken off the list", record(lambda of: of["evidence"].pop()), 8),
    Case(
        "evidence put on the list",
        record(
            lambda of: of["evidence"].append(
                {"id": "ev_4", "kind": "face", "sha256": "ab" * 32, "size": 1}
            )
        ),
        8,
    ),
    Case("evidence of another kind", record(lambda of: of["evidence"][0].update(kind="face")), 8),
    Case("evidence of another size", record(lambda of: of["evidence"][0].update(size=67)), 8),
    Case("evidence in another order", record(lambda of: swap(of["evidence"], 0, 1)), 8),
    Case("a picture changed", put("evidence/ev_1.jpg", picture(4)), 8),
    Case(
        "a byte of a recording changed",
        members(
            lambda found: found.update(
                {"evidence/ev_3.webm": found["evidence/ev_3.webm"][:-1] + b"\0"}
            )
        ),
        8,
    ),
    Case("two pictures exchanged", members(swap_pictures), 8),
    Case(
        "a picture cut",
        members(lambda found: found.update({"evidence/ev_1.jpg": found["evidence/ev_1.jpg"][:-1]})),
        8,
    ),
    Case("a picture of nobody", put("evidence/ev_9.jpg", picture(3)), 8),
    Case("a picture of another session", put("evidence/ev_1.jpg", picture(11)), 8),
    Case(
        "a picture and its place on the list changed",
        lambda bundle: put("evidence/ev_1.jpg", picture(4))(
            record(lambda of: of["evidence"][0].update(sha256=sha256(picture(4))))(bundle)
        ),
        8,
    ),
]
_BEHIND = [
    Case(
        "a retired key adds an event behind the last",
        record(appended(RETIRED, ROTATED - timedelta(days=2))),
        6,
    ),
]
_TEXTS = [
    Case("a text changed", record(reworded), 9),
    Case("a seal's key changed", record(key_changed), 9),
    Case("two texts exchanged", record(swapped_openings), 9),
    Case(
        "a text that belongs to nothing",
        record(lambda of: of["openings"].update(opening("The learner cheated"))),
        9,
    ),
    Case("a text sealed anew", record(opened_anew), 9),
    Case(
        "the name of another learner",
        record(lambda of: of["openings"][sealed("Maria Santos")].update(text="Juan Cruz")),
        9,
    ),
]
_REPORT = [
    Case(
        "a word in the report changed",
        members(
            lambda found: found.update({"report.pdf": found["report.pdf"].replace(b"Two", b"Ten")})
        ),
        10,
    ),
    Case("another report", put("report.pdf", pdf("nothing", "All went well")), 10),
    Case("the report of another session", put("report.pdf", foreign().record()[1]), 10),
    Case("another attachment", members(other_attachment), 10),
    Case("another attachment, signed for", signed_other_attachment, 10),
    Case("something appended to the report", members(attached_later), 10),
    Case("a report that was named before the attestation", named_too_early, 10),
    Case(
        "the event that names the report cut off",
        record(report_unnamed),
        10,
    ),
]
_WITNESSES = [
    Case("a witness of an unknown kind", receipt(kind="rumour"), 11),
    Case("a receipt with a member more", receipt(note=""), 11),
    Case("a receipt of another backend", receipt(backend="other"), 11),
    Case("a receipt at another time", receipt(at=stamp(NOW)), 11),
    Case(
        "a receipt under another key",
        receipt(key={name: STRANGER.jwk()[name] for name in ("kty", "crv", "x")}),
        11,
    ),
    Case(
        "a receipt's key with a name",
        record(lambda of: of["anchors"][0]["key"].update(kid="x")),
        11,
    ),
    Case(
        "a receipt's signature respelt",
        record(respelt_receipt),
        11,
    ),
    Case(
        "the receipt of another session",
        record(lambda of: of.update(anchors=foreign_record()["anchors"])),
        11,
    ),
    Case("a receipt for another head", signed(receipt={"head": "ab" * 32}), 11),
    Case(
        "a receipt for another attestation", signed(receipt={"attestation_sha256": "ab" * 32}), 11
    ),
    Case("a receipt for something else", signed(receipt={"type": "report.refused"}), 11),
    Case("a receipt twice", record(witnessed_twice), 11),
    Case("witnesses in another order", record(witnesses_unsorted), 11),
    Case("a receipt by anybody's key", record(witnessed_by_a_stranger), 11, "warning"),
    Case("a receipt by a key that signs anything", record(witnessed_by_no_one), 11),
    Case("dated into the future", signed(start=NOW + timedelta(days=1)), 11, "warning"),
    Case("dated back by ten days", earlier(10), 11, "warning"),
    Case("dated forward by two hours", signed(receipt_after=timedelta(minutes=-20)), 11, "warning"),
    Case(
        "no witness after three days",
        signed(start=NOW - timedelta(days=3), receipt=None),
        11,
        "warning",
    ),
]
_LATE, _MP4 = "evidence/lr_1.webm", "evidence/lr_2.mp4"
_LOCAL = [
    Case("a late chunk changed", kept(put(_LATE, b"another")), 8),
    Case("a chunk that is MP4 called WebM", kept(move(_MP4, "evidence/lr_2.webm")), 8),
    Case("a chunk that is WebM called MP4", kept(move(_LATE, "evidence/lr_1.mp4")), 8),
    Case(
        "a chunk of another type", filled(lambda of: of["chains"][0]["links"][1].update(type="")), 8
    ),
    Case("a late chunk off the list", kept(record(lambda of: of["evidence"].pop())), 8),
    Case(
        "a late chunk that no event names",
        kept(
            record(
                lambda of: of["evidence"].append(
                    {"id": "lr_3", "kind": "local_recording", "sha256": "ab" * 32, "size": 1}
                )
            )
        ),
        8,
    ),
    Case(
        "late chunks in the place of others", kept(record(lambda of: swap(of["evidence"], 3, 4))), 8
    ),
    Case(
        "a late chunk of another kind",
        kept(record(lambda of: of["evidence"][4].update(kind="recording"))),
        8,
    ),
    Case(
        "the event that names late chunks cut off",
        kept(record(lambda of: of["events"].__delitem__(slice(-3, None)))),
        8,
    ),
    Case("another chunk named", filled(lambda of: of["chunks"][0].update(sha256="ab" * 32)), 8),
    Case("another size named", filled(lambda of: of["chunks"][0].update(size=1)), 8),
    Case(
        "a chunk of another recording", filled(lambda of: of["chunks"][0].update(recording="")), 8
    ),
    Case("a chunk with a member more", filled(lambda of: of["chunks"][0].update(note="")), 8),
    Case("a chunk named twice in two ways", filled(named_twice), 8),
    Case("no chain", filled(lambda of: of.update(chains=[])), 8),
    Case(
        "another link in the chain",
        filled(lambda of: of["chains"][0]["links"][0].update(size=1)),
        8,
    ),
    Case("a link left out", filled(lambda of: of["chains"][0]["links"].pop(1)), 8),
    Case("the last link left out", filled(lambda of: of["chains"][0]["links"].pop()), 8),
    Case("a chain that begins nowhere", filled(lambda of: of["chains"][0].update(first=2)), 8),
    Case(
        "a chain from another head", filled(lambda of: of["chains"][0].update(before="0" * 64)), 8
    ),
    Case("a chain that ends nowhere", filled(lambda of: of["chains"][0].update(head="0" * 64)), 8),
    Case("another head told before the gap", told(6, lambda of: of.update(head="0" * 64)), 8),
    Case("another head told after the gap", told(9, lambda of: of.update(head="0" * 64)), 8),
    Case("two heads told for one chain", told(9, lambda of: of.update(links=1)), 8),
    Case("the chain of another session", kept_elsewhere, 8),
    Case(
        "an attested chunk that an event names otherwise",
        filled(lambda of: of["chunks"][0].update(evidence="ev_3"), late=False),
        8,
    ),
]
_DAMAGE = [
    Case("damage that is told", damaged(lambda _: None), 8, "warning"),
    Case("damage told by events alone", lambda _: with_damage(told=False).packed(), 8, "warning"),
    Case("damage told in another order", damaged(lambda of: of.reverse()), 8, "warning"),
    Case("damage told after the attestation", damaged_later, 8, "warning"),
    Case("damage that is not attested", damaged(lambda of: of.pop(0)), 8),
    Case("a lost recording that is not attested", damaged(lambda of: of.pop()), 8),
    Case("damage denied", damaged(lambda of: of.clear(), told=False), 8),
    Case("damage that no event tells", signed(claims=with_damage().claims), 8),
    Case("damage made smaller", damaged(lambda of: of[0].update(holes=of[0]["holes"][:1])), 8),
    Case("damage told twice", damaged(lambda of: of.append(of[0])), 8),
    Case("all of it said to be lost", damaged(lambda of: of[0].update(lost="all", holes=[])), 8),
    Case("a lost recording of another kind", damaged(lambda of: of[0].update(kind="face")), 8),
    Case("lost in an unknown way", damaged(lambda of: of[0].update(lost="some")), 8),
    Case("a damaged recording with a member more", damaged(lambda of: of[0].update(note="")), 8),
    Case("a damaged recording at no time", damaged(lambda of: of[0].update(started="then")), 8),
    Case("damage that is no list", signed(claims={"damaged": {}}), 8),
    Case("a damaged recording that is none", damaged(lambda of: of.append({})), 8),
    Case("other damage in the event", finished(lambda of: of["holes"][0].update(bytes=1)), 8),
    Case("no damage in the event", finished(lambda of: of.pop("holes")), 8),
    Case("damage of no recording", finished(lambda of: of.pop("evidence")), 8),
    Case("damage with a member more", finished(lambda of: of["holes"][0].update(note="")), 8),
    Case(
        "damage at a time that is none", finished(lambda of: of["holes"][0].update(since_ms="")), 8
    ),
]
CASES = [
    *_FILE,
    *_SEAL,
    *_CHAIN,
    *_TIMES,
    *_END,
    *_BEHIND,
    *_EVIDENCE,
    *_LOCAL,
    *_DAMAGE,
    *_TEXTS,
    *_REPORT,
    *_WITNESSES,
]


def good() -> bytes:
    """Return the bundle that the cases change; it verifies."""
    return Draft().packed()


def write(folder: Path) -> None:
    """Write everything for verifiers in other languages."""
    folder.mkdir(parents=True, exist_ok=True)
    bundle, listed = good(), []
    (folder / "good.zip").write_bytes(bundle)
    (folder / "keys.json").write_text(json.dumps(key_set()))
    for number, case in enumerate(CASES):
        name = f"{number:03}.zip"
        (folder / name).write_bytes(case.change(bundle))
        listed.append({"name": case.name, "file": name, "step": case.step, "mark": case.mark})
    cases = {"now": stamp(NOW), "session": SESSION, "cases": listed}
    (folder / "cases.json").write_text(json.dumps(cases, indent=1))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
