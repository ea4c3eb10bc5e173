"""The desk of rehearsals: what learners measured of their links, and what to expect from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from invigilation.booking import BookingState
from invigilation.desk.office import LEARNER, Office, held, new_id
from invigilation.errors import NotAllowed, NotFound
from invigilation.forecast import OLDEST, Forecast, forecast
from invigilation.probe import (
    DAILY,
    FRESH,
    SMALL_EVERY,
    Figures,
    Probe,
    ProbeKind,
    at_hour,
    expect,
)
from invigilation.record import Data
from invigilation.session import SessionState
from invigilation.store import Tx
from invigilation.store.sessions import Open
from invigilation.store.views import Sitting

PROBE = "probe"
ENTRIES = 60
"""So many measurements at most stand in one session's record."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a learner's page is to do: whether it may measure by itself, and when.

    `wait` is how long it waits before the next small measurement, None where none is wanted today
    or without the learner's consent; `start` is that of the session that is booked.
    """

    agreed: bool
    start: datetime | None
    wait: timedelta | None


@dataclass(frozen=True, slots=True)
class ProbeDesk:
    """Keeps measurements: with the learner's request, and in the record of the session booked."""

    office: Office

    async def keep(self, request: str, kind: ProbeKind, figures: Figures) -> Probe:
        """Keep a measurement; a learner may make `DAILY` of them in 24 hours.

        Raises `NotFound`, and `NotAllowed` for one too many, and for a small one without the
        learner's consent, too soon after the last, or not at the hour of a session.
        """
        async with self.office.store.write() as tx:
            sitting = await _ahead(tx, request)
            # First the session, then the request, as everybody who changes both: no deadlock.
            open_one = None if sitting is None else await held(tx, sitting.session)
            if not await tx.probes.hold(request):
                raise NotFound("request", request)
            now = self.office.clock.now()
            await self._allow(tx, request, kind, sitting, now)
            session = None if sitting is None else sitting.session
            one = Probe(new_id("lp"), request, session, now, kind, figures, expect(figures))
            await tx.probes.add(one)
            if open_one is not None:
                await self._record(tx, open_one, one)
        return one

    async def _allow(
        self, tx: Tx, request: str, kind: ProbeKind, sitting: Sitting | None, now: datetime
    ) -> None:
        if await tx.probes.count(request, now - timedelta(days=1)) >= DAILY:
            raise NotAllowed("test the link more often today")
        if kind is ProbeKind.FULL:
            return
        if not await tx.probes.agreed(request):
            raise NotAllowed("do this without the learner's consent")
        if sitting is None or not at_hour(sitting.start, now):
            raise NotAllowed("do this but at the hour of a session")
        last = await tx.probes.last(request, ProbeKind.SMALL)
        if last is not None and now - last < SMALL_EVERY:
            raise NotAllowed("do this again so soon")

    async def _record(self, tx: Tx, open_one: Open, one: Probe) -> None:
        if open_one.session.state is not SessionState.SCHEDULED:
            return
        if len(await tx.sessions.moments(open_one.session.id, PROBE)) >= ENTRIES:
            return
        data: Data = {
            "kind": one.kind.value,
            "rung": one.expected.rung.value,
            "way": one.expected.way.value,
            **asdict(one.figures),
        }
        await tx.sessions.append(self.office.entry(open_one, PROBE, LEARNER, data, one.at))

    async def agree(self, request: str, *, yes: bool) -> None:
        """Note that the learner lets their pages measure by themselves, or no more.

        With the consent goes what those small measurements found; the session's record still says
        that they were made. Raises `NotFound`.
        """
        async with self.office.store.write() as tx:
            if not await tx.probes.hold(request):
                raise NotFound("request", request)
            now = self.office.clock.now()
            change = tx.probes.agree if yes else tx.probes.withdraw
            if await change(request, now):
                before: Data = {"small_tests": not yes}
                after: Data = {"small_tests": yes}
                action = f"link_consent.{'given' if yes else 'withdrawn'}"
                await self.office.note(tx, LEARNER, action, request, before, after)

    async def wanted(self, request: str) -> Wanted:
        """Return what the learner's own page is to do now."""
        async with self.office.store.read() as tx:
            now = self.office.clock.now()
            agreed = await tx.probes.agreed(request)
            sitting = await _ahead(tx, request)
            start = None if sitting is None else sitting.start
            if not agreed or start is None:
                return Wanted(agreed, start, None)
            last = await tx.probes.last(request, ProbeKind.SMALL)
            soonest = now if last is None else max(now, last + SMALL_EVERY)
            return Wanted(agreed, start, _until(soonest, start, now))

    async def of(self, request: str) -> list[Probe]:
        """Return what was measured for a request, oldest first."""
        async with self.office.store.read() as tx:
            return await tx.probes.of(request, self.office.clock.now() - FRESH)

    async def forecasts(
        self, bookings: Iterable[tuple[str, str, datetime]]
    ) -> Mapping[str, Forecast]:
        """Return what to expect of each booking (id, request, start) that lies ahead, by its id.

        Those of which nothing is known are left out.
        """
        now = self.office.clock.now()
        ahead = [one for one in bookings if one[2] > now]
        if not ahead:
            return {}
        async with self.office.store.read() as tx:
            known = await tx.probes.of_requests((one[1] for one in ahead), now - OLDEST)
        found = {
            booking: forecast(known.get(request, ()), start, now)
            for booking, request, start in ahead
        }
        return {booking: one for booking, one in found.items() if one is not None}


def _until(soonest: datetime, start: datetime, now: datetime) -> timedelta | None:
    """Return how long to wait for the next minute that lies near the session's hour, in a day."""
    for minutes in range(24 * 60):
        at = soonest + timedelta(minutes=minutes)
        if at_hour(start, at):
            return at - now
    return None


async def _ahead(tx: Tx, request: str) -> Sitting | None:
    """Return the sitting that is booked for a request and has not begun."""
    found = await tx.bookings.latest_of(request)
    sitting = None if found is None else await tx.views.sitting_of_booking(found.id)
    if sitting is None or sitting.booking_state is not BookingState.BOOKED:
        return None
    return sitting
