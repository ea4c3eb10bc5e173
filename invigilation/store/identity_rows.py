"""Tables of what surrounds an identity check. Private to the store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from invigilation.challenge import ChallengeKind, ChallengeResult
from invigilation.consent import Purpose
from invigilation.recheck import RecheckCause, RecheckResult
from invigilation.store.columns import Utc, Word
from invigilation.store.schema import ID, metadata, ref

consent = Table(
    "consent",
    metadata,
    Column("session", ID, ForeignKey("session.id"), primary_key=True),
    Column("purpose", Word(Purpose), primary_key=True),
    Column("given", Utc, nullable=False),
    Column("withdrawn", Utc),
)
challenge = Table(
    "challenge",
    metadata,
    Column("id", ID, primary_key=True),
    Column("session", ID, ForeignKey("session.id"), nullable=False, index=True),
    Column("kind", Word(ChallengeKind), nullable=False),
    Column("detail", String(20), nullable=False),
    Column("asked_at", Utc, nullable=False),
    Column("result", Word(ChallengeResult)),
    Column("note", Text, nullable=False),
    Column("judged_by", ID),
    Column("judged_at", Utc),
    Index(
        "uq_challenge_one_open",
        "session",
        unique=True,
        sqlite_where=text("result IS NULL"),
        postgresql_where=text("result IS NULL"),
    ),
)
recheck = Table(
    "recheck",
    metadata,
    Column("id", ID, primary_key=True),
    Column("session", ID, ForeignKey("session.id"), nullable=False, index=True),
    Column("cause", Word(RecheckCause), nullable=False),
    Column("evidence", ID, nullable=False),
    Column("aligned", ID),
    Column("taken_at", Utc, nullable=False),
    Column("result", Word(RecheckResult)),
    Column("note", Text, nullable=False),
    Column("judged_by", ID),
    Column("judged_at", Utc),
)
# A document's number and its holder's name are kept as keyed digests only: equal ones can be found,
# but nobody without the key can read them, or try out what they may be.
document_mark = Table(
    "document_mark",
    metadata,
    Column("session", ID, ForeignKey("session.id"), primary_key=True),
    ref("learner", "learner"),
    Column("number", String(64), nullable=False, index=True),
    Column("holder", String(64), nullable=False),
    Column("at", Utc, nullable=False),
)
# A picture's 64-bit print in four parts: of two that differ in three bits, one part is equal.
face_mark = Table(
    "face_mark",
    metadata,
    Column("evidence", ID, primary_key=True),
    Column("session", ID, ForeignKey("session.id"), nullable=False, index=True),
    ref("learner", "learner"),
    Column("sha256", String(64), nullable=False, index=True),
    Column("print", BigInteger, nullable=False),
    Column("part0", Integer, nullable=False, index=True),
    Column("part1", Integer, nullable=False, index=True),
    Column("part2", Integer, nullable=False, index=True),
    Column("part3", Integer, nullable=False, index=True),
    Column("at", Utc, nullable=False),
)
