"""The verifier as one file for auditors: `python FILE.pyz BUNDLE KEYS`."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from recordings import verify

PACKAGE = "invigilation_verify"
_FIRST_LINE = b"#!/usr/bin/env python3\n"
_BEGIN = f"from {PACKAGE}.command import main\n\nraise SystemExit(main())\n"
_DATE = (1980, 1, 1, 0, 0, 0)


def verifier() -> bytes:
    """Return the package `recordings.verify` as a Python zip application (PEP 441).

    It needs Python 3.11 and `cryptography`. The same sources make the same bytes.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py", _DATE), _BEGIN)
        for source in sorted(Path(verify.__file__).parent.glob("*.py")):
            if source.name != "__main__.py":
                name = zipfile.ZipInfo(f"{PACKAGE}/{source.name}", _DATE)
                archive.writestr(name, source.read_bytes())
    return _FIRST_LINE + file.getvalue()
