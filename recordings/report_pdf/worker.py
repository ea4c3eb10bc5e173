"""What runs in the process that makes one report: draws, certifies, ends.

Reads one job (JSON) from its input; writes a line of JSON (`{"level", "note", "pictures"}`), and
then the PDF.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from recordings.report_pdf.certificate import DocumentKey
from recordings.report_pdf.drawing import draw
from recordings.report_pdf.signing import Authority, NoTimestamp, certify

BASIC = "B-B"
LONG_TERM = "B-LTA"
NICENESS = 5
"""Live sessions come first."""


@dataclass(frozen=True, slots=True)
class Made:
    """The certified PDF, its PAdES level, what went wrong on the way, and if it has pictures."""

    pdf: bytes
    level: str
    note: str
    pictures: bool


def main() -> None:
    """Do the one job."""
    os.nice(NICENESS)
    done = made(json.load(sys.stdin.buffer))
    told = {"level": done.level, "note": done.note, "pictures": done.pictures}
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + done.pdf)
    sys.stdout.buffer.flush()


def made(job: dict[str, Any]) -> Made:
    """Draw and certify what the job says."""
    pdf, pictures, note = _drawn(job)
    key = DocumentKey.load(Path(job["key"]))
    service, asked = job["service"], job["authority"]
    if asked is None:
        return Made(certify(pdf, key, service), BASIC, note, pictures)
    roots = x509.load_pem_x509_certificates(asked["certificates"].encode("ascii"))
    authority = Authority(asked["url"], tuple(roots), private=asked["private"])
    try:
        return Made(certify(pdf, key, service, authority), LONG_TERM, note, pictures)
    except NoTimestamp as reason:
        # An authority that is out of reach keeps nobody from their report.
        return Made(certify(pdf, key, service), BASIC, str(reason), pictures)


def _drawn(job: dict[str, Any]) -> tuple[bytes, bool, str]:
    """Draw the pages; a picture that cannot be drawn is left out, and so is the other."""
    pictures = {name: base64.b64decode(one) for name, one in job["pictures"].items()}
    given = job["attestation"].encode("ascii"), job["openings"].encode()
    at = datetime.fromisoformat(job["made_at"])
    note = ""
    if pictures:
        try:
            return draw(job["sheet"], *given, pictures, at), True, ""
        except ValueError as error:
            note = str(error)
    return draw(job["sheet"] | {"pictures": False}, *given, {}, at), False, note


if __name__ == "__main__":
    main()
