"""What the first bytes of a VP8 frame say (RFC 6386, section 9.1)."""

from __future__ import annotations

_START_CODE = b"\x9d\x01\x2a"
_HEADER_BYTES = 10


def key_frame_size(frame: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels of a key frame, or None for anything else."""
    if len(frame) < _HEADER_BYTES or frame[0] & 1 or frame[3:6] != _START_CODE:
        return None
    # The two upper bits of each are a scaling hint for the display, not part of the size.
    width = int.from_bytes(frame[6:8], "little") & 0x3FFF
    height = int.from_bytes(frame[8:10], "little") & 0x3FFF
    return (width, height) if width and height else None
