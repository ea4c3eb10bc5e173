"""Steps 3 to 7: the events, their signatures, their order, their times, and their end."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .keys import CLOCK_TOLERANCE, Keys, check_time, check_turn
from .record import Record
from .signatures import first_broken
from .strict import INSTANT, SHA256, canonical, instant, member, shown
from .verdict import Found, Mark, NotVerified

FIRST_PREVIOUS = "0" * 64
_FIRST_BODY = {"v", "session", "seq", "at", "kind", "actor", "data", "prev"}
_SECOND_BODY = _FIRST_BODY | {"monotonic_ms"}
_BODY_MEMBERS = {1: _FIRST_BODY, 2: _SECOND_BODY, 3: _SECOND_BODY | {"sealed"}}


def same_session(record: Record, claims: Mapping[str, Any]) -> Found[None]:
    """Step 3."""
    if member(claims, "session", str) != record.session:
        raise NotVerified("the attestation is about another session")
    for number, body in enumerate(record.bodies, 1):
        if body.get("session") != record.session:
            raise NotVerified(f"event {number} belongs to another session")
    what = "the officer's form" if claims.get("kind") == "onboard" else "session"
    return Found(None, f"yes, all of it is about {what} {shown(record.session)}")


def signatures(record: Record, keys: Keys, processes: int) -> Found[None]:
    """Step 4."""
    broken = first_broken(record.events, keys, processes)
    if broken is not None:
        raise NotVerified(broken)
    return Found(None, f"yes, {len(record.events)} signatures hold")


def unbroken(record: Record) -> Found[None]:
    """Step 5."""
    previous = FIRST_PREVIOUS
    for number, (event, body) in enumerate(zip(record.events, record.bodies, strict=True), 1):
        if not _well_formed(body, event["body"]):
            raise NotVerified(f"event {number} is not in canonical form")
        if body["seq"] != number:
            raise NotVerified(f"event {number} carries the number {shown(body['seq'])}")
        if body["prev"] != previous:
            raise NotVerified(f"event {number} does not follow the one before it")
        previous = _digest(event)
    return Found(None, "yes, each event names the one before it and none is missing between")


def _well_formed(body: dict[str, Any], text: str) -> bool:
    return (
        text == canonical(body)
        and type(body.get("v")) is int
        and set(body) == _BODY_MEMBERS.get(body["v"])
        and type(body.get("monotonic_ms", 0)) is int
        and type(body["seq"]) is int
        and isinstance(body["at"], str)
        and INSTANT.fullmatch(body["at"]) is not None
        and all(isinstance(body[name], str) for name in ("session", "kind", "actor", "prev"))
        and isinstance(body["data"], dict)
        and isinstance(body.get("sealed", {}), dict)
        and all(
            isinstance(seal, str) and SHA256.fullmatch(seal)
            for seal in body.get("sealed", {}).values()
        )
    )


def times(record: Record, claims: Mapping[str, Any] | None, signer: str, keys: Keys) -> Found[None]:
    """Step 6. A clock that was set back is shown but does not condemn: the chain gives the order.

    A signature counts only for times at which its key was in use; `signer` is the attestation's.
    """
    backwards = None
    latest: datetime | None = None
    newest: datetime | None = None
    for number, (event, body) in enumerate(zip(record.events, record.bodies, strict=True), 1):
        at = _at(body, number)
        try:
            check_time(keys, event["key_id"], at)
            newest = check_turn(keys, event["key_id"], newest)
        except NotVerified as error:
            raise NotVerified(f"event {number}: {error}") from None
        behind = latest - at if latest else timedelta(0)
        if behind > CLOCK_TOLERANCE and backwards is None:
            backwards = f"by {int(behind.total_seconds() // 60)} minutes before event {number}"
        latest = max(latest, at) if latest else at
    if claims is not None:
        _attested_in_time(record, claims, signer, keys)
    if backwards is not None:
        clause = f"not quite, the clock ran backwards {backwards}; the order is proved by the chain"
        return Found(None, clause, Mark.WARNING)
    return Found(None, "yes, to within 5 minutes")


def _attested_in_time(record: Record, claims: Mapping[str, Any], signer: str, keys: Keys) -> None:
    last = _last_attested(record, claims)
    said = instant(claims["attested_at"]) if "attested_at" in claims else last
    if said is None:
        return  # the next step names what is missing
    try:
        check_time(keys, signer, said)
        newest = None
        for event in record.events[: length_of(record, claims)]:
            newest = check_turn(keys, event["key_id"], newest)
        check_turn(keys, signer, newest)
    except NotVerified as error:
        raise NotVerified(f"the attestation: {error}") from None
    if last is not None and abs(said - last) > CLOCK_TOLERANCE:
        raise NotVerified("the attestation gives another time than the event that it rests on")


def attested_at(record: Record, claims: Mapping[str, Any]) -> datetime:
    """Return when it was attested: as it says itself, or by the last event that it covers."""
    if "attested_at" in claims:
        return instant(claims["attested_at"])
    last = _last_attested(record, claims)
    if last is None:
        raise NotVerified("the event that was attested as the last is not here")
    return last


def _last_attested(record: Record, claims: Mapping[str, Any]) -> datetime | None:
    length = length_of(record, claims)
    return _at(record.bodies[length - 1], length) if length else None


def length_of(record: Record, claims: Mapping[str, Any]) -> int:
    """Return how many events were attested; 0 if that is not known, or not all are here."""
    chain = claims.get("chain")
    length = chain.get("length") if isinstance(chain, dict) else None
    return length if type(length) is int and 1 <= length <= len(record.bodies) else 0


def _at(body: Mapping[str, Any], number: int) -> datetime:
    try:
        return instant(body.get("at"))
    except NotVerified:
        raise NotVerified(f"event {number} has no time") from None


def ends(record: Record, claims: Mapping[str, Any]) -> Found[int]:
    """Step 7; return how many events were attested."""
    chain = member(claims, "chain", dict)
    length, head = member(chain, "length", int), member(chain, "head", str)
    if length < 1:
        raise NotVerified("the attestation covers no events")
    if len(record.events) < length:
        raise NotVerified(f"{length} events were attested and {len(record.events)} are here")
    if _digest(record.events[length - 1]) != head:
        raise NotVerified(f"event {length} is not the one that was attested as the last")
    later = Counter(shown(body.get("kind")) for body in record.bodies[length:])
    named = ", ".join(f"{kind} {count} times" for kind, count in sorted(later.items()))
    after = f"; {later.total()} signed after the attestation: {named}" if later else ""
    rest = "; whether others followed, nothing proves"
    return Found(length, f"yes, {length} events were attested{after}{rest}")


def _digest(event: Mapping[str, str]) -> str:
    return hashlib.sha256(event["body"].encode()).hexdigest()
