"""Tables of how backends are reached: health, and secrets that are still in use. Private here."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from invigilation.store.columns import Utc
from invigilation.store.schema import ID, metadata

endpoint = Table(
    "endpoint",
    metadata,
    Column("backend", ID, ForeignKey("backend.id"), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_success", Utc),
    Column("last_failure", Utc),
    Column("said", Text),
    Column("disabled", Utc),
    Column("receipt_key", String(64)),
)
webhook_secret = Table(
    "webhook_secret",
    metadata,
    Column("backend", ID, ForeignKey("backend.id"), primary_key=True),
    Column("secret", String(200), primary_key=True),
    Column("until", Utc, nullable=False),
)
