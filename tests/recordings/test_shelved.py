"""A vault whose finished objects go to a place: on a folder and on S3 (Moto's server)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from invigilation.errors import NotFound
from recordings.copies import rewrap
from recordings.errors import EvidenceExists
from recordings.mending import mend
from recordings.places import FolderPlace, Place, PlaceAway, PlaceTaken
from recordings.recorder import Recorder
from recordings.shelved import AWAY_S, READ_AGAIN_S, ShelvedVault
from recordings.wrap_keys import LocalKeys
from tests.recordings.far import ONE, TWO, Unreliable, brought, files, names, reading, shelved

FRAME = b"\x30\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00" + bytes(50)


def test_the_vault_keeps_its_promises_in_a_store(place: Place, tmp_path: Path) -> None:
    vault = shelved(tmp_path, place)
    stored = vault.put("s1", "e1", b"passport number 123456789" * 9_000)
    waiting = vault.waiting()

    went = vault.shelve()
    for left in (tmp_path / "evidence" / "s1").iterdir():
        left.unlink()

    assert (waiting, went, vault.waiting()) == (1, 1, 0)
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
    vault = brought(tmp_path, far, "e1")
    far.asked.clear()

    read = [vault.read("s1", "e1") for _ in range(2)]
    asked, copy = list(far.asked), reading(tmp_path)
    os.utime(copy, (1, 1))
    vault.read("s1", "e1")
    vault.shelve()
    kept = copy.exists()
    os.utime(copy, (1, copy.stat().st_mtime - READ_AGAIN_S - 60))
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
    went = vault.shelve()

    assert went == 1
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
    went = vault.shelve()

    assert ended.returncode == -9
    assert went == 1
    assert files(tmp_path) == ["e1.reading", "key"]
    reading(tmp_path).unlink()
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
    vault = brought(tmp_path, far, "e1")
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
    vault = brought(tmp_path, far, "e1")
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

    went = vault.shelve()

    whole.with_suffix(".reading").unlink()
    assert went == 0
    assert vault.read("s1", "e1") == b"one"


def test_while_another_process_shelves_nothing_is_done(tmp_path: Path, far: Unreliable) -> None:
    vault, other = shelved(tmp_path, far), shelved(tmp_path, far)
    vault.put("s1", "e1", b"one")
    meanwhile: list[int] = []
    far.after_put = lambda: meanwhile.append(other.shelve())

    went = vault.shelve()

    assert (went, meanwhile) == (1, [0, 0])


def test_what_is_erased_while_it_is_fetched_does_not_come_back(
    tmp_path: Path, far: Unreliable
) -> None:
    vault = brought(tmp_path, far, "e1", grown=True)
    reading(tmp_path).unlink()
    fetch = far.fetch

    def slow(name: str, file: Path, room: Callable[[int], None]) -> None:
        fetch(name, file, room)
        vault.erase("s1", "e1")

    object.__setattr__(far, "fetch", slow)

    with pytest.raises(NotFound):
        vault.read("s1", "e1")

    assert files(tmp_path) == ["key"]


def test_what_is_erased_just_before_its_reading_copy_has_its_name_does_not_come_back(
    tmp_path: Path, far: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = brought(tmp_path, far, "e1", grown=True)
    reading(tmp_path).unlink()
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
    vault = brought(tmp_path, far, "e1")
    far.away = True
    with pytest.raises(PlaceAway):
        vault.erase("s1", "e1")
    far.away = False

    vault.put("s1", "e1", b"two")
    vault.shelve()
    vault.follow()

    reading(tmp_path).unlink()
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
