"""A live room: one actor a session.

Every change goes to the desk first; then the room reads the session anew and tells both sides how
it now stands. What takes longer (a picture, a peer's life, completing the recording) is done by
children, whose results come back as commands.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from invigilation import attendance
from invigilation.desk import Desk
from invigilation.desk.sessions import RoomView
from invigilation.errors import Busy, NotAllowed
from invigilation.identity import SnapshotKind
from invigilation.people import Staff
from invigilation.ports import Clock
from invigilation.session import LIVE, OVER, SessionState
from signalling import messages as m
from signalling import wire
from signalling.actions import act
from signalling.actor import Actor
from signalling.commands import (
    NOTHING,
    Answer,
    Command,
    Developed,
    Envelope,
    Look,
    NoCamera,
    PeerGone,
    PeerUp,
    RoomClosed,
    Said,
    Tick,
)
from signalling.messages import Party
from signalling.peer import NoPicture
from signalling.ports import EvidenceRoom, Outlet, PeerFactory, Picture
from signalling.seat import Person, Seat
from signalling.stage import Stage, watch
from signalling.tape import Tape

SETTLE_S: Final = 5.0
KEY_FRAME_S: Final = 5.0
PICTURE_S: Final = 7.0
LOOK_S: Final = 2.0
"""How often an occupied room looks whether the session was changed by somebody outside."""
IDLE_S: Final = 120.0
"""An empty room stays open for so long: its media outlive a lost socket."""
CLOSE_S: Final = 5.0
REMEMBERED_GONE: Final = 64
SEALED: Final = frozenset({SessionState.ATTESTED, SessionState.CLOSED})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What every room works with; `changed` is told whose lobby looks different now."""

    desk: Desk
    evidence: EvidenceRoom
    peers: PeerFactory
    outlet: Outlet
    clock: Clock
    changed: Callable[[str], None]


class Room(Actor):
    """The room of one session. `run` is its life; `do` is how messages come in."""

    def __init__(self, session: str, means: Means) -> None:
        super().__init__(session, means.clock)
        self.session = session
        self._means = means
        self._stage = Stage()
        self._tape = Tape(session, means.evidence)
        self._picturing: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[None] | None = None
        self._view: RoomView | None = None
        self._stale = True
        self._looked_at = 0.0
        self._told: object = None
        self._lobby: object = None
        self._gone: deque[str] = deque(maxlen=REMEMBERED_GONE)
        self._emptied_at = means.clock.monotonic()
        self._entered = False

    @property
    def learner_since(self) -> datetime | None:
        """Since when the learner is here; None while they are not."""
        return self._stage[Party.LEARNER].since

    def gone(self, sid: str) -> None:
        """Note that a connection is gone: at once, however full the mailbox is."""
        self._gone.append(sid)
        for seat in self._stage:
            if seat.person is not None and seat.person.sid == sid:
                self._empty(seat)
                self._nudge(Look())

    def look(self) -> None:
        """Read the session anew, soon: something outside has changed it."""
        self._stale = True
        self._nudge(Look())

    async def _obey(self, envelope: Envelope) -> Answer | None:
        match envelope.command:
            case Said(person, message):
                return await self._hear(person, message, envelope)
            case Developed() as developed:
                return await self._develop(developed)
            case PeerUp(party, peer):
                older = self._stage.up(self._stage[party], peer)
                if older is not None:
                    self._spawn(older.close())
            case PeerGone(party, peer):
                self._stage.gone(self._stage[party], peer)
            case Tick():
                await self._tick()
            case Look():
                pass
        return NOTHING

    async def _hear(self, person: Person, message: m.Message, envelope: Envelope) -> Answer | None:
        seat = self._stage[person.party]
        if isinstance(message, m.Join):
            await self._join(seat, person)
            return NOTHING
        if seat.person is None or seat.person.sid != person.sid:
            raise NotAllowed("do this before you have joined the session")
        match message:
            case m.Leave():
                await self._leave(seat)
            case m.Media():
                seat.camera, seat.microphone = message.camera, message.microphone
            case m.Chat():
                return await self._chat(person, message)
            case m.Offer():
                return await self._offer(seat, message.sdp)
            case m.Snapshot() | m.NoteIncident():
                return await self._picture(person, message, envelope)
            case _:
                if isinstance(message, m.Attest):
                    await self._recording_done()
                self._stale = True
                await act(self._means.desk, _staff(person), message)
        return NOTHING

    # Coming and going

    async def _join(self, seat: Seat, person: Person) -> None:
        if person.sid in self._gone:
            raise NotAllowed("join by a connection that is gone")
        view = await self._read()
        if person.staff is None and person.session != self.session:
            raise NotAllowed("enter this session")
        if person.staff is not None and person.staff.id != view.sitting.staff:
            raise NotAllowed("enter a colleague's session")
        older = seat.take(person, self._clock.now())
        self._entered = True
        if older is not None:
            await self._means.outlet.send(older.sid, "replaced", {"session": self.session})
            self._means.outlet.dismiss(older.sid)
        if (
            person.staff is not None
            and view.session.state is SessionState.SCHEDULED
            and attendance.opens(view.sitting.start) <= view.now
        ):
            self._stale = True
            await self._means.desk.sessions.ready(self.session, person.staff)
        await self._record_presence(seat, person.actor)

    async def _record_presence(self, seat: Seat, who: str | None) -> None:
        """Bring the record up to who is here; `who` None: nobody."""
        before = seat.recorded
        if before == who or (self._view is not None and self._view.session.state in SEALED):
            return
        self._stale = True
        for actor, present in ((before, False), (who, True)):
            if actor is not None:
                await self._means.desk.sessions.present(self.session, actor, present=present)
                seat.recorded = actor if present else None

    async def _keep_to(self, staff: str) -> None:
        """Let an invigilator go whose session it is no more: a scheduler has moved it."""
        seat = self._stage[Party.INVIGILATOR]
        if seat.person is not None and _staff(seat.person).id != staff:
            await self._leave(seat)

    async def _leave(self, seat: Seat) -> None:
        self._empty(seat)
        seat.camera = seat.microphone = False
        for peer in self._stage.clear(seat):
            self._spawn(peer.close())
        await self._record_presence(seat, None)

    def _empty(self, seat: Seat) -> None:
        self._emptied_at = self._clock.monotonic()
        seat.leave(self._emptied_at)

    async def _tick(self) -> None:
        now = self._clock.monotonic()
        for seat in self._stage:
            if seat.has_left(now):
                seat.camera = seat.microphone = False
                await self._record_presence(seat, None)
        if self._stage.occupied:
            self._stale = self._stale or now - self._looked_at >= LOOK_S
        elif now - self._emptied_at >= IDLE_S:
            self._stop = True

    # Words

    async def _chat(self, person: Person, message: m.Chat) -> Answer:
        self._stale = True
        say = self._means.desk.sessions.say
        return {"seq": await say(self.session, person.party.value, message.text, message.client_id)}

    # Sound and picture

    async def _offer(self, seat: Seat, sdp: str) -> Answer:
        view = await self._read()
        if seat.party is Party.LEARNER and view.session.state is SessionState.SCHEDULED:
            raise NotAllowed("send sound and picture before you have checked in")
        peer, answer = await self._means.peers.answer(sdp)
        older = self._stage.expect(seat, peer)
        if older is not None:
            self._spawn(older.close())
        self._spawn(watch(seat.party, peer, self._post))
        return {"sdp": answer}

    # Pictures: taken by a child, recorded in order

    async def _picture(
        self, person: Person, message: m.Snapshot | m.NoteIncident, envelope: Envelope
    ) -> Answer | None:
        if isinstance(message, m.NoteIncident) and not message.picture:
            return await self._develop(Developed(person, message, None))
        await self._means.desk.identity.may_picture(self.session, _staff(person))
        if self._picturing is not None and not self._picturing.done():
            raise Busy("camera")
        self._picturing = self._spawn(self._take(person, message, envelope))
        return None

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
        peer = self._stage[Party.LEARNER].peer
        if peer is None:
            return None
        try:
            async with asyncio.timeout(PICTURE_S):
                frame = await peer.key_frame(KEY_FRAME_S)
                return await self._means.evidence.picture(self.session, kind, frame)
        except (NoPicture, TimeoutError):
            return None
        except Exception:
            log.exception("a picture could not be kept", session=self.session)
            return None

    async def _develop(self, developed: Developed) -> Answer:
        desk, by, picture = self._means.desk, _staff(developed.person), developed.picture
        message = developed.message
        self._stale = True
        if isinstance(message, m.Snapshot):
            if picture is None:
                raise NoCamera
            await desk.identity.record(
                self.session, by, message.kind, picture.evidence, picture.reading
            )
            return {
                "evidence": picture.evidence.id,
                "width": picture.width,
                "height": picture.height,
            }
        # An incident is noted even when no picture of it could be had.
        if picture is not None:
            await desk.identity.record(self.session, by, SnapshotKind.INCIDENT, picture.evidence)
        incident = await desk.sessions.note_incident(
            self.session,
            by,
            category=message.category,
            severity=message.severity,
            note=message.note,
            picture=None if picture is None else picture.evidence.id,
        )
        return {"incident": incident.id}

    # After every command: the recording, and what both sides see

    async def _settle(
        self, command: Command, outcome: Answer | Exception | None
    ) -> Answer | Exception | None:
        joiner = _joiner(command) if outcome is NOTHING else None
        try:
            async with asyncio.timeout(SETTLE_S):
                if self._entered and self._stale:
                    await self._read()
                if self._view is not None:
                    await self._keep_to(self._view.sitting.staff)
                    await self._keep_recording(self._view)
                    await self._announce(joiner)
        except Exception:
            self._stale = True  # the next tick tries again
            log.exception("a room could not be brought up to date", session=self.session)
        if not self._entered and self._mailbox.empty() and isinstance(command, Said):
            self._stop = True  # it was opened by somebody who may not come in
        if joiner is not None and self._view is not None:
            return {"state": self._state(joiner.party, self._view)}
        return outcome

    async def _read(self) -> RoomView:
        self._stale = True
        self._view = await self._means.desk.sessions.view(self.session)
        self._stale = False
        self._looked_at = self._clock.monotonic()
        return self._view

    async def _keep_recording(self, view: RoomView) -> None:
        if self._finishing is not None and not self._finishing.done():
            return
        if view.session.state in OVER or self._tape.broken:
            if self._tape.on:
                self._finishing = self._spawn(self._finish())
            return
        peer = self._stage[Party.LEARNER].peer
        if view.session.state not in LIVE or peer is None or peer.last_packet_at is None:
            return
        if await self._tape.follow(peer, self._clock.monotonic()):
            await self._read()

    async def _finish(self) -> None:
        await self._tape.finish()
        self.look()

    async def _recording_done(self) -> None:
        """Wait until the recording is complete: what is attested names every piece of it."""
        await self._keep_recording(await self._read())
        if self._finishing is not None:
            await asyncio.wait({self._finishing})

    async def _announce(self, skip: Person | None) -> None:
        view = self._view
        if view is None:
            return
        now = self._clock.monotonic()
        face = (view.session.seq, tuple(seat.view(now) for seat in self._stage), self._tape.on)
        if face == self._told:
            return
        self._told = face
        lobby = (view.session.state, self.learner_since)
        if lobby != self._lobby:
            self._lobby = lobby
            self._means.changed(view.sitting.staff)
        for seat in self._stage:
            if seat.person is not None and seat.person != skip:
                body = self._state(seat.party, view)
                await self._means.outlet.send(seat.person.sid, "state", body)

    def _state(self, party: Party, view: RoomView) -> wire.Json:
        now = self._clock.monotonic()
        seats = {seat.party: seat.view(now) for seat in self._stage}
        fresh = replace(view, now=self._clock.now())
        return wire.state(party, fresh, seats, recording=self._tape.on)

    async def _clear(self) -> None:
        """Complete the recording and end all media; then nobody is here any more."""
        peers = [peer for seat in self._stage for peer in self._stage.clear(seat)]
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._tape.finish()
                for seat in self._stage:
                    self._empty(seat)
                    await self._record_presence(seat, None)
        except Exception:
            log.exception("a room could not be cleared", session=self.session)
        await asyncio.gather(*(peer.close() for peer in peers))
        if self._view is not None:
            self._means.changed(self._view.sitting.staff)


def _staff(person: Person) -> Staff:
    if person.staff is None:
        raise NotAllowed("do this as a learner")
    return person.staff


def _joiner(command: Command) -> Person | None:
    match command:
        case Said(person, m.Join()):
            return person
        case _:
            return None
