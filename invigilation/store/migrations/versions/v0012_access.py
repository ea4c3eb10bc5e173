"""How staff prove who they are, and which browsers are theirs.

Logins of before have no proof of a second factor: their people sign in anew, and set one up.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "totp",
        sa.Column("staff", sa.String(length=40), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("fk_totp_staff")),
        sa.PrimaryKeyConstraint("staff", name=op.f("pk_totp")),
    )
    op.create_table(
        "passkey",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("staff", sa.String(length=40), nullable=False),
        sa.Column("credential_sha256", sa.String(length=64), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("transports", sa.Text(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("fk_passkey_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_sha256", name=op.f("uq_passkey_credential_sha256")),
    )
    op.create_index("ix_passkey_staff", "passkey", ["staff"], unique=False)
    op.create_table(
        "recovery_code",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("staff", sa.String(length=40), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("fk_recovery_code_staff")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_recovery_code")),
    )
    op.create_index("ix_recovery_code_staff", "recovery_code", ["staff"], unique=False)
    op.add_column("login", sa.Column("opened", sa.BigInteger(), nullable=True))
    op.add_column("login", sa.Column("proof", sa.String(length=40), nullable=True))
    op.add_column("login", sa.Column("proved", sa.BigInteger(), nullable=True))
    op.add_column("login", sa.Column("device", sa.String(length=80), nullable=True))
    op.add_column("login", sa.Column("place", sa.String(length=64), nullable=True))
    op.add_column("login", sa.Column("challenge", sa.String(length=120), nullable=True))
    op.add_column("login", sa.Column("setting_up", sa.LargeBinary(), nullable=True))
    op.create_index("ix_login_person", "login", ["person"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("records that rest on this cannot be forgotten")
