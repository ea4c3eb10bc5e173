"""What a device keeps lies there encrypted, and opens with the session's key alone."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.kept.node import Made, Node

SESSION = "se_one"
A, PLACE = "lc_aaaaaaaaaaaaaaaa", "lc_aaaaaaaaaaaaaaaa:000000"
KEY, OTHER = (base64.b64encode(bytes([one]) * 32).decode() for one in (1, 2))
TAG, NONCE = b"INVREST1", 12
WEBM = b"\x1a\x45\xdf\xa3" + bytes(500)


def given(data: bytes) -> dict[str, str]:
    return {"bytes": base64.b64encode(data).decode()}


def told(value: Any) -> bytes:
    return base64.b64decode(value["bytes"])


async def sealed(node: Node, data: bytes = WEBM) -> tuple[Made, bytes]:
    rest = await node.make("AtRest", KEY)
    return rest, told(await rest.call("seal", given(data), PLACE))


async def test_it_is_aes_256_gcm_with_a_nonce_of_its_own_bound_to_its_place(node: Node) -> None:
    rest, first = await sealed(node)
    second = told(await rest.call("seal", given(WEBM), PLACE))

    assert first.startswith(TAG)
    nonce, box = first[len(TAG) : len(TAG) + NONCE], first[len(TAG) + NONCE :]
    assert AESGCM(bytes([1]) * 32).decrypt(nonce, box, PLACE.encode()) == WEBM
    assert second[len(TAG) : len(TAG) + NONCE] != nonce
    assert told(await rest.call("open", given(second), PLACE)) == WEBM


async def test_it_opens_in_its_place_alone_and_only_as_it_was_written(node: Node) -> None:
    rest, first = await sealed(node)
    other = await node.make("AtRest", OTHER)

    assert await rest.call("open", given(first), PLACE.replace("000000", "000001")) is None
    assert await other.call("open", given(first), PLACE) is None
    for at in (len(TAG), len(TAG) + NONCE, len(first) - 1):
        changed = bytearray(first)
        changed[at] ^= 1
        assert await rest.call("open", given(bytes(changed)), PLACE) is None
    assert await rest.call("open", given(first[:20]), PLACE) is None


async def test_what_an_older_page_kept_is_returned_as_it_is(node: Node) -> None:
    rest = await node.make("AtRest", KEY)

    for plain in (WEBM, b"", b"INV"):
        assert told(await rest.call("open", given(plain), PLACE)) == plain


async def shelf(node: Node, key: str | None, earlier: Made | None = None) -> Made:
    if earlier is not None:
        return await node.make("Reloaded", SESSION, earlier, key)
    return await node.make("Shelves", SESSION, 10**9, None, None, key)


async def test_a_shelf_survives_a_reload_with_its_drafts(node: Node) -> None:
    before = await shelf(node, KEY)
    await before.call("put", A, 1000)
    await before.call("draft", A, 1, 600)
    after = await shelf(node, KEY, before)
    await after.call("open", 1)

    plain = told(await after.call("bytes", A, 0))
    for n in (0, 1):
        stored = told(await before.call("stored", A, n))
        assert stored.startswith(TAG)
        assert plain[:64] not in stored
    assert len(plain) == 1000
    assert told(await after.call("bytes", A, 1)) == bytes([2]) * 600
    assert [link["size"] for link in await after.call("links", A)] == [1000, 600]


async def test_under_another_key_nothing_opens(node: Node) -> None:
    before = await shelf(node, KEY)
    await before.call("put", A, 1000)
    after = await shelf(node, OTHER, before)
    await after.call("open", 1)

    assert await after.call("bytes", A, 0) is None


async def test_an_older_page_s_chunks_come_back_from_a_shelf_that_encrypts(node: Node) -> None:
    before = await shelf(node, None)
    await before.call("put", A, 1000)
    await before.call("draft", A, 1, 600)
    plain = told(await before.call("bytes", A, 0))
    after = await shelf(node, KEY, before)
    await after.call("open", 1)
    await after.call("put", A, 700)

    assert told(await after.call("bytes", A, 0)) == plain
    assert told(await after.call("bytes", A, 1)) == bytes([2]) * 600
    assert told(await after.call("stored", A, 2)).startswith(TAG)


@pytest.mark.parametrize("size", [80_000, 2 * 1024 * 1024])
async def test_a_chunk_of_any_size_comes_back_whole(node: Node, size: int) -> None:
    data = bytes(range(256)) * (size // 256)
    rest, box = await sealed(node, data)

    assert len(box) == len(data) + 36
    assert told(await rest.call("open", given(box), PLACE)) == data
