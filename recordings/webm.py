"""Just enough WebM to write and index a live recording of one VP8 and one Opus track.

EBML is RFC 8794, the elements are those of RFC 9559 (Matroska) and the WebM container
guidelines; Opus in Matroska is RFC 7845 (the head) with the codec mapping of RFC 9559.
All times are whole milliseconds (TimestampScale is 1,000,000 ns).

A live file is `live_header()` and then clusters, each of known size, in an unknown-size segment:
any prefix of whole clusters plays. `finished()` turns those same pieces into a file that can be
sought through: it knows its duration, its picture size and, in front, where its clusters lie.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from recordings.vp8 import key_frame_size

VIDEO = 1
AUDIO = 2
DEFAULT_SIZE = (640, 480)
"""The picture size that a live file claims; the true one stands in each key frame."""
_EBML, _SEGMENT, _SEEK_HEAD, _SEEK = 0x1A45DFA3, 0x18538067, 0x114D9B74, 0x4DBB
_INFO, _TRACKS, _TRACK, _CUES = 0x1549A966, 0x1654AE6B, 0xAE, 0x1C53BB6B
_CLUSTER, _TIMESTAMP, _SIMPLE_BLOCK = 0x1F43B675, 0xE7, 0xA3
_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_BLOCK = struct.Struct(">BLBhB")
"""Before a block's data: its id, its size (in 4 bytes, of up to 256 MB), track, time, flags."""
_BLOCK_HEAD_BYTES = 4
_KEY_FLAG = 0x80
CLUSTER_SPAN_MS = 5_000
SILENCE = {120: b"\xff\x06" + 6 * b"\xff\xfe"}
SILENCE |= {20: b"\xfc\xff\xfe", 10: b"\xf4\xff\xfe", 5: b"\xec\xff\xfe"}
"""Opus packets of silence (RFC 6716) by their ms: one stereo CELT frame, the longest of six."""
_SAMPLE_RATE = 48_000
_SEEK_PRE_ROLL_NS = 80_000_000
_APP = b"invigilation"


class Block(NamedTuple):
    """One encoded frame or packet: its track, its time in ms, its bytes."""

    track: int
    at: int
    key: bool
    data: bytes


@dataclass(slots=True)
class Index:
    """What a player wants to know first; collected from the clusters of a live file."""

    duration: int = 0
    clusters_bytes: int = 0
    size: tuple[int, int] | None = None
    audio: bool = False
    cues: list[tuple[int, int, int]] = field(default_factory=list)
    """Time in ms, track, and position behind the first cluster's first byte."""

    def add(self, piece: bytes) -> None:
        """Take one piece of whole clusters into account; raises ValueError for anything else."""
        at = 0
        while at < len(piece):
            identity, content, end = _head(piece, at)
            if identity != _CLUSTER:
                raise ValueError("not a cluster")
            self._cluster(piece, content, end, self.clusters_bytes + at)
            at = end
        self.clusters_bytes += len(piece)

    def _cluster(self, piece: bytes, at: int, end: int, position: int) -> None:
        start, cued = 0, False
        for number, (track, time, key, data) in enumerate(_blocks(piece, at, end)):
            start = start if number else time
            if track != VIDEO:
                self.audio = True
                self.duration = max(self.duration, time + opus_duration(data))
                continue
            self.duration = max(self.duration, time)
            if key:
                self._picture(data)
                if not cued:
                    self.cues.append((time, VIDEO, position))
                cued = True
        if self.size is None:
            self.cues.append((start, AUDIO, position))

    def _picture(self, frame: bytes) -> None:
        """Keep the largest picture: a thin link starts small and grows."""
        size = key_frame_size(frame)
        if size and (self.size is None or size > self.size):
            self.size = size


@dataclass(frozen=True, slots=True)
class Glance:
    """What the head of a recording says: its length in ms, if known, and what is in it."""

    length: int | None
    picture: bool
    sound: bool


HEAD_BYTES = 1024
"""So much of a file is enough for `glance`."""


def glance(head: bytes) -> Glance:
    """Read the first bytes of a recording of ours; raises ValueError for anything else."""
    content = _ebml_head() + _SEGMENT.to_bytes(4, "big")
    if not head.startswith(content):
        raise ValueError("not a recording")
    length, tracks = None, b""
    at = len(content) + 8
    while at < len(head) and not tracks:
        identity, start, end = _head(head, at)
        if identity == _INFO:
            known = head.find(b"\x44\x89\x88", start, end)
            if known >= 0:
                length = round(struct.unpack_from(">d", head, known + 3)[0])
        elif identity == _TRACKS:
            tracks = head[start:end]
        at = end
    return Glance(length, b"V_VP8" in tracks, b"A_OPUS" in tracks)


def live_header() -> bytes:
    """Return the head of a file whose length nobody knows yet."""
    content = _info(None) + _tracks(DEFAULT_SIZE, audio=True)
    return _ebml_head() + _SEGMENT.to_bytes(4, "big") + _UNKNOWN_SIZE + content


def finished(pieces: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    """Yield the pieces of a file that knows its length and where its clusters lie.

    `pieces()` gives those of the live file, its header first; it is asked twice. Raises
    ValueError when they are none of ours.
    """
    index = Index()
    for piece in _behind_header(pieces()):
        index.add(piece)
    yield _finished_header(index)
    yield from _behind_header(pieces())


def is_cluster(piece: bytes) -> bool:
    """Say whether a cluster begins here."""
    return piece.startswith(_CLUSTER.to_bytes(4, "big"))


def blocks(piece: bytes) -> Iterator[Block]:
    """Yield the blocks of whole clusters; raises ValueError for anything else."""
    at = 0
    while at < len(piece):
        identity, content, end = _head(piece, at)
        if identity != _CLUSTER:
            raise ValueError("not a cluster")
        yield from _blocks(piece, content, end)
        at = end


def _blocks(piece: bytes, at: int, end: int) -> Iterator[Block]:
    """Yield the blocks of the cluster whose content lies there."""
    start = 0
    while at < end:
        identity, content, after = _head(piece, at)
        if identity == _TIMESTAMP:
            start = int.from_bytes(piece[content:after], "big")
        elif identity == _SIMPLE_BLOCK:
            relative, flags = struct.unpack_from(">hB", piece, content + 1)
            key, data = bool(flags & _KEY_FLAG), piece[content + _BLOCK_HEAD_BYTES : after]
            yield Block(piece[content] & 0x7F, start + relative, key, data)
        at = after


def _behind_header(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for number, piece in enumerate(pieces):
        if number:
            yield piece
        elif piece != live_header():
            raise ValueError("not a live recording")


def _finished_header(index: Index) -> bytes:
    leading = AUDIO if index.size is None else VIDEO
    cues = [cue for cue in index.cues if cue[1] == leading]
    size = index.size or (None if index.audio else DEFAULT_SIZE)
    info = _info(index.duration)
    tracks = _tracks(size, audio=index.audio)
    # All numbers below have a fixed width, so that the lengths are known before the positions.
    seek_bytes = len(_seek_head((0, 0, 0)))
    cues_at = seek_bytes + len(info) + len(tracks)
    first_cluster = cues_at + len(_cue_list(cues, 0))
    content = b"".join(
        (
            _seek_head((seek_bytes, seek_bytes + len(info), cues_at)),
            info,
            tracks,
            _cue_list(cues, first_cluster),
        )
    )
    length = len(content) + index.clusters_bytes
    segment = _SEGMENT.to_bytes(4, "big") + (length | 1 << 56).to_bytes(8, "big")
    return _ebml_head() + segment + content


def clusters(blocks: Iterable[Block]) -> bytes:
    """Return these blocks, in order of time, as clusters that are not too long for their times."""
    spans: list[list[Block]] = []
    for block in blocks:
        if not spans or block.at - spans[-1][0].at > CLUSTER_SPAN_MS:
            spans.append([])
        spans[-1].append(block)
    return b"".join(map(cluster, spans))


def cluster(blocks: list[Block]) -> bytes:
    """Return one cluster; `blocks` is not empty, in order of time, and spans less than 32 s."""
    start = blocks[0].at
    content = [_uint(_TIMESTAMP, start)]
    for track, at, key, data in blocks:
        flags = _KEY_FLAG if key else 0
        length = len(data) + _BLOCK_HEAD_BYTES | 1 << 28
        content.append(_BLOCK.pack(_SIMPLE_BLOCK, length, 0x80 | track, at - start, flags))
        content.append(data)
    return _element(_CLUSTER, *content)


def silence(since: int, until: int) -> list[Block]:
    """Return the packets of silence that fit between two times, from the first on, in ms."""
    packets: list[Block] = []
    for length, data in SILENCE.items():
        while until - since >= length:
            packets.append(Block(AUDIO, since, True, data))
            since += length
    return packets


_LASTS: dict[int, int] = {}
"""What the first byte of a packet has been found to say; it alone, in most of them."""


def opus_duration(packet: bytes) -> int:
    """Return how many ms an Opus packet lasts (RFC 6716, section 3.1); 0 when it is malformed."""
    if not packet:
        return 0
    known = _LASTS.get(packet[0])
    if known is None:
        known = _opus_duration(packet)
        if packet[0] & 3 != 3:  # else the second byte has a say
            _LASTS[packet[0]] = known
    return known


def _opus_duration(packet: bytes) -> int:
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame_us = (10_000, 20_000, 40_000, 60_000)[config & 3]
    elif config < 16:
        frame_us = (10_000, 20_000)[config & 1]
    else:
        frame_us = (2_500, 5_000, 10_000, 20_000)[config & 3]
    if code == 3 and len(packet) < 2:
        return 0
    frames = (1, 2, 2, packet[1] & 0x3F if code == 3 else 0)[code]
    return min(frames * frame_us, 120_000) // 1000


def _ebml_head() -> bytes:
    return _element(
        _EBML,
        _uint(0x4286, 1),  # EBMLVersion
        _uint(0x42F7, 1),  # EBMLReadVersion
        _uint(0x42F2, 4),  # EBMLMaxIDLength
        _uint(0x42F3, 8),  # EBMLMaxSizeLength
        _element(0x4282, b"webm"),  # DocType
        _uint(0x4287, 4),  # DocTypeVersion
        _uint(0x4285, 2),  # DocTypeReadVersion
    )


def _seek_head(positions: tuple[int, int, int]) -> bytes:
    return _element(
        _SEEK_HEAD,
        *(
            _element(
                _SEEK,
                _element(0x53AB, identity.to_bytes(4, "big")),  # SeekID
                _element(0x53AC, position.to_bytes(8, "big")),  # SeekPosition
            )
            for identity, position in zip((_INFO, _TRACKS, _CUES), positions, strict=True)
        ),
    )


def _info(duration: int | None) -> bytes:
    known = () if duration is None else (_element(0x4489, struct.pack(">d", duration)),)
    return _element(
        _INFO,
        _uint(0x2AD7B1, 1_000_000),  # TimestampScale
        *known,
        _element(0x4D80, _APP),  # MuxingApp
        _element(0x5741, _APP),  # WritingApp
    )


def _tracks(size: tuple[int, int] | None, *, audio: bool) -> bytes:
    tracks = []
    if size is not None:
        picture = _element(0xE0, _uint(0xB0, size[0]), _uint(0xBA, size[1]))
        tracks.append(_track(VIDEO, 1, b"V_VP8", picture))
    if audio:
        opus_head = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, _SAMPLE_RATE, 0, 0)
        sound = (
            _uint(0x56AA, 0),  # CodecDelay
            _uint(0x56BB, _SEEK_PRE_ROLL_NS),
            _element(0x63A2, opus_head),  # CodecPrivate
            _element(0xE1, _element(0xB5, struct.pack(">d", _SAMPLE_RATE)), _uint(0x9F, 2)),
        )
        tracks.append(_track(AUDIO, 2, b"A_OPUS", *sound))
    return _element(_TRACKS, *tracks)


def _track(number: int, kind: int, codec: bytes, *details: bytes) -> bytes:
    return _element(
        _TRACK,
        _uint(0xD7, number),  # TrackNumber
        _uint(0x73C5, number),  # TrackUID
        _uint(0x83, kind),  # TrackType
        _uint(0x9C, 0),  # FlagLacing
        _element(0x86, codec),  # CodecID
        *details,
    )


def _cue_list(cues: list[tuple[int, int, int]], first_cluster: int) -> bytes:
    return _element(
        _CUES,
        *(
            _element(
                0xBB,  # CuePoint
                _uint(0xB3, time),  # CueTime
                _element(
                    0xB7,  # CueTrackPositions
                    _uint(0xF7, track),
                    _element(0xF1, (first_cluster + position).to_bytes(8, "big")),
                ),
            )
            for time, track, position in cues
        ),
    )


def _element(identity: int, *content: bytes) -> bytes:
    data = b"".join(content)
    name = identity.to_bytes((identity.bit_length() + 7) // 8, "big")
    return name + _length(len(data)) + data


def _uint(identity: int, value: int) -> bytes:
    return _element(identity, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _length(value: int) -> bytes:
    """Return an EBML variable-size integer; the value of all ones means unknown, so is avoided."""
    width = 1
    while value >= (1 << 7 * width) - 1:
        width += 1
    return (value | 1 << 7 * width).to_bytes(width, "big")


def _head(piece: bytes, at: int) -> tuple[int, int, int]:
    """Return id, start and end of the content of the element at `at`; or raise ValueError."""
    try:
        id_width = 9 - piece[at].bit_length()
        width = 9 - piece[at + id_width].bit_length()
    except IndexError:
        raise ValueError("a cut element") from None
    content = at + id_width + width
    raw = int.from_bytes(piece[at + id_width : content], "big")
    end = content + (raw & ~(1 << 7 * width))
    if width > 8 or id_width > 4 or end > len(piece):
        raise ValueError("a cut element")
    return int.from_bytes(piece[at : at + id_width], "big"), content, end
