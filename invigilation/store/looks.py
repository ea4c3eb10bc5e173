"""Looks at evidence: reasons that people gave, and alarms about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, insert, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.looks import AlarmKind, Look, LookAlarm
from invigilation.store.look_rows import look, look_alarm
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.paper_rows import onboard
from invigilation.store.rows import booking, learner, request, session


class Looks:
    """Rows of looks and of alarms."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, one: Look) -> None:
        """Insert a look."""
        await self._db.execute(insert(look).values(**dump(one)))

    async def last(self, staff: str, subject: str, since: datetime) -> Look | None:
        """Return somebody's newest look at a record that was opened after `since`."""
        query = all_of(look, Look).where(
            look.c.staff == staff, look.c.subject == subject, look.c.opened > since
        )
        newest = query.order_by(look.c.opened.desc(), look.c.id).limit(1)
        row = (await self._db.execute(newest)).first()
        return None if row is None else load(Look, row)

    async def of_staff(self, staff: str, since: datetime) -> list[Look]:
        """Return somebody's looks that were opened after `since`, oldest first."""
        query = all_of(look, Look).where(look.c.staff == staff, look.c.opened > since)
        rows = await self._db.execute(query.order_by(look.c.opened, look.c.id))
        return [load(Look, row) for row in rows]

    async def newest(self, limit: int) -> list[Look]:
        """Return the looks that were opened last, newest first."""
        query = all_of(look, Look).order_by(look.c.opened.desc(), look.c.id).limit(limit)
        return [load(Look, row) for row in await self._db.execute(query)]

    async def named(self, subjects: Iterable[str]) -> dict[str, str]:
        """Return whom these records are about, by id: learners, and officers on board."""
        wanted = sorted(subjects)
        learners = (
            select(session.c.id, learner.c.name)
            .join(booking, session.c.booking == booking.c.id)
            .join(request, booking.c.request == request.c.id)
            .join(learner, request.c.learner == learner.c.id)
            .where(session.c.id.in_(wanted))
        )
        officers = select(onboard.c.id, onboard.c.officer).where(onboard.c.id.in_(wanted))
        rows = await self._db.execute(union_all(learners, officers))
        return {row[0]: row[1] for row in rows if row[1]}

    async def of_subjects(self, subjects: Iterable[str]) -> list[Look]:
        """Return all looks at these records, oldest first."""
        query = all_of(look, Look).where(look.c.subject.in_(sorted(subjects)))
        rows = await self._db.execute(query.order_by(look.c.opened, look.c.id))
        return [load(Look, row) for row in rows]

    async def forget_before(self, moment: datetime) -> None:
        """Delete looks and alarms that are older."""
        await self._db.execute(delete(look).where(look.c.opened < moment))
        await self._db.execute(delete(look_alarm).where(look_alarm.c.at < moment))

    async def forget_words(self, subject: str) -> None:
        """Empty what people wrote about their looks at a record."""
        await self._db.execute(update(look).where(look.c.subject == subject).values(words=""))

    async def raise_alarm(self, one: LookAlarm) -> None:
        """Insert an alarm."""
        await self._db.execute(insert(look_alarm).values(**dump(one)))

    async def alarmed(self, staff: str, kind: AlarmKind, since: datetime) -> bool:
        """Say whether there was such an alarm about somebody after `since`."""
        query = select(look_alarm.c.id).where(
            look_alarm.c.staff == staff, look_alarm.c.kind == kind, look_alarm.c.at > since
        )
        return (await self._db.execute(query.limit(1))).first() is not None

    async def alarms(self, limit: int) -> list[LookAlarm]:
        """Return alarms: first those that nobody has closed, then the others, newest first."""
        query = all_of(look_alarm, LookAlarm).order_by(
            look_alarm.c.closed.is_not(None), look_alarm.c.at.desc(), look_alarm.c.id
        )
        return [load(LookAlarm, row) for row in await self._db.execute(query.limit(limit))]

    async def alarm(self, ident: str) -> LookAlarm | None:
        """Find an alarm."""
        query = all_of(look_alarm, LookAlarm).where(look_alarm.c.id == ident)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(LookAlarm, row)

    async def close(self, one: LookAlarm) -> bool:
        """Write who closed an alarm, unless somebody has; say whether it was written."""
        done = await self._db.execute(
            update(look_alarm)
            .where(look_alarm.c.id == one.id, look_alarm.c.closed.is_(None))
            .values(note=one.note, closed_by=one.closed_by, closed=one.closed)
        )
        return done.rowcount == 1
