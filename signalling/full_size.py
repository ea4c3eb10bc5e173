"""Pictures in the camera's full size from a link whose stream carries only small ones.

The room asks for one; the learner's page takes it and tells at that moment what its bytes will be.
They come later, by HTTP, for as long as the link needs. So that nobody can put another picture in
its place meanwhile, it is noted what the live stream shows right after it was told. The same goes
for the pictures of a document, which the page takes by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from invigilation.bound import Bound
from invigilation.desk.office import new_id
from invigilation.desk.room_view import RoomView
from invigilation.errors import Busy, InvalidInput, NotAllowed
from invigilation.identity import SnapshotKind
from invigilation.session import LIVE
from signalling import messages as m
from signalling.bucket import Bucket
from signalling.capture import Side
from signalling.commands import NOTHING, Answer
from signalling.means import Means, Spawn
from signalling.messages import Party
from signalling.peer import NoPicture
from signalling.presence import SILENT_S
from signalling.stage import Stage
from signalling.stills import Stills, taken_at
from signalling.tracks import Track

ANSWERED_S: Final = 30.0
"""Who is asked and does not tell of a picture within this has taken none."""
COMES_S: Final = 600.0
"""A picture may be on its way for so long: a link that is gone for a while costs no face."""
LIVE_S: Final = 5.0
"""What the stream shows is awaited no longer."""
SETTLED_S: Final = 15.0
"""With its print."""
OPEN: Final = 3
"""Pictures that are asked for and are not here."""
REMEMBERED: Final = 12
"""Pictures that were told of."""
TOLD_A_SECOND: Final = 0.5
TOLD_AT_ONCE: Final = 6.0
MOST_BYTES: Final = 2_000_000
DOCUMENT: Final = frozenset({Side.FRONT.value, Side.BACK.value})

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Wish:
    """A picture that is asked for; `of` is the small one of that moment, as soon as it is known.

    `settled` once it is known which one that is, or that there is none.
    """

    id: str
    kind: SnapshotKind
    asked_at: datetime
    until: float
    of: str | None = None
    recheck: str | None = None
    told: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


@dataclass(slots=True, eq=False)
class Told:
    """A picture that was told of; `wish` None: it is of a document."""

    wish: Wish | None
    known: Bound
    looking: asyncio.Task[None] | None = field(default=None, repr=False)

    async def bound(self) -> Bound:
        """Return what ties it to the stream, as soon as that is known.

        On a fast link it is here before the small one that it belongs to, and waits for that.
        """
        if self.looking is not None:
            await asyncio.wait({self.looking}, timeout=SETTLED_S)
        if self.wish is not None and self.wish.of is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wish.settled.wait(), SETTLED_S)
        return self.known

    def done(self) -> None:
        """Note that it is here: it is wanted no more."""
        if self.wish is not None:
            self.wish.until = float("-inf")


class FullSize:
    """Asks for pictures, and remembers which were told of; as long as the room lives."""

    def __init__(
        self, session: str, means: Means, stage: Stage, stills: Stills, spawn: Spawn
    ) -> None:
        self._session = session
        self._means = means
        self._stage = stage
        self._stills = stills
        self._spawn = spawn
        self._wishes: dict[str, Wish] = {}
        self._told: OrderedDict[str, Told] = OrderedDict()
        self._bucket = Bucket(TOLD_A_SECOND, TOLD_AT_ONCE, means.clock)

    async def ask(self, kind: SnapshotKind) -> Wish | None:
        """Ask the learner's page to take one now; None when it is not here, or has enough to do."""
        person = self._stage[Party.LEARNER].person
        now = self._means.clock.monotonic()
        self._wishes = {one.id: one for one in self._wishes.values() if one.until > now}
        if person is None or len(self._wishes) >= OPEN:
            return None
        wish = Wish(new_id("pw"), kind, self._means.clock.now(), now + ANSWERED_S)
        self._wishes[wish.id] = wish
        body = {"session": self._session, "id": wish.id, "kind": kind.value}
        await self._means.outlet.send(person.sid, "picture_wanted", body)
        return wish

    def drop(self, wish: Wish | None) -> None:
        """Want it no more: it was refused, or it is here."""
        if wish is not None:
            self._wishes.pop(wish.id, None)
            wish.until = float("-inf")
            wish.settled.set()

    def hear(self, message: m.PictureTaken, view: RoomView) -> Answer:
        """Note a picture that was just taken, and begin to look what the stream shows.

        Raises `NotAllowed` for one that nobody wants, `InvalidInput`, and `Busy` for too many.
        """
        if view.session.state not in LIVE:
            raise NotAllowed("send a picture before check-in, or when the session is over")
        if not 0 < message.size <= MOST_BYTES:
            raise InvalidInput("size", f"A picture has 1 to {MOST_BYTES:,} bytes.")
        before = self._told.get(message.sha256)
        wish = None if message.id in DOCUMENT else self._open(message.id)
        if before is not None and before.wish is wish:
            return NOTHING  # the answer was lost
        if before is not None or (wish is not None and wish.told):
            raise NotAllowed("tell of another picture in place of this one")
        if not self._bucket.take():
            raise Busy("way for pictures")
        clock = self._means.clock
        now = clock.now()
        ago = timedelta(seconds=clock.monotonic() - taken_at(message.at, self._means))
        asked = None if wish is None else wish.asked_at
        told = Told(wish, Bound(message.sha256, message.size, now - ago, now, asked))
        if wish is not None:
            wish.told, wish.until = True, clock.monotonic() + COMES_S
        self._told[message.sha256] = told
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        told.looking = self._spawn(self._look(told))
        return NOTHING

    def find(self, sha256: str) -> Told | None:
        """Return what was told of a picture, unless it is wanted no more."""
        told = self._told.get(sha256)
        if told is None or told.wish is None:
            return told
        return told if told.wish.until > self._means.clock.monotonic() else None

    def _open(self, ident: str) -> Wish:
        wish = self._wishes.get(ident)
        if wish is None or wish.until <= self._means.clock.monotonic():
            raise NotAllowed("send a picture that nobody waits for")
        return wish

    async def _look(self, told: Told) -> None:
        """Note which frame or still comes next by the stream, and its print."""
        frame, jpeg = b"", b""
        peer = self._stage[Party.LEARNER].peer
        last = None if peer is None else peer.packet_at(Track.CAMERA)
        try:
            if peer is not None and last is not None and self._recent(last):
                frame = await peer.key_frame(LIVE_S, Track.CAMERA)
            else:
                jpeg = await self._stills.fresh() or b""
            if not (frame or jpeg):
                return
            digest = hashlib.sha256(frame or jpeg).hexdigest()
            at = self._means.clock.now()
            told.known = replace(told.known, live_sha256=digest, live_at=at)
            if told.wish is not None:  # of a document there is nothing to compare
                found = await self._means.evidence.print_of(key_frame=frame, jpeg=jpeg)
                told.known = replace(told.known, live_print=found)
        except NoPicture:
            return
        except Exception:
            log.exception("what is live could not be noted", session=self._session)

    def _recent(self, at: float) -> bool:
        return self._means.clock.monotonic() - at < SILENT_S
