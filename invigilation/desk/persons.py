"""The desk of learners' rights: all that is kept about one person, handed out or erased."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from invigilation.desk import erased
from invigilation.desk.edx import ERASED, ERASED_EMAIL
from invigilation.desk.erasure import REASON_LIMIT, ErasureDesk
from invigilation.desk.exporting import Export, ExportDesk
from invigilation.desk.looks import LookDesk
from invigilation.desk.office import Office
from invigilation.desk.onboard_papers import PICTURE_KIND
from invigilation.errors import InvalidInput, InvigilationError, NotFound
from invigilation.people import Learner, Staff
from invigilation.presence import Source
from invigilation.record import Data
from invigilation.request import RequestEvent
from invigilation.session import SEALED
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.persons import Whole

OF_OTHERS = frozenset({Source.INVIGILATOR.value})
"""Kinds of evidence that show somebody else: they are not handed out."""
Destroy = Callable[[str, str], Awaitable[None]]
"""Destroys the bytes of a piece of evidence: its session (or form) and its id."""


class Unfinished(InvigilationError):
    """Something about a learner is not at its end; `waits` are sentences that say what."""

    code = "unfinished"

    def __init__(self, waits: list[str]) -> None:
        super().__init__("This cannot be erased yet. " + " ".join(waits))
        self.waits = waits


@dataclass(frozen=True, slots=True)
class Kept:
    """All that is kept about a learner: rows by table, and each session's record with evidence."""

    of: Whole
    rows: dict[str, list[dict[str, object]]]
    sessions: tuple[Export, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """What an erasure has destroyed: pieces of evidence, and openings of texts."""

    learner: str
    pieces: int
    texts: int


@dataclass(frozen=True, slots=True)
class PersonDesk:
    """Hands out, and erases."""

    office: Office
    exports: ExportDesk
    erasure: ErasureDesk
    looks: LookDesk

    async def find(self, reference: str, backend: str | None = None) -> Whole:
        """Return who goes by a reference, an address or our id; raises `NotFound`.

        Raises `InvalidInput` where several do: the reference of one of them, with its backend, or
        our id tells them apart.
        """
        async with self.office.store.read() as tx:
            found = await tx.persons.known_as(reference.strip(), backend)
            if not found:
                raise NotFound("learner", reference)
            if len(found) > 1:
                several = ", ".join(f"{one.id} (of {one.backend})" for one in found)
                raise InvalidInput("reference", f"Several learners go by this: {several}.")
            return await tx.persons.whole(found[0])

    async def take(self, of: Whole, by: Staff) -> Kept:
        """Return all that is kept about a learner; that it was taken is in records and audit log.

        What shows somebody else goes not along: the invigilators' voices, and officers' documents.
        """
        who = f"staff:{by.id}"
        async with self.office.store.write() as tx:
            for session in of.sessions:
                await self.looks.for_rights(tx, session, by)
            counted: Data = {"sessions": len(of.sessions), "forms": len(of.forms)}
            await self.office.note(tx, who, "learner.exported", of.learner.id, None, counted)
        taken = [
            await self.exports.take(
                session, by, lambda one: one.kind not in OF_OTHERS, report=False
            )
            for session in of.sessions
        ]
        async with self.office.store.read() as tx:
            return Kept(of, await tx.persons.rows(of), tuple(taken))

    async def erase(self, of: Whole, who: str, reason: str, destroy: Destroy) -> Gone:
        """Erase all that names or shows a learner; what was sealed about them still verifies.

        Pictures and recordings go first, then texts, at last who they are: a command that was
        broken off can be repeated. Bills stay without a name. Raises `Unfinished` while something
        has not come to its end, and then nothing has changed.
        """
        if not 0 < len(reason.strip()) <= REASON_LIMIT:
            raise InvalidInput("reason", f"Give a reason of 1 to {REASON_LIMIT} letters.")
        async with self.office.store.read() as tx:
            waits = await tx.persons.waits(of)
        if waits:
            raise Unfinished(waits)
        pieces = await self._evidence(of, who, destroy)
        texts = 0
        for record in await self._with_texts(of):
            texts += await self.erasure.forget(record, who, reason)
        async with self.office.store.write() as tx:
            await self._person(tx, of, who, reason)
        await self.office.store.scrub()
        return Gone(of.learner.id, pieces, texts)

    async def _with_texts(self, of: Whole) -> list[str]:
        """Return the records, without sessions that never began: there is nothing in those."""
        async with self.office.store.read() as tx:
            found = [await tx.sessions.find(session) for session in of.sessions]
        return [*(one.id for one in found if one is not None and one.state in SEALED), *of.forms]

    async def _evidence(self, of: Whole, who: str, destroy: Destroy) -> int:
        async with self.office.store.read() as tx:
            pieces = [
                one
                for session in of.sessions
                for one in (
                    *await tx.evidence.of_session(session),
                    *await tx.evidence.reports_of(session),
                )
                if one.erased is None
            ]
            forms = [await tx.onboard.find(form) for form in of.forms]
        for piece in pieces:
            await destroy(piece.session, piece.id)
            async with self.office.store.write() as tx:
                if await tx.evidence.erase(piece.id, self.office.clock.now()):
                    await erased.write_evidence(self.office, tx, piece, who, erased.BY_REQUEST)
                await tx.identities.forget_face(piece.id)
        shown = [form for form in forms if form is not None and form.erased is None]
        for form in shown:
            await destroy(form.id, form.id)
            facts = (form.media_type, form.submitted, form.sha256, form.size, None)
            picture = Evidence(form.id, form.id, PICTURE_KIND, *facts)
            async with self.office.store.write() as tx:
                if await tx.onboard.erase(form.id, self.office.clock.now()):
                    await erased.write_evidence(self.office, tx, picture, who, erased.BY_REQUEST)
        return len(pieces) + len(shown)

    async def _person(self, tx: Tx, of: Whole, who: str, reason: str) -> None:
        """Empty who they are; what could still be booked is withdrawn."""
        for ident in await tx.persons.open_requests(of):
            one = await tx.requests.find(ident)
            if one is not None:
                after = one.after(RequestEvent.WITHDRAW)
                await tx.requests.step(ident, one.state, after.state)
        await tx.persons.forget(of, _bare(of.learner), f"erased-{of.learner.id}")
        told: Data = {"learner": of.learner.id, "records": len(of.records)}
        await erased.write(self.office, tx, erased.PERSON, told, who, erased.BY_REQUEST)
        noted: Data = {"reason": reason.strip(), "records": len(of.records)}
        await self.office.note(tx, who, "learner.erased", of.learner.id, None, noted)


def _theirs(one: Evidence) -> bool:
    return one.kind not in OF_OTHERS


def _bare(learner: Learner) -> Learner:
    return replace(learner, name=ERASED, email=ERASED_EMAIL, born=None, document_number=None)
