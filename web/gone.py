"""Sees to it that staff leave the live rooms when their way in has ended.

Whoever signs out in a browser is told to go at once, by the relay. But a login may also end in
another process, such as by a command that removes somebody, and a nudge may be lost. So every few
seconds the logins of those who are connected are looked at: when one has ended before its time, or
their roles are others now, their connections are closed, and whoever may still come in comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from invigilation.desk import Desk
from invigilation.desk.people import Kind
from invigilation.people import Staff

EVERY_S: Final = 4.0


@dataclass(slots=True)
class Gone:
    """Remembers which logins the connected had; `inside` says who they are, `dismiss` ends them."""

    desk: Desk
    inside: Callable[[], list[Staff]]
    dismiss: Callable[[str], None]
    _known: dict[str, dict[str, datetime]] = field(default_factory=dict)

    async def sweep(self) -> int:
        """Look once; return how many people were sent away."""
        people = self.inside()
        if not people:
            self._known.clear()
            return 0
        now, gone = self.desk.office.clock.now(), []
        known: dict[str, dict[str, datetime]] = {}
        async with self.desk.office.store.read() as tx:
            for one in people:
                there = await tx.people.staff(one.id)
                logins = await tx.logins.of_person(Kind.STAFF, one.id, now)
                known[one.id] = {it.token_sha256: it.expires for it in logins}
                ended = self._ended(one.id, known[one.id], now)
                if ended or there is None or there.roles != one.roles:
                    gone.append(one.id)
        self._known = known
        for ident in gone:
            self.dismiss(ident)
        return len(gone)

    def _ended(self, person: str, logins: dict[str, datetime], now: datetime) -> bool:
        """Say whether a login that was there is not any more; one that ran out has ended itself."""
        before = self._known.get(person, {})
        return any(it not in logins for it, expires in before.items() if expires > now)
