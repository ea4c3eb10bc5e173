"""A learner's device that records on its own, without a browser: chunks, and their chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from invigilation.fill import Link
from invigilation.record import stamp
from invigilation.store.evidence import LOCAL, Evidence

SEGMENT = timedelta(seconds=20)
OVERLAP = timedelta(milliseconds=300)


def spelt(at: datetime) -> str:
    """Return a moment to the millisecond."""
    return stamp(at)[:-4] + "Z"


@dataclass
class Device:
    """Records segments one after another; `links` are as the wire carries them."""

    session: str
    recording: str = "lc_00112233445566ff"
    media_type: str = "video/webm"
    links: list[dict] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    head: str = ""
    films: Callable[[int], bytes] = lambda n: bytes([n % 251]) * (1_000 + n)
    """What a segment holds, by its number."""

    def __post_init__(self) -> None:
        said = f"invigilation-local/1\n{self.session}\n{self.recording}"
        self.head = hashlib.sha256(said.encode()).hexdigest()

    def segment(self, began: datetime, length: timedelta = SEGMENT, **changed: object) -> dict:
        """Record a segment; return its link."""
        n = len(self.links)
        data = self.films(n)
        said = {
            "from": spelt(began),
            "n": n,
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
            "to": spelt(began + length),
            "type": self.media_type,
            **changed,
        }
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        self.head = hashlib.sha256(bytes.fromhex(self.head) + text.encode()).hexdigest()
        self.links.append({**said, "head": self.head})
        self.chunks.append(data)
        return self.links[-1]

    def record(self, began: datetime, until: datetime) -> None:
        """Record segments from then until then, each a little into the next."""
        while began < until:
            self.segment(began, min(SEGMENT, until - began) + OVERLAP)
            began += SEGMENT

    def told(self, first: int = 0) -> list[Link]:
        """Return the links from number `first` on, as the desk takes them."""
        return [link_of(one) for one in self.links[first:]]

    def piece(self, n: int) -> Evidence:
        """Return the row of a chunk as the vault would have it."""
        one = self.links[n]
        began = datetime.fromisoformat(one["from"])
        ident = f"ev_{self.recording[-4:]}{n:04}"
        kind = (LOCAL, self.media_type, began)
        return Evidence(ident, self.session, *kind, one["sha256"], one["size"], None)


def link_of(one: dict) -> Link:
    """Return a link of its spelling."""
    began, ended = datetime.fromisoformat(one["from"]), datetime.fromisoformat(one["to"])
    return Link(one["n"], began, ended, one["sha256"], one["size"], one["type"], one["head"])
