"""The challenge desk: something small and unforeseen, drawn here, judged by the invigilator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from invigilation.challenge import Challenge, ChallengeKind, ChallengeResult
from invigilation.desk.office import SERVICE, Office, actor, following, new_id, watched
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.incident import NOTE_LIMIT
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.session import LIVE, SEALED
from invigilation.store import Tx
from invigilation.store.sessions import Open

NUMBERS = 10_000
"""A number to be said has four digits."""


@dataclass(frozen=True, slots=True)
class ChallengeDesk:
    """Keeps what a learner was asked to do; one thing at a time."""

    office: Office

    async def ask(self, session: str, by: Staff) -> Challenge:
        """Draw a challenge, never of the same kind as the last one; one that is open comes first.

        Raises `NotAllowed` while one waits to be judged.
        """
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            if one.session.state not in LIVE:
                raise NotAllowed("ask for this when the session is not running")
            before = await tx.identities.challenges(session)
            if any(other.result is None for other in before):
                raise NotAllowed("ask for a second challenge before the first is judged")
            last = before[-1].kind if before else None
            kind = self.office.dice.choice([kind for kind in ChallengeKind if kind is not last])
            number = kind is ChallengeKind.NUMBER
            detail = f"{self.office.dice.randrange(NUMBERS):04d}" if number else ""
            now = self.office.clock.now()
            asked = Challenge(new_id("ch"), session, kind, detail, now)
            data: Data = {"challenge": asked.id, "kind": kind.value, "detail": detail}
            who = actor(by, Role.INVIGILATOR)
            await tx.sessions.append(self.office.entry(one, "challenge_asked", who, data, now))
            await tx.identities.add_challenge(asked)
        return asked

    async def judge(
        self, session: str, by: Staff, challenge: str, result: ChallengeResult, note: str
    ) -> Challenge:
        """Judge what was seen, once; raises `NotFound` and `IllegalTransition`."""
        note = note.strip()
        if len(note) > NOTE_LIMIT:
            raise InvalidInput("note", f"A note has at most {NOTE_LIMIT} letters.")
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            if one.session.state in SEALED:
                raise NotAllowed("judge a challenge in a record that is sealed")
            asked = await _find(tx, session, challenge)
            now = self.office.clock.now()
            judged = asked.judged(result, note, by.id, now)
            await _judged(self.office, tx, one, actor(by, Role.INVIGILATOR), judged, now)
        return judged


async def skip_challenge(office: Office, tx: Tx, one: Open, now: datetime) -> Open:
    """Skip what the held session's learner is still to do; return the session after."""
    for asked in await tx.identities.challenges(one.session.id):
        if asked.result is None:
            skipped = asked.judged(ChallengeResult.SKIPPED, "", SERVICE, now)
            one = await _judged(office, tx, one, SERVICE, skipped, now)
    return one


async def _judged(
    office: Office, tx: Tx, one: Open, who: str, judged: Challenge, now: datetime
) -> Open:
    data: Data = {
        "challenge": judged.id,
        "kind": judged.kind.value,
        "result": None if judged.result is None else judged.result.value,
    }
    entry = office.entry(one, "challenge_judged", who, data, now, {"note": judged.note})
    await tx.sessions.append(entry)
    await tx.identities.save_challenge(judged)
    return following(one, entry)


async def _find(tx: Tx, session: str, challenge: str) -> Challenge:
    for one in await tx.identities.challenges(session):
        if one.id == challenge:
            return one
    raise NotFound("challenge", challenge)
