"""The published JSON Schemas (draft 2020-12) of what the service tells other systems."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web

FOLDER: Final = Path(__file__).parents[1] / "schemas"
HEADERS: Final = {
    "Cache-Control": "public, max-age=3600",
    "Content-Type": "application/schema+json",
}
routes = web.RouteTableDef()


@routes.get("/schemas/attestation-2.json")
@routes.get("/schemas/notices.json")
async def show(request: web.Request) -> web.StreamResponse:
    """Answer with a schema, to anybody."""
    return web.FileResponse(FOLDER / request.path.rpartition("/")[2], headers=HEADERS)
