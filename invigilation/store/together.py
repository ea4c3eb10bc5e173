"""Several readings, or changes, by one statement: one way to the database and back.

Each reading comes as one JSON text, an array of rows that are arrays. Their values then pass
through the types of their columns, as those of any other row do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    LargeBinary,
    Select,
    Text,
    Update,
    cast,
    func,
    select,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

Rows = list[tuple[Any, ...]]
_Value = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Whole:
    """The one statement for a kind of database, and how each reading's values are made."""

    statement: Select[Any]
    values: tuple[tuple[_Value, ...], ...]


class Together:
    """Readings that go together; each keeps its order, and its parameters by their names."""

    def __init__(self, *readings: Select[Any]) -> None:
        self._readings = readings
        self._made: dict[str, _Whole] = {}

    async def read(self, db: AsyncConnection, **parameters: Any) -> list[Rows]:
        """Return the rows of each reading, in the readings' order."""
        whole = self._made.get(db.dialect.name)
        if whole is None:  # to build it takes longer than to run it
            whole = self._made[db.dialect.name] = _whole(self._readings, db.dialect)
        found = (await db.execute(whole.statement, parameters)).one()
        return [
            [
                tuple(value(raw) for value, raw in zip(values, row, strict=True))
                for row in json.loads(text or "[]")
            ]
            for text, values in zip(found, whole.values, strict=True)
        ]


async def change(db: AsyncConnection, *changes: Insert | Update) -> None:
    """Make changes of which none sees another; of one row there may be one alone.

    On PostgreSQL they are one statement, the last with the others before it as what it calls
    common table expressions (7.8.4, "Data-Modifying Statements in WITH").
    """
    if db.dialect.name == "sqlite":  # it knows no such statement, and is never far away
        for one in changes:
            await db.execute(one)
        return
    *others, last = changes
    named = (one.cte(f"change_{number}") for number, one in enumerate(others))
    await db.execute(last.add_cte(*named))


def _whole(readings: tuple[Select[Any], ...], dialect: Dialect) -> _Whole:
    columns, values = [], []
    for reading in readings:
        rows = reading.subquery()
        columns.append(select(_as_json(list(rows.c), dialect)).scalar_subquery())
        values.append(tuple(_value_of(column, dialect) for column in rows.c))
    return _Whole(select(*columns), tuple(values))


def _as_json(columns: list[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
    if dialect.name == "sqlite":
        plain = [func.hex(one) if _is_binary(one) else one for one in columns]
        return func.json_group_array(func.json_array(*plain))
    plain = [func.encode(one, "hex") if _is_binary(one) else one for one in columns]
    return cast(func.json_agg(func.json_build_array(*plain)), Text)


def _is_binary(column: ColumnElement[Any]) -> bool:
    return isinstance(column.type, LargeBinary)


def _value_of(column: ColumnElement[Any], dialect: Dialect) -> _Value:
    if _is_binary(column):
        return bytes.fromhex
    made: _Value | None = column.type.dialect_impl(dialect).result_processor(dialect, None)
    return made or _as_it_is


def _as_it_is(raw: Any) -> Any:
    return raw
