"""The one way in which anything here changes its state."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from invigilation.errors import IllegalTransition

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def advance(table: Mapping[tuple[S, E], S], machine: str, state: S, event: E) -> S:
    """Return the state after `event`.

    `table` holds every legal pair. Raises `IllegalTransition`, naming the machine, for all others.
    """
    try:
        return table[state, event]
    except KeyError:
        raise IllegalTransition(machine, state, event) from None


def can(table: Mapping[tuple[S, E], S], state: S, event: E) -> bool:
    """Say whether `event` is legal in `state`."""
    return (state, event) in table
