"""What staff sign in with: they set it up, use it and change it, and are told of each change.

The front office checks codes and signatures; here is kept what they are checked against, and that
each is good once. Whoever has set up one second factor always keeps one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from invigilation.desk.office import Office, new_id
from invigilation.desk.people import Kind, Whence
from invigilation.errors import InvalidInput, NotFound, NotSignedIn
from invigilation.people import Staff
from invigilation.proof import (
    MAX_PASSKEYS,
    NAME_LIMIT,
    RECOVERY_CODES,
    Change,
    Proof,
    new_recovery_code,
    plain_code,
)
from invigilation.record import stamp
from invigilation.store import Tx
from invigilation.store.credentials import Passkey, Totp
from invigilation.store.logins import Login

CHANGED = "sign_in_changed"
"""The letter that tells somebody that how they sign in has changed."""
LAST = "Set up another way first: you cannot sign in without one."


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody has set up: an app since when, passkeys, and how many codes are left."""

    app: datetime | None
    passkeys: tuple[Passkey, ...]
    codes_left: int

    @property
    def ready(self) -> bool:
        """Whether there is a second factor; recovery codes alone are none."""
        return self.app is not None or bool(self.passkeys)


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey as its registration has proved it."""

    credential: bytes
    public_key: bytes
    counter: int
    name: str
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CredentialDesk:
    """Keeps what staff sign in with."""

    office: Office

    async def standing(self, person: str) -> Standing:
        """Return what somebody has set up."""
        async with self.office.store.read() as tx:
            return await self.standing_in(tx, person)

    async def standing_in(self, tx: Tx, person: str) -> Standing:
        """Return what somebody has set up, within a transaction."""
        app = await tx.credentials.totp(person)
        return Standing(
            None if app is None else app.made,
            tuple(await tx.credentials.passkeys(person)),
            await tx.credentials.codes_left(person),
        )

    # --- the authenticator app --------------------------------------------------------------------

    async def begin_app(self, login: Login, secret: bytes) -> None:
        """Keep the wrapped secret of an app that is being set up in this browser."""
        async with self.office.store.write() as tx:
            await tx.logins.set_up(login.token_sha256, secret)

    async def app_begun(self, login: Login) -> bytes | None:
        """Return the wrapped secret of the app that is being set up in this browser."""
        async with self.office.store.read() as tx:
            return await tx.logins.setting_up(login.token_sha256)

    async def set_app(
        self, by: Staff, login: Login, secret: bytes, step: int, whence: Whence
    ) -> bool:
        """Keep an app whose code of this step was right; say whether it was still being set up.

        Of two that send the same code one has it; another app of before is no longer good. Raises
        `NotSignedIn` when the password alone would set up a second way.
        """
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            await tx.credentials.hold(by.id)
            await self._check_first(tx, by, login)
            if await tx.logins.setting_up(login.token_sha256) != secret:
                return False
            await tx.logins.set_up(login.token_sha256, None)
            await tx.credentials.set_totp(Totp(by.id, secret, step, now))
            await self._changed(tx, by, Change.APP_SET, whence)
        return True

    async def app(self, person: str) -> Totp | None:
        """Return somebody's authenticator app."""
        async with self.office.store.read() as tx:
            return await tx.credentials.totp(person)

    async def use_step(self, app: Totp, step: int) -> bool:
        """Use up the step whose code was given; False when it, or a later one, was used before."""
        async with self.office.store.write() as tx:
            return await tx.credentials.use_step(app.staff, app.secret, step)

    async def remove_app(self, by: Staff, whence: Whence) -> None:
        """Remove the app; raises `InvalidInput` when there is nothing else to sign in with."""
        async with self.office.store.write() as tx:
            await tx.credentials.hold(by.id)
            if await tx.credentials.drop_totp(by.id):
                await self._check_ready(tx, by.id)
                await self._changed(tx, by, Change.APP_REMOVED, whence)

    # --- passkeys ---------------------------------------------------------------------------------

    async def challenge(self, login: Login, challenge: str) -> None:
        """Keep what a passkey is to sign in this browser."""
        async with self.office.store.write() as tx:
            await tx.logins.challenge(login.token_sha256, challenge)

    async def take_challenge(self, login: Login) -> str | None:
        """Return what a passkey was to sign in this browser; it is good once."""
        async with self.office.store.write() as tx:
            return await tx.logins.take_challenge(login.token_sha256)

    async def add_passkey(
        self, by: Staff, login: Login, new: NewPasskey, whence: Whence
    ) -> Passkey:
        """Keep a new passkey; raises `InvalidInput` for one too many, or one that is known.

        Raises `NotSignedIn` when the password alone would set up a second way.
        """
        name = " ".join(new.name.split())[:NAME_LIMIT] or "Passkey"
        if not name.isprintable():
            raise InvalidInput("name", "The name must be plain text.")
        now, sha256 = self.office.clock.now(), hashlib.sha256(new.credential).hexdigest()
        one = Passkey(
            new_id("pk"),
            by.id,
            sha256,
            new.credential,
            new.public_key,
            new.counter,
            name,
            new.transports,
            now,
        )
        async with self.office.store.write() as tx:
            await tx.credentials.hold(by.id)
            await self._check_first(tx, by, login)
            if len(await tx.credentials.passkeys(by.id)) >= MAX_PASSKEYS:
                raise InvalidInput("name", f"You have {MAX_PASSKEYS} passkeys. Remove one first.")
            if not await tx.credentials.add_passkey(one):
                raise InvalidInput("name", "This passkey is set up already.")
            await self._changed(tx, by, Change.PASSKEY_ADDED, whence, name)
        return one

    async def use_passkey(self, one: Passkey, counter: int) -> bool:
        """Write that a passkey was used; False when its counter says that it was copied."""
        async with self.office.store.write() as tx:
            return await tx.credentials.use_passkey(one.id, counter, self.office.clock.now())

    async def remove_passkey(self, by: Staff, ident: str, whence: Whence) -> None:
        """Remove a passkey; raises `NotFound`, and `InvalidInput` when nothing else is left."""
        async with self.office.store.write() as tx:
            await tx.credentials.hold(by.id)
            gone = await tx.credentials.drop_passkey(by.id, ident)
            if gone is None:
                raise NotFound("passkey", ident)
            await self._check_ready(tx, by.id)
            await self._changed(tx, by, Change.PASSKEY_REMOVED, whence, gone.name)

    # --- recovery codes ---------------------------------------------------------------------------

    async def new_codes(self, by: Staff, whence: Whence) -> Sequence[str]:
        """Make ten recovery codes, each good once, and return them; those before are void."""
        codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
        async with self.office.store.write() as tx:
            await tx.credentials.hold(by.id)
            await tx.credentials.set_codes(by.id, [_digest(code) for code in codes])
            await self._changed(tx, by, Change.CODES_MADE, whence)
        return codes

    async def use_code(self, person: str, typed: str, whence: Whence) -> bool:
        """Use a recovery code up, and tell its owner; False for one that is used or not theirs."""
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            by = await tx.people.staff(person)
            if by is None or not await tx.credentials.use_code(person, _digest(typed), now):
                return False
            left = await tx.credentials.codes_left(person)
            await self._changed(tx, by, Change.CODE_USED, whence, left=left)
        return True

    async def company_bound(self, tx: Tx, by: Staff, whence: Whence) -> None:
        """Tell somebody that an account of the company is theirs from now on; noted, too."""
        await self._changed(tx, by, Change.COMPANY_BOUND, whence)

    async def signed_out(self, tx: Tx, person: Staff) -> None:
        """Tell somebody that an administrator has ended sign-ins of theirs."""
        await self._tell(tx, person, Change.SIGNED_OUT, Whence())

    async def guessed(self, by: Staff, whence: Whence) -> None:
        """Tell somebody that wrong codes were tried behind their password, from here last."""
        async with self.office.store.write() as tx:
            await self._changed(tx, by, Change.CODES_GUESSED, whence)

    # --- the password, and logins -----------------------------------------------------------------

    async def password_hash(self, person: str) -> str | None:
        """Return the hash of somebody's password."""
        async with self.office.store.read() as tx:
            return await tx.credentials.password_hash(person)

    async def change_password(
        self, by: Staff, login: Login, password_hash: str, whence: Whence
    ) -> None:
        """Keep a new password, and end all other logins of this person."""
        async with self.office.store.write() as tx:
            await tx.credentials.hold(by.id)
            await tx.credentials.set_password(by.id, password_hash)
            await tx.logins.end_of(Kind.ENTERING, by.id)
            await self._end(tx, by, await self._others(tx, by, login))
            await self._changed(tx, by, Change.PASSWORD_CHANGED, whence)

    async def logins(self, by: Staff) -> list[Login]:
        """Return the browsers in which somebody is signed in, latest first."""
        async with self.office.store.read() as tx:
            return await tx.logins.of_person(Kind.STAFF, by.id, self.office.clock.now())

    async def end_login(self, by: Staff, ident: str) -> None:
        """Sign somebody out in one browser; raises `NotFound`."""
        async with self.office.store.write() as tx:
            every = await tx.logins.of_person(Kind.STAFF, by.id, self.office.clock.now())
            found = [one for one in every if one.id == ident]
            if not found:
                raise NotFound("sign-in", ident)
            await self._end(tx, by, found)

    async def end_others(self, by: Staff, login: Login) -> int:
        """Sign somebody out in all other browsers; return in how many they were signed in."""
        async with self.office.store.write() as tx:
            others = await self._others(tx, by, login)
            await self._end(tx, by, others)
        return len(others)

    async def prove(self, login: Login, proof: Proof) -> None:
        """Write that who is signed in has just proved again who they are."""
        async with self.office.store.write() as tx:
            await tx.logins.prove(login.token_sha256, proof, self.office.clock.now())

    async def forget(self, tx: Tx, person: str) -> None:
        """Remove all second factors of somebody who lost them, and tell them; for the commands.

        At the next sign-in the password leads to setting up a new one.
        """
        by = await tx.people.staff(person)
        await tx.credentials.forget(person)
        if by is not None:
            await self._tell(tx, by, Change.RESET, Whence())

    async def _others(self, tx: Tx, by: Staff, login: Login) -> list[Login]:
        every = await tx.logins.of_person(Kind.STAFF, by.id, self.office.clock.now())
        return [one for one in every if one.token_sha256 != login.token_sha256]

    async def _end(self, tx: Tx, by: Staff, logins: Sequence[Login]) -> None:
        """End logins, and the tickets by which their connections would come back without one."""
        now = self.office.clock.now()
        for one in logins:
            await tx.logins.remove(one.token_sha256)
            data = {"device": one.device or "", "place": one.place or ""}
            await self.office.note(tx, _actor(by), "sign_in.ended", by.id, data, None)
        if logins:
            await tx.logins.end_tickets(Kind.STAFF, by.id, now)

    async def _check_first(self, tx: Tx, by: Staff, login: Login) -> None:
        """Refuse who has shown a password alone, and has a second factor."""
        if login.kind == Kind.ENTERING and (await self.standing_in(tx, by.id)).ready:
            raise NotSignedIn("Please sign in.")

    async def _check_ready(self, tx: Tx, person: str) -> None:
        if not (await self.standing_in(tx, person)).ready:
            raise InvalidInput("factor", LAST)

    async def _changed(
        self,
        tx: Tx,
        by: Staff,
        change: Change,
        whence: Whence,
        name: str = "",
        left: int | None = None,
    ) -> None:
        """Note a change in the audit log, and tell the person."""
        facts: dict[str, str | int] = {"device": whence.device, "place": whence.place}
        if name:
            facts["name"] = name
        if left is not None:
            facts["codes_left"] = left
        await self.office.note(tx, _actor(by), f"sign_in.{change}", by.id, None, facts)
        await self._tell(tx, by, change, whence, left)

    async def _tell(
        self, tx: Tx, by: Staff, change: Change, whence: Whence, left: int | None = None
    ) -> None:
        facts = {
            "name": by.name,
            "page": "/staff/me",
            "change": change.value,
            "device": whence.device,
            "place": whence.place,
            "at": stamp(self.office.clock.now()),
            "left": left,
        }
        await tx.outbox.add(self.office.letter(by.email, CHANGED, facts))


def _actor(by: Staff) -> str:
    return f"staff:{by.id}"


def _digest(code: str) -> str:
    """Return what is kept of a recovery code: its 140 random bits need no slow hash."""
    return hashlib.sha256(plain_code(code).encode()).hexdigest()
