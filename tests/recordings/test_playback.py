from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from recordings.mending import mend
from recordings.recorder import Recorder
from recordings.vault import Vault
from tests.harness.browser import QUIET, chromium
from tests.harness.firefox import firefox

from . import media
from .feeding import ZERO, Feed
from .test_salvage import change, filmed, flip, slots

pytestmark = pytest.mark.media

ARGUMENTS = [
    *QUIET,
    "--autoplay-policy=no-user-gesture-required",
]
PAGE = """<!doctype html><title>Playback</title><video id="v" src="/recording" muted></video>"""


@pytest.fixture
async def site(vault: Vault) -> AsyncIterator[str]:
    """Give the address of a page that plays `s1/e1`, or what is named, by HTTP ranges."""

    async def recording(request: web.Request) -> web.Response:
        with vault.open("s1", request.query.get("of", "e1")) as reader:
            size = reader.size
            wanted = request.http_range
            start, stop = wanted.start or 0, min(wanted.stop or size, size)
            data = reader.read(start, stop)
        headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return web.Response(status=206, body=data, content_type="video/webm", headers=headers)

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    application = web.Application()
    application.add_routes([web.get("/", index), web.get("/recording", recording)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def page(site: str) -> AsyncIterator[Page]:
    """A page of a real browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield await browser.new_page(base_url=site)
        await browser.close()


async def part(
    vault: Vault, ident: str, pictures: list[list[media.Frame]], sounds: list[media.Frame]
) -> None:
    """Record pictures, each list behind the one before, over one connection."""
    recorder = Recorder(vault, "s1", ident, ZERO)
    await recorder.start()
    shown: list[media.Frame] = []
    for frames in pictures:
        begins = round(shown[-1].at + 1 / 15, 6) if shown else 0.0
        shown += [media.Frame(one.data, begins + one.at, one.key) for one in frames]
    Feed(recorder).both(shown, sounds)
    await recorder.finish()


async def recorded(vault: Vault, *, hole: tuple[float, float]) -> None:
    recorder = Recorder(vault, "s1", "e1", ZERO)
    await recorder.start()
    feed = Feed(recorder)
    sound = [packet for packet in media.audio(6, 60) if not hole[0] < packet.at < hole[1]]
    feed.both(media.video(6), sound)
    await recorder.finish()


BRIGHTNESS = """async (at) => {
  const v = document.getElementById("v");
  const shown = new Promise((done) => v.requestVideoFrameCallback(done));
  await new Promise((done) => { v.onseeked = done; v.currentTime = at; });
  await shown;  // it may be found before it is drawn
  const c = document.createElement("canvas");
  c.width = v.videoWidth; c.height = v.videoHeight;
  const g = c.getContext("2d");
  g.drawImage(v, 0, 0);
  return g.getImageData(200, 100, 1, 1).data[0];
}"""
PLAY = """async () => {
  const v = document.getElementById("v");
  v.currentTime = 0;
  const began = performance.now();
  await new Promise((done, failed) => {
    v.onended = done; v.onerror = () => failed(v.error.message); v.play().catch(failed);
  });
  return {
    frames: v.getVideoPlaybackQuality().totalVideoFrames,
    sound: v.webkitAudioDecodedByteCount,
    took: (performance.now() - began) / 1000,
    end: v.currentTime,
  };
}"""
READY = "document.getElementById('v').readyState >= 2"
STATE = "(({duration, videoWidth, videoHeight}) => [duration, videoWidth, videoHeight])"


async def test_a_recording_plays_and_seeks_in_a_browser(vault: Vault, page: Page) -> None:
    await recorded(vault, hole=(2.0, 3.5))
    await page.goto("/")
    await page.wait_for_function(READY)

    duration, width, height = await page.evaluate(f"{STATE}(document.getElementById('v'))")
    early, late = await page.evaluate(BRIGHTNESS, 1.55), await page.evaluate(BRIGHTNESS, 4.55)
    played = await page.evaluate(PLAY)

    assert (width, height) == (320, 240)
    assert duration == pytest.approx(6, abs=0.1)
    # One step of brightness a frame, 15 frames a second, 40 at the start; codecs round.
    assert early == pytest.approx(40 + 1.55 * 15, abs=5)
    assert late == pytest.approx(40 + 4.55 * 15, abs=5)
    assert played["end"] == pytest.approx(duration, abs=0.1)
    assert played["frames"] > 60
    assert played["sound"] > 1000


PLAYED = """(name) => new Promise((done) => {
  const v = document.createElement("video");
  v.muted = true;
  v.onended = () => done([v.currentTime, v.videoWidth]);
  v.onerror = () => done(v.error.message);
  v.src = "/recording?of=" + name;
  v.play();
})"""


DAMAGED = "e1"
CASES = {
    "sound": (0, 2.0),
    "picture": (320, 2.0),
    "another-size": (640, 2.0),
    "late-sound": (320, 8.0),
    DAMAGED: (320, 9.0),
}
"""What is recorded: the width in the end, and the seconds."""


async def case(vault: Vault, name: str) -> None:
    if name == "sound":
        await part(vault, name, [], media.audio(2, 60))
    elif name == "picture":
        await part(vault, name, [media.video(2)], [])
    elif name == "another-size":
        changing = [media.video(1), media.video(1, size=(640, 480))]
        await part(vault, name, changing, media.audio(2, 60))
    elif name == DAMAGED:
        path = await filmed(vault, 9)
        change(path, flip(slots(path)[2].position + 1000))
        assert mend(vault, "s1", name).holes
    else:
        late = [one for one in media.audio(8, 60) if one.at > 6]
        await part(vault, name, [media.video(8)], late)


async def test_whatever_was_recorded_plays_to_its_end_in_chromium(vault: Vault, page: Page) -> None:
    for name in CASES:
        await case(vault, name)
    await page.goto("/")

    ends = {name: await page.evaluate(PLAYED, name) for name in CASES}

    assert ends == {
        name: [pytest.approx(seconds, abs=0.2), width] for name, (width, seconds) in CASES.items()
    }


async def test_it_plays_to_its_end_in_firefox(vault: Vault, site: str, tmp_path: Path) -> None:
    await case(vault, "another-size")

    async with firefox(tmp_path) as other:
        await other.goto(f"{site}/")
        end, width = await other.evaluate(PLAYED, "another-size")

    assert (width, end) == (640, pytest.approx(2.0, abs=0.2))
