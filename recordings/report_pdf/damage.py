"""What recordings lack, in a few plain sentences: the service lost it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import groupby
from typing import Any

from recordings.report_pdf import words

MOST = 4
"""So many missing stretches are told; the attestation has them all."""


def damage(payload: Mapping[str, Any]) -> str:
    """Return what is missing; nothing where nothing is, or where an older attestation is silent."""
    told = [lack for one in payload.get("damaged") or [] for lack in _lacking(one)]
    if not told:
        return ""
    named = [
        f"{words.recording(kind)}, {', '.join(when for _, when in some)}"
        for kind, some in groupby(told[:MOST], key=lambda one: one[0])
    ]
    more = len(told) - MOST
    rest = [f"and {more} more, as the attached attestation says"] if more > 0 else []
    return (
        "The service lost some of what it recorded, which is not the learner's fault. "
        f"Missing (London): {'; '.join([*named, *rest])}."
    )


def _lacking(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the recording's kind with each time in which it lacks something."""
    kind, began = str(one["kind"]), words.instant(one["started"])
    if one["lost"] == "all":
        yield kind, f"the whole recording that was to begin at {words.clock(began)}"
    for hole in one["holes"]:
        if hole["since_ms"] is None:
            yield kind, f"a part of the recording that began at {words.clock(began)}"
            continue
        since = words.clock(began + timedelta(milliseconds=hole["since_ms"]))
        if hole["until_ms"] is None:
            yield kind, f"from {since} to the end of that recording"
        else:
            # Until the full second behind it.
            until = words.clock(began + timedelta(milliseconds=hole["until_ms"] + 999))
            yield kind, f"{since} to {until}"
