"""Sees to it that staff leave the live rooms when their way in has ended.

Whoever signs out in a browser is told to go at once, by the relay. But a login may also end in
another process, such as by a command that removes somebody, and a nudge may be lost. So every few
seconds the logins of those who are connected are looked at: when one has ended before its time, or
their roles are others now, their connections are closed, and whoever may still come in comes back.
A login that runs out ends the connections, too, as soon as its person is in no running session.

Whoever is connected is there, without a request for hours perhaps: a login never rests meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from invigilation.desk import Desk
from invigilation.desk.people import Kind
from invigilation.people import Staff
from invigilation.session import LIVE
from invigilation.store import Tx
from invigilation.store.logins import Login
from invigilation.store.views import LobbyRole

EVERY_S: Final = 4.0


@dataclass(slots=True)
class Gone:
    """Remembers which logins the connected had; `inside` says who they are, `dismiss` ends them.

    `lines` are the digests of the logins by which they came.
    """

    desk: Desk
    inside: Callable[[], list[Staff]]
    dismiss: Callable[[str], None]
    lines: Callable[[], set[str]] = set
    _known: dict[str, dict[str, datetime]] = field(default_factory=dict)

    async def sweep(self) -> int:
        """Look once; return how many people were sent away."""
        people = self.inside()
        if not people:
            self._known.clear()
            return 0
        now, gone, there_by = self.desk.office.clock.now(), [], self.lines()
        heard: list[Login] = []
        known: dict[str, dict[str, datetime]] = {}
        async with self.desk.office.store.read() as tx:
            for one in people:
                there = await tx.people.staff(one.id)
                found = await tx.logins.of_person(Kind.STAFF, one.id, now)
                heard += [it for it in found if it.token_sha256 in there_by]
                logins = {it.token_sha256: it.ends for it in found}
                known[one.id] = logins
                if self._ended(one.id, logins, now) or there is None or there.roles != one.roles:
                    gone.append(one.id)
                elif over := self._ran_out(one.id, logins, now):
                    if await _at_work(tx, one.id, now):
                        known[one.id] = logins | over
                    else:
                        gone.append(one.id)
        self._known = known
        for login in heard:
            await self.desk.reception.heard(login)
        for ident in gone:
            self.dismiss(ident)
        return len(gone)

    def _ended(self, person: str, logins: dict[str, datetime], now: datetime) -> bool:
        """Say whether a login that was there is not any more; one that ran out has ended itself."""
        before = self._known.get(person, {})
        return any(it not in logins for it, ends in before.items() if ends > now)

    def _ran_out(
        self, person: str, logins: dict[str, datetime], now: datetime
    ) -> dict[str, datetime]:
        """Return the logins that were there and ran out; any, for who came in without one.

        Somebody may be without one at the first look: this process began after it ran out.
        """
        before = self._known.get(person)
        if before is None:
            return {} if logins else {"": now}
        return {it: ends for it, ends in before.items() if ends <= now and it not in logins}


async def _at_work(tx: Tx, person: str, now: datetime) -> bool:
    """Say whether somebody invigilates a session that is running: nobody is left alone in it."""
    return any(
        one.role is LobbyRole.MINE and one.sitting.session_state in LIVE
        for one in await tx.views.lobby(person, now, now)
    )
