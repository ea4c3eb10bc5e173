"""Tables of how staff prove who they are. Private to the store."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from invigilation.store.columns import Utc, Words
from invigilation.store.schema import ID, metadata, ref

# The app's secret must be readable again; it is wrapped with a key that no database has. A step (a
# stretch of 30 seconds) is used once: only later ones are taken.
totp = Table(
    "totp",
    metadata,
    ref("staff", "staff", primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("made", Utc, nullable=False),
)
passkey = Table(
    "passkey",
    metadata,
    Column("id", ID, primary_key=True),
    Column("staff", ID, ForeignKey("staff.id"), nullable=False, index=True),
    Column("credential_sha256", String(64), nullable=False, unique=True),
    Column("credential", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("name", String(60), nullable=False),
    Column("transports", Words, nullable=False),
    Column("made", Utc, nullable=False),
    Column("used", Utc),
)
# Whom the company's sign-in knows as whom, since the first time: by its name for the person, which
# never changes and is never given to another (OpenID Connect Core 1.0, 5.7).
company_account = Table(
    "company_account",
    metadata,
    ref("staff", "staff", primary_key=True),
    Column("issuer", String(500), primary_key=True),
    Column("subject", String(255), nullable=False),
    Column("email", String(254), nullable=False),
    Column("made", Utc, nullable=False),
    UniqueConstraint("issuer", "subject"),
)
recovery_code = Table(
    "recovery_code",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("staff", ID, ForeignKey("staff.id"), nullable=False, index=True),
    Column("used", Utc),
)
