"""`python -m web.practice --port N --service URL --data DIR`: run the practice backend."""

from __future__ import annotations

import asyncio
import errno
import signal
import sys

from aiohttp import web

from web.practice.app import application
from web.practice.settings import Settings, parse


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(application(settings), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        print(f"Practice backend: {_origin(runner, settings)}", flush=True)  # noqa: T201
        await stop.wait()
    finally:
        await runner.cleanup()


def _origin(runner: web.AppRunner, settings: Settings) -> str:
    return settings.public or f"http://{settings.host}:{runner.addresses[0][1]}"


def main() -> int:
    """Run; a fault that can be foreseen ends in a plain sentence."""
    settings = parse(sys.argv[1:])
    try:
        asyncio.run(serve(settings))
    except OSError as error:
        why = "the port is in use" if error.errno == errno.EADDRINUSE else str(error)
        words = f"The practice backend cannot start on port {settings.port}: {why}."
        print(words, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
