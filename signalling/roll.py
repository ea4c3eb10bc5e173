"""The roll: who the record says is present."""

from __future__ import annotations

from collections.abc import Callable

from invigilation.desk.room_view import RoomView
from invigilation.session import SEALED
from signalling.means import Means
from signalling.seat import Seat
from signalling.stage import Departing, Stage


class Roll:
    """Brings the record up to who comes and goes; `written` is called before each entry.

    A sealed record takes no more of them.
    """

    def __init__(
        self, session: str, means: Means, stage: Stage, written: Callable[[], None]
    ) -> None:
        self._session = session
        self._means = means
        self._stage = stage
        self._written = written
        self._sealed = False

    def seen(self, view: RoomView) -> None:
        """Note how the session stands."""
        self._sealed = view.session.state in SEALED

    async def bring(self, seat: Seat, who: str | None) -> None:
        """Bring the record up to who sits there; `who` None: nobody."""
        before = seat.recorded
        if before == who or self._sealed:
            return
        for actor, present in ((before, False), (who, True)):
            if actor is not None:
                await self.note(actor, present=present)
                seat.recorded = actor if present else None

    async def note(self, actor: str, *, present: bool) -> None:
        """Note that somebody is here, or is not any more."""
        if not self._sealed:
            self._written()
            await self._means.desk.sessions.present(self._session, actor, present=present)

    async def all_left(self, departing: Departing | None) -> None:
        """Empty all seats for good, and note it."""
        for seat in self._stage:
            seat.leave(self._means.clock.monotonic())
            await self.bring(seat, None)
        if departing is not None and departing.recorded is not None:
            await self.note(departing.recorded, present=False)
