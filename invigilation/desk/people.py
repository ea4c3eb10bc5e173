"""The reception: who is signed in, and one-time tickets for the live room."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from invigilation.desk.office import LEARNER, Office, held
from invigilation.errors import Busy, NotAllowed, NotSignedIn, Unsure
from invigilation.people import Staff
from invigilation.proof import ENTERING, Proof
from invigilation.session import OVER
from invigilation.store import Tx
from invigilation.store.logins import LINK, Login, Ticket

STAFF_HOURS = 12
LEARNER_HOURS = 12
TICKET_SECONDS = 30
RETURN_HOURS = 4
"""Longer than a session: whoever was in it comes back without asking at the front office."""
LINK_MINUTES = 15
SEEN_EVERY = timedelta(minutes=1)
"""That somebody was heard of is written no more often than this."""
DEVICE_LIMIT = 80
PLACE_LIMIT = 64


class Kind(StrEnum):
    """Who a login or a ticket is for."""

    STAFF = "staff"
    ENTERING = "entering"
    """Staff between the password and the second factor."""
    LEARNER = "learner"
    SECOND = "second"


_LASTS = {
    Kind.STAFF: timedelta(hours=STAFF_HOURS),
    Kind.ENTERING: ENTERING,
    Kind.LEARNER: timedelta(hours=LEARNER_HOURS),
    Kind.SECOND: timedelta(hours=LEARNER_HOURS),
}


@dataclass(frozen=True, slots=True)
class Whence:
    """On what device something was done ("Firefox on Windows"), and from what address."""

    device: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Reception:
    """Keeps logins; passwords are checked by the front office, which can wait for them."""

    office: Office

    async def staff_secret(self, email: str) -> tuple[Staff, str] | None:
        """Return the member of staff with this address and the password's hash."""
        async with self.office.store.read() as tx:
            return await tx.people.staff_secret(email.strip().lower())

    async def sign_in(
        self,
        kind: Kind,
        person: str,
        proof: Proof | None = None,
        whence: Whence = Whence(),
        proved: datetime | None = None,
        account: tuple[str, ...] | None = None,
    ) -> tuple[str, Login]:
        """Open a login and return its secret token; `person` is a staff or a request id.

        A login of staff is good only with the `proof` of a second factor, given now or, for one
        that somebody else took, at `proved`. A second camera comes in by its link alone. `account`
        is the company's, by which somebody came who has to show the second step yet.
        """
        token, login = self._login(kind, person)
        now = self.office.clock.now()
        login = replace(
            login,
            opened=now,
            proof=proof,
            proved=None if proof is None else min(now, proved or now),
            device=whence.device[:DEVICE_LIMIT],
            place=whence.place[:PLACE_LIMIT],
            account=account,
        )
        async with self.office.store.write() as tx:
            if kind is Kind.STAFF:
                login = replace(login, seen=now, rests=await self._rests(tx, person, now))
            await tx.logins.add(login)
        return token, login

    async def _rests(self, tx: Tx, person: str, now: datetime) -> datetime:
        return now + self.office.rules.silence_of(await tx.people.staff(person))

    def _login(self, kind: Kind, person: str) -> tuple[str, Login]:
        token = secrets.token_urlsafe(32)
        expires = self.office.clock.now() + _LASTS[kind]
        return token, Login(digest(token), kind, person, secrets.token_urlsafe(24), expires)

    async def second_camera_link(self, session: str) -> str:
        """Return a token that makes one device the session's second camera.

        It is good once, for 15 minutes, and ends the link before it. Raises `NotAllowed` when the
        session is over.
        """
        token = secrets.token_urlsafe(32)
        expires = self.office.clock.now() + timedelta(minutes=LINK_MINUTES)
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            if one.session.state in OVER:
                raise NotAllowed("add a camera to a session that is over")
            await tx.logins.end_links(session)
            await tx.logins.add_ticket(Ticket(digest(token), LINK, session, session, expires))
        return token

    async def open_second_camera(self, token: str) -> tuple[str, Login]:
        """Open the login of the second camera whose link this is, and return its secret token.

        Its `person` is the session's id; it lasts until the session is over, and ends the login of
        a second camera before it. Raises `NotSignedIn` for a link that is used, late or unknown.
        """
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            # First the session, then its links, as everybody does who ends them: no deadlock.
            linked = await tx.logins.linked(digest(token))
            one = None if linked is None else await tx.sessions.hold(linked)
            link = await tx.logins.use_link(digest(token), now)
            if one is None or link is None or one.session.state in OVER:
                raise NotSignedIn("This link has been used or has run out. Please ask for another.")
            session = one.session.id
            await tx.logins.end_second(session)
            secret, login = self._login(Kind.SECOND, session)
            await tx.logins.add(login)
            entry = self.office.entry(one, "second_camera_added", LEARNER, {})
            await tx.sessions.append(entry)
        return secret, login

    async def login(self, token: str, *, acts: bool = True) -> Login | None:
        """Return the login of a token, unless it has ended, or is staff's without a proof.

        `acts`: its person does something just now, so the time of silence begins anew.
        """
        now = self.office.clock.now()
        async with self.office.store.read() as tx:
            found = await tx.logins.find(digest(token), now)
        if found is None or found.kind != Kind.STAFF:
            return found
        if found.proved is None:
            return None
        return await self.heard(found) if acts else found

    async def heard(self, login: Login) -> Login:
        """Note that the person of a staff login is there; return it as it stands then.

        A store that is away just now is passed over: the next request notes it.
        """
        now = self.office.clock.now()
        if login.seen is not None and now - login.seen < SEEN_EVERY:
            return login
        with contextlib.suppress(Busy, Unsure):
            async with self.office.store.write() as tx:
                rests = await self._rests(tx, login.person, now)
                await tx.logins.hear(login.token_sha256, now, rests)
            return replace(login, seen=now, rests=rests)
        return login

    async def silent(self, token: str) -> timedelta | None:
        """Return after what silence a login was ended; None for any other token."""
        now = self.office.clock.now()
        async with self.office.store.read() as tx:
            found = await tx.logins.rested(digest(token), now)
        if found is None or found.seen is None or found.rests is None:
            return None
        return found.rests - found.seen

    async def sign_out(self, token: str) -> None:
        """End a login, and the tickets by which its person would come in without one."""
        async with self.office.store.write() as tx:
            login = await tx.logins.find(digest(token), self.office.clock.now())
            await tx.logins.remove(digest(token))
            if login is not None:
                await tx.logins.end_tickets(login.kind, login.person, self.office.clock.now())

    async def staff(self, ident: str) -> Staff:
        """Return a member of staff; raises `NotSignedIn`, too for one who has no role any more."""
        async with self.office.store.read() as tx:
            found = await tx.people.staff(ident)
        if found is None or not found.roles:
            raise NotSignedIn("Please sign in.")
        return found

    async def everybody(self) -> list[Staff]:
        """Return all staff, by name."""
        async with self.office.store.read() as tx:
            return await tx.people.all_staff()

    async def ticket(
        self,
        kind: Kind,
        person: str,
        session: str | None,
        device: str | None = None,
        login: str | None = None,
    ) -> str:
        """Return a ticket that opens one live connection within 30 seconds.

        It belongs to the `login` and the learner's `device` that ask, both as digests: when it is
        used, the login must not have ended, and no other device have taken the session over.
        """
        token = secrets.token_urlsafe(32)
        expires = self.office.clock.now() + timedelta(seconds=TICKET_SECONDS)
        one = Ticket(digest(token), kind, person, session, expires, device, login)
        async with self.office.store.write() as tx:
            await tx.logins.add_ticket(one)
        return token

    async def return_ticket(self, used: Ticket) -> str:
        """Return a ticket like the one that was used, good once, for when the connection is lost.

        For learners alone, and it ends those before it. The way back of staff is their login, which
        may end before; that of a second camera, too, since another device may take its place.
        """
        token, now = secrets.token_urlsafe(32), self.office.clock.now()
        expires = now + timedelta(hours=RETURN_HOURS)
        async with self.office.store.write() as tx:
            just_asked_for = now + timedelta(seconds=TICKET_SECONDS)
            await tx.logins.end_tickets(used.kind, used.person, just_asked_for)
            # It may outlive the login; signing out ends it all the same.
            fresh = replace(used, token_sha256=digest(token), expires=expires, login=None)
            await tx.logins.add_ticket(fresh)
        return token

    async def use_ticket(self, token: str) -> Ticket:
        """Take a ticket in; raises `NotSignedIn` for one that is used, late or unknown.

        So it does for one whose login has ended, or whose device is not the learner's any more.
        """
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            found = await tx.logins.use_ticket(digest(token), now)
            good = found is not None and await _still_theirs(tx, found, now)
        if found is None or not good:
            raise NotSignedIn("This ticket is not valid.")
        return found


async def _still_theirs(tx: Tx, one: Ticket, now: datetime) -> bool:
    """Say whether the login and the device that asked for a ticket are still what they were."""
    if one.login is not None and await tx.logins.find(one.login, now) is None:
        return False
    if one.kind != Kind.LEARNER or one.session is None:
        return True
    known = await tx.devices.find(one.session)
    # Before the check-in a session belongs to no device, and a ticket may name none.
    return known is None or one.device == known.device


def digest(token: str) -> str:
    """Return what is kept of a secret token: its hex SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()
