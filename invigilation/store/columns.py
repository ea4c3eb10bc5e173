"""Column types: the exam office's plain values as both databases keep them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Utc(TypeDecorator[datetime]):
    """An aware moment, kept as microseconds since 1970: alike in both databases, fit for ranges."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse naive times: they have no meaning here."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the store")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return an aware datetime in UTC."""
        del dialect
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Span(TypeDecorator[timedelta]):
    """A duration in microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        """Return whole microseconds."""
        del dialect
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> timedelta | None:
        """Return the duration."""
        del dialect
        return None if value is None else timedelta(microseconds=value)


class Day(TypeDecorator[date]):
    """A calendar day, as its proleptic Gregorian ordinal."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> int | None:
        """Return the ordinal."""
        del dialect
        return None if value is None else value.toordinal()

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        """Return the day."""
        del dialect
        return None if value is None else date.fromordinal(value)


class Word(TypeDecorator[StrEnum]):
    """A member of a `StrEnum`, as its value."""

    impl = String(40)
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the member's value; a word that is none of them raises `ValueError`."""
        del dialect
        return None if value is None else str(self.kind(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        """Return the member."""
        del dialect
        return None if value is None else self.kind(value)


class Words(TypeDecorator[tuple[str, ...]]):
    """A short list of words, as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the JSON text, sorted when the value is a set."""
        del dialect
        if value is None:
            return None
        return json.dumps(sorted(value) if isinstance(value, frozenset) else list(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...] | None:
        """Return the words as a tuple."""
        del dialect
        return None if value is None else tuple(json.loads(value))


class Writes(Protocol):
    """A value that writes itself as text."""

    def text(self) -> str:
        """Return the value as text."""
        ...

    @staticmethod
    def of(text: str) -> Any:
        """Return the value that `text` gave."""
        ...


class Written(TypeDecorator[Any]):
    """A value that writes itself as text."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Writes]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the text."""
        del dialect
        return None if value is None else str(value.text())

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the value."""
        del dialect
        return None if value is None else self.kind.of(value)
