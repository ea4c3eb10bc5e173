"""Anchors of records outside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "anchor",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("session", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anchor")),
    )
    op.create_index(op.f("ix_anchor_session"), "anchor", ["session"], unique=False)
    op.create_table(
        "anchor_list",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("stamped", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anchor_list")),
        sa.UniqueConstraint("day", name=op.f("uq_anchor_list_day")),
    )
    op.create_index("ix_anchor_list_stamped", "anchor_list", ["stamped"], unique=False)
    op.create_table(
        "anchor_leaf",
        sa.Column("list", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("session", sa.String(length=40), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["list"], ["anchor_list.id"], name=op.f("fk_anchor_leaf_list")),
        sa.PrimaryKeyConstraint("list", "position", name=op.f("pk_anchor_leaf")),
        sa.UniqueConstraint("session", name=op.f("uq_anchor_leaf_session")),
    )


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
