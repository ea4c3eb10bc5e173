"""What the pool's workers do; loaded in their processes only, never in the server's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from time import monotonic

import cv2
import numpy as np
import numpy.typing as npt

from invigilation.document import DocumentKind
from invigilation.likeness import Likeness
from invigilation.mrz import vote
from invigilation.mrz.layout import form_of
from recordings.errors import PictureUndecodable
from recordings.vision import engines, faces, mrz
from recordings.vision.band import grey_of
from recordings.vision.capture import Picture
from recordings.vision.eye import SeenDocument, SeenFace
from recordings.vision.likeness import LikenessSettings
from recordings.vision.page import Page, outline, page_of
from recordings.vision.prints import face_print
from recordings.vision.upload import decode_pixels, decode_upload
from recordings.vision.watch import Small, decode_still, still_pixels

LEAST_SIDE = 40
"""Pixels of a picture's shorter side: it may be the zone alone."""
ALIKE = 3
"""When so many pictures gave the same lines, with all check digits right, the rest is left."""
PORTRAIT_QUALITY = 92
PORTRAIT_TRIES = 2
"""In so many pictures a portrait is looked for; the backs of cards have none."""
STILL_QUALITY = 80
WITHOUT_ZONE = frozenset({DocumentKind.DRIVING_LICENCE})

cv2.setNumThreads(1)


def draw(data: bytes) -> Picture:
    """Return the picture in a file, drawn anew. Raises PictureUndecodable."""
    return decode_upload(data)


def still(data: bytes) -> Picture:
    """Return a small picture of a live session, drawn anew. Raises PictureUndecodable."""
    pixels = still_pixels(data)
    encoded, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, STILL_QUALITY])
    if not encoded:
        raise PictureUndecodable("it cannot be stored")
    return Picture(jpeg.tobytes(), pixels.shape[1], pixels.shape[0])


def glance(data: bytes) -> Small:
    """Return a small picture of a live session, grey, to be judged. Raises PictureUndecodable."""
    return decode_still(data)


def document(
    pictures: Sequence[bytes], kind: DocumentKind | None, today: date, seconds: float
) -> SeenDocument:
    """Return what a burst of pictures says; after `seconds` no further picture is begun.

    One that cannot be looked at is passed over. When none can, the first one's error is raised.
    """
    end = monotonic() + seconds
    readings: list[tuple[str, ...]] = []
    portrait: bytes | None = None
    refused: Exception | None = None
    for place, data in enumerate(pictures):
        if readings and monotonic() > end:
            break
        share = monotonic() + (end - monotonic()) / (len(pictures) - place)
        try:
            pixels = decode_pixels(data, LEAST_SIDE)
            found = None if kind in WITHOUT_ZONE else _read(grey_of(pixels), share)
            readings.append(found.lines if found else ())
            if portrait is None and len(readings) <= PORTRAIT_TRIES:
                portrait = _portrait(pixels, found)
        except Exception as error:  # noqa: BLE001 - one bad picture must not spoil a burst
            refused = refused or error
            continue
        if found and found.whole and readings.count(found.lines) >= ALIKE:
            break
    if not readings and refused is not None:
        raise refused
    reading = vote(readings, today)
    if reading is not None or kind in WITHOUT_ZONE:
        return SeenDocument(reading, portrait)
    seen = any(readings)
    why = "the machine-readable zone is not clear enough" if seen else "no such zone was found"
    return SeenDocument(None, portrait, why)


def face(picture: bytes) -> SeenFace:
    """Return the largest face in a picture. Raises PictureUndecodable."""
    pixels = decode_pixels(picture, LEAST_SIDE)
    found = faces.find(pixels)
    aligned = faces.align(pixels, found[0]) if found else None
    return SeenFace(aligned, face_print(pixels), len(found))


def likeness(settings: LikenessSettings, portrait: bytes, face: bytes) -> Likeness | None:
    """Return how alike two faces are."""
    return engines.likeness(portrait, face, settings)


def _read(grey: npt.NDArray[np.uint8], until: float) -> mrz.ReadZone | None:
    return mrz.read(grey, lambda: monotonic() < until)


def _portrait(pixels: npt.NDArray[np.uint8], found: mrz.ReadZone | None) -> bytes | None:
    """Return the portrait on the page in a picture, as a JPEG."""
    for page in _pages(pixels, found):
        crop = faces.portrait(pixels, page)
        if crop is None:
            continue
        # Drawn as the face beside it is: only then can one be laid over the other.
        if (alike := faces.align(crop)) is not None:
            return alike
        encoded, jpeg = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, PORTRAIT_QUALITY])
        return jpeg.tobytes() if encoded else None
    return None


def _pages(pixels: npt.NDArray[np.uint8], found: mrz.ReadZone | None) -> Iterator[Page]:
    """Yield where the page may be, the likelier place first."""
    form = None if found is None else form_of(found.lines)
    if found is not None and form is not None:
        yield page_of(found.zone, form.value)
    by_edges = outline(grey_of(pixels))
    if by_edges is not None:
        yield by_edges
