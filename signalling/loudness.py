"""How loud somebody is, by the level that browsers send beside their sound.

Source: RFC 6464. A level is in -dBov: 0 is the loudest, 127 is digital silence.
"""

from __future__ import annotations

from typing import Final

from invigilation.presence import Sound

HEARD_DBOV: Final = 45
"""A voice or a noise is louder than -45 dBov; a quiet room lies at -50 to -70."""
HEARD_FOR_S: Final = 3.0
SILENCE: Final = 127
MUTED_AFTER_S: Final = 10.0
"""A microphone that is on has noise of its own: so long a digital silence is a switch."""
NONE_AFTER_S: Final = 5.0


class Loudness:
    """Judges the sound of one participant, packet by packet; times are monotonic seconds."""

    def __init__(self) -> None:
        self._packet_at: float | None = None
        self._heard_at: float | None = None
        self._silent_since: float | None = None

    def packet(self, level: bytes | None, now: float) -> None:
        """Note a packet and what its header extension says; None: it has none."""
        self._packet_at = now
        if not level:
            self._silent_since = None
            return
        quietness = level[0] & 0x7F
        if quietness == SILENCE:
            if self._silent_since is None:
                self._silent_since = now
            return
        self._silent_since = None
        if quietness < HEARD_DBOV:
            self._heard_at = now

    def sound(self, now: float) -> Sound:
        """Judge by what has come until now."""
        if self._packet_at is None or now - self._packet_at >= NONE_AFTER_S:
            return Sound.NONE
        if self._heard_at is not None and now - self._heard_at < HEARD_FOR_S:
            return Sound.HEARD
        if self._silent_since is not None and now - self._silent_since >= MUTED_AFTER_S:
            return Sound.MUTED
        return Sound.QUIET
