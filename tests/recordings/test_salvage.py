"""What still opens of an unfinished recording in which something was changed."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest

from invigilation.hole import Hole
from recordings import mending, salvage, stills, stream
from recordings.errors import EvidenceDamaged, EvidenceStoreFull
from recordings.mending import mend
from recordings.recorder import Recorder
from recordings.salvage import Lost
from recordings.stream import HEADER_BYTES, OVERHEAD_BYTES
from recordings.vault import Vault

from . import media
from .feeding import ZERO, Feed

RECORDS = [random.Random(n).randbytes(500 + 100 * n) for n in range(12)]
Change = Callable[[bytearray], None]


def left(vault: Vault, records: list[bytes] = RECORDS, *, ended: bool = False) -> Path:
    """Have an object as a dead writer left it; return its file."""
    appender = vault.open_append("s1", "e1")
    for record in records:
        appender.append(record)
    if ended:
        appender.finish()
        (vault._root / "s1" / "e1.evidence").rename(vault._root / "s1" / "e1.part")
    appender.close()
    return vault._root / "s1" / "e1.part"


def begins(number: int, records: list[bytes] = RECORDS) -> int:
    """Return where a record lies in the file."""
    return HEADER_BYTES + sum(len(one) + OVERHEAD_BYTES for one in records[:number])


def change(path: Path, *changes: Change) -> None:
    data = bytearray(path.read_bytes())
    for one in changes:
        one(data)
    path.write_bytes(data)


def flip(at: int, bit: int = 1) -> Change:
    def flipped(data: bytearray) -> None:
        data[at] ^= bit

    return flipped


def zero(start: int, stop: int) -> Change:
    def zeroed(data: bytearray) -> None:
        data[start:stop] = bytes(stop - start)

    return zeroed


def to(at: int, value: bytes) -> Change:
    def put(data: bytearray) -> None:
        data[at : at + len(value)] = value

    return put


def cut(stop: int) -> Change:
    def shorter(data: bytearray) -> None:
        del data[stop:]

    return shorter


def lost(*numbers: int) -> Lost:
    return Lost(sum(len(RECORDS[number]) for number in numbers))


# --- records -------------------------------------------------------------------------------------

CASES: dict[str, tuple[list[Change], list[bytes | Lost]]] = {
    "nothing": ([], [*RECORDS]),
    "a text": ([flip(begins(5) + 50)], [*RECORDS[:5], lost(5), *RECORDS[6:]]),
    "a tag": ([flip(begins(6) - 1)], [*RECORDS[:5], lost(5), *RECORDS[6:]]),
    "a word, a little": ([flip(begins(5) + 3)], [*RECORDS]),
    "a word, much": ([flip(begins(5) + 1)], [*RECORDS]),
    "an impossible word": ([flip(begins(5), 64)], [*RECORDS]),
    "a false last": ([flip(begins(5), 128)], [*RECORDS]),
    "the first word": ([flip(begins(0) + 2)], [*RECORDS]),
    "the last word, a little": ([flip(begins(11) + 3)], [*RECORDS]),
    "the last word, longer": ([flip(begins(11) + 1)], [*RECORDS]),
    "the last word, impossible": ([flip(begins(11), 64)], [*RECORDS]),
    "the last, called last": ([flip(begins(11), 128)], [*RECORDS]),
    "the last text": ([flip(begins(11) + 50)], [*RECORDS[:11], Lost(len(RECORDS[11]) + 20)]),
    "the last tag": ([flip(begins(12) - 1)], [*RECORDS[:11], Lost(len(RECORDS[11]) + 20)]),
    "a word and a text": (
        [flip(begins(5) + 1), flip(begins(5) + 50)],
        [*RECORDS[:5], lost(5), *RECORDS[6:]],
    ),
    "two words that make up for each other": (
        [to(begins(5), b"\0\0\x05\x14"), to(begins(6), b"\0\0\x03\x20")],
        [*RECORDS[:5], lost(5, 6), *RECORDS[7:]],
    ),
    "the first": ([flip(begins(0) + 9)], [lost(0), *RECORDS[1:]]),
    "two": (
        [flip(begins(3) + 9), flip(begins(8) + 9)],
        [*RECORDS[:3], lost(3), *RECORDS[4:8], lost(8), *RECORDS[9:]],
    ),
    "a block of the disk": (
        [zero(begins(3) + 9, begins(7) - 30)],
        [*RECORDS[:3], lost(3, 4, 5, 6), *RECORDS[7:]],
    ),
    "words only": (
        [zero(begins(n), begins(n) + 4) for n in (3, 4, 5)],
        [*RECORDS[:3], lost(3, 4, 5), *RECORDS[6:]],
    ),
    "a torn end": ([cut(begins(11) + 99)], [*RECORDS[:11]]),
    "an unwritten end": ([zero(begins(12) - 200, begins(12))], [*RECORDS[:11]]),
    "unwritten blocks": ([zero(-begins(11) % 512 + begins(11), begins(12) - 30)], [*RECORDS[:11]]),
    "a hole, then a torn end": (
        [cut(begins(11) + 99), flip(begins(5) + 50)],
        [*RECORDS[:5], lost(5), *RECORDS[6:11]],
    ),
    "all behind the middle": (
        [zero(begins(6), begins(12))],
        [*RECORDS[:6], Lost(begins(12) - begins(6))],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_all_that_opens_is_kept_and_what_does_not_is_told(vault: Vault, name: str) -> None:
    changes, kept = CASES[name]
    change(left(vault), *changes)

    assert list(vault.salvaged("s1", "e1")) == kept


@pytest.mark.parametrize("name", CASES)
def test_what_was_changed_is_never_taken_for_a_half_written_end(vault: Vault, name: str) -> None:
    changes, kept = CASES[name]
    change(left(vault), *changes)
    found: list[bytes] = []

    def read() -> None:
        found.extend(vault.records("s1", "e1"))

    if "word" in name or "last" in name or any(isinstance(one, Lost) for one in kept):
        with pytest.raises(EvidenceDamaged):
            read()
    else:
        read()
        assert found == kept


@pytest.mark.parametrize("name", [name for name in CASES if "word" in name or "last" in name])
def test_what_was_changed_is_never_finished_where_it_lies(vault: Vault, name: str) -> None:
    path = left(vault)
    change(path, *CASES[name][0])

    with pytest.raises(EvidenceDamaged):
        vault.recover("s1", "e1")

    assert path.exists()


def test_a_word_of_an_end_that_was_written_is_no_loss(vault: Vault) -> None:
    path = left(vault, ended=True)
    change(path, flip(begins(12), 128))

    assert list(vault.salvaged("s1", "e1")) == [*RECORDS, b""]


def test_what_a_living_writer_adds_while_somebody_reads_is_no_damage(vault: Vault) -> None:
    appender = vault.open_append("s1", "e1")
    appender.append(b"one")
    path = vault._root / "s1" / "e1.part"
    whole = path.read_bytes()
    appender.append(b"two")
    both = path.read_bytes()
    path.write_bytes(both[:-5])  # as it stands while it is being written
    found = vault.records("s1", "e1")

    read = [next(found)]
    path.write_bytes(both)
    appender.append(b"three")
    read += found

    assert path.read_bytes().startswith(whole)
    assert read == [b"one"]


@pytest.mark.parametrize("at", [0, 7, 8, 20, HEADER_BYTES - 1])
def test_one_bit_of_the_header_costs_nothing(vault: Vault, at: int) -> None:
    path = left(vault)
    change(path, flip(at, 16))

    found = list(vault.salvaged("s1", "e1"))

    assert found == RECORDS
    with pytest.raises(EvidenceDamaged):
        vault.recover("s1", "e1")
    with pytest.raises(EvidenceDamaged):
        list(vault.records("s1", "e1"))


def test_every_bit_of_the_salt_is_found(vault: Vault) -> None:
    path = left(vault, RECORDS[:1])
    whole = path.read_bytes()
    missed = []
    for bit in range(8 * len(stream.MAGIC), 8 * HEADER_BYTES, 7):
        path.write_bytes(whole)
        change(path, flip(bit // 8, 1 << bit % 8))
        if list(vault.salvaged("s1", "e1")) != RECORDS[:1]:
            missed.append(bit)

    assert missed == []


def test_where_not_even_the_only_record_opens_nothing_was_half_written(vault: Vault) -> None:
    change(left(vault, RECORDS[:1]), flip(begins(0) + 50))

    with pytest.raises(EvidenceDamaged):
        list(vault.records("s1", "e1"))
    with pytest.raises(EvidenceDamaged):
        mend(vault, "s1", "e1")


def test_an_end_that_was_written_is_the_end(vault: Vault) -> None:
    path = left(vault, ended=True)
    change(path, flip(begins(5) + 50), lambda data: data.extend(b"behind its end"))

    found = list(vault.salvaged("s1", "e1"))

    assert found == [*RECORDS[:5], lost(5), *RECORDS[6:], b""]


def test_records_that_were_put_in_another_order_are_lost(vault: Vault) -> None:
    path = left(vault)
    data = path.read_bytes()
    third, fourth = data[begins(3) : begins(4)], data[begins(4) : begins(5)]
    path.write_bytes(data[: begins(3)] + fourth + third + data[begins(5) :])

    found = list(vault.salvaged("s1", "e1"))

    assert found == [*RECORDS[:3], lost(3, 4), *RECORDS[5:]]


def test_every_single_bit_costs_one_record_at_most(vault: Vault, tmp_path: Path) -> None:
    records = [b"one", b"two!", b"three"]
    path = left(vault, records)
    whole = path.read_bytes()
    for at in range(HEADER_BYTES, begins(2, records)):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 1 << at % 8,)) + whole[at + 1 :])

        found = list(vault.salvaged("s1", "e1"))

        kept = [one for one in found if isinstance(one, bytes)]
        gone = [one.size for one in found if isinstance(one, Lost)]
        assert gone == [len(one) for one in records if one not in kept]
        in_a_word = any(0 <= at - begins(n, records) < 4 for n in range(2))
        assert len(kept) == (3 if in_a_word else 2)


def test_the_search_has_an_end(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salvage, "EFFORT_BYTES", 100)
    change(left(vault), flip(begins(5), 64))

    found = list(vault.salvaged("s1", "e1"))

    assert found == [*RECORDS[:5], Lost(begins(12) - begins(5))]


# --- films ---------------------------------------------------------------------------------------


async def filmed(
    vault: Vault, seconds: int, *, picture: bool = True, sound: bool = True, key_every: int = 30
) -> Path:
    """Record some seconds, and leave them as a killed process does."""
    recorder = Recorder(vault, "s1", "e1", ZERO)
    await recorder.start()
    frames = media.video(seconds, key_every=key_every) if picture else []
    Feed(recorder).both(frames, media.audio(seconds) if sound else [])
    recorder._flush()
    recorder._thread.shutdown(wait=True)
    assert recorder._tape._appender is not None
    recorder._tape._appender.close()
    return vault._root / "s1" / "e1.part"


def slots(path: Path) -> tuple[stream.Slot, ...]:
    with path.open("rb") as file:
        source = stream.Disk(file.fileno())
        return stream.layout(source, "e1").slots


def shown(data: bytes) -> list[tuple[float, bool]]:
    with av.open(io.BytesIO(data)) as container:
        return [
            (float(packet.pts * packet.time_base), packet.is_keyframe)
            for packet in container.demux(video=0)
            if packet.pts is not None and packet.time_base is not None
        ]


def heard(data: bytes) -> list[float]:
    with av.open(io.BytesIO(data)) as container:
        return [
            float(packet.pts * packet.time_base)
            for packet in container.demux(audio=0)
            if packet.pts is not None and packet.time_base is not None
        ]


async def test_a_film_goes_on_behind_a_hole(vault: Vault) -> None:
    path = await filmed(vault, 12)
    before = list(vault.records("s1", "e1"))
    third = slots(path)[3]
    change(path, flip(third.position + 1000))

    stored = mend(vault, "s1", "e1")

    data = vault.read("s1", "e1")
    [hole] = stored.holes
    assert hole.size == third.length
    assert hole.since is not None
    assert hole.until is not None
    assert (hole.since / 1000, hole.until / 1000) == (
        pytest.approx(4, abs=0.2),
        pytest.approx(6, abs=0.2),
    )
    untouched = [n for n, record in enumerate(before) if n and record in data]
    assert untouched == [n for n in range(1, len(before)) if n not in {3, 4}]  # 4 has the silence
    pictures = shown(data)
    [((last, _), (first, key))] = [
        pair for pair in itertools.pairwise(pictures) if pair[1][0] - pair[0][0] > 1
    ]
    assert (last * 1000 <= hole.since, first * 1000, key) == (True, hole.until, True)
    times = heard(data)
    assert max(b - a for a, b in itertools.pairwise(times)) < 0.13  # no hole in the sound
    assert times[-1] == pytest.approx(12, abs=0.2)
    assert not path.exists()
    assert mend(vault, "s1", "e1").sha256 == stored.sha256


async def test_a_picture_that_builds_on_what_is_lost_is_not_shown(vault: Vault) -> None:
    path = await filmed(vault, 7, key_every=75)  # a key frame in five seconds
    change(path, flip(slots(path)[2].position + 1000))

    [hole] = mend(vault, "s1", "e1").holes

    data = vault.read("s1", "e1")
    pictures = [one for one in shown(data) if one[0] * 1000 >= (hole.since or 0)]
    assert (hole.since, hole.until) == (pytest.approx(2_000, abs=200), 5_000)
    assert pictures[0] == (5.0, True)
    assert any(4.1 < at < 5 for at in heard(data))  # the sound goes on meanwhile
    with av.open(io.BytesIO(data)) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(shown(data))


@pytest.mark.parametrize("word", [b"\0\0\0\0", b"\0\xff\xff\xff"])
@pytest.mark.parametrize(("picture", "sound"), [(True, False), (False, True)])
async def test_a_film_with_one_track_goes_on_as_well(
    vault: Vault,
    picture: bool,  # noqa: FBT001 - a case
    sound: bool,  # noqa: FBT001 - a case
    word: bytes,
) -> None:
    path = await filmed(vault, 9, picture=picture, sound=sound)
    bad = slots(path)[2]
    change(path, to(bad.position, word), flip(bad.position + 100))

    [hole] = mend(vault, "s1", "e1").holes

    data = vault.read("s1", "e1")
    times = [at for at, _ in shown(data)] if picture else heard(data)
    assert times[-1] == pytest.approx(9, abs=0.2)
    assert hole.since is not None
    assert hole.until is not None
    assert 0 < hole.until - hole.since < 4_500


async def test_what_is_lost_up_to_the_end_is_told_without_an_end(vault: Vault) -> None:
    path = await filmed(vault, 9)
    third = slots(path)[3]
    change(path, zero(third.position, path.stat().st_size))

    [hole] = mend(vault, "s1", "e1").holes

    assert hole.until is None
    assert hole.since == pytest.approx(4_000, abs=200)
    assert shown(vault.read("s1", "e1"))[-1][0] == pytest.approx(4, abs=0.2)


async def test_the_head_of_a_film_is_always_the_same_and_no_loss(vault: Vault) -> None:
    path = await filmed(vault, 5)
    change(path, flip(HEADER_BYTES + 10))

    stored = mend(vault, "s1", "e1")

    assert stored.holes == ()
    assert shown(vault.read("s1", "e1"))[0] == (0.0, True)


async def test_of_a_film_whose_salt_is_gone_nothing_opens(vault: Vault) -> None:
    path = await filmed(vault, 3)
    change(path, flip(HEADER_BYTES - 1), flip(HEADER_BYTES - 2))

    with pytest.raises(EvidenceDamaged):
        mend(vault, "s1", "e1")

    assert path.exists()


@pytest.mark.parametrize("at", [3, HEADER_BYTES - 1])
async def test_a_film_of_whose_header_one_bit_was_changed_is_whole(vault: Vault, at: int) -> None:
    path = await filmed(vault, 3)
    change(path, flip(at))

    stored = mend(vault, "s1", "e1")

    assert stored.holes == ()
    assert shown(vault.read("s1", "e1"))[-1][0] == pytest.approx(3, abs=0.2)
    assert not path.exists()


async def test_a_film_of_which_a_length_was_changed_is_whole(vault: Vault) -> None:
    path = await filmed(vault, 9)
    [*_, last] = places = slots(path)
    change(path, flip(places[2].position + 1), flip(last.position + 2))

    stored = mend(vault, "s1", "e1")

    assert stored.holes == ()
    assert shown(vault.read("s1", "e1"))[-1][0] == pytest.approx(9, abs=0.2)


async def test_the_last_of_a_film_that_was_changed_is_told(vault: Vault) -> None:
    path = await filmed(vault, 9)
    change(path, flip(slots(path)[-1].position + 1000))

    [hole] = mend(vault, "s1", "e1").holes

    assert hole.until is None
    assert hole.since == pytest.approx(8_000, abs=200)


async def test_without_room_for_its_copy_a_damaged_film_waits(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await filmed(vault, 5)
    change(path, flip(slots(path)[2].position + 1000))
    with monkeypatch.context() as patch:
        patch.setattr(vault, "_reserve", 2**62)
        with pytest.raises(EvidenceStoreFull):
            mend(vault, "s1", "e1")
    waits = path.exists()

    assert waits
    assert len(mend(vault, "s1", "e1").holes) == 1


async def test_a_finished_film_that_was_damaged_stays_damaged(vault: Vault) -> None:
    await filmed(vault, 3)
    mend(vault, "s1", "e1")
    change(vault._root / "s1" / "e1.evidence", flip(HEADER_BYTES + 100))

    with pytest.raises(EvidenceDamaged):
        mend(vault, "s1", "e1")


def test_what_is_no_recording_of_ours_is_not_finished_without_its_parts(vault: Vault) -> None:
    path = left(vault)
    change(path, flip(begins(5) + 50))

    with pytest.raises(EvidenceDamaged):
        mend(vault, "s1", "e1")

    assert path.exists()


def test_too_many_holes_are_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mending, "MOST_HOLES", 3)
    holes = [Hole(1, n * 10, n * 10 + 5) for n in range(5)]

    assert mending._told(holes) == (*holes[:2], Hole(3, 20, 45))


# --- stills --------------------------------------------------------------------------------------


def pictures(count: int) -> Iterator[bytes]:
    for number in range(count):
        at = datetime(2026, 11, 23, 10, tzinfo=UTC) + timedelta(seconds=10 * number)
        yield stills.entry(at, random.Random(number).randbytes(5_000))


@pytest.mark.parametrize(("bad", "holes"), [(0, False), (3, True)])
def test_stills_are_kept_but_for_those_that_are_lost(
    vault: Vault,
    bad: int,
    holes: bool,  # noqa: FBT001 - a case
) -> None:
    records = [stills.MAGIC, *pictures(6)]
    change(left(vault, records), flip(begins(bad, records) + 7))

    stored = mend(vault, "s1", "e1")

    kept = [stills.entry(one.at, one.jpeg) for one in stills.entries(vault.read("s1", "e1"))]
    assert kept == [one for n, one in enumerate(records) if n not in {0, bad}]
    assert stored.holes == ((Hole(len(records[bad])),) if holes else ())
