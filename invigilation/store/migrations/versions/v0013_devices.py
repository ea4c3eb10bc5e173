"""What binds a learner to a device, and older secrets of machine clients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "learner_device",
        sa.Column("session", sa.String(length=40), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session"], ["session.id"], name=op.f("fk_learner_device_session")
        ),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_learner_device")),
    )
    op.create_table(
        "client_secret",
        sa.Column("client", sa.String(length=40), nullable=False),
        sa.Column("secret_hash", sa.String(length=200), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["client.id"], name=op.f("fk_client_secret_client")),
        sa.PrimaryKeyConstraint("client", "secret_hash", name=op.f("pk_client_secret")),
    )


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
