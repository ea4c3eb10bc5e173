"""Erases evidence whose time is over."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from invigilation.desk.recordings import KIND as RECORDING
from invigilation.errors import NotFound
from invigilation.ports import Clock
from invigilation.store.evidence import Evidence
from recordings.vault import Vault
from web.settings import Settings


@dataclass(frozen=True, slots=True)
class Eraser:
    """Destroys the bytes of recordings and identity pictures when their days are over."""

    vault: Vault
    clock: Clock
    settings: Settings

    async def erase(self, evidence: Evidence) -> bool:
        """Destroy the bytes if their time is over; say whether they are gone."""
        days = (
            self.settings.recording_days
            if evidence.kind == RECORDING
            else self.settings.identity_days
        )
        if self.clock.now() < evidence.started + timedelta(days=days):
            return False
        try:
            await asyncio.to_thread(self.vault.erase, evidence.session, evidence.id)
        except NotFound:
            return True
        return True
