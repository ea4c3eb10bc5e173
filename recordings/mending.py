"""Finishes what a dead recorder left, so that it can be sought through.

Where a part of it was changed, all that still opens is kept: what comes behind the hole stays at
its time. Sound is filled with silence, for players count its samples; a picture begins again with a
key frame, for what builds on a lost one shows what nobody saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from invigilation.errors import NotFound
from invigilation.hole import Hole
from recordings import stills, webm
from recordings.appender import Stored
from recordings.errors import EvidenceDamaged, EvidenceStoreFull
from recordings.salvage import Lost
from recordings.vault import Vault
from recordings.webm import AUDIO, VIDEO, Block

MOST_HOLES = 100
"""Further ones are told as one."""

Items = Iterable[bytes | Lost]


def mend(vault: Vault, session: str, evidence_id: str) -> Stored:
    """Finish the recording of a dead recorder so that it can be sought through.

    Without room for a second copy, or if it is no recording of ours, it is finished as it lies.
    One that was damaged is finished without what does not open: `holes` says what that is. Blocks;
    raises Busy while the recorder lives, NotFound, EvidenceDamaged where nothing of it opens, and
    EvidenceStoreFull where one that was damaged has no room for its copy.
    """
    try:
        pieces = webm.finished(lambda: vault.records(session, evidence_id))
        return vault.settle(session, evidence_id, pieces)
    except (EvidenceStoreFull, NotFound, ValueError):
        try:
            return vault.recover(session, evidence_id)
        except EvidenceDamaged as damaged:
            return _salvaged(vault, session, evidence_id, damaged)
    except EvidenceDamaged as damaged:
        return _salvaged(vault, session, evidence_id, damaged)


def _salvaged(vault: Vault, session: str, evidence_id: str, damaged: EvidenceDamaged) -> Stored:
    """Finish an orphan with all that opens of it; what nothing opens of is `damaged`."""

    def items() -> Items:
        return vault.salvaged(session, evidence_id)

    try:
        first = next((item for item in items() if isinstance(item, bytes)), b"")
    except NotFound:
        raise damaged from None  # it is finished, and was damaged since
    holes: list[Hole] = []
    pieces: Iterable[bytes]
    if first == webm.live_header() or webm.is_cluster(first):
        pieces = webm.finished(lambda: _film(items(), holes))
    elif first.startswith(stills.BEGINNINGS):
        pieces = _pictures(items(), holes)
    else:
        raise damaged
    try:
        stored = vault.settle(session, evidence_id, pieces)
    except ValueError:
        raise damaged from None  # what opens is no recording of ours
    return replace(stored, holes=_told(holes))


@dataclass(slots=True)
class _Open:
    """A hole that has not ended: what it lacks was there before, and is not back."""

    size: int
    since: int
    lacks: set[int]


def _film(items: Items, holes: list[Hole]) -> Iterator[bytes]:
    """Yield a live film without what was lost of it; `holes` is what that is, anew each time."""
    holes.clear()
    mended = _Film(holes)
    yield webm.live_header()
    for number, item in enumerate(items):
        if number == 0 and item in (webm.live_header(), Lost(len(webm.live_header()))):
            continue  # nothing of it is missing, since it is always the same
        if isinstance(item, Lost):
            mended.lose(item.size)
        else:
            yield mended.piece(item)
    mended.end()


class _Film:
    """Follows a film from piece to piece."""

    def __init__(self, holes: list[Hole]) -> None:
        self._holes = holes
        self._open: _Open | None = None
        self._tracks: set[int] = set()
        self._until = 0
        self._heard_until: int | None = None
        self._awaits_key = self._awaits_sound = False

    def lose(self, size: int) -> None:
        """Hear that so much of it is lost here."""
        self._awaits_key = True
        self._awaits_sound = self._heard_until is not None
        if self._open is None:
            self._open = _Open(0, self._until, set())
        self._open.size += size
        self._open.lacks |= self._tracks

    def piece(self, data: bytes) -> bytes:
        """Return what comes next, as it can be played behind what was lost."""
        blocks, changed = list(webm.blocks(data)), self._awaits_key or self._awaits_sound
        kept: list[Block] = []
        for block in blocks:
            if block.track == VIDEO:
                self._awaits_key = self._awaits_key and not block.key
                if self._awaits_key:
                    continue
            elif self._awaits_sound and self._heard_until is not None:
                kept += webm.silence(self._heard_until, block.at)
                self._awaits_sound = False
            kept.append(block)
            self._follow(block)
        return webm.clusters(sorted(kept, key=lambda one: one.at)) if changed else data

    def end(self) -> None:
        """Hear that this was all: what is still missing is missing to the end."""
        if self._open is not None:
            self._holes.append(Hole(self._open.size, self._open.since, None))

    def _follow(self, block: Block) -> None:
        ends = block.at
        if block.track == AUDIO:
            ends += webm.opus_duration(block.data)
            self._heard_until = ends
        self._tracks.add(block.track)
        if self._open is not None:
            self._open.lacks.discard(block.track)
            if not self._open.lacks:
                self._holes.append(Hole(self._open.size, self._open.since, block.at))
                self._open = None
        self._until = max(self._until, ends)


def _pictures(items: Items, holes: list[Hole]) -> Iterator[bytes]:
    """Yield a file of stills without those that were lost."""
    yield stills.MAGIC
    for number, item in enumerate(items):
        if number == 0 and item in (stills.MAGIC, Lost(len(stills.MAGIC))):
            continue
        if isinstance(item, Lost):
            holes.append(Hole(item.size))
        else:
            yield item


def _told(holes: list[Hole]) -> tuple[Hole, ...]:
    """Return the holes, the last of too many as one."""
    if len(holes) <= MOST_HOLES:
        return tuple(holes)
    kept, rest = holes[: MOST_HOLES - 1], holes[MOST_HOLES - 1 :]
    last = Hole(sum(one.size for one in rest), rest[0].since, rest[-1].until)
    return (*kept, last)
