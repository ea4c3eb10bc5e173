"""What learners measured of their links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "link_probe",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("request", sa.String(length=40), nullable=False),
        sa.Column("session", sa.String(length=40), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("up_kbit", sa.Integer(), nullable=False),
        sa.Column("down_kbit", sa.Integer(), nullable=False),
        sa.Column("rtt_ms", sa.Integer(), nullable=False),
        sa.Column("jitter_ms", sa.Integer(), nullable=False),
        sa.Column("lost_up_permille", sa.Integer(), nullable=False),
        sa.Column("lost_down_permille", sa.Integer(), nullable=False),
        sa.Column("udp", sa.Boolean(), nullable=False),
        sa.Column("turn", sa.Boolean(), nullable=True),
        sa.Column("socket", sa.Boolean(), nullable=False),
        sa.Column("rung", sa.String(length=40), nullable=False),
        sa.Column("way", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["request.id"], name=op.f("fk_link_probe_request")),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_link_probe_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_probe")),
    )
    op.create_index("ix_link_probe_request", "link_probe", ["request", "at"], unique=False)
    op.create_index("ix_link_probe_at", "link_probe", ["at"], unique=False)
    op.create_table(
        "link_consent",
        sa.Column("request", sa.String(length=40), nullable=False),
        sa.Column("given", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["request"], ["request.id"], name=op.f("fk_link_consent_request")),
        sa.PrimaryKeyConstraint("request", name=op.f("pk_link_consent")),
    )


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
