"""Evidence for the live room: pictures and recordings into the vault, and their rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from invigilation.desk import Desk
from invigilation.errors import Busy, NotFound, Unsure
from invigilation.identity import SnapshotKind
from invigilation.presence import Sight, Source
from invigilation.store.evidence import Evidence
from recordings.appender import Stored
from recordings.errors import EvidenceDamaged, KeyUnknown, PictureUndecodable
from recordings.evidence import Snapshots
from recordings.faults import Faults
from recordings.mending import mend
from recordings.recorder import Recorder
from recordings.stills import StillsRecorder
from recordings.vault import Vault
from recordings.vision.capture import Picture as Taken
from recordings.vision.eye import Eye, SeenFace
from recordings.vision.watch import Loops, Small
from signalling.ports import Picture
from web.studies import Studies, keep

log = structlog.get_logger(__name__)
BEGINNING = timedelta(minutes=2)
"""A recording's row is written first; its file follows within this."""
STRANGERS = 10
"""Pieces without a row: more, where they are the most, are taken for somebody else's."""
NOTED_AGAIN_S = (0.5, 1.0, 2.0, 4.0)
"""The pauses after which a finished recording is noted again while the database cannot write."""
EQUAL_IN_A_ROW = 2
FULL_SECONDS = 12.0
"""So long a picture in full size waits for its face and its print; nobody waits for it."""
FACE_SECONDS = 3.0
"""A re-check goes into the record without the cut-out face when finding that takes longer."""


class StrangeVault(Exception):
    """Most of what lies in the vault is in no list: it belongs to another database, it seems."""

    def __init__(self, unknown: int, stored: int) -> None:
        super().__init__(
            f"{unknown} of {stored} pieces in the vault are in no list; nothing was erased. "
            "Is this the right database, and is the store of evidence this service's alone?"
        )


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording under way: the sink of one source's media, and its row."""

    recorder: Recorder | StillsRecorder
    part: Evidence
    desk: Desk

    @property
    def video(self) -> Callable[[bytes, int, bool, float], None]:
        """What records one whole frame, as the room calls it."""
        return self.recorder.video

    @property
    def audio(self) -> Callable[[bytes, int, float], None]:
        """What records one packet, as the room calls it."""
        return _deaf if isinstance(self.recorder, StillsRecorder) else self.recorder.audio

    @property
    def broken(self) -> bool:
        """Whether the disk has stopped it."""
        return self.recorder.fault is not None

    async def finish(self) -> None:
        """End the recording and note what it is; a full disk's reserve comes within seconds."""
        stored = await self.recorder.finish()
        for pause in NOTED_AGAIN_S:
            try:
                await self._note(stored)
            except (Busy, Unsure):
                await asyncio.sleep(pause)
            else:
                return
        await self._note(stored)

    async def _note(self, stored: Stored) -> None:
        holes = stored.holes
        await self.desk.recordings.finish(self.part, stored.sha256, stored.size, holes)


class Watch:
    """Looks at one person's pictures, one after another."""

    def __init__(self, snapshots: Snapshots, eye: Eye) -> None:
        self._snapshots = snapshots
        self._eye = eye
        self._before: Small | None = None
        self._same = 0
        self._loops = Loops()

    async def look(self, key_frame: bytes) -> Sight:
        """Judge a VP8 key frame by itself and by those before.

        It is `GOOD`, `BLACK`, `FROZEN` (it equals the one before, twice in a row) or `LOOPING` (the
        same pictures come again). Raises PictureUndecodable and Busy; the next is compared with
        those that could be read.
        """
        return await self._judge(await self._snapshots.small(key_frame))

    async def look_still(self, jpeg: bytes) -> Sight:
        """Judge a still (JPEG) that the learner's page sent, as `look` does; raises as that."""
        return await self._judge(await self._eye.glance(jpeg))

    async def _judge(self, small: Small) -> Sight:
        equal = self._before is not None and small.same_as(self._before)
        self._same = self._same + 1 if equal else 0
        self._before = small
        looping = await asyncio.to_thread(self._loops.looping, small)
        if small.black:
            return Sight.BLACK
        if self._same >= EQUAL_IN_A_ROW:
            return Sight.FROZEN
        return Sight.LOOPING if looping else Sight.GOOD


@dataclass(frozen=True, slots=True)
class EvidenceShelf:
    """Puts what the room takes into the vault."""

    desk: Desk
    vault: Vault
    snapshots: Snapshots
    eye: Eye
    studies: Studies

    async def picture(self, session: str, kind: SnapshotKind, key_frame: bytes) -> Picture:
        """Decode one key frame at full resolution and store it, encrypted.

        Of a face for a re-check, the cut-out face is stored beside it.
        """
        return await self._stored(session, kind, await self.snapshots.take(key_frame))

    async def still(self, session: str, kind: SnapshotKind, jpeg: bytes) -> Picture | None:
        """Have a JPEG from the learner's page drawn anew, and store it as `picture` does.

        None for one that cannot be used, or while there is too much to do.
        """
        try:
            taken = await self.eye.still(jpeg)
        except (Busy, PictureUndecodable) as why:
            log.info("a still could not be used", session=session, why=str(why))
            return None
        return await self._stored(session, kind, taken)

    async def full(self, session: str, kind: SnapshotKind, data: bytes) -> Picture:
        """Have a picture in full size from the learner's page drawn anew, and store it.

        Raises PictureUndecodable, Busy and EvidenceStoreFull. Its print comes with it.
        """
        drawn = await self.eye.draw(data)
        seen = await self._face(drawn.jpeg, FULL_SECONDS)
        picture = await self.keep(session, kind, drawn.jpeg)
        derived = None
        if kind is SnapshotKind.FACE_AGAIN and seen.aligned is not None:
            derived = await self.keep(session, SnapshotKind.FACE_ALIGNED, seen.aligned)
        return Picture(picture, drawn.width, drawn.height, derived, seen.print or None)

    async def print_of(self, *, key_frame: bytes = b"", jpeg: bytes = b"") -> int | None:
        """Return the print of a live picture, which is not kept; None when there is none."""
        try:
            live = jpeg or (await self.snapshots.take(key_frame)).jpeg
            return (await self._face(live, FULL_SECONDS)).print or None
        except (Busy, PictureUndecodable):
            return None

    async def _stored(self, session: str, kind: SnapshotKind, taken: Taken) -> Picture:
        picture = await self.keep(session, kind, taken.jpeg)
        if kind is not SnapshotKind.FACE_AGAIN:
            return Picture(picture, taken.width, taken.height)
        seen = await self._face(taken.jpeg)
        derived = None
        if seen.aligned is not None:
            derived = await self.keep(session, SnapshotKind.FACE_ALIGNED, seen.aligned)
        found = seen.print if seen.faces else None
        return Picture(picture, taken.width, taken.height, derived, found)

    async def _face(self, jpeg: bytes, seconds: float = FACE_SECONDS) -> SeenFace:
        try:
            async with asyncio.timeout(seconds):
                return await self.eye.face(jpeg)
        except (Busy, TimeoutError):
            return SeenFace(None, 0, 0)

    async def keep(self, session: str, kind: SnapshotKind, jpeg: bytes) -> Evidence:
        """Store a picture, encrypted, and return the row that the desk is to write."""
        return await keep(self.desk, self.vault, session, kind, jpeg)

    def study(self, picture: Evidence) -> None:
        """Look at a picture of a document or a face that is in the record; returns at once."""
        self.studies.picture(picture)

    def reads(self, session: str) -> bool:
        """Say whether a picture of the session's document is being read, for not too long yet."""
        return self.studies.reads(session)

    async def discard(self, *pictures: Evidence | None) -> None:
        """Erase pictures that the desk has refused; those with a row stay."""
        refused = {one.id: one.session for one in pictures if one is not None}
        for ident in await self.desk.recordings.unknown([*refused]):
            await self.vault.aside(self.vault.erase, refused[ident], ident)

    async def begin(self, session: str, source: Source = Source.CAMERA) -> Recording:
        """Open a new part of the recording of one source; where none can be, none is noted either.

        Time 0 of its file is the moment of its row's `started`, however long the row took.
        """
        await asyncio.to_thread(self.vault.prepare, session)
        clock = self.desk.office.clock
        now, monotonic = clock.now(), clock.monotonic()
        part = await self.desk.recordings.begin(session, source)
        zero = monotonic + (part.started - now).total_seconds()
        recorder: Recorder | StillsRecorder
        if source is Source.STILLS:
            began = part.started
            recorder = StillsRecorder(self.vault, session, part.id, self._draw, began, zero)
        else:
            recorder = Recorder(self.vault, session, part.id, zero)
        try:
            await recorder.start()
        except BaseException:
            await self.desk.recordings.lose(part)
            raise
        return Recording(recorder, part, self.desk)

    async def _draw(self, jpeg: bytes) -> bytes:
        return (await self.eye.still(jpeg)).jpeg

    def watcher(self) -> Watch:
        """Return a new watch over one person's pictures."""
        return Watch(self.snapshots, self.eye)

    async def mend_orphans(self) -> int:
        """Finish the recordings that nobody writes any more; return how many.

        One that has no file yet may be about to begin: it counts as lost after a while only. What
        cannot be finished for want of a key, of a store or of room is tried again the next time,
        and keeps no other; what else went wrong is raised at the end.
        """
        mended, faults = 0, Faults()
        with faults.kept():
            await self.vault.aside(self.vault.keys.probe)
        await self.vault.aside(self.vault.orphans)
        for part in await self.desk.recordings.orphans():
            with faults.kept():
                mended += await self._mend(part)
        faults.end("unfinished recordings")
        return mended

    async def _mend(self, part: Evidence) -> bool:
        """Finish one recording; say whether it is finished now."""
        try:
            stored = await self.vault.aside(mend, self.vault, part.session, part.id)
        except KeyUnknown:
            log.warning("a recording waits for its key", session=part.session, evidence=part.id)
            return False
        except Busy:
            return False  # another process is writing it at this moment, or its key is away
        except (NotFound, EvidenceDamaged) as why:
            if await self._elsewhere():
                log.warning("a recording waits for its disk: the vault is empty", evidence=part.id)
            elif part.started <= self.desk.office.clock.now() - BEGINNING:
                log.warning("a recording is lost", session=part.session, why=str(why))
                await self.desk.recordings.lose(part)
            return False
        await self.desk.recordings.finish(part, stored.sha256, stored.size, stored.holes)
        log.info("recording mended", session=part.session, evidence=part.id)
        for hole in stored.holes:
            log.error(
                "a recording was damaged", session=part.session, evidence=part.id, **hole.facts
            )
        return True

    async def _elsewhere(self) -> bool:
        """Say whether this is not the disk on which evidence was stored: it may be back soon."""
        if not await self.vault.aside(lambda: self.vault.empty):
            return False
        async with self.desk.office.store.read() as tx:
            return bool(await tx.evidence.present())

    async def erase_strangers(self, kept: timedelta) -> int:
        """Erase pictures that lie in the vault for so long and in no list; return how many.

        A picture is stored before its row is written. Where the row never came (the process died,
        or the session ended in that instant), no retention would ever find the picture. Nor would
        it find what is left of a recording that was lost, which goes, too.

        Raises `StrangeVault`, and erases nothing, where most of what lies there is in no list.
        """
        seconds = kept.total_seconds()
        stored = await self.vault.aside(self.vault.finished, seconds)
        sessions = {ident: session for session, ident in stored}
        unknown = await self.desk.recordings.unknown([*sessions])
        if len(unknown) > STRANGERS and len(unknown) > len(sessions) / 2:
            raise StrangeVault(len(unknown), len(sessions))
        left = await self.vault.aside(self.vault.abandoned, seconds)
        waits = {part.id for part in await self.desk.recordings.orphans()}
        lost = {ident: session for session, ident in left if ident not in waits}
        sessions |= lost
        unknown += [*lost]
        for ident in unknown:
            await self.vault.aside(self.vault.erase, sessions[ident], ident)
            await self.desk.erasure.stranger(sessions[ident], ident)
            log.warning("evidence without a row erased", session=sessions[ident], evidence=ident)
        return len(unknown)


def _deaf(packet: bytes, rtp_timestamp: int, received: float) -> None:
    """Take no packet: stills have no sound."""
