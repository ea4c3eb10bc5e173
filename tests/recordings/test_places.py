"""Places: on a folder and on S3 (Moto's server)."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from invigilation.errors import NotFound
from recordings import places, s3, s3_client, s3_parts
from recordings.errors import EvidenceDamaged
from recordings.places import FolderPlace, Place, PlaceAway, PlaceTaken
from recordings.s3 import S3Place
from tests.recordings.far import file_of, names
from tests.recordings.object_store import Store


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


def test_an_empty_folder_where_a_disk_was_mounted_is_away(tmp_path: Path) -> None:
    for name in ("disk", "mount"):
        (tmp_path / name).mkdir()
    (tmp_path / "mounted").symlink_to("disk")
    place = FolderPlace(tmp_path / "mounted", tmp_path / "var" / "mark")
    place.put("s1/key", file_of(tmp_path, b"one"))
    (tmp_path / "mounted").unlink()
    (tmp_path / "mounted").symlink_to("mount")

    for ask in (
        lambda: list(place.names()),
        lambda: place.put("s1/key", file_of(tmp_path, b"one")),
        lambda: place.erase("s1/key"),
    ):
        with pytest.raises(PlaceAway) as away:
            ask()
        assert "is its disk mounted?" in away.value.why

    assert list((tmp_path / "mount").iterdir()) == []
    (tmp_path / "mounted").unlink()
    (tmp_path / "mounted").symlink_to("disk")
    assert names(place) == ["s1/key"]
    (tmp_path / "var" / "mark").unlink()
    assert names(FolderPlace(tmp_path / "mounted", tmp_path / "var" / "mark")) == ["s1/key"]


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
    monkeypatch.setattr(s3_parts, "PART_BYTES", 5 * 1024 * 1024)
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
    monkeypatch.setattr(s3_client, "TRIES", 1)
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
