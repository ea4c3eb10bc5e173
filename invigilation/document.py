"""An identity document: which kind it is, and what it says, as read by a machine or by eye."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class DocumentKind(StrEnum):
    """Which document the learner shows."""

    PASSPORT = "passport"
    IDENTITY_CARD = "identity_card"
    DRIVING_LICENCE = "driving_licence"
    SEAMANS_BOOK = "seamans_book"
    OTHER = "other"


CARDS = frozenset({DocumentKind.IDENTITY_CARD, DocumentKind.DRIVING_LICENCE})
"""These have two sides that are looked at."""


class Source(StrEnum):
    """Who read the document."""

    MACHINE = "machine"
    TYPED = "typed"


@dataclass(frozen=True, slots=True)
class Fields:
    """What a document says of its holder; an empty text or None: it does not say, or not legibly.

    Names are as on the document: in Latin letters, from the machine-readable zone with a single
    space for each filler. `issuer` and `nationality` are codes of ICAO 9303 part 3, section 5.
    """

    surname: str = ""
    given: str = ""
    number: str = ""
    issuer: str = ""
    nationality: str = ""
    sex: str = ""
    born: date | None = None
    expires: date | None = None


WORDS = ("surname", "given", "number", "issuer", "nationality", "sex")
"""The fields that are texts."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a document.

    `lines` are those of the machine-readable zone, `form` its format (TD1, TD2, TD3, MRV-A, MRV-B);
    both are empty for a document that was read by eye. Of `images` pictures, `agreed` gave the
    result that is here.
    """

    source: Source
    fields: Fields
    lines: tuple[str, ...] = ()
    form: str = ""
    check_digits_right: bool = False
    images: int = 0
    agreed: int = 0

    def text(self) -> str:
        """Return the reading as JSON, in the same way each time."""
        fields = self.fields
        plain = {
            "source": self.source.value,
            "surname": fields.surname,
            "given": fields.given,
            "number": fields.number,
            "issuer": fields.issuer,
            "nationality": fields.nationality,
            "sex": fields.sex,
            "born": None if fields.born is None else fields.born.isoformat(),
            "expires": None if fields.expires is None else fields.expires.isoformat(),
            "lines": list(self.lines),
            "form": self.form,
            "check_digits_right": self.check_digits_right,
            "images": self.images,
            "agreed": self.agreed,
        }
        return json.dumps(plain, sort_keys=True, ensure_ascii=False)

    @staticmethod
    def of(text: str) -> Reading:
        """Return the reading that `text` gave."""
        plain = json.loads(text)
        words = {name: plain[name] for name in WORDS}
        return Reading(
            source=Source(plain["source"]),
            fields=Fields(**words, born=_day(plain["born"]), expires=_day(plain["expires"])),
            lines=tuple(plain["lines"]),
            form=plain["form"],
            check_digits_right=plain["check_digits_right"],
            images=plain["images"],
            agreed=plain["agreed"],
        )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
