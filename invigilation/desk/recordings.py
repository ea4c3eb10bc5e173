"""The recordings desk: which recordings a session has, begun, finished, or found after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from invigilation.desk.office import SERVICE, Office, held, new_id
from invigilation.errors import NotAllowed
from invigilation.hole import FINISHED, LOST, Hole
from invigilation.presence import Source
from invigilation.record import Data
from invigilation.session import OVER
from invigilation.store import Tx
from invigilation.store.evidence import Evidence

MEDIA_TYPE = "video/webm"
STILLS_TYPE = "application/vnd.invigilation.stills"
"""Made of pictures one after another; `recordings.stills` says how."""
ASKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class RecordingDesk:
    """Keeps the list of recordings; the bytes lie in the vault."""

    office: Office

    async def begin(self, session: str, source: Source = Source.CAMERA) -> Evidence:
        """Open a new part of a recording of `source`; a session that is over has no more of them.

        Time 0 of the part is its `started`.
        """
        now = self.office.clock.now()
        made = STILLS_TYPE if source is Source.STILLS else MEDIA_TYPE
        part = Evidence(new_id("ev"), session, source.value, made, now, None, None, None)
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            if one.session.state in OVER:
                raise NotAllowed("record a session that is over")
            data: Data = {"evidence": part.id, "kind": part.kind}
            entry = self.office.entry(one, "recording_started", SERVICE, data)
            await tx.sessions.append(entry, part)
        return part

    async def finish(
        self, part: Evidence, sha256: str, size: int, holes: Sequence[Hole] = ()
    ) -> None:
        """Note what the finished part is and lacks; once is enough, whoever finished it."""
        async with self.office.store.write() as tx:
            one = await held(tx, part.session)
            if not await _open(tx, part):
                return
            await tx.evidence.finish(part.id, sha256, size)
            data: dict[str, object] = {"evidence": part.id, "sha256": sha256, "size": size}
            if holes:
                data["holes"] = [hole.facts for hole in holes]
            await tx.sessions.append(self.office.entry(one, FINISHED, SERVICE, data))

    async def lose(self, part: Evidence) -> None:
        """Note that a part could not be begun: there is nothing of it."""
        async with self.office.store.write() as tx:
            one = await held(tx, part.session)
            if not await _open(tx, part):
                return
            await tx.evidence.erase(part.id, self.office.clock.now())
            data: Data = {"evidence": part.id}
            await tx.sessions.append(self.office.entry(one, LOST, SERVICE, data))

    async def stop(self, session: str, reason: str) -> None:
        """Note that something that comes is not recorded, as `reason` (a code) says.

        That it is recorded again is told by the next part that begins.
        """
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            data: Data = {"reason": reason}
            await tx.sessions.append(self.office.entry(one, "recording_stopped", SERVICE, data))

    async def orphans(self) -> list[Evidence]:
        """Return the parts that were being written when a process ended."""
        async with self.office.store.read() as tx:
            return await tx.evidence.unfinished()

    async def unknown(self, idents: list[str]) -> list[str]:
        """Return those of these ids that neither a session's evidence nor a form's picture has.

        Their row never came.
        """
        unknown: list[str] = []
        async with self.office.store.read() as tx:
            for first in range(0, len(idents), ASKED_AT_ONCE):
                some = idents[first : first + ASKED_AT_ONCE]
                known = await tx.evidence.known(some) | await tx.onboard.known(some)
                unknown += [ident for ident in some if ident not in known]
        return unknown


async def _open(tx: Tx, part: Evidence) -> bool:
    found = await tx.evidence.find(part.id)
    return found is not None and found.sha256 is None and found.erased is None
