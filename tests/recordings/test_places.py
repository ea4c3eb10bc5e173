"""Places, the vault whose objects go to one, and copies: on a folder and on S3 (Moto's server)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from invigilation.errors import NotFound
from recordings import places, s3
from recordings.copies import Copies, rewrap
from recordings.errors import EvidenceDamaged, EvidenceExists, EvidenceStoreFull
from recordings.gone import LATE_S, Gone
from recordings.places import FolderPlace, Held, Place, PlaceAway, PlaceTaken
from recordings.recorder import Recorder, mend
from recordings.s3 import S3Place
from recordings.shelved import AWAY_S, READ_AGAIN_S, ShelvedVault
from recordings.vault import Vault
from recordings.wrap_keys import LocalKeys
from tests.recordings.object_store import Store, object_store

FRAME = b"\x30\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00" + bytes(50)
ONE, TWO = bytes(range(32)), bytes(range(1, 33))


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with object_store() as running:
        yield running


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        (tmp_path / "elsewhere").mkdir()
        return FolderPlace(tmp_path / "elsewhere")
    running: Store = request.getfixturevalue("store")
    return S3Place(running.bucket("office"))


class Unreliable:
    """A place that is away when it is told to be, and says what it was asked for."""

    def __init__(self, inner: Place) -> None:
        self.inner = inner
        self.away = False
        self.asked: list[str] = []
        self.before_put = lambda: None
        self.after_put = lambda: None

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away:
            raise PlaceAway("for a test")

    def names(self, begins: str = "") -> Iterator[Held]:
        self._ask("names")
        return self.inner.names(begins)

    def put(self, name: str, file: Path, *, replace: bool = False) -> None:
        self._ask(f"put {name}")
        self.before_put()
        self.inner.put(name, file, replace=replace)
        self.after_put()

    def fetch(self, name: str, file: Path) -> None:
        self._ask(f"fetch {name}")
        self.inner.fetch(name, file)

    def erase(self, name: str) -> bool:
        self._ask(f"erase {name}")
        return self.inner.erase(name)

    def tidy(self) -> None:
        self._ask("tidy")


@pytest.fixture
def far(tmp_path: Path) -> Unreliable:
    (tmp_path / "far").mkdir()
    return Unreliable(FolderPlace(tmp_path / "far"))


def shelved(tmp_path: Path, far: Place, key: bytes = ONE) -> ShelvedVault:
    return ShelvedVault(tmp_path / "evidence", LocalKeys([key]), far, reserve=0)


def file_of(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


def names(place: Place, begins: str = "") -> list[str]:
    return [one.name for one in place.names(begins)]


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "evidence" / "s1").iterdir())


# --- places --------------------------------------------------------------------------------------


def test_what_was_put_is_fetched(place: Place, tmp_path: Path) -> None:
    data = os.urandom(100_000)
    place.put("s1/e1.evidence", file_of(tmp_path, data))
    place.put("s2/key", file_of(tmp_path, b"k"))

    place.fetch("s1/e1.evidence", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == data
    assert names(place) == ["s1/e1.evidence", "s2/key"]
    assert names(place, "s2/") == ["s2/key"]
    assert [one.size for one in place.names()] == [100_000, 1]


def test_nothing_is_overwritten_unless_it_is_to_be(place: Place, tmp_path: Path) -> None:
    place.put("s1/key", file_of(tmp_path, b"one"))
    place.put("s1/key", file_of(tmp_path, b"one"))

    with pytest.raises(PlaceTaken):
        place.put("s1/key", file_of(tmp_path, b"two"))
    place.fetch("s1/key", tmp_path / "first")
    place.put("s1/key", file_of(tmp_path, b"two"), replace=True)
    place.fetch("s1/key", tmp_path / "second")

    assert (tmp_path / "first").read_bytes() == b"one"
    assert (tmp_path / "second").read_bytes() == b"two"


def test_what_is_erased_is_gone(place: Place, tmp_path: Path) -> None:
    place.put("s1/e1.evidence", file_of(tmp_path, b"one"))

    assert place.erase("s1/e1.evidence")

    assert not place.erase("s1/e1.evidence")
    assert names(place) == []
    with pytest.raises(NotFound):
        place.fetch("s1/e1.evidence", tmp_path / "back")
    place.tidy()


def test_what_else_lies_in_a_bucket_is_none_of_ours(store: Store, tmp_path: Path) -> None:
    bucket = store.bucket("office")
    place = S3Place(bucket)
    place.put("s1/key", file_of(tmp_path, b"one"))
    for key in ("office/../../etc/passwd", "office/s1/../key", "office/readme", "other/s1/key"):
        store.client.put_object(Bucket=bucket.name, Key=key, Body=b"x")

    found = names(place)

    assert found == ["s1/key"]


def test_a_folder_that_is_not_there_is_away_and_is_not_made(tmp_path: Path) -> None:
    place = FolderPlace(tmp_path / "unmounted")

    with pytest.raises(PlaceAway):
        place.put("s1/key", file_of(tmp_path, b"one"))

    assert not (tmp_path / "unmounted").exists()


def test_what_a_kill_left_half_copied_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "s1").mkdir(parents=True)
    place = FolderPlace(tmp_path / "elsewhere")
    old, young = (tmp_path / "elsewhere" / "s1" / f"{name}.tmp" for name in ("old", "young"))
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, (1, 1))

    place.tidy()

    assert names(place) == []
    assert (old.exists(), young.exists()) == (False, True)


def test_long_objects_go_in_parts(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PART_BYTES", 5 * 1024 * 1024)
    bucket = store.bucket()
    place, data = S3Place(bucket), os.urandom(11 * 1024 * 1024)

    place.put("s1/e1.evidence", file_of(tmp_path, data))
    place.put("s1/e1.evidence", file_of(tmp_path, data))
    with pytest.raises(PlaceTaken):
        place.put("s1/e1.evidence", file_of(tmp_path, data[::-1]))
    place.fetch("s1/e1.evidence", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == data
    assert "Uploads" not in store.client.list_multipart_uploads(Bucket=bucket.name)


def test_an_upload_that_was_broken_off_is_given_up_after_a_day(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = store.bucket("office")
    place = S3Place(bucket)
    store.client.create_multipart_upload(Bucket=bucket.name, Key="office/s1/e1.evidence")
    with monkeypatch.context() as patient:
        patient.setattr(s3, "OLD", timedelta(days=36_500))  # this store dates all uploads 2010
        place.tidy()
    young = store.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", [])

    place.tidy()

    assert len(young) == 1
    assert "Uploads" not in store.client.list_multipart_uploads(Bucket=bucket.name)


def test_erasing_gives_up_uploads_of_the_object_and_of_no_other(store: Store) -> None:
    bucket = store.bucket("office")
    for name in ("e1", "e11"):
        store.client.create_multipart_upload(Bucket=bucket.name, Key=f"office/s1/{name}.evidence")
    store.client.create_multipart_upload(Bucket=bucket.name, Key="office/s1/e1.evidence.old")

    S3Place(bucket).erase("s1/e1.evidence")

    left = store.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    assert {one["Key"] for one in left} == {
        "office/s1/e11.evidence",
        "office/s1/e1.evidence.old",
    }


def test_erasing_takes_older_versions_along(store: Store, tmp_path: Path) -> None:
    bucket = store.bucket(versioned=True)
    place = S3Place(bucket)
    place.put("s1/e1.evidence", file_of(tmp_path, b"one"))
    store.client.delete_object(Bucket=bucket.name, Key="s1/e1.evidence")
    place.put("s1/key", file_of(tmp_path, b"older"))
    before = store.versions(bucket)

    place.put("s1/key", file_of(tmp_path, b"newer"), replace=True)
    erased = place.erase("s1/e1.evidence")

    assert (before, erased) == (3, True)
    assert store.versions(bucket) == 1
    assert store.keys(bucket) == ["s1/key"]


def test_a_changed_object_is_damaged(store: Store, tmp_path: Path) -> None:
    bucket = store.bucket()
    place = S3Place(bucket)
    place.put("s1/e1.evidence", file_of(tmp_path, b"one"))
    head = store.client.head_object(Bucket=bucket.name, Key="s1/e1.evidence")
    store.client.put_object(
        Bucket=bucket.name, Key="s1/e1.evidence", Body=b"two", Metadata=head["Metadata"]
    )

    with pytest.raises(EvidenceDamaged):
        place.fetch("s1/e1.evidence", tmp_path / "back")


@pytest.mark.parametrize("wrong", ["bucket", "port"])
def test_a_store_that_cannot_be_reached_is_away(
    store: Store, tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "TRIES", 1)
    bucket = store.bucket()
    bad = {"bucket": {"name": "no-such-bucket"}, "port": {"endpoint": "http://127.0.0.1:9"}}
    place = S3Place(replace(bucket, **bad[wrong]))

    with pytest.raises(PlaceAway):
        place.put("s1/key", file_of(tmp_path, b"one"))
    with pytest.raises(PlaceAway):
        list(place.names())


def test_without_an_object_store_its_library_is_not_even_read() -> None:
    program = (
        "import sys, web.vaults, recordings.copies\n"
        "from recordings.s3 import Bucket, S3Place\nS3Place(Bucket('evidence'))\n"
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )

    ended = subprocess.run([sys.executable, "-c", program], check=False)

    assert ended.returncode == 0


# --- a vault in a store --------------------------------------------------------------------------


def test_the_vault_keeps_its_promises_in_a_store(place: Place, tmp_path: Path) -> None:
    vault = shelved(tmp_path, place)
    stored = vault.put("s1", "e1", b"passport number 123456789" * 9_000)
    waiting = vault.waiting()

    brought = vault.shelve()
    for left in (tmp_path / "evidence" / "s1").iterdir():
        left.unlink()

    assert (waiting, brought, vault.waiting()) == (1, 1, 0)
    assert names(place) == ["s1/e1.evidence", "s1/key"]
    assert vault.read("s1", "e1") == b"passport number 123456789" * 9_000
    assert vault.recover("s1", "e1") == stored
    with vault.open("s1", "e1") as reader:
        assert reader.read(70_000, 70_005) == (b"passport number 123456789" * 9_000)[70_000:70_005]
    assert shelved(tmp_path / "another", place).read("s1", "e1")
    with pytest.raises(EvidenceExists):
        vault.put("s1", "e1", b"another")
    with pytest.raises(NotFound):
        vault.read("s1", "e2")
    assert vault.finished(0.0) == [("s1", "e1")]
    assert vault.finished(60.0) == []


def test_a_reading_copy_is_used_and_goes_when_nobody_reads(tmp_path: Path, far: Unreliable) -> None:
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    vault.shelve()
    far.asked.clear()

    read = [vault.read("s1", "e1") for _ in range(2)]
    asked = list(far.asked)
    reading = tmp_path / "evidence" / "s1" / "e1.reading"
    os.utime(reading, (1, 1))
    vault.read("s1", "e1")
    vault.shelve()
    kept = reading.exists()
    os.utime(reading, (1, reading.stat().st_mtime - READ_AGAIN_S - 60))
    vault.shelve()

    assert read == [b"one", b"one"]
    assert asked == []
    assert kept
    assert files(tmp_path) == ["key"]
    assert vault.read("s1", "e1") == b"one"


async def test_a_recording_grows_and_ends_while_the_store_is_away(
    tmp_path: Path, far: Unreliable
) -> None:
    far.away = True
    vault = shelved(tmp_path, far)
    recorder = Recorder(vault, "s1", "e1", 0.0)
    await recorder.start()
    for at in range(40):
        recorder.video(FRAME, at * 9_000, True, at / 10)
    stored = await recorder.finish()

    with pytest.raises(ExceptionGroup):
        vault.shelve()
    far.away = False
    brought = vault.shelve()

    assert brought == 1
    assert vault.recover("s1", "e1") == stored
    assert "s1/e1.evidence" in names(far.inner)


KILLED = """
import os, signal, sys
from pathlib import Path
from recordings.places import FolderPlace
from recordings.shelved import ShelvedVault
root, far, when = Path(sys.argv[1]), FolderPlace(Path(sys.argv[2])), sys.argv[3]
vault = ShelvedVault(root, bytes(range(32)), far, reserve=0)
if when == "growing":
    appender = vault.open_append("s1", "e1")
    for piece in (b"one ", b"two ", b"three"):
        appender.append(piece)
    os.kill(os.getpid(), signal.SIGKILL)
vault.put("s1", "e1", b"one two three")
if when == "before":
    os.kill(os.getpid(), signal.SIGKILL)
put = far.put
def dying(name, file, *, replace=False):
    put(name, file, replace=replace)
    if name.endswith(".evidence"):
        os.kill(os.getpid(), signal.SIGKILL)
object.__setattr__(far, "put", dying)
vault.shelve()
"""


@pytest.mark.parametrize("when", ["growing", "before", "after"])
def test_a_kill_loses_nothing_and_the_next_sweep_goes_on(tmp_path: Path, when: str) -> None:
    (tmp_path / "far").mkdir()
    arguments = [str(tmp_path / "evidence"), str(tmp_path / "far"), when]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    vault = shelved(tmp_path, FolderPlace(tmp_path / "far"))

    for session, ident in vault.orphans():
        mend(vault, session, ident)
    brought = vault.shelve()

    assert ended.returncode == -9
    assert brought == 1
    assert files(tmp_path) == ["e1.reading", "key"]
    (tmp_path / "evidence" / "s1" / "e1.reading").unlink()
    assert vault.read("s1", "e1") == b"one two three"


def test_erasing_reaches_the_store_at_once(place: Place, tmp_path: Path) -> None:
    vault = shelved(tmp_path, place)
    vault.put("s1", "e1", b"one")
    vault.put("s1", "e2", b"two")
    vault.shelve()

    assert vault.erase("s1", "e1")

    assert names(place, "s1/e") == ["s1/e2.evidence"]
    assert not vault.erase("s1", "e1")
    with pytest.raises(NotFound):
        vault.read("s1", "e1")
    assert vault.read("s1", "e2") == b"two"
    vault.forget("s1")
    assert names(place) == []


def test_what_never_left_the_disk_is_erased_without_the_store(
    tmp_path: Path, far: Unreliable
) -> None:
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    far.away = True

    assert vault.erase("s1", "e1")

    far.away = False
    assert vault.shelve() == 0
    assert vault.follow() == 0


def test_an_erasure_is_not_done_while_the_store_is_away(tmp_path: Path, far: Unreliable) -> None:
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    vault.shelve()
    far.away = True

    with pytest.raises(PlaceAway):
        vault.erase("s1", "e1")
    far.away = False
    unreadable = pytest.raises(NotFound)
    with unreadable:
        vault.read("s1", "e1")

    assert vault.follow() == 1
    assert names(far) == ["s1/key"]


@pytest.mark.parametrize("moment", ["before_put", "after_put"])
def test_what_is_erased_on_its_way_to_the_store_does_not_stay_there(
    tmp_path: Path, far: Unreliable, moment: str
) -> None:
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    vault.shelve()
    vault.put("s1", "e3", b"three")
    setattr(far, moment, lambda: "put s1/e3.evidence" in far.asked and vault.erase("s1", "e3"))

    try:
        vault.shelve()
    except ExceptionGroup:
        assert moment == "before_put"  # the file went under the hands of the upload
    vault.follow()

    assert names(far, "s1/e") == ["s1/e1.evidence"]
    assert files(tmp_path) == ["e1.reading", "key"]


@pytest.mark.parametrize("moment", ["before_put", "after_put"])
def test_what_another_process_brings_at_the_same_time_stays_in_the_store(
    tmp_path: Path, far: Unreliable, moment: str
) -> None:
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    whole = tmp_path / "evidence" / "s1" / "e1.evidence"

    def other() -> None:
        if far.asked[-1] == "put s1/e1.evidence":
            far.inner.put("s1/e1.evidence", whole)
            whole.rename(whole.with_suffix(".reading"))

    setattr(far, moment, other)

    brought = vault.shelve()

    whole.with_suffix(".reading").unlink()
    assert brought == 0
    assert vault.read("s1", "e1") == b"one"


def test_while_another_process_shelves_nothing_is_done(tmp_path: Path, far: Unreliable) -> None:
    vault, other = shelved(tmp_path, far), shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    meanwhile: list[int] = []
    far.after_put = lambda: meanwhile.append(other.shelve())

    brought = vault.shelve()

    assert (brought, meanwhile) == (1, [0, 0])


def test_what_is_erased_while_it_is_fetched_does_not_come_back(
    tmp_path: Path, far: Unreliable
) -> None:
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    vault.shelve()
    (tmp_path / "evidence" / "s1" / "e1.reading").unlink()
    fetch = far.fetch

    def slow(name: str, file: Path) -> None:
        fetch(name, file)
        vault.erase("s1", "e1")

    object.__setattr__(far, "fetch", slow)

    with pytest.raises(NotFound):
        vault.read("s1", "e1")

    assert files(tmp_path) == ["key"]


def test_what_is_erased_just_before_its_reading_copy_has_its_name_does_not_come_back(
    tmp_path: Path, far: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    vault.shelve()
    (tmp_path / "evidence" / "s1" / "e1.reading").unlink()
    replacing = Path.replace

    def erased(path: Path, target: Path) -> Path:
        vault.erase("s1", "e1")
        return replacing(path, target)

    monkeypatch.setattr(Path, "replace", erased)

    with pytest.raises(NotFound):
        vault.read("s1", "e1")

    assert files(tmp_path) == ["key"]


def test_an_id_that_is_used_again_after_it_was_erased_is_the_new_object(
    tmp_path: Path, far: Unreliable
) -> None:
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    vault.shelve()
    far.away = True
    with pytest.raises(PlaceAway):
        vault.erase("s1", "e1")
    far.away = False

    vault.put("s1", "e1", b"two")
    vault.shelve()
    vault.follow()

    (tmp_path / "evidence" / "s1" / "e1.reading").unlink()
    assert vault.read("s1", "e1") == b"two"


def test_a_session_begins_while_the_store_is_away_and_asks_it_once(
    tmp_path: Path, far: Unreliable
) -> None:
    far.away = True
    vault = shelved(tmp_path, far)

    for number in range(3):
        vault.put(f"s{number}", "e1", b"one")

    assert len(far.asked) == 1
    assert AWAY_S > 0


def test_a_session_whose_disk_was_lost_goes_on_under_its_old_key(
    tmp_path: Path, far: Unreliable
) -> None:
    first = shelved(tmp_path / "one", far)
    first.put("s1", "e1", b"one")
    first.shelve()
    second = shelved(tmp_path / "two", far)

    second.put("s1", "e2", b"two")
    second.shelve()

    assert shelved(tmp_path / "three", far).read("s1", "e1") == b"one"
    assert shelved(tmp_path / "three", far).read("s1", "e2") == b"two"


def test_two_keys_of_one_session_are_never_mixed_up(tmp_path: Path, far: Unreliable) -> None:
    first, second = (shelved(tmp_path / name, far) for name in ("one", "two"))
    first.put("s1", "e1", b"one")
    second.put("s1", "e2", b"two")
    first.shelve()

    with pytest.raises(ExceptionGroup) as kept:
        second.shelve()

    assert isinstance(kept.value.exceptions[0], PlaceTaken)
    assert second.read("s1", "e2") == b"two"
    assert first.read("s1", "e1") == b"one"


def test_keys_in_a_place_are_wrapped_anew(place: Place, tmp_path: Path) -> None:
    old = shelved(tmp_path, place)
    for session in ("s1", "s2"):
        old.put(session, "e1", session.encode())
    old.shelve()
    vault = ShelvedVault(tmp_path / "evidence", LocalKeys([TWO, ONE]), place, reserve=0)
    vault.keys.rewrap("s1")
    vault.put("s1", "e2", b"two")
    vault.shelve()

    changed = rewrap(place, vault.keys, tmp_path)

    elsewhere = shelved(tmp_path / "new", place, TWO)
    assert changed == 1  # the key of s1 had gone along with its next object
    assert [elsewhere.read(*one) for one in (("s1", "e1"), ("s1", "e2"), ("s2", "e1"))] == [
        b"s1",
        b"two",
        b"s2",
    ]


# --- copies --------------------------------------------------------------------------------------


def swept(copies: Copies) -> int:
    """Follow and copy, as the service's sweep does; return how many were copied."""
    copies.follow()
    held = copies.held()
    return sum([copies.copy(name, source, held) for name, source in copies.missing(held)])


def test_copies_open_like_the_vault_and_are_made_once(place: Place, tmp_path: Path) -> None:
    vault = Vault(tmp_path / "evidence", ONE, 0, Gone(tmp_path / "evidence"))
    copies = Copies.of(tmp_path / "evidence", place)
    vault.put("s1", "e1", b"one")
    growing = vault.open_append("s1", "e2")

    copied = [swept(copies), swept(copies)]
    growing.finish()
    copied.append(swept(copies))

    assert copied == [2, 0, 1]
    assert names(place) == ["s1/e1.evidence", "s1/e2.evidence", "s1/key"]
    for name in names(place):
        target = tmp_path / "restored" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        place.fetch(name, target)
    assert Vault(tmp_path / "restored", ONE, 0).read("s1", "e1") == b"one"


def test_what_is_in_the_store_is_copied_from_there(tmp_path: Path, far: Unreliable) -> None:
    (tmp_path / "elsewhere").mkdir()
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    vault.shelve()
    (tmp_path / "evidence" / "s1" / "e1.reading").unlink()
    vault.put("s1", "e2", b"two")
    copies = Copies.of(tmp_path / "evidence", FolderPlace(tmp_path / "elsewhere"), far)

    copied = swept(copies)

    assert copied == 3
    assert Vault(tmp_path / "elsewhere", ONE, 0).read("s1", "e1") == b"one"
    assert Vault(tmp_path / "elsewhere", ONE, 0).read("s1", "e2") == b"two"
    assert not list((tmp_path / "evidence").glob(".copy-*"))


def test_what_goes_to_the_store_while_it_is_to_be_copied_is_copied_all_the_same(
    tmp_path: Path, far: Unreliable
) -> None:
    (tmp_path / "elsewhere").mkdir()
    vault = shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    copies = Copies.of(tmp_path / "evidence", FolderPlace(tmp_path / "elsewhere"), far)
    listed = list(copies.missing({}))
    vault.shelve()
    (tmp_path / "evidence" / "s1" / "e1.reading").unlink()

    copied = [copies.copy(name, source, {}) for name, source in listed]

    assert copied == [True, True]
    assert Vault(tmp_path / "elsewhere", ONE, 0).read("s1", "e1") == b"one"


def test_erasure_follows_to_the_copy(place: Place, tmp_path: Path) -> None:
    root = tmp_path / "evidence"
    vault, copies = Vault(root, ONE, 0, Gone(root)), Copies.of(root, place)
    for session, ident in (("s1", "e1"), ("s1", "e2"), ("s2", "e1")):
        vault.put(session, ident, b"one")
    swept(copies)

    vault.erase("s1", "e1")
    vault.forget("s2")
    swept(copies)

    assert names(place) == ["s1/e2.evidence", "s1/key"]


def test_an_object_that_cannot_be_erased_keeps_no_other(tmp_path: Path) -> None:
    root = tmp_path / "evidence"
    (tmp_path / "elsewhere").mkdir()
    place = FolderPlace(tmp_path / "elsewhere")
    vault, copies = Vault(root, ONE, 0, Gone(root)), Copies.of(root, place)
    idents = ("e1", "e2", "e3")
    for ident in idents:
        vault.put("s1", ident, b"one")
    swept(copies)
    (tmp_path / "elsewhere" / "s1" / "e1.evidence").unlink()
    (tmp_path / "elsewhere" / "s1" / "e1.evidence").mkdir()

    with pytest.raises(PlaceAway):
        copies.erase(("s1", ident) for ident in idents[:2])
    known = names(place, "s1/e")
    for ident in idents:
        vault.erase("s1", ident)
    with pytest.raises(PlaceAway):
        copies.follow()

    assert known == ["s1/e1.evidence", "s1/e3.evidence"]
    assert names(place, "s1/e") == ["s1/e1.evidence"]


def test_on_a_full_disk_evidence_is_erased_and_the_copy_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "evidence"
    vault = Vault(root, ONE, 0, Gone(root))
    vault.put("s1", "e1", b"one")
    real = Gone.add

    def full(gone: Gone, session: str, evidence: str = "") -> None:
        if (root / "s1" / "e1.evidence").exists():
            raise EvidenceStoreFull(0)
        real(gone, session, evidence)

    monkeypatch.setattr(Gone, "add", full)

    assert vault.erase("s1", "e1")

    assert [one.evidence for one in Gone(root).all()] == ["e1"]


def test_a_vault_that_was_lost_does_not_take_its_copies_along(place: Place, tmp_path: Path) -> None:
    root = tmp_path / "evidence"
    Vault(root, ONE, 0, Gone(root)).put("s1", "e1", b"one")
    swept(Copies.of(root, place))
    root.rename(tmp_path / "lost")
    root.mkdir()

    swept(Copies.of(root, place))

    assert names(place) == ["s1/e1.evidence", "s1/key"]


def test_a_word_of_an_erasure_stays_for_a_day(tmp_path: Path) -> None:
    gone = Gone(tmp_path)
    gone.add("s1", "e1")
    gone.add("s2")
    old = next(one for one in gone.all() if one.session == "s2")
    os.utime(old.word, (1, old.word.stat().st_mtime - LATE_S - 60))

    late = gone.late()
    late[0].done()

    assert [(one.session, one.evidence) for one in late] == [("s2", "")]
    assert [(one.session, one.evidence) for one in gone.all()] == [("s1", "e1")]
    assert gone.find("s1", "e1") is not None
    assert gone.find("s1", "e2") is None


def test_a_copy_that_was_cut_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "evidence"
    vault, copies = Vault(root, ONE, 0), Copies.of(root, FolderPlace(tmp_path / "elsewhere"))
    vault.put("s1", "e1", b"one")
    swept(copies)
    (tmp_path / "elsewhere" / "s1" / "e1.evidence").write_bytes(b"cut")

    copied = swept(copies)

    assert copied == 1
    assert Vault(tmp_path / "elsewhere", ONE, 0).read("s1", "e1") == b"one"


def test_a_copy_that_is_not_what_was_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    real: Any = places._copy

    def failing(source: Path, target: Path) -> str:
        digest: str = real(source, target)
        target.write_bytes(b"what a failing disk kept")
        return digest

    monkeypatch.setattr(places, "_copy", failing)

    with pytest.raises(PlaceAway):
        FolderPlace(tmp_path / "elsewhere").put("s1/key", file_of(tmp_path, b"one"))

    assert not list((tmp_path / "elsewhere" / "s1").iterdir())
