"""A still picture from the live video: one key frame, decoded at full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import av
import cv2

from recordings.errors import PictureUndecodable
from recordings.vp8 import key_frame_size

MAX_PIXELS = 3840 * 2160
MAX_FRAME_BYTES = 4 * 1024 * 1024
JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG and its size in pixels."""

    jpeg: bytes
    width: int
    height: int


def decode_key_frame(frame: bytes) -> Picture:
    """Return the picture that a VP8 key frame (RFC 6386) holds, as JPEG of quality 92.

    The size is checked before anything is decoded. Blocks for some 10 to 50 ms. Raises
    PictureUndecodable.
    """
    decoded = decode(frame)
    pixels = decoded.to_ndarray(format="bgr24")
    encoded, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not encoded:
        raise PictureUndecodable("it cannot be stored as JPEG")
    return Picture(jpeg.tobytes(), decoded.width, decoded.height)


def decode(frame: bytes) -> av.VideoFrame:
    """Return what a VP8 key frame holds; the size is checked first. Raises PictureUndecodable."""
    size = key_frame_size(frame)
    if size is None:
        raise PictureUndecodable("it is not a key frame")
    if len(frame) > MAX_FRAME_BYTES or size[0] * size[1] > MAX_PIXELS:
        raise PictureUndecodable("it is too large")
    try:
        decoder = av.CodecContext.create("vp8", "r")
        decoder.thread_count = 1
        pictures = [*decoder.decode(av.Packet(frame)), *decoder.decode(None)]
    except av.FFmpegError as error:
        raise PictureUndecodable("its bytes make no sense") from error
    if not pictures or (pictures[0].width, pictures[0].height) != size:
        raise PictureUndecodable("there is nothing in it")
    return pictures[0]
