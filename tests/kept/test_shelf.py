"""What stays on the shelf, and what goes, and when."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.kept.node import Made, Node
from tests.kept.test_chain import given

SESSION = "se_one"
A, B = "lc_aaaaaaaaaaaaaaaa", "lc_bbbbbbbbbbbbbbbb"
MANY = 10**9
HOURS = 60


def limits(most: int = MANY, minutes: int = MANY, every: int = MANY) -> dict[str, int]:
    return {"most": most, "long": minutes * 60_000, "all": every}


async def filled(node: Node, *minutes: int, room: Any = MANY, keeps: Any = None) -> Made:
    """Return a shelf with chunks of 1,000 bytes put there at these minutes."""
    shelves = await node.make("Shelves", SESSION, room, keeps)
    for minute in minutes:
        await shelves.call("put", A, 1000, minute)
    return shelves


async def test_what_nobody_asked_for_goes_when_it_is_old(node: Node) -> None:
    shelves = await filled(node, 0, 30, keeps=limits(minutes=60))
    await shelves.call("wanted", A, 2, [])

    await shelves.call("put", A, 1000, 61)

    assert await shelves.call("here", A) == [1, 2]
    assert await shelves.call("length", A, 0) is None


async def test_what_is_wanted_stays_however_old(node: Node) -> None:
    shelves = await filled(node, 0, 30, keeps=limits(minutes=60, most=1000))
    await shelves.call("wanted", A, 2, [0])

    await shelves.call("put", A, 1000, 200)

    assert await shelves.call("here", A) == [0, 2]
    assert await shelves.call("length", A, 0) == 1000


async def test_what_the_server_has_not_heard_of_stays(node: Node) -> None:
    shelves = await filled(node, 0, 1, 2, keeps=limits(most=1000))
    await shelves.call("wanted", A, 1, [])

    await shelves.call("put", A, 1000, 200)

    assert await shelves.call("here", A) == [0, 1, 2, 3]


async def test_of_what_nobody_asked_for_the_oldest_goes_first(node: Node) -> None:
    shelves = await filled(node, 0, 1, 2, 3, keeps=limits(most=2500))
    await shelves.call("wanted", A, 4, [])

    await shelves.call("put", A, 1000, 4)

    assert await shelves.call("here", A) == [2, 3, 4]
    assert await shelves.call("room") == "enough"


async def test_a_shelf_is_never_larger_than_all_its_room(node: Node) -> None:
    shelves = await filled(node, 0, 1, 2, 3, keeps=limits(every=3000))

    assert await shelves.call("here", A) == [1, 2, 3]
    assert await shelves.call("room") == "full"


async def test_a_full_disk_keeps_the_newest_and_says_so(node: Node) -> None:
    shelves = await filled(node, *range(6), room=3500)

    assert await shelves.call("room") == "full"
    assert await shelves.call("here", A) == [3, 4, 5]
    assert await shelves.call("length", A, 5) == 1000


async def test_a_disk_with_no_room_at_all_leaves_the_page_its_own(node: Node) -> None:
    shelves = await filled(node, 0, 1, room=10)

    assert await shelves.call("room") == "full"
    assert await shelves.call("length", A, 1) == 1000


async def test_without_a_disk_the_page_keeps_by_itself(node: Node) -> None:
    shelves = await filled(node, 0, 1, room=None)

    assert await shelves.call("room") == "closed"
    assert await shelves.call("here", A) == [0, 1]
    assert await shelves.call("length", A, 1) == 1000


async def test_a_reload_finds_everything_again(node: Node) -> None:
    before = await filled(node, 0, 1, 2)
    await before.call("put", B, 500, 3)
    await before.call("wanted", A, 3, [1])
    await before.call("drop", A, 1)
    after = await node.make("Reloaded", SESSION, before)

    await after.call("open", 10)

    assert await after.call("recordings") == [A, B]
    assert await after.call("here", A) == [1, 2]
    assert await after.call("length", A, 1) == 1000
    await after.call("put", A, 1000, 11)
    assert await after.call("here", A) == [1, 2, 3]


async def test_a_page_that_ends_in_the_middle_of_a_chunk_leaves_what_there_is(node: Node) -> None:
    before = await filled(node, 0)
    await before.call("draft", A, 1, 300)
    await before.call("draft", A, 1, 600)
    after = await node.make("Reloaded", SESSION, before)

    await after.call("open", 1)

    links = [given(link) for link in await after.call("links", A)]
    assert [link.size for link in links] == [1000, 600]
    assert links[1].sha256 == hashlib.sha256(bytes([2]) * 600).hexdigest()
    assert links[1].after(links[0].head) == links[1].head
    assert await after.call("length", A, 1) == 600
    assert await before.call("here", A) == [0]


async def test_a_chunk_that_is_finished_takes_the_place_of_its_beginning(node: Node) -> None:
    before = await filled(node, 0)
    await before.call("draft", A, 1, 300)
    await before.call("put", A, 700, 1)
    after = await node.make("Reloaded", SESSION, before)

    await after.call("open", 2)

    assert [link["size"] for link in await after.call("links", A)] == [1000, 700]


async def test_a_beginning_is_erased_with_the_rest(node: Node) -> None:
    before = await filled(node, 0)
    await before.call("draft", A, 1, 300)
    await before.call("clear")
    after = await node.make("Reloaded", SESSION, before)

    await after.call("open", 2)

    assert await after.call("recordings") == []


async def test_after_72_hours_nothing_is_left(node: Node) -> None:
    before = await filled(node, 0, 1)
    after = await node.make("Reloaded", SESSION, before)

    await after.call("open", 72 * HOURS + 2)

    again = await node.make("Reloaded", SESSION, before)
    await again.call("open", 2)
    assert await after.call("recordings") == await again.call("recordings") == []


@pytest.mark.parametrize(("wanted", "left"), [([], []), ([1], [1])])
async def test_of_another_session_only_what_is_waited_for_stays(
    node: Node, wanted: list[int], left: list[int]
) -> None:
    before = await filled(node, 0, 1)
    await before.call("wanted", A, 2, wanted)

    other = await node.make("Reloaded", "se_other", before)
    await other.call("open", 5)

    assert await other.call("recordings") == []
    again = await node.make("Reloaded", SESSION, before)
    await again.call("open", 5)
    assert await again.call("here", A) == left


async def test_what_is_forgotten_is_gone_from_the_disk(node: Node) -> None:
    before = await filled(node, 0, 1)
    await before.call("put", B, 500, 2)

    await before.call("forget", A)

    after = await node.make("Reloaded", SESSION, before)
    await after.call("open", 3)
    assert await after.call("recordings") == [B]
