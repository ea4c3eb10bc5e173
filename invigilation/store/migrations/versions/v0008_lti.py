"""Platforms of LTI, and their launches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WORD = sa.String(length=40)
NAME = sa.String(length=255)


def upgrade() -> None:
    op.create_table(
        "platform",
        sa.Column("backend", WORD, nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("client_id", NAME, nullable=False),
        sa.Column("deployments", sa.Text(), nullable=False),
        sa.Column("authorize_url", sa.Text(), nullable=False),
        sa.Column("token_url", sa.Text(), nullable=False),
        sa.Column("keys_url", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("launch_minutes", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["backend"], ["backend.id"], name=op.f("fk_platform_backend")),
        sa.PrimaryKeyConstraint("backend", name=op.f("pk_platform")),
        sa.UniqueConstraint("issuer", "client_id", name=op.f("uq_platform_issuer_client_id")),
    )
    _attempts()
    op.create_table(
        "lti_nonce",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_lti_nonce")),
    )
    op.create_index(op.f("ix_lti_nonce_used"), "lti_nonce", ["used"], unique=False)
    op.create_table(
        "lti_refusal",
        sa.Column("delivery", WORD, nullable=False),
        sa.Column("session", WORD, nullable=False),
        sa.Column("action", WORD, nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_lti_refusal_session")),
        sa.PrimaryKeyConstraint("delivery", name=op.f("pk_lti_refusal")),
    )
    op.create_index(op.f("ix_lti_refusal_session"), "lti_refusal", ["session"], unique=False)


def _attempts() -> None:
    op.create_table(
        "lti_attempt",
        sa.Column("id", WORD, nullable=False),
        sa.Column("platform", WORD, nullable=False),
        sa.Column("deployment", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("link", NAME, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("spelt", WORD, nullable=False),
        sa.Column("link_claim", sa.Text(), nullable=False),
        sa.Column("session_data", sa.Text(), nullable=False),
        sa.Column("start_url", sa.Text(), nullable=False),
        sa.Column("control_url", sa.Text(), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("return_url", sa.Text(), nullable=False),
        sa.Column("launched", sa.BigInteger(), nullable=False),
        sa.Column("request", WORD, nullable=True),
        sa.Column("started", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["platform"], ["backend.id"], name=op.f("fk_lti_attempt_platform")),
        sa.ForeignKeyConstraint(["request"], ["request.id"], name=op.f("fk_lti_attempt_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_attempt")),
        sa.UniqueConstraint(
            "platform",
            "deployment",
            "subject",
            "link",
            "number",
            name=op.f("uq_lti_attempt_platform_deployment_subject_link_number"),
        ),
        sa.UniqueConstraint("request", name=op.f("uq_lti_attempt_request")),
    )


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
