r"""Still pictures of a stretch of time as one piece of evidence.

```
file    = "INVSTILL1\n" entry*
entry   = head "\n" picture
head    = {"at":"2026-11-23T10:02:11.000Z","sha256":"<hex>","size":6123}   JSON, in one line
picture = size bytes: a JPEG, whose SHA-256 the head names
```

`at` is when it was taken, by the server's clock (UTC). Pictures stand in the order in which they
were kept: those from just before an incident may stand behind a later one. A file that was cut
ends with its last whole entry.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from invigilation.errors import Busy
from recordings.appender import Appender, Stored
from recordings.errors import PictureUndecodable
from recordings.vault import Vault

MAGIC = b"INVSTILL1\n"
BEGINNINGS = (MAGIC, b'{"at":')
"""How a file begins, and each entry."""
HEAD_LIMIT = 200
PICTURE_LIMIT = 64 * 1024
"""Of one picture as it is kept; a larger one is passed over."""
STRETCH_LIMIT = 16 * 1024 * 1024
"""Of one file; what comes then goes into another."""
WAITING_LIMIT = 16
"""Pictures that wait to be drawn anew; further ones are not kept."""
HOLDS = timedelta(seconds=15)
"""A picture stands for what was to be seen for so long: one in ten seconds is kept."""

Draw = Callable[[bytes], Awaitable[bytes]]
"""Draws a stranger's JPEG anew, elsewhere; raises PictureUndecodable or Busy."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One picture of a file: when it was taken, and its JPEG."""

    at: datetime
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Stretches:
    """From when to when a file has a picture of every moment, stretch by stretch."""

    spans: tuple[tuple[datetime, datetime], ...]


def stretches(data: bytes) -> Stretches:
    """Return what a file shows; raises ValueError as `entries` does."""
    spans: list[tuple[datetime, datetime]] = []
    for at in sorted(kept.at for kept in entries(data)):
        if spans and at <= spans[-1][1]:
            spans[-1] = (spans[-1][0], at + HOLDS)
        else:
            spans.append((at, at + HOLDS))
    return Stretches(tuple(spans))


def entry(at: datetime, jpeg: bytes) -> bytes:
    """Return what one picture is in a file."""
    head = {
        "at": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "sha256": hashlib.sha256(jpeg).hexdigest(),
        "size": len(jpeg),
    }
    return json.dumps(head, separators=(",", ":")).encode() + b"\n" + jpeg


def entries(data: bytes) -> Iterator[Kept]:
    """Yield the pictures of a file; raises ValueError for what is none, or was changed."""
    if not data.startswith(MAGIC):
        raise ValueError("not a file of stills")
    at = len(MAGIC)
    while at < len(data):
        end = data.find(b"\n", at, at + HEAD_LIMIT)
        if end < 0:
            raise ValueError("an entry without a head")
        head = json.loads(data[at:end])
        jpeg = data[end + 1 : end + 1 + head["size"]]
        if hashlib.sha256(jpeg).hexdigest() != head["sha256"]:
            raise ValueError("a picture that is not the one of its head")
        yield Kept(datetime.fromisoformat(head["at"]), jpeg)
        at = end + 1 + len(jpeg)


class StillsRecorder:
    """Appends pictures to one object of the vault, each drawn anew before and on the disk after.

    `start` it, call `video` on the loop, which never blocks, then `finish`, which may be called
    again. `started` is the moment of `zero`, in seconds of the clock of every `received`. What a
    killed process leaves is a file like any other: `Vault.recover` finishes it.
    """

    def __init__(
        self,
        vault: Vault,
        session: str,
        evidence_id: str,
        draw: Draw,
        started: datetime,
        zero: float,
    ) -> None:
        self._open: Callable[[], Appender] = lambda: vault.open_append(session, evidence_id)
        self._draw = draw
        self._started = started
        self._zero = zero
        self._waiting: asyncio.Queue[tuple[bytes, datetime] | None] = asyncio.Queue()
        self._writing: asyncio.Task[Stored] | None = None
        self._ended = False
        self.size = 0
        self.dropped = 0
        """How many pictures were not kept although they came."""
        self.fault: Exception | None = None
        """Why it stopped by itself: the disk, or that the file is long enough."""

    async def start(self) -> None:
        """Open the object; raises EvidenceStoreFull or EvidenceExists."""
        appender = await asyncio.to_thread(self._begin)
        self._writing = asyncio.create_task(self._write(appender))

    def video(self, frame: bytes, _rtp_timestamp: int, _key_frame: bool, received: float) -> None:  # noqa: FBT001 - as the live room calls it
        """Take one JPEG; `received` is when it was taken."""
        if self._ended or self.fault is not None or self._waiting.qsize() >= WAITING_LIMIT:
            self.dropped += 1
            return
        at = self._started + timedelta(seconds=received - self._zero)
        self._waiting.put_nowait((frame, at))

    async def finish(self) -> Stored:
        """Complete the file with all that came, and return what is stored.

        It goes on when the caller is cancelled; calling again waits for it.
        """
        if self._writing is None:
            raise RuntimeError("a recorder is started first")
        if not self._ended:
            self._ended = True
            self._waiting.put_nowait(None)
        return await asyncio.shield(self._writing)

    def _begin(self) -> Appender:
        appender = self._open()
        appender.append(MAGIC)
        return appender

    async def _write(self, appender: Appender) -> Stored:
        try:
            while (found := await self._waiting.get()) is not None:
                await self._one(appender, *found)
            return await asyncio.to_thread(appender.finish)
        finally:
            appender.close()  # what was not finished is an orphan, which is mended

    async def _one(self, appender: Appender, frame: bytes, at: datetime) -> None:
        self.dropped += 1
        if self.fault is not None:
            return
        with suppress(Busy, PictureUndecodable):
            jpeg = await self._draw(frame)
            if len(jpeg) > PICTURE_LIMIT:
                return
            try:
                await asyncio.to_thread(appender.append, entry(at, jpeg))
            except Exception as error:  # noqa: BLE001 - kept for the room, which says so
                self.fault = error
                return
            self.dropped -= 1
            self.size += len(jpeg)
            if self.size >= STRETCH_LIMIT:
                self.fault = StretchFull()


class StretchFull(Exception):
    """A file of stills is as long as one may be."""
