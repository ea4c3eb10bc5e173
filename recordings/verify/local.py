"""What the learner's own device kept of gaps: named by signed events, in the chain that it told.

Such a chunk may come after the attestation. It is evidence if an event `gap_filled` names it, and
if it is a link of a chain whose heads the events `local_chain` named before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from .record import Item, Record
from .strict import SHA256, canonical, exactly, hexadecimal, member
from .verdict import NotVerified

KIND = "local_recording"
_FORMAT = "invigilation-local/1"
_FILLED = {"gap", "complete", "missing", "covers_ms", "chunks", "chains"}
_CHUNK = {"recording", "n", "sha256", "size", "evidence"}
_CHAIN = {"recording", "first", "before", "links", "head"}
_LINK = {"from", "n", "sha256", "size", "to", "type"}
_NAMED = {"recording", "links", "head"}
_WHAT = "a chunk from the learner's device"

Heads = dict[tuple[str, int], str]
"""What events have said: the head of a recording's chain after so many links."""
Link = tuple[str, int, str]
"""Digest, size and media type of a chunk."""


def named(record: Record) -> dict[str, Item]:
    """Return the chunks that events name, by the ids of their evidence; raises NotVerified."""
    heads: Heads = {}
    found: dict[str, Item] = {}
    for body in record.bodies:
        if body.get("kind") == "local_chain":
            _note(heads, body)
        elif body.get("kind") == "gap_filled":
            for one in _filled(record.session, heads, body):
                known = found.setdefault(one.id, one)
                if known != one or known.media != one.media:
                    raise NotVerified(f"{_WHAT} is named in two ways")
    return found


def _note(heads: Heads, body: Mapping[str, Any]) -> None:
    data = member(body, "data", dict)
    exactly({name: one for name, one in data.items() if name != "after_gap"}, _NAMED, "a chain")
    key = (member(data, "recording", str), member(data, "links", int))
    if heads.setdefault(key, _digest(data, "head")) != data["head"]:
        raise NotVerified("the learner's device told two chains for one recording")


def _filled(session: str, heads: Heads, body: Mapping[str, Any]) -> Iterator[Item]:
    data = exactly(member(body, "data", dict), _FILLED, "a gap that was filled")
    links: dict[tuple[str, int], Link] = {}
    for raw in member(data, "chains", list):
        links.update(_followed(session, heads, raw))
    for raw in member(data, "chunks", list):
        one = exactly(raw, _CHUNK, _WHAT)
        key = (member(one, "recording", str), member(one, "n", int))
        said = (_digest(one, "sha256"), member(one, "size", int))
        link = links.get(key)
        if link is None or link[:2] != said:
            raise NotVerified(f"{_WHAT} is not in the chain that it told")
        yield Item(member(one, "evidence", str), KIND, *link)


def _followed(session: str, heads: Heads, raw: object) -> Iterator[tuple[tuple[str, int], Link]]:
    """Follow a chain from one head that an event has named to another; yield its links."""
    chain = exactly(raw, _CHAIN, "a chain")
    recording, n = member(chain, "recording", str), member(chain, "first", int)
    first = hashlib.sha256(f"{_FORMAT}\n{session}\n{recording}".encode()).hexdigest()
    head = heads.get((recording, n)) if n else first
    if head is None or head != _digest(chain, "before"):
        raise NotVerified("a chain of the learner's device begins where none was told")
    for listed in member(chain, "links", list):
        link = exactly(listed, _LINK, _WHAT)
        if member(link, "n", int) != n:
            raise NotVerified("a chain of the learner's device is broken")
        text = canonical(link).encode()
        head = hashlib.sha256(hexadecimal(head, 32, "a head") + text).hexdigest()
        said = (_digest(link, "sha256"), member(link, "size", int), member(link, "type", str))
        yield (recording, n), said
        n += 1
        if heads.get((recording, n), head) != head:
            raise NotVerified("a chain of the learner's device is not the one that it told before")
    if head != _digest(chain, "head") or heads.get((recording, n)) != head:
        raise NotVerified("a chain of the learner's device ends where none was told")


def _digest(container: Mapping[str, Any], name: str) -> str:
    text = member(container, name, str)
    if not SHA256.fullmatch(text):
        raise NotVerified(f"{_WHAT} has no SHA-256")
    return text
