"""What the pool's workers do; loaded in their processes only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import cv2

from invigilation.document import DocumentKind
from invigilation.likeness import Likeness
from recordings.vision.capture import Picture
from recordings.vision.eye import SeenDocument, SeenFace
from recordings.vision.upload import decode_upload

cv2.setNumThreads(1)


def draw(data: bytes) -> Picture:
    """Return the picture in a file, drawn anew. Raises PictureUndecodable."""
    return decode_upload(data)


def document(
    pictures: Sequence[bytes], kind: DocumentKind | None, today: date, seconds: float
) -> SeenDocument:
    """Return what a burst of pictures says."""
    return SeenDocument(None, None, "nothing was read")


def face(picture: bytes) -> SeenFace:
    """Return the largest face in a picture."""
    return SeenFace(None, 0, 0)


def likeness(settings: Any, portrait: bytes, face: bytes) -> Likeness | None:
    """Return how alike two faces are."""
    return None
