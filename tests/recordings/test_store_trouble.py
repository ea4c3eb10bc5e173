"""A store that hangs, that loses bytes, that is full of what nobody has room for; a lost key."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from invigilation.errors import Busy
from recordings import s3_client, s3_parts, shelved, vault
from recordings.copies import Copies
from recordings.errors import EvidenceDamaged, EvidenceStoreFull, KeyUnknown
from recordings.lanes import Lanes
from recordings.mending import mend
from recordings.places import FolderPlace, Piece, Place, PlaceAway, anything, room_on
from recordings.s3 import S3Place
from recordings.shelved import ShelvedVault
from recordings.transit import MAGIC as TRANSIT
from recordings.vault import Vault
from recordings.wrap_keys import Either, LocalKeys
from tests.recordings.far import ONE, TWO, Unreliable, file_of, files, names, put_grown, reading
from tests.recordings.far import shelved as shelved_vault
from tests.recordings.object_store import Store
from web.copies import Shelving

MB = 1024 * 1024


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a store that takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


class Hanging(Unreliable):
    """A place whose `fetch` and `read` take until `answers` is set."""

    def __init__(self, inner: Place) -> None:
        super().__init__(inner)
        self.answers = threading.Event()
        self.answers.set()

    def fetch(self, name: str, file: Path, room: Callable[[int], None] = anything) -> None:
        self._ask(f"fetch {name}")
        self.answers.wait()
        self.inner.fetch(name, file, room)

    def read(self, name: str, start: int, length: int) -> Piece:
        self._ask(f"read {name} {start}")
        self.answers.wait()
        return self.inner.read(name, start, length)


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Hanging]:
    (tmp_path / "far").mkdir()
    found = Hanging(FolderPlace(tmp_path / "far"))
    yield found
    found.answers.set()


def in_the_store(tmp_path: Path, far: Place, *idents: str, data: bytes = b"one") -> ShelvedVault:
    """Return a vault whose objects are in the store alone, and can only be fetched whole."""
    vault = shelved_vault(tmp_path, far)
    for ident in idents:
        put_grown(vault, ident, data)
    vault.shelve()
    for ident in idents:
        reading(tmp_path, ident).unlink()
    return vault


def disk_with(monkeypatch: pytest.MonkeyPatch, free: Callable[[], int]) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free()))


# --- a store that hangs --------------------------------------------------------------------------


def test_a_store_that_says_nothing_is_away_after_a_while(
    store: Store, silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("QUESTION_S", "PART_S"):
        monkeypatch.setattr(s3_client, limit, 0.2)
    place = S3Place(replace(store.bucket(), endpoint=silent))

    for ask in (
        lambda: list(place.names()),
        lambda: place.fetch("s1/key", tmp_path / "back"),
        lambda: place.put("s1/key", file_of(tmp_path, b"one")),
        lambda: place.erase("s1/key"),
    ):
        with pytest.raises(PlaceAway) as away:
            ask()
        assert "has not answered within" in away.value.why


def test_only_so_many_calls_hang_at_a_store(
    store: Store, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "QUESTION_S", 0.05)
    place = S3Place(replace(store.bucket(), endpoint=silent))
    said = [""]

    # One whose thread had not begun when its time was over does not hang.
    while len(said) < 1000 and "calls wait" not in said[-1]:
        with pytest.raises(PlaceAway) as away:
            list(place.names())
        said.append(away.value.why)

    assert said[-1] == f"{s3_client.AT_ONCE} calls wait for the store's answer"
    assert len(said) - 2 >= s3_client.AT_ONCE


async def test_while_a_store_hangs_only_its_readers_wait(
    tmp_path: Path, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    monkeypatch.setattr(vault, "ASIDE", 2)
    monkeypatch.setattr(vault, "IN_LINE", 1)
    store = in_the_store(tmp_path, hanging, "e1", "e2", "e3", "e4")
    hanging.answers.clear()

    reads = [asyncio.ensure_future(store.aside(store.read, "s1", f"e{n}")) for n in (1, 2, 3)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await store.aside(store.read, "s1", "e4")
    try:
        async with asyncio.timeout(20):
            stored = await asyncio.to_thread(store.put, "s1", "e5", b"five")
        still = not any(one.done() for one in reads)
    finally:
        hanging.answers.set()

    assert (stored.size, still) == (4, True)
    assert await asyncio.gather(*reads) == [b"one"] * 3


def test_a_session_begins_while_the_store_hangs(
    tmp_path: Path, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelved, "KEY_S", 0.05)
    store = shelved_vault(tmp_path, hanging)
    hanging.answers.clear()

    for session in ("s1", "s2"):
        store.put(session, "e1", b"one")

    assert [store.read(one, "e1") for one in ("s1", "s2")] == [b"one", b"one"]
    assert hanging.asked == ["fetch s1/key"]  # the second did not ask at all


def test_the_end_of_the_process_waits_for_no_upload_and_the_next_start_goes_on(
    tmp_path: Path, far: Unreliable
) -> None:
    store = shelved_vault(tmp_path, far)
    store.put("s1", "e1", b"one two three")
    uploading, answers = threading.Event(), threading.Event()

    def hangs() -> None:
        uploading.set()
        answers.wait()

    far.before_put = hangs

    async def service() -> None:
        sweep = asyncio.create_task(Shelving(store, settles=True).sweep())
        await asyncio.to_thread(uploading.wait)
        sweep.cancel()
        await asyncio.gather(sweep, return_exceptions=True)

    # The end of `asyncio.run` waits for all threads of the loop.
    process = threading.Thread(target=lambda: asyncio.run(service()), daemon=True)
    process.start()
    process.join(20)
    ended = not process.is_alive()
    next_start = shelved_vault(tmp_path, far.inner)
    held_by_the_dead = next_start.shelve()
    answers.set()
    process.join()

    assert ended
    assert held_by_the_dead == 0  # in truth the kernel lets go of a dead process's lock
    assert all(one.daemon for one in threading.enumerate() if one.name == "store of evidence")
    while next_start.waiting():
        next_start.shelve()
    assert next_start.read("s1", "e1") == b"one two three"


def test_lanes_are_free_again_when_their_work_is_done() -> None:
    lanes, answers = Lanes("desk", 1), threading.Event()
    with pytest.raises(TimeoutError):
        Lanes("desk", 1).within(0.01, answers.wait)
    hangs = lanes.begin(answers.wait)
    with pytest.raises(Busy):
        lanes.begin(answers.wait)

    answers.set()

    assert hangs.result(20)
    assert lanes.within(20, lambda: "free") == "free"
    with pytest.raises(ZeroDivisionError):
        lanes.within(20, lambda: 1 // 0)
    assert lanes.within(20, lambda: "still free") == "still free"


# --- room for what is fetched --------------------------------------------------------------------


def test_two_who_look_at_one_recording_fetch_it_once(tmp_path: Path, far: Unreliable) -> None:
    store = in_the_store(tmp_path, far, "e1")
    far.asked.clear()
    fetch, second, both = far.fetch, list[threading.Thread](), threading.Event()
    read: list[bytes] = []

    def slow(name: str, file: Path, room: Callable[[int], None] = anything) -> None:
        if second:
            both.set()  # somebody fetches it a second time
        else:
            second.append(threading.Thread(target=lambda: read.append(store.read("s1", "e1"))))
            second[0].start()
            both.wait(0.3)
        fetch(name, file, room)

    object.__setattr__(far, "fetch", slow)

    read.append(store.read("s1", "e1"))
    second[0].join()

    assert read == [b"one", b"one"]
    assert [one for one in far.asked if one.startswith("fetch")] == ["fetch s1/e1.evidence"]


def test_who_waits_for_a_fetch_that_fails_hears_why(tmp_path: Path, far: Unreliable) -> None:
    store = in_the_store(tmp_path, far, "e1")
    far.away = True

    for _ in range(2):
        with pytest.raises(PlaceAway):
            store.read("s1", "e1")
    far.away = False

    assert store.read("s1", "e1") == b"one"


def test_what_the_disk_has_no_room_for_is_not_fetched(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_store(tmp_path, place, "e1", data=bytes(3 * MB))
    store = ShelvedVault(tmp_path / "evidence", LocalKeys([ONE]), place, reserve=10 * MB)

    disk_with(monkeypatch, lambda: 11 * MB)
    with pytest.raises(EvidenceStoreFull):
        store.read("s1", "e1")
    nothing = files(tmp_path)
    disk_with(monkeypatch, lambda: 14 * MB)

    assert nothing == ["key"]
    assert len(store.read("s1", "e1")) == 3 * MB


def test_objects_that_come_at_the_same_time_do_not_share_one_room(
    tmp_path: Path, far: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_store(tmp_path, far, "e1", "e2", data=bytes(3 * MB))
    store = ShelvedVault(tmp_path / "evidence", LocalKeys([ONE]), far, reserve=10 * MB)
    disk_with(monkeypatch, lambda: 15 * MB)
    fetch, refused = far.fetch, list[Exception]()

    def slow(name: str, file: Path, room: Callable[[int], None] = anything) -> None:
        def first(size: int) -> None:
            room(size)
            if name == "s1/e1.evidence":
                with pytest.raises(EvidenceStoreFull) as full:
                    store.read("s1", "e2")
                refused.append(full.value)

        fetch(name, file, first)

    object.__setattr__(far, "fetch", slow)

    store.read("s1", "e1")

    assert len(refused) == 1
    assert len(store.read("s1", "e2")) == 3 * MB


def test_a_disk_that_is_full_all_the_same_says_so_and_keeps_nothing_half(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_the_store(tmp_path, place, "e1")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(EvidenceStoreFull):
            store.read("s1", "e1")

    assert files(tmp_path) == ["key"]


def test_reading_copies_go_before_recordings_stop(
    tmp_path: Path, far: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_store(tmp_path, far, "e1")
    store = ShelvedVault(tmp_path / "evidence", LocalKeys([ONE]), far, reserve=10 * MB)
    copy = reading(tmp_path)
    open_one = store.open("s1", "e1")
    disk_with(monkeypatch, lambda: 9 * MB if copy.exists() else 11 * MB)

    store.open_append("s1", "e2").append(b"goes on")

    assert not copy.exists()
    with open_one:
        assert open_one.read(0, 10) == b"one"


def test_a_copy_that_must_be_fetched_first_needs_room(
    tmp_path: Path, far: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    in_the_store(tmp_path, far, "e1", data=bytes(3 * MB))
    elsewhere = FolderPlace(tmp_path / "elsewhere")
    copies = Copies.of(tmp_path / "evidence", elsewhere, far, reserve=10 * MB)
    disk_with(monkeypatch, lambda: 11 * MB)

    with pytest.raises(EvidenceStoreFull):
        copies.copy("s1/e1.evidence", copies.sources[1], {})

    assert not list((tmp_path / "evidence").glob(".copy-*"))
    assert names(elsewhere) == []
    room_on(tmp_path, 10 * MB)(MB)


def test_what_is_finished_anew_leaves_the_reserve_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Vault(tmp_path / "evidence", ONE, reserve=8 * MB)
    appender = store.open_append("s1", "e1")
    appender.append(bytes(3 * MB))
    appender.close()
    written: list[int] = []
    monkeypatch.setattr(Vault, "_write", lambda *_: written.append(1))
    disk_with(monkeypatch, lambda: 4 * MB)  # room for both, but not for both and what must be kept

    with pytest.raises(EvidenceStoreFull):
        store.settle("s1", "e1", [bytes(3 * MB)])
    stored = store.recover("s1", "e1")

    assert written == []
    assert stored.size == 3 * MB


def test_a_recording_that_could_not_begin_holds_its_name_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Vault(tmp_path / "evidence", ONE, reserve=0)
    store.put("s1", "e1", b"one")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(EvidenceStoreFull):
            store.open_append("s1", "e2")

    store.open_append("s1", "e2").finish()
    assert store.read("s1", "e2") == b""


# --- a key that is not at hand -------------------------------------------------------------------


def test_without_its_wrap_key_an_unfinished_recording_waits(tmp_path: Path) -> None:
    appender = Vault(tmp_path / "evidence", ONE, reserve=0).open_append("s1", "e1")
    appender.append(b"one")
    appender.close()
    other = Vault(tmp_path / "evidence", TWO, reserve=0)

    with pytest.raises(KeyUnknown):
        mend(other, "s1", "e1")
    waits = [*other.keys.unknown], files(tmp_path)
    both = Vault(tmp_path / "evidence", LocalKeys([TWO, ONE]), reserve=0)

    assert waits == (["s1"], ["e1.part", "key"])
    assert mend(both, "s1", "e1").size == 3


def test_a_key_is_called_damaged_only_by_the_one_that_wrapped_it(tmp_path: Path) -> None:
    store = Vault(tmp_path / "evidence", LocalKeys([ONE]), reserve=0)
    store.put("s1", "e1", b"one")
    key = tmp_path / "evidence" / "s1" / "key"
    wrapped = key.read_bytes()
    changed = wrapped[:-1] + bytes((wrapped[-1] ^ 1,))
    cut, elsewhere, unnamed = wrapped[:-1], TRANSIT + b"vault:v1:abc", bytes(60)

    def said(keys: Any, data: bytes) -> type[Exception]:
        key.write_bytes(data)
        with pytest.raises((EvidenceDamaged, KeyUnknown)) as why:
            Vault(tmp_path / "evidence", keys, reserve=0).read("s1", "e1")
        return why.type

    ours, both = LocalKeys([ONE]), Either(LocalKeys([TWO]), [LocalKeys([ONE])])
    assert [said(ours, one) for one in (changed, cut, b"")] == [EvidenceDamaged] * 3
    assert said(both, changed) is EvidenceDamaged
    assert [said(ours, one) for one in (elsewhere, unnamed)] == [KeyUnknown] * 2
    assert said(LocalKeys([TWO]), wrapped) is KeyUnknown


def test_that_a_wrap_key_is_wrong_is_seen_by_trying_the_newest(tmp_path: Path) -> None:
    first = Vault(tmp_path / "evidence", ONE, reserve=0)
    for session in ("s1", "s2"):
        first.put(session, "e1", b"one")
    opening: list[bytes] = [TWO]

    class Turned(LocalKeys):
        def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
            return LocalKeys(opening).unwrap(wrapped, context)

    store = Vault(tmp_path / "evidence", Turned([TWO]), reserve=0)

    store.keys.probe()
    missing = sorted(store.keys.unknown)
    opening.append(ONE)
    store.keys.probe()

    assert missing == ["s1", "s2"]
    assert not store.keys.unknown


# --- a store that does not hold what it was given ------------------------------------------------


def careless(place: S3Place, harm: Callable[[bytes], bytes]) -> None:
    """Let the store take something else than what is sent, and say that all is well."""
    send = place._client.send

    def harmed(call: str, **given: Any) -> Any:
        given.pop("ChecksumSHA256", None)
        if "Body" in given:
            given["Body"] = harm(given["Body"])
        for part in given.get("MultipartUpload", {}).get("Parts", ()):
            part.pop("ChecksumSHA256")
        return send(call, **given)

    object.__setattr__(place._client, "send", harmed)


HARMS: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[:-1],
    "changed": lambda data: bytes((data[0] ^ 1,)) + data[1:],
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_the_store_does_not_hold_stays_here(store: Store, tmp_path: Path, harm: str) -> None:
    bucket = store.bucket()
    bad, good = S3Place(bucket), S3Place(bucket)
    careless(bad, HARMS[harm])
    shelved_vault(tmp_path, bad).put("s1", "e1", b"one")

    with pytest.raises(ExceptionGroup):
        shelved_vault(tmp_path, bad).shelve()
    kept = files(tmp_path)
    brought = shelved_vault(tmp_path, good).shelve()
    reading(tmp_path).unlink()

    assert kept == ["e1.evidence", "key"]
    assert brought == 1
    assert shelved_vault(tmp_path, good).read("s1", "e1") == b"one"


def test_a_part_that_came_in_changed_is_seen(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_parts, "PART_BYTES", 5 * MB)
    place = S3Place(store.bucket())
    careless(place, HARMS["changed"])
    file = file_of(tmp_path, bytes(5 * MB + 1))

    with pytest.raises(PlaceAway):
        place.put("s1/e1.evidence", file)


@pytest.mark.parametrize("harm", [None, "changed"])
def test_where_the_etag_says_nothing_the_object_is_read_back(
    store: Store, tmp_path: Path, harm: str | None
) -> None:
    place = S3Place(store.bucket())
    head = place._head

    def other(name: str) -> dict[str, Any] | None:
        found = head(name)
        return None if found is None else found | {"ETag": '"made in another way"'}

    object.__setattr__(place, "_head", other)
    if harm is not None:
        careless(place, HARMS[harm])
        with pytest.raises(PlaceAway):
            place.put("s1/key", file_of(tmp_path, b"one"))
    else:
        place.put("s1/key", file_of(tmp_path, b"one"))
        place.fetch("s1/key", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"one"
