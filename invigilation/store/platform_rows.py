"""Tables of the platforms that speak LTI, and of their launches. Private to the store."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text, UniqueConstraint

from invigilation.store.columns import Utc, Words
from invigilation.store.schema import ID, metadata, ref

platform = Table(
    "platform",
    metadata,
    ref("backend", "backend", primary_key=True),
    Column("issuer", String(500), nullable=False),
    Column("client_id", String(255), nullable=False),
    Column("deployments", Words, nullable=False),
    Column("authorize_url", Text, nullable=False),
    Column("token_url", Text, nullable=False),
    Column("keys_url", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("launch_minutes", Integer, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("added", Utc, nullable=False),
    UniqueConstraint("issuer", "client_id"),
)
lti_attempt = Table(
    "lti_attempt",
    metadata,
    Column("id", ID, primary_key=True),
    ref("platform", "backend"),
    Column("deployment", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("link", String(255), nullable=False),
    Column("number", Integer, nullable=False),
    Column("spelt", String(40), nullable=False),
    Column("link_claim", Text, nullable=False),
    Column("session_data", Text, nullable=False),
    Column("start_url", Text, nullable=False),
    Column("control_url", Text, nullable=False),
    Column("actions", Words, nullable=False),
    Column("return_url", Text, nullable=False),
    Column("launched", Utc, nullable=False),
    ref("request", "request", nullable=True),
    Column("started", Utc),
    Column("ended", Utc),
    UniqueConstraint("platform", "deployment", "subject", "link", "number"),
    UniqueConstraint("request"),
)
# What a platform signs can be used once: its nonce is kept for as long as it would be good.
lti_nonce = Table(
    "lti_nonce",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("used", Utc, nullable=False, index=True),
)
lti_refusal = Table(
    "lti_refusal",
    metadata,
    Column("delivery", ID, primary_key=True),
    Column("session", ID, ForeignKey("session.id"), nullable=False, index=True),
    Column("action", String(40), nullable=False),
    Column("said", Text, nullable=False),
    Column("at", Utc, nullable=False),
)
