"""The verifier as a program of its own."""

from __future__ import annotations

import argparse
import mmap
import os
import sys
from pathlib import Path

from cryptography.x509 import Certificate, load_pem_x509_certificates

from .keys import KeysUnreadable, load_keys
from .steps import NO_KEYS, verify_file
from .verdict import Verdict, render


def main(arguments: list[str] | None = None) -> int:
    """Verify the file named on the command line.

    The exit code is 0 only when it verifies, 1 when it does not, 2 when it cannot be looked at.
    """
    parser = argparse.ArgumentParser(
        prog="verify", description="Check a bundle, record or attestation, offline."
    )
    parser.add_argument("file", type=Path, help="bundle (.zip), record (.json), attestation (.jws)")
    parser.add_argument("keys", type=Path, help="the service's public keys (JWKS or PEM)")
    parser.add_argument(
        "--authorities", type=Path, help="certificates of time-stamp authorities you trust (PEM)"
    )
    parser.add_argument(
        "--backends", type=Path, help="keys of assessment backends that you know (JWKS or PEM)"
    )
    chosen = parser.parse_args(arguments)
    try:
        verdict = check_file(chosen.file, chosen.keys, chosen.authorities, chosen.backends)
    except (OSError, KeysUnreadable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(render(verdict))
    return 0 if verdict.ok else 1


def check_file(
    file: Path, keys: Path, authorities: Path | None = None, backends: Path | None = None
) -> Verdict:
    """Verify a file by files of keys and certificates; raises OSError and KeysUnreadable."""
    trusted = load_keys(keys)
    stamping = () if authorities is None else load_certificates(authorities)
    known = NO_KEYS if backends is None else load_keys(backends)
    with file.open("rb") as opened:
        if not opened.read(1):
            return verify_file(b"", trusted, stamping)
        # Recordings may make a bundle larger than the memory.
        data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    processes = os.cpu_count() or 1
    return verify_file(memoryview(data), trusted, stamping, processes=processes, backends=known)


def load_certificates(path: Path) -> tuple[Certificate, ...]:
    """Read X.509 certificates from a PEM file; raises OSError and KeysUnreadable."""
    try:
        return tuple(load_pem_x509_certificates(path.read_bytes()))
    except ValueError as error:
        raise KeysUnreadable("The file holds no certificates in PEM form.") from error
