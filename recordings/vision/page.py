"""Where a document's page lies in a picture: by its machine-readable zone, or by its outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from recordings.vision.band import Grey, Points, Zone, sized

SIZES_MM = {
    "TD1": (85.6, 54.0),
    "TD2": (105.0, 74.0),
    "TD3": (125.0, 88.0),
    "MRV-A": (120.0, 80.0),
    "MRV-B": (105.0, 74.0),
}
"""Width and height (ICAO 9303 parts 3 to 7)."""
PITCH_MM = 2.54
"""From one character of the zone to the next."""
LOWEST_MM = {"TD1": 6.5}
"""From the middle of the zone's last line to the lower edge."""
LOWEST_ELSE_MM = 9.4
OUTLINED = 640
"""Pixels of the longer side in which an outline is looked for."""
LEAST_SHARE = 0.12
"""Of the picture; a smaller page could not be read anyway."""
RATIOS = (1.2, 1.85)
"""Width to height, of cards and of pages of passports, leaning a little."""


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A page in a picture.

    `corners` are pixels, of shape (4, 2): clockwise from the page's own top left, as it is read.
    `form` is TD1, TD2, TD3, MRV-A or MRV-B, and empty where only the outline is known: then the
    page is taken to be upright.
    """

    form: str
    corners: Points


def page_of(zone: Zone, form: str) -> Page:
    """Return the page whose machine-readable zone was read.

    The zone's lines give place, size and direction. They are too near to each other to give the
    perspective, too: a page that leans much has its far corners off by some millimetres.
    """
    wide, high = SIZES_MM[form]
    lowest = LOWEST_MM.get(form, LOWEST_ELSE_MM)
    middle = np.mean([(line.left + line.right) / 2 for line in zone.lines[-1:]], axis=0)
    along = np.mean([line.along for line in zone.lines], axis=0)
    along = along / np.hypot(*along)
    down = np.array([-along[1], along[0]])
    pitch = float(np.mean([line.length for line in zone.lines])) / (zone.width - 0.3)
    unit = pitch / PITCH_MM
    bottom = middle + down * lowest * unit
    half, up = along * wide / 2 * unit, down * high * unit
    corners = [bottom - half - up, bottom + half - up, bottom + half, bottom - half]
    return Page(form, np.asarray(corners, np.float32))


def outline(grey: Grey) -> Page | None:
    """Return the page whose four edges stand out from what is behind it, or None.

    For documents without a zone, and fronts of cards. Which side is up is not known.
    """
    small, scale = sized(grey, OUTLINED)
    soft = cv2.bilateralFilter(small, 7, 40, 5)
    best: Points | None = None
    most = LEAST_SHARE * small.size
    for low, high, gap in ((20, 60, 3), (50, 130, 3), (20, 60, 9), (50, 130, 9), (8, 25, 5)):
        edges = cv2.Canny(soft, low, high)
        edges = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
        edges = cv2.dilate(edges, np.ones((3, 3), np.uint8))
        lines, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        for line in lines:
            corners = _four(line)
            if corners is not None and (area := float(cv2.contourArea(corners))) > most:
                best, most = corners, area
    if best is None:
        return None
    return Page("", np.asarray(best / scale, np.float32))


def _four(line: Sequence[int]) -> Points | None:
    """Return the four corners of a closed line that is a page's, clockwise from the top left."""
    hull = cv2.convexHull(np.asarray(line))
    near = cv2.approxPolyDP(hull, 0.03 * cv2.arcLength(hull, closed=True), closed=True)
    if len(near) != 4:
        return None
    corners = np.asarray(near, np.float32).reshape(4, 2)
    middle = corners.mean(axis=0)
    turn = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    corners = corners[np.argsort(turn)]  # clockwise on the screen, from the top left
    top = np.hypot(*(corners[1] - corners[0])) + np.hypot(*(corners[2] - corners[3]))
    side = np.hypot(*(corners[3] - corners[0])) + np.hypot(*(corners[2] - corners[1]))
    return corners if RATIOS[0] < top / max(side, 1.0) < RATIOS[1] else None
