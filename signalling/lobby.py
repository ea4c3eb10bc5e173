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
from invigilation.store.views import LobbyRole, LobbySitting
from signalling import wire, wire_identity
from signalling.ports import Outlet
from signalling.words import Json, stamp

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
        glimpse: Callable[[str], wire.Glimpse],
    ) -> None:
        self._desk = desk
        self._outlet = outlet
        self._clock = clock
        self._glimpse = glimpse
        self._staff: dict[str, Staff] = {}
        self._sent: dict[str, float] = {}
        self._due: set[str] = set()
        self._ready: dict[str, float] = {}
        self._wake = asyncio.Event()

    def enter(self, sid: str, staff: Staff) -> None:
        """Send the list to this connection from now on."""
        if staff.roles & SHOWN_TO:
            self._staff[sid] = staff
            self.changed(None)  # colleagues see who is here

    def leave(self, sid: str) -> None:
        """Send it no more."""
        if self._staff.pop(sid, None) is not None:
            self.changed(None)

    def changed(self, staff: str | None) -> None:
        """Send this person's list soon, and that of administrators; None: everybody's."""
        self._due |= {
            one.id
            for one in self._staff.values()
            if staff is None or one.id == staff or one.is_a(Role.ADMINISTRATOR)
        }
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
                body = {
                    "now": stamp(self._clock.now()),
                    "sessions": self._entries(staff, sittings),
                    "referrals": [
                        wire_identity.referral(one)
                        for one in await self._desk.identity.waiting(staff)
                    ],
                    "colleagues": await self._colleagues(staff),
                }
                for sid in [sid for sid, one in self._staff.items() if one.id == staff.id]:
                    await self._outlet.send(sid, "lobby", body)
        except Exception:
            log.exception("a lobby could not be sent", staff=staff.id)

    def _entries(self, staff: Staff, sittings: list[LobbySitting]) -> list[Json]:
        entries: list[Json] = []
        for one in sittings:
            glimpse = self._glimpse(one.sitting.session)
            role = one.role
            if role is LobbyRole.COLLEAGUE and glimpse.unattended:
                role = LobbyRole.UNATTENDED
            if role is not LobbyRole.COLLEAGUE or staff.is_a(Role.ADMINISTRATOR):
                entries.append(wire.lobby_entry(role, one.sitting, glimpse))
        return entries

    async def _colleagues(self, staff: Staff) -> list[Json]:
        here = {one.id for one in self._staff.values()}
        return [
            {"id": one.id, "name": one.name, "here": one.id in here}
            for one in await self._desk.handover.colleagues(staff)
        ]

    async def _note_ready(self, staff: Staff, sittings: list[LobbySitting]) -> None:
        """Note that the invigilator is there for whoever may check in now."""
        now, moment = self._clock.monotonic(), self._clock.now()
        self._ready = {one: at for one, at in self._ready.items() if now - at < READY_S}
        for one in (it.sitting for it in sittings if it.role is LobbyRole.MINE):
            if (
                one.session_state is SessionState.SCHEDULED
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
