"""What a hostile page sends about a device's recording: it is refused, and nothing fails."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.web.office import World
from tests.web.test_local import Page, code, in_a_gap, owner, page_of
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

    assert answers == [200] * 3 + [409] * (int(BEGUN_AT_ONCE) - 3) + [503]


async def test_who_judges_reads_that_a_chain_was_told_late(world: World, page: Page) -> None:
    world.clock.move_to(world.clock.at + timedelta(minutes=20))
    await page.tell()

    record = await (await world.staff(await owner(world, page))).get(
        f"/staff/records/{page.session}"
    )

    assert "Before the gap, the device had not told the chain of all of it." in record.words
    assert "The chain was told 20 min after the link was back." in record.words
