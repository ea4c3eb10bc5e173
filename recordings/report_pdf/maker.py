"""Has a report made in a process of its own, with a time limit."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from recordings.report_pdf.sheet import Source, openings_file, sheet

SECONDS = 60.0
AUTHORITY_SECONDS = 60.0
"""More, where a time-stamp authority is asked (a few times, with ten seconds each)."""
MAX_PDF_BYTES = 16 * 1024 * 1024
ROOT = Path(__file__).parents[2]
WORKER = "recordings.report_pdf.worker"


class NotMade(Exception):
    """A report could not be made; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What signs the reports: the key's file, in whose name, and a time-stamp authority, if any.

    `certificates` (PEM) are those by which the authority is trusted; `private`: it may be asked at
    a private address.
    """

    key: Path
    service: str
    authority: str = ""
    certificates: str = ""
    private: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report: its bytes, its PAdES level, and why it is no better one, if so.

    `pictures`: whether it shows the learner and the document.
    """

    pdf: bytes
    level: str
    note: str
    pictures: bool


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes reports."""

    seal: Seal

    async def make(self, source: Source) -> Report:
        """Return the report; raises NotMade."""
        return await self._run(await asyncio.to_thread(self._job, source))

    def _job(self, source: Source) -> bytes:
        seal, pictures = self.seal, source.pictures
        known = {"document": pictures.document, "face": pictures.face}
        authority = {
            "url": seal.authority,
            "certificates": seal.certificates,
            "private": seal.private,
        }
        job = {
            "sheet": sheet(source),
            "attestation": source.attestation.decode("ascii"),
            "openings": openings_file(source).decode(),
            "pictures": {
                name: base64.b64encode(one).decode() for name, one in known.items() if one
            },
            "made_at": source.made_at.isoformat(),
            "key": str(seal.key.resolve()),
            "service": seal.service,
            "authority": authority if seal.authority else None,
        }
        return json.dumps(job).encode()

    async def _run(self, job: bytes) -> Report:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", WORKER),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        limit = SECONDS + (AUTHORITY_SECONDS if self.seal.authority else 0.0)
        try:
            async with asyncio.timeout(limit):
                out, wrong = await process.communicate(job)
        except TimeoutError:
            raise NotMade(f"the report was not made within {limit:.0f} seconds") from None
        finally:
            await _ended(process)
        if process.returncode != 0:
            lines = wrong.decode(errors="replace").strip().splitlines() or ["no reason was given"]
            raise NotMade(lines[-1])
        told, _, pdf = out.partition(b"\n")
        if not pdf.startswith(b"%PDF-") or len(pdf) > MAX_PDF_BYTES:
            raise NotMade("what was made is no report")
        said = json.loads(told)
        return Report(pdf, said["level"], said["note"], said["pictures"])


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kill the process if it lives, and wait for its end, whoever gives up waiting."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
