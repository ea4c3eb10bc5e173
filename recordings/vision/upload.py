"""A picture that somebody sends: looked at before it is decoded, and drawn anew.

What is kept is a new JPEG of the pixels alone: nothing that came beside them (place, device,
previews, other files) goes along. A turned picture is set upright as its EXIF says.
"""

from __future__ import annotations

import re
import struct

import cv2
import numpy as np
import numpy.typing as npt

from recordings.errors import PictureUndecodable
from recordings.vision.capture import Picture

MAX_BYTES = 10 * 1024 * 1024
MAX_SIDE = 2_000
MIN_SIDE = 300
"""Of the shorter side; nobody reads a document on less."""
JPEG_QUALITY = 88
_MAX_PIXELS = {"jpeg": 52_000_000, "png": 26_000_000}
"""A camera of 50 megapixels may be used; a PNG is decoded whole, at 3 bytes a pixel."""
_PNG = b"\x89PNG\r\n\x1a\n"
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif")
_FRAMES = frozenset({*range(0xC0, 0xD0)}) - {0xC4, 0xC8, 0xCC}
"""The markers SOF of a JPEG (ITU-T T.81, table B.1)."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""The markers without a length."""
MAX_SCANS = 40
"""Programs write 10 or so; thousands of empty ones would keep the decoder busy for an hour."""
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""A marker, and not an FF among coded data (ITU-T T.81, B.1.1.5)."""
_REDUCED = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
)


def decode_upload(data: bytes) -> Picture:
    """Return the picture in a JPEG or PNG file as a JPEG of quality 88, 2,000 px at most.

    Its size is read from its header and judged before anything is decoded. Blocks for up to a
    second. Raises PictureUndecodable, whose `why` is a clause for the person who sent it.
    """
    pixels = decode_pixels(data)
    encoded, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not encoded:
        raise PictureUndecodable("it cannot be stored")
    return Picture(jpeg.tobytes(), pixels.shape[1], pixels.shape[0])


def decode_pixels(data: bytes, least: int = MIN_SIDE) -> npt.NDArray[np.uint8]:
    """Return the pixels (blue, green, red) of a JPEG or PNG file, as `decode_upload` judges it.

    `least` is of the shorter side, in pixels: a part cut out of a picture may be narrow.
    """
    if not data:
        raise PictureUndecodable("the file is empty")
    if len(data) > MAX_BYTES:
        raise PictureUndecodable("it is larger than 10 MB")
    kind = _kind(data)
    size = _png_size(data) if kind == "png" else _jpeg_size(data)
    if size is None:
        raise PictureUndecodable("the file is damaged")
    width, height = size
    if width * height > _MAX_PIXELS[kind]:
        raise PictureUndecodable("it has too many pixels: make it smaller")
    if min(width, height) < least:
        raise PictureUndecodable(f"it is too small to read: {width} by {height} pixels")
    if kind == "jpeg" and not data.rstrip(b"\0").endswith(b"\xff\xd9") and _cut(data):
        raise PictureUndecodable("the file is not whole")
    if kind == "jpeg" and _scans(data) > MAX_SCANS:
        raise PictureUndecodable("it is stored in too many steps: save it anew as a plain JPEG")
    return _pixels(data, kind, max(size))


def _kind(data: bytes) -> str:
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(_PNG):
        return "png"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF:
        raise PictureUndecodable(
            "it is a HEIC file, which we cannot read. Set your phone's camera to “Most "
            "compatible”, or send a JPEG"
        )
    raise PictureUndecodable("it is no JPEG or PNG file")


def _png_size(data: bytes) -> tuple[int, int] | None:
    """Return the size that a PNG's first chunk names (W3C PNG, 11.2.2); a cut file has none."""
    if len(data) < 24 or data[12:16] != b"IHDR" or b"IEND" not in data[-16:]:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return the size that a JPEG's frame header names (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in _FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return (width, height) if width and height else None
        else:
            length = struct.unpack(">H", data[at + 2 : at + 4])[0]
            if length < 2:
                return None
            at += 2 + length
    return None


def _scans(data: bytes) -> int:
    """Return in how many scans a JPEG is written; no more are counted than tell too many."""
    at, scans = 2, 0
    while scans <= MAX_SCANS:
        found = _MARKER.search(data, at)
        if found is None or found.end() + 2 > len(data) or found[0] == b"\xff\xd9":
            break
        at = found.end()
        if found[0] != b"\xff\x01":
            at += max(2, struct.unpack(">H", data[at : at + 2])[0])
        scans += found[0] == b"\xff\xda"
    return scans


def _cut(data: bytes) -> bool:
    """Whether a JPEG has no end at all; some cameras write more behind it."""
    return data.rfind(b"\xff\xd9") < len(data) // 2


def _pixels(data: bytes, kind: str, longest: int) -> npt.NDArray[np.uint8]:
    raw = np.frombuffer(data, np.uint8)
    how = cv2.IMREAD_COLOR
    if kind == "jpeg":
        # A large JPEG is decoded at a half, a quarter or an eighth: that much less to hold.
        how = next((flag for part, flag in _REDUCED if longest >= part * MAX_SIDE), how)
    try:
        pixels = cv2.imdecode(raw, how)
    except cv2.error as error:
        raise PictureUndecodable("the file is damaged") from error
    if pixels is None:
        raise PictureUndecodable("the file is damaged")
    height, width = pixels.shape[:2]
    scale = MAX_SIDE / max(width, height)
    if scale < 1:
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
    return np.asarray(pixels, np.uint8)
