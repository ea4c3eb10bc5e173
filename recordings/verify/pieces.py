"""Steps 8 to 10: the evidence, the texts under seal, and the report for people."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from . import damage, local
from .record import REPORT, Record, items
from .strict import SHA256, member, shown
from .verdict import Found, Mark, NotVerified

_CHUNK = 1024 * 1024
_STREAM = re.compile(rb"stream\r?\n")
_END = b"endstream"
_MOST_STREAMS = 10_000
_SEALED = "sealed"


def evidence(record: Record, claims: Mapping[str, Any]) -> Found[None]:
    """Step 8."""
    attested = items(member(claims, "evidence", list))
    whole = items(record.evidence)
    kept = local.named(record)
    later = whole[len(attested) :]
    if whole[: len(attested)] != attested or any(kept.get(one.id) != one for one in later):
        raise NotVerified("the list of evidence is not the attested one")
    if any(one not in whole for one in kept.values()):
        raise NotVerified("the list of evidence lacks what an event names")
    listed = {kept.get(one.id, one).file: one for one in whole}
    for name, data in record.files.items():
        if name not in listed:
            raise NotVerified(f"{shown(name)} is not in the list of evidence")
        if (len(data), _sha256(data)) != (listed[name].size, listed[name].sha256):
            raise NotVerified(f"{shown(name)} is not the file that was attested")
    lacking = damage.damage(record, claims, attested)
    here, absent = len(record.files), len(whole) - len(record.files)
    told = f"yes, {len(attested)} items by their SHA-256"
    if kept:
        told += (
            f", and {len(later)} that came later and an event names; {len(kept)} of all were kept "
            "on the learner's device, and fit the chain that it told"
        )
    if here:
        rest = f", {absent} were erased, withheld or damaged" if absent else ""
        told += f"; {here} of them are here and unchanged{rest}"
    else:
        told += "; none of them is in this file"
    if not lacking:
        return Found(None, told)
    lost = f"but the service lost some of what it recorded: {damage.told(lacking)}"
    return Found(None, f"{told}; {lost}", Mark.WARNING)


def texts(record: Record, claims: Mapping[str, Any] | None) -> Found[dict[str, str]]:
    """Step 9; return the texts by their seals."""
    seals = {seal for body in record.bodies for seal in _of_body(body)}
    seals |= set(_of_payload(claims or {}))
    for seal, opened in record.openings.items():
        if seal not in seals:
            raise NotVerified("a text belongs to no seal of this record")
        if hmac.new(opened.key, opened.text.encode(), hashlib.sha256).hexdigest() != seal:
            raise NotVerified(f"the text {shown(opened.text[:20])} does not fit its seal")
    closed = len(seals) - len(record.openings)
    told = f"yes, {len(record.openings)} of {len(seals)} texts are shown, and fit"
    said = {seal: opened.text for seal, opened in record.openings.items()}
    return Found(said, f"{told}; {closed} were erased or withheld" if closed else told)


def _of_body(body: Mapping[str, Any]) -> Iterator[str]:
    sealed = body.get(_SEALED)
    if isinstance(sealed, dict):
        yield from (seal for seal in sealed.values() if isinstance(seal, str))


def _of_payload(value: object) -> Iterator[str]:
    """Yield the seals of an attestation: the objects whose one member is `sealed`."""
    if isinstance(value, dict):
        seal = value.get(_SEALED)
        if len(value) == 1 and isinstance(seal, str) and SHA256.fullmatch(seal):
            yield seal
        for inner in value.values():
            yield from _of_payload(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _of_payload(inner)


def report(record: Record, length: int | None) -> Found[None]:
    """Step 10; `length` events were attested."""
    if record.report is None:
        return Found(None, "there is none in this file")
    if record.attestation is None or length is None:
        raise NotVerified("there is no attestation to hold it against")
    what = {"sha256": _sha256(record.report), "size": len(record.report)}
    for body in record.bodies[length:]:
        data = body.get("data")
        named = isinstance(data, dict) and {name: data.get(name) for name in what} == what
        if body.get("kind") == "report_made" and named:
            break
    else:
        raise NotVerified(f"no event after the attestation names this {REPORT}")
    if not _carries(record.report, record.attestation.encode()):
        raise NotVerified("the attestation in it is not this one")
    return Found(None, "yes, an event names it and it carries this attestation")


def _carries(pdf: memoryview, attachment: bytes) -> bool:
    """Say whether a stream of the PDF (ISO 32000-2, 7.3.8), plain or deflated, is this text."""
    raw, size = bytes(pdf), len(attachment)
    for number, begin in enumerate(_STREAM.finditer(raw)):
        if number == _MOST_STREAMS:
            break
        at = begin.end()
        if raw.startswith(attachment, at):
            return raw[at + size : at + size + len(_END) + 2].lstrip() == _END
        # What does not shrink grows by this at most (RFC 1951: 5 bytes a block, and its frame). One
        # byte more than expected is asked for: a longer text is another text.
        piece = raw[at : at + size + size // 1_000 + 64]
        with contextlib.suppress(zlib.error):
            if zlib.decompressobj().decompress(piece, size + 1) == attachment:
                return True
    return False


def _sha256(data: memoryview) -> str:
    digest = hashlib.sha256()
    for first in range(0, len(data), _CHUNK):
        digest.update(data[first : first + _CHUNK])
    return digest.hexdigest()
