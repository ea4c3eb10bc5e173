"""The tables of people, requests, bookings and sessions. Private to the store."""

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
    UniqueConstraint,
    text,
)

from invigilation.booking import BookingState
from invigilation.document import DocumentKind, Reading
from invigilation.gap import Ruling
from invigilation.identity import Decision, IdentityState
from invigilation.incident import Severity
from invigilation.inspection import InspectionKind, InspectionResult
from invigilation.likeness import Likeness
from invigilation.proof import Proof
from invigilation.report import Channel, DeliveryState
from invigilation.request import RequestState
from invigilation.session import Outcome, SessionState
from invigilation.store.columns import Day, Span, Utc, Word, Words, Written
from invigilation.store.schema import ID, metadata, ref

HELD = "state in ('booked', 'no_show_proposed', 'reserved')"
"""The SQL twin of `booking.ACTIVE`; a test holds them together."""
GAP_OPEN = "ended IS NULL"
INSPECTION_OPEN = "result IS NULL"


backend = Table(
    "backend",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("webhook_url", String(500), nullable=False),
    Column("webhook_secret", String(200), nullable=False),
    Column("channel", Word(Channel), nullable=False),
)
client = Table(
    "client",
    metadata,
    Column("id", ID, primary_key=True),
    ref("backend", "backend"),
    Column("secret_hash", String(200), nullable=False),
    Column("scopes", Words, nullable=False),
)
staff = Table(
    "staff",
    metadata,
    Column("id", ID, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("roles", Words, nullable=False),
    Column("password_hash", String(200), nullable=False),
)
login = Table(
    "login",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("person", ID, nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("expires", Utc, nullable=False),
    # Of staff: by what they proved who they are, when and where; without a proof it opens nothing.
    Column("opened", Utc),
    Column("proof", Word(Proof)),
    Column("proved", Utc),
    Column("device", String(80)),
    Column("place", String(64)),
    # When they were last heard of, and when silence ends it.
    Column("seen", Utc),
    Column("rests", Utc),
    # Between the company's sign-in and the second step: its account, bound when that is passed.
    Column("account", Words),
    # What is open meanwhile: the challenge of a passkey, the secret of an app that is being set up.
    Column("challenge", String(120)),
    Column("setting_up", LargeBinary),
    Index("ix_login_person", "person"),
)
ticket = Table(
    "ticket",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("person", ID, nullable=False),
    Column("session", ID),
    Column("expires", Utc, nullable=False),
    # Whose it is: the digests of the learner's device, and of the login that asked for it.
    Column("device", String(64)),
    Column("login", String(64)),
)
assessment = Table(
    "assessment",
    metadata,
    Column("id", ID, primary_key=True),
    ref("backend", "backend"),
    Column("code", String(80), nullable=False),
    Column("title", String(200), nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("materials", Words, nullable=False),
    Column("pass_mark", Integer, nullable=False),
    Column("phone_allowed", Boolean, nullable=False),
    UniqueConstraint("backend", "code"),
)
learner = Table(
    "learner",
    metadata,
    Column("id", ID, primary_key=True),
    ref("backend", "backend"),
    Column("reference", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    Column("email", String(254), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("born", Day),
    Column("document_number", String(40)),
    UniqueConstraint("backend", "reference"),
)
request = Table(
    "request",
    metadata,
    Column("id", ID, primary_key=True),
    ref("backend", "backend"),
    Column("reference", String(200), nullable=False),
    ref("learner", "learner"),
    ref("assessment", "assessment"),
    Column("assessment_url", String(2000), nullable=False),
    Column("return_url", String(2000), nullable=False),
    Column("licence_until", Utc, nullable=False),
    Column("state", Word(RequestState), nullable=False),
    Column("created", Utc, nullable=False),
    UniqueConstraint("backend", "reference"),
)
booking = Table(
    "booking",
    metadata,
    Column("id", ID, primary_key=True),
    ref("request", "request"),
    ref("seat", "seat"),
    ref("staff", "staff"),
    Column("start", Utc, nullable=False),
    Column("end", Utc, nullable=False),
    Column("hold_until", Utc, nullable=False),
    Column("state", Word(BookingState), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("placed", Utc, nullable=False),
    Column("reserved_until", Utc),
    Index("ix_booking_seat_start", "seat", "start"),
    Index("ix_booking_staff_start", "staff", "start"),
    Index("ix_booking_start", "start"),
    Index("ix_booking_state_start", "state", "start"),
    Index("ix_booking_request", "request"),
    Index(
        "uq_booking_one_active",
        "request",
        unique=True,
        sqlite_where=text(HELD),
        postgresql_where=text(HELD),
    ),
)
session = Table(
    "session",
    metadata,
    Column("id", ID, primary_key=True),
    Column("booking", ID, ForeignKey("booking.id"), nullable=False, unique=True),
    Column("state", Word(SessionState), nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("reason", Text),
    Column("started", Utc),
    Column("running_since", Utc),
    Column("spent", Span, nullable=False),
    Column("finished", Utc),
    Column("outcome", Word(Outcome)),
    Column("head", String(64), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("statement", Text),
    Column("attestation", LargeBinary),
    ref("invigilator", "staff", nullable=True),
    ref("handing_to", "staff", nullable=True),
    Column("given_back", Span, nullable=False),
    Index("ix_session_state", "state"),
    Index("ix_session_handing_to", "handing_to"),
    Index("ix_session_invigilator", "invigilator"),
)
event = Table(
    "event",
    metadata,
    Column("session", ID, ForeignKey("session.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("kind", String(60), nullable=False),
    Column("actor", String(60), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("key_id", String(64), nullable=False),
)
sealed_text = Table(
    "sealed_text",
    metadata,
    # A session's id, or that of an officer's form.
    Column("session", ID, primary_key=True),
    Column("seal", String(64), primary_key=True),
    Column("key", LargeBinary, nullable=False),
    Column("text", Text, nullable=False),
)
identity_check = Table(
    "identity_check",
    metadata,
    Column("session", ID, ForeignKey("session.id"), primary_key=True),
    Column("state", Word(IdentityState), nullable=False),
    Column("document", ID),
    Column("face", ID),
    Column("decision", Word(Decision)),
    Column("reason", Text),
    Column("decided_by", ID),
    Column("decided_at", Utc),
    Column("back", ID),
    Column("portrait", ID),
    Column("aligned", ID),
    Column("kind", Word(DocumentKind)),
    Column("reading", Written(Reading)),
    Column("likeness", Written(Likeness)),
    Column("referred_by", ID),
    Column("referred_at", Utc),
    Column("referred_reason", Text),
    Column("proposed", Word(Decision)),
    Index("ix_identity_check_state", "state"),
)
incident = Table(
    "incident",
    metadata,
    Column("id", ID, primary_key=True),
    Column("session", ID, ForeignKey("session.id"), nullable=False, index=True),
    Column("category", String(60), nullable=False),
    Column("severity", Word(Severity), nullable=False),
    Column("note", Text, nullable=False),
    Column("picture", ID),
    Column("at", Utc, nullable=False),
    Column("by", ID, nullable=False),
)
gap = Table(
    "gap",
    metadata,
    Column("id", ID, primary_key=True),
    Column("session", ID, ForeignKey("session.id"), nullable=False, index=True),
    Column("began", Utc, nullable=False),
    Column("ended", Utc),
    Column("lost", Span),
    Column("ruling", Word(Ruling)),
    Column("note", Text, nullable=False),
    Column("ruled_by", ID),
    Column("ruled_at", Utc),
    Index(
        "uq_gap_one_open",
        "session",
        unique=True,
        sqlite_where=text(GAP_OPEN),
        postgresql_where=text(GAP_OPEN),
    ),
)
inspection = Table(
    "inspection",
    metadata,
    Column("id", ID, primary_key=True),
    Column("session", ID, ForeignKey("session.id"), nullable=False, index=True),
    Column("kind", Word(InspectionKind), nullable=False),
    Column("asked_at", Utc, nullable=False),
    Column("done_at", Utc),
    Column("result", Word(InspectionResult)),
    Column("note", Text, nullable=False),
    Column("judged_at", Utc),
    Index(
        "uq_inspection_one_open",
        "session",
        unique=True,
        sqlite_where=text(INSPECTION_OPEN),
        postgresql_where=text(INSPECTION_OPEN),
    ),
)
evidence = Table(
    "evidence",
    metadata,
    Column("id", ID, primary_key=True),
    Column("session", ID, ForeignKey("session.id"), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("media_type", String(80), nullable=False),
    Column("started", Utc, nullable=False),
    Column("sha256", String(64)),
    Column("size", BigInteger),
    Column("erased", Utc),
)
chat = Table(
    "chat",
    metadata,
    Column("session", ID, ForeignKey("session.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("sender", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("client_id", String(64), nullable=False),
    Column("notice", Boolean, nullable=False),
    UniqueConstraint("session", "client_id"),
)
delivery = Table(
    "delivery",
    metadata,
    Column("id", ID, primary_key=True),
    Column("channel", Word(Channel), nullable=False),
    Column("target", String(254), nullable=False),
    Column("type", String(60), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", Word(DeliveryState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Utc, nullable=False),
    Column("created", Utc, nullable=False),
    Column("once", String(200), unique=True),
    Column("note", Text),
    Column("session", ID, index=True),
    Column("accepted", Utc),
    Index("ix_delivery_state_next_at", "state", "next_at"),
    Index("ix_delivery_target_created", "target", "created"),
)
heartbeat = Table("heartbeat", metadata, Column("at", Utc, primary_key=True, autoincrement=False))
idempotency = Table(
    "idempotency",
    metadata,
    Column("client", ID, primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("status", Integer),
    Column("body", LargeBinary),
    Column("created", Utc, nullable=False),
)
