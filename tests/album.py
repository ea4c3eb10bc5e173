"""Pictures of pages, as a desk and as a phone show them; small enough to keep with the source."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.async_api import Page

SIZES = {"desk": (1440, 900), "phone": (360, 740)}
TALLEST = {"desk": 1_800, "phone": 2_220}
"""Pixels; what hangs down further is left out."""
LIMIT_BYTES = 120_000
COLOURS = (256, 128, 64, 16)
SETTLE_MS = 400
"""For a page to draw itself anew after its window has changed."""


class Album:
    """A folder of pictures, each named PAGE-SIZE.png."""

    def __init__(self, folder: Path, say: Callable[[str], None] = print) -> None:
        self.folder = folder
        self._say = say
        folder.mkdir(parents=True, exist_ok=True)

    async def both(self, page: Page, name: str, *, whole: bool = True) -> None:
        """Take a page at both sizes; `whole` also takes what one would have to scroll to."""
        before = page.viewport_size
        for size in SIZES:
            await self.take(page, name, size, whole=whole)
        if before:
            await page.set_viewport_size(before)

    async def here(self, page: Page, name: str, selector: str) -> None:
        """Take one part of a page at both sizes."""
        before = page.viewport_size
        for size, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            await page.wait_for_timeout(SETTLE_MS)
            part = page.locator(selector)
            data = await part.screenshot(animations="disabled", caret="hide")
            self._keep(data, name, size)
        if before:
            await page.set_viewport_size(before)

    async def take(self, page: Page, name: str, size: str, *, whole: bool = True) -> Path:
        """Take a page at one size; return where the picture is."""
        width, height = SIZES[size]
        await page.set_viewport_size({"width": width, "height": height})
        await page.evaluate("scrollTo(0, 0)")
        await page.wait_for_timeout(SETTLE_MS)
        data = await page.screenshot(full_page=whole, animations="disabled", caret="hide")
        return self._keep(data, name, size)

    def _keep(self, data: bytes, name: str, size: str) -> Path:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        if image.height > TALLEST[size]:
            image = image.crop((0, 0, image.width, TALLEST[size]))
        path = self.folder / f"{name}-{size}.png"
        path.write_bytes(small_png(image))
        self._say(f"  {path.name}  {path.stat().st_size / 1000:.0f} kB")
        return path


def small_png(image: Image.Image) -> bytes:
    """Return a PNG in as many colours as fit into the limit; at worst in the fewest."""
    data = b""
    for colours in COLOURS:
        out = io.BytesIO()
        few = image.quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(out, "PNG", optimize=True)
        data = out.getvalue()
        if len(data) <= LIMIT_BYTES:
            break
    return data
