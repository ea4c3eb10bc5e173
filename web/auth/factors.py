"""The second factors of staff: codes of an app, recovery codes, and passkeys, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from aiohttp import web

from invigilation.desk import Desk
from invigilation.desk.credentials import CredentialDesk
from invigilation.desk.people import Whence
from invigilation.people import Staff
from invigilation.proof import Proof
from invigilation.store.credentials import Passkey
from invigilation.store.logins import Login
from web.auth import passkeys, totp
from web.auth.passkeys import Options, Party, WrongPasskey
from web.wrapping import Wrapping

log = structlog.get_logger(__name__)
CODE_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Factors:
    """Sets up and checks second factors. Without a `party` there are no passkeys."""

    desk: Desk
    wrapping: Wrapping
    party: Party | None

    @property
    def _kept(self) -> CredentialDesk:
        return self.desk.credentials

    # --- the authenticator app --------------------------------------------------------------------

    async def new_app(self, person: Staff, login: Login) -> str:
        """Return the secret of the app that is being set up in this browser, made at first."""
        begun = await self._kept.app_begun(login)
        if begun is not None:
            return self.wrapping.open(name_of(person.id), begun)
        secret = totp.new_secret()
        await self._kept.begin_app(login, self.wrapping.wrap(name_of(person.id), secret))
        return secret

    async def set_app(self, person: Staff, login: Login, code: str, whence: Whence) -> bool:
        """Keep the app that is being set up if it shows the right code; say whether it does."""
        begun = await self._kept.app_begun(login)
        if begun is None:
            return False
        secret = self.wrapping.open(name_of(person.id), begun)
        step = totp.step_of(secret, digits_of(code), self.desk.office.clock.now())
        if step is None:
            return False
        return await self._kept.set_app(person, login, begun, step, whence)

    async def use_code(self, person: str, typed: str, whence: Whence) -> Proof | None:
        """Use up a code of the app, or a recovery code; None when it is neither, or was used."""
        code = digits_of(typed[:CODE_LIMIT])
        if not is_of_app(typed):
            used = await self._kept.use_code(person, typed[:CODE_LIMIT], whence)
            return Proof.RECOVERY if used else None
        app = await self._kept.app(person)
        if app is None:
            return None
        secret = self.wrapping.open(name_of(person), app.secret)
        step = totp.step_of(secret, code, self.desk.office.clock.now(), app.last_step)
        if step is None or not await self._kept.use_step(app, step):
            return None
        return Proof.CODE

    async def code_now(self, person: str, login: Login) -> str:
        """Return a code that is good now, of the app or of the one that is being set up.

        For demonstrations alone, where nobody has an app; empty when there is none just now.
        """
        begun, now = await self._kept.app_begun(login), self.desk.office.clock.now()
        app = await self._kept.app(person)
        if begun is not None:
            return totp.code_of(self.wrapping.open(name_of(person), begun), totp.step_at(now))
        if app is None:
            return ""
        step = max(totp.step_at(now), app.last_step + 1)
        if step > totp.step_at(now) + totp.DRIFT:
            return ""
        return totp.code_of(self.wrapping.open(name_of(person), app.secret), step)

    # --- passkeys ---------------------------------------------------------------------------------

    async def creation(self, person: Staff, login: Login) -> Options | None:
        """Return what a browser makes a new passkey from; None where there can be none."""
        if self.party is None:
            return None
        challenge = passkeys.new_challenge()
        await self._kept.challenge(login, challenge)
        known = (await self._kept.standing(person.id)).passkeys
        return passkeys.creation(self.party, person, challenge, known)

    async def add_passkey(
        self, person: Staff, login: Login, answer: str, name: str, whence: Whence
    ) -> bool:
        """Keep the passkey that a browser has made; False when its answer is not right.

        Raises `InvalidInput` for one too many, or one that is known.
        """
        challenge = await self._kept.take_challenge(login)
        if self.party is None or challenge is None:
            return False
        try:
            new = passkeys.made(self.party, challenge, answer, name)
        except WrongPasskey as error:
            log.warning("passkey not set up", why=str(error))
            return False
        await self._kept.add_passkey(person, login, new, whence)
        return True

    async def request(self, login: Login, known: Sequence[Passkey]) -> Options | None:
        """Return what a browser asks one of these passkeys with; None where there is none."""
        if self.party is None or not known:
            return None
        challenge = passkeys.new_challenge()
        await self._kept.challenge(login, challenge)
        return passkeys.request(self.party, challenge, known)

    async def use_passkey(self, person: str, login: Login, answer: str) -> Proof | None:
        """Check what a passkey has signed, once; None when it is not right."""
        challenge = await self._kept.take_challenge(login)
        if self.party is None or challenge is None:
            return None
        known = (await self._kept.standing(person)).passkeys
        try:
            one, counter = passkeys.used(self.party, challenge, answer, known)
        except WrongPasskey as error:
            log.warning("passkey refused", why=str(error))
            return None
        return Proof.PASSKEY if await self._kept.use_passkey(one, counter) else None


FACTORS = web.AppKey("factors", Factors)


def name_of(person: str) -> str:
    """Return the name under which the secret of somebody's app is wrapped."""
    return f"totp:{person}"


def is_of_app(typed: str) -> bool:
    """Say whether this has the form of a code of an app; anything else is a recovery code."""
    code = digits_of(typed[:CODE_LIMIT])
    return len(code) == totp.DIGITS and code.isdecimal()


def digits_of(code: str) -> str:
    """Return a code without the spaces that apps show, and people type."""
    return "".join(code.split())
