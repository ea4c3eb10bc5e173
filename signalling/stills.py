"""Single pictures from a learner whose link carries no moving one.

The newest is shown to the staff in the room, and to nobody else; whoever is slow to receive misses
some. One in ten seconds is kept, and all of them around an incident. Here they are bytes: whoever
looks at them, or keeps them, has them drawn anew elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from invigilation.desk.room_view import RoomView
from invigilation.errors import Busy, InvalidInput, NotAllowed
from invigilation.session import LIVE
from signalling import messages as m
from signalling.bucket import Bucket
from signalling.jpeg import size_of
from signalling.means import Means
from signalling.messages import Party
from signalling.stage import Stage
from signalling.taps import MediaSink
from signalling.tracks import Track
from signalling.words import stamp

STILLS_A_SECOND: Final = 1.0
STILLS_AT_ONCE: Final = 3.0
FRAMES_WAITING: Final = 2
"""Who has so many frames to receive yet gets no still: the next one is newer."""
KEEP_EVERY_S: Final = 10.0
AROUND_S: Final = 15.0
"""Before and after an incident every still is kept for so long."""
HELD: Final = 12
"""Stills that wait for an incident that may come; of at most 24 KB each."""
LATE_S: Final = 30.0
"""No picture is older, whatever the page says, than so long before it came."""
FRESH_S: Final = 4.0
"""A still that was asked for is awaited no longer."""
STILL_GOOD_S: Final = 10.0
"""Then one that was taken so long ago will do."""
KNOWN: Final = 4_000
"""Stills that are known again: two hours of one every two seconds."""
MIN_SIDE, MAX_SIDE = 40, 640
"""Pixels. A few bytes can say that they are as large as a wall: the console draws what comes."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A picture (JPEG, unread) and the monotonic moment at which it was taken."""

    jpeg: bytes
    taken: float


class Stills:
    """A learner's stills; towards a tape they are a source, each a key frame by itself."""

    def __init__(self, session: str, means: Means, stage: Stage) -> None:
        self._session = session
        self._means = means
        self._stage = stage
        self._bucket = Bucket(STILLS_A_SECOND, STILLS_AT_ONCE, means.clock)
        self._newest: Still | None = None
        self._came: float | None = None
        self._held: deque[Still] = deque(maxlen=HELD)
        self._sinks: list[MediaSink] = []
        self._kept_at = float("-inf")
        self._keep_all_until = float("-inf")
        self._next = asyncio.Event()
        self._known: dict[bytes, None] = {}
        """The digests of the last ones, the oldest first."""

    async def take(self, message: m.Still, view: RoomView) -> bool:
        """Take one, and pass it on; say whether it is a new one.

        A camera never takes the same picture twice, to the last bit: one that came before is shown
        and kept as it is, but it shows nobody's presence. Raises `NotAllowed` when the session is
        not live, `InvalidInput` for what is no JPEG, and `Busy` for too many.
        """
        if view.session.state not in LIVE:
            raise NotAllowed("send a picture before check-in, or when the session is over")
        size = size_of(message.jpeg)
        if size is None or not MIN_SIDE <= min(size) <= max(size) <= MAX_SIDE:
            raise InvalidInput("jpeg", "This is no JPEG of a size that can be shown.")
        if not self._bucket.take():
            raise Busy("way for pictures")
        still = Still(message.jpeg, taken_at(message.at, self._means))
        self._came = self._means.clock.monotonic()
        self._newest = still
        self._next.set()
        self._keep(still)
        new = self._is_new(still)
        await self._show(still)
        return new

    def _is_new(self, still: Still) -> bool:
        digest = hashlib.sha256(still.jpeg).digest()
        new = digest not in self._known
        self._known[digest] = None
        if len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]
        return new

    async def _show(self, still: Still) -> None:
        outlet = self._means.outlet
        sids = [
            seat.person.sid
            for seat in (self._stage[Party.INVIGILATOR], self._stage[Party.SUPERVISOR])
            if seat.person is not None and outlet.waiting(seat.person.sid) < FRAMES_WAITING
        ]
        if not sids:
            return
        ago = timedelta(seconds=self._means.clock.monotonic() - still.taken)
        body = {
            "session": self._session,
            "at": stamp(self._means.clock.now() - ago),
            "jpeg": b64encode(still.jpeg).decode(),
        }
        for sid in sids:
            await outlet.send(sid, "still", body)

    # Keeping

    def packet_at(self, track: Track) -> float | None:
        """Return when the last one came, monotonic."""
        return self._came if track is Track.CAMERA else None

    def tap(self, sink: MediaSink, video: Track | None, audio: Track | None) -> Callable[[], None]:  # noqa: ARG002 - as a peer has it
        """Give what is to be kept to a sink, too; calling what is returned ends that."""
        self._sinks.append(sink)
        return lambda: self._sinks.remove(sink)

    def around(self) -> None:
        """Keep all from some seconds ago until some seconds from now: there is an incident."""
        now = self._means.clock.monotonic()
        self._keep_all_until = now + AROUND_S
        before = [one for one in self._held if one.taken >= now - AROUND_S]
        self._held.clear()
        for still in before:
            self._give(still)

    def _keep(self, still: Still) -> None:
        now = self._means.clock.monotonic()
        if not self._sinks:
            return
        if now >= self._keep_all_until and now - self._kept_at < KEEP_EVERY_S:
            self._held.append(still)
            return
        self._kept_at = now
        self._give(still)

    def _give(self, still: Still) -> None:
        for sink in [*self._sinks]:
            sink.video(still.jpeg, 0, True, still.taken)

    # For the record, in place of a key frame

    @property
    def coming(self) -> bool:
        """Say whether they are what there is of the learner now."""
        now = self._means.clock.monotonic()
        return self._came is not None and now - self._came < STILL_GOOD_S

    @property
    def newest(self) -> Still | None:
        """The last one that came; another each time, even where its bytes came before."""
        return self._newest

    async def fresh(self) -> bytes | None:
        """Return one taken from now on; else the newest, if it is not old; else None."""
        asked = self._means.clock.monotonic()
        try:
            async with asyncio.timeout(FRESH_S):
                while self._newest is None or self._newest.taken < asked:
                    self._next.clear()
                    await self._next.wait()
        except TimeoutError:
            pass
        newest = self._newest
        if newest is None or asked - newest.taken > STILL_GOOD_S:
            return None
        return newest.jpeg


def taken_at(at: datetime, means: Means) -> float:
    """Return a moment that a page tells as one of our monotonic clock.

    It is never later than now, and never more than `LATE_S` ago: a page's clock proves nothing.
    """
    ago = (means.clock.now() - at).total_seconds()
    return means.clock.monotonic() - min(max(ago, 0.0), LATE_S)
