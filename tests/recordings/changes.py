"""How a bundle may be changed: the tools of `tampering`."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from recordings.seal import SigningKey
from tests.recordings.bundles import (
    NOW,
    START,
    STRANGER,
    WHY,
    Draft,
    base64url,
    canonical,
    jws,
    opening,
    pack,
    pack_as,
    pdf,
    sealed,
    sha256,
    stamp,
    unpack,
    with_damage,
    with_local,
)

Change = Callable[[bytes], bytes]
Record = dict[str, Any]


def members(edit: Callable[[dict[str, bytes]], object]) -> Change:
    """Change the members, and make a proper ZIP file of them again."""

    def change(bundle: bytes) -> bytes:
        found = unpack(bundle)
        edit(found)
        return pack(found)

    return change


def record(edit: Callable[[Record], object]) -> Change:
    """Change the record in the bundle, and keep it canonical."""

    def inside(found: dict[str, bytes]) -> None:
        parsed = json.loads(found["record.json"])
        edit(parsed)
        found["record.json"] = canonical(parsed)

    return members(inside)


def text(old: bytes, new: bytes) -> Change:
    """Replace the first of these bytes in the record's text."""

    def inside(found: dict[str, bytes]) -> None:
        assert old in found["record.json"]
        found["record.json"] = found["record.json"].replace(old, new, 1)

    return members(inside)


def put(name: str, data: bytes) -> Change:
    return members(lambda found: found.update({name: data}))


def move(old: str, new: str) -> Change:
    return members(lambda found: found.update({new: found.pop(old)}))


def signed(**changes: Any) -> Change:
    """Make another bundle from scratch, as somebody who holds a signing key could."""
    return lambda _: Draft(**changes).packed()


def event(number: int, edit: Callable[[dict[str, str]], object]) -> Change:
    return record(lambda of: edit(of["events"][number - 1]))


def body(number: int, old: str, new: str) -> Change:
    def edit(of: dict[str, str]) -> None:
        assert old in of["body"]
        of["body"] = of["body"].replace(old, new, 1)

    return event(number, edit)


def patched(at: int, data: bytes, *, from_end: bool = False) -> Change:
    """Overwrite bytes of the file itself."""

    def change(bundle: bytes) -> bytes:
        place = len(bundle) + at if from_end else at
        return bundle[:place] + data + bundle[place + len(data) :]

    return change


def foreign() -> Draft:
    """A bundle of another session, in every way in order."""
    return Draft(session="ses_8")


def foreign_record() -> Record:
    return foreign().record()[0]


def attestation(edit: Callable[[list[str]], object]) -> Change:
    """Change the three parts of the attestation's JWS."""

    def inside(of: Record) -> None:
        parts = of["attestation"].split(".")
        edit(parts)
        of["attestation"] = ".".join(parts)

    return record(inside)


def header(**changes: Any) -> Change:
    """Write another header over the attestation, without a new signature."""

    def edit(parts: list[str]) -> None:
        parts[0] = base64url(
            canonical(json.loads(base64.urlsafe_b64decode(parts[0] + "==")) | changes)
        )

    return attestation(edit)


def payload(edit: Callable[[Record], object], key: Any = None) -> Change:
    """Change what the attestation says, without a new signature, or signed with `key`."""

    def inside(of: Record) -> None:
        head, said, tail = of["attestation"].split(".")
        claims = json.loads(base64.urlsafe_b64decode(said + "=="))
        edit(claims)
        whole = f"{head}.{base64url(canonical(claims))}.{tail}"
        of["attestation"] = whole if key is None else jws(claims, key)

    return record(inside)


def respelt(base: str) -> str:
    """Return base64url whose last letter says the same in another spelling."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(base) % 4, "there are no bits to spare"
    return base[:-1] + letters[letters.index(base[-1]) ^ 1]


def rechained(edit: Callable[[list[Any]], list[Any]]) -> Change:
    """Change what happened, and sign all of it again but the attestation, as a thief could."""

    def change(bundle: bytes) -> bytes:
        found = unpack(bundle)
        old = json.loads(found["record.json"])
        draft = Draft(with_report=False)
        draft.kinds = edit(draft.kinds)
        new, _ = draft.record()
        for name in ("events", "openings"):
            old[name] = new[name]
        found["record.json"] = canonical(old)
        return pack(found)

    return change


def without_tail(of: Record) -> None:
    del of["events"][-1]


def last_attested_gone(of: Record) -> None:
    del of["events"][7:]


def swap(of: list[Any], one: int, other: int) -> None:
    of[one], of[other] = of[other], of[one]


def compressed(bundle: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in unpack(bundle).items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return file.getvalue()


def dated(bundle: bytes) -> bytes:
    """Give the first member another time, in both places."""
    old, new = struct.pack("<HH", 0, 33), struct.pack("<HH", 1, 33)
    place = bundle.index(b"PK\1\2") + 12
    return bundle[:10] + new + bundle[14:place] + new + bundle[place + len(old) :]


def second_list(bundle: bytes) -> bytes:
    """Put another bundle behind it: many tools would show that one."""
    return bundle + foreign().packed()


def twice(bundle: bytes) -> bytes:
    found = sorted(unpack(bundle).items())
    return pack_as([found[0], *found])


def unsorted(bundle: bytes) -> bytes:
    return pack_as(sorted(unpack(bundle).items(), reverse=True))


def with_fields(**fields: bytes) -> Change:
    return lambda bundle: pack_as(sorted(unpack(bundle).items()), **fields)


def swapped_openings(of: Record) -> None:
    one, other = sorted(of["openings"])[:2]
    openings = of["openings"]
    openings[one], openings[other] = openings[other], openings[one]


def opened_anew(of: Record) -> None:
    """Change a text, and give it a seal of its own: one that nobody has signed."""
    del of["openings"][sealed("A door was heard")]
    of["openings"] |= opening("A voice was heard")


def reworded(of: Record) -> None:
    of["openings"][sealed("A door was heard")]["text"] = "A voice was heard"


def key_changed(of: Record) -> None:
    of["openings"][sealed("A door was heard")]["key"] = "00" * 32


def swap_pictures(found: dict[str, bytes]) -> None:
    one, other = "evidence/ev_1.jpg", "evidence/ev_2.jpg"
    found[one], found[other] = found[other], found[one]


def other_attachment(found: dict[str, bytes]) -> None:
    """Attach the attestation of another session to the report."""
    found["report.pdf"] = pdf(foreign_record()["attestation"])


def signed_other_attachment(_: bytes) -> bytes:
    """Like that, and signed for: the attachment itself is looked at, too."""
    draft = Draft(views=0)
    of, _report = draft.record()
    swapped = pdf(foreign_record()["attestation"])
    made = {"sha256": sha256(swapped), "size": len(swapped), "pictures": True}
    previous = json.loads(of["events"][8]["body"])["prev"]
    of["events"][8] = draft.event(9, previous, ("report_made", "service", made, []))
    found = draft.members() | {"record.json": canonical(of), "report.pdf": swapped}
    return pack(found)


def named_too_early(_: bytes) -> bytes:
    """Name a report in an event that comes before the attestation."""
    draft = Draft(views=0)
    early = pdf("nothing")
    made = {"sha256": sha256(early), "size": len(early), "pictures": True}
    draft.kinds.insert(3, ("report_made", "service", made, []))
    return pack(draft.members() | {"report.pdf": early})


def report_unnamed(of: Record) -> None:
    """Cut the record off before the event that names the report, with what opens the rest."""
    del of["events"][8:]
    del of["openings"][sealed(WHY)]


def attached_later(found: dict[str, bytes]) -> None:
    """Append to the report, as an incremental update does."""
    found["report.pdf"] += b"3 0 obj\n<< /Words (All went well) >>\nendobj\n%%EOF\n"


def receipt(**changes: Any) -> Change:
    return record(lambda of: of["anchors"][0].update(changes))


def own_receipt(of: Record, **changes: Any) -> dict[str, Any]:
    """Return the first receipt, signed anew by somebody who is no backend of ours."""
    old = of["anchors"][0]
    part = old["receipt"].split(".")[1]
    payload = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) | changes
    jwk = STRANGER.jwk()
    return {
        "kind": "receipt",
        "backend": payload["backend"],
        "at": payload["accepted_at"],
        "receipt": jws(payload, STRANGER, "invigilation-receipt+jws"),
        "key": {name: jwk[name] for name in ("kty", "crv", "x")},
    }


def witnessed_twice(of: Record) -> None:
    of["anchors"] *= 2


def witnesses_unsorted(of: Record) -> None:
    of["anchors"].append(own_receipt(of, accepted_at=stamp(START)))


def witnessed_by_a_stranger(of: Record) -> None:
    of["anchors"] = [own_receipt(of)]


def witnessed_by_no_one(of: Record) -> None:
    """Name a key of small order: this signature fits whatever is signed."""
    anchor = of["anchors"][0]
    x = b"\1" + bytes(31)
    name = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": base64url(x)}, separators=(",", ":"))
    kid = base64url(hashlib.sha256(name.encode()).digest())
    header = {"alg": "Ed25519", "kid": kid, "typ": "invigilation-receipt+jws"}
    payload = anchor["receipt"].split(".")[1]
    anchor["receipt"] = f"{base64url(canonical(header))}.{payload}.{base64url(x + bytes(32))}"
    anchor["key"] = {"kty": "OKP", "crv": "Ed25519", "x": base64url(x)}


def appended(key: SigningKey, at: datetime) -> Callable[[Record], None]:
    """Sign one more event behind the last, with that key and at that time."""

    def change(of: Record) -> None:
        draft = Draft(key=key, start=at)
        previous = sha256(of["events"][-1]["body"].encode())
        body = json.loads(draft.event(1, previous, ("incident", "learner", {}, []))["body"])
        text = canonical(body | {"seq": len(of["events"]) + 1})
        of["events"].append(
            {"body": text.decode(), "signature": base64url(key.sign(text)), "key_id": key.key_id}
        )

    return change


def all_of_first_format(of: Record) -> None:
    """Strip what the first format had not: then nothing would hold its spelling."""
    of["format"] = "invigilation-record/1"
    del of["openings"], of["anchors"]


def respelt_receipt(of: Record) -> None:
    signed, signature = of["anchors"][0]["receipt"].rsplit(".", 1)
    of["anchors"][0]["receipt"] = f"{signed}.{respelt(signature)}"


def pretty(found: dict[str, bytes]) -> None:
    found["record.json"] = json.dumps(json.loads(found["record.json"]), indent=1).encode()


def of_first_format(of: Record) -> None:
    of["format"] = "invigilation-record/1"


def with_key(found: dict[str, bytes]) -> None:
    """Bring a key along, in the hope that somebody takes it."""
    found["keys.json"] = canonical({"keys": [STRANGER.jwk()]})


def other_event(of: Record, number: int) -> None:
    of["events"][number - 1] = foreign_record()["events"][number - 1]


def reversed_events(of: Record) -> None:
    of["events"] = of["events"][::-1]


def seq(new: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda one: one | ({"seq": new} if one["seq"] == 4 else {})


def timed(new: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda one: one | ({"at": new} if one["seq"] == 4 else {})


def earlier(days: int) -> Change:
    """Make the whole record anew, as if it had been so many days earlier; the receipt is late."""
    start = NOW - timedelta(days=days)
    return signed(start=start, receipt_after=timedelta(days=days) - timedelta(hours=1))


def kept(change: Change) -> Change:
    """Change a bundle to which the learner's device has brought chunks later."""
    return lambda _: change(with_local().packed())


def filled(edit: Callable[[Record], object], *, late: bool = True) -> Change:
    """Change what the event says that names the chunks; whoever holds the key has signed it."""

    def change(_: bytes) -> bytes:
        draft = with_local(late=late)
        happened = draft.later if late else draft.kinds
        edit(next(one[2] for one in happened if one[0] == "gap_filled"))
        return draft.packed()

    return change


def told(number: int, edit: Callable[[Record], object]) -> Change:
    """Change what an event says that names a chain's head, and sign it."""

    def change(_: bytes) -> bytes:
        draft = with_local()
        assert draft.kinds[number][0] == "local_chain"
        edit(draft.kinds[number][2])
        return draft.packed()

    return change


def damaged(edit: Callable[[list[Record]], object], *, told: bool = True) -> Change:
    """Change what the attestation says of damaged recordings; whoever holds the key signed it."""

    def change(_: bytes) -> bytes:
        draft = with_damage(told=told)
        edit(draft.claims.setdefault("damaged", []))
        return draft.packed()

    return change


def finished(edit: Callable[[Record], object]) -> Change:
    """Change what the event says of a recording that was finished without a part of it."""

    def change(_: bytes) -> bytes:
        draft = with_damage()
        data = next(one[2] for one in draft.kinds if one[0] == "recording_finished")
        data["holes"] = [dict(one) for one in data["holes"]]
        edit(data)
        return draft.packed()

    return change


def damaged_later(_: bytes) -> bytes:
    """Return a bundle in which an event tells of damage that nobody has attested."""
    draft = with_damage()
    draft.later.append(("recording_lost", "service", {"evidence": "ev_8"}, []))
    return draft.packed()


def named_twice(data: Record) -> None:
    data["chunks"].append({**data["chunks"][1], "evidence": data["chunks"][0]["evidence"]})


def kept_elsewhere(_: bytes) -> bytes:
    """Return a bundle with a chain that a device told in another session."""
    draft = with_local()
    draft.session = "ses_8"
    other = draft.later[0][2]["chains"][0]
    other.update(first=0, links=[], head=other["before"])
    return draft.packed()
