"""The tables of the rota, the office's hours, and the waiting list. Private to the store."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from invigilation.store.columns import Day, Utc, Word
from invigilation.store.schema import ID, metadata, ref
from invigilation.waiting import WaitingState

IN_LINE = "state in ('waiting', 'offered')"
"""The SQL twin of `waiting.IN_LINE`; a test holds them together."""

seat = Table(
    "seat",
    metadata,
    Column("id", ID, primary_key=True),
    ref("staff", "staff"),
    Column("lane", Integer, nullable=False),
    Column("retired", Boolean, nullable=False),
    UniqueConstraint("staff", "lane"),
)
shift = Table(
    "shift",
    metadata,
    Column("id", ID, primary_key=True),
    ref("staff", "staff"),
    Column("weekday", Integer, nullable=False),
    Column("start_minute", Integer, nullable=False),
    Column("end_minute", Integer, nullable=False),
    Column("first", Day, nullable=False),
    Column("last", Day),
)
leave = Table(
    "leave",
    metadata,
    Column("id", ID, primary_key=True),
    ref("staff", "staff"),
    Column("start", Utc, nullable=False),
    Column("end", Utc, nullable=False),
    Column("note", String(200), nullable=False),
)
closure = Table(
    "closure",
    metadata,
    Column("day", Day, primary_key=True, autoincrement=False),
    Column("reason", String(200), nullable=False),
)
opening = Table(
    "opening",
    metadata,
    Column("id", ID, primary_key=True),
    Column("day", Day, nullable=False),
    Column("start_minute", Integer, nullable=False),
    Column("end_minute", Integer, nullable=False),
)
counter = Table(
    "counter",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
skill = Table(
    "skill",
    metadata,
    ref("staff", "staff", primary_key=True),
    ref("assessment", "assessment", primary_key=True),
)
busy_source = Table(
    "busy_source",
    metadata,
    ref("staff", "staff", primary_key=True),
    Column("url", String(2000), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("checked", Utc),
    Column("read", Utc),
    Column("fault", String(300)),
)
busy = Table(
    "busy",
    metadata,
    Column("id", ID, primary_key=True),
    ref("staff", "staff"),
    Column("start", Utc, nullable=False),
    Column("end", Utc, nullable=False),
    Index("ix_busy_staff", "staff"),
)
feed = Table(
    "feed",
    metadata,
    ref("staff", "staff", primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("created", Utc, nullable=False),
)
waiting = Table(
    "waiting",
    metadata,
    Column("id", ID, primary_key=True),
    ref("request", "request"),
    Column("first", Utc, nullable=False),
    Column("last", Utc, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("state", Word(WaitingState), nullable=False),
    Column("created", Utc, nullable=False),
    ref("booking", "booking", nullable=True),
    Index(
        "uq_waiting_one_in_line",
        "request",
        "first",
        unique=True,
        sqlite_where=text(IN_LINE),
        postgresql_where=text(IN_LINE),
    ),
    Index("ix_waiting_state_created", "state", "created"),
)
