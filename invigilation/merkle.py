"""One hash for many: the Merkle tree of RFC 9162 (2.1) over SHA-256, and the paths into it.

Who knows the root can be shown that a leaf is under it by some twenty hashes, and learns nothing of
the other leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_LEAF = b"\x00"
_NODE = b"\x01"


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root (32 bytes) over one leaf or more."""
    return _levels(leaves)[-1][0]


def paths(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return for each leaf the hashes that lead from it to the root, the nearest first.

    `RFC 9162, 2.1.3.1 <https://www.rfc-editor.org/rfc/rfc9162#section-2.1.3.1>`_.
    """
    levels = _levels(leaves)
    found = []
    for position in range(len(leaves)):
        path, here = [], position
        for level in levels[:-1]:
            beside = here ^ 1
            # The last of an odd number has nobody beside it: it goes up as it is.
            if beside < len(level):
                path.append(level[beside])
            here //= 2
        found.append(path)
    return found


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return the hashes from the leaves (first) up to the root (last, alone).

    Pairing from the left and taking an odd last one up gives the RFC's tree, which splits at the
    largest power of two below the number of leaves.
    """
    if not leaves:
        raise ValueError("a tree has leaves")
    level = [hashlib.sha256(_LEAF + leaf).digest() for leaf in leaves]
    levels = [level]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [hashlib.sha256(_NODE + left + right).digest() for left, right in pairs]
        level = above + level[2 * len(above) :]
        levels.append(level)
    return levels
