"""The tree over a day's heads, against RFC 9162's definition and the verifier's own reading."""

from __future__ import annotations

import hashlib

import pytest

from invigilation import merkle
from recordings.verify.merkle import root_of
from recordings.verify.verdict import NotVerified

LEAVES = [hashlib.sha256(bytes([number])).digest() for number in range(70)]


def defined(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash as RFC 9162, 2.1.1 defines it, by recursion."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    halves = defined(leaves[:split]) + defined(leaves[split:])
    return hashlib.sha256(b"\x01" + halves).digest()


@pytest.mark.parametrize("size", [*range(1, 34), 64, 65, 70])
def test_root_and_paths_are_those_of_the_rfc(size: int) -> None:
    leaves = LEAVES[:size]

    paths = merkle.paths(leaves)

    root = merkle.root(leaves)
    assert root == defined(leaves)
    assert [
        root_of(leaf, index, size, path)
        for index, (leaf, path) in enumerate(zip(leaves, paths, strict=True))
    ] == [root] * size


def test_a_path_leads_from_its_own_leaf_and_place_alone() -> None:
    leaves = LEAVES[:7]
    path, root = merkle.paths(leaves)[2], merkle.root(leaves)

    def leads(leaf: bytes, index: int, size: int, path: list[bytes]) -> bool:
        try:
            return root_of(leaf, index, size, path) == root
        except NotVerified:
            return False

    assert leads(leaves[2], 2, 7, path)
    assert not leads(leaves[3], 2, 7, path)
    assert not leads(leaves[2], 3, 7, path)
    assert not leads(leaves[2], 2, 7, path[:-1])
    assert not leads(leaves[2], 2, 7, path[::-1])
    assert not leads(leaves[2], 7, 7, path)


def test_there_is_no_tree_without_leaves() -> None:
    with pytest.raises(ValueError, match="a tree has leaves"):
        merkle.root([])
