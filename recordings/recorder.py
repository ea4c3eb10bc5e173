"""Records a learner's sound and picture as they arrive, without decoding them."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import NamedTuple

from invigilation.errors import NotFound
from recordings import webm
from recordings.appender import Appender, Stored
from recordings.mending import mend
from recordings.rtp_clock import RtpClock, Spot
from recordings.vault import Vault
from recordings.webm import AUDIO, VIDEO, Block

VIDEO_RATE = 90_000
AUDIO_RATE = 48_000
CLUSTER_SECONDS = 2.0
SHORTEST_CLUSTER_SECONDS = 0.5
MAX_CLUSTER_BYTES = 4 * 1024 * 1024
MAX_PACKET_BYTES = 1024 * 1024
MAX_WAITING_CLUSTERS = 8
AUDIO_PATIENCE_MS = 2_000
OFF_BEAT_MS = 40


class _Packet(NamedTuple):
    """A frame or packet that waits for its time in the file."""

    track: int
    spot: Spot
    key: bool
    data: bytes


class Recorder:
    """One recording: VP8 at 90 kHz and Opus at 48 kHz into a WebM object of the vault.

    `video` and `audio` are called on the loop and never block; about every 2 s a cluster goes
    to the recorder's own thread, which has it on the disk a moment later. When the disk cannot
    follow, clusters are dropped and counted. Time 0 of the file is `zero`, in seconds of the
    clock of every `received`. A track that never comes is not in the finished file.

    Call `start`, then `video` and `audio`, then `finish`, which may be called again. After a
    kill, `mend` finishes what is there.
    """

    def __init__(
        self,
        vault: Vault,
        session: str,
        evidence_id: str,
        zero: float,
    ) -> None:
        self._tape = _Tape(vault, session, evidence_id)
        self._zero = zero
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._free = BoundedSemaphore(MAX_WAITING_CLUSTERS)
        self._clocks = {VIDEO: RtpClock(VIDEO_RATE), AUDIO: RtpClock(AUDIO_RATE)}
        self._started = False
        self._ending: Future[Stored] | None = None
        self._waiting: list[_Packet] = []
        self._bytes = 0
        self._since = 0.0
        self._video_at = -1
        self._awaits_key = True
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many frames and packets were not recorded although they arrived in time."""
        return self._dropped + self._tape.lost

    @property
    def empty(self) -> bool:
        """Whether nothing was recorded yet: such a file is stored, but no player opens it."""
        return self._tape.empty

    @property
    def fault(self) -> Exception | None:
        """Why the recording stopped by itself (EvidenceStoreFull, say), or None."""
        return self._tape.fault

    async def start(self) -> None:
        """Open the object; raises EvidenceStoreFull or EvidenceExists."""
        try:
            await asyncio.wrap_future(self._thread.submit(self._tape.open))
        except BaseException:
            self._end()
            raise
        self._started = True

    def video(self, frame: bytes, rtp_timestamp: int, key_frame: bool, received: float) -> None:  # noqa: FBT001 - the live room calls it so
        """Take one whole VP8 frame; those before the first key frame are passed over."""
        if not self._started or self._ending is not None:
            return
        if self._waiting:
            self._cut(received, SHORTEST_CLUSTER_SECONDS if key_frame else CLUSTER_SECONDS)
        clock = self._clocks[VIDEO]
        spot = clock.observe(rtp_timestamp, received)
        if not frame or len(frame) > MAX_PACKET_BYTES:
            self._awaits_key = True
            self._dropped += 1
            return
        # A new connection's picture cannot build on the old one's.
        self._awaits_key = (self._awaits_key or clock.jumped) and not key_frame
        if not self._awaits_key:
            self._keep(_Packet(VIDEO, spot, key_frame, frame), received)

    def audio(self, packet: bytes, rtp_timestamp: int, received: float) -> None:
        """Take one Opus packet; what was lost before it becomes silence."""
        if not self._started or self._ending is not None:
            return
        if not packet or len(packet) > MAX_PACKET_BYTES:
            self._dropped += 1
            return
        if self._waiting:
            self._cut(received, CLUSTER_SECONDS)
        # The timestamp is that of its first sample: no packet leaves before its last.
        sampled = received - webm.opus_duration(packet) / 1000
        spot = self._clocks[AUDIO].observe(rtp_timestamp, sampled)
        self._keep(_Packet(AUDIO, spot, True, packet), received)

    async def finish(self) -> Stored:
        """End the recording, make it seekable, and return what is stored.

        The work goes on in its thread when the caller is cancelled; calling again waits for it.
        """
        if self._ending is None:
            self._flush()
        return await asyncio.shield(asyncio.wrap_future(self._end()))

    def _end(self) -> Future[Stored]:
        if self._ending is None:
            self._ending = self._thread.submit(self._tape.finish)
            self._thread.shutdown(wait=False)
        return self._ending

    def _keep(self, packet: _Packet, received: float) -> None:
        if not self._waiting:
            self._since = received
        self._waiting.append(packet)
        self._bytes += len(packet.data)

    def _cut(self, received: float, enough: float) -> None:
        """End the cluster when it is of `enough` seconds, or too large."""
        if received - self._since >= enough or self._bytes >= MAX_CLUSTER_BYTES:
            self._flush()

    def _flush(self) -> None:
        blocks = self._placed()
        if not blocks:
            return
        if self._tape.fault is not None or not self._free.acquire(blocking=False):
            self._dropped += len(blocks)
            self._awaits_key = True
            return
        writing = self._thread.submit(self._tape.write, blocks)
        writing.add_done_callback(lambda _: self._free.release())

    def _placed(self) -> list[Block]:
        """Return what waits, at its times in the file."""
        packets, self._waiting, self._bytes = self._waiting, [], 0
        for clock in self._clocks.values():
            clock.settle()
        blocks = []
        for packet in _in_order(packets):
            at = round((self._clocks[packet.track].place(packet.spot) - self._zero) * 1000)
            if packet.track == VIDEO:
                # Two frames never share a moment, not even when the clock was pulled forward.
                self._video_at = at = max(at, self._video_at + 1)
            blocks.append(Block(packet.track, max(0, at), packet.key, packet.data))
        return blocks


class _Tape:
    """The recorder's side in its thread: clusters in, an object of the vault out."""

    def __init__(self, vault: Vault, session: str, evidence_id: str) -> None:
        self._vault = vault
        self._session = session
        self._evidence_id = evidence_id
        self._appender: Appender | None = None
        self._audio_end = 0
        self._heard_until = 0
        self._written = 0
        self._has_audio = False
        self.fault: Exception | None = None
        self.empty = True
        self.lost = 0

    def open(self) -> None:
        self._appender = self._vault.open_append(self._session, self._evidence_id)
        self._appender.append(webm.live_header())

    def write(self, blocks: list[Block]) -> None:
        """Append the blocks as clusters in order of time; the first fault is the last."""
        if self._appender is None or self.fault is not None:
            self.lost += len(blocks)
            return
        try:
            ordered = self._continuous(sorted(blocks, key=lambda block: block.at))
            self._appender.append(webm.clusters(ordered))
            self._written = ordered[-1].at if ordered else self._written
            self.empty = False
        except Exception as error:  # noqa: BLE001 - kept for the room, which says so
            self.fault = error
            self.lost += len(blocks)

    def finish(self) -> Stored:
        if self._appender is None:
            raise NotFound("evidence", self._evidence_id)
        self._appender.close()
        return mend(self._vault, self._session, self._evidence_id)

    def _continuous(self, blocks: list[Block]) -> list[Block]:
        """Return the blocks with the sound without holes: late packets are left out, lost filled.

        A player goes on at once over a hole in the sound, and counts its samples, not its times.
        So packets follow each other exactly; where that is 40 ms off, by the drift of a clock,
        silence comes between or a packet is left out.
        """
        filled: list[Block] = []
        for block in blocks:
            if block.track == VIDEO:
                if self._has_audio:
                    filled += self._silence(block.at - AUDIO_PATIENCE_MS)
                filled.append(block)
                continue
            if not self._has_audio:
                # What is written already is not gone back to.
                self._has_audio, self._audio_end = True, self._written
            lasts = webm.opus_duration(block.data)
            late = block.at - self._audio_end
            if block.at < self._heard_until - lasts // 2 or late < -OFF_BEAT_MS:
                continue
            if block.at > self._heard_until + lasts // 2 or late > OFF_BEAT_MS:
                filled += self._silence(block.at)
            self._heard_until = block.at + lasts
            filled.append(Block(AUDIO, self._audio_end, True, block.data))
            self._audio_end += lasts
        return sorted(filled, key=lambda block: block.at)

    def _silence(self, until: int) -> list[Block]:
        silence = webm.silence(self._audio_end, until)
        self._audio_end += sum(webm.opus_duration(packet.data) for packet in silence)
        return silence


def _in_order(packets: list[_Packet]) -> list[_Packet]:
    """Return the packets of each connection in order of their media times."""
    lines: dict[int, int] = {}
    for packet in packets:
        lines.setdefault(id(packet.spot.line), len(lines))
    return sorted(packets, key=lambda packet: (lines[id(packet.spot.line)], packet.spot.media))
