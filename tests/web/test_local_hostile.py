"""What a hostile page sends about a device's recording: it is refused, and nothing fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from invigilation.session import Outcome
from recordings.bundle import packed
from recordings.verify import render, verify
from tests.devices import Device
from tests.web.office import SAM, World
from tests.web.test_local import STATEMENT, Page, code, in_a_gap, owner, page_of
from web.exports import Choice, pieces
from web.local import BEGUN_AT_ONCE


@pytest.fixture
async def page(world: World) -> Page:
    one = await page_of(world, 1)
    await in_a_gap(world, one)
    return one


@pytest.mark.parametrize("name", ["", "\0", "\ud800", "x" * 65, "ss_\n"])
async def test_a_name_that_no_session_has_is_not_found(page: Page, name: str) -> None:
    assert code(await page.tell(session=name)) == (404, "not_found")


async def test_a_query_that_no_session_has_is_not_found(page: Page) -> None:
    for raw in ("%00", "%FF", "%ED%A0%80", "a" * 65, ""):
        assert code(await page.look(raw)) == (404, "not_found"), raw


async def test_a_page_that_begins_one_chunk_after_another_has_to_wait(page: Page) -> None:
    await page.tell()

    answers = [(await page.put(1 + n % 3, 0, b"x")).status for n in range(3)] + [
        (await page.put(0, 0, b"x")).status for _ in range(int(BEGUN_AT_ONCE) - 2)
    ]

    assert answers == [200] * int(BEGUN_AT_ONCE) + [503]


async def test_who_judges_reads_that_a_chain_was_told_late(world: World, page: Page) -> None:
    world.clock.move_to(world.clock.at + timedelta(minutes=20))
    await page.tell()

    record = await (await world.staff(await owner(world, page))).get(
        f"/staff/records/{page.session}"
    )

    assert "Before the gap, the device had not told the chain of all of it." in record.words
    assert "The chain was told 20 min after the link was back." in record.words


async def test_a_record_in_which_a_gap_was_filled_twice_verifies(world: World, page: Page) -> None:
    own = await owner(world, page)
    await page.tell()
    for n in (1, 2, 3):
        await page.put(n)
    [gap] = (await world.desk.sessions.view(page.session)).gaps
    other = replace(page, device=Device(page.session, "lc_ffffffffffffffff"))
    other.device.record(gap.began, gap.began + timedelta(seconds=40))
    await other.tell()
    for n in (0, 1):
        await other.put(n)
    await world.desk.sessions.end(page.session, own)
    await world.desk.reports.attest(page.session, own, STATEMENT, Outcome.COMPLETED)

    await world.reasons(page.session)
    found = await pieces(world.desk, world.vault, page.session, SAM, Choice.ALL)
    bundle = await asyncio.to_thread(packed, found.members)

    key = world.desk.office.signer.current()
    verdict = verify(bundle, {key.key_id: key.public}, now=world.clock.now())
    assert verdict.ok, render(verdict)
    assert "5 of all were kept on the learner's device" in verdict.steps[7].sentence
