"""What an edX platform sends: read leniently, for its documents and its code differ."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
)

from invigilation.edx import AttemptEvent

NAME_LIMIT = 255
USER_LIMIT = 100
POLICY_LIMIT = 4_000
EVENTS = {
    "started": AttemptEvent.START,
    "submitted": AttemptEvent.SUBMIT,
    "error": AttemptEvent.FAIL,
}


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _utc(moment: datetime) -> datetime:
    """Return the moment in UTC; one without a zone is meant so."""
    if not 2000 <= moment.year < 2200:
        raise ValueError("Give a day between the years 2000 and 2199.")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _plain(value: str) -> str:
    if not value.isprintable():
        raise ValueError("Give plain text.")
    return value


Plain = Annotated[str, BeforeValidator(_text), AfterValidator(_plain)]
Moment = Annotated[datetime, AfterValidator(_utc)]


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ExamBody(_Sent):
    """An exam as the platform saves it; `id` is its own name for it."""

    id: Annotated[Plain, Field(min_length=1, max_length=USER_LIMIT)]
    course_id: Annotated[Plain, Field(min_length=1, max_length=NAME_LIMIT)]
    content_id: Annotated[Plain, Field(max_length=NAME_LIMIT)] = ""
    name: Annotated[Plain, Field(min_length=1, max_length=NAME_LIMIT)] = Field(
        validation_alias=AliasChoices("exam_name", "name")
    )
    minutes: int = Field(validation_alias=AliasChoices("time_limit_mins"), ge=0, le=100_000)
    practice: bool = Field(
        default=False, validation_alias=AliasChoices("is_practice_exam", "is_practice")
    )
    due: Moment | None = Field(default=None, validation_alias=AliasChoices("due_date"))


class AttemptBody(_Sent):
    """An attempt that the platform registers."""

    user: Annotated[Plain, Field(min_length=1, max_length=USER_LIMIT)] = Field(
        validation_alias=AliasChoices("user_id")
    )
    name: Plain | None = Field(
        default=None, validation_alias=AliasChoices("full_name", "user_name")
    )
    email: Plain | None = None
    minutes: int | None = Field(
        default=None, validation_alias=AliasChoices("time_limit_mins"), ge=1, le=100_000
    )
    practice: bool = Field(default=False, validation_alias=AliasChoices("is_sample_attempt"))
    policy: Annotated[str, Field(max_length=POLICY_LIMIT)] | None = Field(
        default=None, validation_alias=AliasChoices("review_policy")
    )
    exception: Annotated[str, Field(max_length=POLICY_LIMIT)] | None = Field(
        default=None, validation_alias=AliasChoices("review_policy_exception")
    )

    @property
    def rules(self) -> tuple[str, ...]:
        """What the course says is allowed, and what for this learner alone, line by line."""
        own = [f"For this learner: {line}" for line in _lines(self.exception)]
        return (*_lines(self.policy), *own)


class StatusBody(_Sent):
    """The platform's word on an attempt."""

    status: str

    @property
    def event(self) -> AttemptEvent | None:
        """What it means; None for a word that changes nothing here."""
        return EVENTS.get(self.status)


class Filters(_Sent):
    """Which onboarding statuses are asked for."""

    user_id: str | None = None
    status: str | None = None
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    page_size: Annotated[int, Field(ge=1, le=500)] = 100


def _lines(policy: str | None) -> list[str]:
    return [line.strip() for line in (policy or "").splitlines() if line.strip()]


Json = dict[str, JsonValue]
