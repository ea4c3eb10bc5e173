"""Tables of learners' devices and of machine clients' older secrets. Private to the store."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from invigilation.store.columns import Utc
from invigilation.store.schema import ID, metadata

learner_device = Table(
    "learner_device",
    metadata,
    Column("session", ID, ForeignKey("session.id"), primary_key=True),
    Column("device", String(64), nullable=False),
    Column("since", Utc, nullable=False),
    Column("changes", Integer, nullable=False),
)
client_secret = Table(
    "client_secret",
    metadata,
    Column("client", ID, ForeignKey("client.id"), primary_key=True),
    Column("secret_hash", String(200), primary_key=True),
    Column("until", Utc, nullable=False),
)
