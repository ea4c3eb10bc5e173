"""What a learner writes to the scheduler, and the answer: nothing that was asked is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EnquiryKind(StrEnum):
    """What it is about; a dispute is against a missed session's judgement or a refusal."""

    CHANGE = "change"
    DISPUTE = "dispute"
    PAYMENT = "payment"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Enquiry:
    """A question and, once somebody has written it, its answer."""

    id: str
    request: str
    booking: str | None
    kind: EnquiryKind
    text: str
    created: datetime
    answer: str | None = None
    answered_by: str | None = None
    answered: datetime | None = None
