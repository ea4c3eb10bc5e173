"""What is known of one session on one link, and how it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field

STEPS = ("joined", "ID", "admitted", "half an hour", "incident", "attested")
"""What a whole session is made of."""
OURS, STOCK = "ours", "stock"
UNKNOWN = "–"  # noqa: RUF001 - a dash in a table


@dataclass(slots=True)
class Figures:
    """One session on one link. None stands for what was not seen or cannot be had yet."""

    link: str
    system: str = OURS
    joined_s: float | None = None
    """From opening the room's page, with nothing cached, to "Connected"."""
    heard_s: float | None = None
    """Until both hear each other."""
    seen_s: float | None = None
    """Until the invigilator sees a first picture."""
    concealed: float | None = None
    """The share of the learner's sound that the invigilator's browser had to make up."""
    picture_median_s: float | None = None
    picture_longest_s: float | None = None
    picture: str = UNKNOWN
    a_second: float | None = None
    idle_ms: float | None = None
    rtt_ms: float | None = None
    rtt_p95_ms: float | None = None
    queue_ms: float | None = None
    """The mean wait of a packet of the learner's in the modem."""
    up_kbit: float | None = None
    down_kbit: float | None = None
    megabytes: float | None = None
    """Of the whole session, both ways."""
    document: str = UNKNOWN
    document_s: float | None = None
    whole_s: float | None = None
    """Until the document's picture was there in the camera's full size, not the stream's."""
    rung: str = UNKNOWN
    done: list[str] = field(default_factory=list)
    lasted_s: float | None = None
    """Of the stock system: from joining to the end of its connection, or of the watching."""
    lost: bool = False
    """Of the stock system: its connection ended by itself."""
    trouble: str = ""

    @property
    def inflation_ms(self) -> float | None:
        """How much longer a round trip takes while picture and sound are on the link."""
        if self.rtt_ms is None or self.idle_ms is None:
            return None
        return self.rtt_ms - self.idle_ms

    @property
    def outcome(self) -> str:
        """How far the session came; of the stock system, how long it was connected."""
        if self.system == STOCK:
            if self.lasted_s is None:
                return "never joined"
            return f"{'lost' if self.lost else 'connected'} after {self.lasted_s:.0f} s"
        left = [step for step in STEPS if step not in self.done]
        return f"stopped before: {left[0]}" if left else STEPS[-1]


@dataclass(slots=True)
class Outage:
    """One loss of the link: how long, and what came of it."""

    seconds: float
    system: str = OURS
    sound_s: float | None = None
    """From the link's return until sound is heard again."""
    picture_s: float | None = None
    state: str = UNKNOWN
    """The session's state after it."""
    told: bool | None = None
    """Both sides were told while it lasted."""
    lost_events: int | None = None
    """Of six lines that both wrote meanwhile, those that did not come exactly once."""
    gap: str = UNKNOWN
    filled_s: float | None = None
    """From the link's return until the gap was filled."""
    trouble: str = ""
