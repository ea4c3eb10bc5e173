"""Pictures of a finished record: the report for people, the page that checks it, deliveries."""

from __future__ import annotations

import io
import subprocess
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import FilePayload, Page, expect

from tests.album import Album, small_png
from tests.journeys.cast import Cast
from tests.journeys.people import Console
from tests.journeys.world import SOON_S
from tests.shots_trust import confirm

REPORT_DPI = 80


async def record_pages(album: Album, console: Console, email: str) -> None:
    """The report and the bundle of the record that is open, and what the verifier says of it.

    `email` is that of whose console it is.
    """
    page = console.page
    session = page.url.rsplit("/", 1)[1]
    base = page.url
    await confirm(album, page, console.world, email, f"/staff/records/{session}")
    pdf = await page.context.request.get(f"{base}/report.pdf")
    assert pdf.ok, await pdf.text()
    keep_pages(album, await pdf.body())
    bundle = await page.context.request.get(f"{base}/bundle")
    assert bundle.ok, await bundle.text()
    data = await bundle.body()
    verifier = await page.context.new_page()
    await verifier.goto(f"{console.world.service.url}/verify")
    await album.both(verifier, "verify")
    await _checked(verifier, session, data)
    await album.both(verifier, "verify-holds")
    broken = bytearray(data)
    broken[data.rindex(b"%PDF") + 4_000] ^= 1
    await _checked(verifier, session, bytes(broken))
    await album.both(verifier, "verify-broken")
    await verifier.close()


async def _checked(page: Page, session: str, bundle: bytes) -> None:
    file = FilePayload(name=f"bundle-{session}.zip", mimeType="application/zip", buffer=bundle)
    await page.locator("#file").set_input_files(file)
    await expect(page.locator("#result .notice").first).to_be_visible(timeout=SOON_S * 1000)


def keep_pages(album: Album, pdf: bytes) -> None:
    """Keep the pages of the report as pictures."""
    with tempfile.TemporaryDirectory(prefix="report-") as place:
        source = Path(place) / "report.pdf"
        source.write_bytes(pdf)
        command = ["pdftoppm", "-png", "-r", str(REPORT_DPI), str(source), f"{place}/page"]
        subprocess.run(command, check=True)
        for number, path in enumerate(sorted(Path(place).glob("page*.png")), start=1):
            image = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
            (album.folder / f"report-{number}.png").write_bytes(small_png(image))


async def delivery_pages(album: Album, cast: Cast, page: Page) -> None:
    """How backends do, as an administrator sees it."""
    await page.goto(f"{cast.world.service.url}/staff/deliveries")
    await album.both(page, "deliveries")
    await page.goto(f"{cast.world.service.url}/staff/deliveries/practice")
    await album.both(page, "deliveries-one")
