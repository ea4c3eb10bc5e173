"""Identity: what was read and compared, colleagues, consent, challenges, re-checks, marks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WORD = sa.String(length=40)


def upgrade() -> None:
    op.add_column("learner", sa.Column("born", sa.Integer(), nullable=True))
    op.add_column("learner", sa.Column("document_number", WORD, nullable=True))
    for name in ("back", "portrait", "aligned", "kind", "referred_by", "proposed"):
        op.add_column("identity_check", sa.Column(name, WORD, nullable=True))
    for name in ("reading", "likeness", "referred_reason"):
        op.add_column("identity_check", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("identity_check", sa.Column("referred_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_identity_check_state", "identity_check", ["state"], unique=False)
    op.create_table(
        "consent",
        sa.Column("session", WORD, nullable=False),
        sa.Column("purpose", WORD, nullable=False),
        sa.Column("given", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_consent_session")),
        sa.PrimaryKeyConstraint("session", "purpose", name=op.f("pk_consent")),
    )
    _judged("challenge", "kind", "asked_at", sa.Column("detail", sa.String(20), nullable=False))
    _judged("recheck", "cause", "taken_at", sa.Column("evidence", WORD, nullable=False))
    op.add_column("recheck", sa.Column("aligned", WORD, nullable=True))
    op.create_index(
        "uq_challenge_one_open",
        "challenge",
        ["session"],
        unique=True,
        sqlite_where=sa.text("result IS NULL"),
        postgresql_where=sa.text("result IS NULL"),
    )
    _marks()


def _judged(table: str, what: str, when: str, more: sa.Column[str]) -> None:
    """Create the table of something that is asked or taken, and judged later."""
    op.create_table(
        table,
        sa.Column("id", WORD, nullable=False),
        sa.Column("session", WORD, nullable=False),
        sa.Column(what, WORD, nullable=False),
        more,
        sa.Column(when, sa.BigInteger(), nullable=False),
        sa.Column("result", WORD, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("judged_by", WORD, nullable=True),
        sa.Column("judged_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f(f"fk_{table}_session")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_session"), table, ["session"], unique=False)


def _marks() -> None:
    """Create the tables of documents and faces that were seen."""
    op.create_table(
        "document_mark",
        sa.Column("session", WORD, nullable=False),
        sa.Column("learner", WORD, nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_document_mark_session")),
        sa.ForeignKeyConstraint(["learner"], ["learner.id"], name=op.f("fk_document_mark_learner")),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_document_mark")),
    )
    op.create_index(op.f("ix_document_mark_number"), "document_mark", ["number"], unique=False)
    op.create_table(
        "face_mark",
        sa.Column("evidence", WORD, nullable=False),
        sa.Column("session", WORD, nullable=False),
        sa.Column("learner", WORD, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("print", sa.BigInteger(), nullable=False),
        *(sa.Column(f"part{place}", sa.Integer(), nullable=False) for place in range(4)),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_face_mark_session")),
        sa.ForeignKeyConstraint(["learner"], ["learner.id"], name=op.f("fk_face_mark_learner")),
        sa.PrimaryKeyConstraint("evidence", name=op.f("pk_face_mark")),
    )
    for name in ("session", "sha256", "part0", "part1", "part2", "part3"):
        op.create_index(op.f(f"ix_face_mark_{name}"), "face_mark", [name], unique=False)


def downgrade() -> None:
    raise NotImplementedError("decisions that rest on this cannot be forgotten")
