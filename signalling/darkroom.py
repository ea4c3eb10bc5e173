"""Pictures from the learner's camera: snapshots for the record, and looks at whether one comes.

Both wait for a key frame, so both are children of the room, whose results come back as commands.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from invigilation.errors import Busy, InvigilationError, NotAllowed
from invigilation.identity import SnapshotKind
from invigilation.people import Staff
from signalling import messages as m
from signalling.commands import Answer, Developed, Envelope, Looked, NoCamera, RoomClosed
from signalling.frames import key_frame_width
from signalling.means import Means, Post, Spawn
from signalling.messages import Party
from signalling.peer import NoPicture
from signalling.ports import MediaPeer, Picture, PictureWatch
from signalling.presence import SILENT_S
from signalling.seat import Person
from signalling.stage import Stage
from signalling.tracks import Track

KEY_FRAME_S: Final = 3.0
"""A picture in full size is waited for no longer; then the widest that came is taken."""
PICTURE_S: Final = 6.5
"""From the asking to the stored picture; within a command's time."""
SHARPEN_S: Final = 6
FULL_WIDTH: Final = 640
"""A picture of fewer pixels is never thought to be the camera's full size."""
LOOK_EVERY_S: Final = 10.0
LOOK_S: Final = 8.0
LOOK_FRAME_S: Final = 5.0

log = structlog.get_logger(__name__)


class Darkroom:
    """Takes one picture at a time, and looks at one now and then."""

    def __init__(self, session: str, means: Means, stage: Stage, spawn: Spawn, post: Post) -> None:
        self._session = session
        self._means = means
        self._stage = stage
        self._spawn = spawn
        self._post = post
        self._taking: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._look_at = float("-inf")
        self._watch: PictureWatch | None = None
        self._width = 0  # of the last key frame that was seen
        self._full = 0  # of the last one that came when the camera was asked to be sharp

    # Snapshots

    def take(
        self, person: Person, message: m.Snapshot | m.NoteIncident, envelope: Envelope
    ) -> None:
        """Begin to take a picture; raises `Busy` while another is being taken."""
        if _running(self._taking):
            raise Busy("camera")
        self._taking = self._spawn(self._take(person, message, envelope))

    async def develop(self, developed: Developed) -> Answer:
        """Bring what was taken into the record; raises `NoCamera`."""
        desk, by, picture = self._means.desk, staff_of(developed.person), developed.picture
        message = developed.message
        if isinstance(message, m.Snapshot):
            if picture is None:
                raise NoCamera
            await desk.identity.record(
                self._session, by, message.kind, picture.evidence, picture.reading
            )
            return {
                "evidence": picture.evidence.id,
                "width": picture.width,
                "height": picture.height,
            }
        # An incident is noted even when no picture of it could be had.
        if picture is not None:
            await desk.identity.record(self._session, by, SnapshotKind.INCIDENT, picture.evidence)
        incident = await desk.sessions.note_incident(
            self._session,
            by,
            category=message.category,
            severity=message.severity,
            note=message.note,
            picture=None if picture is None else picture.evidence.id,
        )
        return {"incident": incident.id}

    async def _take(
        self, person: Person, message: m.Snapshot | m.NoteIncident, envelope: Envelope
    ) -> None:
        kind = message.kind if isinstance(message, m.Snapshot) else SnapshotKind.INCIDENT
        try:
            picture = await self._taken(kind)
            await self._post(Developed(person, message, picture), envelope.answer)
        except asyncio.CancelledError:
            envelope.settle(RoomClosed())
            raise

    async def _taken(self, kind: SnapshotKind) -> Picture | None:
        """Return a picture of now, or None when none can be had."""
        learner = self._stage[Party.LEARNER]
        if learner.peer is None:
            return None
        try:
            async with asyncio.timeout(PICTURE_S):
                if learner.person is not None:
                    body = {"session": self._session, "seconds": SHARPEN_S}
                    await self._means.outlet.send(learner.person.sid, "sharpen", body)
                frame = await learner.peer.key_frame(
                    KEY_FRAME_S, Track.CAMERA, wider_than=self._small()
                )
                self._width = self._full = key_frame_width(frame)
                return await self._means.evidence.picture(self._session, kind, frame)
        except (NoPicture, TimeoutError):
            return None
        except Exception:
            log.exception("a picture could not be kept", session=self._session)
            return None

    def _small(self) -> int:
        """Return the width that is less than the camera can give, as far as is known."""
        if self._full >= FULL_WIDTH:
            return min(self._width, self._full - 1)
        return self._width

    # Looks

    def look(self, now: float) -> None:
        """Begin to look at the picture if it is time, and if one comes; returns at once."""
        peer = self._stage[Party.LEARNER].peer
        if peer is None or now < self._look_at or _running(self._taking) or _running(self._looking):
            return
        last = peer.packet_at(Track.CAMERA)
        if last is None or now - last >= SILENT_S:
            return
        self._look_at = now + LOOK_EVERY_S
        self._looking = self._spawn(self._look(peer))

    async def _look(self, peer: MediaPeer) -> None:
        if self._watch is None:
            self._watch = self._means.evidence.watcher()
        try:
            async with asyncio.timeout(LOOK_S):
                frame = await peer.key_frame(LOOK_FRAME_S, Track.CAMERA)
                sight = await self._watch.look(frame)
        except (NoPicture, TimeoutError, InvigilationError):
            return
        except Exception:
            log.exception("a picture could not be looked at", session=self._session)
            return
        self._width = key_frame_width(frame)
        if self._full:
            self._full = max(self._full, self._width)
        await self._post(Looked(sight), None)


def staff_of(person: Person) -> Staff:
    """Return the member of staff; raises `NotAllowed` for a learner."""
    if person.staff is None:
        raise NotAllowed("do this as a learner")
    return person.staff


def _running(task: asyncio.Task[None] | None) -> bool:
    return task is not None and not task.done()
