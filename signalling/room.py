"""A live room: one actor a session.

Every change goes to the desk first; then the room reads the session anew and tells everybody in it
how it now stands. What takes longer (a picture, a peer's life, completing the recording) is done by
children, whose results come back as commands.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import structlog

from invigilation import attendance
from invigilation.desk.identity_facts import proven
from invigilation.desk.room_view import RoomView
from invigilation.document import DocumentKind
from invigilation.errors import NotAllowed
from invigilation.session import LIVE, OVER, SessionState
from signalling import messages as m
from signalling import wire
from signalling.actions import act
from signalling.actor import Actor
from signalling.allowance import Allowance
from signalling.announcer import Announcer
from signalling.capture import Progress, Side
from signalling.commands import (
    NOTHING,
    Answer,
    Command,
    Developed,
    Envelope,
    Look,
    Looked,
    PeerGone,
    PeerUp,
    Said,
    Tick,
    joining,
)
from signalling.darkroom import Darkroom, staff_of, wanted_by
from signalling.forms import EVENTS, may_send
from signalling.full_size import Told
from signalling.identification import Identification
from signalling.lookout import Lookout
from signalling.means import Means
from signalling.messages import Party
from signalling.offers import Offers
from signalling.requests import Requests
from signalling.roll import Roll
from signalling.seat import Person, Seat
from signalling.stage import Stage
from signalling.studio import Studio
from signalling.thin import LIGHT, Thin
from signalling.usher import Usher
from signalling.watching import Arrivals, RoomFigures

SETTLE_S: Final = 5.0
LOOK_S: Final = 2.0
"""How often an occupied room looks whether the session was changed by somebody outside."""
IDLE_S: Final = 120.0
"""An empty room stays open for so long: its media outlive a lost socket."""
UNATTENDED_S: Final = 60.0
"""A session whose invigilator has been gone for so long may be taken over by a colleague."""
CLOSE_S: Final = 5.0
REMEMBERED_GONE: Final = 64

log = structlog.get_logger(__name__)


class Room(Actor):
    """The room of one session. `run` is its life; `do` is how messages come in.

    `nobody_since` (monotonic) is since when, as far as is known, nobody has been in it;
    `watched_from` is when this process began.
    """

    def __init__(
        self, session: str, means: Means, nobody_since: float, watched_from: datetime
    ) -> None:
        super().__init__(session, means.clock)
        self.session = session
        self._means = means
        self._stage = Stage(nobody_since)
        self._thin = thin = Thin(session, means, self._stage, self._spawn)
        self._studio = Studio(session, means, self._stage, thin, self._spawn, self.look)
        self._darkroom = Darkroom(session, means, self._stage, thin, self._spawn, self._post)
        self._offers = Offers(means, self._stage, self._spawn, self._post)
        self._identification = Identification(session, means, self._darkroom)
        self._announcer = Announcer(means, self._stage)
        self._lookout = Lookout(session, means, thin)
        self._allowance = Allowance(self._stage, means.clock)
        self._usher = Usher(session, means, self._stage, self._spawn)
        self._arrivals = Arrivals(means.watch, self._stage, means.clock)
        self._roll = Roll(session, means, self._stage, self._outdated)
        self._requests = Requests(session, means.desk, means.clock)
        self._view: RoomView | None = None
        self._stale = True
        self._looked_at = 0.0
        self._gone: deque[str] = deque(maxlen=REMEMBERED_GONE)
        self._emptied_at = means.clock.monotonic()
        self._entered = False
        self._watched_from = watched_from

    @property
    def glimpse(self) -> wire.Glimpse:
        """What a lobby shows of this room."""
        since = self._stage[Party.LEARNER].since
        return wire.Glimpse(since, self._requests.hand, self._unattended)

    @property
    def figures(self) -> RoomFigures:
        """How this room stands, in figures."""
        state = None if self._view is None else self._view.session.state
        rung, recordings = self._thin.ladder.told.rung, self._studio.running
        out = self._lookout
        return RoomFigures(state, out.seen.link, rung, out.loss, recordings, self._mailbox.qsize())

    def holds(self, sid: str) -> bool:
        """Say whether this connection is in the room."""
        return self._stage.seat_of(sid) is not None

    def gone(self, sid: str) -> None:
        """Note that a connection is gone: at once, however full the mailbox is."""
        self._gone.append(sid)
        seat = self._stage.seat_of(sid)
        if seat is not None:
            self._empty(seat)
            self._nudge(Look())

    def look(self) -> None:
        """Read the session anew, soon: something outside has changed it."""
        self._stale = True
        self._nudge(Look())

    def progress(self, progress: Progress) -> None:
        """Note how much of a picture has come from the learner's page."""
        self._identification.progress(progress)
        self._nudge(Look())

    def told(self, sha256: str) -> Told | None:
        """Return what the learner's page told of a picture when it took it."""
        return self._thin.full.find(sha256)

    def captured(self, side: Side, kind: DocumentKind) -> None:
        """Note that a picture from the learner's page is in the record."""
        self._identification.captured(side, kind)
        self.look()

    def too_many(self, person: Person, message: m.Message) -> bool:
        """Say at once, without a place in line, whether this is an offer too many; it counts."""
        return self._offers.too_many(person, message)

    async def _obey(self, envelope: Envelope) -> Answer | None:
        match envelope.command:
            case Said(person, message):
                return await self._hear(person, message, envelope)
            case Developed() as developed:
                self._stale = True
                return await self._darkroom.develop(developed)
            case PeerUp(peer):
                self._arrivals.up(peer)
                older = self._stage.up(peer)
                if older is not None:
                    self._spawn(older.close())
            case PeerGone(peer):
                self._stage.gone(peer)
            case Looked(sight, still):
                self._lookout.looked(sight, still=still)
                await self._identification.looked(sight)
            case Tick():
                await self._tick()
            case Look():
                pass
        return NOTHING

    async def _hear(self, person: Person, message: m.Message, envelope: Envelope) -> Answer | None:
        if isinstance(message, m.Join):
            await self._join(person)
            return NOTHING
        if self._entered and self._stale:  # whose session it is may have changed outside
            await self._keep_to(await self._read())
        seat = self._stage.seat_of(person.sid)
        event = EVENTS[type(message)]
        if not may_send(None if seat is None else seat.party, event):
            what = "before you have joined the session" if seat is None else f"as {seat.party}"
            raise NotAllowed(f"do this {what}")
        if seat is not None and isinstance(message, LIGHT):
            answer = await self._thin.hear(seat, message, await self._known())
            self._allow()
            return answer
        if seat is not None and isinstance(message, m.Offer):
            return await self._offers.answer(seat, message.sdp, await self._known())
        self._stale = True
        if isinstance(message, m.TakeOver):
            await self._means.desk.handover.take(
                self.session, staff_of(person), unattended=self._unattended
            )
        elif seat is None or seat.person is None:
            await act(self._means.desk, staff_of(person), message)
        else:
            return await self._do(seat, seat.person, message, envelope)
        self._means.changed(None)
        return NOTHING

    async def _do(
        self, seat: Seat, person: Person, message: m.Message, envelope: Envelope
    ) -> Answer | None:
        """Do what somebody in the room says, who may say it."""
        match message:
            case m.Leave():
                await self._leave(seat)
                return NOTHING
            case m.Admit() if self._reads(await self._known()):
                raise NotAllowed("admit anybody while their document is being read: wait a moment")
            case m.NoteIncident(picture=False):
                return await self._darkroom.develop(Developed(person, message, None))
            case m.Snapshot() | m.NoteIncident() | m.TakeRecheck():
                await self._means.desk.identity.may_picture(self.session, staff_of(person))
                self._darkroom.take(person, wanted_by(message), envelope)
                return None
        answer = await self._identification.hear(seat, message, await self._known())
        if answer is None:
            answer = await self._requests.hear(seat, message)
        if answer is None:
            if isinstance(message, m.Attest):
                await self._studio.done(await self._read())
            answer = await act(self._means.desk, staff_of(person), message)
            self._stale = True
        return answer

    def _reads(self, view: RoomView) -> bool:
        """Say whether a machine may be about to find what nobody has seen yet."""
        return not proven(view.identity.reading) and self._means.evidence.reads(self.session)

    # Coming and going

    async def _join(self, person: Person) -> None:
        if person.sid in self._gone:
            raise NotAllowed("join by a connection that is gone")
        view = await self._read()
        await self._keep_to(view)
        if not self._entered:
            await self._means.desk.gaps.open_unwatched(self.session, self._watched_from)
        person = replace(person, party=self._usher.party(person, view))
        seat = self._stage[person.party or Party.LEARNER]
        elsewhere = self._stage.seat_of(person.sid)
        if elsewhere is not None and elsewhere is not seat:
            await self._leave(elsewhere)  # who looked in has taken over
        self._usher.make_room(seat, person)
        older = seat.take(person, self._clock.now())
        self._arrivals.came(seat.party)
        self._entered = True
        if older is not None:
            await self._means.outlet.send(older.sid, "replaced", {"session": self.session})
            if older.staff is None:
                self._means.outlet.dismiss(older.sid)  # staff watch others over the same one
        if (
            seat.party is Party.INVIGILATOR
            and view.session.state is SessionState.SCHEDULED
            and attendance.opens(view.sitting.start) <= view.now
        ):
            self._stale = True
            await self._means.desk.sessions.ready(self.session, staff_of(person))
        await self._roll.bring(seat, person.actor)

    async def _keep_to(self, view: RoomView) -> None:
        """Let an invigilator go whose session it is no more: it was taken over, or moved."""
        seat = self._stage[Party.INVIGILATOR]
        left: list[str] = []
        if seat.holder is not None and seat.holder != view.sitting.staff:
            left += await self._usher.let_go(seat, view.sitting.staff_name)
        if self._usher.due(self._clock.monotonic()):
            left += await self._usher.release(view.sitting.staff_name)
        for actor in left:
            await self._roll.note(actor, present=False)

    async def _leave(self, seat: Seat) -> None:
        self._arrivals.left(seat.party)
        self._empty(seat)
        await self._requests.sends_nothing(seat)
        for peer in self._stage.clear(seat):
            self._spawn(peer.close())
        await self._roll.bring(seat, None)

    def _empty(self, seat: Seat) -> None:
        self._emptied_at = self._clock.monotonic()
        seat.leave(self._emptied_at)

    @property
    def _unattended(self) -> bool:
        seat = self._stage[Party.INVIGILATOR]
        return seat.person is None and self._clock.monotonic() - seat.left_at >= UNATTENDED_S

    async def _tick(self) -> None:
        now = self._clock.monotonic()
        for seat in self._stage:
            if seat.has_left(now):
                await self._requests.sends_nothing(seat)
                await self._roll.bring(seat, None)
        self._usher.end_hidden(now)
        if self._stage.occupied:
            self._stale = self._stale or now - self._looked_at >= LOOK_S
        elif now - self._emptied_at >= IDLE_S:
            self._stop = True
        self._allow()
        if self._view is not None:
            if await self._lookout.tick(self._stage[Party.LEARNER], self._view):
                self._stale = True
            if self._view.session.state in LIVE:
                self._identification.tick(self._view)
                self._darkroom.look(now)

    # Sound and picture

    def _allow(self) -> None:
        if self._view is not None:
            self._allowance.keep(self._thin.ladder.told, self._view)

    # After every command: the recording, and what everybody sees

    async def _settle(
        self, command: Command, outcome: Answer | Exception | None
    ) -> Answer | Exception | None:
        joins = joining(command) if outcome is NOTHING else None
        skip = None if joins is None else joins[0]
        try:
            async with asyncio.timeout(SETTLE_S):
                if self._entered and self._stale:
                    await self._read()
                if self._view is not None:
                    await self._keep_to(self._view)
                    if await self._studio.keep(self._view):
                        await self._read()
                    await self._announcer.announce(self._view, self._face(), self.glimpse, skip)
                    if self._view.session.state in OVER:
                        self._usher.end_late()
        except Exception:
            self._stale = True  # the next tick tries again
            log.exception("a room could not be brought up to date", session=self.session)
        if not self._entered and self._mailbox.empty() and isinstance(command, Said):
            self._stop = True  # it was opened by somebody who has not come in
        if joins is None or self._view is None:
            return outcome
        sid, join = joins
        seat = self._stage.seat_of(sid)
        if seat is None:
            return NotAllowed("enter a session that has just been taken over")
        return {"state": self._announcer.state(seat.party, self._view, self._face(), join.since)}

    async def _read(self) -> RoomView:
        self._stale = True
        self._view = await self._means.desk.sessions.view(self.session)
        self._stale = False
        self._looked_at = self._clock.monotonic()
        self._roll.seen(self._view)
        self._requests.seen(self._view)
        self._identification.seen(self._view)
        return self._view

    def _outdated(self) -> None:
        self._stale = True

    async def _known(self) -> RoomView:
        return await self._read() if self._view is None else self._view

    def _face(self) -> wire.Face:
        now = self._clock.monotonic()
        return wire.Face(
            {seat.party: seat.view(now) for seat in self._stage},
            self._studio.on,
            self._studio.stopped,
            self._lookout.seen,
            self._thin.ladder.told,
            self._allowance.sees,
            self._requests.hand,
            self._requests.screen_wanted,
            self._requests.offered_at,
            self._identification.capture,
        )

    async def _clear(self) -> None:
        """Complete the recording and end all media; then nobody is here any more."""
        departing = self._stage.departed()
        peers = [peer for seat in self._stage for peer in self._stage.clear(seat)]
        ends = [self._studio.close(), self._roll.all_left(departing)]
        if self._view is not None:
            ends.append(self._lookout.close(self._view))
        # Each by itself: a recording that is slow to end must not cost the record a gap.
        await asyncio.gather(*map(self._last, ends))
        if departing is not None:
            peers.append(departing.peer)
        await asyncio.gather(*(peer.close() for peer in peers))
        if self._view is not None:
            self._means.changed(self._view.sitting.staff)

    async def _last(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await work
        except Exception:
            log.exception("a room could not be cleared", session=self.session)
