"""The namespace `/room`: who may connect, and what becomes of what they send.

Its handlers parse, authorise by role, hand the message to its room and acknowledge; no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import socketio
import structlog

from invigilation.desk import Desk
from invigilation.desk.people import Kind
from invigilation.errors import Busy, InvalidInput, InvigilationError, NotAllowed, NotSignedIn
from invigilation.people import Staff
from invigilation.ports import Clock
from invigilation.store.logins import Ticket
from signalling.bucket import Bucket
from signalling.commands import Internal
from signalling.edge import NAMESPACE, EdgeServer
from signalling.forms import may_send, parse
from signalling.lobby import Lobby
from signalling.messages import Join, Party, SoundPiece, Still
from signalling.patience import Patience
from signalling.registry import Rooms
from signalling.seat import Person
from signalling.watching import UNWATCHED, Watch

MESSAGES_A_SECOND: Final = 20.0
MESSAGES_AT_ONCE: Final = 40.0
"""Of one connection about one session."""
ALL_MESSAGES_A_SECOND: Final = 60.0
ALL_MESSAGES_AT_ONCE: Final = 160.0
"""Of one connection: staff come into a dozen rooms at once."""
MESSAGES_WAITING: Final = 64
"""Of one connection; what comes while so many are being handled is refused."""
LANES_KEPT: Final = 32
"""Sessions of which a connection's rate is remembered."""
OUTBOX_LIMIT: Final = 64
"""Frames that may wait for a slow connection; beyond that it has to come back and start anew."""
AT_ONCE: Final = (Still, SoundPiece)
"""Nobody's voice waits behind a picture that they have asked for; each has a rate of its own."""
AT_ONCE_WAITING: Final = 12
"""Of these, of one connection: a room's mailbox has place for the others, too."""
TICKET_LIMIT: Final = 200
SESSION: Final = re.compile(r"[a-z]{2}_[0-9a-zA-Z_]{1,37}", re.ASCII)

log = structlog.get_logger(__name__)


class Lane:
    """What one connection says about one session: in order, and not too fast."""

    def __init__(self, clock: Clock) -> None:
        self.bucket = Bucket(MESSAGES_A_SECOND, MESSAGES_AT_ONCE, clock)
        self.turn = asyncio.Lock()  # gives turns in the order in which they were asked for
        self.waiting = 0


class Line:
    """A connection that has been let in, and the ticket by which it `came`, and when."""

    def __init__(
        self, person: Person, ticket: Ticket, eio_sid: str, clock: Clock, came: datetime
    ) -> None:
        self.person = person
        self.came = came
        self.ticket = ticket
        self.eio_sid = eio_sid
        self.waiting = 0
        self.beside = 0
        self.again = ""
        """The ticket by which to come back when it is lost, once there is one."""
        self._bucket = Bucket(ALL_MESSAGES_A_SECOND, ALL_MESSAGES_AT_ONCE, clock)
        self._clock = clock
        self._lanes: dict[str, Lane] = {}

    def check(self) -> None:
        """Raise `Busy` when there were too many messages."""
        if self.waiting >= MESSAGES_WAITING or not self._bucket.take():
            raise Busy("connection")

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Wait for nobody; raises `Busy` while too many that did so are being handled."""
        if self.beside >= AT_ONCE_WAITING:
            raise Busy("connection")
        self.beside += 1
        try:
            yield
        finally:
            self.beside -= 1

    @contextlib.asynccontextmanager
    async def turn(self, session: str) -> AsyncIterator[None]:
        """Wait for the turn of a message about a session; raises `Busy` for too many of them."""
        lane = self._lanes.pop(session, None) or Lane(self._clock)
        self._lanes[session] = lane  # the last used is the last to be forgotten
        self._forget()
        if not lane.bucket.take():
            raise Busy("connection")
        lane.waiting += 1
        self.waiting += 1
        try:
            async with lane.turn:
                yield
        finally:
            lane.waiting -= 1
            self.waiting -= 1

    def _forget(self) -> None:
        for session, lane in [*self._lanes.items()][:-LANES_KEPT]:
            if not lane.waiting:
                del self._lanes[session]


class Lines:
    """The connections that are in; the way of rooms and lobby to them (`ports.Outlet`)."""

    def __init__(self, server: EdgeServer) -> None:
        self._server = server
        self._lines: dict[str, Line] = {}

    def __iter__(self) -> Iterator[str]:
        """Iterate over the connections' names."""
        return iter([*self._lines])

    def add(self, line: Line) -> None:
        """Note a connection."""
        self._lines[line.person.sid] = line

    def find(self, sid: str) -> Line | None:
        """Find a connection."""
        return self._lines.get(sid)

    def of_connection(self, eio_sid: str) -> list[str]:
        """Return the names under which an engine connection is in."""
        return [sid for sid, line in self._lines.items() if line.eio_sid == eio_sid]

    def of_person(self, ident: str) -> list[str]:
        """Return the names under which somebody of the staff, or a request's learner, is in."""
        return [sid for sid, line in self._lines.items() if line.ticket.person == ident]

    def staff(self) -> list[Staff]:
        """Return the staff who are in, each once, as they were when they came in last."""
        people = (line.person.staff for line in self._lines.values())
        return [*{one.id: one for one in people if one is not None}.values()]

    def logins(self) -> set[str]:
        """Return the digests of the logins by which the staff who are in came."""
        lines = (line for line in self._lines.values() if line.person.staff is not None)
        return {line.ticket.login for line in lines if line.ticket.login is not None}

    def remove(self, sid: str) -> Line | None:
        """Forget a connection; return it if it was known."""
        return self._lines.pop(sid, None)

    async def send(self, sid: str, event: str, body: Mapping[str, object]) -> None:
        """Send to one connection, in order; one that is gone is passed over."""
        line = self._lines.get(sid)
        if line is None:
            return
        if self._server.waiting(line.eio_sid) >= OUTBOX_LIMIT:
            log.warning("a connection is too slow and was closed", party=line.person.party)
            self._server.closed("slow")
            self.dismiss(sid)
            return
        await self._server.emit(event, dict(body), to=sid, namespace=NAMESPACE)

    def waiting(self, sid: str) -> int:
        """Return how many frames wait for a connection; for one that is gone none do."""
        line = self._lines.get(sid)
        return 0 if line is None else self._server.waiting(line.eio_sid)

    def dismiss(self, sid: str) -> None:
        """Close a connection soon, after what was sent before; returns at once."""
        line = self._lines.get(sid)
        if line is not None:
            self._server.hang_up(line.eio_sid)


class RoomNamespace(socketio.AsyncNamespace):  # type: ignore[misc]  # the library is untyped
    """Takes tickets and messages."""

    def __init__(
        self,
        desk: Desk,
        rooms: Rooms,
        lobby: Lobby,
        lines: Lines,
        server: EdgeServer,
        clock: Clock,
        watch: Watch = UNWATCHED,
    ) -> None:
        super().__init__(NAMESPACE)
        self._desk = desk
        self._rooms = rooms
        self._lobby = lobby
        self._lines = lines
        self._edge = server
        self._clock = clock
        self._watch = watch
        self._patience = Patience(clock)
        server.ended = self._ended

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Take what the library hands over: a connection, its end, or a message."""
        if event == "connect":
            return await self._connect(args[0], args[2] if len(args) > 2 else None)
        if event == "disconnect":
            return self._disconnect(args[0])
        return await self._answer(event, args[0], args[1:])

    async def _connect(self, sid: str, auth: object) -> None:
        eio_sid = self._edge.manager.eio_sid_from_sid(sid, NAMESPACE)
        if not self._edge.first_try(eio_sid):
            raise socketio.exceptions.ConnectionRefusedError("One attempt a connection.")
        came = self._clock.now()  # before the ticket is used: a change of device ends tickets
        try:
            ticket = await self._ticket(auth)
            person = await self._person(sid, ticket)
        except InvigilationError as refusal:
            log.info("a ticket was refused", code=refusal.code)
            raise socketio.exceptions.ConnectionRefusedError(str(refusal)) from None
        except Exception:
            log.exception("a connection could not be let in")
            raise socketio.exceptions.ConnectionRefusedError(str(Internal())) from None
        if not self._edge.lives(eio_sid):
            raise socketio.exceptions.ConnectionRefusedError("This connection has ended.")
        self._lines.add(Line(person, ticket, eio_sid, self._clock, came))
        if person.staff is None:
            self._edge.admitted(eio_sid)
        else:
            self._edge.entered(eio_sid)
            self._lobby.enter(sid, person.staff)

    async def _ticket(self, auth: object) -> Ticket:
        raw = auth.get("ticket") if isinstance(auth, dict) else None
        if not isinstance(raw, str) or not raw.isascii() or not 0 < len(raw) <= TICKET_LIMIT:
            raise NotSignedIn("This ticket is not valid.")
        ticket = await self._desk.reception.use_ticket(raw)
        if self._patience.waits(ticket.person):
            raise Busy("connection")
        return ticket

    async def _person(self, sid: str, ticket: Ticket) -> Person:
        if ticket.kind == Kind.STAFF:
            staff = await self._desk.reception.staff(ticket.person)
            return Person(sid, staff=staff)
        if ticket.session is None:
            raise NotSignedIn("This ticket is not valid.")
        if ticket.kind == Kind.LEARNER:
            # A ticket to come back with is old: another session may have taken this one's place.
            sitting = await self._desk.bookings.latest(ticket.person)
            if sitting is None or sitting.session != ticket.session:
                raise NotSignedIn("This ticket is not valid.")
        party = Party.SECOND if ticket.kind == Kind.SECOND else Party.LEARNER
        return Person(sid, party, session=ticket.session)

    def _disconnect(self, sid: str) -> None:
        line = self._lines.remove(sid)
        if line is None:
            return
        self._lobby.leave(sid)
        self._rooms.gone(sid)

    def _ended(self, eio_sid: str) -> None:
        """Make sure of it: the library says nothing of one that ends while it comes in."""
        for sid in self._lines.of_connection(eio_sid):
            self._disconnect(sid)

    async def _answer(self, event: str, sid: str, args: tuple[Any, ...]) -> dict[str, object]:
        structlog.contextvars.bind_contextvars(session=_named(args))  # each message has its task
        try:
            return {"ok": True, **await self._hear(sid, event, args)}
        except InvigilationError as refusal:
            if not isinstance(refusal, Busy):  # whoever is too fast shall not fill the log, too
                log.info("refused", event_name=event[:40], code=refusal.code, sid=sid)
            self._watch.refused(refusal.code)
            if event == "offer":
                self._bear(sid)
            return _error(refusal)
        except Exception:
            log.exception("a message failed", event_name=event[:40], sid=sid)
            return _error(Internal())
        finally:
            if self._lines.find(sid) is None:
                self._rooms.gone(sid)  # it ended while its room was opening

    def _bear(self, sid: str) -> None:
        """Close the connection of somebody whose offers were refused far too often."""
        line = self._lines.find(sid)
        if line is None or not self._edge.lives(line.eio_sid):
            return
        if not self._patience.bears(line.ticket.person):
            log.warning("a connection was closed for its offers", party=line.person.party)
            self._edge.cut_off(line.eio_sid, "offers")

    async def _hear(self, sid: str, event: str, args: tuple[Any, ...]) -> Mapping[str, object]:
        line = self._lines.find(sid)
        if line is None:
            raise NotSignedIn("This connection has ended.")
        line.check()
        person = line.person
        if len(args) != 1:
            raise InvalidInput("body", "A message is one JSON object.")
        message = parse(event, args[0])
        # What staff are in a room, the room knows; the others are the same in every one.
        if person.party is not None and not may_send(person.party, event):
            raise NotAllowed(f"do this as {person.party}")
        if person.session is not None and message.session != person.session:
            raise NotAllowed("enter this session")
        if isinstance(message, AT_ONCE):
            with line.at_once():
                return await self._rooms.say(person, message)
        async with line.turn(message.session):
            if isinstance(message, Join) and person.party is Party.LEARNER:
                await self._same_device(line, message.session)
            answer = await self._rooms.say(person, message)
        if isinstance(message, Join):
            self._edge.entered(line.eio_sid)
            if person.party is Party.LEARNER:
                line.again = line.again or await self._desk.reception.return_ticket(line.ticket)
                return {**answer, "again": line.again}
        return answer

    async def _same_device(self, line: Line, session: str) -> None:
        """Turn away what came before the learner went on on another device, and joined nothing."""
        known = await self._desk.devices.of(session)
        if known is None or not known.changes or known.since <= line.came:
            return
        await self._lines.send(line.person.sid, "replaced", {"session": session})
        self._lines.dismiss(line.person.sid)
        raise NotSignedIn("Your session is open on another device. Load this page again.")


def _named(args: tuple[Any, ...]) -> str:
    """Return the session that a message names, for the log; empty where it names none."""
    named = args[0].get("session") if args and isinstance(args[0], dict) else None
    return named if isinstance(named, str) and SESSION.fullmatch(named) else ""


def _error(refusal: InvigilationError) -> dict[str, object]:
    return {"ok": False, "error": {"code": refusal.code, "detail": str(refusal)}}
