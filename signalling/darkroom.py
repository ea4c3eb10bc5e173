"""Pictures from the learner's camera: snapshots for the record, and looks at whether one comes.

Both wait for a key frame, so both are children of the room, whose results come back as commands.
What the room wants by itself gives way to what a person asks for.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from invigilation.desk.identity import Seen
from invigilation.errors import Busy, InvigilationError, NotAllowed
from invigilation.identity import SnapshotKind
from invigilation.ladder import Rung, Way
from invigilation.people import Staff
from invigilation.presence import Sight
from invigilation.recheck import RecheckCause
from signalling import messages as m
from signalling.commands import (
    NOTHING,
    Answer,
    Developed,
    Envelope,
    FaceAgain,
    Looked,
    NoCamera,
    RoomClosed,
    Wanted,
)
from signalling.forwarding import FAR_S
from signalling.frames import key_frame_width
from signalling.full_size import Wish
from signalling.means import Means, Post, Spawn
from signalling.messages import Party
from signalling.peer import NoPicture
from signalling.ports import MediaPeer, Picture, PictureWatch
from signalling.presence import SILENT_S
from signalling.seat import Person
from signalling.stage import Stage
from signalling.stills import Still
from signalling.thin import Thin
from signalling.tracks import Track

KEY_FRAME_S: Final = 3.0
"""A picture in full size is waited for no longer; then the widest that came is taken."""
FRAME_S: Final = 5.5
"""Any picture is: a thin link on which the page is still being loaded takes so long."""
PICTURE_S: Final = 6.5
"""From the asking to the stored picture; within a command's time."""
SHARPEN_S: Final = 6
FULL_WIDTH: Final = 640
"""A picture of fewer pixels is never thought to be the camera's full size."""
LOOK_EVERY_S: Final = 10.0
LOOK_THIN_S: Final = 30.0
"""Where the link is thin, a whole picture takes some seconds of it."""
LOOK_S: Final = 8.0
LOOK_FRAME_S: Final = 5.0

log = structlog.get_logger(__name__)


class Darkroom:
    """Takes one picture at a time, and looks at one now and then."""

    def __init__(
        self, session: str, means: Means, stage: Stage, thin: Thin, spawn: Spawn, post: Post
    ) -> None:
        self._session = session
        self._means = means
        self._stage = stage
        self._thin = thin
        self._stills = thin.stills
        self._full_size = thin.full
        self._wishes: dict[str, Wish] = {}  # by the small picture, until that is in the record
        self._spawn = spawn
        self._post = post
        self._taking: asyncio.Task[None] | None = None
        self._unasked = False  # whether what is being taken is for the room itself
        self._looking: asyncio.Task[None] | None = None
        self._look_at = float("-inf")
        self._watch: PictureWatch | None = None
        self._still_at = float("-inf")
        self._looked_at: Still | None = None
        self._width = 0  # of the last key frame that was seen
        self._full = 0  # of the last one that came when the camera was asked to be sharp

    # Snapshots

    @property
    def busy(self) -> bool:
        """Say whether a picture is being taken."""
        return _running(self._taking)

    def take(self, person: Person, wanted: Wanted, envelope: Envelope) -> None:
        """Begin to take a picture for somebody; raises `Busy` while one is taken for another."""
        if self.busy and not self._unasked:
            raise Busy("camera")
        self._give_way()
        self._taking = self._spawn(self._take(person, wanted, envelope))

    def take_unasked(self, wanted: Wanted) -> None:
        """Begin to take a picture for the room itself, unless one is being taken."""
        if not self.busy:
            self._unasked = True
            self._taking = self._spawn(self._take(None, wanted, None))

    def _give_way(self) -> None:
        if self._taking is not None and self._unasked:
            self._taking.cancel()
        self._unasked = False

    async def develop(self, developed: Developed) -> Answer:
        """Bring what was taken into the record; raises `NoCamera`."""
        picture = developed.picture
        wish = None if picture is None else self._wishes.pop(picture.evidence.id, None)
        try:
            return await self._developed(developed, wish)
        finally:
            _settle(wish)

    async def _developed(self, developed: Developed, wish: Wish | None) -> Answer:
        picture, wanted = developed.picture, developed.wanted
        if isinstance(wanted, m.NoteIncident):
            return await self._note(staff_of(developed.person), wanted, picture, wish)
        if picture is None:
            if developed.person is None:
                return NOTHING  # it is tried again
            raise NoCamera
        try:
            return await self._kept(developed.person, wanted, picture, wish)
        except InvigilationError:
            self._full_size.drop(wish)
            await self._means.evidence.discard(picture.evidence, picture.derived)
            raise

    async def _kept(
        self,
        person: Person | None,
        wanted: m.Snapshot | FaceAgain,
        picture: Picture,
        wish: Wish | None,
    ) -> Answer:
        by = None if person is None else staff_of(person)
        desk, evidence = self._means.desk, picture.evidence
        if isinstance(wanted, FaceAgain):
            taken = await desk.rechecks.add(
                self._session,
                wanted.cause,
                evidence,
                picture.derived,
                by=by,
                print_=picture.print,
            )
            _belongs(wish, evidence.id, taken.id)
            return {"recheck": taken.id, "evidence": evidence.id}
        await desk.identity.record(self._session, by, Seen(wanted.kind, evidence))
        _belongs(wish, evidence.id)
        self._means.evidence.study(evidence)
        return {"evidence": evidence.id, "width": picture.width, "height": picture.height}

    async def _note(
        self, by: Staff, wanted: m.NoteIncident, picture: Picture | None, wish: Wish | None
    ) -> Answer:
        """Note an incident, even when no picture of it could be had."""
        self._stills.around()
        desk = self._means.desk
        if picture is not None:
            seen = Seen(SnapshotKind.INCIDENT, picture.evidence)
            await desk.identity.record(self._session, by, seen)
            _belongs(wish, picture.evidence.id)
        incident = await desk.sessions.note_incident(
            self._session,
            by,
            category=wanted.category,
            severity=wanted.severity,
            note=wanted.note,
            picture=None if picture is None else picture.evidence.id,
        )
        return {"incident": incident.id}

    async def _take(self, person: Person | None, wanted: Wanted, envelope: Envelope | None) -> None:
        answer = None if envelope is None else envelope.answer
        picture: Picture | None = None
        try:
            picture = await self._taken(_kind_of(wanted))
            await self._post(Developed(person, wanted, picture), answer)
        except asyncio.CancelledError:
            if picture is not None:
                _settle(self._wishes.pop(picture.evidence.id, None))
            if envelope is not None:
                envelope.settle(RoomClosed())
            raise

    async def _taken(self, kind: SnapshotKind) -> Picture | None:
        """Return a picture of now, or None when none can be had."""
        learner = self._stage[Party.LEARNER]
        stills = self._stills.coming and not self.sees(self._means.clock.monotonic())
        if learner.peer is None and not stills:
            return None
        wish: Wish | None = None
        picture: Picture | None = None
        try:
            async with asyncio.timeout(PICTURE_S):
                wish = await self._full_size.ask(kind) if self._thinly() else None
                # A large still would only hold up the picture in full size that comes.
                if learner.person is not None and not (stills and wish is not None):
                    body = {"session": self._session, "seconds": SHARPEN_S}
                    await self._means.outlet.send(learner.person.sid, "sharpen", body)
                if stills or learner.peer is None:
                    picture = await self._still(kind)
                    return picture
                frame = await learner.peer.key_frame(
                    KEY_FRAME_S, Track.CAMERA, wider_than=self._small(), longest=FRAME_S
                )
                self._width = self._full = key_frame_width(frame)
                if wish is None and self._thinly():
                    wish = await self._full_size.ask(kind)
                picture = await self._means.evidence.picture(self._session, kind, frame)
                return picture
        except (NoPicture, TimeoutError):
            return None
        except Exception:
            log.exception("a picture could not be kept", session=self._session)
            return None
        finally:
            if picture is None:
                _settle(wish)
            elif wish is not None:
                self._wishes[picture.evidence.id] = wish

    async def _still(self, kind: SnapshotKind) -> Picture | None:
        """Return the newest still as a picture, where no moving one comes."""
        jpeg = await self._stills.fresh()
        return None if jpeg is None else await self._means.evidence.still(self._session, kind, jpeg)

    def _thinly(self) -> bool:
        """Say whether the stream is smaller than what the camera gives."""
        told = self._thin.ladder.told
        thin = told.rung not in {None, Rung.FULL} or told.way is Way.SOCKET
        return thin or 0 < self._width < FULL_WIDTH

    def _small(self) -> int:
        """Return the width that is less than the camera can give, as far as is known."""
        if self._full >= FULL_WIDTH:
            return min(self._width, self._full - 1)
        return self._width

    # Looks

    def gets(self, now: float) -> bool:
        """Say whether there is a picture of the learner to be had: a moving one, or stills."""
        return self.sees(now) or self._stills.coming

    def sees(self, now: float) -> bool:
        """Say whether a picture comes from the learner's camera."""
        peer = self._stage[Party.LEARNER].peer
        last = None if peer is None else peer.packet_at(Track.CAMERA)
        return last is not None and now - last < SILENT_S

    def look(self, now: float) -> None:
        """Begin to look at the picture if it is time, and if one comes; returns at once."""
        if self.busy or _running(self._looking):
            return
        peer = self._stage[Party.LEARNER].peer
        if peer is not None and self.sees(now):
            if now < self._look_at:
                return
            rung = self._thin.ladder.told.rung
            wide = rung in {None, Rung.FULL} and peer.link(now).rtt_s < FAR_S
            self._look_at = now + (LOOK_EVERY_S if wide else LOOK_THIN_S)
            self._looking = self._spawn(self._look(peer))
            return
        still = self._stills.newest
        # The same one looked at twice would be a picture that stands still.
        if still is not None and still is not self._looked_at and now >= self._still_at:
            self._looked_at, self._still_at = still, now + LOOK_EVERY_S
            self._looking = self._spawn(self._look(still))

    async def _look(self, at: MediaPeer | Still) -> None:
        if self._watch is None:
            self._watch = self._means.evidence.watcher()
        still = isinstance(at, Still)
        try:
            async with asyncio.timeout(LOOK_S):
                if isinstance(at, Still):
                    sight = await self._watch.look_still(at.jpeg)
                else:
                    sight = await self._key_frame(self._watch, at)
        except (NoPicture, TimeoutError, InvigilationError):
            return
        except Exception:
            log.exception("a picture could not be looked at", session=self._session)
            return
        await self._post(Looked(sight, still), None)

    async def _key_frame(self, watch: PictureWatch, peer: MediaPeer) -> Sight:
        frame = await peer.key_frame(LOOK_FRAME_S, Track.CAMERA)
        sight = await watch.look(frame)
        self._width = key_frame_width(frame)
        if self._full:
            self._full = max(self._full, self._width)
        return sight


def wanted_by(message: m.Snapshot | m.NoteIncident | m.TakeRecheck) -> Wanted:
    """Return what the picture that a message asks for is for."""
    return FaceAgain(RecheckCause.ASKED) if isinstance(message, m.TakeRecheck) else message


def _belongs(wish: Wish | None, evidence: str, recheck: str | None = None) -> None:
    """Note which picture the one in full size belongs to."""
    if wish is not None:
        wish.of, wish.recheck = evidence, recheck


def _settle(wish: Wish | None) -> None:
    """Let the one in full size wait no longer: it is known which small one it belongs to."""
    if wish is not None:
        wish.settled.set()


def _kind_of(wanted: Wanted) -> SnapshotKind:
    match wanted:
        case m.Snapshot():
            return wanted.kind
        case FaceAgain():
            return SnapshotKind.FACE_AGAIN
        case _:
            return SnapshotKind.INCIDENT


def staff_of(person: Person | None) -> Staff:
    """Return the member of staff; raises `NotAllowed` for a learner."""
    if person is None or person.staff is None:
        raise NotAllowed("do this as a learner")
    return person.staff


def _running(task: asyncio.Task[None] | None) -> bool:
    return task is not None and not task.done()
