"""Pictures that learners' pages send in small chunks; see signalling/PROTOCOL.md.

They are of a document, and, where the stream is small, of the learner in full size. What has come
is held in memory, never on a disk: a restart costs the learner's page a new start. No byte of
it is decoded in this process.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from invigilation.desk import Desk
from invigilation.desk.identity import Seen
from invigilation.document import DocumentKind
from invigilation.errors import Busy, InvalidInput, InvigilationError, NotAllowed, NotFound
from invigilation.identity import SnapshotKind
from invigilation.record import canonical
from recordings.errors import EvidenceStoreFull, PictureUndecodable
from signalling.capture import Progress, Side
from signalling.full_size import Told, Wish
from web.arriving import Arriving, NoRoom
from web.evidence import EvidenceShelf
from web.full_pictures import FullPictures

log = structlog.get_logger(__name__)

BEST_BYTES: Final = 2_000_000
HELP_BYTES: Final = 600_000
PARTS: Final = 5
LASTS_S: Final = 900.0
"""A capture that is not resumed for so long is forgotten."""
PER_HOUR: Final = 30
"""Captures of one session: nobody shows a document so often."""
HOUR_S: Final = 3_600.0
HELD_BYTES: Final = 96 * 1024 * 1024
"""Of all captures together, as announced."""
TOLD_EVERY_S: Final = 0.5
QUALITIES: Final = 12
KINDS: Final = {Side.FRONT: SnapshotKind.ID_DOCUMENT, Side.BACK: SnapshotKind.ID_BACK}
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WORD: Final = re.compile(r"[a-z_]{1,24}")


class Unwanted(NotAllowed):
    """Nobody waits for this picture any more: it came too late, or nobody asked for it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A picture as announced."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a page is about to send: one side of a document; the first part is the best picture.

    Or the picture of the learner that the room `wanted`; that has no kind, and one part.
    """

    session: str
    kind: DocumentKind | None
    side: Side
    parts: tuple[Part, ...]
    wanted: str = ""

    @property
    def name(self) -> str:
        """The capture's name: the same for the same bytes, so that a page can go on."""
        parts = [[part.sha256, part.size] for part in self.parts]
        what = self.wanted if self.kind is None else self.kind.value
        said = canonical([self.session, what, self.side.value, parts])
        return f"cp_{hashlib.sha256(said).hexdigest()[:20]}"

    @property
    def lane(self) -> str:
        """In each of a session's lanes one capture comes at a time."""
        return f"{self.session} {self.side}" if self.kind is None else self.session

    @property
    def size(self) -> int:
        """How many bytes will come."""
        return sum(part.size for part in self.parts)


@dataclass(slots=True)
class _Held:
    plan: Plan
    until: float
    came: list[Arriving] = field(default_factory=list)
    evidence: str | None = None
    """Set when the capture is finished; then nothing else of it is held."""
    told_at: float = float("-inf")
    finishing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def size(self) -> int:
        return self.plan.size if self.evidence is None else 0

    @property
    def have(self) -> list[int]:
        if self.evidence is not None:
            return [part.size for part in self.plan.parts]
        return [part.have for part in self.came]


@dataclass(frozen=True, slots=True)
class Room:
    """How the live room is told: of what is coming, and of what is in the record.

    `told` finds what the page said of a picture, by its digest, when it was taken; `look` has the
    room read the session anew.
    """

    progress: Callable[[str, Progress], None]
    captured: Callable[[str, Side, DocumentKind], None]
    told: Callable[[str, str], Told | None] = lambda _session, _sha256: None
    look: Callable[[str], None] = lambda _session: None


@dataclass(frozen=True, slots=True)
class Captures:
    """Takes captures in, one at a time for each session."""

    desk: Desk
    shelf: EvidenceShelf
    room: Room
    _held: dict[str, _Held] = field(default_factory=dict)
    _begun: dict[str, deque[float]] = field(default_factory=dict)

    async def begin(self, plan: Plan) -> tuple[list[int], str | None]:
        """Begin or resume a capture: how much of each part is here, and the evidence when done.

        Raises `NotAllowed` when a document is not wanted of this learner, `Unwanted`, and `Busy`.
        """
        lane = plan.lane
        if plan.kind is None:
            self._wish(plan)
        else:
            await self.desk.identity.may_picture(plan.session, None)
        self._sweep()
        now = self.desk.office.clock.monotonic()
        held = self._held.get(lane)
        if held is not None and held.plan == plan and await self._stands(held):
            held.until = now + LASTS_S
            return held.have, held.evidence
        others = sum(one.size for ident, one in self._held.items() if ident != lane)
        begun = self._begun.setdefault(lane, deque())
        if len(begun) >= PER_HOUR or others + plan.size > HELD_BYTES:
            raise Busy("picture desk")
        begun.append(now)
        held = _Held(plan, now + LASTS_S, [Arriving(part.sha256, part.size) for part in plan.parts])
        self._held[lane] = held
        self._tell(held)
        return held.have, None

    def put(self, session: str, name: str, part: int, offset: int, data: bytes) -> int:
        """Take a chunk in; return how much of the part is here.

        Raises `NotFound`, `InvalidInput` and `WrongOffset`.
        """
        held = self._find(session, name)
        if not 0 <= part < len(held.plan.parts):
            raise NotFound("part", str(part))
        if held.evidence is not None:
            return held.have[part]
        before = held.came[part].have
        have = held.came[part].put(offset, data)
        if have > before:
            self._tell(held)
        return have

    async def finish(self, session: str, name: str) -> str:
        """Put the picture into the record, and return its id; a second time is no change.

        Raises `NotFound`, `WrongOffset` when something is missing, `WrongDigest`, `InvalidInput`
        for a picture that cannot be used, `Busy`, `NoRoom`, `Unwanted`, and what the desk refuses.
        A capture that cannot be used or is not wanted any more is forgotten.
        """
        held = self._find(session, name)
        async with held.finishing:
            if held.evidence is None:
                for number, arriving in enumerate(held.came):
                    arriving.check(number)
                try:
                    await self._room()
                    held.evidence = await self._keep(held)
                except NoRoom:
                    held.until = self.desk.office.clock.monotonic() + LASTS_S
                    raise
                except (InvalidInput, NotAllowed):
                    # It would fail again, at the same cost: a new one is counted.
                    self._forget(held)
                    raise
                held.came = []
        return held.evidence

    def _forget(self, held: _Held) -> None:
        if self._held.get(held.plan.lane) is held:
            del self._held[held.plan.lane]

    async def sweep(self) -> None:
        """Forget what is too old; the clock asks for this now and then."""
        self._sweep()

    def _sweep(self) -> None:
        now = self.desk.office.clock.monotonic()
        for lane, held in [*self._held.items()]:
            if held.until <= now:
                del self._held[lane]
        for lane, begun in [*self._begun.items()]:
            while begun and begun[0] <= now - HOUR_S:
                begun.popleft()
            if not begun:
                del self._begun[lane]

    async def _keep(self, held: _Held) -> str:
        plan = held.plan
        best, *more = [bytes(part.came) for part in held.came]
        if plan.kind is None:
            wish, told = self._wish(plan)
            full = FullPictures(self.desk, self.shelf)
            try:
                evidence = await full.keep(plan.session, wish, told, best)
            except NotAllowed as late:
                raise Unwanted(late.action) from None
            self.room.progress(plan.session, Progress(plan.side, plan.size, plan.size))
            self.room.look(plan.session)
            return evidence
        session, kind = plan.session, KINDS[plan.side]
        await self.desk.identity.may_picture(session, None)
        try:
            drawn = await self.shelf.eye.draw(best)
            picture = await self.shelf.keep(session, kind, drawn.jpeg)
        except PictureUndecodable as error:
            raise InvalidInput("picture", f"This picture cannot be used: {error.why}.") from None
        except EvidenceStoreFull:
            raise NoRoom from None
        try:
            taken = self.room.told(session, plan.parts[0].sha256)
            bound = None if taken is None else await taken.bound()
            seen = Seen(kind, picture, document=plan.kind, bound=bound)
            await self.desk.identity.record(session, None, seen)
        except InvigilationError:
            # Refused: the learner was admitted meanwhile, say. No row leads to this picture.
            await self.shelf.vault.aside(self.shelf.vault.erase, session, picture.id)
            raise
        self.room.captured(session, plan.side, plan.kind)
        self.shelf.studies.picture(picture, plan.kind, more)
        return picture.id

    async def _room(self) -> None:
        """Raise `NoRoom` before a picture is drawn anew that could not be kept."""
        try:
            await asyncio.to_thread(self.shelf.vault.check_room)
        except EvidenceStoreFull:
            raise NoRoom from None

    async def _stands(self, held: _Held) -> bool:
        """Say whether a finished capture still is what the check goes by."""
        if held.evidence is None or held.plan.kind is None:
            return True
        check = (await self.desk.sessions.view(held.plan.session)).identity
        return held.evidence in {check.document, check.back}

    def _find(self, session: str, name: str) -> _Held:
        now = self.desk.office.clock.monotonic()
        for held in (self._held.get(session), self._held.get(f"{session} {Side.FACE}")):
            if held is not None and held.plan.name == name and held.until > now:
                return held
        raise NotFound("capture", name)

    def _wish(self, plan: Plan) -> tuple[Wish, Told]:
        """Return what was told of it when it was taken; raises `Unwanted`."""
        told = self.room.told(plan.session, plan.parts[0].sha256)
        if (
            told is None
            or told.wish is None
            or told.wish.id != plan.wanted
            or told.known.size != plan.size
        ):
            raise Unwanted("send a picture that was not asked for, or not told of in time")
        return told.wish, told

    def _tell(self, held: _Held) -> None:
        """Tell the room how much has come, now and then."""
        now = self.desk.office.clock.monotonic()
        if now - held.told_at >= TOLD_EVERY_S:
            held.told_at = now
            progress = Progress(held.plan.side, sum(held.have), held.plan.size)
            self.room.progress(held.plan.session, progress)


def plan_of(session: str, body: Mapping[str, Any]) -> Plan:
    """Return what a page announces; raises `InvalidInput`."""
    face = body.get("side") == Side.FACE
    names = {"wanted"} if face else {"kind", "quality"}
    if body.keys() - {"session", "side", "parts"} - names:
        raise InvalidInput("body", "There are fields in it that nobody asked for.")
    raw = body.get("parts")
    most = 1 if face else PARTS
    if type(raw) is not list or not 0 < len(raw) <= most:
        raise InvalidInput("parts", f"Announce 1 to {most} parts.")
    _check_quality(body.get("quality", {}))
    parts = tuple(
        _part(one, HELP_BYTES if number else BEST_BYTES) for number, one in enumerate(raw)
    )
    if face:
        wanted = body.get("wanted")
        if type(wanted) is not str or not _ID.fullmatch(wanted):
            raise InvalidInput("wanted", "Say which picture this is.")
        return Plan(session, None, Side.FACE, parts, wanted)
    try:
        return Plan(session, DocumentKind(body["kind"]), Side(body["side"]), parts)
    except (KeyError, ValueError):
        raise InvalidInput("kind", "There is no such document, or no such side.") from None


def _part(raw: object, most: int) -> Part:
    if type(raw) is not dict or raw.keys() != {"sha256", "size"}:
        raise InvalidInput("parts", "A part has a digest and a size.")
    sha256, size = raw["sha256"], raw["size"]
    if type(sha256) is not str or not _SHA256.fullmatch(sha256):
        raise InvalidInput("sha256", "A digest has 64 hexadecimal digits.")
    if type(size) is not int or not 0 < size <= most:
        raise InvalidInput("size", f"A part has 1 to {most:,} bytes.")
    return Part(sha256, size)


def _check_quality(raw: object) -> None:
    """Refuse what is no small table of numbers and words: it is for the log, and proves nothing."""
    if not isinstance(raw, dict) or len(raw) > QUALITIES:
        raise InvalidInput("quality", "Send a few numbers.")
    for name, one in raw.items():
        word = not isinstance(one, str) or _WORD.fullmatch(one)
        if not _WORD.fullmatch(name) or not isinstance(one, bool | int | float | str) or not word:
            raise InvalidInput("quality", "Send a few numbers.")
