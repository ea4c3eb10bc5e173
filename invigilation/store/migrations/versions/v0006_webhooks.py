"""Endpoints of backends: health, secrets that overlap; when a delivery was accepted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "endpoint",
        sa.Column("backend", sa.String(length=40), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_success", sa.BigInteger(), nullable=True),
        sa.Column("last_failure", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.Text(), nullable=True),
        sa.Column("disabled", sa.BigInteger(), nullable=True),
        sa.Column("receipt_key", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["backend"], ["backend.id"], name=op.f("fk_endpoint_backend")),
        sa.PrimaryKeyConstraint("backend", name=op.f("pk_endpoint")),
    )
    op.create_table(
        "webhook_secret",
        sa.Column("backend", sa.String(length=40), nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backend"], ["backend.id"], name=op.f("fk_webhook_secret_backend")
        ),
        sa.PrimaryKeyConstraint("backend", "secret", name=op.f("pk_webhook_secret")),
    )
    op.add_column("delivery", sa.Column("accepted", sa.BigInteger(), nullable=True))
    op.execute("UPDATE delivery SET accepted = next_at WHERE state = 'delivered'")
    op.create_index("ix_delivery_target_created", "delivery", ["target", "created"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
