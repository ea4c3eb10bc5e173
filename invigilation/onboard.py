"""An officer on board who invigilates: their verification form, reviewed by staff."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from invigilation.errors import InvalidInput
from invigilation.people import NAME_LIMIT
from invigilation.transitions import advance

RANK_LIMIT = 80
VESSEL_LIMIT = 120
DECLARATION = (
    "I am the officer named above, and the identity document in the picture is mine. I will be "
    "with the learner during the whole assessment. I will see to it that nobody helps the learner "
    "and that only the permitted materials are used. If anything goes against the rules, I will "
    "report it. What I have entered is true."
)
"""What the officer declares. Its text stands in each form's record as it was at that time."""
_IMO = re.compile(r"(?:IMO)?\s*([0-9]{7})", re.ASCII | re.IGNORECASE)


class Rank(StrEnum):
    """Who may invigilate on board."""

    MASTER = "master"
    SHIP_SECURITY_OFFICER = "ship_security_officer"
    OFFICER = "officer"


class OnboardState(StrEnum):
    """Where a verification stands."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class OnboardEvent(StrEnum):
    """What can happen to a verification."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


_S, _E = OnboardState, OnboardEvent
TABLE = {
    (_S.SUBMITTED, _E.ACCEPT): _S.ACCEPTED,
    (_S.SUBMITTED, _E.REFUSE): _S.REFUSED,
    # The learner sends a corrected form, or books a remote session after all.
    (_S.SUBMITTED, _E.WITHDRAW): _S.WITHDRAWN,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What an officer enters: each field as the functions below return it."""

    officer: str
    rank: Rank
    rank_words: str
    vessel: str
    imo: str
    sits_on: date


@dataclass(frozen=True, slots=True)
class Verification:
    """An Onboard Invigilator Verification form.

    `rank_words` names the rank of another officer; `imo` has seven digits; `sits_on` is the day of
    the assessment. `sha256` and `size` are those of the picture of the officer's identity document.
    `reviewed` is when the form was accepted, refused or withdrawn, `reviewed_by` the member of
    staff.
    """

    id: str
    request: str
    state: OnboardState
    officer: str
    rank: Rank
    rank_words: str
    vessel: str
    imo: str
    sits_on: date
    submitted: datetime
    media_type: str
    sha256: str
    size: int
    erased: datetime | None = None
    reviewed_by: str | None = None
    reviewed: datetime | None = None
    reason: str | None = None

    def after(self, event: OnboardEvent) -> Verification:
        """Return the form after the event; raises `IllegalTransition`."""
        return replace(self, state=advance(TABLE, "form", self.state, event))


def clean_imo(raw: str) -> str:
    """Return the seven digits of an IMO ship number, or refuse it.

    The last digit is the last one of the sum of the other six times 7, 6, 5, 4, 3 and 2
    (IMO resolution A.1117(30)).
    """
    found = _IMO.fullmatch(raw.strip())
    if found is None:
        raise InvalidInput("imo", "Enter the seven digits of the IMO number, such as 9074729.")
    digits = [int(one) for one in found[1]]
    total = sum(digit * weight for digit, weight in zip(digits, range(7, 1, -1), strict=False))
    if total % 10 != digits[6]:
        raise InvalidInput("imo", "This is no IMO number: its last digit does not fit the others.")
    return found[1]


def clean_officer(raw: str) -> str:
    """Return the officer's full name with its white space folded, or refuse it."""
    return _plain(raw, "officer", "Enter your full name, as in your document.", NAME_LIMIT)


def clean_vessel(raw: str) -> str:
    """Return the ship's name with its white space folded, or refuse it."""
    return _plain(raw, "vessel", "Enter the name of the vessel.", VESSEL_LIMIT)


def clean_rank(raw: str, words: str) -> tuple[Rank, str]:
    """Return the rank, and of another officer which one; refuse a rank that nobody named."""
    try:
        rank = Rank(raw)
    except ValueError:
        raise InvalidInput("rank", "Choose your rank.") from None
    if rank is not Rank.OFFICER:
        return rank, ""
    return rank, _plain(words, "rank_words", "Enter your rank, such as Chief Officer.", RANK_LIMIT)


def _plain(raw: str, field: str, missing: str, limit: int) -> str:
    text = " ".join(raw.split())
    if not text:
        raise InvalidInput(field, missing)
    if len(text) > limit or not text.isprintable():
        raise InvalidInput(field, f"Write plain text of at most {limit} letters.")
    return text
