"""Long objects on their way to a store: sent in parts, and gone on with where that was broken off.

A link that fails, or the end of the process, leaves an upload in the store that has not ended. The
next one for the same object asks which parts are there, keeps those that are ours by size and
digest, and sends the rest. No list is kept here: the first part says whether it is the same file,
for it begins with the random salt of `recordings.stream`. What nobody goes on with for a day is
given up, so that it costs nothing for ever.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Self

from recordings.s3_client import UNKNOWN, Client, code_of, refused, status_of

PART_BYTES = 16 * 1024 * 1024
"""Longer objects are sent in parts of this size (10,000 at most: 160 GB)."""
FORBIDDEN, NO_UPLOAD = "AccessDenied", "NoSuchUpload"
PASSING = {403, 408, 429}
"""Refusals that may be none the next time: of keys that were renewed, say."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a file: its number from 1, its bytes, its MD5 in hex, its SHA-256 in Base64."""

    number: int
    size: int
    md5: str
    sha256: str

    @classmethod
    def of(cls, number: int, data: bytes) -> Self:
        """Return what describes these bytes."""
        sha256 = base64.b64encode(hashlib.sha256(data).digest()).decode()
        return cls(number, len(data), _md5(data), sha256)

    def is_(self, held: dict[str, Any] | None) -> bool:
        """Say whether what the store says it has is this part.

        Most stores make a part's ETag as its MD5; those that do not tell the SHA-256 that came.
        """
        return (
            held is not None
            and held["Size"] == self.size
            and (held["ETag"].strip('"') == self.md5 or held.get("ChecksumSHA256") == self.sha256)
        )


@dataclass(frozen=True, slots=True)
class Sum:
    """What a file is: its SHA-256 in hex, its bytes, its parts (of an empty file, an empty one)."""

    digest: str
    size: int
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, file: BinaryIO) -> Self:
        """Read the file once."""
        whole, parts = hashlib.sha256(), list[Part]()
        file.seek(0)
        while (data := file.read(PART_BYTES)) or not parts:
            whole.update(data)
            parts.append(Part.of(len(parts) + 1, data))
        return cls(whole.hexdigest(), sum(part.size for part in parts), tuple(parts))

    @property
    def etag(self) -> str:
        """Return the ETag that most stores make of it."""
        if len(self.parts) == 1:
            return self.parts[0].md5
        joined = b"".join(bytes.fromhex(part.md5) for part in self.parts)
        return f"{_md5(joined)}-{len(self.parts)}"


class Uploads:
    """The uploads in parts of one bucket."""

    def __init__(self, client: Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def bring(
        self, key: str, file: BinaryIO, ours: Sum, given: dict[str, Any], only: dict[str, str]
    ) -> None:
        """Send the file as the object `key`, but for the parts that the store has already.

        `given` is said of the object when its upload begins, `only` is the condition under which it
        may end. What breaks off stays there to be gone on with; what the store refuses does not.
        """
        upload, held = self._begun(key, ours) or (self._begin(key, given), {})
        named: dict[str, Any] = {"Bucket": self._bucket, "Key": key, "UploadId": upload}
        done = [
            {
                "PartNumber": part.number,
                "ETag": self._etag(named, file, part, held.get(part.number)),
                "ChecksumSHA256": part.sha256,
            }
            for part in ours.parts
        ]
        try:
            end = {**named, **only, "MultipartUpload": {"Parts": done}}
            self._client.send("complete_multipart_upload", **end)
        except refused() as error:
            if 400 <= status_of(error) < 500 and status_of(error) not in PASSING:
                with contextlib.suppress(Exception):
                    self.give_up(named)
            raise

    def pending(self, begins: str) -> Iterator[dict[str, Any]]:
        """Yield the uploads in parts that have not ended, of keys that begin so."""
        try:
            for page in self._client.pages(
                "list_multipart_uploads", Bucket=self._bucket, Prefix=begins
            ):
                yield from page.get("Uploads", ())
        except refused() as error:
            if code_of(error) not in UNKNOWN:
                raise

    def give_up(self, upload: dict[str, Any]) -> None:
        """Remove an upload and its parts; it may have ended meanwhile."""
        try:
            self._client.ask(
                "abort_multipart_upload",
                Bucket=self._bucket,
                Key=upload["Key"],
                UploadId=upload["UploadId"],
            )
        except refused() as error:
            if code_of(error) != NO_UPLOAD:
                raise

    def tidy(self, begins: str, before: datetime) -> None:
        """Give up uploads to which no part came since then."""
        for one in self.pending(begins):
            if one["Initiated"] < before and self._newest(one) < before:
                self.give_up(one)

    def _begin(self, key: str, given: dict[str, Any]) -> str:
        where = {"Bucket": self._bucket, "Key": key}
        answer = self._client.ask(
            "create_multipart_upload", **where, **given, ChecksumAlgorithm="SHA256"
        )
        return str(answer["UploadId"])

    def _begun(self, key: str, ours: Sum) -> tuple[str, dict[int, dict[str, Any]]] | None:
        """Return the upload of this file that has come furthest, and the parts that it has."""
        found = [
            (one["UploadId"], held)
            for one in self.pending(key)
            if one["Key"] == key and ours.parts[0].is_((held := self._held(one)).get(1))
        ]
        return max(found, key=lambda one: len(one[1]), default=None)

    def _etag(
        self, named: dict[str, Any], file: BinaryIO, part: Part, held: dict[str, Any] | None
    ) -> str:
        """Return how the store calls a part, which is sent if it does not have it."""
        if held is not None and part.is_(held):
            return str(held["ETag"])
        file.seek((part.number - 1) * PART_BYTES)
        answer = self._client.send(
            "upload_part",
            **named,
            PartNumber=part.number,
            Body=file.read(part.size),
            ChecksumSHA256=part.sha256,
        )
        return str(answer["ETag"])

    def _held(self, upload: dict[str, Any]) -> dict[int, dict[str, Any]]:
        """Return the parts that the store has of an upload; none where it does not say."""
        named = {"Bucket": self._bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
        try:
            return {
                part["PartNumber"]: part
                for page in self._client.pages("list_parts", **named)
                for part in page.get("Parts", ())
            }
        except refused() as error:
            if code_of(error) not in {FORBIDDEN, NO_UPLOAD, *UNKNOWN}:
                raise
            return {}

    def _newest(self, upload: dict[str, Any]) -> datetime:
        """Return when the newest part of an upload came, or when it began."""
        came: list[datetime] = [part["LastModified"] for part in self._held(upload).values()]
        return max(came, default=upload["Initiated"])


def _md5(data: bytes) -> str:
    """Return what most stores make ETags of; it secures nothing."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
