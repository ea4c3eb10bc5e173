"""`python -m tests.bench NAME`."""

from __future__ import annotations

import sys

from tests.bench import main

if len(sys.argv) < 2:
    sys.exit("usage: python -m tests.bench NAME [ARGUMENTS]")
main(sys.argv[1], sys.argv[2:])
