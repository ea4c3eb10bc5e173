"""No media connection can be made at all: stills and voices go by the socket."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from playwright.async_api import Page

from tests.harness.browser import PHONE
from tests.harness.films import Scene
from tests.harness.waiting import until
from tests.journeys.aboard import not_before_today
from tests.journeys.cast import MARIA, Cast
from tests.journeys.people import LearnerPage, is_wall
from tests.journeys.plain import book_plainly
from tests.journeys.world import SOON_S, World

pytestmark = pytest.mark.journey

GIVEN_UP_S = 45.0
"""Two whole tries without media take some 25 seconds."""
NO_MEDIA = """
  window.voices = [];
  window.Audio = class extends Audio {
    constructor(...of) { super(...of); window.voices.push(this); }
  };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(settings, ...more) { super({ ...settings, iceTransportPolicy: "relay" }, ...more); }
  };
"""
"""A network without any way for media, and no relay: said to the page itself."""
VOICES = """
  window.voices = [];
  window.Audio = class extends Audio {
    constructor(...of) { super(...of); window.voices.push(this); }
  };
"""
LOUD = """async () => {
  const element = window.voices.find((one) => !one.paused && one.buffered.length);
  if (!element) return 0;
  const context = new AudioContext();
  await context.resume();
  const ear = context.createAnalyser();
  context.createMediaStreamSource(element.captureStream()).connect(ear);
  const heard = new Float32Array(ear.fftSize);
  let most = 0;
  for (let look = 0; look < 10; look += 1) {
    await new Promise((done) => setTimeout(done, 50));
    ear.getFloatTimeDomainData(heard);
    most = Math.max(most, Math.hypot(...heard) / Math.sqrt(heard.length));
  }
  await context.close();
  return most;
}"""
"""How loud the voice is that comes in pieces, as it is played: the root of its mean square."""
STILL = """() => {
  const still = document.querySelector(".stage-picture .still canvas");
  if (!still) return null;
  const pen = new OffscreenCanvas(64, 48).getContext("2d");
  pen.drawImage(still, 0, 0, 64, 48);
  const wall = [...pen.getImageData(61, 1, 1, 1).data].slice(0, 3);
  return { wall, size: [still.width, still.height] };
}"""


def full_faces(world: World) -> list[dict[str, object]]:
    """Return what the record says of pictures that came in full size."""
    rows = world.rows("SELECT body FROM event WHERE kind = 'snapshot'")
    told = [json.loads(body)["data"] for (body,) in rows]
    return [one for one in told if one.get("full")]


async def hears_pieces(page: Page, what: str) -> None:
    """Wait until a voice that comes in pieces is played, and is more than silence."""

    async def loud() -> bool:
        return float(await page.evaluate(LOUD)) > 0.005

    await until(loud, SOON_S, f"the sound of {what}")


async def test_a_learner_without_any_way_for_media_is_seen_in_stills_and_heard(
    world: World, cast: Cast
) -> None:
    start = not_before_today()
    world.time.go_to(start - timedelta(hours=2))
    link = await book_plainly(world, "L-1001", start)
    world.time.go_to(start - timedelta(minutes=5))
    film, sound = cast.films.film(Scene.FACE, MARIA), cast.films.sound(MARIA.seed)
    page = await cast.browsers.launch(film, sound, viewport=PHONE)
    await page.add_init_script(NO_MEDIA)
    learner = LearnerPage(page, world)
    await learner.enter(link)
    await learner.check_in()
    await page.get_by_role("button", name="I am ready").click()
    console = await cast.invigilator()
    await console.page.add_init_script(VOICES)
    await console.sign_in(world.invigilator_of("Maria Santos"))
    await console.connected()
    await console.open("Maria Santos")

    async def still() -> bool:
        seen = await console.page.evaluate(STILL)
        return bool(seen) and seen["size"] == [320, 240] and is_wall(seen["wall"], MARIA)

    await until(still, GIVEN_UP_S, "a still of the learner")
    assert "Picture of" in (await console.page.locator(".stage-picture .still-age").inner_text())
    await hears_pieces(console.page, "the learner, in pieces")
    await hears_pieces(page, "the invigilator, in pieces")
    # The same face in the camera's full size follows the still by HTTP, and takes its place.
    picture = await console.take("face", whole=True)

    assert picture.size == (640, 480)
    await until(lambda: full_faces(world), SOON_S, "the face in full size")
    [told] = full_faces(world)
    assert told["of"] is not None
    assert told["live_sha256"] is not None
