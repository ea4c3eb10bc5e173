"""How good the way from a participant is: what is lost on it for good, and how long a round takes.

Nothing here sends or reads a clock: times are monotonic seconds handed in.
Source: RFC 3611 (RTCP extended reports), 4.4 and 4.5.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SAMPLE_S: Final = 1.0
"""The counts of a stream are noted so often: `LossWindow.sample` is to be called by that."""
SAMPLES: Final = 5
ENOUGH: Final = 40
"""Of fewer packets in the window nothing is said: one lost of twenty would already be 5 %."""
RTT_KNOWN_S: Final = 15.0
"""A round trip that was measured longer ago says nothing of the link as it is now."""
FIRST_RTT_S: Final = 0.3
"""What is taken for the round trip as long as none is known."""
XR: Final = 207
RRTR, DLRR = 4, 5
_ASK: Final = struct.Struct("!BBHLBBHQ")
_BLOCK: Final = struct.Struct("!BBH")
_REPLY: Final = struct.Struct("!LLL")
_WORD: Final = 4


@dataclass(frozen=True, slots=True)
class LinkQuality:
    """The way from one participant over the last five seconds.

    `loss` (0 to 1) is the share of what they sent that did not come and could not be got back, of
    the track that suffers most; 0 while too little comes to tell. `rtt_s` is the round trip,
    smoothed; `FIRST_RTT_S` while none was measured in the last `RTT_KNOWN_S`.
    """

    loss: float
    rtt_s: float


class LossWindow:
    """Which share of one stream was lost in the last five seconds; not touched by any packet.

    Counts only grow: `highest` is the unwrapped number of the last packet, `lost` how many were
    given up.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque(maxlen=SAMPLES)

    def sample(self, highest: int | None, lost: int) -> None:
        """Note the counts of this moment, every `SAMPLE_S`; `highest` None: nothing has come."""
        if highest is not None:
            self._samples.append((highest, lost))

    def loss(self, highest: int | None, lost: int) -> float:
        """Return the share that was lost since the oldest sample, by the counts as they are now."""
        if highest is None or not self._samples:
            return 0.0
        highest_then, lost_then = self._samples[0]
        sent = highest - highest_then
        return min((lost - lost_then) / sent, 1.0) if sent >= ENOUGH else 0.0


def ask_round_trip(ssrc: int, now: float) -> bytes:
    """Make the report that asks the participant how long a round takes (RFC 3611, 4.4).

    It needs no stream to them, as a sender report does. The time in it is ours alone.
    """
    ntp = int(now * (1 << 32)) & 0xFFFFFFFFFFFFFFFF
    return _ASK.pack(0x80, XR, _ASK.size // _WORD - 1, ssrc, RRTR, 0, 2, ntp)


def round_trips(data: bytes, now: float) -> Iterator[float]:
    """Find the answers in a compound RTCP packet, in seconds (RFC 3611, 4.5).

    Of other bytes gives what makes sense of them, at worst nothing.
    """
    ours = int(now * 65536)
    place = 0
    while place + 8 <= len(data):
        _, kind, words = _BLOCK.unpack_from(data, place)
        end = place + (words + 1) * _WORD
        if kind == XR:
            for last, delay in _replies(data[place + 8 : end]):
                if last:
                    yield ((ours - last - delay) & 0xFFFFFFFF) / 65536
        place = end


def _replies(blocks: bytes) -> Iterator[tuple[int, int]]:
    """Give (our time that is answered, how long they had it) of the blocks of one XR packet."""
    place = 0
    while place + _BLOCK.size <= len(blocks):
        kind, _, words = _BLOCK.unpack_from(blocks, place)
        start, place = place + _BLOCK.size, place + (words + 1) * _WORD
        body = blocks[start:place]
        if kind == DLRR:
            whole = len(body) // _REPLY.size * _REPLY.size
            for _, last, delay in _REPLY.iter_unpack(body[:whole]):
                yield last, delay
