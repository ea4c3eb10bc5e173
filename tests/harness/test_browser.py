from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from PIL import ImageColor

from tests.harness.browser import PHONE, Browsers, accessibility_problems
from tests.harness.films import FilmStore, Scene
from tests.harness.people import Person, wall
from tests.harness.waiting import until

PAGE = """<!doctype html><html lang="en"><title>Camera</title><main><h1>Camera</h1>
<video id="v" autoplay muted playsinline></video></main></html>"""

LOOK = """async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  const video = document.getElementById("v");
  video.srcObject = stream;
  const next = () => new Promise((seen) => video.requestVideoFrameCallback(seen));
  await next();
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const pen = canvas.getContext("2d");
  let wall = [0, 0, 0];
  for (let frame = 0; frame < 60 && wall.every((part) => part < 32); frame += 1) {
    // On a busy machine a camera begins with black frames, as real ones do.
    if (frame) await next();
    pen.drawImage(video, 0, 0);
    wall = [...pen.getImageData(600, 20, 1, 1).data].slice(0, 3);
  }
  const sound = stream.getAudioTracks().length;
  stream.getTracks().forEach((track) => track.stop());
  return { width: video.videoWidth, height: video.videoHeight, wall, sound };
}"""

WATCH = """async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  document.getElementById("v").srcObject = stream;
}"""

CORNER = """() => {
  const pen = new OffscreenCanvas(640, 480).getContext("2d");
  pen.drawImage(document.getElementById("v"), 0, 0);
  return [...pen.getImageData(600, 20, 1, 1).data].slice(0, 3);
}"""


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    application = web.Application()
    application.router.add_get("/", page)
    application.router.add_get("/favicon.ico", page)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0)
    await site.start()
    yield f"http://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.journey
async def test_the_film_is_what_the_camera_sees(
    address: str, films: FilmStore, browsers: Browsers
) -> None:
    page = await browsers.launch(films.film(Scene.FACE), films.sound(), viewport=PHONE)
    await page.goto(address)

    seen = await page.evaluate(LOOK)

    assert (seen["width"], seen["height"], seen["sound"]) == (640, 480, 1)
    wall = (0xC9, 0xC2, 0xB2)
    assert all(abs(a - b) < 25 for a, b in zip(seen["wall"], wall, strict=True))
    assert page.viewport_size == {"width": 360, "height": 780}


@pytest.mark.journey
async def test_a_camera_sees_what_a_stage_shows_now(
    address: str, films: FilmStore, browsers: Browsers
) -> None:
    here, there = Person(seed=2), Person(seed=5)
    stage = films.stage(films.film(Scene.FACE, here))
    page = await browsers.launch(stage.path, viewport=PHONE)
    await page.goto(address)
    await page.evaluate(WATCH)

    async def sees(who: Person) -> bool:
        seen = await page.evaluate(CORNER)
        colour = ImageColor.getrgb(wall(who))[:3]
        return all(abs(a - b) < 7 for a, b in zip(seen, colour, strict=True))

    await until(lambda: sees(here), 20, "the first room")
    stage.show(films.film(Scene.FACE, there))
    await until(lambda: sees(there), 20, "the second room")


@pytest.mark.journey
async def test_complaints_of_a_page_are_kept_unless_allowed(
    address: str, browsers: Browsers
) -> None:
    page = await browsers.launch()
    await page.goto(address)
    await page.evaluate("console.error('salt in the wires')")
    await page.evaluate("setTimeout(() => { throw new Error('no tide') })")
    await page.evaluate("new Promise((later) => setTimeout(later))")

    before = browsers.unexpected()
    browsers.allow("salt in the wires")  # the two that this test makes
    browsers.allow("no tide")

    assert ["salt" in before[0], "no tide" in before[1], len(before)] == [True, True, 2]
    assert browsers.unexpected() == []


@pytest.mark.journey
async def test_axe_finds_what_is_wrong_and_nothing_else(address: str, browsers: Browsers) -> None:
    page = await browsers.launch()
    await page.goto(address)
    clean = await accessibility_problems(page)

    await page.evaluate("document.querySelector('main').innerHTML += '<button></button>'")
    spoilt = await accessibility_problems(page)

    assert clean == []
    assert [problem["rule"] for problem in spoilt] == ["button-name"]


@pytest.mark.journey
async def test_a_picture_of_every_page_is_saved(browsers: Browsers, tmp_path: Path) -> None:
    page = await browsers.launch()
    await page.set_content(PAGE)

    made = await browsers.photograph("failure")

    assert made == [tmp_path / "failure-1.png"]
    assert made[0].read_bytes().startswith(b"\x89PNG")
