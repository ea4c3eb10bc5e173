"""The published JSON Schemas (draft 2020-12) of what the service tells other systems."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web

FOLDER: Final = Path(__file__).parents[1] / "schemas"
NAMES: Final = ("attestation-2", "notices")
HEADERS: Final = {
    "Cache-Control": "public, max-age=3600",
    "Content-Type": "application/schema+json",
}
routes = web.RouteTableDef()


@routes.get("/schemas/{name}.json")
async def show(request: web.Request) -> web.StreamResponse:
    """Answer with a schema, to anybody."""
    name = request.match_info["name"]
    if name not in NAMES:
        raise web.HTTPNotFound
    return web.FileResponse(FOLDER / f"{name}.json", headers=HEADERS)
