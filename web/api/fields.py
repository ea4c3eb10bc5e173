"""The base of every model of the machine interface, and the fields that several of them share."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    Strict,
)

MAX_TEXT = 200
# No control characters: PostgreSQL refuses NUL, and none of the others belongs in a name.
PLAIN_TEXT = r"^[^\u0000-\u001f\u007f-\u009f]+$"
IDENT = r"^[A-Za-z0-9_-]{1,64}$"
EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}$"
WEB_ADDRESS = r"^https?://[!-~]{1,1990}$"
DAY = r"^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}$"
BIRTH_DAY = r"^(19|2[01])[0-9]{2}-[0-9]{2}-[0-9]{2}$"
DOCUMENT_NUMBER = r"^[A-Za-z0-9][A-Za-z0-9 ./-]{0,39}$"
MOMENT = (
    r"^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)


class Plain(BaseModel):
    """Frozen; nothing is coerced and nothing unknown is let through."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Nothing(Plain):
    """No body, no query, no path parameters."""


Ident = Annotated[str, Field(pattern=IDENT, description="A name that this service gave.")]
Reference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_TEXT,
        pattern=PLAIN_TEXT,
        description="Your own name for it.",
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=PLAIN_TEXT)]
Email = Annotated[
    str, Field(max_length=254, pattern=EMAIL, description="An address that mail can be sent to.")
]
WebAddress = Annotated[
    str,
    Field(max_length=2000, pattern=WEB_ADDRESS, description="An absolute http or https address."),
]


def _shaped(pattern: str, words: str) -> BeforeValidator:
    """Refuse what pydantic would still read as a time, such as 1700000000, as number or text."""
    shape = re.compile(pattern)

    def check(value: Any) -> Any:
        if isinstance(value, date) or (isinstance(value, str) and shape.fullmatch(value)):
            return value
        raise ValueError(words)

    return BeforeValidator(check)


def _to_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


# Behind a validator pydantic no longer knows that a text came from JSON, which strict would take.
Moment = Annotated[
    AwareDatetime,
    Strict(strict=False),
    _shaped(MOMENT, "Write the time as in 2027-03-01T09:30:00Z, between the years 2000 and 2199."),
    AfterValidator(_to_utc),
    Field(
        description="RFC 3339, with an offset; answers are in UTC.",
        json_schema_extra={"pattern": MOMENT},
    ),
]
Day = Annotated[
    date,
    Strict(strict=False),
    _shaped(DAY, "Write the day as in 2027-03-01, between the years 2000 and 2199."),
    Field(description="A day, as in 2027-03-01.", json_schema_extra={"pattern": DAY}),
]

BirthDay = Annotated[
    date,
    Strict(strict=False),
    _shaped(BIRTH_DAY, "Write the day as in 1994-03-17, between the years 1900 and 2199."),
    Field(description="A day, as in 1994-03-17.", json_schema_extra={"pattern": BIRTH_DAY}),
]
DocumentNumber = Annotated[str, Field(max_length=40, pattern=DOCUMENT_NUMBER)]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number in a body; JSON Schema counts 71.0 as one."""


class _LeftOut:
    """Makes `T | None` mean: T, or not there at all. The schema is that of T alone."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        (kept,) = (one for one in get_args(source) if one is not type(None))
        return handler.generate_schema(kept)


T = TypeVar("T")
Optionally = Annotated[T | None, _LeftOut()]
"""A field that may be left out (it is None then) but is never null."""


class Which(Plain):
    """One thing, by its name."""

    id: Ident
