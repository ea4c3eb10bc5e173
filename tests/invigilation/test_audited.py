"""The audit log is a chain: a row that is changed, dropped, moved or slipped in is found."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from invigilation.desk import Desk, audited
from recordings.seal import Seal, SigningKey
from tests import builders
from tests.invigilation.conftest import kept_loop
from tests.invigilation.test_persons import erase, over
from web.audit_proof import LATE, prove

__all__ = ["over"]
WORDS = "She was ill, and her mother wrote to us."


@kept_loop
async def office(world):
    """An office with a key that a verifier knows, and some changes that are sealed."""
    key = SigningKey.generate()
    desk = Desk.of(replace(world.desk.office, signer=key, sealer=Seal(key)))
    there = replace(world, desk=desk)
    sitting = await builders.book(desk)
    await desk.bookings.cancel(sitting.booking, WORDS, by_staff=True)
    await note(there, "test.named", "one", {"name": "Maria Santos", "seats": 2})
    await note(there, "test.plain", "two", {"seats": 3})
    assert await audited.sweep(desk.office) >= 4
    return there, {key.key_id: key.public}


async def note(world, action, subject, after):
    office = world.desk.office
    async with office.store.write() as tx:
        await office.note(tx, "scheduler:st_sam", action, subject, None, after)


async def wrong(office):
    world, keys = office
    return (await prove(world.store, keys)).wrong


async def test_all_that_was_written_is_sealed_once_and_verifies(office):
    world, keys = office
    rows = await world.count("audit")

    assert await audited.sweep(world.desk.office) == 0

    found = await prove(world.store, keys)
    assert (found.ok, found.head.seq, found.waiting, found.erased) == (True, rows, 0, 0)
    assert await world.count("audit_seal") == rows


async def test_names_and_words_are_in_no_entry(office):
    world, _ = office
    bodies = b"".join(bytes(row[0]) for row in await world.rows("SELECT body FROM audit_seal"))

    assert b"seats" in bodies
    assert b"Maria" not in bodies
    assert b"mother" not in bodies


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("""UPDATE audit SET after = '{"seats":4}' WHERE subject = 'two'""", "what was after"),
        ("UPDATE audit SET after = NULL WHERE subject = 'two'", "what was after"),
        ("""UPDATE audit SET before = '{"seats":4}' WHERE subject = 'two'""", "what was before"),
        ("UPDATE audit SET actor = 'scheduler:st_x' WHERE subject = 'two'", "who did it"),
        ("UPDATE audit SET action = 'test.other' WHERE subject = 'two'", "what was done"),
        ("UPDATE audit SET subject = 'three' WHERE subject = 'two'", "what it is about"),
        ("UPDATE audit SET at = at + 1 WHERE subject = 'two'", "its time"),
        ("UPDATE audit SET id = 'au_other' WHERE subject = 'two'", "it is another row"),
        (
            "UPDATE audit SET after = replace(after, 'Maria', 'Marie') WHERE subject = 'one'",
            "the text in after.name",
        ),
        ("UPDATE audit SET opens = '{}' WHERE subject = 'one'", "the text in after.name"),
        ("UPDATE audit SET opens = 'oh' WHERE subject = 'one'", "the text in after.name"),
        (
            """UPDATE audit SET after = '{"name":"X","seats":3}' WHERE subject = 'two'""",
            "the text in after.name",
        ),
        ("DELETE FROM audit WHERE subject = 'two'", "and is gone"),
        ("DELETE FROM audit WHERE seq = 1", "and is gone"),
        ("DELETE FROM audit", "and is gone"),
        ("UPDATE audit SET seq = NULL WHERE subject = 'two'", "and is gone"),
        ("UPDATE audit SET seq = 999 WHERE subject = 'two'", "behind the chain's end"),
        ("DELETE FROM audit_seal WHERE seq = 2", "there is none"),
        ("DELETE FROM audit_seal WHERE seq = 2", "does not follow the one before it"),
        ("DELETE FROM audit_seal WHERE seq >= 2", "behind the chain's end"),
    ],
)
async def test_what_is_changed_behind_its_back_is_found(office, statement, says):
    world, _ = office

    await world.rows(statement.replace(":", "\\:"))  # a colon would name a value

    assert any(says in one for one in await wrong(office)), await wrong(office)


async def test_rows_that_changed_places_are_found(office):
    world, _ = office
    await world.rows("UPDATE audit SET seq = -1 WHERE seq = 1")
    await world.rows("UPDATE audit SET seq = 1 WHERE seq = 2")
    await world.rows("UPDATE audit SET seq = 2 WHERE seq = -1")

    assert sum("it is another row" in one for one in await wrong(office)) == 2


async def test_an_entry_that_is_changed_or_made_by_another_key_is_found(office):
    world, keys = office
    other = replace(world.desk.office, signer=SigningKey.generate())
    await note(world, "test.plain", "three", {"seats": 3})
    await audited.sweep(other)
    assert any("chain does not hold" in one for one in await wrong(office))

    await world.rows("UPDATE audit_seal SET signature = body WHERE seq = 1")
    assert any("entry 1" in one for one in (await prove(world.store, keys)).wrong)


async def test_a_row_that_is_slipped_in_among_older_ones_is_found(office):
    world, _ = office
    world.clock.go_to(world.clock.now() + LATE + timedelta(seconds=1))
    await note(world, "test.plain", "three", {"seats": 3})
    await audited.sweep(world.desk.office)
    assert await wrong(office) == []

    await world.rows(
        "INSERT INTO audit (id, at, actor, action, subject) "
        "SELECT 'au_slipped', at, actor, action, 'nobody' FROM audit WHERE subject = 'two'"
    )

    assert await wrong(office) == ["au_slipped: it is in the log, and was never sealed."]


async def test_what_waits_to_be_sealed_is_counted_and_not_wrong(office):
    world, keys = office
    await note(world, "test.plain", "three", {"seats": 3})

    found = await prove(world.store, keys)

    assert (found.ok, found.waiting) == (True, 1)


async def test_rows_from_before_there_was_a_chain_are_sealed_by_the_sweep(office):
    world, keys = office
    await world.rows("DELETE FROM audit_seal")
    await world.rows("UPDATE audit SET seq = NULL, opens = NULL")
    for number in range(2 * audited.BATCH):
        await note(world, "test.plain", f"old{number}", {"seats": number})
    rows = await world.count("audit")

    assert await audited.sweep(world.desk.office) == rows

    found = await prove(world.store, keys)
    assert (found.ok, found.head.seq, found.waiting) == (True, rows, 0)


async def test_several_sweeps_at_once_make_one_chain(office):
    world, keys = office
    for number in range(20):
        await note(world, "test.plain", f"more{number}", {"seats": number})

    counts = await asyncio.gather(*(audited.sweep(world.desk.office) for _ in range(4)))

    assert sum(counts) == 20
    assert (await prove(world.store, keys)).ok


async def test_a_session_s_words_are_erased_and_the_log_still_verifies(over):
    world, one, keys = over
    office = world.desk.office
    await note(world, "test.words", one.session, {"reason": WORDS, "seats": 2})
    await audited.sweep(office)

    await world.desk.erasure.forget(one.session, "staff:operator", "They asked for it.")

    await audited.sweep(office)
    found = await prove(world.store, keys)
    [[after, opens]] = await world.rows("SELECT after, opens FROM audit WHERE action='test.words'")
    assert json.loads(after) == {"reason": "", "seats": 2}
    assert json.loads(opens) == {}
    assert found.ok, found.wrong
    assert found.erased >= 1


async def test_a_learner_is_erased_and_the_log_still_verifies(over):
    world, _, keys = over
    office = world.desk.office
    of = await world.desk.persons.find("learner-1")
    await note(world, "test.named", of.learner.id, {"learner_name": "Maria Santos", "seats": 2})
    await audited.sweep(office)

    await erase(world, of)

    await audited.sweep(office)
    found = await prove(world.store, keys)
    assert found.ok, found.wrong
    assert found.erased >= 1
    everything = repr(await world.rows("SELECT * FROM audit")) + repr(
        await world.rows("SELECT body FROM audit_seal")
    )
    assert "Maria" not in everything

    # What is left of an erased row is held to its entry all the same.
    await world.rows("UPDATE audit SET after = replace(after, '2', '3') WHERE action='test.named'")
    assert len((await prove(world.store, keys)).wrong) == 1
