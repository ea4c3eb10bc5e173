"""What runs in the process that makes one report: draws, certifies, ends.

Reads one job (JSON) from its input, writes a line of JSON (`{"level", "note"}`) and then the PDF.
"""

from __future__ import annotations

import base64
import json
import os
import sys
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


def main() -> None:
    """Do the one job."""
    os.nice(NICENESS)
    job = json.load(sys.stdin.buffer)
    pdf, level, note = made(job)
    told = json.dumps({"level": level, "note": note})
    sys.stdout.buffer.write(told.encode() + b"\n" + pdf)
    sys.stdout.buffer.flush()


def made(job: dict[str, Any]) -> tuple[bytes, str, str]:
    """Return the certified PDF, its PAdES level, and why it is not the level that was wanted."""
    pdf = draw(
        job["sheet"],
        job["attestation"].encode("ascii"),
        job["openings"].encode(),
        {name: base64.b64decode(one) for name, one in job["pictures"].items()},
        datetime.fromisoformat(job["made_at"]),
    )
    key = DocumentKey.load(Path(job["key"]))
    service, asked = job["service"], job["authority"]
    if asked is None:
        return certify(pdf, key, service), BASIC, ""
    roots = x509.load_pem_x509_certificates(asked["certificates"].encode("ascii"))
    try:
        authority = Authority(asked["url"], tuple(roots), private=asked["private"])
        return certify(pdf, key, service, authority), LONG_TERM, ""
    except NoTimestamp as reason:
        # An authority that is out of reach keeps nobody from their report.
        return certify(pdf, key, service), BASIC, str(reason)


if __name__ == "__main__":
    main()
