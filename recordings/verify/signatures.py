"""Signatures of many events: they are most of the work, so several processes may share it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .keys import Keys, check, dated
from .strict import base64url
from .verdict import NotVerified

WORTH = 2_000
"""Fewer signatures than that are checked sooner than a process begins."""
Event = Mapping[str, str]


def first_broken(events: Sequence[Event], keys: Keys, processes: int = 1) -> str | None:
    """Return what is wrong with the first event whose signature does not hold, or None.

    More than one process is for a program that does nothing else: it is copied as it stands (fork).
    """
    if processes < 2 or len(events) < WORTH or sys.platform != "linux":
        return _first_broken(events, keys, 0)
    raw = {key_id: dated(keys, key_id).public.public_bytes_raw() for key_id in keys}
    share = -(-len(events) // processes)
    starts = range(0, len(events), share)
    parts = [([dict(one) for one in events[at : at + share]], raw, at) for at in starts]
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        return next((found for found in pool.map(_part, parts) if found is not None), None)


def _part(part: tuple[Sequence[Event], Mapping[str, bytes], int]) -> str | None:
    events, raw, at = part
    keys = {name: Ed25519PublicKey.from_public_bytes(key) for name, key in raw.items()}
    return _first_broken(events, keys, at)


def _first_broken(events: Sequence[Event], keys: Keys, before: int) -> str | None:
    for number, event in enumerate(events, before + 1):
        try:
            signature = base64url(event["signature"].encode())
            check(keys, event["key_id"], signature, event["body"].encode())
        except NotVerified as error:
            return f"event {number}: {error}"
    return None
