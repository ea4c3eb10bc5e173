"""Reports for people: gathered from record and vault, made, noted in the record, kept, erased."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from invigilation.desk import Desk
from invigilation.desk.office import new_id
from invigilation.desk.reports import Record
from invigilation.errors import Busy, NotFound
from invigilation.people import Staff
from invigilation.store.evidence import REPORT, Evidence
from recordings.errors import EvidenceDamaged
from recordings.report_pdf.certificate import DocumentKey, open_document_key, published
from recordings.report_pdf.maker import Maker, Seal
from recordings.report_pdf.sheet import Pictures, Source
from recordings.vault import Vault
from scheduler.jobs import Job
from web.settings import Settings
from web.timestamps import read_certificates

log = structlog.get_logger(__name__)

WAITING = 8
"""Reports that may wait for their turn: one is made at a time."""
KEY = "documents.pem"


@dataclass(slots=True)
class Reports:
    """Makes the report of a session once, and again when what it showed was erased."""

    desk: Desk
    vault: Vault
    seal: Seal
    url: str
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: int = 0
    _key: DocumentKey | None = None

    async def report(self, session: str, by: Staff) -> Evidence:
        """Return the report of a session whose record this person may see; made if need be.

        Raises NotFound while the session is not attested, Busy, and NotMade.
        """
        async with self._in_turn():
            of = await self.desk.reports.record(session, by)
            if of.sealed is None:
                raise NotFound("report", session)
            kept = await self.desk.reports_made.kept(session)
            if kept is not None and (kept.kind != REPORT or _shown(of)):
                return kept
            return await self._made(of, of.sealed.attestation)

    async def read(self, report: Evidence) -> bytes:
        """Return the bytes of a report; raises NotFound when they are gone."""
        return await self.vault.aside(self.vault.read, report.session, report.id)

    async def kept(self, session: str) -> bytes | None:
        """Return the newest report that is kept of a session, if one is; makes none."""
        report = await self.desk.reports_made.kept(session)
        if report is None:
            return None
        try:
            return await self.read(report)
        except NotFound:
            return None

    async def documents(self) -> list[dict[str, object]]:
        """Return the certificates that sign reports, as they are published (JWK with `x5c`)."""
        await self._signing()
        return await asyncio.to_thread(published, self.seal.key)

    def jobs(self) -> list[Job]:
        """Return what the clock asks for."""
        hour, limit = timedelta(hours=1), timedelta(minutes=10)
        return [Job("erase_reports", hour, limit, self.sweep)]

    async def sweep(self) -> int:
        """Erase reports that show pictures or names which are erased by now; return how many."""
        outlived = await self.desk.reports_made.outlived()
        for one in outlived:
            await self.vault.aside(self.vault.erase, one.session, one.id)
            await self.desk.reports_made.erased(one)
        return len(outlived)

    @contextlib.asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING:
            raise Busy("report maker")
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1

    async def _made(self, of: Record, attestation: bytes) -> Evidence:
        session = of.session.id
        key = await self._signing()
        pictures = await self.vault.aside(self._pictures, of)
        source = Source(
            attestation,
            of.openings,
            of.entries,
            pictures,
            self.desk.office.clock.now(),
            self.seal.service,
            self.url,
            key.fingerprint,
        )
        made = await Maker(self.seal).make(source)
        if made.note:
            log.warning("a report lacks something", session=session, reason=made.note)
        ident = new_id("rp")
        stored = await asyncio.to_thread(self.vault.put, session, ident, made.pdf)
        try:
            return await self.desk.reports_made.made(
                ident, session, stored.sha256, stored.size, pictures=made.pictures
            )
        except BaseException:
            # Nothing tells of it, so it is none of ours.
            self.vault.erase(session, ident)
            raise

    def _pictures(self, of: Record) -> Pictures:
        shown = _shown(of)
        return Pictures(
            self._picture(shown.get(of.identity.document or "")),
            self._picture(shown.get(of.identity.face or "")),
        )

    def _picture(self, one: Evidence | None) -> bytes | None:
        if one is None:
            return None
        try:
            return self.vault.read(one.session, one.id)
        except (NotFound, EvidenceDamaged):
            log.warning("a picture is missing in a report", session=one.session, evidence=one.id)
            return None

    async def _signing(self) -> DocumentKey:
        if self._key is None:
            now = self.desk.office.clock.now()
            self._key = await asyncio.to_thread(
                open_document_key, self.seal.key, self.seal.service, now
            )
        return self._key


REPORTS = web.AppKey("reports", Reports)


def open_reports(desk: Desk, vault: Vault, settings: Settings) -> Reports:
    """Put the maker of reports together, as the settings say; raises `Unable`."""
    trusted = read_certificates(settings.timestamp_certificates)
    seal = Seal(
        settings.var / "keys" / KEY,
        settings.service_name,
        settings.timestamp_url,
        "".join(one.public_bytes(Encoding.PEM).decode() for one in trusted),
        settings.timestamp_private_addresses,
    )
    return Reports(desk, vault, seal, settings.url)


def _shown(of: Record) -> dict[str, Evidence]:
    """Return the pictures that the identity check went by and that are still kept, by id."""
    wanted = {of.identity.document, of.identity.face}
    return {one.id: one for one in of.evidence if one.id in wanted and one.erased is None}
