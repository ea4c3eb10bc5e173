"""Pieces of what lies in a place: on a folder and on S3 (Moto's server)."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from invigilation.errors import NotFound
from recordings import ranges, s3_client, stream
from recordings.errors import EvidenceDamaged
from recordings.places import FolderPlace, Piece, Place, PlaceAway, WholeOnly
from recordings.ranges import BLOCK_BYTES, Afar, Blocks
from recordings.s3 import S3Place
from recordings.shelved import ShelvedVault
from recordings.stream import CHUNK_BYTES, FULL_BYTES, HEADER_BYTES
from tests.recordings.far import Unreliable, file_of, files, reading, shelved
from tests.recordings.object_store import Store
from web.pages.glances import glances_of

LONG = random.Random(1).randbytes(5 * 1024 * 1024 + 17)
MIDDLE = 3 * 1024 * 1024


def away(tmp_path: Path, place: Place, data: bytes = LONG) -> ShelvedVault:
    """Return a vault whose one object, `s1/e1`, is in the place alone."""
    vault = shelved(tmp_path, place)
    vault.put("s1", "e1", data)
    vault.shelve()
    reading(tmp_path).unlink()
    return vault


class Counting(Unreliable):
    """A place that counts the bytes that come from it."""

    came = 0

    def read(self, name: str, start: int, length: int) -> Piece:
        piece = super().read(name, start, length)
        self.came += len(piece.data)
        return piece


@pytest.fixture
def counting(place: Place) -> Counting:
    return Counting(place)


def change(place: Place, how: Callable[[bytes], bytes]) -> None:
    """Change what the place holds of `s1/e1`, behind its back."""
    name = "s1/e1.evidence"
    if isinstance(place, FolderPlace):
        place.path(name).write_bytes(how(place.path(name).read_bytes()))
        return
    assert isinstance(place, S3Place)
    ask, where = place._client.ask, place._of(name)
    held = ask("get_object", **where)
    ask("put_object", **where, Body=how(held["Body"].read()), Metadata=held["Metadata"])


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


# --- what comes ----------------------------------------------------------------------------------


def test_who_seeks_in_a_long_recording_waits_for_a_piece_of_it(
    tmp_path: Path, counting: Counting
) -> None:
    vault = away(tmp_path, counting)
    counting.asked.clear()

    with vault.open("s1", "e1") as reader:
        found = reader.read(MIDDLE, MIDDLE + 1000)
        again = reader.read(MIDDLE + 500, MIDDLE + 1500)
        size = reader.size

    assert (found, again, size) == (
        LONG[MIDDLE : MIDDLE + 1000],
        LONG[MIDDLE + 500 : MIDDLE + 1500],
        len(LONG),
    )
    assert len(counting.asked) == 3  # its head, its end, and where it was sought
    assert counting.came <= 3 * BLOCK_BYTES
    assert files(tmp_path) == ["key"]


def test_every_range_is_what_was_stored(tmp_path: Path, place: Place) -> None:
    vault, some = away(tmp_path, place), random.Random(2)

    with vault.open("s1", "e1") as reader:
        for _ in range(100):
            start = some.randrange(len(LONG))
            stop = start + some.choice((1, 1000, CHUNK_BYTES, 2 * BLOCK_BYTES))
            assert reader.read(start, stop) == LONG[start:stop]
        assert reader.read(len(LONG), len(LONG) + 5) == b""
    assert vault.read("s1", "e1") == LONG


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
@pytest.mark.parametrize("more", [0, 15 * CHUNK_BYTES, 16 * CHUNK_BYTES])
def test_where_records_lie_is_guessed_right(
    tmp_path: Path, far: Unreliable, size: int, more: int
) -> None:
    data = os.urandom(size + more)
    vault = away(tmp_path, far, data)
    with (tmp_path / "far" / "s1" / "e1.evidence").open("rb") as file:
        walked = stream.layout(stream.Disk(os.dup(file.fileno())), "e1")
    far.asked.clear()

    found = vault.read("s1", "e1")

    assert stream.even_layout(walked.slots[-1].end) == walked
    assert found == data
    assert not any(one.startswith("fetch") for one in far.asked)


def test_sizes_that_no_whole_object_has_are_no_guess() -> None:
    impossible = [0, HEADER_BYTES, HEADER_BYTES + 19, HEADER_BYTES + FULL_BYTES + 20]

    assert [stream.even_layout(size) for size in impossible] == [None] * 4


def test_the_time_line_of_an_old_record_needs_the_ends_of_its_recordings(
    tmp_path: Path, counting: Counting
) -> None:
    vault = away(tmp_path, counting)
    here = [SimpleNamespace(id="e1", kind="recording", sha256="ab", erased=None)]
    record: Any = SimpleNamespace(evidence=here, session=SimpleNamespace(id="s1"))

    glances_of(vault, record)

    assert counting.came <= 2 * BLOCK_BYTES + HEADER_BYTES


# --- what stays ----------------------------------------------------------------------------------


def test_two_who_want_the_same_block_fetch_it_once(tmp_path: Path, far: Unreliable) -> None:
    far.inner.put("s1/e1.evidence", file_of(tmp_path, b"one"))
    blocks, both, second = Blocks(far), threading.Event(), list[threading.Thread]()
    found: list[bytes] = []

    def ask() -> None:
        found.append(blocks.get("s1/e1.evidence", 0).data)

    def slow(name: str, start: int, length: int) -> Piece:
        if second:
            both.set()  # somebody fetches it a second time
        else:
            second.append(threading.Thread(target=ask))
            second[0].start()
            both.wait(0.3)
        far.asked.append(name)
        return far.inner.read(name, start, length)

    object.__setattr__(far, "read", slow)

    ask()
    second[0].join()
    ask()

    assert found == [b"one"] * 3
    assert far.asked == ["s1/e1.evidence"]


def test_only_so_many_blocks_stay_and_not_for_ever(
    tmp_path: Path, far: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "MOST_BLOCKS", 2)
    far.inner.put("s1/e1.evidence", file_of(tmp_path, LONG))
    blocks = Blocks(far)

    read = Afar(blocks, "s1/e1.evidence").read(0, len(LONG))
    kept = [*blocks._kept]
    monkeypatch.setattr(ranges, "KEPT_S", -1.0)
    blocks.forget_old()

    assert read == LONG
    assert kept == [("s1/e1.evidence", number) for number in (3, 4)]
    assert not blocks._kept


def test_what_is_erased_while_somebody_looks_comes_no_more(tmp_path: Path, place: Place) -> None:
    vault = away(tmp_path, place)

    with vault.open("s1", "e1") as reader:
        vault.erase("s1", "e1")
        with pytest.raises(NotFound):
            reader.read(0, 10)
    with pytest.raises(NotFound):
        vault.open("s1", "e1")

    assert not vault._blocks._kept


def test_what_is_erased_while_a_block_is_on_its_way_does_not_stay(
    tmp_path: Path, far: Unreliable
) -> None:
    vault, read = away(tmp_path, far), far.read

    def slow(name: str, start: int, length: int) -> Piece:
        piece = read(name, start, length)
        vault.erase("s1", "e1")
        return piece

    object.__setattr__(far, "read", slow)

    with pytest.raises(NotFound):
        vault.read("s1", "e1")

    assert not vault._blocks._kept


# --- what was changed ----------------------------------------------------------------------------


def test_a_changed_segment_is_found_by_whoever_reads_it_and_by_nobody_else(
    tmp_path: Path, place: Place
) -> None:
    vault = away(tmp_path, place)
    where = HEADER_BYTES + MIDDLE // CHUNK_BYTES * FULL_BYTES + 100
    change(place, flipped(where))

    with vault.open("s1", "e1") as reader:
        assert reader.read(0, 1000) == LONG[:1000]
        with pytest.raises(EvidenceDamaged):
            reader.read(MIDDLE, MIDDLE + 1)
        with pytest.raises(EvidenceDamaged):
            reader.read(0, len(LONG))
        change(place, flipped(where))  # nothing of what was wrong is kept
        assert reader.read(0, len(LONG)) == LONG


def test_a_changed_length_word_is_found(tmp_path: Path, place: Place) -> None:
    vault = away(tmp_path, place)
    change(place, flipped(HEADER_BYTES + MIDDLE // CHUNK_BYTES * FULL_BYTES))

    with vault.open("s1", "e1") as reader, pytest.raises(EvidenceDamaged):
        reader.read(MIDDLE, MIDDLE + 1)


@pytest.mark.parametrize("left", [1, FULL_BYTES - 5, HEADER_BYTES + 4 * FULL_BYTES, 10])
def test_a_truncated_object_is_found_before_anything_of_it_is_read(
    tmp_path: Path, place: Place, left: int
) -> None:
    vault = away(tmp_path, place)
    change(place, lambda data: data[:-left] if left in {1, 10} else data[:left])

    with pytest.raises(EvidenceDamaged):
        vault.open("s1", "e1")


def test_an_object_that_is_cut_while_somebody_reads_it_is_damaged(
    tmp_path: Path, place: Place
) -> None:
    vault = away(tmp_path, place)

    with vault.open("s1", "e1") as reader:
        change(place, lambda data: data[:MIDDLE])
        with pytest.raises(EvidenceDamaged):
            reader.read(MIDDLE, MIDDLE + 1000)


def test_another_object_in_its_place_is_damaged(tmp_path: Path, place: Place) -> None:
    vault = away(tmp_path, place)
    vault.put("s1", "e2", LONG)
    other = (tmp_path / "evidence" / "s1" / "e2.evidence").read_bytes()
    change(place, lambda _: other)

    with pytest.raises(EvidenceDamaged):
        vault.open("s1", "e1").read(0, 10)


# --- stores that know no ranges, or say nothing --------------------------------------------------


@pytest.fixture
def s3_place(store: Store) -> S3Place:
    return S3Place(store.bucket())


def answering(place: S3Place, how: Callable[[str], str | None]) -> None:
    """Let the store be asked for another range, or for none: it answers with 200 then."""
    ask = place._client.ask

    def other(call: str, **given: Any) -> Any:
        wanted = given.pop("Range", None)
        if wanted is not None and (range_ := how(wanted)) is not None:
            given["Range"] = range_
        return ask(call, **given)

    object.__setattr__(place._client, "ask", other)


@pytest.mark.parametrize("how", [lambda _: None, lambda _: "bytes=1-99"], ids=["200", "other"])
def test_where_a_store_knows_no_ranges_the_object_is_fetched_whole(
    tmp_path: Path, s3_place: S3Place, how: Callable[[str], str | None]
) -> None:
    vault = away(tmp_path, s3_place)
    answering(s3_place, how)

    with vault.open("s1", "e1") as reader:
        found = reader.read(MIDDLE, MIDDLE + 1000)

    assert found == LONG[MIDDLE : MIDDLE + 1000]
    assert files(tmp_path) == ["e1.reading", "key"]


def test_a_small_object_that_comes_whole_was_what_was_wanted(
    tmp_path: Path, s3_place: S3Place
) -> None:
    vault = away(tmp_path, s3_place, b"one")
    answering(s3_place, lambda _: None)

    assert vault.read("s1", "e1") == b"one"
    assert files(tmp_path) == ["key"]
    with pytest.raises(WholeOnly):
        s3_place.read("s1/e1.evidence", 1, 5)


def test_pieces_of_what_is_not_there(tmp_path: Path, place: Place) -> None:
    place.put("s1/e1.evidence", file_of(tmp_path, b"one"))

    assert place.read("s1/e1.evidence", 1, 5) == Piece(b"ne", 3)
    with pytest.raises(EvidenceDamaged):
        place.read("s1/e1.evidence", 3, 5)
    with pytest.raises(NotFound):
        place.read("s1/e2.evidence", 0, 5)


def test_a_store_that_says_nothing_keeps_who_looks_waiting_for_a_while_only(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "QUESTION_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        place = S3Place(replace(store.bucket(), endpoint=address))

        with pytest.raises(PlaceAway) as why:
            place.read("s1/e1.evidence", 0, 100)

    assert "has not answered within" in why.value.why


HEAD = (
    b"HTTP/1.1 206 Partial Content\r\nContent-Length: 100\r\nContent-Range: bytes 0-99/100\r\n\r\n"
)


@pytest.fixture
def half() -> Iterator[tuple[str, threading.Event]]:
    """A store that begins to answer and stops; when the event is set, it breaks the answer off."""
    breaks = threading.Event()

    def serve(listening: socket.socket) -> None:
        with closing(listening.accept()[0]) as one:
            one.recv(65536)
            one.sendall(HEAD + b"half")
            breaks.wait(20)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=[listening])
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", breaks
        breaks.set()
        thread.join()


@pytest.mark.parametrize("breaks", [False, True])
def test_an_answer_that_stops_half_way_is_no_piece(
    store: Store,
    half: tuple[str, threading.Event],
    monkeypatch: pytest.MonkeyPatch,
    breaks: bool,  # noqa: FBT001 - a case
) -> None:
    monkeypatch.setattr(s3_client, "PIECE_S", 20.0 if breaks else 0.2)
    place = S3Place(replace(store.bucket(), endpoint=half[0]))
    if breaks:
        half[1].set()

    with pytest.raises(PlaceAway):
        Blocks(place).get("s1/e1.evidence", 0)
