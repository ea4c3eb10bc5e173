"""What is known beside an identity check: comparisons, hints, consents; and what is kept of it."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from invigilation import record
from invigilation.comparing import Field, Finding, Grade, Known, compare, needs_reason, needs_two
from invigilation.consent import NEEDED, Consent, Purpose
from invigilation.desk.office import SERVICE, Office, following
from invigilation.document import DocumentKind, Reading, Source
from invigilation.hints import Hint, HintKind, worded
from invigilation.identity import IdentityCheck, IdentityState
from invigilation.inspection import Inspection, InspectionKind
from invigilation.people import Learner
from invigilation.record import NO_TEXTS, Data, Entry, Texts
from invigilation.session import SessionState
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.identities import DocumentMark, FaceMark
from invigilation.store.sessions import Open
from invigilation.store.views import Sitting

HINTED = "hint"
"""The kind of the record's entries that hints are read from."""
READ = "document_read"
LIKENESS = "likeness"
DECIDED = "identity_decided"
SHORTEST_NUMBER = 5
OF_DOCUMENTS = frozenset({HintKind.SAME_DOCUMENT_OTHER_NAME, HintKind.SAME_NUMBER_OTHER_LEARNER})
UNDECIDED = frozenset(
    {
        IdentityState.OPEN,
        IdentityState.DOCUMENT_SEEN,
        IdentityState.FACE_SEEN,
        IdentityState.BOTH_SEEN,
    }
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the booking and earlier sessions make of a check; `findings` in the fields' order.

    `took_two`: it takes two people for what a machine has read in this session before.
    """

    findings: tuple[Finding, ...]
    hints: tuple[Hint, ...]
    read: bool
    took_two: bool = False

    @property
    def needs_reason(self) -> bool:
        """Whether whoever confirms has to say why.

        Something differs or is hinted at, or nothing was read that the name could be told by.
        """
        unknown = {one.field for one in self.findings if one.grade is Grade.UNKNOWN}
        unsure = not self.read or Field.NAME in unknown or bool(self.hints)
        return unsure or needs_reason(self.findings)

    @property
    def needs_two(self) -> bool:
        """Whether it takes two people to confirm."""
        return self.took_two or needs_two(self.findings)

    @property
    def grades(self) -> dict[str, record.Plain]:
        """The grades as a record's entry has them: `name_grade` and so on."""
        return {f"{one.field.value}_grade": one.grade.value for one in self.findings}


async def facts_of(tx: Tx, sitting: Sitting, check: IdentityCheck) -> Facts:
    """Compare what was read with the booking, and gather the hints that still apply.

    Whether the document had expired is judged by the day of the booking, so that the answer stays
    the same for as long as the record is kept.
    """
    learner = None if check.reading is None else await tx.people.learner(sitting.learner)
    told = await tx.sessions.entries_of(sitting.session, HINTED)
    if _unproven(check):
        told += await tx.sessions.entries_of(sitting.session, READ)
    return facts_from(sitting, check, learner, told)


def facts_from(
    sitting: Sitting, check: IdentityCheck, learner: Learner | None, told: Sequence[Entry]
) -> Facts:
    """Make the facts of what was read; `told` are the record's entries `HINTED` and `READ`."""
    findings: tuple[Finding, ...] = ()
    if check.reading is not None:
        born, number = (learner.born, learner.document_number) if learner else (None, None)
        known = Known(sitting.learner_name, born, number)
        findings = compare(check.reading.fields, known, sitting.start.date())
    pictures = {None, check.document, check.back, check.face}
    hints: dict[HintKind, Hint] = {}
    for entry in told:
        if entry.kind != HINTED:
            continue
        data = entry.data
        if data["evidence"] in pictures or data["of_recheck"]:
            kind, other = HintKind(str(data["hint"])), data.get("session")
            hints[kind] = worded(kind, None if other is None else str(other))
    took_two = _unproven(check) and _took_two(told)
    return Facts(findings, tuple(hints.values()), check.reading is not None, took_two)


def proven(reading: Reading | None) -> bool:
    """Whether a machine has read it with all check digits right."""
    return (
        reading is not None
        and reading.source is Source.MACHINE
        and reading.check_digits_right is True
    )


def _unproven(check: IdentityCheck) -> bool:
    return check.document is not None and not proven(check.reading)


def _took_two(told: Sequence[Entry]) -> bool:
    """Whether it took two for the last document that a machine has read with right check digits.

    Neither a picture on which nothing can be read nor what somebody types puts that aside.
    """
    took = False
    for data in (entry.data for entry in told if entry.kind == READ):
        if data["source"] == Source.MACHINE and data["check_digits_right"] is True:
            took = Grade.DIFFERS in {data["name_grade"], data["expires_grade"]}
    return took


async def confirmed_alone(tx: Tx, sitting: Sitting) -> bool:
    """Whether an identity was confirmed that, as it was read since, takes two who know of it."""
    check = await tx.sessions.identity(sitting.session)
    decided = await tx.sessions.entries_of(sitting.session, DECIDED)
    if decided and decided[-1].data["takes_two"]:
        return False
    return (await facts_of(tx, sitting, check)).needs_two


def may_capture(
    state: SessionState,
    check: IdentityCheck,
    consents: Iterable[Consent],
    inspections: Iterable[Inspection],
) -> bool:
    """Whether the learner's page may send a picture of the document now."""
    if withheld(consents):
        return False
    if state is SessionState.CHECKED_IN and check.state in UNDECIDED:
        return True
    return shown_again(state, inspections)


def shown_again(state: SessionState, inspections: Iterable[Inspection]) -> bool:
    """Whether the learner, who was admitted, is asked to show document and face again."""
    admitted = state in {SessionState.IN_PROGRESS, SessionState.PAUSED}
    return admitted and any(one.open and one.kind is InspectionKind.IDENTITY for one in inspections)


def taken_back(consents: Iterable[Consent], purpose: Purpose) -> bool:
    """Whether the learner has taken this consent back."""
    return any(one.purpose is purpose and one.withdrawn is not None for one in consents)


def withheld(consents: Iterable[Consent]) -> bool:
    """Whether the learner has taken back a consent that is needed: nothing new is taken then."""
    return any(one.purpose in NEEDED and one.withdrawn is not None for one in consents)


def stands(consents: Iterable[Consent], purpose: Purpose) -> bool:
    """Whether the learner agrees to this."""
    return any(one.purpose is purpose and one.withdrawn is None for one in consents)


def kind_of(reading: Reading) -> DocumentKind | None:
    """Return what a machine-readable zone says that the document is (ICAO 9303, parts 4 to 6)."""
    if reading.source is not Source.MACHINE or not reading.lines:
        return None
    return {
        "P": DocumentKind.PASSPORT,
        "I": DocumentKind.IDENTITY_CARD,
        "A": DocumentKind.IDENTITY_CARD,
        "C": DocumentKind.IDENTITY_CARD,
    }.get(reading.lines[0][:1])


async def mark_document(
    office: Office, tx: Tx, sitting: Sitting, reading: Reading
) -> DocumentMark | None:
    """Note which document was shown, by keyed digests; None when its number is not known.

    What is shorter than any document's number was typed for want of one.
    """
    fields = reading.fields
    number = _plain(fields.number)
    if len(number) < SHORTEST_NUMBER or not any(letter.isdigit() for letter in number):
        return None
    holder = " ".join(sorted(f"{fields.surname} {fields.given}".split()))
    mark = DocumentMark(
        sitting.session,
        sitting.learner,
        _digest(office, "number", _plain(fields.issuer), number),
        _digest(office, "holder", _plain(holder)),
        office.clock.now(),
    )
    await tx.identities.mark_document(mark)
    return mark


async def mark_face(
    office: Office, tx: Tx, sitting: Sitting, picture: Evidence, print_: int
) -> FaceMark:
    """Note a picture of a face, so that the same one is found again."""
    mark = FaceMark(
        picture.id,
        sitting.session,
        sitting.learner,
        picture.sha256 or "",
        print_,
        office.clock.now(),
    )
    await tx.identities.mark_face(mark)
    return mark


async def look_for_document(office: Office, tx: Tx, one: Open, mark: DocumentMark, of: str) -> Open:
    """Note a hint where another session saw this document; return the session after it.

    Called in a transaction after the one that marked: of two sessions at once, one sees the other.
    """
    noted: set[HintKind] = set()
    for other in await tx.identities.same_document(mark.number, mark.session):
        if noted == OF_DOCUMENTS:
            break
        if other.holder != mark.holder:
            kind = HintKind.SAME_DOCUMENT_OTHER_NAME
        elif other.learner != mark.learner and not await _namesakes(tx, other, mark):
            kind = HintKind.SAME_NUMBER_OTHER_LEARNER
        else:
            continue
        if kind not in noted:
            noted.add(kind)
            one = await note_hint(office, tx, one, kind, of, {"session": other.session})
    return one


async def look_for_face(
    office: Office, tx: Tx, one: Open, mark: FaceMark, *, of_recheck: bool = False
) -> Open:
    """Note a hint where another session has this picture; return the session after it.

    A learner looks like themselves: of their own earlier pictures, only the same bytes count.
    """
    noted: set[HintKind] = set()
    for other in await tx.identities.alike_faces(mark.sha256, mark.print, mark.session):
        if other.sha256 == mark.sha256:
            kind = HintKind.SAME_FACE_PICTURE
        elif other.learner != mark.learner:
            kind = HintKind.SIMILAR_FACE_PICTURE
        else:
            continue
        if kind in noted:
            continue
        noted.add(kind)
        one = await note_hint(
            office, tx, one, kind, mark.evidence, {"session": other.session}, of_recheck=of_recheck
        )
    return one


async def note_hint(
    office: Office,
    tx: Tx,
    one: Open,
    kind: HintKind,
    evidence: str | None,
    private: Texts = NO_TEXTS,
    *,
    of_recheck: bool = False,
) -> Open:
    """Note a hint, once for each picture that it is about; return the session after it.

    One that is `of_recheck` lasts; the others go with their picture when a newer one is taken.
    """
    for entry in await tx.sessions.entries_of(one.session.id, HINTED):
        if (entry.data["hint"], entry.data["evidence"]) == (kind.value, evidence):
            return one
    data: Data = {
        "hint": kind.value,
        "evidence": evidence,
        "of_recheck": of_recheck,
    }
    entry = office.entry(one, HINTED, SERVICE, data, private=private)
    await tx.sessions.append(entry)
    return following(one, entry)


async def _namesakes(tx: Tx, other: DocumentMark, mark: DocumentMark) -> bool:
    """Whether two learners have one name: somebody who learns with two companies."""
    names = []
    for ident in (other.learner, mark.learner):
        learner = await tx.people.learner(ident)
        names.append("" if learner is None else _plain(learner.name))
    return names[0] == names[1]


def _plain(text: str) -> str:
    """Return letters and digits only, in capitals and without accents."""
    folded = unicodedata.normalize("NFKD", text.upper())
    return "".join(letter for letter in folded if letter.isalnum())


def _digest(office: Office, *words: str) -> str:
    return hmac.new(office.pepper, "\0".join(words).encode(), hashlib.sha256).hexdigest()
