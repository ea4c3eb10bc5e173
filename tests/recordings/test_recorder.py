from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import threading
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from invigilation.errors import NotFound
from recordings import recorder as recorder_module
from recordings import webm
from recordings.appender import Appender
from recordings.errors import EvidenceStoreFull
from recordings.mending import mend
from recordings.recorder import Recorder
from recordings.vault import Vault
from recordings.webm import SILENCE

from . import media
from .feeding import ZERO, Feed

Times = list[float]
PROBED = "stream=codec_name:format=duration"


@cache
def pictures(seconds: float, width: int = 320) -> tuple[media.Frame, ...]:
    return tuple(media.video(seconds, size=(width, width * 3 // 4)))


@cache
def sounds(seconds: float, packet_ms: int = 20) -> tuple[media.Frame, ...]:
    return tuple(media.audio(seconds, packet_ms))


async def started(vault: Vault) -> Recorder:
    recorder = Recorder(vault, "s1", "e1", ZERO)
    await recorder.start()
    return recorder


def times(data: bytes) -> tuple[Times, Times]:
    """Return the times of the video and of the audio packets, in seconds, as another reads them."""
    found: dict[str, Times] = {"video": [], "audio": []}
    with av.open(io.BytesIO(data)) as container:
        for packet in container.demux():
            if packet.pts is not None:
                found[packet.stream.type].append(float(packet.pts * packet.time_base))
    return found["video"], found["audio"]


async def test_a_recording_has_its_length_size_and_every_frame(vault: Vault) -> None:
    recorder = await started(vault)
    Feed(recorder, begins=0.5).both(pictures(5), sounds(5))

    stored = await recorder.finish()

    data = vault.read("s1", "e1")
    assert stored.size == len(data)
    with av.open(io.BytesIO(data)) as container:
        assert container.duration == pytest.approx(5.5e6, abs=0.1e6)
        picture = container.streams.video[0].codec_context
        assert (picture.width, picture.height) == (320, 240)
        assert sum(1 for _ in container.decode(video=0)) == 75
    video, audio = times(data)
    assert video == pytest.approx([0.5 + frame.at for frame in pictures(5)], abs=0.001)
    assert audio[-250:] == pytest.approx([0.5 + packet.at for packet in sounds(5)], abs=0.001)
    assert (recorder.dropped, recorder.fault, recorder.empty) == (0, None, False)


async def test_clusters_reach_the_disk_while_recording(vault: Vault) -> None:
    recorder = await started(vault)

    Feed(recorder).both(pictures(9), sounds(9))

    async with asyncio.timeout(5):
        while len(pieces := list(vault.records("s1", "e1"))) < 5:  # noqa: ASYNC110 - a thread writes
            await asyncio.sleep(0.01)
    video, _ = times(b"".join(pieces))
    assert video[0] == 0
    assert 7 < video[-1] < 9
    await recorder.finish()


async def test_the_picture_begins_at_a_key_frame(vault: Vault) -> None:
    recorder = await started(vault)
    Feed(recorder).both(pictures(4)[20:], sounds(4))

    await recorder.finish()

    video, audio = times(vault.read("s1", "e1"))
    assert video[0] == pytest.approx(2.0, abs=0.001)
    assert audio[0] == 0


async def test_lost_sound_is_silence_and_time_goes_on(vault: Vault) -> None:
    recorder = await started(vault)
    heard = [packet for packet in sounds(4, 60) if not 1 < packet.at < 2.5]
    Feed(recorder).both(pictures(4), heard)

    await recorder.finish()

    _, audio = times(vault.read("s1", "e1"))
    assert max(np.diff(audio)) <= 0.121
    assert audio[-1] == pytest.approx(heard[-1].at, abs=0.002)
    assert all(any(abs(at - packet.at) < 0.002 for at in audio) for packet in heard)


def test_silence_is_silent_and_lasts_as_long_as_it_says() -> None:
    decoder = av.CodecContext.create("libopus", "r")

    frames = {length: decoder.decode(av.Packet(data))[0] for length, data in SILENCE.items()}

    assert {length: frame.samples for length, frame in frames.items()} == {
        length: 48 * length for length in (120, 20, 10, 5)
    }
    assert not any(frame.to_ndarray().any() for frame in frames.values())
    assert all(webm.opus_duration(data) == length for length, data in SILENCE.items())


async def test_a_muted_microphone_does_not_hold_up_the_picture(vault: Vault) -> None:
    recorder = await started(vault)
    Feed(recorder).both(pictures(9), sounds(2))

    await recorder.finish()

    _, audio = times(vault.read("s1", "e1"))
    assert max(np.diff(audio)) <= 0.121
    assert audio[-1] > 6.5


@pytest.mark.parametrize("packet_ms", [10, 20, 40, 60])
def test_the_length_of_an_opus_packet_is_read(packet_ms: int) -> None:
    assert {webm.opus_duration(packet.data) for packet in sounds(0.6, packet_ms)} == {packet_ms}


@pytest.mark.parametrize(
    ("packet", "milliseconds"), [(b"", 0), (b"\xff", 0), (b"\x78", 20), (b"\x03\x3f", 120)]
)
def test_odd_opus_packets_have_a_length_too(packet: bytes, milliseconds: int) -> None:
    assert webm.opus_duration(packet) == milliseconds


async def test_packets_out_of_order_are_put_in_order(vault: Vault) -> None:
    recorder = await started(vault)
    feed = Feed(recorder)
    packets = list(sounds(3))
    packets[10], packets[12] = packets[12], packets[10]
    packets[30:30] = [packets[29]]
    for packet in packets:
        feed.audio(packet)

    await recorder.finish()

    video, audio = times(vault.read("s1", "e1"))
    assert video == []
    assert audio == pytest.approx([packet.at for packet in sounds(3)], abs=0.001)


async def test_a_new_connection_goes_on_in_the_same_file(vault: Vault) -> None:
    recorder = await started(vault)
    Feed(recorder).both(pictures(3), sounds(3))
    Feed(recorder, begins=23.0, bases=(5, 2**31)).both(pictures(3), sounds(3))

    await recorder.finish()

    video, audio = times(vault.read("s1", "e1"))
    first, second = [at for at in video if at < 10], [at for at in video if at > 10]
    assert (len(first), len(second)) == (45, 45)
    assert second == pytest.approx([23 + frame.at for frame in pictures(3)], abs=0.002)
    assert audio[-150:] == pytest.approx([23 + packet.at for packet in sounds(3)], abs=0.002)
    assert max(np.diff(audio)) <= 0.121


async def test_a_new_connection_begins_at_a_key_frame_too(vault: Vault) -> None:
    recorder = await started(vault)
    Feed(recorder).both(pictures(3), [])
    Feed(recorder, begins=20.0, bases=(5, 5)).both(pictures(4)[10:], [])

    await recorder.finish()

    video, _ = times(vault.read("s1", "e1"))
    assert next(at for at in video if at > 10) == pytest.approx(22.0, abs=0.002)


async def test_an_outage_of_one_connection_keeps_its_clock(vault: Vault) -> None:
    recorder = await started(vault)
    feed = Feed(recorder)
    feed.both(pictures(2), sounds(2))
    after = [media.Frame(frame.data, frame.at + 40, frame.key) for frame in pictures(2)]
    feed.video(after[0], late=1.5)
    for frame in after[1:]:
        feed.video(frame)

    await recorder.finish()

    video, _ = times(vault.read("s1", "e1"))
    assert video[-30:] == pytest.approx([frame.at for frame in after], abs=0.002)


async def test_a_first_key_frame_that_was_slow_is_caught_up_with(vault: Vault) -> None:
    recorder = await started(vault)
    feed = Feed(recorder)
    frames = pictures(14)
    feed.video(frames[0], late=1.2)
    for frame in frames[1:]:
        feed.video(frame)

    await recorder.finish()

    video, _ = times(vault.read("s1", "e1"))
    assert len(video) == len(frames)
    assert np.all(np.diff(video) > 0)
    assert video[-1] == pytest.approx(frames[-1].at, abs=0.002)


async def test_the_largest_picture_gives_the_size(vault: Vault) -> None:
    recorder = await started(vault)
    Feed(recorder).both(pictures(2, 160), [])
    Feed(recorder, begins=2.0, bases=(9, 9)).both(pictures(2, 640), [])

    await recorder.finish()

    with av.open(io.BytesIO(vault.read("s1", "e1"))) as container:
        picture = container.streams.video[0].codec_context
        assert (picture.width, picture.height) == (640, 480)
        assert len(container.streams.audio) == 0


async def test_what_is_seen_when_sought_is_what_was_there(vault: Vault) -> None:
    recorder = await started(vault)
    Feed(recorder).both(pictures(9), sounds(9))
    await recorder.finish()

    with av.open(io.BytesIO(vault.read("s1", "e1"))) as container:
        container.seek(7_000_000)
        at = float(next(container.decode(video=0)).time)

    assert at == pytest.approx(6.0, abs=0.01)


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from recordings.recorder import Recorder
from recordings.vault import Vault
from tests.recordings import media
from tests.recordings.feeding import Feed, ZERO

async def main():
    vault = Vault(Path(sys.argv[1]), bytes(range(32)), reserve=0)
    frames, packets = media.video(7), media.audio(7)
    for ident, shown, heard in (("e1", frames, packets), ("e2", frames, []), ("e3", [], packets)):
        recorder = Recorder(vault, "s1", ident, ZERO)
        await recorder.start()
        Feed(recorder).both(shown, heard)
        while len(list(vault.records("s1", ident))) < 4:
            await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_killed_recorders_of_all_sources_leave_all_but_2_s_to_mend(vault: Vault) -> None:
    root = Path(recorder_module.__file__).parent.parent
    command = [sys.executable, "-c", KILLED, str(vault._root), str(root)]
    assert subprocess.run(command, check=False, cwd=root, timeout=60).returncode == -9
    assert times(b"".join(vault.records("s1", "e1")))[0][0] == 0
    assert sorted(vault.orphans()) == [("s1", "e1"), ("s1", "e2"), ("s1", "e3")]

    stored = [mend(vault, "s1", ident) for ident in ("e1", "e2", "e3")]

    for one, ident in zip(stored, ("e1", "e2", "e3"), strict=True):
        data = vault.read("s1", ident)
        assert (one.size, mend(vault, "s1", ident)) == (len(data), one)
        with av.open(io.BytesIO(data)) as container:
            assert container.duration > 4.9e6
            kinds = {stream.type for stream in container.streams}
            frames = sum(1 for _ in container.decode(video=0)) if "video" in kinds else 90
        assert kinds == {"e1": {"video", "audio"}, "e2": {"video"}, "e3": {"audio"}}[ident]
        assert frames >= 75
    assert vault.orphans() == []


async def test_another_program_reads_what_was_recorded(vault: Vault, tmp_path: Path) -> None:
    for ident, shown, heard in (("e2", pictures(3), []), ("e3", [], sounds(3))):
        recorder = Recorder(vault, "s1", ident, ZERO)
        await recorder.start()
        Feed(recorder, begins=1.0).both(shown, heard)
        await recorder.finish()

    told = {}
    for ident in ("e2", "e3"):
        path = tmp_path / f"{ident}.webm"
        path.write_bytes(vault.read("s1", ident))
        command = ["ffprobe", "-v", "warning", "-show_entries", PROBED, "-of", "json", str(path)]
        probe = await asyncio.to_thread(
            subprocess.run, command, check=True, capture_output=True, timeout=60
        )
        assert probe.stderr == b""
        told[ident] = json.loads(probe.stdout)

    assert [one["codec_name"] for one in told["e2"]["streams"]] == ["vp8"]
    assert [one["codec_name"] for one in told["e3"]["streams"]] == ["opus"]
    assert all(
        float(one["format"]["duration"]) == pytest.approx(4, abs=0.1) for one in told.values()
    )


async def test_sound_that_comes_late_does_not_go_back_behind_what_is_written(vault: Vault) -> None:
    recorder = await started(vault)
    feed = Feed(recorder)
    feed.both(pictures(9), [media.Frame(one.data, one.at + 6, True) for one in sounds(3)])

    await recorder.finish()

    read = []
    with av.open(io.BytesIO(vault.read("s1", "e1"))) as container:
        read = [float(one.pts * one.time_base) for one in container.demux() if one.pts is not None]
    assert read == sorted(read)
    _, audio = times(vault.read("s1", "e1"))
    assert audio[-150:] == pytest.approx([6 + packet.at for packet in sounds(3)], abs=0.005)


async def test_a_cancelled_finish_is_finished_all_the_same(vault: Vault) -> None:
    recorder = await started(vault)
    Feed(recorder).both(pictures(3), sounds(3))
    finishing = asyncio.create_task(recorder.finish())
    await asyncio.sleep(0)

    finishing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await finishing
    stored = await recorder.finish()
    assert len(vault.read("s1", "e1")) == stored.size
    assert len(times(vault.read("s1", "e1"))[0]) == 45


async def test_a_slow_disk_drops_and_counts_and_goes_on_at_a_key_frame(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    append = Appender.append

    def slow(self: Appender, data: bytes) -> None:
        free.wait(10)
        append(self, data)

    recorder = await started(vault)
    monkeypatch.setattr(Appender, "append", slow)
    feed = Feed(recorder)
    feed.both(pictures(24), [])
    dropped = recorder.dropped
    free.set()
    await asyncio.to_thread(recorder._thread.submit(int).result)
    feed.both([media.Frame(f.data, f.at + 24, f.key) for f in pictures(4)], [])

    await recorder.finish()

    assert dropped > 0
    video, _ = times(vault.read("s1", "e1"))
    assert max(video) == pytest.approx(24 + pictures(4)[-1].at, abs=0.002)
    resumed = next(after for before, after in pairwise(video) if after > before + 1)
    assert resumed == pytest.approx(22, abs=0.002)
    with av.open(io.BytesIO(vault.read("s1", "e1"))) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(video)


async def test_a_full_disk_stops_the_recording_and_says_so(vault: Vault) -> None:
    recorder = await started(vault)
    Feed(recorder).both(pictures(3), sounds(3))
    await asyncio.to_thread(recorder._thread.submit(int).result)
    vault._reserve = 2**62
    Feed(recorder, begins=3, bases=(1, 1)).both(pictures(5), sounds(5))

    await recorder.finish()

    assert isinstance(recorder.fault, EvidenceStoreFull)
    assert recorder.dropped > 0
    assert max(times(vault.read("s1", "e1"))[0]) < 3


async def test_without_room_for_a_copy_the_recording_is_finished_as_it_lies(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise EvidenceStoreFull(0)

    recorder = await started(vault)
    Feed(recorder).both(pictures(3), sounds(3))
    monkeypatch.setattr(Vault, "settle", full)

    await recorder.finish()

    assert len(times(vault.read("s1", "e1"))[0]) == 45


async def test_a_full_disk_refuses_to_start(vault: Vault) -> None:
    vault._reserve = 2**62
    recorder = Recorder(vault, "s1", "e1", ZERO)

    with pytest.raises(EvidenceStoreFull):
        await recorder.start()

    recorder.audio(b"\xfc\xff\xfe", 0, ZERO)
    with pytest.raises(NotFound):
        await recorder.finish()


async def test_a_session_forgotten_while_recording_stays_forgotten(vault: Vault) -> None:
    recorder = await started(vault)
    Feed(recorder).both(pictures(3), sounds(3))
    await asyncio.to_thread(vault.forget, "s1")

    with pytest.raises(NotFound):
        await recorder.finish()

    assert not (vault._root / "s1").exists()


async def test_an_empty_recording_is_stored_and_says_so(vault: Vault) -> None:
    recorder = await started(vault)

    stored = await recorder.finish()

    assert recorder.empty
    assert len(vault.read("s1", "e1")) == stored.size


async def test_nonsense_packets_are_counted_not_recorded(vault: Vault) -> None:
    recorder = await started(vault)
    recorder.audio(b"", 0, ZERO)
    recorder.video(b"", 0, True, ZERO)
    recorder.video(bytes(2**21), 0, True, ZERO)

    await recorder.finish()

    assert recorder.dropped == 3


@pytest.mark.parametrize("piece", [b"", b"\x1f", b"\x1f\x43\xb6\x75\x85\xe7", b"\x00" * 20])
def test_what_is_no_cluster_is_refused(piece: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut|cluster"):
        webm.Index().add(piece or b"\xff")


def test_an_orphan_that_is_no_recording_is_finished_as_it_lies(vault: Vault) -> None:
    appender = vault.open_append("s1", "e1")
    appender.append(b"something else")
    appender.close()

    mend(vault, "s1", "e1")

    assert vault.read("s1", "e1") == b"something else"
