"""Tells everybody in a room how the session now stands, and the lobbies what looks different."""

from __future__ import annotations

from dataclasses import replace

from invigilation.desk.room_view import RoomView
from invigilation.identity import IdentityState
from invigilation.session import LIVE
from signalling import wire
from signalling.means import Means
from signalling.messages import Party
from signalling.stage import Stage
from signalling.words import Json


class Announcer:
    """Knows what was told before: nobody is told the same twice."""

    def __init__(self, means: Means, stage: Stage) -> None:
        self._means = means
        self._stage = stage
        self._told: dict[Party, object] = {}
        self._lobby: tuple[object, object] = (None, None)

    def state(
        self, party: Party, view: RoomView, face: wire.Face, since: int | None = None
    ) -> Json:
        """Return how the session stands at this moment, as this side may see it.

        Of the chat only the lines after number `since`, if it is given: they have the others.
        """
        lines = tuple(line for line in view.chat if since is None or line.seq > since)
        return wire.state(party, replace(view, now=self._means.clock.now(), chat=lines), face)

    async def announce(
        self, view: RoomView, face: wire.Face, glimpse: wire.Glimpse, skip: str | None
    ) -> None:
        """Tell all for whom something has changed, but for the connection `skip`."""
        self._tell_lobbies(view, glimpse)
        before, self._told = self._told, wire.versions(view, face)
        for seat in self._stage:
            if seat.person is None or seat.person.sid == skip:
                continue
            if before.get(seat.party) != self._told[seat.party]:
                body = self.state(seat.party, view, face)
                await self._means.outlet.send(seat.person.sid, "state", body)

    def _tell_lobbies(self, view: RoomView, shown: wire.Glimpse) -> None:
        to = None if view.handing_to is None else view.handing_to.id
        unattended = shown.unattended and view.session.state in LIVE
        # A check that waits for a colleague is in the lobby of whoever may look.
        referred = view.identity.state is IdentityState.REFERRED
        everybodys = (view.sitting.staff, to, unattended, referred)
        own = (view.session.state, shown.since, shown.hand)
        before, self._lobby = self._lobby, (everybodys, own)
        if before[0] is not None and before[0] != everybodys:
            self._means.changed(None)
        elif before != self._lobby:
            self._means.changed(view.sitting.staff)
