"""What ties a record to the world outside: whoever rewrites the record cannot rewrite that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AnchorKind(StrEnum):
    """Who says that the record was as it is."""

    RECEIPT = "receipt"
    """The assessment backend, which signed that it took the report."""
    TIMESTAMP = "timestamp"
    """A time-stamp authority (RFC 3161), which signed the root of a day's list."""


@dataclass(frozen=True, slots=True)
class AnchorList:
    """The heads that were attested until a day began, under one Merkle root (RFC 9162).

    `root` is hex; `size` counts the heads. `day` names the day (UTC) that had begun. `stamped` is
    the authority's own time, once it has signed; until then it is asked again at `next_at`.
    """

    id: str
    day: str
    made: datetime
    root: str
    size: int
    attempts: int
    next_at: datetime
    note: str | None = None
    stamped: datetime | None = None
