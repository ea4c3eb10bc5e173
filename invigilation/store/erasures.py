"""The chain of what was erased: signed entries as those of a session's record."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.chains import ERASURES, Chain

CHAIN = ERASURES.name


class Erasures(Chain):
    """Rows of the chain; they are only ever added."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, ERASURES)
