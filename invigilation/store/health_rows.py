"""The table of how the service did. Private to the store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from invigilation.store.columns import Utc
from invigilation.store.schema import metadata

LARGE = ("evidence_bytes", "free_bytes")
FIGURES = (
    "sessions",
    "connections",
    "poor",
    "away",
    "moving",
    "stills",
    "sound",
    "text",
    "loss_permille",
    "joins",
    "join_ms",
    "reconnects",
    "refused",
    "sign_ins_failed",
    "outbox_age_s",
    "sweep_late_s",
    "sweeps_failed",
    "evidence_bytes",
    "free_bytes",
    "recordings_stopped",
    "lag_ms",
)

health_sample = Table(
    "health_sample",
    metadata,
    Column("at", Utc, primary_key=True),
    Column("node", String(40), primary_key=True),
    *(Column(name, BigInteger if name in LARGE else Integer, nullable=False) for name in FIGURES),
    Column("failing", String(200), nullable=False),
)
