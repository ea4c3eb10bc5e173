"""What a room knows of its learner's link: the rung, the way, and the budget, as the page tells.

The page alone knows what its link carries; the server shows it to the staff, and records each step
once it has held for a while.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from invigilation.desk.office import LEARNER
from invigilation.desk.room_view import RoomView
from invigilation.errors import Busy
from invigilation.ladder import Budget, Rung, Way, Why
from invigilation.record import Data
from invigilation.session import LIVE
from signalling import messages as m
from signalling.bucket import Bucket
from signalling.means import Means
from signalling.presence import HOLD_S
from signalling.seat import Seat

TOLD_A_SECOND: Final = 0.5
TOLD_AT_ONCE: Final = 10.0
"""A page tells of its link on every change, and every ten seconds."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    """What was last told of the learner's link; without a learner there is no rung and no way.

    `keeps`, `budget` and `used_kb` stay as they were last known.
    """

    rung: Rung | None = None
    way: Way | None = None
    why: Why = Why.START
    keeps: bool = False
    budget: Budget | None = None
    used_kb: int | None = None
    figures: m.Figures | None = None


@dataclass(slots=True)
class Held(Generic[T]):
    """Lets a value through once it has held for `HOLD_S`, and none twice in a row."""

    recorded: T
    _candidate: T | None = None
    _since: float = field(default=0.0)

    def see(self, value: T, now: float) -> bool:
        """Say whether this value is new and has held; it then counts as recorded."""
        if value == self.recorded:
            self._candidate = None
        elif value != self._candidate:
            self._candidate, self._since = value, now
        elif now - self._since >= HOLD_S:
            self.recorded, self._candidate = value, None
            return True
        return False


class LadderWatch:
    """Remembers what one learner's page tells, and keeps the record of it."""

    def __init__(self, session: str, means: Means) -> None:
        self.told = Told()
        self._session = session
        self._means = means
        self._step: Held[tuple[Rung, Way] | None] = Held(None)
        self._budget = Held(Budget())
        self._often = Bucket(TOLD_A_SECOND, TOLD_AT_ONCE, means.clock)

    def hear(self, message: m.Link) -> None:
        """Take what the page tells; raises `Busy` when it does so all the time."""
        if not self._often.take():
            raise Busy("connection")
        self.told = Told(
            message.rung,
            message.way,
            message.why,
            message.keeps,
            message.budget,
            message.used_kb,
            message.figures,
        )

    async def tick(self, learner: Seat, view: RoomView) -> bool:
        """Record what has held; say whether something was recorded."""
        if learner.person is None and learner.peer is None and self.told.rung is not None:
            self.told = replace(self.told, rung=None, way=None, figures=None)
        if view.session.state not in LIVE:
            return False
        stepped = await self._record_step()
        return await self._record_budget() or stepped

    async def _record_step(self) -> bool:
        told, before = self.told, self._step.recorded
        if told.rung is None or told.way is None:
            return False
        if not self._step.see((told.rung, told.way), self._means.clock.monotonic()):
            return False
        came = None if before is None else before[0].value
        await self._note(
            "ladder",
            {"rung": told.rung.value, "from": came, "why": told.why.value, "way": told.way.value},
        )
        return True

    async def _record_budget(self) -> bool:
        budget = self.told.budget
        if budget is None or not self._budget.see(budget, self._means.clock.monotonic()):
            return False
        await self._note("link_budget", {"kbit": budget.kbit, "mb": budget.megabytes})
        return True

    async def _note(self, kind: str, data: Data) -> None:
        await self._means.desk.sessions.note(self._session, kind, LEARNER, data)
