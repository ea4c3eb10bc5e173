"""The audit log as a chain: a sweep seals what was written since, as a session's record is sealed.

An entry of `invigilation.record` stands for each row: what it says, in the plain; names and what
people wrote as seals, whose keys lie in the row and go with an erasure. The chain is made by a
sweep and not in the transaction of each change: who holds its end keeps all others waiting until
their commit is on the disk, and most of what the office does is written into the log.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from typing import Any

from invigilation import record
from invigilation.desk.office import Office
from invigilation.record import Data, Entry, Head, Moment
from invigilation.store.audit import PRIVATE, Change, Sealed
from invigilation.store.chains import AUDIT

BATCH = 100
"""So many rows are sealed in one transaction; signing them takes some ten milliseconds."""
SIDES = ("before", "after")


async def sweep(office: Office) -> int:
    """Seal all changes that are not yet; return how many were."""
    count = 0
    while sealed := await _batch(office):
        count += sealed
        if sealed < BATCH:
            break
    return count


async def _batch(office: Office) -> int:
    async with office.store.write() as tx:
        head = await tx.audit.chain.hold()
        changes = await tx.audit.unsealed(BATCH)
        if not changes:
            return 0
        entries, sealed = list[Entry](), list[Sealed]()
        for change in changes:
            entry = _entry(office, head, change)
            head = entry.head
            entries.append(entry)
            keys = {one.seal: one.key.hex() for one in entry.private}
            opened = {name: keys[seal] for name, seal in entry.seals.items()}
            sealed.append(Sealed(change, entry.seq, opened))
        await tx.audit.chain.append(*entries)
        await tx.audit.seal(sealed)
        return len(changes)


def _entry(office: Office, head: Head, change: Change) -> Entry:
    when, texts = Moment.of(office.clock), dict(_private(change))
    data = {
        "id": change.id,
        "noted": record.stamp(change.at),
        "subject": change.subject,
        **{side: _plain(change, side, texts.keys()) for side in SIDES},
    }
    signer = office.signer
    return record.write(head, AUDIT.name, when, change.action, change.actor, data, signer, texts)


def differs(row: Sealed, entry: Entry) -> str | None:
    """Say what of a row is not as its entry has it; None: all of it is, or was erased."""
    body: dict[str, Any] = json.loads(entry.body)
    change, said, seals = row.change, body["data"], entry.seals
    now = (change.id, record.stamp(change.at), change.actor, change.action, change.subject)
    then = (said["id"], said["noted"], body["actor"], body["kind"], said["subject"])
    names = ("it is another row", "its time", "who did it", "what was done", "what it is about")
    for name, one, other in zip(names, now, then, strict=True):
        if one != other:
            return name
    texts = dict(_private(change))
    for side in SIDES:
        if _plain(change, side, {*texts, *seals}) != said[side]:
            return f"what was {side}"
    for name, text in texts.items():
        key = row.keys.get(name, "")
        if name not in seals or not _opens(seals[name], key, text):
            return f"the text in {name}"
    return None


def erased(row: Sealed, entry: Entry) -> bool:
    """Say whether a text of this row was erased since it was sealed."""
    return not entry.seals.keys() <= dict(_private(row.change)).keys()


def _opens(seal: str, key: str, text: str) -> bool:
    try:
        made = record.commitment(bytes.fromhex(key), text)
    except ValueError:
        return False
    return hmac.compare_digest(made, seal)


def _private(change: Change) -> Iterator[tuple[str, str]]:
    """Yield the texts of a change that may be erased one day, by the names of their seals."""
    for side in SIDES:
        for name, value in _facts(change, side).items():
            if name in PRIVATE and isinstance(value, str) and value:
                yield f"{side}.{name}", value


def _plain(change: Change, side: str, without: Any) -> Data | None:
    """Return what of a side stands in its entry as it is."""
    if getattr(change, side) is None:
        return None
    facts = _facts(change, side)
    return {name: value for name, value in facts.items() if f"{side}.{name}" not in without}


def _facts(change: Change, side: str) -> dict[str, Any]:
    noted = getattr(change, side)
    said = None if noted is None else json.loads(noted)
    return said if isinstance(said, dict) else {}
