"""A record's recordings: taken from its page as a person's browser takes them, and looked into."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.journeys.people import BYTES

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


async def fetch(page: Page, address: str, path: Path) -> Path:
    """Save a recording that the page names."""
    media_type, text = await page.evaluate(BYTES, address)
    assert re.match("(video|audio)/", media_type), media_type
    await asyncio.to_thread(path.write_bytes, base64.b64decode(text))
    return path


@dataclass(frozen=True, slots=True)
class Probed:
    """What ffprobe finds in a file: for each kind of stream the times of its packets, in order."""

    video: tuple[float, ...]
    audio: tuple[float, ...]
    complaints: str

    @property
    def longest_hole(self) -> float:
        """The longest time between two packets of one stream, in seconds."""
        return max(
            later - before
            for times in (self.video, self.audio)
            for before, later in itertools.pairwise(times)
        )


async def probe(path: Path) -> Probed:
    """Read every packet of a file with ffprobe."""
    words = ["-v", "warning", "-show_entries", "packet=codec_type,pts_time", "-of", "json"]
    run = await asyncio.create_subprocess_exec(
        "ffprobe", *words, str(path), stdout=-1, stderr=-1, stdin=-3
    )
    found, complaints = await run.communicate()
    assert run.returncode == 0, complaints.decode()
    packets: list[dict[str, Any]] = json.loads(found)["packets"]
    times = {
        kind: tuple(float(one["pts_time"]) for one in packets if one["codec_type"] == kind)
        for kind in ("video", "audio")
    }
    return Probed(times["video"], times["audio"], complaints.decode())
