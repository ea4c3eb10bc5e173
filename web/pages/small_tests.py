"""What a page needs to test the link, and whether the learner's own page is to do so by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiohttp import web

from web.auth.visitor import request_id_of
from web.keys import DESK, SETTINGS
from web.pages.tickets import SOCKET_PATH
from web.turn import ice_servers

PATH = "/rehearsal"


def boot_of(request: web.Request, seconds: float) -> dict[str, Any]:
    """Return what the page's script works with: addresses, relays, and how long it may take."""
    who, now = request_id_of(request), request.app[DESK].office.clock.now()
    return {
        "url": PATH,
        "socket_path": SOCKET_PATH,
        "ice_servers": ice_servers(request.app[SETTINGS], who, now),
        "seconds": seconds,
    }


async def small_boot(request: web.Request) -> dict[str, Any] | None:
    """Return what the learner's own page needs to test by itself; None when it is not to."""
    wanted = await request.app[DESK].probes.wanted(request_id_of(request))
    if wanted.wait is None or wanted.wait > timedelta(days=1):
        return None
    return boot_of(request, 0) | {"wait_s": round(wanted.wait.total_seconds())}
