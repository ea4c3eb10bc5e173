"""The brake on guessing at staff's passwords and codes, which nobody can turn against its owner.

A brake that counts by account alone is a way to shut somebody out: whoever knows the address
guesses until it bites. So wrong tries are counted

- by account *and* place: five in a quarter of an hour, for browsers that nobody knows;
- by known browser: one in which that person has signed in before has a budget of its own, which no
  other browser can use up;
- by account over all places, and by place over all accounts. When one of these is too much, an
  unknown browser is not turned away: it has to show the second factor together with the password.
  The answer is the same whichever of them is wrong, so a guesser learns nothing of the password.

A code of six digits could be guessed from very many places by who has the password. So wrong ones
behind a right password are counted by account over all places as well, apart from all other counts:
who does not know the password cannot fill this one. When it is full, unknown browsers have to show
a passkey or a recovery code, and the owner is told.

What can be shut is the door of one account at one place, to unknown browsers, and a passkey opens
that one still: there is nothing to guess at. Where Redis is set up, all processes count together.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog
from aiohttp import web
from itsdangerous import BadSignature, URLSafeSerializer

from web.auth import cookies
from web.auth.place import network_of
from web.auth.shared import Shared
from web.auth.tries import Tries
from web.keys import DESK, SECRET

log = structlog.get_logger(__name__)
KNOWN: Final = "__Host-known"
KNOWN_HOURS: Final = 180 * 24
KNOWN_LIMIT: Final = 1_000
PEOPLE_LIMIT: Final = 8
"""People who use one browser; whoever came first is forgotten first."""
TRIES: Final = 5
"""Wrong tries of one account from one place, by browsers that nobody knows."""
OWN_TRIES: Final = 10
"""Wrong tries of one known browser."""
ACCOUNT_TRIES: Final = 30
"""Wrong tries of one account from all places; from then on the code is asked for as well."""
PLACE_TRIES: Final = 60
"""Wrong tries of all accounts from one place; a whole office may share one address."""
NO_APP_TRIES: Final = 10 * ACCOUNT_TRIES
"""Wrong tries from all places, after those, of an account that has no app but a passkey."""
TOLD_S: Final = 24 * 3600.0
"""So often at most the owner of an account is told that somebody guesses at its codes."""
ANY: Final = "any"


class Door(StrEnum):
    """How somebody may try to sign in now."""

    OPEN = "open"
    CODE_TOO = "code_too"
    SHUT = "shut"


@dataclass(frozen=True, slots=True)
class Trier:
    """Who tries: a digest of the account's address, the place, and the browser if it is known."""

    account: str
    place: str
    browser: str | None


class Budgets:
    """The counts of one kind of secret, passwords or codes."""

    def __init__(self, kind: str, shared: Shared | None) -> None:
        self.own = Tries(f"{kind}-own", OWN_TRIES, shared=shared)
        self.here = Tries(f"{kind}-here", TRIES, shared=shared)
        self.account = Tries(f"{kind}-account", ACCOUNT_TRIES, shared=shared)
        self.place = Tries(f"{kind}-place", PLACE_TRIES, shared=shared)

    async def fail(self, who: Trier, now: float) -> None:
        """Count a wrong try: of a known browser against its own budget, while that lasts."""
        if who.browser is not None and await self.own.wait(who.account, who.browser, now) == 0:
            await self.own.fail(who.account, who.browser, now)
            return
        await self.here.fail(who.account, who.place, now)
        await self.account.fail(who.account, ANY, now)
        await self.place.fail(ANY, who.place, now)

    async def own_left(self, who: Trier, now: float) -> bool:
        """Say whether this is a known browser that may still try."""
        return who.browser is not None and await self.own.wait(who.account, who.browser, now) == 0

    async def passed(self, who: Trier) -> None:
        """Forget the wrong tries of who was right in the end, from here; not those of others."""
        if who.browser is not None:
            await self.own.forget(who.account, who.browser)
        await self.here.forget(who.account, who.place)


class Lockout:
    """Says how somebody may try, and counts how it went. Times are monotonic, in seconds."""

    def __init__(self, shared: Shared | None = None) -> None:
        self.passwords = Budgets("password", shared)
        self.codes = Budgets("code", shared)
        # Codes of an app that were wrong behind a right password, by account over all places.
        self.app_codes = Tries("app", ACCOUNT_TRIES, shared=shared)
        # Passwords that were wrong where a code was asked for as well: of who has no app for one,
        self.no_app = Tries("no-app", NO_APP_TRIES, shared=shared)
        # and of who has no second factor at all.
        self.newcomers = Tries("newcomer", ACCOUNT_TRIES, shared=shared)
        self.told = Tries("told", 1, TOLD_S, shared)

    async def door(self, who: Trier, now: float) -> tuple[Door, float]:
        """Return how somebody may try a password, and for how many seconds it is shut."""
        kept = self.passwords
        if await kept.own_left(who, now):
            return Door.OPEN, 0.0
        shut = await self.code_wait(who, now)
        if shut > 0:
            return Door.SHUT, shut
        braked = (
            await kept.here.wait(who.account, who.place, now)
            or await kept.account.wait(who.account, ANY, now)
            or await kept.place.wait(ANY, who.place, now)
        )
        return (Door.CODE_TOO, braked) if braked else (Door.OPEN, 0.0)

    async def spent_here(self, who: Trier, now: float) -> float:
        """Return for how many seconds this place may not try that account without a code."""
        return await self.passwords.here.wait(who.account, who.place, now)

    async def code_wait(self, who: Trier, now: float) -> float:
        """Return for how many seconds no code may be tried for that account from here."""
        if await self.codes.own_left(who, now):
            return 0.0
        return await self.codes.here.wait(who.account, who.place, now)

    async def app_code_wait(self, who: Trier, now: float) -> float:
        """Return for how many seconds no code of an app may be tried for that account."""
        if await self.codes.own_left(who, now):
            return 0.0
        return await self.app_codes.wait(who.account, ANY, now)

    async def app_code_failed(self, who: Trier, now: float) -> bool:
        """Count a wrong code of an app behind a right password; say whether to tell its owner."""
        if await self.codes.own_left(who, now):
            return False
        await self.app_codes.fail(who.account, ANY, now)
        full = await self.app_codes.wait(who.account, ANY, now) > 0
        if not full or await self.told.wait(who.account, ANY, now) > 0:
            return False
        await self.told.fail(who.account, ANY, now)
        return True

    def without_code(self, *, ready: bool) -> Tries:
        """Return the count over all places of an account without an app.

        `ready`: a right password is followed by another factor, so more may be tried before a
        guesser can shut its owner's new browser out.
        """
        return self.no_app if ready else self.newcomers


LOCKOUT = web.AppKey("lockout", Lockout)


def trier(request: web.Request, email: str) -> Trier:
    """Return who tries to sign in with this address."""
    account = _account(email)
    browser, people = _known(request)
    return Trier(account, network_of(request), browser if account in people else None)


async def door(request: web.Request, email: str) -> tuple[Door, float]:
    """Return how a password may be tried for this address, and for how many seconds it is shut."""
    return await request.app[LOCKOUT].door(trier(request, email), _now(request))


def is_known(request: web.Request, email: str) -> bool:
    """Say whether the person with this address has signed in before in the browser that asks."""
    return trier(request, email).browser is not None


async def spent_here(request: web.Request, email: str) -> float:
    """Return for how long an account without a second factor is shut at this place, in seconds."""
    return await request.app[LOCKOUT].spent_here(trier(request, email), _now(request))


async def without_code_wait(request: web.Request, email: str, *, ready: bool) -> float:
    """Return for how long no place may try an account without an app, in seconds.

    It counts where a code is asked for as well; `ready`: the account has another second factor.
    """
    kept = request.app[LOCKOUT].without_code(ready=ready)
    return await kept.wait(_account(email), ANY, _now(request))


async def without_code_failed(request: web.Request, email: str, *, ready: bool) -> None:
    """Count a wrong password where a code is asked for as well, of an account without an app."""
    kept = request.app[LOCKOUT].without_code(ready=ready)
    await kept.fail(_account(email), ANY, _now(request))


async def failed(request: web.Request, email: str) -> None:
    """Count a wrong password, or a wrong pair of code and password."""
    await _count(request, email, "password", request.app[LOCKOUT].passwords)


async def passed(request: web.Request, email: str) -> None:
    """Forget this browser's own wrong passwords."""
    await request.app[LOCKOUT].passwords.passed(trier(request, email))


async def code_wait(request: web.Request, email: str) -> float:
    """Return for how many seconds no code may be tried for this address from here; 0: it may."""
    return await request.app[LOCKOUT].code_wait(trier(request, email), _now(request))


async def code_failed(request: web.Request, email: str) -> None:
    """Count a wrong code."""
    await _count(request, email, "code", request.app[LOCKOUT].codes)


async def _count(request: web.Request, email: str, what: str, budgets: Budgets) -> None:
    """Count a wrong try, and log it: the same address has the same letters, and nobody its own."""
    who = trier(request, email)
    log.info("a sign-in was refused", kind="staff", what=what, account=who.account[:8])
    await budgets.fail(who, _now(request))


async def app_code_wait(request: web.Request, email: str) -> float:
    """Return for how many seconds this browser may try no code of an app; 0: it may."""
    return await request.app[LOCKOUT].app_code_wait(trier(request, email), _now(request))


async def app_code_failed(request: web.Request, email: str) -> bool:
    """Count a wrong code of an app behind a right password; say whether to tell its owner now."""
    return await request.app[LOCKOUT].app_code_failed(trier(request, email), _now(request))


async def code_passed(request: web.Request, email: str) -> None:
    """Forget this browser's own wrong codes."""
    await request.app[LOCKOUT].codes.passed(trier(request, email))


def know_browser(request: web.Request, response: web.StreamResponse, email: str) -> None:
    """Let this browser be known as one of that person's: they have just signed in, wholly."""
    browser, people = _known(request)
    account = _account(email)
    listed = [*(one for one in people if one != account), account][-PEOPLE_LIMIT:]
    token = _serializer(request).dumps([browser or secrets.token_urlsafe(16), listed])
    text = token if isinstance(token, str) else token.decode("ascii")
    cookies.keep(response, KNOWN, text, KNOWN_HOURS)


def _known(request: web.Request) -> tuple[str | None, list[str]]:
    """Return the browser's name and whose it is known to be."""
    given = request.cookies.get(KNOWN, "")
    try:
        found = _serializer(request).loads(given) if 0 < len(given) <= KNOWN_LIMIT else None
    except BadSignature:
        found = None
    match found:
        case [str(browser), [*people]]:
            return browser, [one for one in people if isinstance(one, str)]
    return None, []


def _serializer(request: web.Request) -> URLSafeSerializer:
    signer = {"digest_method": hashlib.sha256}
    return URLSafeSerializer(request.app[SECRET], salt="known-browser", signer_kwargs=signer)


def _account(email: str) -> str:
    """Return under which name an address is counted: its own would lie in a cookie for all."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()[:20]


def _now(request: web.Request) -> float:
    return request.app[DESK].office.clock.monotonic()
