"""Several readings by one statement, and several changes: the same as one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from invigilation.hints import HintKind
from invigilation.incident import Severity
from invigilation.inspection import InspectionKind
from invigilation.store.rooms import _ROOM
from invigilation.store.rows import chat, sealed_text
from invigilation.store.together import Together, change

TEXTS = ("plain", 'with "quotes", a \\ and a \n', "한국어, ελληνικά, 🚢", "{}[]null")


async def eventful(world):
    """A session with something in nearly every table."""
    one = await world.admitted()
    desk, session = world.desk, one.session
    for number, text in enumerate(TEXTS):
        await desk.sessions.say(session, "learner", text, f"line-{number}")
        world.clock.go(1)
    for severity in Severity:
        await desk.sessions.note_incident(
            session,
            world.ann,
            category="environment.noise",
            severity=severity,
            note=TEXTS[1],
            picture=None,
        )
    for minutes in (5, 3):
        began = world.clock.now() - timedelta(seconds=minutes)
        await desk.gaps.open(session, began)
        world.clock.go(minutes)
        await desk.gaps.close(session, world.clock.now())
    await desk.inspections.ask(session, world.ann, next(iter(InspectionKind)))
    await desk.identity.hint(session, HintKind.FROZEN)
    await desk.devices.bind(session, "a digest of a device")
    return session


async def test_what_is_read_together_is_what_each_reading_gives(world):
    parameters = {"ident": await eventful(world), "kinds": ["hint", "chat", "admit"]}
    async with world.store.read() as tx:
        db = tx.rooms._db
        alone = [
            [tuple(row) for row in await db.execute(one, parameters)] for one in _ROOM._readings
        ]

        together = await _ROOM.read(db, **parameters)

    assert together == alone
    assert sum(bool(rows) for rows in together) >= 11


async def test_a_reading_without_rows_gives_none(world):
    async with world.store.read() as tx:
        [rows] = await Together(select(chat.c.seq, chat.c.text)).read(tx.rooms._db)

    assert rows == []


async def test_of_changes_that_go_together_all_are_made_or_none(world):
    one = await world.admitted()

    def opening(seal):
        row = {"session": one.session, "seal": seal, "key": b"\x00\xff", "text": "a text"}
        return insert(sealed_text).values(**row)

    async with world.store.write() as tx:
        await change(tx.rooms._db, opening("first"), opening("second"))
    with pytest.raises(IntegrityError):
        async with world.store.write() as tx:
            await change(tx.rooms._db, opening("third"), opening("second"))

    kept = await world.rows("SELECT seal FROM sealed_text WHERE text = 'a text' ORDER BY seal")
    assert kept == [("first",), ("second",)]
