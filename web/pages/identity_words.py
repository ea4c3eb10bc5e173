"""An identity check in words for staff: documents, comparisons, likeness, consents."""

from __future__ import annotations

from invigilation.comparing import Field, Finding, Grade
from invigilation.consent import Consent, Purpose
from invigilation.document import DocumentKind, Reading, Source
from invigilation.likeness import Likeness
from web.pages import words

DOCUMENTS = {
    DocumentKind.PASSPORT: "Passport",
    DocumentKind.IDENTITY_CARD: "Identity card",
    DocumentKind.DRIVING_LICENCE: "Driving licence",
    DocumentKind.SEAMANS_BOOK: "Seaman's book",
    DocumentKind.OTHER: "Other document",
}
FIELDS = {
    Field.NAME: "Name",
    Field.BORN: "Born",
    Field.NUMBER: "Number",
    Field.EXPIRES: "Expires",
    Field.ISSUER: "From",
}
GRADES = {
    Grade.DIFFERS: ("Differs", "bad"),
    Grade.EXPLAINED: ("Explained", "warn"),
    Grade.SAME: ("Same", "good"),
    Grade.UNKNOWN: ("Nothing to compare with", "quiet"),
}
"""Words and tone of each grade, worst first."""
_EXPIRY = {Grade.SAME: ("Valid", "good"), Grade.DIFFERS: ("Expired", "bad")}
_ISSUER = {Grade.SAME: ("Known", "good"), Grade.DIFFERS: ("Not known", "bad")}
PURPOSES = {
    Purpose.IDENTITY: "Pictures of document and face",
    Purpose.RECORDING: "Recording",
    Purpose.LIKENESS: "Computed likeness",
}
NOT_BOOKED = frozenset({Field.EXPIRES, Field.ISSUER})
"""What no booking says anything of."""
_MANY = 1_000
_SOME = 100


def graded(one: Finding) -> tuple[str, str]:
    """Return a grade in words, and its tone; nobody's expiry or state is "the same"."""
    own = {Field.EXPIRES: _EXPIRY, Field.ISSUER: _ISSUER}.get(one.field, {})
    return own.get(one.grade, GRADES[one.grade])


def shown(one: Finding) -> str:
    """Return what the document says; a state's name is easier to read than its code."""
    known = one.field is Field.ISSUER and one.grade is Grade.SAME
    return one.known if known else one.said


def booked(one: Finding) -> str:
    """Return what the booking says; nothing where it says nothing of such a field."""
    return "" if one.field in NOT_BOOKED else one.known


def worst_first(findings: tuple[Finding, ...]) -> list[Finding]:
    """Return the findings, those that matter most first."""
    order = [*GRADES]
    return sorted(findings, key=lambda one: order.index(one.grade))


def read_by(reading: Reading | None) -> str:
    """Return how a document was read."""
    if reading is None:
        return "Not read: look at the pictures."
    if reading.source is Source.TYPED:
        return "Typed by eye."
    agree = f": {reading.agreed} of {reading.images} pictures agree" if reading.images > 1 else ""
    doubt = "" if reading.check_digits_right else " Its check digits do not add up."
    return f"Read by machine{agree}.{doubt}"


def likeness(of: Likeness | None) -> str:
    """Return what a computed likeness means; never a bare score where its meaning is known."""
    if of is None:
        return "Not computed: switched off, no consent, or no face was found."
    if of.one_in is None:
        return f"{of.score:.2f} ({of.engine}). What that means was never measured here."
    if of.one_in > _MANY:
        pairs = "Fewer than 1 in 1,000"
    elif of.one_in > _SOME:
        pairs = f"About {max(1, round(_MANY / of.one_in))} in 1,000"
    else:
        pairs = f"About {max(1, round(_SOME / of.one_in))} in 100"
    on = of.calibrated
    day = "" if on is None else f", measured on {on.day} {on:%B %Y}"
    return f"{pairs} pairs of different people score this high ({of.engine}{day})."


def consents(given: tuple[Consent, ...]) -> list[tuple[str, str, str]]:
    """Return each purpose with what the learner said to it, and the tone."""
    said = {one.purpose: one for one in given}
    found = []
    for purpose, name in PURPOSES.items():
        one = said.get(purpose)
        if one is None:
            found.append((name, "Not asked, or not agreed", "quiet"))
        elif one.withdrawn is None:
            found.append((name, "Agreed", "good"))
        else:
            found.append((name, f"Taken back {words.short(one.withdrawn)}", "warn"))
    return found
