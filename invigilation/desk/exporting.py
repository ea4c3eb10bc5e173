"""The desk of exports: a session's record with its evidence, to be taken away as one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from invigilation.desk.looks import why
from invigilation.desk.office import Office, following, held
from invigilation.desk.reports import Record, ReportDesk
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.store.evidence import Evidence

OPERATOR = Staff("operator", "", "Operator", frozenset({Role.SCHEDULER}))
"""Whoever runs commands on the service's machine."""
EXPORTED = "record_exported"


@dataclass(frozen=True, slots=True)
class Export:
    """A record, and those pieces of evidence that go along; that they do is in the record."""

    record: Record
    pieces: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class ExportDesk:
    """Hands records out with their evidence."""

    office: Office

    async def take(
        self, session: str, by: Staff, wanted: Callable[[Evidence], bool], *, report: bool
    ) -> Export:
        """Return the record and the `wanted` evidence that is still kept.

        Each piece is looked at by whoever takes it: that enters the record, and the record that is
        returned says so already. `report` is whether the report for people goes along. Raises as
        `ReportDesk.record` does, and `ReasonNeeded` while a piece goes along and no reason is said.
        """
        desk = ReportDesk(self.office)
        found = await desk.record(session, by)
        pieces = tuple(one for one in found.evidence if _kept(one) and wanted(one))
        who = f"staff:{by.id}"
        facts: Data = {"pieces": len(pieces), "report": report}
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            now = self.office.clock.now()
            for piece in pieces:
                said = await why(tx, now, found.sitting, by, piece.id)
                data: Data = {"evidence": piece.id, "kind": piece.kind, **said.data}
                entry = self.office.entry(one, "evidence_viewed", who, data, private=said.private)
                await tx.sessions.append(entry)
                one = following(one, entry)
            await tx.sessions.append(self.office.entry(one, EXPORTED, who, facts))
            await self.office.note(tx, who, "record.exported", session, None, facts)
        return Export(await desk.record(session, by), pieces)


def _kept(one: Evidence) -> bool:
    return one.sha256 is not None and one.erased is None
