"""The desk of fills: what a learner's device kept of a gap is told, brought, and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from invigilation.consent import Purpose
from invigilation.desk.erasure import FORGOTTEN
from invigilation.desk.filling import name_head, named, refresh, run_out, tell
from invigilation.desk.identity_facts import taken_back
from invigilation.desk.office import (
    Office,
    actor,
    allow,
    following,
    held,
    sitting_of,
)
from invigilation.errors import NotAllowed, NotFound, TooLate
from invigilation.fill import (
    LASTS,
    UNSETTLED,
    Chunk,
    FillState,
    Link,
    NotWanted,
    TooMuch,
    WrongChain,
    droppable,
    follow,
    genesis,
    overlaps,
    wanted,
)
from invigilation.gap import Gap
from invigilation.people import Role, Staff
from invigilation.session import OVER, SEALED, Session, SessionState
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.fills import Local
from invigilation.store.sessions import Open

JUDGED = "fill_judged"
NOTED_EVERY = timedelta(minutes=1)
LATE = timedelta(seconds=30)
"""A link that is told so long after its end was made while nothing could be told."""
MOST_RECORDINGS = 50
"""A page begins one each time it is loaded."""
MOST_LINKS = 2_000
"""Eleven hours of segments of 20 s; all are read for each that is told or brought."""
MOST_BYTES = 400 * 1024 * 1024
MOST_FILLED = 12
"""So often a gap is complete, and then not: once is usual, each page of the time may add one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a recording on a device stands: how many of its links are known, which chunks are wanted.

    Below number `drop` the device needs nothing any more.
    """

    have: int = 0
    wanted: tuple[int, ...] = ()
    drop: int = 0


@dataclass(frozen=True, slots=True)
class Shelf:
    """All that is known of a session's recordings on devices; `keep`: whether it may record."""

    recordings: Mapping[str, Standing]
    keep: bool
    until: datetime | None
    """When the last of it is taken; None while the session is not over."""


@dataclass(frozen=True, slots=True)
class FillDesk:
    """Takes in what learners' devices kept, and what people make of it."""

    office: Office

    async def session_of(self, request: str, recording: str) -> str:
        """Return the session of this learner's recording; raises `NotFound`."""
        async with self.office.store.read() as tx:
            found = await tx.fills.session_of(request, recording)
        if found is None:
            raise NotFound("recording", recording)
        return found

    async def shelf(self, session: str, request: str) -> Shelf:
        """Return how everything stands, for the learner of `request`; raises `NotFound`."""
        async with self.office.store.read() as tx:
            found = await tx.sessions.find(session)
            if found is None or (await sitting_of(tx, session)).request != request:
                raise NotFound("session", session)
            return await self._shelf(tx, found)

    async def tell(
        self, session: str, request: str, recording: str, first: int, links: Sequence[Link]
    ) -> Shelf:
        """Take in links of a recording's chain, of which the first has number `first`.

        Those that are known already must be the same; those that begin beyond what is known are
        not taken. Raises `WrongChain`, `InvalidInput`, `TooMuch`, `NotAllowed`, and `TooLate`.
        """
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            if (await sitting_of(tx, session)).request != request:
                raise NotFound("session", session)
            now = self.office.clock.now()
            await _open(tx, one.session, now)
            before = {local.recording: local for local in await tx.fills.locals(session)}
            local = before.get(recording) or Local(
                session, recording, now, 0, genesis(session, recording)
            )
            if recording not in before and len(before) >= MOST_RECORDINGS:
                raise TooMuch("recordings")
            known = await tx.fills.chunks(session)
            mine = [chunk for chunk in known if chunk.recording == recording]
            fresh = [
                Chunk.of(link, session, recording, now)
                for link in _fresh(local, mine, first, links, now)
            ]
            if len(known) + len(fresh) > MOST_LINKS:
                raise TooMuch("links")
            if fresh:
                await _not_filled_often(tx, session, fresh)
                await tx.fills.add_chunks(fresh)
                local = replace(local, links=local.links + len(fresh), head=fresh[-1].head)
                one = await self._note(tx, one, local, fresh, now)
                await refresh(self.office, tx, one, now)
            return await self._shelf(tx, one.session)

    async def wants(self, session: str, recording: str, n: int) -> Chunk:
        """Return a chunk that is wanted, or that is here already.

        Raises `NotFound` where nothing was told of it, `NotWanted`, `TooMuch`, and as `tell` does.
        """
        async with self.office.store.read() as tx:
            found = await tx.sessions.find(session)
            if found is None:
                raise NotFound("session", session)
            await _open(tx, found, self.office.clock.now())
            known = await tx.fills.chunks(session)
            chunk = _among(known, recording, n)
            if chunk.evidence is not None:
                return chunk
            if chunk not in wanted(await _unsettled(tx, session), known):
                raise NotWanted
            brought = sum(one.size for one in known if one.evidence is not None)
            if brought + chunk.size > MOST_BYTES:
                raise TooMuch("bytes")
            return chunk

    async def keep(self, session: str, recording: str, n: int, piece: Evidence) -> bool:
        """Note that a wanted chunk lies in the vault; say whether it was missing until now.

        Raises as `wants` does.
        """
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            now = self.office.clock.now()
            await _open(tx, one.session, now)
            known = await tx.fills.chunks(session)
            chunk = _among(known, recording, n)
            if chunk.evidence is not None:
                return False
            if chunk not in wanted(await _unsettled(tx, session), known):
                raise NotWanted
            await tx.evidence.add(piece)
            await tx.fills.keep_chunk(replace(chunk, evidence=piece.id))
            await refresh(self.office, tx, one, now)
        return True

    async def kept(self, session: str) -> list[Chunk]:
        """Return the chunks of a session that are here and have not been erased."""
        async with self.office.store.read() as tx:
            known = [one for one in await tx.fills.chunks(session) if one.evidence is not None]
            found = await tx.evidence.of_session(session) if known else []
        present = {one.id for one in found if one.erased is None}
        return [one for one in known if one.evidence in present]

    async def judge(
        self, session: str, by: Staff, gap: str, *, accepted: bool, note: str
    ) -> Session:
        """Judge what a device kept of a gap, also after the session was attested, or anew.

        The session's invigilator may, and administrators. What is not accepted has a reason.
        """
        allow(by, Role.INVIGILATOR)
        async with self.office.store.write() as tx:
            one, sitting = await held(tx, session), await sitting_of(tx, session)
            if sitting.staff != by.id and Role.ADMINISTRATOR not in by.roles:
                raise NotAllowed("judge what a device kept in a colleague's session")
            role = Role.INVIGILATOR if sitting.staff == by.id else Role.ADMINISTRATOR
            before = next((it for it in await tx.fills.of_session(session) if it.gap == gap), None)
            if before is None:
                raise NotFound("gap", gap)
            now, who = self.office.clock.now(), actor(by, role)
            after = before.judged(accepted=accepted, note=note, by=by.id, at=now)
            await tx.fills.save(after)
            data: dict[str, str | bool] = {"gap": gap, "accepted": accepted}
            entry = self.office.entry(one, JUDGED, who, data, now, {"note": after.note})
            await tx.sessions.append(entry)
            then = {"gap": gap, "state": before.state.value}
            told = {"gap": gap, "state": after.state.value, "reason": after.note}
            await self.office.note(tx, who, "fill.judged", session, then, told)
            found = next(it for it in await tx.marks.gaps(session) if it.id == gap)
            await tell(
                self.office, tx, session, "session.fill_judged", found, {"accepted": accepted}
            )
            return following(one, entry).session

    async def sweep(self) -> list[str]:
        """Close what did not come in time; return the sessions in which something changed."""
        async with self.office.store.read() as tx:
            idents = await tx.fills.outstanding()
        changed = []
        for ident in idents:
            async with self.office.store.write() as tx:
                one, now = await held(tx, ident), self.office.clock.now()
                before = one.head.seq
                one = await refresh(self.office, tx, one, now)
                if one.session.finished is not None and now >= one.session.finished + LASTS:
                    one = await run_out(self.office, tx, one, now)
                if one.head.seq != before:
                    changed.append(ident)
        return changed

    async def _note(
        self, tx: Tx, one: Open, local: Local, fresh: Sequence[Chunk], now: datetime
    ) -> Open:
        """Write the recording, and into the record where its chain has come to, where that is due.

        That is the first time, after a gap, and once a minute else.
        """
        gaps = await tx.marks.gaps(one.session.id)
        after = None
        late = fresh[0].ended < now - LATE
        for gap in gaps:
            if (late or gap.ended is not None) and any(overlaps(link, gap) for link in fresh):
                after = gap.id
        due = local.noted is None or now >= local.noted + NOTED_EVERY
        if after is None and not due:
            await tx.fills.keep_local(local)
            return one
        return await name_head(self.office, tx, one, local, now, after)

    async def _shelf(self, tx: Tx, session: Session) -> Shelf:
        now, ident = self.office.clock.now(), session.id
        known = await tx.fills.chunks(ident)
        over = session.state in OVER
        wants = {
            (one.recording, one.n)
            for one in wanted(await _unsettled(tx, ident), known)
            if one.evidence is None
        }
        standings = {}
        for local in await tx.fills.locals(ident):
            mine = [one for one in known if one.recording == local.recording]
            needed = tuple(one.n for one in mine if (one.recording, one.n) in wants)
            drop = droppable(mine, needed, now, over=over)
            standings[local.recording] = Standing(local.links, needed, drop)
        until = None if session.finished is None else session.finished + LASTS
        if until is not None and now >= until:
            raise TooLate("bring what your device kept", until)
        return Shelf(standings, await _may_keep(tx, session), until)


def _fresh(
    local: Local, mine: Sequence[Chunk], first: int, links: Sequence[Link], now: datetime
) -> Sequence[Link]:
    """Return those links that were not known; raises `WrongChain` and `InvalidInput`."""
    if first > local.links:
        return ()
    known, fresh = links[: local.links - first], links[local.links - first :]
    for link, before in zip(known, mine[first:], strict=False):
        if link.said != before.said or link.head != before.head:
            raise WrongChain(link.n)
    follow(fresh, local.head, mine[-1] if mine else None, now)
    return fresh


def _among(known: Sequence[Chunk], recording: str, n: int) -> Chunk:
    for one in known:
        if (one.recording, one.n) == (recording, n):
            return one
    raise NotFound("chunk", f"{recording}/{n}")


async def _open(tx: Tx, session: Session, now: datetime) -> None:
    """Raise unless a device may tell and bring something of this session now."""
    if session.state is SessionState.SCHEDULED:
        raise NotAllowed("record before you have checked in")
    if session.finished is not None and now >= session.finished + LASTS:
        raise TooLate("bring what your device kept", session.finished + LASTS)
    if not await _may_keep(tx, session):
        raise NotAllowed("record: the consent to it was taken back, or the session was forgotten")


async def _may_keep(tx: Tx, session: Session) -> bool:
    """Say whether the learner agrees to be recorded, and was not forgotten as they asked for it."""
    if session.state in SEALED and await tx.sessions.moments(session.id, FORGOTTEN):
        return False
    return not taken_back(await tx.identities.consents(session.id), Purpose.RECORDING)


async def _not_filled_often(tx: Tx, session: str, fresh: Sequence[Chunk]) -> None:
    """Raise where the device opens a fill anew that has been complete too often already."""
    complete = {
        it.gap for it in await tx.fills.of_session(session) if it.state is FillState.COMPLETE
    }
    for gap in await tx.marks.gaps(session) if complete else ():
        if gap.id not in complete or not any(overlaps(one, gap) for one in fresh):
            continue
        if len(await named(tx, session, gap.id)) >= MOST_FILLED:
            raise TooMuch("pieces of one gap")


async def _unsettled(tx: Tx, session: str) -> list[Gap]:
    """Return the gaps of which more is taken."""
    settled = {it.gap for it in await tx.fills.of_session(session) if it.state not in UNSETTLED}
    return [gap for gap in await tx.marks.gaps(session) if gap.id not in settled]
