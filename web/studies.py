"""What pictures of documents and faces say: looked at in the background, then told to the desk.

A study begins when its picture is in the record. It changes nothing when there is a newer picture
by then: the desk sees to that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from invigilation.consent import Purpose
from invigilation.desk import Desk
from invigilation.desk.identity_facts import withheld
from invigilation.desk.office import new_id
from invigilation.document import DocumentKind
from invigilation.errors import Busy
from invigilation.identity import IdentityCheck, SnapshotKind
from invigilation.store.evidence import Evidence
from recordings.errors import EvidenceStoreFull
from recordings.vault import Vault
from recordings.vision.eye import Eye

log = structlog.get_logger(__name__)
Seen = TypeVar("Seen")

JPEG = "image/jpeg"
LIMIT = 64
"""Studies at once; further pictures are kept, but nothing is read of them."""
TRIES = 10
"""Of a study while the eye is busy, with `PAUSE_S` between them."""
PAUSE_S = 1.5
READS_S = 20.0
"""Nobody waits longer for what a machine reads: then people look."""


async def keep(desk: Desk, vault: Vault, session: str, kind: SnapshotKind, jpeg: bytes) -> Evidence:
    """Store a JPEG, encrypted; return the row that the desk is to write. Blocks no loop."""
    ident = new_id("ev")
    stored = await asyncio.to_thread(vault.put, session, ident, jpeg)
    now = desk.office.clock.now()
    return Evidence(ident, session, kind.value, JPEG, now, stored.sha256, stored.size, None)


@dataclass(frozen=True, slots=True)
class Studies:
    """Reads documents, cuts out faces, and compares them where the learner agrees.

    `told` hears of each session in which something was found. Close it at the end. The studies of
    one session run one after another: two of them write about the same check.
    """

    desk: Desk
    vault: Vault
    eye: Eye
    told: Callable[[str], None]
    likeness: bool = False
    """Whether the operator has switched the comparison by computer on."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _last: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _reading: dict[asyncio.Task[None], tuple[str, float]] = field(default_factory=dict)
    """The studies of documents: of which session each is, and since when (monotonic)."""

    def picture(
        self, picture: Evidence, kind: DocumentKind | None = None, more: Sequence[bytes] = ()
    ) -> None:
        """Begin to study a picture; `more` are others (JPEGs) of the same side of a document."""
        if len(self._tasks) >= LIMIT:
            log.warning("too many pictures are being studied", session=picture.session)
            return
        before = self._last.get(picture.session)
        task = asyncio.create_task(self._guarded(before, picture, kind, (*more,)))
        self._tasks.add(task)
        self._last[picture.session] = task
        if picture.kind != SnapshotKind.FACE:
            self._reading[task] = (picture.session, self.desk.office.clock.monotonic())
        task.add_done_callback(lambda done: self._ended(picture.session, done))

    def _ended(self, session: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._reading.pop(task, None)
        if self._last.get(session) is task:
            del self._last[session]

    def reads(self, session: str) -> bool:
        """Say whether a document of the session is being read, for less than `READS_S`."""
        after = self.desk.office.clock.monotonic() - READS_S
        return any(of == session and at > after for of, at in self._reading.values())

    async def settled(self) -> None:
        """Wait until nothing is being studied."""
        while self._tasks:
            await asyncio.wait({*self._tasks})

    async def close(self) -> None:
        """End all studies; what they would have found is not found."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(
        self,
        before: asyncio.Task[None] | None,
        picture: Evidence,
        kind: DocumentKind | None,
        more: tuple[bytes, ...],
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            await self._study(picture, kind, more)
        except Exception:
            log.exception("a picture could not be studied", session=picture.session)
        self.told(picture.session)

    async def _study(
        self, picture: Evidence, kind: DocumentKind | None, more: tuple[bytes, ...]
    ) -> None:
        if not await self._wanted(picture):
            return
        jpeg = await self.vault.aside(self.vault.read, picture.session, picture.id)
        if picture.kind == SnapshotKind.FACE:
            check = await self._face(picture, jpeg)
        else:
            check = await self._document(picture, kind, (jpeg, *more))
        self.told(picture.session)
        await self._compare(check)

    async def _wanted(self, picture: Evidence) -> bool:
        """Say whether the check goes by this picture, and the learner still agrees to it."""
        view = await self.desk.sessions.view(picture.session)
        check = view.identity
        current = picture.id in {check.document, check.back, check.face}
        return current and not withheld(view.consents)

    async def _document(
        self, picture: Evidence, kind: DocumentKind | None, pictures: tuple[bytes, ...]
    ) -> IdentityCheck:
        session = picture.session
        seen = await _patiently(lambda: self.eye.document(pictures, kind))
        log.info(
            "document studied",
            session=session,
            pictures=len(pictures),
            read=seen.reading is not None,
            portrait=seen.portrait is not None,
            note=seen.note,
        )
        portrait = None
        if seen.portrait is not None and picture.kind == SnapshotKind.ID_DOCUMENT:
            portrait = await self._keep(session, SnapshotKind.PORTRAIT, seen.portrait)
        check = await self.desk.identity.set_reading(session, picture.id, seen.reading, portrait)
        await self._drop(portrait, check.portrait)
        return check

    async def _face(self, picture: Evidence, jpeg: bytes) -> IdentityCheck:
        session = picture.session
        seen = await _patiently(lambda: self.eye.face(jpeg))
        aligned = None
        if seen.aligned is not None:
            aligned = await self._keep(session, SnapshotKind.FACE_ALIGNED, seen.aligned)
        found = seen.print if seen.faces else None
        check = await self.desk.identity.set_aligned(session, picture.id, aligned, found)
        await self._drop(aligned, check.aligned)
        return check

    async def _compare(self, check: IdentityCheck) -> None:
        """Have two faces compared, if both are there and the learner agrees to it."""
        if not self.likeness or check.portrait is None or check.face is None:
            return
        session = check.session
        consents = await self.desk.consents.of(session)
        if not any(one.purpose is Purpose.LIKENESS and one.withdrawn is None for one in consents):
            return
        vault = self.vault
        portrait = await vault.aside(vault.read, session, check.portrait)
        face = await vault.aside(vault.read, session, check.face)
        found = await _patiently(lambda: self.eye.likeness(portrait, face))
        if found is not None:
            await self.desk.identity.set_likeness(session, check.portrait, check.face, found)

    async def _keep(self, session: str, kind: SnapshotKind, jpeg: bytes) -> Evidence | None:
        """Store what was cut out; a full disk costs no more than that."""
        try:
            return await keep(self.desk, self.vault, session, kind, jpeg)
        except EvidenceStoreFull:
            log.warning("no room for what was cut out of a picture", session=session)
            return None

    async def _drop(self, made: Evidence | None, used: str | None) -> None:
        """Erase what was cut out of a picture that is not the newest any more."""
        if made is not None and made.id != used:
            await self.vault.aside(self.vault.erase, made.session, made.id)


async def _patiently(look: Callable[[], Awaitable[Seen]]) -> Seen:
    """Look, and again while the eye is busy; raises `Busy` when it stays so."""
    for _ in range(TRIES - 1):
        try:
            return await look()
        except Busy:
            await asyncio.sleep(PAUSE_S)
    return await look()
