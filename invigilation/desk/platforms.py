"""The platform desk: what platforms that speak LTI launch, are told, and do not accept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import timedelta

from invigilation.desk.office import Office, new_id, sitting_of
from invigilation.desk.requests import Ask, Asked, RequestDesk
from invigilation.errors import InvalidInput, NotFound
from invigilation.looks import LookReason
from invigilation.record import Entry
from invigilation.request import licence_end
from invigilation.session import SEALED, Session, SessionState
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.platforms import Attempt, Platform, Refusal
from invigilation.store.views import Sitting

SAT = frozenset(
    {SessionState.IN_PROGRESS, SessionState.PAUSED, SessionState.STOPPED, SessionState.ENDED}
)
NONCES_KEPT = timedelta(hours=24)
CODE_LETTERS = 80
SAID_LETTERS = 300
ERROR_LETTERS = 1_000
MINUTES = range(5, 8 * 60 + 1)
LOOK_AGAIN = timedelta(minutes=10)
"""Looks of a platform at the same picture within so long are noted as one."""
PLATFORM = "platform"
"""Under this name a platform acts in a record."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What a verified `LtiStartProctoring` asks for.

    `number` counts the person's tries, `spelt` and `link_claim` are the platform's own JSON of it
    and of its resource link. `minutes` is how long the assessment takes, if the launch says it.
    """

    platform: Platform
    deployment: str
    subject: str
    name: str
    email: str
    zone: str
    link: str
    title: str
    number: int
    spelt: str
    link_claim: str
    session_data: str
    start_url: str
    control_url: str
    actions: tuple[str, ...]
    return_url: str
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Launched:
    """An attempt, its request, and its newest session if there is one."""

    attempt: Attempt
    asked: Asked
    platform: Platform


@dataclass(frozen=True, slots=True)
class PlatformDesk:
    """Turns launches into requests, and keeps what comes of them."""

    office: Office
    requests: RequestDesk

    async def find(self, issuer: str, client_id: str | None = None) -> Platform:
        """Return the platform of that issuer; raises `NotFound` for none, or for more than one."""
        async with self.office.store.read() as tx:
            found = await tx.platforms.of_issuer(issuer, client_id)
        if len(found) != 1:
            raise NotFound("platform", issuer)
        return found[0]

    async def of_backend(self, backend: str) -> Platform:
        """Return the platform of a backend; raises `NotFound`."""
        async with self.office.store.read() as tx:
            found = await tx.platforms.of_backend(backend)
        if found is None:
            raise NotFound("platform", backend)
        return found

    async def use_nonce(self, platform: Platform, nonce: str) -> bool:
        """Note that a nonce was used; false when it was before."""
        now = self.office.clock.now()
        digest = hashlib.sha256(f"{platform.backend}\n{nonce}".encode()).hexdigest()
        async with self.office.store.write() as tx:
            return await tx.platforms.use_nonce(digest, now, now - NONCES_KEPT)

    async def launched(self, launch: Launch, link_to: str) -> Launched:
        """Keep the launch, and make its request unless there is one.

        The learner's way to the assessment is `link_to` and the attempt's id. Raises `InvalidInput`
        for what cannot be used.
        """
        platform = launch.platform
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            attempt = await tx.platforms.launched(
                Attempt(
                    new_id("la"),
                    platform.backend,
                    launch.deployment,
                    launch.subject,
                    launch.link,
                    launch.number,
                    launch.spelt,
                    launch.link_claim,
                    launch.session_data,
                    launch.start_url,
                    launch.control_url,
                    launch.actions,
                    launch.return_url,
                    now,
                )
            )
        if attempt.request is not None:
            return Launched(attempt, await self.requests.find(attempt.request), platform)
        ask = Ask(
            platform.backend,
            attempt.id,
            _short(launch.subject, 200),
            launch.name,
            launch.email,
            await self._assessment(launch),
            licence_end(now.astimezone(self.office.rules.zone).date(), self.office.rules.zone),
            assessment_url=f"{link_to}{attempt.id}",
            return_url=launch.return_url,
            zone=launch.zone,
        )
        asked = await self.requests.ask(ask)
        async with self.office.store.write() as tx:
            await tx.platforms.set_request(attempt.id, asked.request.id)
        return Launched(replace(attempt, request=asked.request.id), asked, platform)

    async def _assessment(self, launch: Launch) -> str:
        """Return the code of the assessment behind a resource link, adding it the first time.

        What the office itself has said of it (its length, its materials) stays. The name of a link
        is good within its deployment only (LTI 1.3, 5.3.5): where there may be several, the
        deployment stands before it.
        """
        alone = len(launch.platform.deployments) == 1
        name = launch.link if alone else json.dumps([launch.deployment, launch.link])
        backend, code = launch.platform.backend, _short(name, CODE_LETTERS)
        async with self.office.store.read() as tx:
            known = await tx.requests.assessment_coded(backend, code)
        minutes = launch.minutes
        if known is None or (minutes in MINUTES and minutes != known.minutes):
            long = minutes if minutes in MINUTES else launch.platform.minutes
            await self.requests.keep_assessment(backend, code, launch.title, long or 90)
        return code

    async def attempt(self, ident: str) -> Launched:
        """Return an attempt that has a request; raises `NotFound`."""
        async with self.office.store.read() as tx:
            attempt = await tx.platforms.attempt(ident)
            if attempt is None or attempt.request is None:
                raise NotFound("attempt", ident)
            platform = await tx.platforms.of_backend(attempt.platform)
        if platform is None:
            raise NotFound("platform", attempt.platform)
        return Launched(attempt, await self.requests.find(attempt.request), platform)

    async def controlled(self, session: str) -> tuple[Attempt | None, Session, Sitting]:
        """Return the attempt behind a session, if it has one, and how the session stands."""
        async with self.office.store.read() as tx:
            sitting = await sitting_of(tx, session)
            found = await tx.sessions.find(session)
            if found is None:
                raise NotFound("session", session)
            return await tx.platforms.attempt_for(sitting.request), found, sitting

    async def started(self, attempt: Attempt, session: str) -> None:
        """Note that the learner was sent to the assessment, the first time."""
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            one = await tx.sessions.hold(session)
            if await tx.platforms.set_started(attempt.id, now) and one is not None:
                if one.session.state in SEALED:
                    return
                data = {"platform": attempt.platform}
                entry = self.office.entry(one, "assessment_opened", "service", data, now)
                await tx.sessions.append(entry)

    async def ended(self, one: Attempt, error: str) -> None:
        """Note that the platform says that the attempt is over, with an error if it was one."""
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            if one.request is None:
                return
            booking = await tx.bookings.latest_of(one.request)
            session = None if booking is None else await tx.sessions.id_of(booking.id)
            held = None if session is None else await tx.sessions.hold(session)
            # What comes before the session has begun is not its end.
            if held is None or held.session.state not in SAT:
                return
            if not await tx.platforms.set_ended(one.id, now):
                return
            private = {"error": error[:ERROR_LETTERS]} if error else {}
            data = {"failed": bool(error)}
            await tx.sessions.append(
                self.office.entry(held, "assessment_handed_in", PLATFORM, data, now, private)
            )

    async def find_attempt(
        self, platform: Platform, deployment: str, subject: str, number: int, link: str
    ) -> Attempt:
        """Return the attempt of these names of the platform's; raises `NotFound`."""
        async with self.office.store.read() as tx:
            found = await tx.platforms.attempt_of(
                platform.backend, deployment, subject, number, link
            )
        if found is None:
            raise NotFound("attempt", link)
        return found

    async def refused(
        self, delivery: str, session: str, action: str, said: str, *, final: bool = True
    ) -> bool:
        """Note what the platform did not accept, for the invigilator; false when it was noted.

        Only what is `final` stands in the record: of the rest an answer may still come.
        """
        now = self.office.clock.now()
        said = " ".join(said.split())[:SAID_LETTERS]
        async with self.office.store.write() as tx:
            one = await tx.sessions.hold(session)
            refusal = Refusal(delivery, session, action, said, now)
            if one is None or not await tx.platforms.keep_refusal(refusal):
                return False
            if final and one.session.state not in SEALED:
                entry = self.office.entry(one, "control_refused", PLATFORM, {"action": action}, now)
                await tx.sessions.append(entry)
        return True

    async def accepted(self, session: str, delivery: str) -> bool:
        """Say whether the platform has answered this delivery before."""
        async with self.office.store.read() as tx:
            sent = await tx.outbox.of_session(session)
        return any(one.id == delivery and one.accepted is not None for one in sent)

    async def answered(self, delivery: str) -> bool:
        """Forget that an answer was missing; say whether it was."""
        async with self.office.store.write() as tx:
            return await tx.platforms.drop_refusal(delivery)

    async def refusals(self, session: str) -> tuple[Refusal, ...]:
        """Return what the platform did not accept, oldest first."""
        async with self.office.store.read() as tx:
            return tuple(await tx.platforms.refusals(session))

    async def face(self, session: str) -> str | None:
        """Return the id of the picture of the learner's face by which they were confirmed."""
        async with self.office.store.read() as tx:
            return (await tx.sessions.identity(session)).face

    async def see(self, platform: str, session: str, evidence: str) -> Evidence:
        """Return the picture of a face that a platform is about to look at; the look is noted."""
        async with self.office.store.write() as tx:
            found = await tx.evidence.find(evidence)
            check = await tx.sessions.identity(session)
            one = await tx.sessions.hold(session)
            if found is None or one is None or check.face != evidence:
                raise NotFound("evidence", evidence)
            if found.erased is None:
                why = LookReason.PLATFORM.value
                data = {"evidence": evidence, "kind": found.kind, "reason": why}
                entry = self.office.entry(one, "evidence_viewed", f"{PLATFORM}:{platform}", data)
                if not await _noted(tx, entry):
                    await tx.sessions.append(entry)
        return found


async def _noted(tx: Tx, look: Entry) -> bool:
    """Say whether the same look was noted a short while ago.

    The link is in the learner's hands, too: nobody shall make the record as long as they like.
    """
    return any(
        one.actor == look.actor and one.data == look.data and look.at - one.at < LOOK_AGAIN
        for one in await tx.sessions.entries_of(look.session, look.kind)
    )


def attempt_number(raw: object) -> int:
    """Return the number of an attempt, which some platforms write as text; else `InvalidInput`."""
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < 10:
        return int(raw)
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < 2**31:
        return raw
    raise InvalidInput("attempt_number", "The attempt has no number.")


def spelt(raw: object) -> str:
    """Return a value as its platform writes it."""
    return json.dumps(raw, separators=(",", ":"))


def _short(name: str, letters: int) -> str:
    """Return a name that fits: one that is too long gives its digest."""
    if len(name) <= letters:
        return name
    return hashlib.sha256(name.encode()).hexdigest()
