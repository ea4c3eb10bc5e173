from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invigilation.errors import Busy, InvalidInput, NotFound
from recordings import stream
from recordings.appender import Stored
from recordings.errors import (
    EvidenceDamaged,
    EvidenceExists,
    EvidenceStoreFull,
    EvidenceUnfinished,
    KeyUnknown,
)
from recordings.vault import Vault

CHUNK = stream.CHUNK_BYTES
RECORD = 4 + CHUNK + 16
AROUND_BORDERS = st.sampled_from([0, 1, 2, 3]).flatmap(
    lambda chunks: st.integers(-2, 2).map(lambda delta: max(0, chunks * CHUNK + delta))
)


def some(size: int, seed: int = 7) -> bytes:
    return hashlib.shake_128(seed.to_bytes(4, "big")).digest(size)


def stored(data: bytes) -> Stored:
    return Stored(hashlib.sha256(data).hexdigest(), len(data))


def file_of(vault: Vault, evidence_id: str, suffix: str = "evidence") -> Path:
    return vault._root / "s1" / f"{evidence_id}.{suffix}"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(size=AROUND_BORDERS)
def test_what_was_put_is_read(vault: Vault, size: int) -> None:
    data = some(size)
    vault.erase("s1", "e1")

    answer = vault.put("s1", "e1", data)

    assert answer == stored(data)
    assert vault.read("s1", "e1") == data
    with vault.open("s1", "e1") as reader:
        assert reader.size == size


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(size=AROUND_BORDERS, start=st.integers(0, 3 * CHUNK + 9), stop=st.integers(0, 3 * CHUNK + 9))
def test_a_range_is_the_slice(vault: Vault, size: int, start: int, stop: int) -> None:
    data = some(size)
    vault.erase("s1", "e1")
    vault.put("s1", "e1", data)

    with vault.open("s1", "e1") as reader:
        part = reader.read(start, stop)

    assert part == data[start:stop]


def test_nothing_readable_lies_on_the_disk(vault: Vault) -> None:
    vault.put("s1", "e1", b"passport number 123456789" * 100)

    files = [path for path in vault._root.rglob("*") if path.is_file()]

    assert sorted(path.name for path in files) == ["e1.evidence", "key"]
    assert all(b"passport" not in path.read_bytes() for path in files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def flip(at: int) -> Callable[[bytes], bytes]:
    def change(raw: bytes) -> bytes:
        place = at % len(raw)
        return raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :]

    return change


def swapped_chunks(raw: bytes) -> bytes:
    head = stream.HEADER_BYTES
    first, second = raw[head : head + RECORD], raw[head + RECORD : head + 2 * RECORD]
    return raw[:head] + second + first + raw[head + 2 * RECORD :]


TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "magic flipped": flip(0),
    "salt flipped": flip(20),
    "first length flipped": flip(stream.HEADER_BYTES + 3),
    "last flag set early": lambda raw: (
        raw[: stream.HEADER_BYTES] + b"\x80" + raw[stream.HEADER_BYTES + 1 :]
    ),
    "first byte flipped": flip(stream.HEADER_BYTES + 4),
    "tag flipped": flip(stream.HEADER_BYTES + RECORD - 1),
    "last byte flipped": flip(-1),
    "last byte gone": lambda raw: raw[:-1],
    "last chunk gone": lambda raw: raw[: stream.HEADER_BYTES + 2 * RECORD],
    "first chunk gone": lambda raw: (
        raw[: stream.HEADER_BYTES] + raw[stream.HEADER_BYTES + RECORD :]
    ),
    "chunks swapped": swapped_chunks,
    "chunk repeated": lambda raw: raw[: stream.HEADER_BYTES + RECORD] + raw[stream.HEADER_BYTES :],
    "byte added": lambda raw: raw + b"\0",
    "record added": lambda raw: raw + raw[stream.HEADER_BYTES : stream.HEADER_BYTES + RECORD],
    "empty file": lambda _: b"",
    "header alone": lambda raw: raw[: stream.HEADER_BYTES],
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_changed_file_is_refused(vault: Vault, change: Callable[[bytes], bytes]) -> None:
    vault.put("s1", "e1", some(2 * CHUNK + 5))
    path = file_of(vault, "e1")
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(EvidenceDamaged):
        vault.read("s1", "e1")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_flipped_bit_is_seen(vault: Vault, at: int, bit: int) -> None:
    vault.erase("s1", "e1")
    vault.put("s1", "e1", some(300))
    path = file_of(vault, "e1")
    raw = bytearray(path.read_bytes())
    raw[at % len(raw)] ^= 1 << bit
    path.write_bytes(raw)

    with pytest.raises(EvidenceDamaged):
        vault.read("s1", "e1")


def test_an_object_under_another_id_is_refused(vault: Vault) -> None:
    vault.put("s1", "e1", b"one")
    file_of(vault, "e1").rename(file_of(vault, "e2"))

    with pytest.raises(EvidenceDamaged):
        vault.read("s1", "e2")


def test_an_object_in_another_session_is_refused(vault: Vault) -> None:
    vault.put("s1", "e1", b"one")
    vault.put("s2", "e2", b"two")
    (vault._root / "s2" / "e1.evidence").write_bytes(file_of(vault, "e1").read_bytes())

    with pytest.raises(EvidenceDamaged):
        vault.read("s2", "e1")


def test_a_whole_session_under_another_name_is_refused(vault: Vault) -> None:
    vault.put("s1", "e1", b"one")
    (vault._root / "s1").rename(vault._root / "s2")

    with pytest.raises(EvidenceDamaged):
        vault.read("s2", "e1")


def test_another_wrap_key_opens_nothing(vault: Vault) -> None:
    vault.put("s1", "e1", b"one")

    with pytest.raises(KeyUnknown):
        Vault(vault._root, bytes(32)).read("s1", "e1")


def test_a_chunk_changed_under_an_open_reader_is_refused(vault: Vault) -> None:
    vault.put("s1", "e1", some(3 * CHUNK))
    path = file_of(vault, "e1")

    with vault.open("s1", "e1") as reader:
        with path.open("r+b") as file:
            file.seek(stream.HEADER_BYTES + RECORD + 100)
            file.write(b"changed")
        first, third = reader.read(0, 9), reader.read(2 * CHUNK, 2 * CHUNK + 9)
        with pytest.raises(EvidenceDamaged):
            reader.read(CHUNK, CHUNK + 9)

    assert (first, third) == (some(9), some(3 * CHUNK)[2 * CHUNK : 2 * CHUNK + 9])


def test_a_range_of_a_cut_file_is_refused(vault: Vault) -> None:
    vault.put("s1", "e1", some(3 * CHUNK))
    path = file_of(vault, "e1")
    path.write_bytes(path.read_bytes()[: stream.HEADER_BYTES + 2 * RECORD])

    with pytest.raises(EvidenceDamaged):
        vault.open("s1", "e1")


def test_a_cut_that_pretends_to_be_the_end_is_refused(vault: Vault) -> None:
    vault.put("s1", "e1", some(3 * CHUNK))
    path = file_of(vault, "e1")
    cut = bytearray(path.read_bytes()[: stream.HEADER_BYTES + 2 * RECORD])
    cut[stream.HEADER_BYTES + RECORD] |= 0x80
    path.write_bytes(cut)

    with pytest.raises(EvidenceDamaged):
        vault.open("s1", "e1")


def test_a_cut_object_is_no_orphan(vault: Vault) -> None:
    vault.put("s1", "e1", some(3 * CHUNK))
    path = file_of(vault, "e1")
    path.write_bytes(path.read_bytes()[: stream.HEADER_BYTES + 2 * RECORD])

    with pytest.raises(EvidenceDamaged):
        vault.recover("s1", "e1")
    with pytest.raises(EvidenceDamaged):
        list(vault.records("s1", "e1"))


def test_no_two_chunks_and_no_two_files_share_a_key_stream(vault: Vault) -> None:
    vault.put("s1", "e1", bytes(3 * CHUNK))
    vault.put("s1", "e2", bytes(3 * CHUNK))

    chunks = {
        raw[start + 4 : start + RECORD - 16]
        for raw in (file_of(vault, "e1").read_bytes(), file_of(vault, "e2").read_bytes())
        for start in range(stream.HEADER_BYTES, len(raw), RECORD)
    }

    assert len(chunks) == 6


def test_evidence_is_never_overwritten(vault: Vault) -> None:
    vault.put("s1", "e1", b"one")

    with pytest.raises(EvidenceExists):
        vault.put("s1", "e1", b"two")
    with pytest.raises(EvidenceExists):
        vault.open_append("s1", "e1")

    assert vault.read("s1", "e1") == b"one"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "a.b", "a b", "é", "x" * 65, "a\0", "-a", "a\n"]
)
def test_ids_cannot_be_paths(vault: Vault, name: str) -> None:
    for call in (
        lambda: vault.put("s1", name, b""),
        lambda: vault.put(name, "e1", b""),
        lambda: vault.read("s1", name),
        lambda: vault.open_append(name, "e1"),
        lambda: vault.erase("s1", name),
        lambda: vault.forget(name),
    ):
        with pytest.raises(InvalidInput):
            call()


def test_what_is_not_there_is_not_found(vault: Vault) -> None:
    vault.put("s1", "e1", b"")

    with pytest.raises(NotFound):
        vault.read("s1", "e2")
    with pytest.raises(NotFound):
        vault.read("s2", "e1")


def test_appended_records_make_one_object(vault: Vault) -> None:
    appender = vault.open_append("s1", "e1")
    appender.append(b"one ")
    appender.append(b"two")

    answer = appender.finish()

    assert answer == stored(b"one two")
    assert vault.read("s1", "e1") == b"one two"
    with vault.open("s1", "e1") as reader:
        assert reader.read(2, 5) == b"e t"
    assert list(vault.records("s1", "e1")) == [b"one ", b"two", b""]


def test_an_unfinished_object_says_so(vault: Vault) -> None:
    appender = vault.open_append("s1", "e1")
    appender.append(b"one ")
    appender.append(b"two")

    records = list(vault.records("s1", "e1"))

    assert records == [b"one ", b"two"]
    with pytest.raises(EvidenceUnfinished):
        vault.read("s1", "e1")
    appender.close()


KILLED = """
import sys
from pathlib import Path
from recordings.vault import Vault
appender = Vault(Path(sys.argv[1]), bytes(range(32)), reserve=0).open_append("s1", "e1")
for number in range(5):
    appender.append(b"%d " % number * 1000)
    print(number, flush=True)
sys.stdin.read()
"""


def test_a_killed_writer_leaves_all_it_appended(vault: Vault) -> None:
    command = [sys.executable, "-c", KILLED, str(vault._root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        while writer.stdout.readline() != b"4\n":
            pass
        assert vault.orphans() == []
        with pytest.raises(Busy):
            vault.recover("s1", "e1")
        writer.send_signal(signal.SIGKILL)
    expected = b"".join(b"%d " % number * 1000 for number in range(5))
    assert vault.orphans() == [("s1", "e1")]

    answer = vault.recover("s1", "e1")

    assert answer == stored(expected)
    assert vault.read("s1", "e1") == expected
    assert vault.orphans() == []
    assert vault.recover("s1", "e1") == answer


@pytest.mark.parametrize("cut", [1, 10, 19, 30])
def test_a_torn_last_record_is_passed_over(vault: Vault, cut: int) -> None:
    appender = vault.open_append("s1", "e1")
    appender.append(b"whole")
    appender.append(b"torn by the kill")
    appender.close()
    path = file_of(vault, "e1", "part")
    os.truncate(path, path.stat().st_size - cut)

    answer = vault.recover("s1", "e1")

    assert answer == stored(b"whole")
    assert vault.read("s1", "e1") == b"whole"


def test_unwritten_blocks_at_the_end_are_passed_over(vault: Vault) -> None:
    appender = vault.open_append("s1", "e1")
    appender.append(b"whole")
    appender.append(b"lost in a power cut")
    appender.close()
    path = file_of(vault, "e1", "part")
    path.write_bytes(path.read_bytes()[:-10] + bytes(10))

    answer = vault.recover("s1", "e1")

    assert answer == stored(b"whole")


def test_damage_inside_an_orphan_is_no_torn_end(vault: Vault) -> None:
    appender = vault.open_append("s1", "e1")
    appender.append(b"one")
    appender.append(b"two")
    appender.close()
    path = file_of(vault, "e1", "part")
    path.write_bytes(flip(stream.HEADER_BYTES + 5)(path.read_bytes()))

    with pytest.raises(EvidenceDamaged):
        vault.recover("s1", "e1")


def test_an_orphan_ended_but_not_renamed_is_recovered(vault: Vault) -> None:
    vault.put("s1", "e1", b"all of it")
    file_of(vault, "e1").rename(file_of(vault, "e1", "part"))

    answer = vault.recover("s1", "e1")

    assert answer == stored(b"all of it")
    assert vault.read("s1", "e1") == b"all of it"


def test_settling_replaces_an_orphan(vault: Vault) -> None:
    appender = vault.open_append("s1", "e1")
    appender.append(b"draft")
    appender.close()

    answer = vault.settle("s1", "e1", iter([b"fair ", some(2 * CHUNK)]))

    assert answer == stored(b"fair " + some(2 * CHUNK))
    assert vault.read("s1", "e1") == b"fair " + some(2 * CHUNK)
    assert not file_of(vault, "e1", "part").exists()


def test_half_written_files_are_swept_when_they_are_old(vault: Vault) -> None:
    vault.put("s1", "e1", b"")
    for name in ("e2.0123.tmp", "e3.part", "e4.0123.tmp", "e5.part"):
        (vault._root / "s1" / name).write_bytes(b"")
    for name in ("e2.0123.tmp", "e3.part"):
        os.utime(vault._root / "s1" / name, (0, 0))

    assert vault.orphans() == []

    left = sorted(path.name for path in (vault._root / "s1").iterdir())
    assert left == ["e1.evidence", "e4.0123.tmp", "e5.part", "key"]


def test_appending_stops_while_the_reserve_is_still_free(vault: Vault) -> None:
    appender = vault.open_append("s1", "e1")
    appender.append(b"before")
    vault._reserve = 2**62

    with pytest.raises(EvidenceStoreFull):
        appender.append(b"after")
    with pytest.raises(EvidenceStoreFull):
        vault.open_append("s1", "e2")
    vault._reserve = 0
    with pytest.raises(EvidenceStoreFull):
        appender.append(b"a counter is never used twice")

    assert appender.finish() == stored(b"before")
    assert vault.put("s1", "e3", b"a picture still fits") == stored(b"a picture still fits")


def test_pictures_are_stored_until_a_quarter_of_the_reserve_is_left(vault: Vault) -> None:
    free = shutil.disk_usage(vault._root.parent).free
    vault._reserve = 2 * free
    with pytest.raises(EvidenceStoreFull):
        vault.open_append("s1", "e1")
    kept = vault.put("s1", "e2", b"a picture still fits")
    vault._reserve = 2**62

    with pytest.raises(EvidenceStoreFull):
        vault.put("s1", "e3", b"no more")

    assert kept == stored(b"a picture still fits")


def test_erasing_one_object_leaves_the_others(vault: Vault) -> None:
    vault.put("s1", "e1", b"one")
    vault.put("s1", "e2", b"two")

    assert vault.erase("s1", "e1")

    assert not vault.erase("s1", "e1")
    assert vault.read("s1", "e2") == b"two"
    with pytest.raises(NotFound):
        vault.read("s1", "e1")


def test_a_copy_of_a_forgotten_session_opens_nothing(vault: Vault) -> None:
    vault.put("s1", "e1", b"one")
    copy = file_of(vault, "e1").read_bytes()

    vault.forget("s1")

    assert not (vault._root / "s1").exists()
    vault.put("s1", "e2", b"a new key")
    file_of(vault, "e1").write_bytes(copy)
    with pytest.raises(EvidenceDamaged):
        vault.read("s1", "e1")
    vault.forget("s1")
    vault.forget("s1")


def test_the_wrap_key_has_32_bytes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(tmp_path, bytes(16))
