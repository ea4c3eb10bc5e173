"""The room's recordings: which run while, and when they are complete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from invigilation.consent import Purpose
from invigilation.desk.identity_facts import taken_back
from invigilation.desk.room_view import RoomView
from invigilation.session import LIVE, OVER
from signalling.means import Means, Spawn
from signalling.stage import Stage
from signalling.tape import Tapes, feeds
from signalling.thin import Thin

log = structlog.get_logger(__name__)


class Studio:
    """Records what comes while a session is live, and the learner agrees to it.

    `look` is called when parts are complete. That something is not recorded goes into the record.
    """

    def __init__(
        self,
        session: str,
        means: Means,
        stage: Stage,
        thin: Thin,
        spawn: Spawn,
        look: Callable[[], None],
    ) -> None:
        self._session = session
        self._desk = means.desk.recordings
        self._clock = means.clock
        self._stage = stage
        self._thin = thin
        self._spawn = spawn
        self._look = look
        self._tapes = Tapes(session, means.evidence)
        self._finishing: asyncio.Task[None] | None = None
        self._noted: str | None = None
        self._watch = means.watch
        self._told: str | None = None

    @property
    def on(self) -> bool:
        """Say whether all is recorded that comes, or is being completed."""
        return self._tapes.on

    @property
    def running(self) -> int:
        """How many parts are being recorded, or completed."""
        return len(self._tapes.running)

    @property
    def stopped(self) -> str | None:
        """Why something that comes is not recorded, or None."""
        return self._tapes.stopped

    async def keep(self, view: RoomView) -> bool:
        """Bring the recordings up to how the session stands; say whether the record grew."""
        if self._finishing is not None and not self._finishing.done():
            return False
        if view.session.state in OVER or taken_back(view.consents, Purpose.RECORDING):
            if self._tapes.running:
                self._finishing = self._spawn(self._finish(self._tapes.finish))
        elif self._tapes.broken:
            self._finishing = self._spawn(self._finish(self._tapes.finish_broken))
        elif view.session.state in LIVE:
            now = self._clock.monotonic()
            begun = await self._tapes.follow(feeds(self._stage, self._thin, now), now)
            return await self._note_stopped() or begun
        return False

    async def _note_stopped(self) -> bool:
        """Write into the record that something is not recorded, once; say whether it was."""
        why = self._tapes.stopped
        if why is not None and why != self._told:
            self._watch.stopped(why)
        self._told = why
        if why == self._noted:
            return False
        try:
            if why is not None:
                await self._desk.stop(self._session, why)
        except Exception:
            # Tried again; whoever watches is told all the same.
            log.exception("a stopped recording could not be noted", session=self._session)
            return False
        self._noted = why
        return why is not None

    async def done(self, view: RoomView) -> None:
        """Wait until the recording is complete: what is attested names every piece of it."""
        await self.keep(view)
        if self._finishing is not None:
            await asyncio.wait({self._finishing})

    async def close(self) -> None:
        """Complete what runs. Never raises an `Exception`."""
        await self._tapes.finish()

    async def _finish(self, finish: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await finish()
        self._look()
