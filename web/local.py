"""What learners' own devices kept of a session, as their pages bring it.

`invigilation/fill.py` says what it is. A chunk that is coming is held in memory; a restart costs
the page that chunk. No byte of it is decoded in this process: it is stored as it came, and shown as
recordings are.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog

from invigilation.desk import Desk
from invigilation.desk.fills import Shelf
from invigilation.desk.office import new_id
from invigilation.errors import Busy, InvalidInput, InvigilationError, NotFound
from invigilation.fill import Chunk, Link
from invigilation.store.evidence import LOCAL, Evidence
from recordings.errors import EvidenceStoreFull
from recordings.vault import Vault
from signalling.bucket import Bucket
from web.arriving import Arriving, NoRoom, WrongDigest

log = structlog.get_logger(__name__)

MOST_AT_ONCE: Final = 200
"""Links that are told at once."""
CHUNK_BYTES: Final = 2 * 1024 * 1024
TYPES: Final = frozenset({"video/webm", "video/mp4"})
LASTS_S: Final = 900.0
"""A chunk that is not gone on with for so long is forgotten."""
HELD_BYTES: Final = 64 * 1024 * 1024
"""Of all chunks together that are coming, as told."""
HELD_EACH: Final = 4
"""Chunks of one session that are coming at once: two pages may bring at a time."""
PIECES_A_SECOND, PIECES_AT_ONCE = 20.0, 100.0
TOLD_A_SECOND, TOLD_AT_ONCE = 1.0, 30.0
BEGUN_A_SECOND, BEGUN_AT_ONCE = 3.0, 40.0
"""Chunks: all that a session has told is read for each that begins to come."""
_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RECORDING: Final = re.compile(r"lc_[0-9a-f]{16}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_INSTANT: Final = re.compile(
    r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
)
_LINK: Final = {"n", "from", "to", "sha256", "size", "type", "head"}

Key = tuple[str, str, int]


@dataclass(slots=True)
class _Coming:
    chunk: Chunk
    until: float
    arriving: Arriving
    keeping: asyncio.Lock = field(default_factory=asyncio.Lock)
    kept: bool = False


@dataclass(frozen=True, slots=True)
class LocalKeeping:
    """Takes chains and chunks in; `changed` hears of each session in which something came."""

    desk: Desk
    vault: Vault
    changed: Callable[[str], None]
    secret: bytes
    """The root of the keys under which learners' devices keep things."""
    _coming: dict[Key, _Coming] = field(default_factory=dict)
    _pieces: dict[str, Bucket] = field(default_factory=dict)
    _told: dict[str, Bucket] = field(default_factory=dict)
    _begun: dict[str, Bucket] = field(default_factory=dict)

    def key_of(self, session: str) -> str:
        """Return the key under which a learner's device encrypts what it keeps of a session.

        AES-256, in base64. It stands in pages of that learner alone, and never on the device's
        disk: decision 12.
        """
        key = hmac.digest(self.secret, b"session\0" + session.encode(), hashlib.sha256)
        return base64.b64encode(key).decode()

    async def look(self, session: str, request: str) -> dict[str, object]:
        """Return how everything stands, as the page of this learner reads it."""
        _may_be(session)
        return self._said(session, await self.desk.fills.shelf(session, request))

    async def tell(
        self, session: str, request: str, recording: str, first: int, links: Sequence[Link]
    ) -> dict[str, object]:
        """Take links in; return how their recording stands. Raises as the desk does, and `Busy`."""
        self._sweep()
        self._pass(self._told, session, TOLD_A_SECOND, TOLD_AT_ONCE)
        shelf = await self.desk.fills.tell(session, request, recording, first, links)
        if any(one.wanted for one in shelf.recordings.values()):
            self.changed(session)  # it is about a gap: what else is told, nobody looks at
        recordings: Any = self._said(session, shelf)["recordings"]
        none = {"have": 0, "wanted": [], "drop": 0}
        return {**recordings.get(recording, none), "keep": shelf.keep}

    async def put(
        self, request: str, recording: str, n: int, offset: int, data: bytes
    ) -> dict[str, object]:
        """Take a piece of a chunk in, and the chunk into the record when it is whole.

        Raises `NotFound`, `NotWanted`, `WrongOffset`, `WrongDigest`, `InvalidInput`, `TooMuch`,
        `TooLate`, `NotAllowed`, `Busy`, `NoRoom`: then the same piece is sent again later.
        """
        session = await self.desk.fills.session_of(request, recording)
        self._pass(self._pieces, session, PIECES_A_SECOND, PIECES_AT_ONCE)
        key = (session, recording, n)
        coming = self._coming.get(key)
        if coming is None:
            self._pass(self._begun, session, BEGUN_A_SECOND, BEGUN_AT_ONCE)
            chunk = await self.desk.fills.wants(session, recording, n)
            if chunk.evidence is not None:
                return {"have": chunk.size, "kept": True}
            await self._room()
            coming = self._coming.get(key) or self._begin(key, chunk)
        coming.until = self.desk.office.clock.monotonic() + LASTS_S
        have = coming.arriving.put(offset, data)
        if have < coming.chunk.size:
            return {"have": have}
        async with coming.keeping:
            if not coming.kept:
                await self._keep(key, coming)
        return {"have": have, "kept": True}

    async def sweep(self) -> None:
        """Forget what is not gone on with, and close what did not come in time."""
        self._sweep()
        for session in await self.desk.fills.sweep():
            self.changed(session)

    def _said(self, session: str, shelf: Shelf) -> dict[str, object]:
        until = None if shelf.until is None else shelf.until.isoformat(timespec="seconds")
        return {
            "recordings": {
                recording: {
                    "have": one.have,
                    "wanted": [
                        {"n": n, "have": self._have((session, recording, n))} for n in one.wanted
                    ],
                    "drop": one.drop,
                }
                for recording, one in shelf.recordings.items()
            },
            "keep": shelf.keep,
            "until": None if until is None else until.replace("+00:00", "Z"),
        }

    def _have(self, key: Key) -> int:
        coming = self._coming.get(key)
        return 0 if coming is None else coming.arriving.have

    def _begin(self, key: Key, chunk: Chunk) -> _Coming:
        self._sweep()
        stays = dict(self._coming)
        mine = [one for one in stays if one[0] == key[0]]
        if len(mine) >= HELD_EACH:
            # A page that was loaded again has begun with another one: that goes first.
            del stays[min(mine, key=lambda one: stays[one].until)]
        if sum(one.chunk.size for one in stays.values()) + chunk.size > HELD_BYTES:
            raise Busy("service")
        for gone in self._coming.keys() - stays.keys():
            del self._coming[gone]
        until = self.desk.office.clock.monotonic() + LASTS_S
        coming = _Coming(chunk, until, Arriving(chunk.sha256, chunk.size))
        self._coming[key] = coming
        return coming

    async def _keep(self, key: Key, coming: _Coming) -> None:
        session, recording, n = key
        chunk = coming.chunk
        try:
            coming.arriving.check(n)
            await self._store(session, recording, n, chunk, bytes(coming.arriving.came))
            coming.kept = True
        except NoRoom:
            raise  # it stays as it came: the last piece is sent again
        except BaseException as error:
            if isinstance(error, WrongDigest):
                log.warning("a chunk came wrong", session=session, recording=recording, n=n)
            self._drop(key, coming)  # what was refused would be refused again
            raise
        self._drop(key, coming)  # what is kept is known by the desk
        self.changed(session)

    def _drop(self, key: Key, coming: _Coming) -> None:
        if self._coming.get(key) is coming:
            del self._coming[key]

    async def _room(self) -> None:
        """Raise `NoRoom` before a chunk comes over a thin link that could not be kept."""
        try:
            await asyncio.to_thread(self.vault.check_room)
        except EvidenceStoreFull:
            raise NoRoom from None

    async def _store(self, session: str, recording: str, n: int, chunk: Chunk, data: bytes) -> None:
        ident = new_id("ev")
        try:
            stored = await asyncio.to_thread(self.vault.put, session, ident, data)
        except EvidenceStoreFull:
            raise NoRoom from None
        kept = (chunk.media_type, chunk.began, stored.sha256, stored.size, None)
        new = False
        try:
            new = await self.desk.fills.keep(
                session, recording, n, Evidence(ident, session, LOCAL, *kept)
            )
        except InvigilationError:
            log.info("a chunk was refused at the end", session=session, recording=recording, n=n)
            raise
        finally:
            if not new:
                await self.vault.aside(self.vault.erase, session, ident)

    def _pass(self, buckets: dict[str, Bucket], session: str, rate: float, burst: float) -> None:
        bucket = buckets.get(session)
        if bucket is None:
            bucket = buckets[session] = Bucket(rate, burst, self.desk.office.clock)
        if not bucket.take():
            raise Busy("service")

    def _sweep(self) -> None:
        now = self.desk.office.clock.monotonic()
        for key, coming in [*self._coming.items()]:
            if coming.until <= now:
                del self._coming[key]
        for buckets in (self._pieces, self._told, self._begun):
            for session, bucket in [*buckets.items()]:
                if bucket.full:
                    del buckets[session]


def links_of(body: Mapping[str, Any]) -> tuple[str, int, tuple[Link, ...]]:
    """Return session, first number and links of what a page tells.

    Raises `InvalidInput`, and `NotFound` for what is no name of a session.
    """
    if body.keys() != {"session", "from", "links"}:
        raise InvalidInput("body", "Send session, from and links.")
    session, first, raw = body["session"], body["from"], body["links"]
    if type(session) is not str:
        raise InvalidInput("session", "This must be text.")
    _may_be(session)
    if type(first) is not int or not 0 <= first < 1_000_000:
        raise InvalidInput("from", "This must be a number.")
    if type(raw) is not list or len(raw) > MOST_AT_ONCE:
        raise InvalidInput("links", f"Tell at most {MOST_AT_ONCE} links at once.")
    return session, first, tuple(_link(one, first + index) for index, one in enumerate(raw))


def _may_be(session: str) -> None:
    """Raise for a name that no session has: databases refuse some letters with a fault."""
    if _SESSION.fullmatch(session) is None:
        raise NotFound("session", ascii(session[:80]))


def is_recording(name: str) -> bool:
    """Say whether this may be the name of a recording."""
    return _RECORDING.fullmatch(name) is not None


def _link(raw: object, n: int) -> Link:
    if type(raw) is not dict or raw.keys() != _LINK or type(raw["n"]) is not int or raw["n"] != n:
        raise InvalidInput("links", f"Link {n} has not the members that it should.")
    for name in ("sha256", "head"):
        if type(raw[name]) is not str or not _SHA256.fullmatch(raw[name]):
            raise InvalidInput(name, "A digest has 64 hexadecimal digits.")
    if type(raw["size"]) is not int or not 0 < raw["size"] <= CHUNK_BYTES:
        raise InvalidInput("size", f"A chunk has 1 to {CHUNK_BYTES:,} bytes.")
    if type(raw["type"]) is not str or raw["type"] not in TYPES:
        raise InvalidInput("type", f"A chunk is one of: {', '.join(sorted(TYPES))}.")
    began, ended = _instant(raw["from"]), _instant(raw["to"])
    return Link(n, began, ended, raw["sha256"], raw["size"], raw["type"], raw["head"])


def _instant(raw: object) -> datetime:
    try:
        if type(raw) is str and _INSTANT.fullmatch(raw):
            return datetime.fromisoformat(raw)
    except ValueError:
        pass  # there is no such day
    raise InvalidInput("links", "Write times like 2026-11-23T10:02:11.000Z.")
