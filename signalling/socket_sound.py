"""Voices in pieces by the socket, for a learner to whom no media connection can be made.

A stream of pieces is one WebM (Opus), as a browser's recorder hands it out. It is read here once:
whoever comes late, or missed a piece, goes on with the stream's header and the next cluster; and
the packets in it go to the recording as those of a peer do.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Final

from invigilation.desk.room_view import RoomView
from invigilation.errors import Busy, InvalidInput, NotAllowed
from invigilation.session import LIVE
from signalling import messages as m
from signalling.bucket import Bucket
from signalling.means import Means
from signalling.messages import Party
from signalling.presence import SILENT_S
from signalling.seat import Seat
from signalling.stage import Stage
from signalling.stills import taken_at
from signalling.taps import MediaSink
from signalling.tracks import Track
from signalling.webm_pieces import Packet, Piece, PieceReader
from signalling.words import stamp

PIECES_A_SECOND: Final = 2.0
"""A page sends one a second."""
PIECES_AT_ONCE: Final = 8.0
FRAMES_WAITING: Final = 4
"""Who has so many frames to receive yet gets no sound: it would come too late."""
_KHZ: Final = 48
"""Opus counts 48 samples a millisecond (RFC 7587, 4.1)."""


class Voice:
    """One side's voice; towards a tape it is a source of sound alone."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._bucket = Bucket(PIECES_A_SECOND, PIECES_AT_ONCE, means.clock)
        self._stream = ""
        self._reader: PieceReader | None = None
        self._last = -1
        self._came: float | None = None
        self._sinks: list[MediaSink] = []

    def read(self, message: m.SoundPiece) -> Piece | None:
        """Read the next piece; None for one that was there already.

        Raises `InvalidInput` where a stream does not go on, so that a new one has to begin, and
        `Busy` for too many pieces.
        """
        if not self._bucket.take():
            raise Busy("way for sound")
        if message.stream != self._stream:
            self._begin(message)
        elif message.n <= self._last:
            return None
        if self._reader is None or message.n != self._last + 1:
            raise InvalidInput("n", "A piece is missing: begin a new stream.")
        try:
            piece = self._reader.feed(message.audio)
        except ValueError:
            self._reader = None
            raise InvalidInput("audio", "This is no WebM: begin a new stream.") from None
        self._last = message.n
        now = self._means.clock.monotonic()
        if piece.packets:
            self._came = now
        self._record(piece.packets, taken_at(message.at, self._means), now)
        return piece

    @property
    def header(self) -> bytes:
        """What a stream begins with, as far as it has come."""
        return b"" if self._reader is None else self._reader.header

    def packet_at(self, track: Track) -> float | None:
        """Return when the last piece with sound came, monotonic."""
        return self._came if track is Track.AUDIO else None

    def tap(self, sink: MediaSink, video: Track | None, audio: Track | None) -> Callable[[], None]:  # noqa: ARG002 - as a peer has it
        """Give the packets to a sink, too; calling what is returned ends that."""
        self._sinks.append(sink)
        return lambda: self._sinks.remove(sink)

    def _begin(self, message: m.SoundPiece) -> None:
        if message.n != 0:
            raise InvalidInput("stream", "Its beginning is missing: begin a new stream.")
        self._stream, self._last, self._reader = message.stream, -1, PieceReader()

    def _record(self, packets: tuple[Packet, ...], began: float, now: float) -> None:
        """Give packets to the recording, each as if it had come at the moment it was said."""
        for packet in packets:
            came = min(max(began, began + (packet.at - packets[0].at) / 1000), now)
            for sink in [*self._sinks]:
                sink.audio(packet.data, packet.at * _KHZ, came)


class SocketSound:
    """Passes the learner's voice on to the staff, and the invigilator's to the learner."""

    def __init__(self, session: str, means: Means, stage: Stage) -> None:
        self._session = session
        self._means = means
        self._stage = stage
        self._voices = {party: Voice(means) for party in (Party.LEARNER, Party.INVIGILATOR)}
        self._heard: dict[Party, dict[str, tuple[str, int]]] = {}
        """By speaker and connection: the last piece that it was sent."""

    def voice(self, party: Party) -> Voice:
        """Return the learner's voice, or the invigilator's."""
        return self._voices[party]

    async def take(self, seat: Seat, message: m.SoundPiece, view: RoomView) -> bool:
        """Take a piece, and pass it on; say whether there was sound in it.

        Raises `NotAllowed` when the session is not live, and as `Voice.read` does.
        """
        if view.session.state not in LIVE:
            raise NotAllowed("send sound before check-in, or when the session is over")
        voice = self._voices[seat.party]
        piece = voice.read(message)
        if piece is None:
            return False
        hearers = [*self._hearers(seat.party)]
        heard = self._heard.get(seat.party, {})
        self._heard[seat.party] = {sid: last for sid, last in heard.items() if sid in hearers}
        for sid in hearers:
            await self._pass_on(sid, seat.party, message, piece, voice.header)
        return bool(piece.packets)

    def _hearers(self, speaker: Party) -> Iterator[str]:
        """Yield the connections of those who hear somebody; who has media hears by them."""
        parties: tuple[Party, ...] = ()
        if speaker is Party.LEARNER:
            parties = (Party.INVIGILATOR, Party.SUPERVISOR)
        elif not self._has_media:
            parties = (Party.LEARNER,)
        for party in parties:
            person = self._stage[party].person
            if person is not None:
                yield person.sid

    @property
    def _has_media(self) -> bool:
        """Whether something comes from the learner by a connection, which then works both ways."""
        peer = self._stage[Party.LEARNER].peer
        last = None if peer is None else peer.last_packet_at
        return last is not None and self._means.clock.monotonic() - last < SILENT_S

    async def _pass_on(
        self, sid: str, party: Party, message: m.SoundPiece, piece: Piece, header: bytes
    ) -> None:
        audio = message.audio
        heard = self._heard[party]
        follows = heard.get(sid) == (message.stream, message.n - 1)
        if not follows and message.n:
            if piece.onward is None:
                return
            audio = header + piece.onward
        if self._means.outlet.waiting(sid) >= FRAMES_WAITING:
            return
        heard[sid] = (message.stream, message.n)
        body = {
            "session": self._session,
            "from": party.value,
            "stream": message.stream,
            "n": message.n,
            "at": stamp(message.at),
            "audio": b64encode(audio).decode(),
        }
        await self._means.outlet.send(sid, "sound", body)
