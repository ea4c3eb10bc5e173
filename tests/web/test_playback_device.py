"""What a learner's device kept as MP4: it is called so, plays, or the page says why not."""

from __future__ import annotations

import io
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
import pytest

from invigilation.session import Outcome
from recordings.bundle import packed
from recordings.verify import render, verify
from tests.devices import Device
from tests.harness.browser import Browsers
from tests.recordings.bundles import unpack
from tests.web.office import SAM, START, World
from tests.web.test_local import STATEMENT, Page, in_a_gap, owner, page_of
from tests.web.test_playback import SEEK, opened, views
from web.exports import Choice, pieces

GAP = timedelta(seconds=30)
MIDDLE_MS = 15_000
NO_MP4 = """() => {
  const before = HTMLMediaElement.prototype.canPlayType;
  HTMLMediaElement.prototype.canPlayType = function (type) {
    return type.includes("mp4") ? "" : before.call(this, type);
  };
}"""
LIGHT = """() => {
  const video = document.querySelector("#stage video");
  if (!video || video.readyState < 2 || video.seeking) return null;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const pen = canvas.getContext("2d");
  pen.drawImage(video, 0, 0);
  return pen.getImageData(20, 20, 1, 1).data[0];
}"""


@lru_cache(maxsize=1)
def mp4() -> bytes:
    """Return 20 s of a grey picture in fragments, as a browser without WebM records it."""
    file = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(file, "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=2, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.time_base = Fraction(1, 2)
        for number in range(40):
            picture = av.VideoFrame.from_ndarray(
                np.full((240, 320, 3), 120, np.uint8), format="rgb24"
            )
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture
async def page(world: World) -> Page:
    """A learner's page whose device has brought a gap as MP4."""
    one = await page_of(world, 1)
    one.device = Device(
        one.session, one.device.recording, "video/mp4", films=lambda n: mp4() + bytes(8 + n)
    )
    await in_a_gap(world, one)
    await one.tell()
    for n in (1, 2, 3):
        assert (await one.put(n)).status == 200
    await world.reasons(one.session)
    return one


async def chunks(world: World, page: Page) -> tuple[str, ...]:
    [fill] = (await world.desk.sessions.view(page.session)).fills
    return fill.evidence


async def test_it_is_called_mp4_where_it_is_saved_and_in_the_bundle(
    world: World, page: Page
) -> None:
    own = await owner(world, page)
    await world.desk.sessions.end(page.session, own)
    await world.desk.reports.attest(page.session, own, STATEMENT, Outcome.COMPLETED)
    first, *_ = await chunks(world, page)
    sam = await world.staff(SAM)

    seen = await sam.get(f"/staff/evidence/{first}")
    record = await sam.get(f"/staff/records/{page.session}")
    found = await pieces(world.desk, world.vault, page.session, SAM, Choice.ALL)
    bundle = packed(found.members)

    assert seen.header("Content-Type") == "video/mp4"
    assert seen.header("Content-Disposition") == f'inline; filename="{first}.mp4"'
    assert f'download="{first}.mp4"' in record.text
    assert unpack(bundle)[f"evidence/{first}.mp4"] == page.device.chunks[1]
    key = world.desk.office.signer.current()
    verdict = verify(bundle, {key.key_id: key.public}, now=world.clock.now())
    assert verdict.ok, render(verdict)


@pytest.mark.media
async def test_it_plays_in_its_place(world: World, browsers: Browsers, page: Page) -> None:
    opened_page = await opened(world, browsers, f"/staff/records/{page.session}")

    await opened_page.evaluate(SEEK, await _offset(opened_page))
    await opened_page.wait_for_function(f"() => Math.abs(({LIGHT})() - 120) < 12")

    assert await opened_page.get_by_text("cannot be played").count() == 0


@pytest.mark.media
async def test_a_browser_that_plays_no_mp4_says_so_and_asks_for_nothing(
    world: World, browsers: Browsers, page: Page
) -> None:
    opened_page = await opened(world, browsers, f"/staff/records/{page.session}")
    await opened_page.evaluate(NO_MP4)
    before = await views(world, page.session)

    await opened_page.evaluate(SEEK, await _offset(opened_page))
    await opened_page.get_by_text("This browser does not play MP4").wait_for()

    assert await views(world, page.session) == before


async def _offset(opened_page) -> int:
    """Return where in the player the gap's middle is, in milliseconds."""
    start = await opened_page.evaluate(
        "JSON.parse(document.getElementById('boot').textContent).start"
    )
    middle = (START - timedelta(minutes=10)).timestamp() * 1000 + MIDDLE_MS
    return round(middle - start)
