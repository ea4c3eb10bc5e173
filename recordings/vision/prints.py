"""A short mark of a picture, by which the same picture is known again.

It knows a picture, not a person: two pictures of one face have different marks. Nothing of the
face can be drawn from it.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_SIDE = 32
_KEPT = 8


def face_print(picture: npt.NDArray[np.uint8]) -> int:
    """Return the 64-bit mark of a picture (blue, green, red, or grey).

    Each bit says whether one of the 64 lowest frequencies of the picture, drawn 32 by 32, is above
    their median (a discrete cosine transform): size, JPEG and light change few of them.
    """
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_KEPT, :_KEPT].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def bits_apart(one: int, other: int) -> int:
    """Return in how many of their 64 bits two marks differ."""
    return (one ^ other).bit_count()
