"""What the account that serves may do in PostgreSQL, where another one changes the schema.

It reads and writes rows and makes, changes or drops no table. Chains it may only add to; rows of
the audit log it may add and change (an erasure empties words in them), and not take away.
"""

from __future__ import annotations

from sqlalchemy import Connection, make_url, text

CHAINS = ("event", "onboard_event", "erasure", "audit_seal")
"""Tables whose rows are only ever added."""
LOG = "audit"
VERSION = "alembic_version"


def account_of(url: str) -> str:
    """Return the account in a database's address; raises ValueError where there is none."""
    account = make_url(url).username
    if not account:
        raise ValueError("the address of the database names no account")
    return account


def grant(connection: Connection, account: str) -> None:
    """Give this account just these rights on all tables of the current schema."""
    quote = connection.dialect.identifier_preparer.quote
    schema = quote(connection.execute(text("SELECT current_schema()")).scalar_one())
    who = quote(account)

    def of(*tables: str) -> str:
        return ", ".join(f"{schema}.{quote(one)}" for one in tables)

    for statement in (
        f"GRANT USAGE ON SCHEMA {schema} TO {who}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {who}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {who}",
        f"REVOKE UPDATE, DELETE ON {of(*CHAINS)} FROM {who}",
        f"REVOKE DELETE ON {of(LOG)} FROM {who}",
        f"REVOKE INSERT, UPDATE, DELETE ON {of(VERSION)} FROM {who}",
    ):
        connection.execute(text(statement))
