"""`python -m recordings.verify FILE KEYS`, and what runs in the one file for auditors."""

from __future__ import annotations

import sys

from .command import main

sys.exit(main())
