"""Several learners to one invigilator: gaps, inspections, hand-overs and notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Written out, as both databases read it alike: SQLite cannot add a named key in another way without
# copying the table.
COLUMNS = (
    """
    ALTER TABLE session ADD COLUMN invigilator VARCHAR(40)
    CONSTRAINT fk_session_invigilator REFERENCES staff (id)
    """,
    """
    ALTER TABLE session ADD COLUMN handing_to VARCHAR(40)
    CONSTRAINT fk_session_handing_to REFERENCES staff (id)
    """,
)


def upgrade() -> None:
    for statement in COLUMNS:
        op.execute(statement)
    op.add_column(
        "session", sa.Column("given_back", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_index("ix_session_state", "session", ["state"], unique=False)
    op.create_index("ix_session_handing_to", "session", ["handing_to"], unique=False)
    op.add_column(
        "chat", sa.Column("notice", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "assessment",
        sa.Column("phone_allowed", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.create_table(
        "gap",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("session", sa.String(length=40), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("lost", sa.BigInteger(), nullable=True),
        sa.Column("ruling", sa.String(length=40), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("ruled_by", sa.String(length=40), nullable=True),
        sa.Column("ruled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_gap_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gap")),
    )
    op.create_table(
        "inspection",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("session", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.String(length=40), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_inspection_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection")),
    )
    for table, is_open in (("gap", "ended IS NULL"), ("inspection", "result IS NULL")):
        op.create_index(op.f(f"ix_{table}_session"), table, ["session"], unique=False)
        op.create_index(
            f"uq_{table}_one_open",
            table,
            ["session"],
            unique=True,
            sqlite_where=sa.text(is_open),
            postgresql_where=sa.text(is_open),
        )


def downgrade() -> None:
    raise NotImplementedError("gaps that were ruled cannot be forgotten")
