"""The whole table."""

from __future__ import annotations

from typing import Final

from web.access import learners, others, staff
from web.access.table import Table

TABLE: Final = Table((*learners.ROWS, *staff.ROWS, *others.ROWS))
