"""The smallest program that behaves as ours do: `/readyz`, a port by environment, SIGTERM."""

from __future__ import annotations

import os

from aiohttp import web


async def ready(_: web.Request) -> web.Response:
    """Say that it is ready."""
    return web.Response(text="ready")


if __name__ == "__main__":
    application = web.Application()
    application.router.add_get("/readyz", ready)
    port = int(os.environ["STANDIN_PORT"])
    web.run_app(application, host="localhost", port=port, print=lambda _: print("a life begins"))
