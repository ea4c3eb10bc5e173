"""Tables of what learners' own devices kept. Private to the store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from invigilation.fill import FillState
from invigilation.store.columns import Span, Utc, Word, Words
from invigilation.store.schema import ID, metadata

local_recording = Table(
    "local_recording",
    metadata,
    Column("session", ID, ForeignKey("session.id"), primary_key=True),
    Column("recording", ID, primary_key=True, index=True),
    Column("begun", Utc, nullable=False),
    Column("links", Integer, nullable=False),
    Column("head", String(64), nullable=False),
    Column("noted", Utc),
)
local_chunk = Table(
    "local_chunk",
    metadata,
    Column("session", ID, ForeignKey("session.id"), primary_key=True),
    Column("recording", ID, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("began", Utc, nullable=False),
    Column("ended", Utc, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("media_type", String(80), nullable=False),
    Column("head", String(64), nullable=False),
    Column("told", Utc, nullable=False),
    Column("evidence", ID),
)
gap_fill = Table(
    "gap_fill",
    metadata,
    Column("gap", ID, ForeignKey("gap.id"), primary_key=True),
    Column("session", ID, ForeignKey("session.id"), nullable=False, index=True),
    Column("state", Word(FillState), nullable=False, index=True),
    Column("chunks", Integer, nullable=False),
    Column("here", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("have", BigInteger, nullable=False),
    Column("promised", Span, nullable=False),
    Column("covers", Span, nullable=False),
    Column("told", Utc),
    Column("before", Utc),
    Column("arrived", Utc),
    Column("evidence", Words, nullable=False),
    Column("note", Text, nullable=False),
    Column("judged_by", ID),
    Column("judged_at", Utc),
)
