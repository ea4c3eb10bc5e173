"""How staff prove who they are, and which browsers are theirs."""

from __future__ import annotations

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
