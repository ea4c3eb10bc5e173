"""How the service did, minute by minute."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.health import Sample
from invigilation.store.health_rows import health_sample
from invigilation.store.mapping import all_of, dump, load


class Health:
    """Rows of samples."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, sample: Sample) -> None:
        """Keep one minute of one process."""
        await self._db.execute(insert(health_sample).values(**dump(sample)))

    async def since(self, first: datetime) -> list[Sample]:
        """Return all minutes that ended at `first` or later, oldest first."""
        query = all_of(health_sample, Sample).where(health_sample.c.at >= first)
        rows = await self._db.execute(query.order_by(health_sample.c.at))
        return [load(Sample, row) for row in rows]

    async def purge(self, before: datetime) -> None:
        """Forget the minutes before."""
        await self._db.execute(delete(health_sample).where(health_sample.c.at < before))
