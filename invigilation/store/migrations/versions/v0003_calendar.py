"""The calendar: reservations, capacity, skills, busy times, waiting, payments, audit, onboard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

HELD = "state IN ('booked', 'no_show_proposed', 'reserved')"
POSTGRESQL = (
    "ALTER TABLE booking DROP CONSTRAINT ex_booking_overlap",
    f"""
    ALTER TABLE booking ADD CONSTRAINT ex_booking_overlap
    EXCLUDE USING gist (seat WITH =, int8range(start, hold_until) WITH &&) WHERE ({HELD})
    """,
)
TAKEN = """
    EXISTS (
        SELECT 1 FROM booking AS other
        WHERE other.seat = new.seat AND other.id <> new.id
        AND other.start < new.hold_until AND other.hold_until > new.start
        AND other.state IN ('booked', 'no_show_proposed', 'reserved')
    )
"""
SQLITE = (
    "DROP TRIGGER tr_booking_overlap_insert",
    "DROP TRIGGER tr_booking_overlap_update",
    f"""
    CREATE TRIGGER tr_booking_overlap_insert BEFORE INSERT ON booking
    WHEN new.{HELD} AND {TAKEN}
    BEGIN SELECT RAISE(IGNORE); END
    """,
    f"""
    CREATE TRIGGER tr_booking_overlap_update
    BEFORE UPDATE OF seat, start, hold_until, state ON booking
    WHEN new.{HELD} AND {TAKEN}
    BEGIN SELECT RAISE(ABORT, 'overlap'); END
    """,
)
UTC = sa.BigInteger
ID = sa.String(length=40)
IN_LINE = sa.text("state in ('waiting', 'offered')")
ACTIVE = sa.text("state in ('booked', 'no_show_proposed', 'reserved')")


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    _bookings()
    for statement in SQLITE if sqlite else POSTGRESQL:
        op.execute(statement)
    _rota()
    _waiting()
    _charges(sqlite=sqlite)
    _papers()


def _bookings() -> None:
    op.add_column("booking", sa.Column("placed", UTC(), server_default="0", nullable=False))
    op.add_column("booking", sa.Column("reserved_until", UTC(), nullable=True))
    op.create_index("ix_booking_staff_start", "booking", ["staff", "start"], unique=False)
    op.create_index("ix_booking_state_start", "booking", ["state", "start"], unique=False)
    op.create_index("ix_booking_request", "booking", ["request"], unique=False)
    op.create_index("ix_session_invigilator", "session", ["invigilator"], unique=False)
    op.drop_index("uq_booking_one_active", "booking")
    op.create_index(
        "uq_booking_one_active",
        "booking",
        ["request"],
        unique=True,
        sqlite_where=ACTIVE,
        postgresql_where=ACTIVE,
    )


def _rota() -> None:
    op.add_column(
        "seat", sa.Column("retired", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "leave", sa.Column("note", sa.String(length=200), server_default="", nullable=False)
    )
    op.create_table(
        "skill",
        sa.Column("staff", ID, nullable=False),
        sa.Column("assessment", ID, nullable=False),
        _key("skill", "staff", "staff"),
        _key("skill", "assessment", "assessment"),
        sa.PrimaryKeyConstraint("staff", "assessment", name=op.f("pk_skill")),
    )
    op.create_table(
        "busy_source",
        sa.Column("staff", ID, nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("checked", UTC(), nullable=True),
        sa.Column("read", UTC(), nullable=True),
        sa.Column("fault", sa.String(length=300), nullable=True),
        _key("busy_source", "staff", "staff"),
        sa.PrimaryKeyConstraint("staff", name=op.f("pk_busy_source")),
    )
    op.create_table(
        "busy",
        sa.Column("id", ID, nullable=False),
        sa.Column("staff", ID, nullable=False),
        sa.Column("start", UTC(), nullable=False),
        sa.Column("end", UTC(), nullable=False),
        _key("busy", "staff", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_busy")),
    )
    op.create_index("ix_busy_staff", "busy", ["staff"], unique=False)
    op.create_table(
        "feed",
        sa.Column("staff", ID, nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("created", UTC(), nullable=False),
        _key("feed", "staff", "staff"),
        sa.PrimaryKeyConstraint("staff", name=op.f("pk_feed")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_feed_token_sha256")),
    )


def _waiting() -> None:
    op.create_table(
        "waiting",
        sa.Column("id", ID, nullable=False),
        sa.Column("request", ID, nullable=False),
        sa.Column("first", UTC(), nullable=False),
        sa.Column("last", UTC(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("created", UTC(), nullable=False),
        sa.Column("booking", ID, nullable=True),
        _key("waiting", "request", "request"),
        _key("waiting", "booking", "booking"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting")),
    )
    op.create_index("ix_waiting_state_created", "waiting", ["state", "created"], unique=False)
    op.create_index(
        "uq_waiting_one_in_line",
        "waiting",
        ["request", "first"],
        unique=True,
        sqlite_where=IN_LINE,
        postgresql_where=IN_LINE,
    )


def _charges(*, sqlite: bool) -> None:
    op.execute("UPDATE charge SET state = 'settled' WHERE state = 'paid'")
    columns = (
        sa.Column("product", sa.String(length=40), server_default="no_show", nullable=False),
        sa.Column("title", sa.String(length=200), server_default="Missed session", nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="GBP", nullable=False),
        sa.Column("settled", UTC(), nullable=True),
    )
    if sqlite:  # it cannot let a column be empty without copying the table
        with op.batch_alter_table("charge") as batch:
            batch.alter_column("booking", existing_type=ID, nullable=True)
            for column in columns:
                batch.add_column(column)
    else:
        op.alter_column("charge", "booking", existing_type=ID, nullable=True)
        for column in columns:
            op.add_column("charge", column)
    op.create_index("ix_charge_learner", "charge", ["learner"], unique=False)
    op.create_index("ix_charge_request", "charge", ["request"], unique=False)
    op.create_table(
        "product",
        sa.Column("id", ID, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("net_pence", sa.Integer(), nullable=False),
        sa.Column("vat_basis_points", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("code", name=op.f("uq_product_code")),
    )
    op.create_table(
        "payment",
        sa.Column("id", ID, nullable=False),
        sa.Column("request", ID, nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("gross_pence", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("created", UTC(), nullable=False),
        sa.Column("expires", UTC(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        _key("payment", "request", "request"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("reference", name=op.f("uq_payment_reference")),
    )
    op.create_index("ix_payment_request", "payment", ["request"], unique=False)
    op.create_table(
        "payment_charge",
        sa.Column("payment", ID, nullable=False),
        sa.Column("charge", ID, nullable=False),
        _key("payment_charge", "payment", "payment"),
        _key("payment_charge", "charge", "charge"),
        sa.PrimaryKeyConstraint("payment", "charge", name=op.f("pk_payment_charge")),
    )


def _papers() -> None:
    op.create_table(
        "enquiry",
        sa.Column("id", ID, nullable=False),
        sa.Column("request", ID, nullable=False),
        sa.Column("booking", ID, nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created", UTC(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", ID, nullable=True),
        sa.Column("answered", UTC(), nullable=True),
        _key("enquiry", "request", "request"),
        _key("enquiry", "booking", "booking"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enquiry")),
    )
    op.create_index("ix_enquiry_answered", "enquiry", ["answered"], unique=False)
    op.create_index("ix_enquiry_request", "enquiry", ["request"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", UTC(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False)
    op.create_table(
        "onboard",
        sa.Column("id", ID, nullable=False),
        sa.Column("request", ID, nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("officer", sa.String(length=200), nullable=False),
        sa.Column("rank", sa.String(length=40), nullable=False),
        sa.Column("rank_words", sa.String(length=80), nullable=False),
        sa.Column("vessel", sa.String(length=120), nullable=False),
        sa.Column("imo", sa.String(length=7), nullable=False),
        sa.Column("sits_on", sa.Integer(), nullable=False),
        sa.Column("submitted", UTC(), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("erased", UTC(), nullable=True),
        sa.Column("reviewed_by", ID, nullable=True),
        sa.Column("reviewed", UTC(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attestation", sa.LargeBinary(), nullable=True),
        _key("onboard", "request", "request"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onboard")),
    )
    op.create_index("ix_onboard_state", "onboard", ["state"], unique=False)
    op.create_index("ix_onboard_request", "onboard", ["request"], unique=False)
    op.create_table(
        "onboard_event",
        sa.Column("onboard", ID, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", UTC(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        _key("onboard_event", "onboard", "onboard"),
        sa.PrimaryKeyConstraint("onboard", "seq", name=op.f("pk_onboard_event")),
    )


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def downgrade() -> None:
    raise NotImplementedError("what was paid and asked cannot be forgotten")
