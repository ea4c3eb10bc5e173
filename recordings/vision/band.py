"""Where the machine-readable zone lies in a picture: found by its long lines of characters.

The zone is set in OCR-B at ten characters an inch, as many in each line as the form says (ICAO
9303 parts 3 to 7). So its lines tell which form it is, how large the page is and how it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]

LOOKED_AT = 1000
"""Pixels of the longer side in which lines are looked for."""
STROKES = 25
"""Pixels of that picture: what is dark and narrower than this may be a stroke."""
JOINED = (11, 19)
"""Pixels by which characters are joined into lines: first for small ones, then for large ones."""
CONTRAST = 0.16
"""How much darker than the paper a stroke is, as a share."""
LONG = 0.3
"""A line's least length, as a share of the longer side."""
SLIM = 9.0
"""How many times longer than high a line of 30 characters is at least."""
MOST_ZONES = 4
"""So many places are read before a picture is given up."""
FITS = 0.8
"""By so many characters a line may miss a form's width."""
HIGH = 24
"""Pixels of a character's height where lines are measured."""
WIDTHS = (30, 36, 44)
BETWEEN = 0.3
"""The paper between two characters, in widths of both: a line has one less than characters."""
FORMS = {(3, 30): "TD1", (2, 36): "TD2", (2, 44): "TD3"}


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line of text in a picture: the ends of its middle, its characters' height, in pixels."""

    left: Points
    right: Points
    height: float

    @property
    def along(self) -> Points:
        """Return the unit vector of reading."""
        way = self.right - self.left
        return np.asarray(way / max(float(np.hypot(*way)), 1e-6), np.float32)

    @property
    def length(self) -> float:
        """Return it in pixels."""
        return float(np.hypot(*(self.right - self.left)))

    def turned(self) -> Line:
        """Return it as it is read when the picture stands on its head."""
        return Line(self.right, self.left, self.height)


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """Two or three lines of equal length, from the top as they are read."""

    lines: tuple[Line, ...]
    width: int
    """Characters in a line."""

    def turned(self) -> Zone:
        """Return it as it is read when the picture stands on its head."""
        return Zone(tuple(line.turned() for line in reversed(self.lines)), self.width)


def grey_of(picture: npt.NDArray[np.uint8]) -> Grey:
    """Return a picture (blue, green, red, or grey already) in grey."""
    if picture.ndim == 2:
        return picture
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def sized(grey: Grey, longest: int) -> tuple[Grey, float]:
    """Return a picture whose longer side has so many pixels, and how much it was enlarged."""
    scale = longest / max(grey.shape)
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=how), np.uint8), scale


def zones(grey: Grey) -> list[Zone]:
    """Return the places that look like a machine-readable zone, the likeliest first."""
    small, scale = sized(grey, LOOKED_AT)
    ink = _ink(small)
    found: list[Zone] = []
    for joined in JOINED:
        for group in _groups(_blobs(ink, joined)):
            zone = _measured(grey, [_shrunk(line, 1 / scale) for line in group])
            if zone is not None and not any(_same(zone, other) for other in found):
                found.append(zone)
    return sorted(found, key=lambda zone: -zone.lines[0].length)[:MOST_ZONES]


def _ink(grey: Grey) -> Grey:
    """Return where strokes are: dark and narrow on their ground, however lit (0 or 255)."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKES, STROKES))
    soft = cv2.GaussianBlur(grey, (3, 3), 0)
    paper = cv2.morphologyEx(soft, cv2.MORPH_CLOSE, kernel)
    dark = cv2.subtract(paper, soft)
    share = dark.astype(np.float32) / np.maximum(paper, 24)
    return np.asarray((share > CONTRAST) * 255, np.uint8)


def _blobs(ink: Grey, joined: int) -> list[Line]:
    """Return what looks like long lines of text, the longest first; none is upside down."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (joined, joined))
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, kernel)
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for outline in outlines:
        if len(outline) < 5:
            continue
        box = cv2.minAreaRect(outline)
        long, short = max(box[1]), max(min(box[1]), 1.0)
        if long < LONG * LOOKED_AT or long / short < SLIM:
            continue
        if cv2.contourArea(outline) >= 0.35 * long * short:
            found.append(_middle(cv2.boxPoints(box), short))
    return sorted(found, key=lambda line: -line.length)


def _middle(corners: npt.NDArray[np.float32], height: float) -> Line:
    """Return the line that runs in the middle of a rectangle, along its longer sides."""
    a, b, c, d = np.asarray(corners, np.float32)
    if np.hypot(*(b - a)) >= np.hypot(*(c - b)):
        left, right = (a + d) / 2, (b + c) / 2
    else:
        left, right = (a + b) / 2, (c + d) / 2
    x, y = right - left
    if (abs(x) >= abs(y) and x < 0) or (abs(x) < abs(y) and y > 0):
        left, right = right, left
    return Line(left, right, height)


def _shrunk(line: Line, scale: float) -> Line:
    return Line(line.left * scale, line.right * scale, line.height * scale)


def _groups(blobs: Sequence[Line]) -> list[list[Line]]:
    """Return groups of lines that lie under each other, from the top."""
    groups: list[list[Line]] = []
    left = list(blobs)
    while left:
        seed = left.pop(0)
        group = [seed]
        for other in list(left):
            if any(_neighbours(one, other) for one in group):
                group.append(other)
                left.remove(other)
        across = np.array([-seed.along[1], seed.along[0]])
        group.sort(key=lambda line: float((line.left + line.right) @ across))
        groups.append(group)
    return groups


def _neighbours(one: Line, other: Line) -> bool:
    """Whether the second lies above or below the first as lines of one zone do."""
    if abs(float(one.along @ other.along)) < np.cos(np.deg2rad(5)):
        return False
    apart = (other.left + other.right - one.left - one.right) / 2
    aside = abs(float(apart @ one.along))
    below = abs(float(one.along[0] * apart[1] - one.along[1] * apart[0]))
    height = (one.height + other.height) / 2
    longest = max(one.length, other.length)
    inside = aside + min(one.length, other.length) / 2 < 0.6 * longest
    return inside and 1.0 * height < below < 4.5 * height


@dataclass(frozen=True, slots=True)
class _Part:
    """A connected piece of ink: its box, in pixels of the strip."""

    left: int
    right: int
    middle: float
    height: int


def _measured(grey: Grey, group: Sequence[Line]) -> Zone | None:
    """Return the zone that a group of rough lines belongs to, measured by its characters."""
    strip, back = _strip(grey, group)
    ink = _ink(strip)
    parts = _parts(ink)
    there = cv2.invertAffineTransform(back)
    rough = [_moved(np.stack([line.left, line.right]), there) for line in group]
    fitted = [line for ends in rough if (line := _fitted(parts, ends)) is not None]
    if not fitted:
        return None
    pitches = [_pitch(ink, line) for line in fitted]
    width = _width(fitted, pitches)
    if width is None:
        return None
    lines = [
        _ended(line, pitch, fitted, width)
        for line, pitch in zip(fitted, pitches, strict=True)
        if _off(pitch, fitted, width) < FITS
    ]
    lines = _complete(parts, lines, width)
    if not lines:
        return None
    scale = float(np.hypot(back[0, 0], back[1, 0]))
    found = []
    for line in lines:
        left, right = _moved(np.stack([line.left, line.right]), back)
        found.append(Line(left, right, line.height * scale))
    return Zone(tuple(found), width)


def _strip(grey: Grey, group: Sequence[Line]) -> tuple[Grey, npt.NDArray[np.float64]]:
    """Return the surroundings of lines, level and with characters HIGH high, and the way back."""
    along = np.sum([line.along for line in group], axis=0)
    along = along / np.hypot(*along)
    across = np.array([-along[1], along[0]])
    ends = np.concatenate([[line.left, line.right] for line in group])
    height = float(np.median([line.height for line in group])) * 0.9
    u, v = ends @ along, ends @ across
    margin = 0.06 * (u.max() - u.min()) + height
    scale = HIGH / height
    start = along * (u.min() - margin) + across * (v.min() - 3 * height)
    size = (
        min(4000, max(1, round((u.max() - u.min() + 2 * margin) * scale))),
        min(1000, max(1, round((v.max() - v.min() + 6 * height) * scale))),
    )
    back = np.array(
        [
            [along[0] / scale, across[0] / scale, start[0]],
            [along[1] / scale, across[1] / scale, start[1]],
        ]
    )
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    strip = cv2.warpAffine(grey, back, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(strip, np.uint8), back


def _moved(points: npt.NDArray[np.floating], way: npt.NDArray[np.floating]) -> Points:
    return np.asarray(points @ way[:, :2].T + way[:, 2], np.float32)


def _parts(ink: Grey) -> list[_Part]:
    """Return the pieces of ink that may be characters, or several that touch, from the left."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    found = []
    for left, top, wide, high, area in boxes[1:]:
        if 0.5 * HIGH < high < 1.7 * HIGH and wide < 40 * HIGH and area > 0.08 * wide * high:
            found.append(_Part(int(left), int(left + wide), float(top + high / 2), int(high)))
    return sorted(found, key=lambda part: part.left)


def _fitted(parts: Sequence[_Part], ends: Points) -> Line | None:
    """Return the line through the characters near a rough one, from the first to the last."""
    slope = (ends[1][1] - ends[0][1]) / max(float(ends[1][0] - ends[0][0]), 1.0)
    height = float(ends[0][1] - slope * ends[0][0])
    mine: list[_Part] = []
    for near in (0.7, 0.45):
        mine = [
            part
            for part in parts
            if abs(part.middle - height - slope * (part.left + part.right) / 2) < near * HIGH
        ]
        mine = _chain(mine, float(ends[0][0]), float(ends[1][0]))
        if sum(part.right - part.left for part in mine) < 8 * HIGH:
            return None
        x = np.array([(part.left + part.right) / 2 for part in mine])
        y = np.array([part.middle for part in mine])
        spread = float(np.sum((x - x.mean()) ** 2))
        if spread < HIGH**2:
            return None
        slope = float(np.sum((x - x.mean()) * (y - y.mean()))) / spread
        height = float(y.mean() - slope * x.mean())
    first, last = float(mine[0].left), float(max(part.right for part in mine))
    return Line(
        np.array([first, height + slope * first], np.float32),
        np.array([last, height + slope * last], np.float32),
        float(np.median([part.height for part in mine])),
    )


def _chain(parts: Sequence[_Part], left: float, right: float) -> list[_Part]:
    """Return the parts without those that stand off from the line's middle by a wide gap."""
    gap = 2.6 * HIGH
    inside = [part for part in parts if left - gap < part.right and part.left < right + gap]
    runs: list[list[_Part]] = []
    for part in inside:
        if runs and part.left - max(one.right for one in runs[-1]) < gap:
            runs[-1].append(part)
        else:
            runs.append([part])
    wide = (right - left) / 5
    kept = [run for run in runs if run[-1].right - run[0].left > wide]
    return [part for run in kept for part in run]


def _pitch(ink: Grey, line: Line) -> float:
    """Return from one character of a level line to the next, by how often ink and paper change."""
    top = int(max(0, min(line.left[1], line.right[1]) - line.height / 2))
    bottom = int(max(line.left[1], line.right[1]) + line.height / 2) + 1
    profile = ink[top:bottom, int(line.left[0]) : int(line.right[0])].mean(axis=0)
    profile = (profile - profile.mean()) * np.hanning(len(profile))
    x = np.arange(len(profile))
    waves = 1 / np.linspace(0.75 * line.height, 1.7 * line.height, 240)
    power = np.abs(np.exp(-2j * np.pi * np.outer(waves, x)) @ profile)
    return float(1 / waves[int(np.argmax(power))])


def _width(lines: Sequence[Line], pitches: Sequence[float]) -> int | None:
    """Return how many characters stand in a line, by the ends that any of the lines has."""
    off = {width: [_off(pitch, lines, width) for pitch in pitches] for width in WIDTHS}
    votes = {width: sum(max(FITS - one, 0) for one in off[width]) for width in WIDTHS}
    best = max(WIDTHS, key=lambda width: votes[width])
    return best if votes[best] > 0 else None


def _off(pitch: float, lines: Sequence[Line], width: int) -> float:
    """Return by how many characters a width is missed by the best two ends."""
    return min(abs((right - left) / pitch + BETWEEN - width) for left, right in _ends(lines))


def _ends(lines: Sequence[Line]) -> list[tuple[float, float]]:
    return [(float(one.left[0]), float(other.right[0])) for one in lines for other in lines]


def _ended(line: Line, pitch: float, lines: Sequence[Line], width: int) -> Line:
    """Return a line with the ends that suit its width best: its own, or those of the others.

    Glare hides the end of a line; the edge of the page looks like one character more.
    """
    own = float(line.left[0]), float(line.right[0])

    def cost(ends: tuple[float, float]) -> float:
        off = abs((ends[1] - ends[0]) / pitch + BETWEEN - width)
        return off + 0.3 * (ends[0] != own[0]) + 0.3 * (ends[1] != own[1])

    left, right = min(_ends(lines), key=cost)
    return _between(line, left, right)


def _between(line: Line, left: float, right: float) -> Line:
    slope = float(line.along[1] / line.along[0])
    at = [float(line.left[1]) + slope * (x - float(line.left[0])) for x in (left, right)]
    return Line(
        np.array([left, at[0]], np.float32), np.array([right, at[1]], np.float32), line.height
    )


def _complete(parts: Sequence[_Part], lines: Sequence[Line], width: int) -> list[Line]:
    """Return as many lines as the form has; one that was overlooked is looked for."""
    wanted = next(number for number, wide in FORMS if wide == width)
    usual = max(line.length for line in lines)
    kept: list[Line] = []
    for line in sorted((line for line in lines if line.length > 0.9 * usual), key=_level):
        if not kept or _level(line) - _level(kept[-1]) > line.height:
            kept.append(line)
    if len(kept) == wanted:
        return kept
    if len(kept) > wanted:
        return kept[-wanted:]  # text above the zone is commoner than below it
    if len(kept) < wanted - 1:
        return []
    first, last = kept[0], kept[-1]
    step = _level(last) - _level(first) if len(kept) > 1 else 2.5 * usual / width
    middle = step > 3.3 * usual / width
    steps = [(first, step / 2)] if middle else [(first, -step), (last, step)]
    found = []
    for line, below in steps:
        fitted = _fitted(parts, np.stack([line.left, line.right]) + np.array([0, below]))
        if fitted is not None and fitted.length > 0.4 * usual:
            placed = _between(fitted, float(line.left[0]), float(line.right[0]))
            found.append((fitted.length, placed))
    if not found:
        return []
    return sorted([*kept, max(found, key=lambda one: one[0])[1]], key=_level)


def _level(line: Line) -> float:
    return float(line.left[1] + line.right[1]) / 2


def _same(one: Zone, other: Zone) -> bool:
    """Whether two zones are at the same place."""
    near = one.lines[0].height * 2
    return bool(
        len(one.lines) == len(other.lines)
        and np.hypot(*(one.lines[0].left - other.lines[0].left)) < near
        and np.hypot(*(one.lines[-1].right - other.lines[-1].right)) < near
    )
