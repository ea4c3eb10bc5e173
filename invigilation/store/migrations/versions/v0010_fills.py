"""What a learner kept on their own device over a gap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WORD = sa.String(length=40)


def upgrade() -> None:
    op.create_table(
        "local_recording",
        sa.Column("session", WORD, nullable=False),
        sa.Column("recording", WORD, nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=False),
        sa.Column("links", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("noted", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session"], ["session.id"], name=op.f("fk_local_recording_session")
        ),
        sa.PrimaryKeyConstraint("session", "recording", name=op.f("pk_local_recording")),
    )
    op.create_index(op.f("ix_local_recording_recording"), "local_recording", ["recording"])
    op.create_table(
        "local_chunk",
        sa.Column("session", WORD, nullable=False),
        sa.Column("recording", WORD, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("evidence", WORD, nullable=True),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_local_chunk_session")),
        sa.PrimaryKeyConstraint("session", "recording", "n", name=op.f("pk_local_chunk")),
    )
    op.create_table(
        "gap_fill",
        sa.Column("gap", WORD, nullable=False),
        sa.Column("session", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("here", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("have", sa.BigInteger(), nullable=False),
        sa.Column("promised", sa.BigInteger(), nullable=False),
        sa.Column("covers", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=True),
        sa.Column("before", sa.BigInteger(), nullable=True),
        sa.Column("arrived", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("judged_by", WORD, nullable=True),
        sa.Column("judged_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["gap"], ["gap.id"], name=op.f("fk_gap_fill_gap")),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_gap_fill_session")),
        sa.PrimaryKeyConstraint("gap", name=op.f("pk_gap_fill")),
    )
    op.create_index(op.f("ix_gap_fill_session"), "gap_fill", ["session"])
    op.create_index(op.f("ix_gap_fill_state"), "gap_fill", ["state"])


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
