"""What goes into a bundle: gathered from record and vault, every look noted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from invigilation.desk import Desk
from invigilation.desk.exporting import Export
from invigilation.desk.reports import record_file
from invigilation.people import Staff
from invigilation.presence import Source
from invigilation.store.evidence import LOCAL, REPORT, Evidence
from recordings.bundle import Piece, evidence_piece, record_piece, report_piece
from recordings.errors import EvidenceDamaged
from recordings.vault import Vault

log = logging.getLogger(__name__)
RECORDINGS = frozenset(source.value for source in Source) | {LOCAL}


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


@dataclass(frozen=True, slots=True)
class Gathered:
    """The members of a bundle, how many bytes they are at least, and what is not among them."""

    members: tuple[Piece, ...]
    size: int
    lacks: tuple[str, ...]
    """Plain sentences; none if nothing is missing."""


async def pieces(desk: Desk, vault: Vault, session: str, by: Staff, choice: Choice) -> Gathered:
    """Return what goes into a session's bundle.

    The report for people goes along if one was made; not if it shows pictures and none are wanted.
    Raises NotFound for a session whose record this person may not see.
    """
    report = await desk.reports_made.kept(session)
    if report is not None and choice is Choice.NOTHING and report.kind == REPORT:
        report = None
    pdf = None if report is None else await _read(vault, report)
    taken = await desk.exports.take(session, by, _WANTED[choice], report=pdf is not None)
    found = [record_piece(await asyncio.to_thread(record_file, taken.record))]
    found += [
        evidence_piece(one.id, one.kind, one.media_type, partial(vault.open, session, one.id))
        for one in taken.pieces
    ]
    if pdf is not None:
        found.append(report_piece(pdf))
    size = sum(one.size or 0 for one in taken.pieces)
    return Gathered(tuple(found), size, tuple(_lacks(taken, report=pdf is not None)))


async def _read(vault: Vault, report: Evidence) -> bytes | None:
    """Return the report; None where it is damaged: all that it says is in the record, too."""
    try:
        return await vault.aside(vault.read, report.session, report.id)
    except EvidenceDamaged:
        log.exception("the report %s is damaged: a bundle goes without it", report.id)
        return None


def _lacks(taken: Export, *, report: bool) -> Iterator[str]:
    """Yield what a bundle has not, which nobody sees who does not look for it."""
    record, here = taken.record, {one.id for one in taken.pieces}
    absent = [one for one in record.evidence if one.id not in here]
    erased = sum(one.erased is not None for one in absent)
    recordings = sum(one.erased is None and one.kind in RECORDINGS for one in absent)
    pictures = len(absent) - erased - recordings
    if record.sealed is None:
        yield "It is not attested yet: it does not verify."
    if erased:
        yield f"Pieces of evidence that were erased: {erased}."
    if recordings:
        yield f"Recordings that were left out: {recordings}."
    if pictures:
        yield f"Pictures that were left out: {pictures}."
    if not report:
        yield "There is no report (PDF) in it."
    if not record.anchors:
        yield "Nobody outside has witnessed the record yet."
