"""Evidence for those who may see it: decrypted on the way, and every look noted."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from aiohttp import web

from invigilation.desk.recordings import STILLS_TYPE
from invigilation.errors import Busy, NotFound
from invigilation.people import Staff
from invigilation.store.evidence import Evidence
from recordings.errors import EvidenceDamaged
from recordings.reader import Reader
from recordings.vault import Vault
from recordings.verify import file_name
from web.auth.visitor import staff_of
from web.health.logs import bound
from web.keys import DESK, VAULT
from web.pages.looks import lookable
from web.pages.mistakes import Refused

log = logging.getLogger(__name__)
routes = web.RouteTableDef()

CHUNK = 256 * 1024
PLAYBACK_SECONDS = 300.0
PLAYBACK_LIMIT_SECONDS = 3 * 3600.0
MAX_PLAYBACKS = 1_000
PLAYED = ("video/", STILLS_TYPE)
"""What a player asks for again and again."""


@dataclass(slots=True)
class _Playback:
    evidence: Evidence
    begun: float
    last: float


@dataclass(slots=True)
class Playbacks:
    """Who is looking at what just now.

    A player asks for a recording in many pieces: the first is a look, which the desk allows and
    notes; more from the same person within five minutes belong to it, for three hours at most.
    """

    first: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a look is being noted: a player asks for two pieces at once, and looks once."""
    _known: OrderedDict[tuple[str, str], _Playback] = field(default_factory=OrderedDict)

    def going_on(self, person: Staff, evidence: str, now: float) -> Evidence | None:
        """Return what this person is looking at already."""
        found = self._known.get((person.id, evidence))
        if (
            found is None
            or now - found.last > PLAYBACK_SECONDS
            or now - found.begun > PLAYBACK_LIMIT_SECONDS
        ):
            return None
        found.last = now
        return found.evidence

    def begin(self, person: Staff, evidence: Evidence, now: float) -> None:
        """Note a look that was allowed."""
        self._known[(person.id, evidence.id)] = _Playback(evidence, now, now)
        self._known.move_to_end((person.id, evidence.id))
        while len(self._known) > MAX_PLAYBACKS:
            self._known.popitem(last=False)


PLAYBACKS = web.AppKey("playbacks", Playbacks)


@routes.get("/staff/evidence/{evidence}", allow_head=False)
async def see(request: web.Request) -> web.StreamResponse:
    """Answer with the bytes, or with the range that a player asks for (RFC 9110 14.2)."""
    person = await staff_of(request)
    found = await _looked(request, person, request.match_info["evidence"])
    if found.erased is not None:
        raise Refused("erased", "This was deleted when its retention time was over.")
    vault = request.app[VAULT]
    try:
        reader = await vault.aside(vault.open, found.session, found.id)
        try:
            return await _send(request, vault, found, reader)
        finally:
            await asyncio.to_thread(reader.close)
    except NotFound:
        raise Refused("erased", "This was deleted when its retention time was over.") from None


async def _looked(request: web.Request, person: Staff, ident: str) -> Evidence:
    """Return what is looked at, allowed and noted; a recording that is being played is noted."""
    desk, playbacks = request.app[DESK], request.app[PLAYBACKS]
    async with playbacks.first:
        now = desk.office.clock.monotonic()
        found = playbacks.going_on(person, ident, now)
        if found is None or not found.media_type.startswith(PLAYED):
            await _asked(request, person, ident)
            found = await desk.identity.see(ident, person)
            playbacks.begin(person, found, now)
    bound(session=found.session)
    return found


async def _asked(request: web.Request, person: Staff, ident: str) -> None:
    """Have somebody say why they look, or confirm that it is them, where that is needed."""
    session = await request.app[DESK].identity.session_of(ident)
    bound(session=session)  # the address names the evidence alone
    await lookable(request, session, person, ident)


def _disposition(found: Evidence) -> str:
    """Return the header; a film that is saved is called as in a bundle, by what it holds."""
    if not found.media_type.startswith("video/"):
        return "inline"
    name = PurePosixPath(file_name(found.id, found.kind, found.media_type)).name
    return f'inline; filename="{name}"'


async def _send(
    request: web.Request, vault: Vault, found: Evidence, reader: Reader
) -> web.StreamResponse:
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
        "Content-Disposition": _disposition(found),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Type": found.media_type,
    }
    whole = range(reader.size)
    try:
        wanted = whole[request.http_range]
        partial = "Range" in request.headers
    except ValueError:
        # A header that makes no sense is as none (RFC 9110 14.2).
        wanted, partial = whole, False
    if partial:
        if not wanted:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{reader.size}"})
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{reader.size}"
    # What cannot be read at all is told by a page, so nothing is sent before something was read.
    first = await _piece(vault, reader, wanted, wanted.start)
    response = web.StreamResponse(status=206 if partial else 200, headers=headers)
    response.content_length = len(wanted)
    await response.prepare(request)
    try:
        await response.write(first)
        for start in wanted[CHUNK::CHUNK]:
            await response.write(await _piece(vault, reader, wanted, start))
        await response.write_eof()
    except ConnectionError:
        log.debug("the player has seen enough of %s", found.id)
    except (EvidenceDamaged, Busy, NotFound):
        # Too late for a page that says so: an answer that breaks off cannot be taken for whole.
        log.exception("evidence %s breaks off", found.id)
        if request.transport is not None:
            request.transport.abort()
    return response


async def _piece(vault: Vault, reader: Reader, wanted: range, start: int) -> bytes:
    """Read the next bytes to be sent; they may have to come from a store."""
    return await vault.aside(reader.read, start, min(start + CHUNK, wanted.stop))
