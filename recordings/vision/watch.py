"""Whether a picture shows anything, and whether it is still a live one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from recordings.vision.capture import decode

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


def _blocks(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the means of squares of 4 pixels: noise and ringing cancel in them, movement stays."""
    rows, columns = (length // BLOCK * BLOCK for length in values.shape)
    squares = values[:rows, :columns].reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK)
    means: npt.NDArray[np.float32] = squares.mean(axis=(1, 3))
    return means
