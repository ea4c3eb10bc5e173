"""A place in an object store that speaks S3: Amazon's, MinIO, Ceph and others.

Each object, or part of one (`recordings.s3_parts`), is sent with its SHA-256, which a good store
checks before it takes it; the SHA-256 of the whole lies beside the object as metadata and is held
against an object that comes back whole. Not every store checks: so after an upload it is asked what
it holds. Its size and ETag (which most stores make as the MD5 of what came) must be ours; where the
ETag is made in another way, the object is read back.
Nothing is overwritten: `If-None-Match: *` lets the first writer win.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from recordings.appender import disk_errors
from recordings.errors import EvidenceDamaged
from recordings.places import (
    CHUNK,
    Held,
    Piece,
    PlaceAway,
    PlaceTaken,
    WholeOnly,
    anything,
    is_ours,
)
from recordings.s3_client import (
    ABSENT,
    PIECE_S,
    TAKEN,
    UNKNOWN,
    Bucket,
    Client,
    code_of,
    errors,
    refused,
)
from recordings.s3_parts import Sum, Uploads

__all__ = ["Bucket", "S3Place"]

OLD = timedelta(days=1)
DIGEST = "sha256"
BEYOND = {"416", "InvalidRange", "RequestedRangeNotSatisfiable"}
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)


class S3Place:
    """A `Place` in a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._prefix = f"{bucket.prefix.strip('/')}/" if bucket.prefix.strip("/") else ""
        self._client = Client(bucket)
        self._uploads = Uploads(self._client, bucket.name)

    def names(self, begins: str = "") -> Iterator[Held]:
        """Yield all objects whose names begin so, in order."""
        with errors():
            for page in self._pages("list_objects_v2", self._prefix + begins):
                for one in page.get("Contents", ()):
                    name = one["Key"].removeprefix(self._prefix)
                    if is_ours(name):
                        yield Held(name, one["Size"], one["LastModified"].timestamp())

    def put(self, name: str, file: Path, *, replace: bool = False) -> None:
        """Send the file, and see that the store holds what was sent."""
        with errors(), file.open("rb") as opened:  # one file, whatever takes its name meanwhile
            ours = Sum.of(opened)
            if not self._send(name, opened, ours, replace=replace):
                held = self._head(name)
                if held is None:
                    raise PlaceAway(f"{name} was being written by somebody else")
                if held["Metadata"].get(DIGEST) != ours.digest:
                    raise PlaceTaken(name)
                if self._holds(name, ours):
                    return
                # An upload of ours that came in damaged, before anybody looked.
                self._send(name, opened, ours, replace=True)
                replace = True
            if not self._holds(name, ours):
                raise PlaceAway(f"the store does not hold {name} as it was sent")
            if replace:
                self._drop(self._prefix + name, older=True)

    def fetch(self, name: str, file: Path, room: Callable[[int], None] = anything) -> None:
        """Write the object to a new file; raises NotFound and EvidenceDamaged."""
        digest = hashlib.sha256()
        with errors(name), disk_errors(name), self._got(name) as answer:
            room(answer["ContentLength"])
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(handle, "wb") as written:  # noqa: PTH123 - a descriptor has no path
                for chunk in self._chunks(answer):
                    digest.update(chunk)
                    written.write(chunk)
                written.flush()
                os.fsync(written.fileno())
        if answer["Metadata"].get(DIGEST) != digest.hexdigest():
            raise EvidenceDamaged(name, "what the store gave back is not what it was given")

    def read(self, name: str, start: int, length: int) -> Piece:
        """Return a piece of the object; raises NotFound, EvidenceDamaged and WholeOnly."""
        with errors(name):
            try:
                with self._got(name, Range=f"bytes={start}-{start + length - 1}") as answer:
                    whole = _whole_of(answer, start, length)
                    return Piece(self._some(answer, length), whole)
            except refused() as error:
                if code_of(error) not in BEYOND:
                    raise
                raise EvidenceDamaged(name, "it is shorter than it was") from None

    def erase(self, name: str) -> bool:
        """Remove the object with all its versions, and give up uploads that would bring it back."""
        with errors():
            try:
                for one in self._uploads.pending(self._prefix + name):
                    if one["Key"] == self._prefix + name:
                        self._uploads.give_up(one)
            finally:
                dropped = self._drop(self._prefix + name)
            if self._head(name) is not None:
                raise PlaceAway(f"{name} cannot be erased")
        return dropped > 0

    def tidy(self) -> None:
        """Give up uploads in parts that nobody has gone on with for a day."""
        with errors():
            self._uploads.tidy(self._prefix, datetime.now(UTC) - OLD)

    def _of(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket.name, "Key": self._prefix + name}

    def _pages(self, call: str, begins: str) -> Iterator[Any]:
        return self._client.pages(call, Bucket=self._bucket.name, Prefix=begins)

    def _send(self, name: str, file: BinaryIO, ours: Sum, *, replace: bool) -> bool:
        """Send it; say whether the store has taken it, for there may be one already."""
        only = {} if replace else {"IfNoneMatch": "*"}
        given = {"Metadata": {DIGEST: ours.digest}}
        try:
            if len(ours.parts) > 1:
                if not replace and self._head(name) is not None:
                    return False  # else all of it would be sent before the store says so
                self._uploads.bring(self._prefix + name, file, ours, given, only)
                return True
            file.seek(0)
            whole = {"Body": file.read(), "ChecksumSHA256": ours.parts[0].sha256}
            self._client.send("put_object", **self._of(name), **given, **only, **whole)
        except refused() as error:
            if code_of(error) not in TAKEN:
                raise
            return False
        return True

    def _holds(self, name: str, ours: Sum) -> bool:
        """Say whether what the store holds is what was sent."""
        held = self._head(name)
        if held is None or held["Metadata"].get(DIGEST) != ours.digest:
            return False
        if held["ContentLength"] != ours.size:
            return False
        return held.get("ETag", "").strip('"') == ours.etag or self._read_back(name) == ours.digest

    def _read_back(self, name: str) -> str:
        digest = hashlib.sha256()
        with self._got(name) as answer:
            for chunk in self._chunks(answer):
                digest.update(chunk)
        return digest.hexdigest()

    @contextlib.contextmanager
    def _got(self, name: str, **given: str) -> Iterator[dict[str, Any]]:
        """Begin to read an object; its body follows while the block lasts."""
        answer: dict[str, Any] = self._client.ask("get_object", **self._of(name), **given)
        try:
            yield answer
        finally:
            self._client.let_go(answer["Body"].close)

    def _chunks(self, answer: dict[str, Any]) -> Iterator[bytes]:
        read = partial(answer["Body"].read, CHUNK)
        while chunk := self._client.within(PIECE_S, read):
            yield chunk

    def _some(self, answer: dict[str, Any], most: int) -> bytes:
        data = bytearray()
        for chunk in self._chunks(answer):
            data += chunk
            if len(data) >= most:
                break
        return bytes(data[:most])

    def _head(self, name: str) -> dict[str, Any] | None:
        """Return what the store says of what lies there, if something does."""
        try:
            answer: dict[str, Any] = self._client.ask("head_object", **self._of(name))
        except refused() as error:
            if code_of(error) in ABSENT:
                return None
            raise
        return answer

    def _drop(self, key: str, *, older: bool = False) -> int:
        """Remove all versions of an object, or the `older` ones; return how many there were."""
        versions = list(self._versions(key, older=older))
        for version in versions:
            self._client.ask("delete_object", Bucket=self._bucket.name, Key=key, **version)
        return len(versions)

    def _versions(self, key: str, *, older: bool) -> Iterator[dict[str, str]]:
        """Yield what names each version of an object to `delete_object`."""
        try:
            for page in self._pages("list_object_versions", key):
                for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    if one["Key"] == key and not (older and one["IsLatest"]):
                        yield {"VersionId": one["VersionId"]}
        except refused() as error:
            if code_of(error) not in UNKNOWN:
                raise
            if not older and self._head(key.removeprefix(self._prefix)) is not None:
                yield {}


def _whole_of(answer: dict[str, Any], start: int, length: int) -> int:
    """Return how long an object is of which these bytes were wanted; raises WholeOnly.

    A store need not know ranges: then it answers with the whole object (RFC 9110 14.2).
    """
    told = _RANGE.fullmatch(answer.get("ContentRange") or "")
    if told is None:
        whole = int(answer["ContentLength"])
        if start == 0 and whole <= length:
            return whole
        raise WholeOnly
    first, last, whole = map(int, told.groups())
    if (first, last + 1) != (start, min(start + length, whole)):
        raise WholeOnly
    return whole
