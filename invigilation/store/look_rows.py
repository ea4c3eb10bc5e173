"""Tables of looks at evidence, and of what was erased. Private to the store."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from invigilation.looks import AlarmKind, LookReason
from invigilation.store.columns import Utc, Word
from invigilation.store.schema import ID, metadata

look = Table(
    "look",
    metadata,
    Column("id", ID, primary_key=True),
    # Of the staff, or the operator, who is no row there.
    Column("staff", ID, nullable=False),
    # A session's id, or that of an officer's form.
    Column("subject", ID, nullable=False),
    Column("reason", Word(LookReason), nullable=False),
    Column("words", Text, nullable=False),
    Column("founded", Boolean, nullable=False),
    Column("opened", Utc, nullable=False),
    Index("ix_look_staff", "staff", "opened"),
    Index("ix_look_subject", "subject", "opened"),
    Index("ix_look_opened", "opened"),
)
look_alarm = Table(
    "look_alarm",
    metadata,
    Column("id", ID, primary_key=True),
    Column("staff", ID, nullable=False),
    Column("kind", Word(AlarmKind), nullable=False),
    Column("at", Utc, nullable=False),
    Column("records", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("closed_by", ID),
    Column("closed", Utc),
    Index("ix_look_alarm_staff", "staff", "at"),
    Index("ix_look_alarm_closed", "closed"),
)
# A chain as a session's record is one: what was erased, when, and by which rule.
erasure = Table(
    "erasure",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("kind", String(60), nullable=False),
    Column("actor", String(60), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("key_id", String(64), nullable=False),
    Index("ix_erasure_at", "at"),
)
