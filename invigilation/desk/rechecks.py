"""The re-check desk: the learner's face again, beside the one of the identity check."""

from __future__ import annotations

from dataclasses import dataclass

from invigilation.desk.identity_facts import look_for_face, mark_face, withheld
from invigilation.desk.incidents import incident_in
from invigilation.desk.office import (
    SERVICE,
    Office,
    actor,
    following,
    held,
    new_id,
    sitting_of,
    watched,
)
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.incident import NOTE_LIMIT, Severity
from invigilation.people import Role, Staff
from invigilation.recheck import Recheck, RecheckCause, RecheckResult
from invigilation.record import Data
from invigilation.session import LIVE, SEALED
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.sessions import Open

CATEGORY = "examinee.id_authorisation"
NOT_SAME = "At a re-check, the face was found not to be the one of the identity check."


@dataclass(frozen=True, slots=True)
class RecheckDesk:
    """Keeps faces that were taken again, and what the invigilator made of them."""

    office: Office

    async def add(
        self,
        session: str,
        cause: RecheckCause,
        picture: Evidence,
        derived: Evidence | None = None,
        *,
        by: Staff | None = None,
        print_: int | None = None,
    ) -> Recheck:
        """Note a face that was taken again: by the service, or because `by` asked for it.

        `derived` is the face cut out and aligned, `print_` the picture's print. Of those at random,
        one waits to be judged at most.
        """
        for one_picture in (picture, derived):
            if one_picture is not None and one_picture.sha256 is None:
                raise InvalidInput("picture", "The picture is not complete.")
        async with self.office.store.write() as tx:
            one = await held(tx, session) if by is None else (await watched(tx, session, by))[0]
            await _may_add(tx, one, cause)
            now = self.office.clock.now()
            aligned = None if derived is None else derived.id
            taken = Recheck(new_id("rc"), session, cause, picture.id, now, aligned=aligned)
            data: Data = {
                "recheck": taken.id,
                "cause": cause.value,
                "evidence": picture.id,
                "sha256": picture.sha256,
                "size": picture.size,
                "derived_evidence": aligned,
                "derived_sha256": None if derived is None else derived.sha256,
                "derived_size": None if derived is None else derived.size,
            }
            who = SERVICE if by is None else actor(by, Role.INVIGILATOR)
            entry = self.office.entry(one, "rechecked", who, data, now)
            await tx.sessions.append(entry, *(it for it in (picture, derived) if it is not None))
            await tx.identities.add_recheck(taken)
            mark = None
            if print_ is not None:
                sitting = await sitting_of(tx, session)
                mark = await mark_face(self.office, tx, sitting, picture, print_)
        if mark is not None:
            async with self.office.store.write() as tx:
                one = await held(tx, session)
                await look_for_face(self.office, tx, one, mark, of_recheck=True)
        return taken

    async def judge(
        self, session: str, by: Staff, recheck: str, result: RecheckResult, note: str
    ) -> Recheck:
        """Judge it, once; another person's face is an incident, too.

        Raises `NotFound` and `IllegalTransition`.
        """
        note = note.strip()
        if len(note) > NOTE_LIMIT:
            raise InvalidInput("note", f"A note has at most {NOTE_LIMIT} letters.")
        async with self.office.store.write() as tx:
            one, sitting = await watched(tx, session, by)
            if one.session.state in SEALED:
                raise NotAllowed("judge a re-check in a record that is sealed")
            taken = await _find(tx, session, recheck)
            now = self.office.clock.now()
            judged = taken.judged(result, note, by.id, now)
            told: Data = {"recheck": recheck, "result": result.value}
            who = actor(by, Role.INVIGILATOR)
            entry = self.office.entry(one, "recheck_judged", who, told, now, {"note": note})
            await tx.sessions.append(entry)
            await tx.identities.save_recheck(judged)
            if result is RecheckResult.NOT_SAME:
                await incident_in(
                    self.office,
                    tx,
                    following(one, entry),
                    sitting,
                    by,
                    category=CATEGORY,
                    severity=Severity.HIGH,
                    note=note or NOT_SAME,
                    picture=judged.evidence,
                )
        return judged


async def _may_add(tx: Tx, one: Open, cause: RecheckCause) -> None:
    if one.session.state not in LIVE:
        raise NotAllowed("take a picture when the session is not running")
    if withheld(await tx.identities.consents(one.session.id)):
        raise NotAllowed("take a picture without the learner's consent")
    if cause is RecheckCause.RANDOM:
        for other in await tx.identities.rechecks(one.session.id):
            if other.cause is cause and other.result is None:
                raise NotAllowed("take another picture before the last one is judged")


async def _find(tx: Tx, session: str, recheck: str) -> Recheck:
    for one in await tx.identities.rechecks(session):
        if one.id == recheck:
            return one
    raise NotFound("re-check", recheck)
