"""The desk of anchors: a daily list of attested heads, signed by a time-stamp authority.

A list holds the heads that were attested before its day (UTC) began and stand in no list yet. The
authority signs the root of a Merkle tree over them (`invigilation.merkle`): one request a day, and
it learns nothing of any session. Each record gets the path from its head to that root.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from invigilation import merkle, record
from invigilation.anchor import AnchorKind, AnchorList
from invigilation.desk.office import Office, new_id
from invigilation.errors import Busy
from invigilation.store.anchors import Leaf

log = logging.getLogger(__name__)

LIST_LIMIT = 2_000
"""So many heads at most in one day's list; what is left waits for the next day."""
CLAIM = timedelta(minutes=5)
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
LATE = timedelta(days=1)
"""A list that waits longer than that is spoken of in the log."""
NOTE_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time-stamp token (DER, RFC 3161), checked, and the time that it says."""

    token: bytes
    at: datetime


class NoTimestamp(Busy):
    """The authority gave none; `why` is a short plain clause for the operator."""

    def __init__(self, why: str) -> None:
        super().__init__("time-stamp authority")
        self.why = why


class Timestamper(Protocol):
    """Somebody whose word on the time others trust."""

    async def stamp(self, digest: bytes) -> Stamp:
        """Return a token over a SHA-256 digest; raises `NoTimestamp` for whatever goes wrong."""
        ...


@dataclass(frozen=True, slots=True)
class AnchorDesk:
    """Makes the lists, and has them signed."""

    office: Office

    async def sweep(self, authority: Timestamper) -> int:
        """Make the day's list if it is time, have open lists signed; return how many were.

        Nothing waits for this but the anchors: an authority that is away is asked again later,
        list by list, without end.
        """
        await self.list_heads()
        async with self.office.store.read() as tx:
            waiting = await tx.anchors.unstamped()
        now = self.office.clock.now()
        due = [one for one in waiting if one.next_at <= now]
        return sum([await self._sign(one, authority) for one in due])

    async def list_heads(self) -> AnchorList | None:
        """Make today's list of what was attested before today and is in none; None if there is."""
        now = self.office.clock.now().astimezone(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        day = midnight.date().isoformat()
        async with self.office.store.read() as tx:
            if await tx.anchors.listed(day):
                return None
            found = await tx.anchors.unlisted(LIST_LIMIT)
        leaves = sorted(
            (leaf for leaf, at in map(_leaf, found) if at is None or at < midnight),
            key=lambda leaf: leaf.head,
        )
        if not leaves:
            return None
        root = merkle.root([bytes.fromhex(leaf.head) for leaf in leaves]).hex()
        one = AnchorList(new_id("als"), day, now, root, len(leaves), 0, now)
        async with self.office.store.write() as tx:
            return one if await tx.anchors.add_list(one, leaves) else None

    async def _sign(self, one: AnchorList, authority: Timestamper) -> bool:
        """Ask once for a list's token; keep it with every record of the list."""
        now = self.office.clock.now()
        claimed = replace(one, attempts=one.attempts + 1, next_at=now + CLAIM)
        async with self.office.store.write() as tx:
            if not await tx.anchors.change(one, claimed):
                return False
        try:
            stamp = await authority.stamp(_digest(one))
        except NoTimestamp as error:
            await self._wait(claimed, error.why)
            return False
        await self._keep(claimed, stamp)
        return True

    async def _wait(self, claimed: AnchorList, why: str) -> None:
        now = self.office.clock.now()
        pause = min(FIRST_PAUSE * 2 ** min(claimed.attempts - 1, 10), LONGEST_PAUSE)
        if now - claimed.made > LATE:
            log.warning("The list of %s has no timestamp yet: %s", claimed.day, why)
        after = replace(claimed, next_at=now + pause, note=why[:NOTE_LIMIT])
        async with self.office.store.write() as tx:
            await tx.anchors.change(claimed, after)

    async def _keep(self, claimed: AnchorList, stamp: Stamp) -> None:
        token = base64.b64encode(stamp.token).decode("ascii")
        async with self.office.store.read() as tx:
            leaves = await tx.anchors.leaves(claimed.id)
        paths = merkle.paths([bytes.fromhex(leaf.head) for leaf in leaves])
        after = replace(claimed, stamped=stamp.at, note=None)
        async with self.office.store.write() as tx:
            if not await tx.anchors.change(claimed, after):
                return
            for index, (leaf, path) in enumerate(zip(leaves, paths, strict=True)):
                body = {
                    "index": index,
                    "size": claimed.size,
                    "path": [node.hex() for node in path],
                    "token": token,
                }
                await tx.anchors.add(leaf.session, AnchorKind.TIMESTAMP, stamp.at, body)


def _digest(one: AnchorList) -> bytes:
    """Return what is signed of a list: SHA-256 over its size (8 bytes) and its root (32)."""
    return hashlib.sha256(one.size.to_bytes(8) + bytes.fromhex(one.root)).digest()


def _leaf(attested: tuple[str, bytes]) -> tuple[Leaf, datetime | None]:
    """Read the attested head, and when it was attested, out of an attestation of ours."""
    ident, attestation = attested
    claims = record.payload_of(attestation)
    at = claims.get("attested_at")
    head = claims["chain"]["head"]
    return Leaf(ident, head), None if at is None else datetime.fromisoformat(at)
