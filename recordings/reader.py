"""An open, finished piece of evidence, read in any order."""

from __future__ import annotations

from bisect import bisect_right
from types import TracebackType
from typing import Self

from recordings import stream
from recordings.errors import EvidenceDamaged


class Reader:
    """Reads ranges of one finished object, decrypting only the chunks that they touch.

    Made by `Vault.open`; close it, or use it in a `with`. Its methods block, in any thread but
    in one at a time. It goes on reading what it opened when the object is erased meanwhile.
    """

    def __init__(
        self,
        source: stream.Source,
        found: stream.Layout,
        cipher: stream.Cipher,
        evidence_id: str,
    ) -> None:
        """Take over the open file; raises EvidenceDamaged when its end is not its own."""
        self._source = source
        self._cipher = cipher
        if not found.complete:
            raise EvidenceDamaged(evidence_id, "its end is missing")
        self._slots = found.slots
        self._offsets = [slot.offset for slot in found.slots]
        # The last chunk proves the length of the whole, so that a cut cannot pass for the end.
        self._cipher.open(found.slots[-1], source)
        self.size = found.size
        """The plaintext's size in bytes."""

    def read(self, start: int, stop: int) -> bytes:
        """Return the plaintext bytes `start` to `stop` (excluded), clipped to the object."""
        stop = min(stop, self.size)
        if start < 0 or start >= stop:
            return b""
        first = bisect_right(self._offsets, start) - 1
        data = bytearray()
        for slot in self._slots[first:]:
            if slot.offset >= stop:
                break
            data += self._cipher.open(slot, self._source)
        skipped = self._offsets[first]
        return bytes(data[start - skipped : stop - skipped])

    def close(self) -> None:
        """Let go of the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
