"""A list as a file for a spreadsheet: sent as it is read, and harmless when it is opened."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from aiohttp import web

from invigilation.office_hours import LONDON

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Tells spreadsheets that the text is UTF-8."""
_FORMULA = (*"=+-@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")
"""The last four are the full-width forms of the first."""


def defused(value: str) -> str:
    """Return a value that no spreadsheet takes for a formula: one gets an apostrophe in front.

    Source: OWASP, "CSV Injection".
    """
    return f"'{value}" if value.startswith(_FORMULA) else value


def stamp(at: datetime | None, zone: tzinfo = LONDON) -> str:
    """Return "2026-11-23 10:00", which spreadsheets know as a time; empty for none."""
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def both(at: datetime | None) -> tuple[str, str]:
    """Return a moment for two columns: London's clock, and UTC."""
    return stamp(at), stamp(at, UTC)


def text(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as RFC 4180 writes them."""
    out = io.StringIO()
    csv.writer(out).writerows([defused(value) for value in row] for row in rows)
    return out.getvalue()


async def send(
    request: web.Request,
    name: str,
    heading: Sequence[str],
    batches: AsyncIterator[list[Sequence[str]]],
) -> web.StreamResponse:
    """Answer with a file `name`, written while its rows are read."""
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }
    )
    await response.prepare(request)
    await response.write((BOM + text([heading])).encode())
    async for rows in batches:
        await response.write(text(rows).encode())
    await response.write_eof()
    return response
