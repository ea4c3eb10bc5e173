"""Tables of what ties records to the world outside. Private to the store."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from invigilation.anchor import AnchorKind
from invigilation.store.columns import Utc, Word
from invigilation.store.schema import ID, metadata

anchor = Table(
    "anchor",
    metadata,
    # Made of what it holds: the same anchor is kept once.
    Column("id", ID, primary_key=True),
    # A session's id, or that of an officer's form.
    Column("session", ID, nullable=False, index=True),
    Column("kind", Word(AnchorKind), nullable=False),
    Column("at", Utc, nullable=False),
    Column("body", Text, nullable=False),
)
anchor_list = Table(
    "anchor_list",
    metadata,
    Column("id", ID, primary_key=True),
    Column("day", String(10), nullable=False, unique=True),
    Column("made", Utc, nullable=False),
    Column("root", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Utc, nullable=False),
    Column("note", Text),
    Column("stamped", Utc),
    Index("ix_anchor_list_stamped", "stamped"),
)
anchor_leaf = Table(
    "anchor_leaf",
    metadata,
    Column("list", ID, ForeignKey("anchor_list.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("session", ID, nullable=False, unique=True),
    Column("head", String(64), nullable=False),
)
