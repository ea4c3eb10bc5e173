"""Reads staff's busy calendars: fetches what an address gives, and has it expanded next door."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import zlib
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import structlog
from yarl import URL

from invigilation.desk import Desk
from invigilation.desk.busy import Span
from invigilation.store.busy import Source
from invigilation.zones import is_ship_clock, zone_named
from web.outward import ANYWHERE, Network, PrivateAddressError, open_client

log = structlog.get_logger(__name__)
MAX_BYTES = 1_000_000
"""Unpacked."""
FETCH_S = 10.0
"""All redirects, the answer and its body together take no longer."""
EXPAND_S = 20.0
MAX_REDIRECTS = 5
MOST = 2_000
AHEAD = timedelta(days=200)
AT_ONCE = 2
USER_AGENT = "invigilation-calendars/1"
EXPAND = Path(__file__).with_name("expand.py")
GZIP_OR_ZLIB = 47
"""The `wbits` by which zlib finds out itself which of the two it is given."""
PIECE = 64 * 1024
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_MOVED = frozenset({301, 302, 303, 307, 308})


class Fault(Exception):
    """A busy calendar could not be read: a sentence for people."""


@dataclass(frozen=True, slots=True)
class BusyCalendars:
    """Reads the calendars whose turn it is. `plain` lets http pass, for rehearsals."""

    desk: Desk
    client: aiohttp.ClientSession
    plain: bool = False

    async def sweep(self) -> int:
        """Read every calendar whose turn it is; return how many were read well.

        One that cannot be read keeps the times read before, and shows what was wrong.
        """
        due = await self.desk.busy.due(self.desk.office.clock.now())
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(source: Source) -> bool:
            async with gate:
                return await self._read(source)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(source)) for source in due]
        return sum(task.result() for task in tasks)

    async def _read(self, source: Source) -> bool:
        try:
            raw = await fetch(self.client, source.url, plain=self.plain)
            times = await expand(raw, source.zone, self.desk.office.clock.now())
        except Fault as fault:
            await self.desk.busy.failed(source, str(fault))
            return False
        except Exception:
            # A fault of ours with one calendar must not keep the others from being read.
            log.exception("busy calendar not read", staff=source.staff)
            await self.desk.busy.failed(source, "This calendar could not be read.")
            return False
        await self.desk.busy.replace(source, times)
        return True


@contextlib.asynccontextmanager
async def reading(desk: Desk, *, private: bool) -> AsyncIterator[BusyCalendars]:
    """Give a reader of calendars; `private` lets it reach addresses inside, and by http."""
    inside: Collection[Network] = ANYWHERE if private else ()
    async with open_client(inside, USER_AGENT, unpack=False) as client:
        yield BusyCalendars(desk, client, private)


async def fetch(client: aiohttp.ClientSession, url: str, *, plain: bool = False) -> bytes:
    """Return what an address gives, unpacked, at most `MAX_BYTES`; raises `Fault`."""
    try:
        async with asyncio.timeout(FETCH_S):
            return await _follow(client, URL(url, encoded=True), plain=plain)
    except TimeoutError:
        raise Fault(f"The calendar's server did not answer within {FETCH_S:.0f} seconds.") from None
    except PrivateAddressError:
        raise Fault("This address leads into a private network, where we do not go.") from None
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, PrivateAddressError):
            raise Fault("This address leads into a private network, where we do not go.") from None
        raise Fault("The calendar's server cannot be reached.") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise Fault("The calendar's server cannot be reached.") from None


async def _follow(client: aiohttp.ClientSession, url: URL, *, plain: bool) -> bytes:
    allowed = {"https", "http"} if plain else {"https"}
    for _ in range(MAX_REDIRECTS + 1):
        if url.scheme not in allowed:
            raise Fault("This address leads to one that does not begin with https://.")
        async with client.get(
            url,
            allow_redirects=False,
            headers={"Accept": "text/calendar", "Accept-Encoding": "gzip"},
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer:
            if answer.status in _MOVED:
                url = url.join(URL(answer.headers.get("Location", ""), encoded=True))
                answer.close()
                continue
            if answer.status != 200:
                answer.close()
                raise Fault(f"The calendar's server refused: status {answer.status}.")
            return await _body(answer)
    raise Fault("This address leads from one to the next without an end.")


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    packed = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in {*_PACKED, "identity"}:
        answer.close()
        raise Fault("The calendar comes packed in a way that we do not read.")
    unpacker = zlib.decompressobj(GZIP_OR_ZLIB) if packed in _PACKED else None
    body = bytearray()
    async for piece in answer.content.iter_chunked(PIECE):
        try:
            body += piece if unpacker is None else unpacker.decompress(piece, MAX_BYTES + 1)
        except zlib.error:
            answer.close()
            raise Fault("The calendar came damaged.") from None
        if len(body) > MAX_BYTES:
            answer.close()
            raise Fault("This calendar is too large: at most one megabyte is read.")
    if unpacker is not None and not unpacker.eof:
        raise Fault("The calendar came damaged.")
    return bytes(body)


async def expand(raw: bytes, zone: str, now: datetime) -> list[Span]:
    """Return the busy times from now to `AHEAD`, in UTC; raises `Fault`.

    A process of its own does it, which is ended when it takes too long.
    """
    ask = {"first": now.timestamp(), "last": (now + AHEAD).timestamp(), "most": MOST} | _zone(zone)
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(EXPAND),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(EXPAND_S):
            said, _ = await program.communicate(json.dumps(ask).encode() + b"\n" + raw)
    except TimeoutError:
        raise Fault("This calendar takes too long to read.") from None
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    if program.returncode != 0:
        raise Fault("This calendar takes too long to read, or is too large.")
    answer = json.loads(said)
    if "fault" in answer:
        raise Fault(answer["fault"])
    return [(_at(start), _at(end)) for start, end in answer["times"]]


def _zone(name: str) -> dict[str, object]:
    if not is_ship_clock(name):
        return {"zone": name}
    offset = zone_named(name).utcoffset(None) or timedelta(0)
    return {"offset": offset // timedelta(minutes=1)}


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
