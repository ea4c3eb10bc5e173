"""What is kept comes to the service: the chain first, then what it asks for, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.harness.waiting import until
from tests.kept.node import Made, Node
from tests.kept.shore import PATH, Shore, shore

SESSION = "se_one"
A, B = "lc_aaaaaaaaaaaaaaaa", "lc_bbbbbbbbbbbbbbbb"
SOON_S = 20.0


@pytest.fixture
async def ashore() -> AsyncIterator[Shore]:
    """The service's side."""
    async with shore() as one:
        yield one


async def shelves_of(node: Node, *sizes: int) -> Made:
    shelves = await node.make("Shelves", SESSION)
    for size in sizes:
        await shelves.call("put", A, size)
    return shelves


@asynccontextmanager
async def page(node: Node, shelves: Made, ashore: Shore, **settings: Any) -> AsyncIterator[Made]:
    """Let a page bring what is on a shelf."""
    one = await node.make("Page", shelves, ashore.url + PATH)
    for name, value in settings.items():
        await one.call("now", name, value)
    await one.call("begin")
    try:
        yield one
    finally:
        await one.call("end")


async def standing(one: Made, wish: str) -> None:
    async def so() -> bool:
        return bool(await one.call("standing") == wish)

    await until(so, SOON_S, f"the page to be {wish}")


def puts(ashore: Shore) -> list[tuple[str, ...]]:
    return [call for call in ashore.calls if call[0] == "put"]


async def test_while_all_is_well_only_the_chain_is_told(node: Node, ashore: Shore) -> None:
    shelves = await shelves_of(node, 1000, 1000)
    async with page(node, shelves, ashore) as one:
        await until(lambda: len(ashore.links.get(A, [])) == 2, SOON_S, "the chain")
        await shelves.call("put", A, 1000)
        await one.call("now", "queue", 0)
        await until(lambda: len(ashore.links[A]) == 3, SOON_S, "the next link")
        await standing(one, "waiting")

    assert ashore.calls == [("get",), ("chain", A, "2"), ("chain", A, "1")]


async def test_the_chain_goes_before_any_chunk(node: Node, ashore: Shore) -> None:
    ashore.asks = {A: [1], B: [0]}
    shelves = await shelves_of(node, 1000, 1000)
    await shelves.call("put", B, 800, 1)
    async with page(node, shelves, ashore, over=True) as one:
        await standing(one, "done")

    names = [call[0] for call in ashore.calls]
    assert names.index("put") > max(i for i, name in enumerate(names) if name == "chain")
    assert ashore.whole(A, 1)
    assert ashore.whole(B, 0)
    assert set(puts(ashore)) == {("put", A, "1"), ("put", B, "0")}


async def test_a_chunk_comes_in_pieces_and_its_share_grows(node: Node, ashore: Shore) -> None:
    ashore.asks = {A: [0]}
    shelves = await shelves_of(node, 60_000)
    async with page(node, shelves, ashore, over=True) as one:
        await standing(one, "done")
        shares = [share for share in await one.call("shares") if share is not None]

    assert len(puts(ashore)) >= 3
    assert shares == sorted(shares) or shares[0] == 1  # 1: nothing was asked for yet
    assert any(0 < share < 1 for share in shares)
    assert await shelves.call("recordings") == []


async def test_a_lost_link_stops_it_and_its_return_goes_on(node: Node, ashore: Shore) -> None:
    ashore.asks = {A: [0]}
    shelves = await shelves_of(node, 1000)
    async with page(node, shelves, ashore, reachable=False, over=True) as one:
        await shelves.call("put", A, 1000)
        assert ashore.calls == []

        await one.call("now", "reachable", True)
        await standing(one, "done")

    assert [call[0] for call in ashore.calls[:2]] == ["get", "chain"]
    assert ashore.whole(A, 0)


async def test_a_reload_goes_on_with_the_piece_that_is_missing(node: Node, ashore: Shore) -> None:
    ashore.asks = {A: [0]}
    before = await shelves_of(node, 100_000)
    ashore.links[A] = await links(before)
    ashore.here[A, 0] = bytearray(await chunk(before))[:70_000]
    after = await node.make("Reloaded", SESSION, before)
    await after.call("open", 1)

    async with page(node, after, ashore, over=True) as one:
        await standing(one, "done")

    assert ashore.whole(A, 0)
    assert ashore.brought == 30_000
    assert not [call for call in ashore.calls if call[0] == "chain"]


async def links(shelves: Made) -> list[dict[str, Any]]:
    return list(await shelves.call("links", A))


async def chunk(shelves: Made) -> bytes:
    [size] = [link["size"] for link in await links(shelves)]
    return bytes((i * 7 + size) % 256 for i in range(size))


async def test_a_place_that_was_mistaken_is_asked_for_again(node: Node, ashore: Shore) -> None:
    ashore.asks = {A: [0]}
    ashore.refuse = [(409, "wrong_digest"), (503, "busy")]
    shelves = await shelves_of(node, 3000)
    async with page(node, shelves, ashore, over=True) as one:
        await standing(one, "done")

    assert ashore.whole(A, 0)
    assert ashore.calls.count(("get",)) >= 3


async def test_a_chunk_that_was_forgotten_half_way_is_sent_from_its_beginning(
    node: Node, ashore: Shore
) -> None:
    ashore.asks = {A: [0]}
    ashore.forgets_before = 2
    shelves = await shelves_of(node, 9000)
    async with page(node, shelves, ashore, over=True) as one:
        await standing(one, "done")

    assert ashore.forgot > 0
    assert ashore.whole(A, 0)


async def test_a_chunk_that_is_not_wanted_any_more_is_left(node: Node, ashore: Shore) -> None:
    ashore.asks = {A: [0, 1]}
    ashore.unwanted = {(A, 0)}
    shelves = await shelves_of(node, 3000, 2000)
    async with page(node, shelves, ashore) as one:
        await until(lambda: ashore.whole(A, 1), SOON_S, "the other chunk")
        await standing(one, "waiting")

    assert [call for call in puts(ashore) if call[2] == "0"] == [("put", A, "0")]


async def test_a_chunk_that_is_refused_again_and_again_is_given_up(
    node: Node, ashore: Shore
) -> None:
    ashore.asks = {A: [0, 1]}
    ashore.refuse = [(409, "wrong_digest")] * 3
    shelves = await shelves_of(node, 3000, 2000)
    async with page(node, shelves, ashore) as one:
        await until(lambda: ashore.whole(A, 1), SOON_S, "the other chunk")
        await standing(one, "waiting")

    assert not ashore.whole(A, 0)


async def test_what_is_not_needed_is_erased(node: Node, ashore: Shore) -> None:
    ashore.drop_all = True
    ashore.asks = {A: [2]}
    shelves = await shelves_of(node, 1000, 1000, 1000, 1000)
    async with page(node, shelves, ashore, over=False):
        await until(lambda: ashore.whole(A, 2), SOON_S, "the chunk")

    assert await shelves.call("here", A) == [3]


async def test_a_link_that_is_full_gets_its_pieces_slowly(node: Node) -> None:
    waits = [await node.call("patience", 500, queue) for queue in (0, 150, 300, 700, 5000)]

    assert waits == [500, 500, 1500, 5500, 8000]


async def test_what_somebody_allows_is_not_exceeded(node: Node, ashore: Shore) -> None:
    ashore.asks = {A: [0]}
    shelves = await shelves_of(node, 4000)
    async with page(node, shelves, ashore, kbit=1, over=True) as one:
        await standing(one, "waiting")
        assert puts(ashore) == []

        await one.call("now", "kbit", 1000)
        await standing(one, "done")

    beside, alone = [await node.call("spread", 2000, 64, after) for after in (False, True)]
    assert (beside, round(alone)) == (2500, 278)
    assert await node.call("spread", 2000, None, False) == 0


async def test_who_takes_back_that_they_are_recorded_is_heard(node: Node, ashore: Shore) -> None:
    ashore.keep = False
    shelves = await shelves_of(node, 1000)
    async with page(node, shelves, ashore) as one:

        async def heard() -> bool:
            return False in await one.call("told")

        await until(heard, SOON_S, "the page to hear it")

    assert puts(ashore) == []


async def test_who_may_not_asks_again_whether_they_are_recorded(node: Node, ashore: Shore) -> None:
    ashore.asks = {A: [0]}
    ashore.refuse = [(403, "not_allowed")]
    shelves = await shelves_of(node, 1000)
    async with page(node, shelves, ashore, over=True) as one:
        await standing(one, "done")

    assert ashore.whole(A, 0)
    assert ashore.calls[2:5] == [("put", A, "0"), ("get",), ("put", A, "0")]


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [(409, "too_late", "done"), (401, "not_signed_in", "closed")],
)
async def test_an_end_is_an_end(
    node: Node, ashore: Shore, status: int, code: str, said: str
) -> None:
    ashore.asks = {A: [0]}
    ashore.refuse = [(status, code)]
    shelves = await shelves_of(node, 1000)
    async with page(node, shelves, ashore, over=True) as one:
        await standing(one, said)

    assert (await shelves.call("recordings") == []) == (code == "too_late")


async def test_a_service_that_takes_nothing_is_left_alone(node: Node, ashore: Shore) -> None:
    shelves = await shelves_of(node, 1000)
    one = await node.make("Page", shelves, f"{ashore.url}/room/elsewhere")
    await one.call("begin")

    await standing(one, "away")

    await one.call("end")
    assert ashore.calls == []


async def test_what_there_is_no_room_for_stays_here_and_comes_later(
    node: Node, ashore: Shore
) -> None:
    shelves = await shelves_of(node, 1000, 1000)
    ashore.asks[A] = [1]
    ashore.full = 7  # more often than a chunk may be mistaken
    async with page(node, shelves, ashore) as one:
        await until(lambda: ashore.whole(A, 1), SOON_S, "the chunk")
        await standing(one, "waiting")

    assert puts(ashore) == [("put", A, "1")] * 8
