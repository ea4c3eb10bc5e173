"""Erases evidence whose time is over."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from invigilation.ports import Clock
from invigilation.store.evidence import Evidence
from recordings.retention import Policy, due, purge
from recordings.vault import Vault


@dataclass(frozen=True, slots=True)
class Eraser:
    """Destroys the bytes of evidence by the policy."""

    vault: Vault
    clock: Clock
    policy: Policy

    async def erase(self, evidence: Evidence, delivered_at: datetime | None) -> bool:
        """Destroy the bytes if their time is over; say whether they are gone."""
        now = self.clock.now()
        if not due(evidence.kind, evidence.started, now, self.policy, delivered_at):
            return False
        await asyncio.to_thread(purge, self.vault, evidence.session, [evidence.id])
        return True
