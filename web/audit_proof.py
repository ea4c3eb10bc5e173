"""Proves that the audit log is what was written: nothing changed, dropped, moved or slipped in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from invigilation import record
from invigilation.desk.audited import differs, erased
from invigilation.record import Entry, Head
from invigilation.store import Store
from invigilation.store.audit import Sealed
from recordings.erasures import Chain
from recordings.verify import Keys

LATE = timedelta(minutes=10)
"""A sweep seals what is written every few seconds: what is older than others and is not sealed
was put there, or taken out of the chain."""


@dataclass(slots=True)
class Found:
    """What was found; `wrong` are sentences, none if the log is what was written."""

    head: Head = record.EMPTY
    erased: int = 0
    """Rows of which a name or a text was erased since."""
    waiting: int = 0
    """Rows that are not sealed yet."""
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong


async def prove(store: Store, keys: Keys) -> Found:
    """Hold each row of the log against its entry, and the entries against each other."""
    found, chain = Found(), Chain(keys)
    newest: Entry | None = None
    async with store.read() as tx:
        # A sweep may go on meanwhile: what it adds is not looked at.
        end = await tx.audit.chain.end()
        rows = tx.audit.sealed(end.seq)
        row = await anext(rows, None)
        async for entry in tx.audit.chain.entries():
            if entry.seq > end.seq:
                break
            chain.take(entry)
            newest = entry
            while row is not None and row.seq < entry.seq:
                found.wrong.append(_unknown(row))
                row = await anext(rows, None)
            if row is None or row.seq != entry.seq:
                ident = entry.data["id"]
                found.wrong.append(f"{ident}: it was sealed as entry {entry.seq}, and is gone.")
                continue
            what = differs(row, entry)
            if what is not None:
                words = f"{row.change.id}: not as it was sealed (entry {entry.seq}): {what}."
                found.wrong.append(words)
            elif erased(row, entry):
                found.erased += 1
            row = await anext(rows, None)
        found.wrong += [
            f"{ident}: it says that it is behind the chain's end."
            for ident in await tx.audit.beyond()
        ]
        before = None if newest is None else newest.at - LATE
        found.waiting, late = await tx.audit.waiting(before)
    found.wrong += [f"{ident}: it is in the log, and was never sealed." for ident in late]
    found.head = chain.head
    found.wrong += [f"The chain does not hold: {one}." for one in chain.wrong]
    return found


def _unknown(row: Sealed) -> str:
    return f"{row.change.id}: it says that it is entry {row.seq}, and there is none."
