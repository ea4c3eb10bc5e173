"""How long evidence is kept, and its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from invigilation.presence import Source
from recordings.vault import Vault

FROM_DELIVERY = frozenset(
    {"id_document", "id_back", "portrait", "face", "face_aligned", "face_again", "report"}
)
"""Pictures of a person and of an identity document, and the report that shows them."""
DEFAULT_PERIODS: Mapping[str, timedelta] = MappingProxyType(
    {
        **{source.value: timedelta(days=90) for source in Source},
        "local_recording": timedelta(days=90),
        "incident": timedelta(days=90),
        **{kind: timedelta(days=30) for kind in FROM_DELIVERY},
        "attestation": timedelta(days=6 * 366),
        "report_bare": timedelta(days=6 * 366),
    }
)


@dataclass(frozen=True, slots=True)
class Policy:
    """How long each kind is kept; `undelivered` caps what waits for a report to be delivered."""

    periods: Mapping[str, timedelta] = field(default_factory=lambda: DEFAULT_PERIODS)
    undelivered: timedelta = timedelta(days=90)


def due(
    kind: str,
    stored_at: datetime,
    now: datetime,
    policy: Policy,
    delivered_at: datetime | None = None,
) -> bool:
    """Whether evidence of this kind has reached its end. All times are aware.

    Pictures of a person and of an identity document count from the delivery of the report (and,
    while there is none, are kept no longer than `policy.undelivered`); the rest counts from when
    it was stored. Raises KeyError for a kind without a period: nothing is kept by oversight.
    """
    return now >= end_of(kind, stored_at, policy, delivered_at)


def end_of(
    kind: str, stored_at: datetime, policy: Policy, delivered_at: datetime | None = None
) -> datetime:
    """Return the moment from which evidence of this kind is due to be erased."""
    period = policy.periods[kind]
    if kind not in FROM_DELIVERY:
        return stored_at + period
    if delivered_at is None:
        return stored_at + policy.undelivered
    return delivered_at + period


def purge(vault: Vault, session: str, evidence_ids: Iterable[str]) -> tuple[str, ...]:
    """Erase these objects; return the ids of those that were still there.

    Safe to repeat. Digests and the attestation live elsewhere and go on verifying. Blocks.
    """
    return tuple(name for name in evidence_ids if vault.erase(session, name))
