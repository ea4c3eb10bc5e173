"""Where the next page of a long list begins: the moment and the id of the last row seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DIGITS = 16


def mark(at: datetime, ident: str) -> str:
    """Return a row's place as a field of an address."""
    return f"{(at - _EPOCH) // _MICROSECOND}-{ident}"


def place(raw: str | None) -> tuple[datetime, str] | None:
    """Return the place that `mark` wrote; None for anything else."""
    moment, dash, ident = (raw or "").partition("-")
    known = dash and ident and "\0" not in ident
    if not (known and moment.isascii() and moment.isdigit() and len(moment) <= _DIGITS):
        return None
    return _EPOCH + int(moment) * _MICROSECOND, ident
