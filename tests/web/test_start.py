"""What the start of the service waits for."""

from __future__ import annotations

import asyncio

from aiohttp import web

from web.app import application
from web.evidence import EvidenceShelf
from web.house import open_house
from web.settings import Settings


async def test_the_start_waits_for_no_recordings_that_are_to_be_mended(tmp_path, monkeypatch):
    mending, forever = asyncio.Event(), asyncio.Event()

    async def mend(_: EvidenceShelf) -> None:
        mending.set()
        await forever.wait()

    monkeypatch.setattr(EvidenceShelf, "mend_orphans", mend)
    runner = web.AppRunner(application(open_house(Settings(var=tmp_path))))
    try:
        async with asyncio.timeout(20):
            await runner.setup()
            await mending.wait()
    finally:
        await runner.cleanup()
