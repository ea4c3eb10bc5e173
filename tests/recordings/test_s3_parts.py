"""Long objects go in parts, and on where they were broken off (Moto's server)."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from recordings import s3, s3_client, s3_parts
from recordings.places import PlaceAway, PlaceTaken
from recordings.s3 import S3Place
from recordings.s3_client import Bucket
from recordings.shelved import ShelvedVault
from recordings.wrap_keys import LocalKeys
from tests.recordings.far import ONE, file_of, files
from tests.recordings.object_store import Store

PART = 64 * 1024
NAME = "s1/e1.evidence"
DATA = random.Random(3).randbytes(3 * PART + 1)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_parts, "PART_BYTES", PART)
    # As other stores, this one takes no part below 5 MB, which would make these tests slow.
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", PART)


@dataclass
class Scene:
    """A bucket, and the file that is to go there."""

    store: Store
    bucket: Bucket
    file: Path

    def place(self) -> tuple[S3Place, list[int]]:
        """Return the place as a new process has it, and the parts that it sends from now on."""
        place, sent = S3Place(self.bucket), list[int]()

        def noted(call: str, given: dict[str, Any]) -> None:
            if call == "upload_part":
                sent.append(given["PartNumber"])

        on_call(place, noted)
        return place, sent

    def pending(self) -> list[dict[str, Any]]:
        found = self.store.client.list_multipart_uploads(Bucket=self.bucket.name)
        return list(found.get("Uploads", ()))

    def held(self) -> bytes:
        found = self.store.client.get_object(Bucket=self.bucket.name, Key=NAME)
        return bytes(found["Body"].read())

    def begun(self, *parts: bytes) -> str:
        """Have an upload of the object with these parts, as somebody else left it."""
        named = {"Bucket": self.bucket.name, "Key": NAME}
        ours = {s3.DIGEST: hashlib.sha256(DATA).hexdigest()}
        upload = self.store.client.create_multipart_upload(**named, Metadata=ours)["UploadId"]
        for number, data in enumerate(parts, 1):
            self.store.client.upload_part(**named, UploadId=upload, PartNumber=number, Body=data)
        return str(upload)


@pytest.fixture
def scene(store: Store, tmp_path: Path) -> Scene:
    return Scene(store, store.bucket(), file_of(tmp_path, DATA))


def on_call(place: S3Place, before: Callable[[str, dict[str, Any]], None]) -> None:
    """Have something happen before each call that brings the store something."""
    send = place._client.send

    def changed(call: str, **given: Any) -> Any:
        before(call, given)
        return send(call, **given)

    object.__setattr__(place._client, "send", changed)


def failing_at(number: int) -> Callable[[str, dict[str, Any]], None]:
    def fail(call: str, given: dict[str, Any]) -> None:
        if given.get("PartNumber") == number or (call, number) == ("complete_multipart_upload", 0):
            raise PlaceAway("the link is gone")

    return fail


# --- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fails", "rest"), [(2, [2, 3, 4]), (4, [4]), (0, [])])
def test_an_upload_goes_on_where_the_link_failed(scene: Scene, fails: int, rest: list[int]) -> None:
    first, _ = scene.place()
    on_call(first, failing_at(fails))
    with pytest.raises(PlaceAway):
        first.put(NAME, scene.file)

    second, sent = scene.place()
    second.put(NAME, scene.file)

    assert sent == rest
    assert scene.held() == DATA
    assert scene.pending() == []


KILLED = """
import json, os, signal, sys
from pathlib import Path
from recordings import s3_parts
from recordings.s3 import S3Place
from recordings.s3_client import Bucket
from recordings.shelved import ShelvedVault
from recordings.wrap_keys import LocalKeys
s3_parts.PART_BYTES = 64 * 1024
place = S3Place(Bucket(**json.loads(sys.argv[2])))
send = place._client.send
def dying(call, **given):
    if given.get("PartNumber") == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return send(call, **given)
place._client.send = dying
vault = ShelvedVault(Path(sys.argv[1]), LocalKeys([bytes(range(32))]), place, reserve=0)
vault.put("s1", "e1", bytes(150_000))
vault.shelve()
"""


def test_an_upload_goes_on_after_the_process_was_killed(scene: Scene, tmp_path: Path) -> None:
    arguments = [str(tmp_path / "evidence"), json.dumps(asdict(scene.bucket))]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    place, sent = scene.place()
    vault = ShelvedVault(tmp_path / "evidence", LocalKeys([ONE]), place, reserve=0)

    went = vault.shelve()

    assert (ended.returncode, went, sent) == (-9, 1, [3])
    assert files(tmp_path) == ["e1.reading", "key"]
    (tmp_path / "evidence" / "s1" / "e1.reading").unlink()
    assert vault.read("s1", "e1") == bytes(150_000)
    assert scene.pending() == []


def test_an_upload_goes_on_after_the_store_hung(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = scene.place()
    library, hangs = first._client._client(), threading.Event()
    upload_part = library.upload_part

    def hanging(**given: Any) -> Any:
        if given["PartNumber"] == 3:
            hangs.wait(20)
            raise PlaceAway("at last")
        return upload_part(**given)

    def shorter(_call: str, given: dict[str, Any]) -> None:
        if given.get("PartNumber") == 3:
            monkeypatch.setattr(s3_client, "PART_S", 0.1)

    monkeypatch.setattr(library, "upload_part", hanging)
    on_call(first, shorter)
    with pytest.raises(PlaceAway) as why:
        first.put(NAME, scene.file)
    hangs.set()
    monkeypatch.setattr(library, "upload_part", upload_part)
    monkeypatch.setattr(s3_client, "PART_S", 20.0)

    second, sent = scene.place()
    second.put(NAME, scene.file)

    assert "has not answered within" in why.value.why
    assert sent == [3, 4]
    assert scene.held() == DATA


def test_the_upload_that_has_come_furthest_goes_on(scene: Scene) -> None:
    scene.begun(DATA[:PART])
    scene.begun(DATA[:PART], DATA[PART : 2 * PART])
    scene.begun()
    place, sent = scene.place()

    place.put(NAME, scene.file)

    assert sent == [3, 4]
    assert scene.held() == DATA
    assert len(scene.pending()) == 2
    place.tidy()
    assert [len(held) for held in map(place._uploads._held, scene.pending())] == [1]


# --- what is not gone on with --------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["changed", "cut"])
def test_a_part_that_is_not_ours_is_sent_anew(scene: Scene, harm: str) -> None:
    first, _ = scene.place()
    on_call(first, failing_at(4))
    with pytest.raises(PlaceAway):
        first.put(NAME, scene.file)
    [upload] = scene.pending()
    wrong = bytes(PART) if harm == "changed" else DATA[PART : 2 * PART - 1]
    named = {"Bucket": scene.bucket.name, "Key": NAME, "UploadId": upload["UploadId"]}
    scene.store.client.upload_part(**named, PartNumber=2, Body=wrong)

    second, sent = scene.place()
    second.put(NAME, scene.file)

    assert sent == [2, 4]
    assert scene.held() == DATA


def test_an_upload_of_another_file_is_left_alone(scene: Scene) -> None:
    other = scene.begun(DATA[1 : PART + 1])
    place, sent = scene.place()

    place.put(NAME, scene.file)

    assert sent == [1, 2, 3, 4]
    assert scene.held() == DATA
    assert [one["UploadId"] for one in scene.pending()] == [other]
    place.tidy()
    place.erase(NAME)
    assert scene.pending() == []


def test_where_a_store_does_not_tell_its_parts_an_upload_begins_anew(scene: Scene) -> None:
    first, _ = scene.place()
    on_call(first, failing_at(3))
    with pytest.raises(PlaceAway):
        first.put(NAME, scene.file)
    second, sent = scene.place()
    pages = second._client.pages

    def refusing(call: str, **given: Any) -> Any:
        if call == "list_parts":
            raise ClientError({"Error": {"Code": "AccessDenied"}}, call)
        return pages(call, **given)

    object.__setattr__(second._client, "pages", refusing)

    second.put(NAME, scene.file)

    assert sent == [1, 2, 3, 4]
    assert scene.held() == DATA


def test_what_is_there_already_is_not_sent_again(scene: Scene) -> None:
    place, sent = scene.place()
    place.put(NAME, scene.file)
    sent.clear()

    place.put(NAME, scene.file)

    assert sent == []


def test_an_upload_that_the_store_refuses_in_the_end_is_given_up(scene: Scene) -> None:
    place, _ = scene.place()

    def overtaken(call: str, _given: dict[str, Any]) -> None:
        if call == "complete_multipart_upload":
            scene.store.client.put_object(Bucket=scene.bucket.name, Key=NAME, Body=b"another")

    on_call(place, overtaken)

    with pytest.raises(PlaceTaken):
        place.put(NAME, scene.file)

    assert scene.pending() == []
    assert scene.held() == b"another"


# --- what nobody goes on with --------------------------------------------------------------------


def test_an_upload_that_goes_on_slowly_is_not_given_up_and_one_that_stopped_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = scene.place()
    on_call(first, failing_at(2))
    with pytest.raises(PlaceAway):
        first.put(NAME, scene.file)

    first.tidy()  # this store dates all uploads 2010, and parts as they come
    slow = len(scene.pending())
    monkeypatch.setattr(s3, "OLD", timedelta(days=-1))
    first.tidy()

    assert slow == 1
    assert scene.pending() == []


def test_what_is_erased_before_all_of_it_came_leaves_no_parts(scene: Scene, tmp_path: Path) -> None:
    place, _ = scene.place()
    on_call(place, failing_at(2))
    vault = ShelvedVault(tmp_path / "evidence", LocalKeys([ONE]), place, reserve=0)
    vault.put("s1", "e1", DATA)
    with pytest.raises(ExceptionGroup):
        vault.shelve()
    before = len(scene.pending())

    vault.erase("s1", "e1")
    vault.follow()

    assert before == 1
    assert scene.pending() == []
