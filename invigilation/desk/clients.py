"""The desk of machine clients: a new secret, and for a while the one before beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from invigilation.desk.deliveries import COMMAND, OVERLAP_LIMIT
from invigilation.desk.office import Office
from invigilation.errors import InvalidInput, NotFound
from invigilation.store import Tx


@dataclass(frozen=True, slots=True)
class ClientDesk:
    """Replaces secrets; a secret itself is never kept, only what it is known again by."""

    office: Office

    async def rotate(self, tx: Tx, ident: str, secret_hash: str, overlap: timedelta) -> datetime:
        """Give a client a new secret; return until when the one before is good as well.

        One that is older still is good no more. Raises `NotFound` and `InvalidInput`.
        """
        if not timedelta(0) <= overlap <= OVERLAP_LIMIT:
            hours = OVERLAP_LIMIT // timedelta(hours=1)
            raise InvalidInput("overlap_hours", f"The overlap is from 0 to {hours} hours.")
        now = self.office.clock.now()
        until = now + overlap
        if not await tx.clients.replace(ident, secret_hash, until, now):
            raise NotFound("client", ident)
        facts = {"client": ident, "old_until": until.isoformat()}
        await self.office.note(tx, COMMAND, "client_secret.rotated", ident, None, facts)
        return until
