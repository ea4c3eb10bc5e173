"""The lobby: what each invigilator on duty sees of today's sessions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from invigilation import attendance
from invigilation.desk import Desk
from invigilation.people import Role, Staff
from invigilation.ports import Clock
from invigilation.session import SessionState
from invigilation.store.views import Sitting
from signalling import wire
from signalling.ports import Outlet

PERIOD_S: Final = 15.0
"""Everybody's lobby is sent at least this often."""
GATHER_S: Final = 0.1
"""Changes that come together are sent together."""
POLL_S: Final = 1.0
SEND_S: Final = 5.0
READY_S: Final = 60.0
"""How often it is noted that an invigilator is ready for a session."""
SHOWN_TO: Final = frozenset({Role.INVIGILATOR, Role.ADMINISTRATOR})

log = structlog.get_logger(__name__)


class Lobby:
    """Knows which staff are connected; `run` sends them their lists."""

    def __init__(
        self,
        desk: Desk,
        outlet: Outlet,
        clock: Clock,
        learner_since: Callable[[str], datetime | None],
    ) -> None:
        self._desk = desk
        self._outlet = outlet
        self._clock = clock
        self._learner_since = learner_since
        self._staff: dict[str, Staff] = {}
        self._sent: dict[str, float] = {}
        self._due: set[str] = set()
        self._ready: dict[str, float] = {}
        self._wake = asyncio.Event()

    def enter(self, sid: str, staff: Staff) -> None:
        """Send the list to this connection from now on."""
        if staff.roles & SHOWN_TO:
            self._staff[sid] = staff
            self.changed(staff.id)

    def leave(self, sid: str) -> None:
        """Send it no more."""
        self._staff.pop(sid, None)

    def changed(self, staff: str) -> None:
        """Send this person's list soon: something in it has changed."""
        self._due.add(staff)
        self._wake.set()

    async def run(self) -> None:
        """Send lists, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            due, self._due = self._due, set()
            now = self._clock.monotonic()
            for staff in {one.id: one for one in self._staff.values()}.values():
                last = self._sent.get(staff.id, float("-inf"))
                if staff.id in due or now - last >= PERIOD_S:
                    self._sent[staff.id] = now
                    await self._send(staff)

    async def _send(self, staff: Staff) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                first, last = today(self._clock.now(), self._desk.office.rules.zone)
                sittings = await self._desk.sessions.lobby(staff, first, last)
                await self._note_ready(staff, sittings)
                lines = [
                    wire.lobby_entry(one, self._learner_since(one.session)) for one in sittings
                ]
                for sid in [sid for sid, one in self._staff.items() if one.id == staff.id]:
                    await self._outlet.send(sid, "lobby", {"sessions": lines})
        except Exception:
            log.exception("a lobby could not be sent", staff=staff.id)

    async def _note_ready(self, staff: Staff, sittings: list[Sitting]) -> None:
        """Note that the invigilator is there for whoever may check in now."""
        now, moment = self._clock.monotonic(), self._clock.now()
        self._ready = {one: at for one, at in self._ready.items() if now - at < READY_S}
        for one in sittings:
            if (
                one.staff == staff.id
                and one.session_state is SessionState.SCHEDULED
                and attendance.opens(one.start) <= moment <= attendance.closes(one.start)
                and one.session not in self._ready
            ):
                self._ready[one.session] = now
                await self._desk.sessions.ready(one.session, staff)


def today(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the office's day that `now` lies in: its first moment, and the next day's, in UTC."""
    day = now.astimezone(zone).date()
    first = datetime.combine(day, time(0), zone)
    last = datetime.combine(day + timedelta(days=1), time(0), zone)
    return first.astimezone(UTC), last.astimezone(UTC)
