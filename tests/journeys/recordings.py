"""A record's recordings: taken from its page as a person's browser takes them, and looked into."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.harness.waiting import until
from tests.journeys.people import BYTES
from tests.journeys.world import SOON_S

PARTS = "#parts video"
"""The recordings one by one, below the player of them all."""
PLAY = """async (video) => {
  video.muted = true;
  const failed = new Promise((_, fail) => {
    video.addEventListener("error", () => fail(new Error(video.error?.message)));
  });
  // On a busy machine sound may be decoded a moment after the picture.
  const heard = () => video.webkitAudioDecodedByteCount !== 0 || video.currentTime > 5;
  const moved = new Promise((done) => {
    video.addEventListener("timeupdate", () => {
      if (video.currentTime > Math.min(1, video.duration / 2) && heard()) done();
    });
    video.addEventListener("ended", () => done());
  });
  const late = new Promise((_, fail) => {
    setTimeout(() => fail(new Error(`stands at ${video.currentTime} s`)), 20_000);
  });
  await Promise.race([video.play(), failed, late]);
  await Promise.race([moved, failed, late]);
  const sound = video.webkitAudioDecodedByteCount;
  const [at, long, width] = [video.currentTime, video.duration, video.videoWidth];
  video.pause();
  return { at, long, width, sound };
}"""


TO_THE_END = """(before_end) => {
  const seek = document.getElementById("seek");
  seek.value = String(Number(seek.max) - before_end);
  seek.dispatchEvent(new Event("input"));
  const speed = document.getElementById("speed");
  return [seek.valueAsNumber, speed.value];
}"""
MUTED = """() => {
  for (const one of document.querySelectorAll("#stage video, #stage audio")) one.muted = true;
}"""
"""Firefox refuses a file of sound alone on a machine without any sound device, unless muted."""
STANDING = """() => [...document.querySelectorAll("#stage video, #stage audio")].map((one) => ({
  at: one.currentTime, ready: one.readyState, fault: one.error?.message ?? null,
}))"""
BEFORE_END_MS = 3_000
"""Where playing begins: there, every source is still being recorded."""
ENOUGH_S = 1.0


class Player:
    """The record's player, in any browser's page: it plays all sources as one."""

    def __init__(self, evaluate: Callable[..., Awaitable[Any]]) -> None:
        self._evaluate = evaluate

    async def plays(self, sources: int) -> None:
        """Play the last seconds; wait until each source has gone on by a second."""
        await self._evaluate(MUTED)
        await self._evaluate(TO_THE_END, BEFORE_END_MS)

        async def ready() -> bool:
            standing = await self._standing(sources)
            return all(one["ready"] >= 2 for one in standing)

        await until(ready, SOON_S, "every source to be loaded")
        before = await self._standing(sources)
        await self._evaluate("() => document.getElementById('play').click()")

        async def moved() -> bool:
            now = await self._standing(sources)
            steps = zip(before, now, strict=True)
            return all(after["at"] - one["at"] > ENOUGH_S for one, after in steps)

        await until(moved, SOON_S, "every source to be played")

    async def _standing(self, sources: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._evaluate(STANDING)
        assert len(found) == sources
        assert not [one["fault"] for one in found if one["fault"]]
        return found


@dataclass(frozen=True, slots=True)
class Played:
    """A recording that was played a little: where it came to, its seconds, width, sound bytes."""

    at: float
    long: float
    width: int
    sound: int


async def play(page: Page, number: int, of: str = PARTS) -> Played:
    """Play one recording of the page until it has moved; fails when the browser cannot."""
    video = page.locator(of).nth(number)
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
