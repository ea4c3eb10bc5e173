"""Tables of charges, questions, onboard verifications and the audit log. Private to the store."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from invigilation.charge import ChargeState, PaymentState
from invigilation.enquiry import EnquiryKind
from invigilation.onboard import OnboardState, Rank
from invigilation.store.columns import Day, Utc, Word
from invigilation.store.schema import ID, metadata, ref

product = Table(
    "product",
    metadata,
    Column("id", ID, primary_key=True),
    Column("code", String(40), nullable=False, unique=True),
    Column("title", String(200), nullable=False),
    Column("net_pence", Integer, nullable=False),
    Column("vat_basis_points", Integer, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("active", Boolean, nullable=False),
)
charge = Table(
    "charge",
    metadata,
    Column("id", ID, primary_key=True),
    ref("learner", "learner"),
    Column("booking", ID, ForeignKey("booking.id"), unique=True),
    ref("request", "request", nullable=True),
    Column("product", String(40), nullable=False),
    Column("title", String(200), nullable=False),
    Column("net_pence", Integer, nullable=False),
    Column("vat_basis_points", Integer, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("state", Word(ChargeState), nullable=False),
    Column("reason", Text),
    Column("created", Utc, nullable=False),
    Column("settled", Utc),
    Index("ix_charge_learner", "learner"),
    Index("ix_charge_request", "request"),
)
payment = Table(
    "payment",
    metadata,
    Column("id", ID, primary_key=True),
    ref("request", "request"),
    Column("provider", String(20), nullable=False),
    Column("reference", String(200), nullable=False, unique=True),
    Column("url", String(2000), nullable=False),
    Column("gross_pence", Integer, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("state", Word(PaymentState), nullable=False),
    Column("created", Utc, nullable=False),
    Column("expires", Utc, nullable=False),
    Column("note", Text),
    Index("ix_payment_request", "request"),
)
payment_charge = Table(
    "payment_charge",
    metadata,
    ref("payment", "payment", primary_key=True),
    ref("charge", "charge", primary_key=True),
)
enquiry = Table(
    "enquiry",
    metadata,
    Column("id", ID, primary_key=True),
    ref("request", "request"),
    ref("booking", "booking", nullable=True),
    Column("kind", Word(EnquiryKind), nullable=False),
    Column("text", Text, nullable=False),
    Column("created", Utc, nullable=False),
    Column("answer", Text),
    Column("answered_by", ID),
    Column("answered", Utc),
    Index("ix_enquiry_answered", "answered"),
    Index("ix_enquiry_request", "request"),
)
audit = Table(
    "audit",
    metadata,
    Column("id", ID, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(60), nullable=False),
    Column("before", Text),
    Column("after", Text),
    # Its number in the chain, and what opens the seals of its texts there: JSON.
    Column("seq", Integer),
    Column("opens", Text),
    Index("ix_audit_at", "at"),
    Index("ix_audit_subject", "subject"),
    Index("ix_audit_seq", "seq", unique=True),
)
# A chain as a session's record is one, with an entry for each row of the audit log.
audit_seal = Table(
    "audit_seal",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("kind", String(60), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("key_id", String(64), nullable=False),
)
onboard = Table(
    "onboard",
    metadata,
    Column("id", ID, primary_key=True),
    ref("request", "request"),
    Column("state", Word(OnboardState), nullable=False),
    Column("officer", String(200), nullable=False),
    Column("rank", Word(Rank), nullable=False),
    Column("rank_words", String(80), nullable=False),
    Column("vessel", String(120), nullable=False),
    Column("imo", String(7), nullable=False),
    Column("sits_on", Day, nullable=False),
    Column("submitted", Utc, nullable=False),
    Column("media_type", String(80), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("erased", Utc),
    Column("reviewed_by", ID),
    Column("reviewed", Utc),
    Column("reason", Text),
    Column("attestation", LargeBinary),
    Index("ix_onboard_state", "state"),
    Index("ix_onboard_request", "request"),
)
onboard_event = Table(
    "onboard_event",
    metadata,
    Column("onboard", ID, ForeignKey("onboard.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("kind", String(60), nullable=False),
    Column("actor", String(60), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("key_id", String(64), nullable=False),
)
