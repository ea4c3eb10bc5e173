"""The chain of what was erased: every sweep and every command writes into it what it destroyed.

Its entries are those of a session's record (`invigilation.record`): canonical, signed, each naming
the one before it. They stand for good, so they say what went and by which rule, and nothing of
what was in it: ids, kinds, counts, and the digests that the records hold anyway.
"""

from __future__ import annotations

from datetime import datetime

from invigilation import record
from invigilation.desk.office import SERVICE, Office
from invigilation.record import Data, Moment
from invigilation.store import Tx
from invigilation.store.erasures import CHAIN
from invigilation.store.evidence import Evidence

EVIDENCE = "evidence"
"""A picture, a recording or a report: `evidence`, `of` (its kind), `session`, `sha256`, `taken`."""
CHAT, TEXTS, LETTERS, PROBES = "chat", "texts", "letters", "probes"
STRANGER = "stranger"
"""What lay in the vault and in no list."""
PERSON = "person"
"""A learner's name and address."""
BY_PERIOD, BY_REQUEST, OUTLIVED = "period", "request", "outlived"
"""Why: its time was over, somebody asked for it, or what it shows was erased."""


async def write(
    office: Office, tx: Tx, kind: str, data: Data, who: str = SERVICE, rule: str = BY_PERIOD
) -> None:
    """Add an entry to the chain, in the transaction that notes the erasure."""
    head = await tx.erasures.hold()
    when = Moment.of(office.clock)
    told = {**data, "rule": rule}
    await tx.erasures.append(record.write(head, CHAIN, when, kind, who, told, office.signer))


async def write_evidence(
    office: Office,
    tx: Tx,
    one: Evidence,
    who: str = SERVICE,
    rule: str = BY_PERIOD,
    *,
    since: datetime | None = None,
) -> None:
    """Add that a piece of evidence was destroyed; `since` is when its report was delivered."""
    data: Data = {
        "evidence": one.id,
        "of": one.kind,
        "session": one.session,
        "sha256": one.sha256,
        "taken": record.stamp(one.started),
        "delivered": None if since is None else record.stamp(since),
    }
    await write(office, tx, EVIDENCE, data, who, rule)
