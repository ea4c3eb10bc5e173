"""Step 11: what others have witnessed, so that whoever holds our key cannot rewrite the past."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.x509 import Certificate

from .chain import attested_at
from .jws import RECEIPT_TYPE, open_jws
from .keys import CLOCK_TOLERANCE, Keys, check_time, from_jwk
from .merkle import root_of
from .record import Record
from .strict import base64_text, canonical, exactly, hexadecimal, instant, member, parse, shown
from .timestamp import open_token
from .verdict import Found, Mark, NotVerified

SOON = timedelta(hours=48)
MAX_ANCHORS = 1_000
MAX_SIZE = 1_000_000
MAX_PATH = 20
_RECEIPT = {"kind", "backend", "at", "receipt", "key"}
_ACCEPTED = {
    "type",
    "webhook_id",
    "backend",
    "session",
    "head",
    "attestation_sha256",
    "accepted_at",
}
_TIMESTAMP = {"kind", "at", "index", "size", "path", "token"}
_OKP = {"kty", "crv", "x"}
_TO_COME = "the time that the attestation gives has not come yet: a clock is wrong, or it is forged"


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whom the reader trusts beside us: time-stamp authorities, and backends by their keys."""

    authorities: tuple[Certificate, ...] = ()
    backends: Keys = field(default_factory=dict)


NOBODY = Trusted()


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who has seen the record, and when.

    Without a `warning`, it is somebody whom the reader trusts; it says what was not checked.
    """

    at: datetime
    told: str
    warning: str = ""


def witnessed(
    record: Record,
    claims: Mapping[str, Any],
    trusted: Trusted,
    now: datetime,
) -> Found[None]:
    """Take the step."""
    attested = attested_at(record, claims)
    _in_order(record.anchors)
    witnesses = [_witness(one, record, claims, trusted) for one in record.anchors]
    early = attested - now > CLOCK_TOLERANCE
    if not witnesses:
        clause = "nobody has witnessed this record yet: that it was not rewritten since rests on us"
        clause += f"; {_TO_COME}" if early else ""
        return Found(None, clause, Mark.WARNING if early or now - attested > SOON else Mark.OK)
    warnings = [one.warning for one in witnesses if one.warning]
    warnings += [_TO_COME] if early else []
    # Anybody can make a witness of their own, with any time: it must not hide a late one.
    known = [one.at for one in witnesses if not one.warning]
    first = min(known or [one.at for one in witnesses])
    if first - attested > SOON:
        late = int((first - attested).total_seconds() // 3600)
        which = "those that you trust" if known else "them"
        warnings.append(
            f"the first of {which} came {late} hours after the time that the attestation gives: "
            "the record may be dated back"
        )
    if attested - min(one.at for one in witnesses) > CLOCK_TOLERANCE:
        warnings.append(
            "one of them came before the time that the attestation gives: a clock was wrong, or "
            "the record is dated forward"
        )
    clause = "yes, " + "; ".join([*(one.told for one in witnesses), *warnings])
    return Found(None, clause, Mark.WARNING if warnings else Mark.OK)


def _in_order(anchors: Sequence[Any]) -> None:
    """Hold them to one order, the oldest first, and each to be there once."""
    if len(anchors) > MAX_ANCHORS:
        raise NotVerified("it has more witnesses than any of ours")
    times = [shown(one.get("at")) for one in anchors if isinstance(one, dict)]
    if times != sorted(times) or len({canonical(one) for one in anchors}) != len(anchors):
        raise NotVerified("the witnesses are not in their order, or one is there twice")


def _witness(
    anchor: object,
    record: Record,
    claims: Mapping[str, Any],
    trusted: Trusted,
) -> Witness:
    kind = anchor.get("kind") if isinstance(anchor, dict) else None
    if kind == "receipt":
        return _receipt(exactly(anchor, _RECEIPT, "a receipt"), record, claims, trusted.backends)
    if kind == "timestamp":
        listed = exactly(anchor, _TIMESTAMP, "a time stamp")
        return _timestamp(listed, claims, trusted.authorities)
    raise NotVerified(f"a witness of the kind {shown(kind)} is not known")


def _receipt(
    anchor: dict[str, Any], record: Record, claims: Mapping[str, Any], backends: Keys
) -> Witness:
    """Check what an assessment backend has signed when it took the report."""
    key_id, key = from_jwk(exactly(anchor["key"], _OKP, "the key of a receipt"))
    try:
        payload = open_jws(member(anchor, "receipt", str).encode(), {key_id: key}, RECEIPT_TYPE)
    except NotVerified as error:
        raise NotVerified(f"a receipt: {error}") from None
    accepted = exactly(parse(payload), _ACCEPTED, "a receipt")
    expected = {
        "type": "report.accepted",
        "backend": anchor["backend"],
        "session": record.session,
        "head": _head(claims),
        "attestation_sha256": hashlib.sha256((record.attestation or "").encode()).hexdigest(),
        "accepted_at": anchor["at"],
    }
    for name, value in expected.items():
        if accepted[name] != value:
            raise NotVerified(f"a receipt is for something else: its {name} is not that of this")
    at, who = instant(anchor["at"]), shown(anchor["backend"])
    told = f"{who} signed for it on {_day(at)}"
    if key_id in backends:
        check_time(backends, key_id, at)
        return Witness(at, f"{told} with a key that you trust")
    return Witness(at, told, f"whether the key {key_id} is that of {who} was not checked: ask them")


def _timestamp(
    anchor: dict[str, Any], claims: Mapping[str, Any], authorities: tuple[Certificate, ...]
) -> Witness:
    """Check a time stamp (RFC 3161) over the root of a list on which this record stands."""
    path, size = member(anchor, "path", list), member(anchor, "size", int)
    if len(path) > MAX_PATH or size > MAX_SIZE:
        raise NotVerified("a list is longer than any of ours")
    steps = [hexadecimal(one, 32, "a step through a list") for one in path]
    leaf = hexadecimal(_head(claims), 32, "the head of the chain")
    root = root_of(leaf, member(anchor, "index", int), size, steps)
    token = base64_text(member(anchor, "token", str))
    # The length stands with the root in what is stamped: otherwise it could be another's.
    head = size.to_bytes(8) + root
    stamped = open_token(token, hashlib.sha256(head).digest(), authorities)
    if instant(anchor["at"]) != stamped.at:
        raise NotVerified("a time stamp is of another time than it is listed under")
    who = stamped.authority
    warning = "" if stamped.trusted else f"whether {who} is to be trusted was not checked"
    return Witness(stamped.at, f"{who} stamped it on {_day(stamped.at)}", warning)


def _head(claims: Mapping[str, Any]) -> str:
    return member(member(claims, "chain", dict), "head", str)


def _day(at: datetime) -> str:
    return f"{at:%d %B %Y at %H:%M} UTC"
