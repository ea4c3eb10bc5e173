"""The gap desk: stretches without a sign of the learner, and whose fault they were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from invigilation import record
from invigilation.desk.filling import refresh
from invigilation.desk.office import (
    SERVICE,
    Office,
    Told,
    actor,
    following,
    held,
    new_id,
    saved,
    sitting_of,
    watched,
)
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.gap import Gap, Ruling
from invigilation.incident import NOTE_LIMIT
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.report import Delivery
from invigilation.session import SEALED, Session, runs
from invigilation.store import Tx
from invigilation.store.sessions import Open

SIGNS = (
    "admit",
    "resume",
    "joined",
    "left",
    "signal",
    "gap_closed",
    "chat",
    "snapshot",
    "incident",
)
"""Kinds of entries that only a room that is watched makes."""
LONGEST_OUTAGE = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class GapDesk:
    """Keeps gaps; the room finds them, an invigilator rules them."""

    office: Office

    async def open(self, session: str, began: datetime) -> Gap | None:
        """Open a gap that began with the last packet; None when there is one, or no clock runs.

        No moment lies in two gaps: one that would reach into the gap before begins at its end.
        """
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            now = self.office.clock.now()
            gap = one.session.gap(new_id("gp"), began, await tx.marks.gaps(session), now)
            if gap is None:
                return None
            data: Data = {"gap": gap.id, "began": record.stamp(gap.began)}
            entry = self.office.entry(one, "gap_opened", SERVICE, data, now)
            told = {"began": data["began"]}
            notice = await _notice(self.office, tx, session, "session.interrupted", told)
            await tx.sessions.append(entry, notice)
            await tx.marks.add_gap(gap)
        return gap

    async def open_unwatched(self, session: str, since: datetime) -> Gap | None:
        """Open a gap for what nobody watched, if a clock was left running without a room.

        A room that ends opens a gap; one that was killed with its process cannot. `since` is when
        the process began that watches now: what nobody watched began with the service's last
        heartbeat before it, or with a later sign of a room in the record. None as in `open`.
        """
        async with self.office.store.read() as tx:
            signs = await tx.sessions.moments(session, *SIGNS)
            beats = await tx.watch.beats(since - LONGEST_OUTAGE, since)
        last = max((*signs[-1:], *beats[-1:]), default=None)
        return None if last is None else await self.open(session, last)

    async def close(self, session: str, ended: datetime) -> Gap | None:
        """Close the open gap, as media flow again since `ended`; None when none is open."""
        async with self.office.store.write() as tx:
            now = self.office.clock.now()
            gap, _ = await close_gap(self.office, tx, await held(tx, session), min(ended, now), now)
        return gap

    async def rule(self, session: str, by: Staff, gap: str, ruling: Ruling, note: str) -> Session:
        """Rule whose a gap was, for the first time or anew, until the session is attested.

        A technical one gives back what was lost in it, once; ruled otherwise, it takes it back.
        """
        note = note.strip()
        if len(note) > NOTE_LIMIT:
            raise InvalidInput("note", f"A note has at most {NOTE_LIMIT} letters.")
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            if one.session.state in SEALED:
                raise NotAllowed("rule a gap in a record that is sealed")
            before = next((it for it in await tx.marks.gaps(session) if it.id == gap), None)
            if before is None:
                raise NotFound("gap", gap)
            now = self.office.clock.now()
            ruled = before.ruled(ruling, note, by.id, now)
            after = one.session.after_ruling(before, ruled)
            data: Data = {
                "gap": gap,
                "ruling": ruling.value,
                "given_back_ms": after.given_back // MILLISECOND,
            }
            who = actor(by, Role.INVIGILATOR)
            entry = self.office.entry(one, "gap_ruled", who, data, now, {"note": note})
            await tx.sessions.save(after, entry)
            await tx.marks.save_gap(ruled)
        return saved(after, entry)


async def close_gap(
    office: Office, tx: Tx, one: Open, ended: datetime, now: datetime
) -> tuple[Gap | None, Open]:
    """Close the held session's open gap, if it has one; return it, and the session after."""
    gap = next((it for it in await tx.marks.gaps(one.session.id) if it.ended is None), None)
    if gap is None:
        return None, one
    closed = gap.closed(ended, runs(await tx.sessions.clock_steps(one.session.id)))
    last, lost = closed.ended or now, closed.lost or timedelta(0)
    data: Data = {
        "gap": gap.id,
        "ended": record.stamp(last),
        "lost_ms": lost // MILLISECOND,
    }
    entry = office.entry(one, "gap_closed", SERVICE, data, now)
    told = {"began": record.stamp(closed.began), "ended": data["ended"]}
    notice = await _notice(office, tx, one.session.id, "session.restored", told)
    await tx.sessions.append(entry, notice)
    await tx.marks.save_gap(closed)
    return closed, await refresh(office, tx, following(one, entry), now)


async def _notice(office: Office, tx: Tx, session: str, kind: str, told: Told) -> Delivery:
    return office.notice(await sitting_of(tx, session), kind, told)
