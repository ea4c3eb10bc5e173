"""What every body on the wire is made of."""

from __future__ import annotations

from datetime import UTC, datetime

Json = dict[str, object]


def stamp(at: datetime) -> str:
    """Return the moment in RFC 3339, UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def maybe(at: datetime | None) -> str | None:
    """Return the moment, if there is one."""
    return None if at is None else stamp(at)
