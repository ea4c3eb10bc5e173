"""When staff were last heard of in a browser, and by which account of the company they come in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("login", sa.Column("seen", sa.BigInteger(), nullable=True))
    op.add_column("login", sa.Column("rests", sa.BigInteger(), nullable=True))
    op.add_column("login", sa.Column("account", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
