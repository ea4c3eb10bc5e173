"""Exams and attempts of an edX platform."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

FRESH = "state = 'created'"


def upgrade() -> None:
    op.create_table(
        "edx_platform",
        sa.Column("backend", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("lms_client", sa.String(length=200), nullable=False),
        sa.Column("lms_secret", sa.LargeBinary(), nullable=False),
        sa.Column("reviewer", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(["backend"], ["backend.id"], name=op.f("fk_edx_platform_backend")),
        sa.PrimaryKeyConstraint("backend", name=op.f("pk_edx_platform")),
    )
    op.create_table(
        "edx_exam",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("backend", sa.String(length=40), nullable=False),
        sa.Column("lms_id", sa.String(length=100), nullable=False),
        sa.Column("course", sa.String(length=255), nullable=False),
        sa.Column("content", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("practice", sa.Boolean(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["backend"], ["backend.id"], name=op.f("fk_edx_exam_backend")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edx_exam")),
        sa.UniqueConstraint("backend", "lms_id", name=op.f("uq_edx_exam_backend_lms_id")),
    )
    op.create_index("ix_edx_exam_course", "edx_exam", ["backend", "course"], unique=False)
    op.create_table(
        "edx_attempt",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("exam", sa.String(length=40), nullable=False),
        sa.Column("candidate", sa.String(length=100), nullable=False),
        sa.Column("request", sa.String(length=40), nullable=True),
        sa.Column("practice", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["exam"], ["edx_exam.id"], name=op.f("fk_edx_attempt_exam")),
        sa.ForeignKeyConstraint(["request"], ["request.id"], name=op.f("fk_edx_attempt_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edx_attempt")),
    )
    op.create_index("ix_edx_attempt_request", "edx_attempt", ["request"], unique=False)
    op.create_index("ix_edx_attempt_candidate", "edx_attempt", ["candidate"], unique=False)
    op.create_index(
        "uq_edx_attempt_one_fresh",
        "edx_attempt",
        ["exam", "candidate"],
        unique=True,
        sqlite_where=sa.text(FRESH),
        postgresql_where=sa.text(FRESH),
    )


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
