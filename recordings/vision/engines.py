"""The engines that compute how alike two faces are.

An engine turns a face into numbers and compares them with another's; the numbers are let go at
once.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import dlib
import numpy as np
import numpy.typing as npt

from invigilation.likeness import Likeness
from recordings.vision import faces
from recordings.vision.calibration import Calibration
from recordings.vision.likeness import (
    NO_MODELS,
    Engine,
    LikenessSettings,
    LikenessUnfit,
    calibration,
    checked,
    digest_of,
    weights,
)

Numbers = npt.NDArray[np.float32]
SFACE_SURE = 0.8
"""YuNet's own score of a face, 0 to 1."""
SFACE_LONGEST = 800


class LikenessEngine(Protocol):
    """Turns a face into numbers, and says how alike two of these are."""

    @property
    def name(self) -> str:
        """Its name, as it is shown and recorded."""
        ...

    @property
    def model(self) -> str:
        """The SHA-256 of its weights: a calibration is good for these alone."""
        ...

    def numbers(self, picture: faces.Picture) -> Numbers | None:
        """Return the numbers of the largest face in a picture (blue, green, red), or None."""
        ...

    def scores(self, one: Numbers, others: Numbers) -> Numbers:
        """Return from 0 to 1 how alike a face is to each of others, which are rows of numbers."""
        ...


class DlibEngine:
    """dlib's residual network: 128 numbers, whose distance is below some 0.6 for one person.

    The score is 1 less the distance. Raises LikenessUnfit when `network` is missing or no model.
    """

    name = Engine.DLIB.value

    def __init__(self, network: Path) -> None:
        self.model = digest_of(network)
        try:
            self._network = dlib.face_recognition_model_v1(str(network))
        except RuntimeError:
            raise LikenessUnfit(f"{network.name} is no model that dlib can read.") from None
        points = faces.points_model()
        if points is None:
            raise LikenessUnfit(NO_MODELS)
        self._points = points

    def numbers(self, picture: faces.Picture) -> Numbers | None:
        """Return 128 numbers of the largest face, or None."""
        face = next(iter(faces.find(picture)), None)
        if face is None:
            return None
        seen = np.ascontiguousarray(picture[:, :, ::-1])
        found = self._network.compute_face_descriptor(seen, self._points(seen, faces.box(face)))
        return np.array(found, np.float32)

    def scores(self, one: Numbers, others: Numbers) -> Numbers:
        """Return 1 less the distances, 0 at least."""
        apart = np.linalg.norm(others - one, axis=1)
        return np.asarray(np.clip(1 - apart, 0, 1), np.float32)


class SFaceEngine:
    """OpenCV's YuNet finds the face, SFace makes 128 numbers of it; the score is their cosine.

    `detector` and `recogniser` are the ONNX files as bytes. Raises LikenessUnfit when OpenCV
    cannot read them.
    """

    name = Engine.SFACE.value

    def __init__(self, detector: bytes, recogniser: bytes) -> None:
        self.model = hashlib.sha256(recogniser).hexdigest()
        nothing = np.zeros(0, np.uint8)
        try:
            self._detector = cv2.FaceDetectorYN.create(
                "onnx", np.frombuffer(detector, np.uint8), nothing, (320, 320), SFACE_SURE
            )
            self._recogniser = cv2.FaceRecognizerSF.create(
                "onnx", np.frombuffer(recogniser, np.uint8), nothing
            )
        except cv2.error:
            raise LikenessUnfit("OpenCV cannot read the two files of SFace.") from None

    def numbers(self, picture: faces.Picture) -> Numbers | None:
        """Return 128 numbers of the largest face, or None."""
        scale = min(1.0, SFACE_LONGEST / max(picture.shape[:2]))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        self._detector.setInputSize((small.shape[1], small.shape[0]))
        _, found = self._detector.detect(small)
        if found is None or not len(found):
            return None
        largest = max(found, key=lambda row: float(row[2] * row[3]))
        upright = self._recogniser.alignCrop(small, largest)
        return np.asarray(self._recogniser.feature(upright), np.float32).ravel().copy()

    def scores(self, one: Numbers, others: Numbers) -> Numbers:
        """Return the cosines of the angles between them, 0 at least."""
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(one)
        cosines = others @ one / np.maximum(lengths, 1e-9)
        return np.asarray(np.clip(cosines, 0, 1), np.float32)


def likeness(portrait: bytes, face: bytes, settings: LikenessSettings) -> Likeness | None:
    """Return how alike the faces in two JPEGs are, or None where one of them shows no face.

    The engine stays loaded in the process. Some 0.2 s. Raises LikenessUnfit.
    """
    engine, known = opened(settings)
    numbers = [_numbers(engine, picture) for picture in (portrait, face)]
    one, other = numbers
    if one is None or other is None:
        return None
    score = round(float(engine.scores(one, other[np.newaxis])[0]), 3)
    if known is None:
        return Likeness(engine.name, score)
    return Likeness(engine.name, score, known.one_in(score), known.day)


@lru_cache(maxsize=2)
def opened(settings: LikenessSettings) -> tuple[LikenessEngine, Calibration | None]:
    """Return the engine, loaded, and its calibration; raises LikenessUnfit."""
    engine = open_engine(settings)
    return engine, calibration(settings, engine.model)


def open_engine(settings: LikenessSettings) -> LikenessEngine:
    """Return the engine, loaded; raises LikenessUnfit."""
    if settings.engine is Engine.DLIB:
        return DlibEngine(weights())
    detector, recogniser = checked(settings)
    return SFaceEngine(detector, recogniser)


def _numbers(engine: LikenessEngine, jpeg: bytes) -> Numbers | None:
    try:
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if picture is None else engine.numbers(picture)
