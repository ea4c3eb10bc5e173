"""The identity desk: pictures of document and face, and what was read of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from invigilation.bound import Bound
from invigilation.consent import Purpose
from invigilation.desk.identity_decisions import DecisionDesk
from invigilation.desk.identity_facts import (
    LIKENESS,
    READ,
    UNDECIDED,
    facts_of,
    kind_of,
    look_for_document,
    look_for_face,
    mark_document,
    mark_face,
    may_capture,
    note_hint,
    proven,
    shown_again,
    stands,
    withheld,
)
from invigilation.desk.office import LEARNER, SERVICE, actor, following, held, sitting_of, watched
from invigilation.document import WORDS, DocumentKind, Fields, Reading, Source
from invigilation.errors import InvalidInput, NotAllowed
from invigilation.hints import HintKind, virtual_camera
from invigilation.identity import IdentityCheck, IdentityState, SnapshotKind
from invigilation.likeness import Likeness
from invigilation.people import Role, Staff
from invigilation.record import NO_TEXTS, Data, Plain, Texts
from invigilation.session import LIVE, OVER, SessionState
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.identities import DocumentMark, FaceMark
from invigilation.store.sessions import Open
from invigilation.store.views import Sitting

FIELD_LIMIT = 200
LABEL_LIMIT = 120
OF_DOCUMENT = frozenset({SnapshotKind.ID_DOCUMENT, SnapshotKind.ID_BACK})
OF_IDENTITY = OF_DOCUMENT | {SnapshotKind.FACE}
OF_THE_STREAM = frozenset({HintKind.FROZEN, HintKind.LOOPING})


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture that the vault has, and what is known of it already.

    `derived` was cut out of it: the portrait out of a document, the aligned face out of a face.
    `print` is a face's print of 64 bits, unsigned. `bound` ties it to the live stream.
    """

    kind: SnapshotKind
    picture: Evidence
    derived: Evidence | None = None
    reading: Reading | None = None
    print: int | None = None
    likeness: Likeness | None = None
    document: DocumentKind | None = None
    bound: Bound | None = None


@dataclass(frozen=True, slots=True)
class IdentityDesk(DecisionDesk):
    """Keeps what was seen, what was read, and what was decided."""

    async def may_picture(self, session: str, by: Staff | None) -> None:
        """Raise unless a picture may be taken in this session now; `by` as for `record`."""
        async with self.office.store.read() as tx:
            one, _ = await _by(tx, session, by)
            if one.session.state not in LIVE:
                raise NotAllowed("take a picture when the session is not running")
            check = await tx.sessions.identity(session)
            if by is None and not await _may_capture(tx, one, check):
                raise NotAllowed("send a picture of your document now")
            await _agreed(tx, session)

    async def record(self, session: str, by: Staff | None, seen: Seen) -> IdentityCheck:
        """Note a picture that the vault has; a document's or a face's moves the check on.

        `by` is the invigilator, or None: then a document comes from the learner's own page, and a
        face from the service. Once the learner was admitted, a picture that an open inspection
        asked for is evidence, and leaves the check as it is.
        """
        if seen.kind not in (OF_IDENTITY if by is None else OF_IDENTITY | {SnapshotKind.INCIDENT}):
            raise InvalidInput("kind", "This is no picture of a document or a face.")
        _complete(seen.picture, seen.derived)
        async with self.office.store.write() as tx:
            one, sitting = await _by(tx, session, by)
            await _agreed(tx, session)
            check = await tx.sessions.identity(session)
            one = await self._note_picture(tx, one, by, seen)
            mark = None
            if seen.kind is not SnapshotKind.INCIDENT:
                check = await self._pictured(tx, one, check, by, seen)
                if check.document == seen.picture.id and seen.reading is not None:
                    one, check, mark = await self._read(
                        tx, one, sitting, check, seen.reading, check.document
                    )
                await tx.sessions.save_identity(check)
            face = None
            if seen.print is not None:
                face = await mark_face(self.office, tx, sitting, seen.picture, seen.print)
        return await self._looked(check, seen.picture.id, mark, face)

    async def _note_picture(self, tx: Tx, one: Open, by: Staff | None, seen: Seen) -> Open:
        if one.session.state not in LIVE:
            raise NotAllowed("take a picture when the session is not running")
        bound = {} if seen.bound is None else seen.bound.data
        data: dict[str, Plain] = {"kind": seen.kind.value, **_facts(seen.picture), **bound}
        pictures = [seen.picture]
        if seen.derived is not None:
            pictures.append(seen.derived)
            data |= {f"derived_{name}": fact for name, fact in _facts(seen.derived).items()}
        if seen.document is not None:
            data["document"] = seen.document.value
        service = SERVICE if seen.kind is SnapshotKind.FACE else LEARNER
        who = service if by is None else actor(by, Role.INVIGILATOR)
        entry = self.office.entry(one, "snapshot", who, data)
        await tx.sessions.append(entry, *pictures)
        return following(one, entry)

    async def _pictured(
        self, tx: Tx, one: Open, check: IdentityCheck, by: Staff | None, seen: Seen
    ) -> IdentityCheck:
        consents = await tx.identities.consents(check.session)
        if shown_again(one.session.state, await tx.marks.inspections(check.session)):
            return check
        if by is None and one.session.state is not SessionState.CHECKED_IN:
            raise NotAllowed("send a picture of your document now")
        derived = None if seen.derived is None else seen.derived.id
        before, check = check, check.with_picture(seen.kind, seen.picture.id, derived)
        if seen.kind is SnapshotKind.ID_BACK and await _of_front(tx, before):
            check = replace(check, reading=before.reading)
        if seen.likeness is not None and stands(consents, Purpose.LIKENESS):
            _finite(seen.likeness)
            check = replace(check, likeness=seen.likeness)
        return replace(check, kind=seen.document or check.kind)

    async def _read(
        self,
        tx: Tx,
        one: Open,
        sitting: Sitting,
        check: IdentityCheck,
        reading: Reading,
        of: str | None,
        who: str = SERVICE,
    ) -> tuple[Open, IdentityCheck, DocumentMark | None]:
        """Note in the record that a document was read, and how it compares; keep the reading.

        `of` is the picture that it was read on.
        Where it takes two only now, what was proposed to a colleague was proposed without knowing.
        """
        knew = (await facts_of(tx, sitting, check)).needs_two
        check = replace(check, reading=reading, kind=check.kind or kind_of(reading))
        facts = await facts_of(tx, sitting, check)
        if check.state is IdentityState.REFERRED and facts.needs_two and not knew:
            check = replace(check, proposed=None)
        data: Data = {
            "of": of,
            "source": reading.source.value,
            "form": reading.form,
            "check_digits_right": reading.check_digits_right,
            "images": reading.images,
            "agreed": reading.agreed,
            "document": None if check.kind is None else check.kind.value,
            **facts.grades,
        }
        # What it says is sealed; that it was read and how it compares is not.
        entry = self.office.entry(one, READ, who, data, private={"reading": reading.text()})
        await tx.sessions.append(entry)
        mark = await mark_document(self.office, tx, sitting, reading)
        return following(one, entry), check, mark

    async def _looked(
        self,
        check: IdentityCheck,
        picture: str | None,
        document: DocumentMark | None,
        face: FaceMark | None,
    ) -> IdentityCheck:
        """Look for what was marked in other sessions; return the check as it came."""
        if document is not None or face is not None:
            async with self.office.store.write() as tx:
                one = await held(tx, check.session)
                if document is not None and picture is not None:
                    one = await look_for_document(self.office, tx, one, document, picture)
                if face is not None:
                    await look_for_face(self.office, tx, one, face)
        return check

    async def set_reading(
        self, session: str, of: str, reading: Reading | None, portrait: Evidence | None = None
    ) -> IdentityCheck:
        """Keep what was read of the picture `of`, the document's front or back; None: nothing.

        No change when there is a newer picture, the session is over, or the learner has taken a
        consent back. Only a reading with all check digits right takes the place of what a person
        has typed before the decision, and nothing that of another such. `portrait` was cut out of
        the front.
        """
        mark = None
        async with self.office.store.write() as tx:
            one, sitting = await _by(tx, session, None)
            check = await tx.sessions.identity(session)
            if one.session.state not in LIVE or of not in {check.document, check.back}:
                return check
            if withheld(await tx.identities.consents(session)):
                return check
            if portrait is not None and of == check.document and check.portrait is None:
                one = await self._note_derived(tx, one, SnapshotKind.PORTRAIT, portrait, of)
                check = replace(check, portrait=portrait.id)
            if reading is None:
                entry = self.office.entry(one, "document_unread", SERVICE, {"evidence": of})
                await tx.sessions.append(entry)
            elif _better(reading, check):
                one, check, mark = await self._read(tx, one, sitting, check, reading, of)
            await tx.sessions.save_identity(check)
        return await self._looked(check, of, mark, None)

    async def set_aligned(
        self, session: str, face: str, aligned: Evidence | None, print_: int | None = None
    ) -> IdentityCheck:
        """Keep what was cut out of a face's picture, and its print; no change as above."""
        mark = None
        async with self.office.store.write() as tx:
            one, sitting = await _by(tx, session, None)
            check = await tx.sessions.identity(session)
            if one.session.state not in LIVE or face != check.face:
                return check
            if withheld(await tx.identities.consents(session)):
                return check
            if aligned is not None and check.aligned is None:
                await self._note_derived(tx, one, SnapshotKind.FACE_ALIGNED, aligned, face)
                check = replace(check, aligned=aligned.id)
                await tx.sessions.save_identity(check)
            picture = await tx.evidence.find(face)
            if print_ is not None and picture is not None:
                mark = await mark_face(self.office, tx, sitting, picture, print_)
        return await self._looked(check, None, None, mark)

    async def _note_derived(
        self, tx: Tx, one: Open, kind: SnapshotKind, derived: Evidence, of: str
    ) -> Open:
        _complete(derived)
        data: Data = {"kind": kind.value, **_facts(derived), "of": of}
        entry = self.office.entry(one, "snapshot", SERVICE, data)
        await tx.sessions.append(entry, derived)
        return following(one, entry)

    async def set_likeness(
        self, session: str, portrait: str, face: str, likeness: Likeness
    ) -> IdentityCheck:
        """Keep how alike two pictures were found; no change as above, or without consent."""
        _finite(likeness)
        async with self.office.store.write() as tx:
            one, _ = await _by(tx, session, None)
            check = await tx.sessions.identity(session)
            now = portrait in {check.portrait, check.document} and face in {
                check.face,
                check.aligned,
            }
            consents = await tx.identities.consents(session)
            if not now or one.session.state not in LIVE or not stands(consents, Purpose.LIKENESS):
                return check
            check = replace(check, likeness=likeness)
            # The score can be taken back with the consent, so it is sealed.
            told: Data = {"engine": likeness.engine}
            score = {"likeness": likeness.text()}
            entry = self.office.entry(one, LIKENESS, SERVICE, told, private=score)
            await tx.sessions.append(entry)
            await tx.sessions.save_identity(check)
        return check

    async def typed(
        self, session: str, by: Staff, kind: DocumentKind, said: Fields
    ) -> IdentityCheck:
        """Keep what the invigilator reads by eye, and of which kind of document.

        Refused where a machine has read it with all check digits right: whoever doubts that asks
        for another picture.
        """
        reading = Reading(Source.TYPED, _clean(said))
        async with self.office.store.write() as tx:
            one, sitting = await watched(tx, session, by)
            check = await tx.sessions.identity(session)
            if one.session.state is not SessionState.CHECKED_IN or check.state not in UNDECIDED:
                raise NotAllowed("type what a document says now")
            await _agreed(tx, session)
            if check.document is None:
                raise NotAllowed("type what a document says before there is a picture of it")
            if check.reading is not None and check.reading.check_digits_right:
                raise NotAllowed("type another reading: take a new picture")
            check = replace(check, kind=kind)
            who = actor(by, Role.INVIGILATOR)
            one, check, mark = await self._read(
                tx, one, sitting, check, reading, check.document, who
            )
            await tx.sessions.save_identity(check)
        return await self._looked(check, check.document, mark, None)

    async def camera(self, session: str, label: str) -> None:
        """Note a camera's label once, if it is that of a program that stands in for a camera."""
        label = "".join(letter for letter in label if letter.isprintable())[:LABEL_LIMIT]
        if virtual_camera(label):
            await self._hint(session, HintKind.VIRTUAL_CAMERA, {"label": label})

    async def hint(self, session: str, kind: HintKind) -> None:
        """Note once that the room saw the stream stand still, or repeat itself."""
        if kind not in OF_THE_STREAM:
            raise InvalidInput("kind", "The room sees no such thing.")
        await self._hint(session, kind)

    async def _hint(self, session: str, kind: HintKind, private: Texts = NO_TEXTS) -> None:
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            if one.session.state not in OVER:
                await note_hint(self.office, tx, one, kind, None, private)


async def _by(tx: Tx, session: str, by: Staff | None) -> tuple[Open, Sitting]:
    """Return the held session and its sitting; staff must be its invigilator."""
    if by is not None:
        return await watched(tx, session, by)
    return await held(tx, session), await sitting_of(tx, session)


async def _agreed(tx: Tx, session: str) -> None:
    """Raise `NotAllowed` while a consent is taken back that every picture needs."""
    if withheld(await tx.identities.consents(session)):
        raise NotAllowed("take a picture without the learner's consent")


async def _of_front(tx: Tx, check: IdentityCheck) -> bool:
    """Whether what was read last was read on the document's front, as it still is."""
    read = await tx.sessions.entries_of(check.session, READ)
    return bool(read) and read[-1].data["of"] == check.document


def _better(reading: Reading, check: IdentityCheck) -> bool:
    """Whether what came takes the place of what was read or typed before."""
    before = check.reading
    if before is None:
        return True
    if before.source is Source.MACHINE:
        return not proven(before)
    return proven(reading) and check.state in UNDECIDED


async def _may_capture(tx: Tx, one: Open, check: IdentityCheck) -> bool:
    consents = await tx.identities.consents(check.session)
    return may_capture(
        one.session.state, check, consents, await tx.marks.inspections(check.session)
    )


def _complete(*pictures: Evidence | None) -> None:
    for one in pictures:
        if one is not None and (one.sha256 is None or one.size is None):
            raise InvalidInput("picture", "The picture is not complete.")


def _finite(likeness: Likeness) -> None:
    """Refuse a score that is no number: JSON, and so the attestation, has none such."""
    if not isfinite(likeness.score):
        raise InvalidInput("likeness", "The score is no number.")


def _facts(picture: Evidence) -> dict[str, Plain]:
    return {"evidence": picture.id, "sha256": picture.sha256, "size": picture.size}


def _clean(said: Fields) -> Fields:
    """Return the fields with their white space folded; control characters are refused."""
    clean: dict[str, Any] = {}
    for name in WORDS:
        text = " ".join(str(getattr(said, name)).split())
        if len(text) > FIELD_LIMIT or not text.isprintable():
            raise InvalidInput(name, f"Write plain text of at most {FIELD_LIMIT} letters.")
        clean[name] = text
    if not clean["surname"] and not clean["given"]:
        raise InvalidInput("surname", "Write the name that is on the document.")
    return replace(said, **clean)
