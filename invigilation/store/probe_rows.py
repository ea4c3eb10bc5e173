"""Tables of what learners measured of their links. Private to the store."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table

from invigilation.ladder import Rung, Way
from invigilation.probe import ProbeKind
from invigilation.store.columns import Utc, Word
from invigilation.store.schema import ID, metadata, ref

link_probe = Table(
    "link_probe",
    metadata,
    Column("id", ID, primary_key=True),
    ref("request", "request"),
    Column("session", ID, ForeignKey("session.id")),
    Column("at", Utc, nullable=False),
    Column("kind", Word(ProbeKind), nullable=False),
    Column("up_kbit", Integer, nullable=False),
    Column("down_kbit", Integer, nullable=False),
    Column("rtt_ms", Integer, nullable=False),
    Column("jitter_ms", Integer, nullable=False),
    Column("lost_up_permille", Integer, nullable=False),
    Column("lost_down_permille", Integer, nullable=False),
    Column("udp", Boolean, nullable=False),
    Column("turn", Boolean),
    Column("socket", Boolean, nullable=False),
    Column("rung", Word(Rung), nullable=False),
    Column("way", Word(Way), nullable=False),
    Index("ix_link_probe_request", "request", "at"),
    Index("ix_link_probe_at", "at"),
)
# That the learner of a request lets their pages measure by themselves, and since when no more.
link_consent = Table(
    "link_consent",
    metadata,
    ref("request", "request", primary_key=True),
    Column("given", Utc, nullable=False),
    Column("withdrawn", Utc),
)
