"""The desk of reports for people: which PDF was made of a session, and that it was.

A report is made of a finished record, so its signed entry follows the attestation: a PDF that no
entry names is none of the office's. The bytes lie in the vault, listed beside the evidence but
never as a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from invigilation.desk.erased import OUTLIVED, write_evidence
from invigilation.desk.office import SERVICE, Office, held
from invigilation.errors import NotAllowed, NotFound
from invigilation.record import Data
from invigilation.session import SessionState
from invigilation.store import Tx
from invigilation.store.evidence import BARE_REPORT, REPORT, Evidence

REPORT_MADE = "report_made"
MEDIA_TYPE = "application/pdf"


@dataclass(frozen=True, slots=True)
class ReportMadeDesk:
    """Keeps the list of the reports for people."""

    office: Office

    async def made(
        self, ident: str, session: str, sha256: str, size: int, *, pictures: bool
    ) -> Evidence:
        """Note in the signed record that this report was made, and keep it in the list.

        `ident` is its id in the vault. One with pictures of a person goes when those go, so it is
        as old as the oldest of them; one without counts from the attestation.
        """
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            sealed = await tx.sessions.sealed(session)
            if sealed is None or one.session.state is not SessionState.ATTESTED:
                raise NotAllowed("make a report of a session that is not attested")
            since = await self._since(tx, session, pictures=pictures)
            kind = REPORT if pictures else BARE_REPORT
            report = Evidence(ident, session, kind, MEDIA_TYPE, since, sha256, size, None)
            await tx.evidence.add(report)
            data: Data = {"sha256": sha256, "size": size, "pictures": pictures}
            await tx.sessions.append(self.office.entry(one, REPORT_MADE, SERVICE, data))
        return report

    async def kept(self, session: str) -> Evidence | None:
        """Return the newest report of a session that has not been erased."""
        async with self.office.store.read() as tx:
            found = [one for one in await tx.evidence.reports_of(session) if one.erased is None]
            entries = await tx.sessions.entries_of(session, REPORT_MADE)
        order = {one.data["sha256"]: one.seq for one in entries}
        return max(found, key=lambda one: order[one.sha256], default=None)

    async def erased(self, report: Evidence) -> None:
        """Note that the bytes of a report are gone."""
        async with self.office.store.write() as tx:
            if await tx.evidence.erase(report.id, self.office.clock.now()):
                await write_evidence(self.office, tx, report, rule=OUTLIVED)

    async def outlived(self) -> list[Evidence]:
        """Return the reports that show what has been erased elsewhere.

        That is: pictures that are gone, or names and texts of which no opening is kept.
        """
        async with self.office.store.read() as tx:
            return await tx.evidence.outlived_reports()

    async def _since(self, tx: Tx, session: str, *, pictures: bool) -> datetime:
        check = await tx.sessions.identity(session)
        shown = {check.document, check.face}
        if pictures:
            taken = [one for one in await tx.evidence.of_session(session) if one.id in shown]
            return min(one.started for one in taken)
        attested = await tx.sessions.moments(session, "attested")
        if not attested:
            raise NotFound("attestation", session)
        return attested[-1]
