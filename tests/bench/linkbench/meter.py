"""What is read off the two pages: pictures as they are shown, sound as it is decoded."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page

WATCH = """
  window.shown = [];
  const noted = (width, height, kind) => {
    window.shown.push([Date.now(), width, height, kind]);
    if (window.shown.length > 20000) window.shown.splice(0, 10000);
  };
  const follow = (video) => {
    const next = (_, about) => {
      if (video.isConnected) noted(about.width, about.height, "video");
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  };
  const known = new WeakSet();
  setInterval(() => {
    const video = document.querySelector(".stage-picture > video, #remote");
    if (video && !known.has(video)) {
      known.add(video);
      follow(video);
    }
  }, 50);
  for (const name of ["drawImage", "putImageData"]) {
    const draw = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...what) {
      const { canvas } = this;
      if (canvas instanceof HTMLCanvasElement && canvas.closest(".stage-picture .still")) {
        noted(canvas.width, canvas.height, "still");
      }
      return draw.apply(this, what);
    };
  }
"""
"""Notes each picture of the other person that a page shows; for before the page is loaded."""

FIGURES = """async () => {
  const sum = { samples: 0, concealed: 0, packets: 0, lost: 0, energy: 0, delay: 0, emitted: 0,
    frames: 0, pictures: window.shown?.length ?? 0 };
  for (const peer of window.peers.filter((one) => one.connectionState === "connected")) {
    (await peer.getStats()).forEach((one) => {
      if (one.type !== "inbound-rtp") return;
      if (one.kind === "video") sum.frames += one.framesDecoded ?? 0;
      if (one.kind !== "audio") return;
      sum.samples += one.totalSamplesReceived ?? 0;
      sum.concealed += one.concealedSamples ?? 0;
      sum.packets += one.packetsReceived ?? 0;
      sum.lost += one.packetsLost ?? 0;
      sum.energy += one.totalAudioEnergy ?? 0;
      sum.delay += one.jitterBufferDelay ?? 0;
      sum.emitted += one.jitterBufferEmittedCount ?? 0;
    });
  }
  return sum;
}"""
SHOWN = "(since) => (window.shown ?? []).filter(([at]) => at >= since)"


@dataclass(frozen=True, slots=True)
class Sound:
    """What was heard within a window: shares of its samples and packets, seconds of delay."""

    concealed: float
    lost: float
    delay_s: float


@dataclass(frozen=True, slots=True)
class Pictures:
    """What was seen within a window; intervals and the age of the last one in seconds."""

    median_s: float
    longest_s: float
    a_second: float
    size: tuple[int, int]
    kind: str


async def figures(page: Page) -> dict[str, float]:
    """Return a page's sums so far."""
    found: dict[str, float] = await page.evaluate(FIGURES)
    return found


def sound_between(before: dict[str, float], after: dict[str, float]) -> Sound:
    """Return what was heard between two readings of `figures`."""
    grown = {name: after[name] - before[name] for name in after}
    samples, packets = grown["samples"], grown["packets"] + grown["lost"]
    emitted = grown["emitted"]
    return Sound(
        grown["concealed"] / samples if samples > 0 else 1.0,
        grown["lost"] / packets if packets > 0 else 1.0,
        grown["delay"] / emitted if emitted > 0 else 0.0,
    )


async def shown(page: Page, since_ms: float) -> list[list[Any]]:
    """Return the pictures shown since a moment: time in ms, width, height, kind."""
    found: list[list[Any]] = await page.evaluate(SHOWN, since_ms)
    return found


def pictures_between(rows: list[list[Any]], begin_ms: float, end_ms: float) -> Pictures:
    """Tell how fresh the picture was within a window: the window's ends count as intervals do."""
    inside = [row for row in rows if begin_ms <= row[0] <= end_ms]
    times = [begin_ms, *(row[0] for row in inside), end_ms]
    steps = [(after - before) / 1000 for before, after in itertools.pairwise(times)]
    sizes = [(int(row[1]), int(row[2])) for row in inside]
    kinds = sorted({str(row[3]) for row in inside})
    return Pictures(
        statistics.median(steps),
        max(steps),
        1000 * len(inside) / (end_ms - begin_ms),
        statistics.mode(sizes) if sizes else (0, 0),
        " and ".join(kinds) or "none",
    )
