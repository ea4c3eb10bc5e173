"""Whether a picture shows anything, and whether it is still a live one.

Moving pictures are looked at by their key frames, and where none come, stills as they were sent.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from recordings.errors import PictureUndecodable
from recordings.vision.capture import decode
from recordings.vision.upload import decode_pixels

WIDTH = 160
# Chosen by what `python -m tests.recordings.sights` measures: see docs/decisions/0004-evidence.md.
BLACK_MEAN, BLACK_SPREAD = 40.0, 3.0
BLOCK = 4
SAME = 1.75


@dataclass(frozen=True, slots=True)
class Small:
    """A picture's luma, 160 pixels wide; 16 is black, 235 white (ITU-R BT.601)."""

    luma: npt.NDArray[np.uint8]

    @property
    def black(self) -> bool:
        """Whether nothing can be seen: dark all over. A covered lens is not quite black."""
        return bool(self.luma.mean() < BLACK_MEAN and self.luma.std() < BLACK_SPREAD)

    def same_as(self, other: Small) -> bool:
        """Whether the two differ by less than a live camera's noise and a sitting person give."""
        return self.apart(other) <= SAME

    def apart(self, other: Small) -> float:
        """Return how far the two differ where they differ most, in steps of 256."""
        if self.luma.shape != other.luma.shape:
            return math.inf
        difference = self.luma.astype(np.float32) - other.luma
        return float(np.abs(_blocks(difference)).max())


def decode_small(frame: bytes) -> Small:
    """Return the picture of a VP8 key frame, small and grey.

    Blocks for some 5 to 20 ms. Raises PictureUndecodable.
    """
    decoded = decode(frame)
    # The first plane of 4:2:0 is the luma, in rows that are padded.
    plane = decoded.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    luma = rows[: decoded.height, : decoded.width]
    height = max(1, round(WIDTH * decoded.height / decoded.width))
    small = cv2.resize(luma, (WIDTH, height), interpolation=cv2.INTER_AREA)
    return Small(small.astype(np.uint8))


STILL_LEAST, STILL_MOST = 40, 640
"""Pixels of a still's sides; the pages send 320 by 240, and 640 by 480 when one is asked for."""


def still_pixels(jpeg: bytes) -> npt.NDArray[np.uint8]:
    """Return the pixels (blue, green, red) of a live session's still. Raises PictureUndecodable."""
    pixels = decode_pixels(jpeg, STILL_LEAST)
    if max(pixels.shape[:2]) > STILL_MOST:
        raise PictureUndecodable("it is larger than a still is")
    return pixels


def decode_still(jpeg: bytes) -> Small:
    """Return a still, small and grey, as `decode_small` returns a key frame.

    For another process than the server's: the bytes are a stranger's. Raises PictureUndecodable.
    """
    grey = cv2.cvtColor(still_pixels(jpeg), cv2.COLOR_BGR2GRAY).astype(np.float32)
    height = max(1, round(WIDTH * grey.shape[0] / grey.shape[1]))
    # A JPEG's luma goes from 0 to 255 (JFIF 1.02), a key frame's from 16 to 235.
    small = cv2.resize(grey, (WIDTH, height), interpolation=cv2.INTER_AREA) * (219 / 255) + 16
    return Small(np.rint(small).astype(np.uint8))


def _blocks(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the means of squares of 4 pixels: noise and ringing cancel in them, movement stays."""
    rows, columns = (length // BLOCK * BLOCK for length in values.shape)
    squares = values[:rows, :columns].reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK)
    means: npt.NDArray[np.float32] = squares.mean(axis=(1, 3))
    return means


KEPT = 240
"""Looks that are remembered: forty minutes of them, a look in ten seconds."""
NEAR = 2
"""Looks right before: a person may still sit as they sat then."""
# Chosen by what `python -m tests.recordings.loops` measures.
MOVED = 12.0
"""Steps of 256 by which a picture differs from the one before, when somebody moves."""
REPEATS, AMONG = 3, 20


class Loops:
    """Tells whether one person's pictures have come before: a film that is played again.

    A picture repeats when it equals one from more than two looks ago, while it differs plainly from
    the one right before; three among twenty make a loop. People who are there come near no earlier
    picture of theirs while they move: 35 steps of 256 at the nearest, a repeated film 0.

    It does not see a film that runs longer than what is remembered, one of somebody who hardly
    moves, or one whose light, place or noise is changed on the way. Others take minutes until
    enough looks have fallen on the same places: films of 20, 33 and 60 s took 15, 54 and 27 looks.
    So it is a hint, and silence no proof.
    """

    def __init__(self) -> None:
        self._seen: deque[npt.NDArray[np.float16]] = deque(maxlen=KEPT)
        self._repeats: deque[bool] = deque(maxlen=AMONG)

    def looping(self, small: Small) -> bool:
        """Take the next look's picture, and return whether pictures go round. Some milliseconds."""
        now = _blocks(small.luma.astype(np.float32))
        if self._seen and self._seen[-1].shape != now.shape:
            self._seen.clear()
            self._repeats.clear()
        self._repeats.append(not small.black and self._repeated(now))
        self._seen.append(now.astype(np.float16))
        return sum(self._repeats) >= REPEATS

    def _repeated(self, now: npt.NDArray[np.float32]) -> bool:
        if len(self._seen) <= NEAR or _apart(self._seen[-1], now) <= MOVED:
            return False
        return any(_apart(before, now) <= SAME for before in islice(self._seen, self._older))

    @property
    def _older(self) -> int:
        return len(self._seen) - NEAR


def _apart(before: npt.NDArray[np.float16], now: npt.NDArray[np.float32]) -> float:
    return float(np.abs(now - before).max())
