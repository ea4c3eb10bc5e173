"""What staff sign in with: passwords, authenticator apps, passkeys, recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.credential_rows import company_account, passkey, recovery_code, totp
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.rows import staff


@dataclass(frozen=True, slots=True)
class Totp:
    """Somebody's authenticator app: its secret, wrapped, and the last step that was used."""

    staff: str
    secret: bytes
    last_step: int
    made: datetime


@dataclass(frozen=True, slots=True)
class Passkey:
    """Somebody's passkey, with the name that they gave it (WebAuthn level 3, 4 and 6.1.1)."""

    id: str
    staff: str
    credential_sha256: str
    credential: bytes
    public_key: bytes
    counter: int
    name: str
    transports: tuple[str, ...]
    made: datetime
    used: datetime | None = None


@dataclass(frozen=True, slots=True)
class CompanyAccount:
    """Somebody's account at the company's sign-in, and the address that it had at the beginning."""

    staff: str
    issuer: str
    subject: str
    email: str
    made: datetime


class Credentials:
    """Rows of what staff prove themselves with."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def hold(self, person: str) -> None:
        """Let nobody else change what this person signs in with until the transaction ends."""
        await self._db.execute(select(staff.c.id).where(staff.c.id == person).with_for_update())

    async def password_hash(self, person: str) -> str | None:
        """Return the hash of somebody's password."""
        query = select(staff.c.password_hash).where(staff.c.id == person)
        return (await self._db.execute(query)).scalar()

    async def set_password(self, person: str, password_hash: str) -> None:
        """Replace the hash of somebody's password."""
        await self._db.execute(
            update(staff).where(staff.c.id == person).values(password_hash=password_hash)
        )

    # --- the authenticator app --------------------------------------------------------------------

    async def totp(self, person: str) -> Totp | None:
        """Find somebody's authenticator app."""
        row = (await self._db.execute(all_of(totp, Totp).where(totp.c.staff == person))).first()
        return None if row is None else load(Totp, row)

    async def set_totp(self, one: Totp) -> None:
        """Insert somebody's authenticator app, instead of the one before."""
        await self.drop_totp(one.staff)
        await self._db.execute(insert(totp).values(**dump(one)))

    async def use_step(self, person: str, secret: bytes, step: int) -> bool:
        """Use a step of an app up; False when it, or a later one, is used, or the app replaced."""
        done = await self._db.execute(
            update(totp)
            .where(totp.c.staff == person, totp.c.secret == secret, totp.c.last_step < step)
            .values(last_step=step)
        )
        return done.rowcount == 1

    async def drop_totp(self, person: str) -> bool:
        """Remove somebody's authenticator app; say whether there was one."""
        done = await self._db.execute(delete(totp).where(totp.c.staff == person))
        return done.rowcount == 1

    # --- passkeys ---------------------------------------------------------------------------------

    async def passkeys(self, person: str) -> list[Passkey]:
        """Return somebody's passkeys, oldest first."""
        query = all_of(passkey, Passkey).where(passkey.c.staff == person)
        rows = await self._db.execute(query.order_by(passkey.c.made, passkey.c.id))
        return [load(Passkey, row) for row in rows]

    async def add_passkey(self, one: Passkey) -> bool:
        """Insert a passkey unless somebody has it; say whether it was."""
        statement = self._insert(passkey).values(**dump(one))
        done = await self._db.execute(
            statement.on_conflict_do_nothing(index_elements=[passkey.c.credential_sha256])
        )
        return done.rowcount == 1

    async def use_passkey(self, ident: str, counter: int, now: datetime) -> bool:
        """Write that a passkey was used; False when its counter went back, or it is gone.

        Those that do not count always say 0 (WebAuthn level 3, 6.1.1).
        """
        forward = or_(passkey.c.counter < counter, (passkey.c.counter == 0) & (counter == 0))
        done = await self._db.execute(
            update(passkey).where(passkey.c.id == ident, forward).values(counter=counter, used=now)
        )
        return done.rowcount == 1

    async def drop_passkey(self, person: str, ident: str) -> Passkey | None:
        """Remove one of somebody's passkeys and return it."""
        found = next((one for one in await self.passkeys(person) if one.id == ident), None)
        if found is not None:
            await self._db.execute(delete(passkey).where(passkey.c.id == ident))
        return found

    # --- recovery codes ---------------------------------------------------------------------------

    async def set_codes(self, person: str, digests: Sequence[str]) -> None:
        """Insert recovery codes, instead of those before."""
        await self._db.execute(delete(recovery_code).where(recovery_code.c.staff == person))
        if digests:
            rows = [{"staff": person, "sha256": digest} for digest in digests]
            await self._db.execute(insert(recovery_code), rows)

    async def use_code(self, person: str, digest: str, now: datetime) -> bool:
        """Use a recovery code up; False for one that is used, or not theirs."""
        done = await self._db.execute(
            update(recovery_code)
            .where(
                recovery_code.c.staff == person,
                recovery_code.c.sha256 == digest,
                recovery_code.c.used.is_(None),
            )
            .values(used=now)
        )
        return done.rowcount == 1

    async def codes_left(self, person: str) -> int:
        """Say how many recovery codes somebody has not used."""
        query = (
            select(func.count())
            .select_from(recovery_code)
            .where(recovery_code.c.staff == person, recovery_code.c.used.is_(None))
        )
        return (await self._db.execute(query)).scalar_one()

    async def forget(self, person: str) -> None:
        """Remove all of somebody's second factors."""
        await self.drop_totp(person)
        await self._db.execute(delete(passkey).where(passkey.c.staff == person))
        await self.set_codes(person, ())

    # --- the company's sign-in --------------------------------------------------------------------

    async def account(self, issuer: str, subject: str) -> CompanyAccount | None:
        """Find an account by the company's name for it."""
        query = all_of(company_account, CompanyAccount).where(
            company_account.c.issuer == issuer, company_account.c.subject == subject
        )
        row = (await self._db.execute(query)).first()
        return None if row is None else load(CompanyAccount, row)

    async def account_of(self, person: str, issuer: str) -> CompanyAccount | None:
        """Find the account by which somebody comes in."""
        query = all_of(company_account, CompanyAccount).where(
            company_account.c.staff == person, company_account.c.issuer == issuer
        )
        row = (await self._db.execute(query)).first()
        return None if row is None else load(CompanyAccount, row)

    async def accounts(self) -> list[CompanyAccount]:
        """Return all accounts, by person."""
        query = all_of(company_account, CompanyAccount)
        rows = await self._db.execute(
            query.order_by(company_account.c.staff, company_account.c.made)
        )
        return [load(CompanyAccount, row) for row in rows]

    async def add_account(self, one: CompanyAccount) -> bool:
        """Insert an account unless it is somebody's, or they have one; say whether it was."""
        statement = self._insert(company_account).values(**dump(one))
        done = await self._db.execute(statement.on_conflict_do_nothing())
        return done.rowcount == 1

    async def drop_accounts(self, person: str) -> bool:
        """Forget by which accounts somebody comes in; say whether there was one."""
        done = await self._db.execute(
            delete(company_account).where(company_account.c.staff == person)
        )
        return done.rowcount > 0
