"""What a recording lacks because it was damaged, in words."""

from __future__ import annotations

from collections.abc import Iterable

from invigilation.hole import Hole


def told(holes: Iterable[Hole]) -> str:
    """Return "Damaged: sound or picture is missing from 0:04 to 0:07, and from 1:00:05 on"."""
    known = [one for one in holes if one.since is not None]
    if not known:
        return "Damaged: a part of it is missing"
    return f"Damaged: sound or picture is missing {', and '.join(map(_span, known))}"


def _span(hole: Hole) -> str:
    since = _clock(hole.since or 0)
    if hole.until is None:
        return f"from {since} on"
    return f"from {since} to {_clock(hole.until + 999)}"  # the full second behind it


def _clock(ms: int) -> str:
    """Return a time of a player: "4:06" or "1:00:05"."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
