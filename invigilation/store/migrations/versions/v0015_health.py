"""How the service did, minute by minute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "health_sample",
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.String(length=40), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("connections", sa.Integer(), nullable=False),
        sa.Column("poor", sa.Integer(), nullable=False),
        sa.Column("away", sa.Integer(), nullable=False),
        sa.Column("moving", sa.Integer(), nullable=False),
        sa.Column("stills", sa.Integer(), nullable=False),
        sa.Column("sound", sa.Integer(), nullable=False),
        sa.Column("text", sa.Integer(), nullable=False),
        sa.Column("loss_permille", sa.Integer(), nullable=False),
        sa.Column("joins", sa.Integer(), nullable=False),
        sa.Column("join_ms", sa.Integer(), nullable=False),
        sa.Column("reconnects", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("sign_ins_failed", sa.Integer(), nullable=False),
        sa.Column("outbox_age_s", sa.Integer(), nullable=False),
        sa.Column("sweep_late_s", sa.Integer(), nullable=False),
        sa.Column("sweeps_failed", sa.Integer(), nullable=False),
        sa.Column("evidence_bytes", sa.BigInteger(), nullable=False),
        sa.Column("free_bytes", sa.BigInteger(), nullable=False),
        sa.Column("recordings_stopped", sa.Integer(), nullable=False),
        sa.Column("lag_ms", sa.Integer(), nullable=False),
        sa.Column("failing", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("at", "node", name=op.f("pk_health_sample")),
    )


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
