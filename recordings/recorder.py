"""Records a learner's sound and picture as they arrive, without decoding them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore

from invigilation.errors import NotFound
from recordings import webm
from recordings.appender import Appender, Stored
from recordings.errors import EvidenceStoreFull
from recordings.rtp_clock import RtpClock
from recordings.vault import Vault
from recordings.webm import AUDIO, VIDEO, Block

VIDEO_RATE = 90_000
AUDIO_RATE = 48_000
CLUSTER_SECONDS = 2.0
SHORTEST_CLUSTER_SECONDS = 0.5
MAX_CLUSTER_BYTES = 4 * 1024 * 1024
MAX_PACKET_BYTES = 1024 * 1024
MAX_WAITING_CLUSTERS = 8
CLUSTER_SPAN_MS = 5_000
AUDIO_PATIENCE_MS = 2_000
SILENCE_MS, LONG_SILENCE_MS = 20, 120
# Opus packets of silence (RFC 6716): one stereo CELT frame of 20 ms, and six of them in one.
SILENCE = b"\xfc\xff\xfe"
LONG_SILENCE = b"\xff\x06" + 6 * b"\xff\xfe"


class Recorder:
    """One recording: VP8 at 90 kHz and Opus at 48 kHz into a WebM object of the vault.

    `video` and `audio` are called on the loop and never block; about every 2 s a cluster goes
    to the recorder's own thread, which has it on the disk a moment later. When the disk cannot
    follow, clusters are dropped and counted. Time 0 of the file is the moment of `start`, by
    `clock_monotonic`, the clock of every `received`.

    Call `start`, then `video` and `audio`, then `finish`, which may be called again. After a
    kill, `mend` finishes what is there.
    """

    def __init__(
        self,
        vault: Vault,
        session: str,
        evidence_id: str,
        clock_monotonic: Callable[[], float],
    ) -> None:
        self._tape = _Tape(vault, session, evidence_id)
        self._clock = clock_monotonic
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._free = BoundedSemaphore(MAX_WAITING_CLUSTERS)
        self._video_clock = RtpClock(VIDEO_RATE, catch_up=True)
        self._audio_clock = RtpClock(AUDIO_RATE, catch_up=False)
        self._zero: float | None = None
        self._ending: Future[Stored] | None = None
        self._blocks: list[Block] = []
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
        self._zero = self._clock()

    def video(self, frame: bytes, rtp_timestamp: int, key_frame: bool, received: float) -> None:  # noqa: FBT001 - the live room calls it so
        """Take one whole VP8 frame; those before the first key frame are passed over."""
        if self._zero is None or self._ending is not None:
            return
        self._cut(received, at_key=key_frame)
        if self._awaits_key and not key_frame:
            if self._video_at < 0:
                self._video_clock.listen(rtp_timestamp, received)
            return
        if not frame or len(frame) > MAX_PACKET_BYTES:
            self._awaits_key = True
            self._dropped += 1
            return
        placed = self._video_clock.place(rtp_timestamp, received) - self._zero
        # A new connection's picture cannot build on the old one's.
        self._awaits_key = self._video_clock.jumped and not key_frame
        if self._awaits_key:
            return
        # Two frames never share a moment, not even when the clock was pulled forward.
        self._video_at = max(round(placed * 1000), self._video_at + 1)
        self._keep(Block(VIDEO, self._video_at, key_frame, frame), received)

    def audio(self, packet: bytes, rtp_timestamp: int, received: float) -> None:
        """Take one Opus packet; what was lost before it becomes silence."""
        if self._zero is None or self._ending is not None:
            return
        if not packet or len(packet) > MAX_PACKET_BYTES:
            self._dropped += 1
            return
        placed = self._audio_clock.place(rtp_timestamp, received) - self._zero
        self._cut(received, at_key=False)
        self._keep(Block(AUDIO, max(0, round(placed * 1000)), True, packet), received)

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

    def _keep(self, block: Block, received: float) -> None:
        if not self._blocks:
            self._since = received
        self._blocks.append(block)
        self._bytes += len(block.data)

    def _cut(self, received: float, *, at_key: bool) -> None:
        """End the cluster when it is long enough, and sooner before a key frame."""
        age = received - self._since
        enough = SHORTEST_CLUSTER_SECONDS if at_key else CLUSTER_SECONDS
        if self._blocks and (age >= enough or self._bytes >= MAX_CLUSTER_BYTES):
            self._flush()

    def _flush(self) -> None:
        blocks, self._blocks, self._bytes = self._blocks, [], 0
        if not blocks:
            return
        if self._tape.fault is not None or not self._free.acquire(blocking=False):
            self._dropped += len(blocks)
            self._awaits_key = True
            return
        writing = self._thread.submit(self._tape.write, blocks)
        writing.add_done_callback(lambda _: self._free.release())


class _Tape:
    """The recorder's side in its thread: clusters in, an object of the vault out."""

    def __init__(self, vault: Vault, session: str, evidence_id: str) -> None:
        self._vault = vault
        self._session = session
        self._evidence_id = evidence_id
        self._appender: Appender | None = None
        self._audio_end = 0
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
            self._appender.append(b"".join(map(webm.cluster, _spans(ordered))))
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
        """Return the blocks with late packets left out and holes in the sound filled.

        A player goes on at once over a hole in the sound, and the picture would fall behind.
        """
        filled: list[Block] = []
        for block in blocks:
            if block.track == AUDIO:
                self._has_audio = True
                # A rounded millisecond is no overlap.
                if block.at < self._audio_end - 1:
                    continue
                filled += self._silence(block.at)
                self._audio_end = block.at + webm.opus_duration(block.data)
            elif self._has_audio:
                filled += self._silence(block.at - AUDIO_PATIENCE_MS)
            filled.append(block)
        return sorted(filled, key=lambda block: block.at)

    def _silence(self, until: int) -> list[Block]:
        silence: list[Block] = []
        while until - self._audio_end >= SILENCE_MS:
            long = until - self._audio_end >= LONG_SILENCE_MS
            data = LONG_SILENCE if long else SILENCE
            silence.append(Block(AUDIO, self._audio_end, True, data))
            self._audio_end += LONG_SILENCE_MS if long else SILENCE_MS
        return silence


def mend(vault: Vault, session: str, evidence_id: str) -> Stored:
    """Finish the recording of a dead recorder so that it can be sought through.

    Without room for a second copy, or if it is no recording of ours, it is finished as it lies.
    Blocks; raises Busy while the recorder lives, NotFound or EvidenceDamaged.
    """
    try:
        pieces = webm.finished(lambda: vault.records(session, evidence_id))
        return vault.settle(session, evidence_id, pieces)
    except (EvidenceStoreFull, NotFound, ValueError):
        return vault.recover(session, evidence_id)


def _spans(blocks: list[Block]) -> list[list[Block]]:
    """Cut the blocks where a cluster would get too long for its 16-bit times."""
    spans: list[list[Block]] = []
    for block in blocks:
        if not spans or block.at - spans[-1][0].at > CLUSTER_SPAN_MS:
            spans.append([])
        spans[-1].append(block)
    return spans
