"""Inclusion in a Merkle tree (RFC 9162, section 2.1), SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from .verdict import NotVerified


def root_of(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root of the tree of `size` leaves in which `leaf` is number `index` (from 0).

    The algorithm of section 2.1.3.2. Raises NotVerified for a path of another length.
    """
    if not 0 <= index < size:
        raise NotVerified("a list's entry has a number that the list has not")
    node, last = index, size - 1
    digest = _hash(b"\0", leaf)
    for sibling in path:
        if last == 0:
            raise NotVerified("the path through a list is too long")
        if node & 1 or node == last:
            digest = _hash(b"\1", sibling, digest)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            digest = _hash(b"\1", digest, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise NotVerified("the path through a list is too short")
    return digest


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()
