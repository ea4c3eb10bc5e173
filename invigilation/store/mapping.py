"""Between rows and the exam office's frozen values, by the fields' names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, fields
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import ColumnElement, Row, Select, Table, select


class Dataclass(Protocol):
    """Anything made by `@dataclass`."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


D = TypeVar("D", bound=Dataclass)


def columns(table: Table, kind: type[Dataclass]) -> list[ColumnElement[Any]]:
    """Return the columns that `kind` is made of, in the order of its fields."""
    return [table.c[field.name] for field in fields(kind)]


@cache
def all_of(table: Table, kind: type[Dataclass]) -> Select[Any]:
    """Return a SELECT of just those columns; what is added to it makes another one."""
    return select(*columns(table, kind))


def load(kind: type[D], row: Row[Any] | Sequence[Any]) -> D:
    """Make one value of a row selected by `all_of`."""
    return kind(*row)


def dump(value: Dataclass) -> dict[str, Any]:
    """Return the value's fields as a row."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
