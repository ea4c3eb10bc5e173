"""A place in an object store that speaks S3: Amazon's, MinIO, Ceph and others.

Each part is sent with its SHA-256, which the store checks before it takes it; the SHA-256 of the
whole lies beside the object as metadata and is held against whatever comes back. Nothing is
overwritten: `If-None-Match: *` lets the first writer win. boto3 is imported with the first use,
for it is slow and large, and most services have no such store.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from invigilation.errors import NotFound
from recordings.errors import EvidenceDamaged
from recordings.places import CHUNK, Held, PlaceAway, PlaceTaken, digest_of, is_ours

PART_BYTES = 16 * 1024 * 1024
"""Longer objects are sent in parts of this size (10,000 at most: 160 GB)."""
CONNECT_S, ANSWER_S = 3, 60
TRIES = 2
OLD = timedelta(days=1)
_CONNECTING = threading.Lock()
_ABSENT = {"404", "NoSuchKey", "NotFound"}
_TAKEN = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}
_UNKNOWN = {"501", "NotImplemented", "MethodNotAllowed"}
DIGEST = "sha256"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Which store: `s3://NAME/PREFIX`, and how to get in; without keys boto3 looks for them."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    key_id: str = ""
    secret: str = field(default="", repr=False)


class S3Place:
    """A `Place` in a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._prefix = f"{bucket.prefix.strip('/')}/" if bucket.prefix.strip("/") else ""
        self._made: Any = None
        self._lock = threading.Lock()

    def names(self, begins: str = "") -> Iterator[Held]:
        """Yield all objects whose names begin so, in order."""
        with _errors():
            pages = self._client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket.name, Prefix=self._prefix + begins):
                for one in page.get("Contents", ()):
                    name = one["Key"].removeprefix(self._prefix)
                    if is_ours(name):
                        yield Held(name, one["Size"], one["LastModified"].timestamp())

    def put(self, name: str, file: Path, *, replace: bool = False) -> None:
        """Send the file, and see that the store has all of it."""
        digest, size = digest_of(file), file.stat().st_size
        only = {} if replace else {"IfNoneMatch": "*"}
        given = {**self._of(name), "Metadata": {DIGEST: digest}}
        with _errors():
            try:
                if size <= PART_BYTES:
                    sent = file.read_bytes()
                    self._client().put_object(
                        **given, **only, Body=sent, ChecksumSHA256=_checksum(sent)
                    )
                else:
                    self._parts(name, given, only, file)
            except self._refused() as error:
                if _code(error) not in _TAKEN:
                    raise
            if self._known(name) != (digest, size):
                raise PlaceTaken(name)
            if replace:
                self._drop(self._prefix + name, older=True)

    def fetch(self, name: str, file: Path) -> None:
        """Write the object to a new file; raises NotFound and EvidenceDamaged."""
        digest = hashlib.sha256()
        with _errors(name):
            answer = self._client().get_object(**self._of(name))
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with (
                open(handle, "wb") as written,  # noqa: PTH123 - a descriptor has no path
                contextlib.closing(answer["Body"]) as body,
            ):
                while chunk := body.read(CHUNK):
                    digest.update(chunk)
                    written.write(chunk)
                written.flush()
                os.fsync(written.fileno())
        if answer["Metadata"].get(DIGEST) != digest.hexdigest():
            raise EvidenceDamaged(name, "what the store gave back is not what it was given")

    def erase(self, name: str) -> bool:
        """Remove the object with all its versions, and give up uploads that would bring it back."""
        with _errors():
            try:
                for one in self._uploads(self._prefix + name):
                    if one["Key"] == self._prefix + name:
                        self._give_up(one)
            finally:
                dropped = self._drop(self._prefix + name)
            if self._known(name) is not None:
                raise PlaceAway(f"{name} cannot be erased")
        return dropped > 0

    def tidy(self) -> None:
        """Give up uploads in parts that nobody has gone on with for a day."""
        before = datetime.now(UTC) - OLD
        with _errors():
            for one in self._uploads(self._prefix):
                if one["Initiated"] < before:
                    self._give_up(one)

    def _of(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket.name, "Key": self._prefix + name}

    def _parts(self, name: str, given: dict[str, Any], only: dict[str, str], file: Path) -> None:
        client = self._client()
        upload = client.create_multipart_upload(**given, ChecksumAlgorithm="SHA256")["UploadId"]
        try:
            done = [*self._sent(name, upload, file)]
            client.complete_multipart_upload(
                **self._of(name), **only, UploadId=upload, MultipartUpload={"Parts": done}
            )
        except BaseException:
            with contextlib.suppress(Exception):
                client.abort_multipart_upload(**self._of(name), UploadId=upload)
            raise

    def _sent(self, name: str, upload: str, file: Path) -> Iterator[dict[str, Any]]:
        with file.open("rb") as opened:
            number = 0
            while part := opened.read(PART_BYTES):
                number += 1
                checksum = _checksum(part)
                answer = self._client().upload_part(
                    **self._of(name),
                    UploadId=upload,
                    PartNumber=number,
                    Body=part,
                    ChecksumSHA256=checksum,
                )
                yield {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    def _uploads(self, begins: str) -> Iterator[dict[str, Any]]:
        """Yield the uploads in parts that have not ended, of keys that begin so."""
        try:
            pages = self._client().get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket.name, Prefix=begins):
                yield from page.get("Uploads", ())
        except self._refused() as error:
            if _code(error) not in _UNKNOWN:
                raise

    def _give_up(self, upload: dict[str, Any]) -> None:
        """Remove an upload and its parts; it may have ended meanwhile."""
        try:
            self._client().abort_multipart_upload(
                Bucket=self._bucket.name, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        except self._refused() as error:
            if _code(error) != "NoSuchUpload":
                raise

    def _known(self, name: str) -> tuple[str, int] | None:
        """Return digest and size of what lies there, if something does."""
        try:
            answer = self._client().head_object(**self._of(name))
        except self._refused() as error:
            if _code(error) in _ABSENT:
                return None
            raise
        return answer["Metadata"].get(DIGEST, ""), answer["ContentLength"]

    def _drop(self, key: str, *, older: bool = False) -> int:
        """Remove all versions of an object, or the `older` ones; return how many there were."""
        versions = list(self._versions(key, older=older))
        for version in versions:
            self._client().delete_object(Bucket=self._bucket.name, Key=key, **version)
        return len(versions)

    def _versions(self, key: str, *, older: bool) -> Iterator[dict[str, str]]:
        """Yield what names each version of an object to `delete_object`."""
        try:
            pages = self._client().get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self._bucket.name, Prefix=key):
                for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    if one["Key"] == key and not (older and one["IsLatest"]):
                        yield {"VersionId": one["VersionId"]}
        except self._refused() as error:
            if _code(error) not in _UNKNOWN:
                raise
            if not older and self._known(key.removeprefix(self._prefix)) is not None:
                yield {}

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _connect(self._bucket)
            return self._made

    def _refused(self) -> type[Exception]:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see the module

        refused: type[Exception] = ClientError
        return refused


def _connect(bucket: Bucket) -> Any:
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=ANSWER_S,
        retries={"max_attempts": TRIES, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if bucket.endpoint else "auto"},
    )
    with _CONNECTING:
        return _session().client(
            "s3",
            endpoint_url=bucket.endpoint or None,
            region_name=bucket.region or None,
            aws_access_key_id=bucket.key_id or None,
            aws_secret_access_key=bucket.secret or None,
            config=config,
        )


@cache
def _session() -> Any:
    """Return what all stores share: its descriptions of the service take 20 MB."""
    import boto3  # noqa: PLC0415 - see the module

    return boto3.session.Session()


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _code(error: Exception) -> str:
    answer: Any = getattr(error, "response", {})
    return str(answer.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def _errors(name: str = "") -> Iterator[None]:
    """Name what the library raises as ours."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see the module
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - the library lets some through

    try:
        yield
    except ClientError as error:
        if name and _code(error) in _ABSENT:
            raise NotFound("evidence", name) from None
        raise PlaceAway(f"the store answered {_code(error)}") from error
    except (BotoCoreError, HTTPError) as error:
        raise PlaceAway(f"{type(error).__name__}: {error}") from error
