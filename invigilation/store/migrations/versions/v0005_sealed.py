"""Sealed texts with their openings, and how a backend wants to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sealed_text",
        sa.Column("session", sa.String(length=40), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("session", "seal", name=op.f("pk_sealed_text")),
    )
    channel = sa.Column("channel", sa.String(length=40), nullable=False, server_default="webhook")
    op.add_column("backend", channel)


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
