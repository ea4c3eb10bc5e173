"""Streams of WebM as a browser's recorder hands them out, cut into pieces."""

from __future__ import annotations

import itertools

from recordings import webm
from recordings.webm import AUDIO, Block

PACKET = b"\xfb\x83" + bytes(30)
"""An Opus packet of 60 ms (RFC 6716: three frames of 20 ms)."""
PACKET_MS = 60


def packet(number: int) -> bytes:
    """Return a packet that can be told from the others."""
    return PACKET + number.to_bytes(4, "big")


def stream(seconds: int) -> list[bytes]:
    """Return pieces of a second each; as a browser's, they end one packet behind a cluster."""
    numbers = range(seconds * 1000 // PACKET_MS)
    clusters: dict[int, list[Block]] = {}
    for number in numbers:
        at = number * PACKET_MS
        clusters.setdefault(at // 1000, []).append(Block(AUDIO, at, True, packet(number)))
    whole = [webm.cluster(blocks) for blocks in clusters.values()]
    tail = len(packet(0)) + 9
    pieces = [webm.live_header() + whole[0][:-tail]]
    pieces += [before[-tail:] + after[:-tail] for before, after in itertools.pairwise(whole)]
    return [*pieces, whole[-1][-tail:]]
