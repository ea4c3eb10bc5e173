"""What the server finds of a learner's presence, tick by tick; no clock, no socket, no desk.

Three signals: the link (do packets come, and how well), the picture (is it worth looking at) and
the sound. Each is shown as it changes, and recorded once it has held for a while, so that a link
that flutters does not fill the record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from invigilation.ladder import Rung
from invigilation.presence import Link, Sight, Signal, Sound
from signalling.quality import LinkQuality

SILENT_S: Final = 5.0
"""Nothing came for so long: the link is silent, or the picture has stopped."""
SOCKET_SILENT_S: Final = 10.0
"""Pieces by the socket wait for whatever was lost before them: this is the same for them."""
STILL_S: Final = 12.0
"""A still shows somebody for so long; they come every two to five seconds, or later."""
WITHOUT_PICTURE: Final = frozenset({Rung.SOUND, Rung.TEXT})
HOLD_S: Final = 3.0
"""A state is recorded when it has held for so long: of one signal, never more than one a second."""
CALM_S: Final = 2.0
"""Between a voice and quiet, people are told of a change no oftener."""
POOR_LOSS: Final = 0.05
"""More than this lost for good is heard: words get holes, and a picture is mended late."""
FINE_LOSS: Final = 0.02
POOR_RTT_S: Final = 1.5
"""Two people talk over one another. A geostationary satellite alone takes 0.55 to 0.8 s."""
FINE_RTT_S: Final = 1.2
POOR_S: Final = 5.0
"""A link is poor when it has been so for so long: a single burst is over by then."""
FINE_S: Final = 10.0
"""And good again after so long: longer, so that people are not told to and fro."""
TALK: Final = frozenset({Sound.HEARD, Sound.QUIET})
COMING: Final = frozenset({Link.LIVE, Link.POOR})
SEEN: Final = frozenset({*Sight} - {Sight.NONE})


class Sign(StrEnum):
    """What comes by the socket. A still that came before, to the last bit, is a `REPEAT`."""

    STILL = "still"
    REPEAT = "repeat"
    SOUND = "sound"


@dataclass(slots=True)
class Signs:
    """When something of somebody last came by the socket, monotonic; None: nothing has.

    `since`: from when on it has come without a pause. A repeated still is no sign of anybody.
    """

    since: float | None = None
    still: float | None = None
    sound: float | None = None
    repeat: float | None = None

    @property
    def last(self) -> float | None:
        """When the last still or sound came."""
        return later(self.still, self.sound)

    def came(self, now: float, sign: Sign) -> None:
        """Note that something has come."""
        if sign is Sign.REPEAT:
            self.repeat = now
            return
        if not self.fresh(now):
            self.since = now
        if sign is Sign.STILL:
            self.still = now
        else:
            self.sound = now

    def fresh(self, now: float) -> bool:
        """Say whether something comes now."""
        return self.last is not None and now - self.last < SOCKET_SILENT_S


def later(one: float | None, other: float | None) -> float | None:
    """Return the later of two moments that may not be."""
    return max((at for at in (one, other) if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the learner's peer says at a tick.

    `now` is monotonic, `at` the same moment as people count it. Of `since` on there is a
    connection (None: there is none); `packet`, `sound_packet` and `picture_packet` are when the
    last came over it, or `still` by the socket. `running`: the assessment's clock runs. `quality`
    is that of the way from the learner; None: nothing is known of it. `rung` is what their page
    sends, `patience` after how many seconds of nothing a link counts as silent. `repeat` is when a
    still last came that had come before.
    """

    now: float
    at: datetime
    since: float | None
    packet: float | None
    sound_packet: float | None
    picture_packet: float | None
    sound: Sound
    running: bool
    quality: LinkQuality | None = None
    still: float | None = None
    rung: Rung | None = None
    patience: float = SILENT_S
    repeat: float | None = None

    def moment(self, then: float) -> datetime:
        """Return the moment that a monotonic time was."""
        return self.at - timedelta(seconds=max(self.now - then, 0.0))

    @property
    def stills(self) -> Sight | None:
        """What the stills are worth; None while none come."""
        for at, sight in ((self.still, Sight.STILLS), (self.repeat, Sight.FROZEN)):
            if at is not None and self.now - at < STILL_S:
                return sight
        return None

    def fresh(self, packet: float | None) -> bool:
        """Say whether a packet is recent."""
        return packet is not None and self.now - packet < self.patience


@dataclass(frozen=True, slots=True)
class Noted:
    """A signal has changed, and stayed so: this belongs into the record."""

    signal: Signal
    state: StrEnum


@dataclass(frozen=True, slots=True)
class GapBegan:
    """Nothing has come since `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class GapEnded:
    """Sound or picture has come again at `at`."""

    at: datetime


Finding = Noted | GapBegan | GapEnded


@dataclass(slots=True)
class Steady:
    """Lets a state through once it has held; says no state twice."""

    recorded: StrEnum | None = None
    _candidate: StrEnum | None = None
    _since: float = 0.0

    def held(self, state: StrEnum, now: float) -> bool:
        """Say whether this state is new and has held long enough; it then counts as recorded."""
        if state == self.recorded:
            self._candidate = None
            return False
        if state != self._candidate:
            self._candidate, self._since = state, now
            return False
        if now - self._since < HOLD_S:
            return False
        self.recorded, self._candidate = state, None
        return True

    def unsure(self) -> None:
        """Forget what was about to be recorded."""
        self._candidate = None


@dataclass(slots=True)
class Strain:
    """Whether a link that carries something is `poor`; it is slow to say so, slower to unsay it."""

    poor: bool = False
    _since: float | None = None

    def see(self, quality: LinkQuality, now: float) -> None:
        """Take a measurement; between both thresholds everything stays as it is."""
        if self.poor:
            turns = quality.loss < FINE_LOSS and quality.rtt_s < FINE_RTT_S
        else:
            turns = quality.loss > POOR_LOSS or quality.rtt_s > POOR_RTT_S
        if not turns:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since >= (FINE_S if self.poor else POOR_S):
            self.poor, self._since = not self.poor, None

    def unsure(self) -> None:
        """Begin to measure anew: nothing comes now."""
        self._since = None


@dataclass(slots=True)
class Presence:
    """One learner's presence in one room that opened at `opened`, monotonic."""

    opened: float
    link: Link = Link.GONE
    picture: Sight = Sight.NONE
    sound: Sound = Sound.NONE
    silent_since: datetime | None = None
    """The time of the last packet, while none come and some have come before."""
    _last: float | None = None
    _strain: Strain = field(default_factory=Strain)
    _looked: Sight = Sight.GOOD
    _looked_still: Sight = Sight.GOOD
    _sound_told: float = float("-inf")
    _records: dict[Signal, Steady] = field(
        default_factory=lambda: {
            Signal.LINK: Steady(Link.GONE),
            Signal.PICTURE: Steady(),
            Signal.SOUND: Steady(Sound.HEARD),
        }
    )

    def see(self, reading: Reading, *, gap: bool) -> list[Finding]:
        """Take a reading; return what has to be done. `gap`: the desk has an open one."""
        self._see_link(reading)
        self.picture = self._sight(reading)
        self._hear(reading)
        return [*self._gaps(reading, gap=gap), *self._notes(reading.now)]

    def looked(self, sight: Sight, *, still: bool = False) -> None:
        """Take what a look at the picture, or at a still, has found; it holds until the next."""
        if still:
            self._looked_still = sight
        else:
            self._looked = sight

    @property
    def last_packet(self) -> float | None:
        """When the last packet came, over whichever connection; monotonic."""
        return self._last

    def _see_link(self, reading: Reading) -> None:
        if reading.packet is not None:
            self._last = max(reading.packet, self._last or reading.packet)
        self.link = self._judge(reading)
        if self._comes or self._last is None:
            self.silent_since = None
        elif self.silent_since is None:
            self.silent_since = reading.moment(self._last)

    def _judge(self, reading: Reading) -> Link:
        if reading.since is None:
            self._strain = Strain()  # what comes next may be another network
            return Link.GONE
        if not reading.fresh(self._last):
            self._strain.unsure()
            return Link.SILENT
        if reading.quality is not None:
            self._strain.see(reading.quality, reading.now)
        return Link.POOR if self._strain.poor else Link.LIVE

    @property
    def _comes(self) -> bool:
        """Whether sound or picture comes, however well."""
        return self.link in COMING

    def _sight(self, reading: Reading) -> Sight:
        if not self._comes or reading.since is None:
            return Sight.NONE
        if reading.fresh(reading.picture_packet):
            self._looked_still = Sight.GOOD
            return self._looked
        self._looked = Sight.GOOD  # what comes next is another picture
        stills = self._sight_of(reading.stills)
        if stills is not None:
            return stills
        if reading.rung in WITHOUT_PICTURE:
            return Sight.WITHHELD
        last = later(reading.picture_packet, reading.still) or reading.since
        waited = reading.now - max(reading.since, last)
        patience = STILL_S if reading.rung is Rung.STILLS else SILENT_S
        if reading.fresh(reading.sound_packet) and waited >= patience:
            return Sight.STOPPED
        return self.picture

    def _sight_of(self, stills: Sight | None) -> Sight | None:
        if stills is None:
            self._looked_still = Sight.GOOD
        if stills is Sight.STILLS and self._looked_still is not Sight.GOOD:
            return self._looked_still
        return stills

    def _hear(self, reading: Reading) -> None:
        heard = reading.sound if self._comes else Sound.NONE
        flutter = {heard, self.sound} == TALK
        if heard is self.sound or (flutter and reading.now - self._sound_told < CALM_S):
            return
        self.sound, self._sound_told = heard, reading.now

    def _gaps(self, reading: Reading, *, gap: bool) -> list[Finding]:
        if gap and self._comes and reading.packet is not None:
            return [GapEnded(reading.moment(reading.packet))]
        last = self.opened if self._last is None else self._last
        if not gap and reading.running and reading.now - last >= reading.patience:
            return [GapBegan(reading.moment(last))]
        return []

    def _notes(self, now: float) -> list[Finding]:
        found: list[Finding] = []
        if self._records[Signal.LINK].held(self.link, now):
            found.append(Noted(Signal.LINK, self.link))
        if self.picture not in SEEN:
            self._records[Signal.PICTURE].unsure()
        elif self._records[Signal.PICTURE].held(self.picture, now):
            found.append(Noted(Signal.PICTURE, self.picture))
        if self._records[Signal.SOUND].held(self._muted(), now):
            found.append(Noted(Signal.SOUND, self.sound))
        return found

    def _muted(self) -> Sound:
        """Of the sound, only whether it is muted is recorded; no sound at all changes nothing."""
        recorded = self._records[Signal.SOUND].recorded
        if self.sound is Sound.NONE:
            return Sound.MUTED if recorded == Sound.MUTED else Sound.HEARD
        return Sound.MUTED if self.sound is Sound.MUTED else Sound.HEARD
