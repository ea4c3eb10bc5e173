"""On which device each learner takes part; only a digest of the device's secret is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.device_rows import learner_device
from invigilation.store.mapping import all_of, dump, load


@dataclass(frozen=True, slots=True)
class LearnerDevice:
    """The one device of a session's learner, `since` when, after how many `changes`."""

    session: str
    device: str
    since: datetime
    changes: int


DEVICE = all_of(learner_device, LearnerDevice).where(
    learner_device.c.session == bindparam("ident", type_=String)
)


class Devices:
    """Rows of learners' devices: one a session at the most."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def find(self, session: str) -> LearnerDevice | None:
        """Return the device of a session's learner."""
        row = (await self._db.execute(DEVICE, {"ident": session})).first()
        return None if row is None else load(LearnerDevice, row)

    async def add(self, one: LearnerDevice) -> bool:
        """Insert a session's first device; say whether there was none before."""
        statement = self._insert(learner_device).values(**dump(one))
        done = await self._db.execute(statement.on_conflict_do_nothing())
        return done.rowcount == 1

    async def change(self, one: LearnerDevice) -> None:
        """Write another device in the place of the one before."""
        await self._db.execute(
            learner_device.update()
            .where(learner_device.c.session == one.session)
            .values(device=one.device, since=one.since, changes=one.changes)
        )

    async def forget(self, session: str) -> None:
        """Delete the device of a session that is over."""
        await self._db.execute(delete(learner_device).where(learner_device.c.session == session))
