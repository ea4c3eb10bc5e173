"""What the server knows of somebody's presence, and what is recorded of whom."""

from __future__ import annotations

from enum import StrEnum


class Signal(StrEnum):
    """What presence is judged by."""

    LINK = "link"
    PICTURE = "picture"
    SOUND = "sound"


class Link(StrEnum):
    """Whether packets of sound or picture come: `SILENT` while a connection stands without any.

    `POOR`: they come, but much is lost on the way or late.
    """

    LIVE = "live"
    POOR = "poor"
    SILENT = "silent"
    GONE = "gone"


class Sight(StrEnum):
    """What the picture is worth: `STOPPED` while sound alone comes, `NONE` without a connection.

    On a thin link there may be `STILLS` alone, single pictures some seconds apart, or voice and no
    picture at all, which is `WITHHELD`: neither is anybody's fault.
    """

    GOOD = "good"
    BLACK = "black"
    FROZEN = "frozen"
    LOOPING = "looping"
    """The same pictures come again and again."""
    STILLS = "stills"
    WITHHELD = "withheld"
    STOPPED = "stopped"
    NONE = "none"


class Sound(StrEnum):
    """What the sound is worth: `MUTED` is digital silence, `NONE` no sound at all."""

    HEARD = "heard"
    QUIET = "quiet"
    MUTED = "muted"
    NONE = "none"


class Source(StrEnum):
    """What a recording is of, as the kind of evidence that it is."""

    CAMERA = "recording"
    SCREEN = "screen_recording"
    SECOND = "second_recording"
    INVIGILATOR = "invigilator_recording"
    STILLS = "stills"
    """Single pictures, where the link carried no moving one."""
