r"""A fill: what a learner's own device kept of a gap, and what a person made of it.

While a session runs, the learner's page records at a low rate and keeps it in segments, the chunks.
Each is a link of a chain whose newest end the page tells at once: what was told before an outage
cannot be changed after it. The chunks themselves come only where the service missed something.

```
head_(-1) = SHA-256("invigilation-local/1\n" + session + "\n" + recording)
head_n    = SHA-256(head_(n-1) || canonical JSON {"from", "n", "sha256", "size", "to", "type"})
```
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from invigilation.coverage import length, without
from invigilation.errors import InvalidInput, InvigilationError
from invigilation.gap import Gap
from invigilation.record import canonical
from invigilation.transitions import advance, can

FORMAT = "invigilation-local/1"
MARGIN = timedelta(seconds=2)
"""So far may a device's idea of our clock be off."""
REACHES_WITHIN = timedelta(seconds=60)
"""So long after a gap's end the segment that runs over it may still be told."""
YOUNG = timedelta(minutes=10)
"""A gap may be found so late: until then a device keeps what it has told."""
LASTS = timedelta(hours=72)
"""So long after a session's end chunks are taken."""
NOTE_LIMIT = 1_000
LONGEST = timedelta(seconds=60)
"""Of one chunk."""
AHEAD = timedelta(seconds=30)
"""So far may a chunk's end lie in the future: a page's idea of our clock is late, not early.

What is told earlier was not recorded then. It could be told before a gap that somebody makes."""


class WrongChain(InvigilationError):
    """What a device tells does not go on from what it told before."""

    code = "wrong_chain"

    def __init__(self, n: int) -> None:
        super().__init__(f"Link {n} does not follow on the chain that was told before.")


class NotWanted(InvigilationError):
    """The service has all that it needs of this time."""

    code = "not_wanted"

    def __init__(self) -> None:
        super().__init__("Nothing is missing here of the time that this chunk shows.")


class TooMuch(InvigilationError):
    """A device has told or brought more than one session may have."""

    code = "too_much"

    def __init__(self, of: str) -> None:
        super().__init__(f"This session has had too many {of} already.")


class FillState(StrEnum):
    """Where a fill stands: `PROMISED`, its chain was told; `PARTIAL`, the rest never came."""

    NONE = "none"
    PROMISED = "promised"
    ARRIVING = "arriving"
    COMPLETE = "complete"
    PARTIAL = "partial"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class FillEvent(StrEnum):
    """What can happen to a fill; it may be judged anew."""

    PROMISE = "promise"
    ARRIVE = "arrive"
    COMPLETE = "complete"
    RUN_OUT = "run_out"
    ACCEPT = "accept"
    REFUSE = "refuse"
    LAPSE = "lapse"


_S, _E = FillState, FillEvent
TABLE = {
    (_S.NONE, _E.PROMISE): _S.PROMISED,
    (_S.PROMISED, _E.PROMISE): _S.PROMISED,
    (_S.PROMISED, _E.ARRIVE): _S.ARRIVING,
    (_S.PROMISED, _E.RUN_OUT): _S.PARTIAL,
    (_S.ARRIVING, _E.PROMISE): _S.ARRIVING,
    (_S.ARRIVING, _E.ARRIVE): _S.ARRIVING,
    (_S.ARRIVING, _E.COMPLETE): _S.COMPLETE,
    (_S.ARRIVING, _E.RUN_OUT): _S.PARTIAL,
    # The gap ended sooner than was thought, so that nothing of the device lies in it.
    (_S.PROMISED, _E.LAPSE): _S.NONE,
    (_S.ARRIVING, _E.LAPSE): _S.NONE,
    (_S.COMPLETE, _E.LAPSE): _S.NONE,
    # A segment that was told after all the others had come.
    (_S.COMPLETE, _E.PROMISE): _S.ARRIVING,
    (_S.COMPLETE, _E.ACCEPT): _S.ACCEPTED,
    (_S.COMPLETE, _E.REFUSE): _S.REFUSED,
    (_S.PARTIAL, _E.ACCEPT): _S.ACCEPTED,
    (_S.PARTIAL, _E.REFUSE): _S.REFUSED,
    (_S.ACCEPTED, _E.ACCEPT): _S.ACCEPTED,
    (_S.ACCEPTED, _E.REFUSE): _S.REFUSED,
    (_S.REFUSED, _E.ACCEPT): _S.ACCEPTED,
    (_S.REFUSED, _E.REFUSE): _S.REFUSED,
}
UNSETTLED = frozenset({_S.NONE, _S.PROMISED, _S.ARRIVING, _S.COMPLETE})
"""More of it is taken."""
OUTSTANDING = frozenset({_S.PROMISED, _S.ARRIVING})
"""Something of it is still on the learner's device."""
JUDGEABLE = frozenset({_S.COMPLETE, _S.PARTIAL, _S.ACCEPTED, _S.REFUSED})


@dataclass(frozen=True, slots=True)
class Link:
    """A chunk as the device told it; `began` and `ended` are UTC, to the millisecond."""

    n: int
    began: datetime
    ended: datetime
    sha256: str
    size: int
    media_type: str
    head: str

    @property
    def said(self) -> dict[str, object]:
        """What of it goes into the chain."""
        return {
            "from": instant(self.began),
            "n": self.n,
            "sha256": self.sha256,
            "size": self.size,
            "to": instant(self.ended),
            "type": self.media_type,
        }

    def after(self, head: str) -> str:
        """Return the chain's head once this link follows `head`; both in hex."""
        return hashlib.sha256(bytes.fromhex(head) + canonical(self.said)).hexdigest()


@dataclass(frozen=True, slots=True)
class Chunk(Link):
    """A link that the service knows, since `told`; `evidence` is its id once it is here."""

    session: str
    recording: str
    told: datetime
    evidence: str | None = None

    @classmethod
    def of(cls, link: Link, session: str, recording: str, told: datetime) -> Chunk:
        """Return a chunk of which just the link was told."""
        said = (link.n, link.began, link.ended, link.sha256, link.size, link.media_type, link.head)
        return cls(*said, session, recording, told)


@dataclass(frozen=True, slots=True)
class Figures:
    """How much of a gap is promised, and here: chunks, bytes, and the gap's time they cover."""

    chunks: int
    here: int
    total: int
    have: int
    promised: timedelta
    covers: timedelta
    reaches: bool
    """The chain goes over the gap's end, so nothing more of it is to be expected."""


@dataclass(frozen=True, slots=True)
class Fill:
    """What came of a gap from the device, as figures; the note is of who judged it.

    `told` is when the last of its chain was told, `before` when the chain was last told before the
    gap began (None: not all of it is of a chain that had been), `arrived` when the newest chunk
    came. `evidence` are those that are here, by their beginning.
    """

    gap: str
    session: str
    state: FillState = FillState.NONE
    chunks: int = 0
    here: int = 0
    total: int = 0
    have: int = 0
    promised: timedelta = timedelta(0)
    covers: timedelta = timedelta(0)
    told: datetime | None = None
    before: datetime | None = None
    arrived: datetime | None = None
    evidence: tuple[str, ...] = ()
    note: str = ""
    judged_by: str | None = None
    judged_at: datetime | None = None

    def after(self, event: FillEvent) -> Fill:
        """Return the fill after `event`; raises `IllegalTransition`."""
        return replace(self, state=advance(TABLE, "fill", self.state, event))

    def seen(self, gap: Gap, known: Sequence[Chunk], now: datetime) -> Fill:
        """Return the fill as it stands by the chunks of the session that are `known` now.

        A settled one stays as it is.
        """
        if self.state not in UNSETTLED:
            return self
        mine = sorted(wanted([gap], known), key=lambda one: (one.began, one.recording, one.n))
        if not mine:
            lapses = can(TABLE, self.state, _E.LAPSE)
            return (
                replace(Fill(self.gap, self.session), state=self.after(_E.LAPSE).state)
                if lapses
                else self
            )
        found = figures(gap, mine)
        here = [one for one in mine if one.evidence is not None]
        after = replace(
            self,
            chunks=found.chunks,
            here=found.here,
            total=found.total,
            have=found.have,
            promised=found.promised,
            covers=found.covers,
            told=max(one.told for one in mine),
            before=_told_before(gap, mine, known),
            arrived=now if found.here > self.here else self.arrived,
            evidence=tuple(one.evidence for one in here if one.evidence is not None),
        )
        if found.chunks > self.chunks:
            after = after.after(_E.PROMISE)
        if found.here > self.here:
            after = after.after(_E.ARRIVE)
        over = gap.ended is not None and (found.reaches or now >= gap.ended + REACHES_WITHIN)
        if after.state is _S.ARRIVING and over and found.here == found.chunks:
            after = after.after(_E.COMPLETE)
        return after

    def judged(self, *, accepted: bool, note: str, by: str, at: datetime) -> Fill:
        """Return the fill as somebody judged it; what is not accepted has a reason.

        Raises `InvalidInput`, and `IllegalTransition` while something is to come.
        """
        note = note.strip()
        if len(note) > NOTE_LIMIT or not (note or accepted):
            raise InvalidInput("note", f"Give a reason of 1 to {NOTE_LIMIT:,} letters.")
        if accepted and not self.here and can(TABLE, self.state, _E.ACCEPT):
            raise InvalidInput("accepted", "Nothing of it came: there is nothing to accept.")
        after = self.after(_E.ACCEPT if accepted else _E.REFUSE)
        return replace(after, note=note, judged_by=by, judged_at=at)


def genesis(session: str, recording: str) -> str:
    """Return the head (hex) of a recording's chain before its first link."""
    return hashlib.sha256(f"{FORMAT}\n{session}\n{recording}".encode()).hexdigest()


def instant(at: datetime) -> str:
    """Return a moment as chains spell it: RFC 3339, UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def follow(links: Sequence[Link], head: str, before: Link | None, now: datetime) -> None:
    """Check that links follow `before`, whose chain has come to `head`, as time does.

    Raises `WrongChain`, and `InvalidInput` for times that cannot be.
    """
    for link in links:
        head = link.after(head)
        if head != link.head:
            raise WrongChain(link.n)
        ascending = before is None or (before.began < link.began and before.ended < link.ended)
        short = link.began < link.ended <= link.began + LONGEST
        if not (ascending and short and link.ended <= now + AHEAD):
            raise InvalidInput("links", f"The times of link {link.n} cannot be right.")
        before = link


def droppable(told: Sequence[Chunk], needed: Collection[int], now: datetime, *, over: bool) -> int:
    """Return below which number a device needs nothing of a recording any more.

    `told` is all of it, in order; `needed` are the chunks that are wanted and not here. Once the
    session is over, no more gaps are found.
    """
    for one in told:
        young = not over and one.evidence is None and one.told > now - YOUNG
        if one.n in needed or young:
            return one.n
    return len(told)


def overlaps(one: Link, gap: Gap) -> bool:
    """Say whether a chunk shows something of a gap, as far as the two clocks can tell."""
    return one.ended > gap.began - MARGIN and (gap.ended is None or one.began < gap.ended + MARGIN)


def wanted(gaps: Collection[Gap], known: Iterable[Chunk]) -> list[Chunk]:
    """Return the chunks that show something of these gaps."""
    return [one for one in known if any(overlaps(one, gap) for gap in gaps)]


def figures(gap: Gap, mine: Sequence[Chunk]) -> Figures:
    """Work out how much of a gap its chunks are."""
    here = [one for one in mine if one.evidence is not None]
    return Figures(
        len(mine),
        len(here),
        sum(one.size for one in mine),
        sum(one.size for one in here),
        covered(gap, mine),
        covered(gap, here),
        gap.ended is not None and any(one.ended >= gap.ended - MARGIN for one in mine),
    )


def _told_before(gap: Gap, mine: Collection[Chunk], known: Collection[Chunk]) -> datetime | None:
    """Return when, before a gap began, each recording of its chunks had last been told of.

    Of several that is the earliest; None where one had not been told of. A chain that was told
    before says nothing of another one, which may have been made up afterwards.
    """
    last: dict[str, datetime | None] = dict.fromkeys(one.recording for one in mine)
    for one in known:
        if one.recording in last and one.told <= gap.began:
            last[one.recording] = max(one.told, last[one.recording] or one.told)
    told = [at for at in last.values() if at is not None]
    return min(told) if len(told) == len(last) else None


def covered(gap: Gap, chunks: Iterable[Link]) -> timedelta:
    """Return how much of a gap's time these chunks show; up to the newest, while it is open."""
    spans = [(one.began, one.ended) for one in chunks]
    last = gap.ended or max((ended for _, ended in spans), default=gap.began)
    whole = [(gap.began, max(last, gap.began))]
    return length(whole) - length(without(whole, spans))
