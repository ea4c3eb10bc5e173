"""Tables of edX platforms. Private to the store."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from invigilation.edx import AttemptState
from invigilation.store.columns import Utc, Word
from invigilation.store.schema import ID, metadata, ref

FRESH = "state = 'created'"

edx_platform = Table(
    "edx_platform",
    metadata,
    ref("backend", "backend", primary_key=True),
    Column("url", String(500), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("lms_client", String(200), nullable=False),
    Column("lms_secret", LargeBinary, nullable=False),
    Column("reviewer", String(254), nullable=False),
)
edx_exam = Table(
    "edx_exam",
    metadata,
    Column("id", ID, primary_key=True),
    ref("backend", "backend"),
    Column("lms_id", String(100), nullable=False),
    Column("course", String(255), nullable=False),
    Column("content", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("practice", Boolean, nullable=False),
    Column("due", Utc),
    Column("facts", Text, nullable=False),
    UniqueConstraint("backend", "lms_id"),
    Index("ix_edx_exam_course", "backend", "course"),
)
edx_attempt = Table(
    "edx_attempt",
    metadata,
    Column("id", ID, primary_key=True),
    ref("exam", "edx_exam"),
    Column("candidate", String(100), nullable=False),
    ref("request", "request", nullable=True),
    Column("practice", Boolean, nullable=False),
    Column("state", Word(AttemptState), nullable=False),
    Column("created", Utc, nullable=False),
    Index("ix_edx_attempt_request", "request"),
    Index("ix_edx_attempt_candidate", "candidate"),
    # A platform whose answer was lost asks again: it is the same attempt as long as it is fresh.
    Index(
        "uq_edx_attempt_one_fresh",
        "exam",
        "candidate",
        unique=True,
        sqlite_where=text(FRESH),
        postgresql_where=text(FRESH),
    ),
)
