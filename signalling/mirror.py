"""Mirrors: media connections that send a learner's own tracks back to them, to test a link.

There is no session and nobody watches: nothing is decoded, recorded or sent to anybody else. A
mirror ends by itself: when its page is gone, when nothing comes any more, and after `LONGEST_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from invigilation.errors import InvigilationError
from signalling.ports import MediaPeer, PeerFactory
from signalling.tasks import Tasks
from signalling.tracks import Shape, Track

_BOTH: Final = (Track.AUDIO, Track.CAMERA)
MIRROR: Final = Shape(_BOTH, frozenset(_BOTH), frozenset(_BOTH))
"""The m-lines of a mirror's offer."""
MOST: Final = 12
"""So many at once; one costs about what a session costs."""
LONGEST_S: Final = 75.0
CONNECT_S: Final = 25.0
"""So long it may take to connect: by a relay, over a thin link, some ten seconds are usual."""
SILENT_S: Final = 8.0
"""After so long without a packet its page is gone."""
LOOK_S: Final = 1.0


Held = tuple[MediaPeer, asyncio.Task[None]]


class Busy(InvigilationError):
    """There are as many mirrors as there may be."""

    code = "busy"

    def __init__(self) -> None:
        super().__init__("Many people test their links just now. Please try again in a minute.")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many at once, and how long each may live; seconds."""

    most: int = MOST
    longest_s: float = LONGEST_S
    connect_s: float = CONNECT_S
    silent_s: float = SILENT_S
    look_s: float = LOOK_S


class Mirrors:
    """Holds mirrors: one for each login at most, and so many together.

    `now` is the monotonic time by which peers note their packets. `close` it before the factory.
    """

    def __init__(
        self, peers: PeerFactory, now: Callable[[], float], limits: Limits | None = None
    ) -> None:
        self._peers = peers
        self._now = now
        self._limits = limits or Limits()
        self._held: dict[str, Held] = {}
        self._opening = 0
        self._tasks = Tasks()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._held) + self._opening

    async def open(self, who: str, sdp: str) -> str:
        """Answer the offer of `who` with a mirror, in place of the one that they had.

        Returns the SDP of the answer. Raises `Busy`, and `signalling.sdp.SdpRefused`.
        """
        await self.end(who)
        if len(self) >= self._limits.most:
            raise Busy
        self._opening += 1
        try:
            peer, answer = await self._peers.answer(sdp, MIRROR)
        finally:
            self._opening -= 1
        peer.receive_from({track: (peer, track) for track in _BOTH})
        older = self._held.pop(who, None)  # two pages of one login may have come at once
        task = self._tasks.start(self._live(peer, self._now()))
        self._held[who] = peer, task
        task.add_done_callback(lambda _: self._gone(who, peer))
        await self._end(older)
        return answer

    async def end(self, who: str) -> None:
        """End the mirror of `who`, if there is one."""
        await self._end(self._held.pop(who, None))

    async def close(self) -> None:
        """End all mirrors."""
        for who in [*self._held]:
            await self.end(who)
        await self._tasks.close()

    async def _end(self, held: Held | None) -> None:
        if held is not None:
            peer, task = held
            task.cancel()
            await peer.close()  # the task may not have begun yet

    def _gone(self, who: str, peer: MediaPeer) -> None:
        if who in self._held and self._held[who][0] is peer:
            del self._held[who]

    async def _live(self, peer: MediaPeer, began: float) -> None:
        """Wait until it is over; then free it, whatever ends it."""
        try:
            while not self._over(peer, began):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(peer.closed.wait(), self._limits.look_s)
        finally:
            await peer.close()

    def _over(self, peer: MediaPeer, began: float) -> bool:
        limits, now, last = self._limits, self._now(), peer.last_packet_at
        if peer.closed.is_set() or now - began > limits.longest_s:
            return True
        return now - began > limits.connect_s if last is None else now - last > limits.silent_s
