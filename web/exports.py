"""What goes into a bundle: gathered from record and vault, every look noted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from functools import partial

from invigilation.desk import Desk
from invigilation.desk.reports import record_file
from invigilation.people import Staff
from invigilation.presence import Source
from invigilation.store.evidence import REPORT, Evidence
from recordings.bundle import Piece, evidence_piece, record_piece, report_piece
from recordings.vault import Vault

RECORDINGS = frozenset(source.value for source in Source)


class Choice(StrEnum):
    """Which evidence goes along."""

    NOTHING = "nothing"
    PICTURES = "pictures"
    ALL = "all"


_WANTED: dict[Choice, Callable[[Evidence], bool]] = {
    Choice.NOTHING: lambda _: False,
    Choice.PICTURES: lambda one: one.kind not in RECORDINGS,
    Choice.ALL: lambda _: True,
}


async def pieces(
    desk: Desk, vault: Vault, session: str, by: Staff, choice: Choice
) -> tuple[list[Piece], int]:
    """Return the members of a session's bundle, and how many bytes they are at least.

    The report for people goes along if one was made; not if it shows pictures and none are wanted.
    Raises NotFound for a session whose record this person may not see.
    """
    report = await desk.reports_made.kept(session)
    if report is not None and choice is Choice.NOTHING and report.kind == REPORT:
        report = None
    taken = await desk.exports.take(session, by, _WANTED[choice], report=report is not None)
    found = [record_piece(await asyncio.to_thread(record_file, taken.record))]
    found += [
        evidence_piece(one.id, one.kind, partial(vault.open, session, one.id))
        for one in taken.pieces
    ]
    if report is not None:
        found.append(report_piece(await asyncio.to_thread(vault.read, session, report.id)))
    return found, sum(one.size or 0 for one in taken.pieces)
