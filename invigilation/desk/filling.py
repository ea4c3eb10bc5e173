"""How fills stand, worked out anew after each change, and what the record then says of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from invigilation import record
from invigilation.desk.office import LEARNER, SERVICE, Office, following, sitting_of
from invigilation.fill import OUTSTANDING, Chunk, Fill, FillEvent, FillState, genesis, wanted
from invigilation.gap import Gap
from invigilation.record import Entry
from invigilation.store import Tx
from invigilation.store.fills import Local
from invigilation.store.sessions import Open

CHAIN, FILLED = "local_chain", "gap_filled"
MILLISECOND = timedelta(milliseconds=1)


async def refresh(office: Office, tx: Tx, one: Open, now: datetime) -> Open:
    """Work the fills of a held session out anew; return the session after what that wrote."""
    ident = one.session.id
    gaps = await tx.marks.gaps(ident)
    known = await tx.fills.chunks(ident) if gaps else []
    if not known:
        return one
    fills = {fill.gap: fill for fill in await tx.fills.of_session(ident)}
    for gap in gaps:
        before = fills.get(gap.id, Fill(gap.id, ident))
        after = before.seen(gap, known, now)
        if after == before:
            continue
        await tx.fills.save(after)
        if after.state is FillState.COMPLETE and before.state is not FillState.COMPLETE:
            one = await _fill(office, tx, one, gap, after, now)
    return one


async def run_out(office: Office, tx: Tx, one: Open, now: datetime) -> Open:
    """Close the fills of a held session of which the rest did not come; return it afterwards."""
    gaps = {gap.id: gap for gap in await tx.marks.gaps(one.session.id)}
    for fill in await tx.fills.of_session(one.session.id):
        if fill.state in OUTSTANDING:
            after = fill.after(FillEvent.RUN_OUT)
            await tx.fills.save(after)
            one = await _fill(office, tx, one, gaps[fill.gap], after, now)
    return one


async def _fill(office: Office, tx: Tx, one: Open, gap: Gap, fill: Fill, now: datetime) -> Open:
    """Say in the record which chunks of a gap have come, and by which chains they were told.

    What an entry before has named is not named again: a device could make one grow as it likes.
    Each chain goes from one that an entry of the record has named to another: whoever checks the
    record can follow it.
    """
    ident = one.session.id
    known = await tx.fills.chunks(ident)
    before = await named(tx, ident, gap.id)
    said = {(it["recording"], it["n"]) for data in before for it in data["chunks"]}
    here = [
        it
        for it in wanted([gap], known)
        if it.evidence is not None and (it.recording, it.n) not in said
    ]
    chains: list[dict[str, object]] = []
    for local in await tx.fills.locals(ident):
        numbers = [it.n for it in here if it.recording == local.recording]
        if not numbers:
            continue
        entries = [
            it
            for it in await tx.sessions.entries_of(ident, CHAIN)
            if it.data["recording"] == local.recording
        ]
        if not any(int(it.data["links"] or 0) > numbers[-1] for it in entries):
            one = await name_head(office, tx, one, local, now, gap.id)
            entries = await tx.sessions.entries_of(ident, CHAIN)
        mine = [it for it in known if it.recording == local.recording]
        chains.append(_between(local, entries, mine, numbers))
    facts: dict[str, object] = {
        "gap": gap.id,
        "complete": fill.state is FillState.COMPLETE,
        "missing": fill.chunks - fill.here,
        "covers_ms": fill.covers // MILLISECOND,
        "chunks": [_said(it) for it in here],
        "chains": chains,
    }
    entry = office.entry(one, FILLED, SERVICE, facts, now)
    await tx.sessions.append(entry)
    told = {"complete": facts["complete"], "covers_seconds": fill.covers // timedelta(seconds=1)}
    await tell(office, tx, ident, "session.gap_filled", gap, told)
    return following(one, entry)


async def named(tx: Tx, session: str, gap: str) -> list[dict[str, Any]]:
    """Return what the record has said of a gap each time that all of it was here."""
    entries = await tx.sessions.entries_of(session, FILLED)
    every: list[dict[str, Any]] = [json.loads(it.body)["data"] for it in entries]
    return [data for data in every if data["gap"] == gap]


def _said(one: Chunk) -> dict[str, object]:
    return {
        "recording": one.recording,
        "n": one.n,
        "sha256": one.sha256,
        "size": one.size,
        "evidence": one.evidence,
    }


def _between(
    local: Local, entries: Sequence[Entry], mine: Sequence[Chunk], numbers: Sequence[int]
) -> dict[str, object]:
    """Return the links from the last named head before these chunks to the first one after them."""
    named = [
        int(it.data["links"] or 0) for it in entries if it.data["recording"] == local.recording
    ]
    first = max((links for links in named if links <= numbers[0]), default=0)
    last = min(links for links in named if links > numbers[-1])
    before = mine[first - 1].head if first else genesis(local.session, local.recording)
    return {
        "recording": local.recording,
        "first": first,
        "before": before,
        "links": [it.said for it in mine[first:last]],
        "head": mine[last - 1].head,
    }


async def name_head(
    office: Office, tx: Tx, one: Open, local: Local, now: datetime, after: str | None
) -> Open:
    """Name a chain's head in the record; `after` is the gap that the device was away for."""
    data: dict[str, object] = {
        "recording": local.recording,
        "links": local.links,
        "head": local.head,
    }
    if after is not None:
        data["after_gap"] = after
    entry = office.entry(one, CHAIN, LEARNER, data, now)
    await tx.sessions.append(entry)
    await tx.fills.keep_local(replace(local, noted=now))
    return following(one, entry)


async def tell(
    office: Office, tx: Tx, session: str, notice: str, gap: Gap, more: Mapping[str, object]
) -> None:
    """Tell the session's backend of what became of a gap."""
    sitting = await sitting_of(tx, session)
    ended = None if gap.ended is None else record.stamp(gap.ended)
    told = {"began": record.stamp(gap.began), "ended": ended, **more}
    await tx.outbox.add(office.notice(sitting, notice, told), session=session)
