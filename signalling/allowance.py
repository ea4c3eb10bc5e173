"""What the server sends a learner, and how much it lets them send: by their rung and their budget.

The learner's page keeps to both by itself; here they hold for a page that does not. What is sent
back is dropped, too, where the way to the learner is the narrow one: their page sees it late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from invigilation.desk.room_view import RoomView
from invigilation.ladder import SEES_INVIGILATOR, Budget, Rung
from invigilation.ports import Clock
from signalling.ladder_watch import Told
from signalling.messages import Party
from signalling.ports import MediaPeer
from signalling.stage import Stage
from signalling.tracks import Track

CAPS: Final[Mapping[Rung, int | None]] = {
    Rung.FULL: None,
    Rung.SMALL: 150_000,
    Rung.SLOW: 90_000,
    Rung.STILLS: 50_000,
    Rung.SOUND: 40_000,
    Rung.TEXT: 30_000,
}
"""Bits a second of pictures that a browser is told it may send: more than a page that keeps to its
rung does send. None: what the peer has by itself."""
UNKNOWN: Final = 300_000
"""Until the page has told of its link."""
VOICES: Final = 45_000
"""Bits a second that both voices take of a budget."""
FLOOR: Final = 30_000
"""Browsers send no moving picture of less."""
RATE_S: Final = 10.0
"""What went over the link is averaged over so long."""
OVER: Final = 1.1
"""A rate this much over the budget is not an accident."""
WITHOUT_S: Final = 60.0
"""The picture stays away for so long, when it was too much."""
MOST_WITHOUT_S: Final = 480.0
AFTER_S: Final = 600.0
"""What of a budget in megabytes is left has to last so much longer than the assessment's clock."""
LOST: Final = 0.1
LOST_S: Final = 4.0
"""More than this lost on the way to the learner for so long: it is narrow."""
VOICE: Final = frozenset({Track.AUDIO})
FACE: Final = frozenset({Track.AUDIO, Track.CAMERA})
NOTHING: Final[frozenset[Track]] = frozenset()


class Meter:
    """Counts what goes over a learner's peers, one after another; both directions, in bytes."""

    def __init__(self) -> None:
        self.total = 0
        self._peer: MediaPeer | None = None
        self._counted = 0
        self._samples: deque[tuple[float, int]] = deque()

    def see(self, peer: MediaPeer | None, now: float) -> None:
        """Take the counts of this moment."""
        if peer is not self._peer:
            self._peer, self._counted = peer, 0
        if peer is not None:
            carried = peer.carried
            self.total += carried - self._counted
            self._counted = carried
        self._samples.append((now, self.total))
        while now - self._samples[0][0] > RATE_S:
            self._samples.popleft()

    @property
    def rate(self) -> float:
        """Bits a second of late; 0 as long as nobody knows."""
        (then, before), (now, total) = self._samples[0], self._samples[-1]
        return 8 * (total - before) / (now - then) if now - then >= RATE_S / 2 else 0.0


class Patience:
    """Keeps the picture away for a while when it was too much, each time for longer."""

    def __init__(self) -> None:
        self._until = float("-inf")
        self._wait = WITHOUT_S

    def without(self, now: float) -> bool:
        """Say whether it stays away."""
        return now < self._until

    def too_much(self, now: float) -> None:
        """Keep it away from now on."""
        if now - self._until > MOST_WITHOUT_S:
            self._wait = WITHOUT_S
        self._until = now + self._wait
        self._wait = min(2 * self._wait, MOST_WITHOUT_S)


class Allowance:
    """Sees to it, second by second, that no more is sent to and by one learner than allowed."""

    def __init__(self, stage: Stage, clock: Clock) -> None:
        self._stage = stage
        self._clock = clock
        self._meter = Meter()
        self._patience = Patience()
        self._lossy: float | None = None

    @property
    def sees(self) -> bool:
        """Say whether the learner is sent the invigilator's picture, if there is one."""
        return Track.CAMERA in self._stage.to_learner

    def keep(self, told: Told, view: RoomView) -> None:
        """Bring what is sent up to what was told, and to what has gone over the link."""
        now = self._clock.monotonic()
        learner = self._stage[Party.LEARNER].peer
        self._meter.see(learner, now)
        budget = told.budget or Budget()
        rate = self._allowed(budget, told, view)
        if self.sees and (self._too_lossy(learner, now) or self._too_fast(rate)):
            self._patience.too_much(now)
        self._stage.allow(self._tracks(told.rung, rate, now))
        cap = self._cap(told.rung, rate)
        for peer in (learner, self._stage[Party.SECOND].peer):
            if peer is not None:
                peer.limit(cap)

    def _allowed(self, budget: Budget, told: Told, view: RoomView) -> float | None:
        """Return how many bits a second may go over the link in all; None: no limit."""
        rates: list[float] = []
        if budget.kbit is not None:
            rates.append(budget.kbit * 1000.0)
        if budget.megabytes is not None:
            used = max(self._meter.total, 1000 * (told.used_kb or 0))
            left = max(budget.megabytes * 1_000_000 - used, 0)
            lasts = view.session.remaining(view.now).total_seconds() + AFTER_S
            rates.append(8 * left / lasts)
        return min(rates, default=None)

    def _tracks(self, rung: Rung | None, rate: float | None, now: float) -> frozenset[Track]:
        if rung is Rung.TEXT or rate == 0:
            return NOTHING
        shown = rung in SEES_INVIGILATOR and not self._patience.without(now)
        return FACE if shown else VOICE

    def _cap(self, rung: Rung | None, rate: float | None) -> int | None:
        cap = UNKNOWN if rung is None else CAPS[rung]
        if rate is None:
            return cap
        left = int(rate) - VOICES
        return max(left if cap is None else min(left, cap), FLOOR)

    def _too_fast(self, rate: float | None) -> bool:
        return rate is not None and self._meter.rate > OVER * rate

    def _too_lossy(self, peer: MediaPeer | None, now: float) -> bool:
        """Say whether much has been lost on the way to the learner for a while."""
        if peer is None or peer.lost_on_the_way(now) <= LOST:
            self._lossy = None
            return False
        if self._lossy is None:
            self._lossy = now
        return now - self._lossy >= LOST_S
