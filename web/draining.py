"""The end of a process that is told to go: it says so before it stops.

On SIGTERM `/readyz` answers 503 at once, so that a load balancer sends new people elsewhere. For
`drain_notice_seconds` everything is still served; then nobody new is let in, rooms tell their
people that the service starts again, recordings are completed, and requests under way are
answered. Pages come back by themselves.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)
DRAIN_SECONDS: Final = 10.0
"""So long a request that is under way may still take."""
SILENT_SECONDS: Final = 75.0
"""So long a connection may stay that says nothing, or not the whole of a request's head."""
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


DRAINING = web.AppKey("draining", list[Callable[[], None]])
"""What is called as soon as the process is told to end, while everything still works."""


async def run_until_told(
    app: web.Application, listener: socket.socket, notice_seconds: float = 0.0
) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal ends the notice."""
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        shutdown_timeout=DRAIN_SECONDS,
        keepalive_timeout=SILENT_SECONDS,
    )
    told = asyncio.Queue[None]()
    loop = asyncio.get_running_loop()
    for name in SIGNALS:
        loop.add_signal_handler(name, told.put_nowait, None)
    try:
        await runner.setup()
        site = web.SockSite(runner, listener)
        await site.start()
        await told.get()
        await _notice(app, told, notice_seconds)
    finally:
        await runner.cleanup()
        log.info("drained")


async def _notice(app: web.Application, told: asyncio.Queue[None], seconds: float) -> None:
    for tell in app.get(DRAINING, []):
        tell()
    log.info("draining", notice_seconds=seconds)
    try:
        async with asyncio.timeout(seconds):
            await told.get()
    except TimeoutError:
        return
