"""Whom the company's sign-in knows as whom, and to what a ticket of the live room belongs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "company_account",
        sa.Column("staff", sa.String(length=40), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("fk_company_account_staff")),
        sa.PrimaryKeyConstraint("staff", "issuer", name=op.f("pk_company_account")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_company_account_issuer_subject")),
    )
    op.add_column("ticket", sa.Column("device", sa.String(length=64), nullable=True))
    op.add_column("ticket", sa.Column("login", sa.String(length=64), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
