"""Playing the recordings of a record's page, as a person would."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.async_api import Page

PLAY = """async (video) => {
  video.muted = true;
  const failed = new Promise((_, fail) => {
    video.addEventListener("error", () => fail(new Error(video.error?.message)));
  });
  const moved = new Promise((done) => {
    video.addEventListener("timeupdate", () => {
      if (video.currentTime > Math.min(1, video.duration / 2)) done();
    });
  });
  await Promise.race([video.play(), failed]);
  await Promise.race([moved, failed]);
  const sound = video.webkitAudioDecodedByteCount;
  const [at, long, width] = [video.currentTime, video.duration, video.videoWidth];
  video.pause();
  return { at, long, width, sound };
}"""


@dataclass(frozen=True, slots=True)
class Played:
    """A recording that was played a little: where it came to, its seconds, width, sound bytes."""

    at: float
    long: float
    width: int
    sound: int


async def play(page: Page, number: int) -> Played:
    """Play one recording of the page until it has moved; fails when the browser cannot."""
    video = page.locator("video").nth(number)
    return Played(**await video.evaluate(PLAY))
