"""Erases evidence whose time is over; how long that is, the settings say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from invigilation.desk.erasure import Periods
from invigilation.ports import Clock
from invigilation.presence import Source
from invigilation.store.evidence import LOCAL, Evidence
from recordings.retention import DEFAULT_PERIODS, FROM_DELIVERY, Policy, due, purge
from recordings.vault import Vault
from web.settings import Settings


def policy_of(settings: Settings) -> Policy:
    """Return how long each kind of evidence is kept, as the settings say."""
    pictures = timedelta(days=settings.identity_days)
    recordings = timedelta(days=settings.recording_days)
    mine = {**dict.fromkeys(FROM_DELIVERY, pictures), "incident": recordings}
    kept = {LOCAL: recordings, **{source.value: recordings for source in Source}}
    return Policy({**DEFAULT_PERIODS, **mine, **kept})


def periods_of(settings: Settings) -> Periods:
    """Return how long texts are kept, as the settings say."""
    return Periods(timedelta(days=settings.recording_days), timedelta(days=settings.text_days))


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
        await self.vault.aside(purge, self.vault, evidence.session, [evidence.id])
        return True
