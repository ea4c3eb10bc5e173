"""The recorder as a member of the room: it listens to the learner's peer, whichever that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from signalling.ports import EvidenceRoom, MediaPeer, Recording

RETRY_S: Final = 10.0
"""A recording that could not begin (a full disk) is tried again after this."""

log = structlog.get_logger(__name__)


class Tape:
    """One part of a session's recording at most; a room that closes ends it."""

    def __init__(self, session: str, evidence: EvidenceRoom) -> None:
        self._session = session
        self._evidence = evidence
        self._recording: Recording | None = None
        self._peer: MediaPeer | None = None
        self._untap: Callable[[], None] | None = None
        self._retry_at = float("-inf")

    @property
    def on(self) -> bool:
        """Say whether something is being recorded, or not completed yet."""
        return self._recording is not None

    @property
    def broken(self) -> bool:
        """Say whether the part has stopped by itself: it wants to be finished."""
        return self._recording is not None and self._recording.broken

    async def follow(self, peer: MediaPeer, now: float) -> bool:
        """Record this peer; say whether a new part was begun. Never raises an `Exception`."""
        begun = False
        if self._recording is None:
            if now < self._retry_at:
                return False
            self._retry_at = now + RETRY_S
            try:
                self._recording = await self._evidence.begin(self._session)
            except Exception:
                log.exception("a recording could not begin", session=self._session)
                return False
            begun = True
        if peer is not self._peer:
            self.let_go()
            self._peer, self._untap = peer, peer.tap(self._recording)
        return begun

    def let_go(self) -> None:
        """Listen to nobody; the part stays open."""
        if self._untap is not None:
            self._untap()
        self._peer = self._untap = None

    async def finish(self) -> None:
        """Complete the part, if there is one. Never raises an `Exception`."""
        self.let_go()
        if self._recording is None:
            return
        try:
            await self._recording.finish()
        except Exception:
            # What is on the disk is mended and listed later; the session itself goes on.
            log.exception("a recording could not be completed", session=self._session)
        self._recording = None
