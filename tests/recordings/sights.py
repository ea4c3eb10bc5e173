"""What a server sees of cameras that live, stand still or are covered, after a thin link.

`python -m tests.recordings.sights` prints the measured figures that `recordings/vision/watch.py`
takes its thresholds from. A key frame in ten seconds is compared with the one before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType
from PIL import Image, ImageDraw

from recordings.vision.watch import Small, decode_small, decode_still
from tests.harness.people import Person, draw_person, wall

FPS, EVERY_S = 4, 10
WIDTH, HEIGHT = 640, 480
STILLS = (6_000, 4_000)
"""Bytes of a still: as the page makes them, and where one takes long."""
Luma = npt.NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """What a camera looks at; movements in pixels of 640, noise in steps of 256."""

    sway: float = 7.0
    noise: float = 3.0
    light: float = 1.0
    ground: float = 0.0
    somebody: bool = True
    stands: bool = False
    """The same picture again and again, to the last bit."""
    rough: float = 0.0
    """How much pattern the room has, in steps of 256: a JPEG of few bytes becomes coarse."""
    seed: int = 1


STILL = View(sway=0.7)
VIEWS = {
    "a person": View(),
    "a person, clean sensor": View(noise=0.5),
    "low light": View(noise=8, light=0.2),
    "very low light": View(sway=3, noise=8, light=0.1),
    "a very still person": STILL,
    "a very still person, clean sensor": replace(STILL, noise=0.5),
    "a very still person, low light": replace(STILL, noise=8, light=0.2),
    "an empty room": View(somebody=False),
    "an empty room, clean sensor": View(somebody=False, noise=0.5),
    "a person, rough room": View(rough=25),
    "a very still person, rough room": replace(STILL, rough=25),
    "an exact still, rough room": View(stands=True, rough=25),
    "a covered lens": View(noise=2, light=0, ground=6),
    "a covered lens, noisy": View(noise=8, light=0, ground=18),
    "an exact still": View(stands=True),
    "an exact still, clean": View(stands=True, noise=0),
    "an exact still, low light": View(stands=True, noise=8, light=0.2),
}
LINKS = {"60 kbit/s": (320, 60_000), "150 kbit/s": (480, 150_000), "500 kbit/s": (640, 500_000)}


def luma(view: View, at: float, chance: np.random.Generator) -> Luma:
    """Return the luma of a film at `at` seconds."""
    # Periods that the ten seconds between two looks are no multiple of.
    sway = view.sway * 2 * math.sin(at * 2 * math.pi / 4.7)
    nod = view.sway * math.sin(at * 2 * math.pi / 3.3)
    clean = _scene(somebody=view.somebody, sway=round(sway, 1), nod=round(nod, 1), seed=view.seed)
    if view.rough:
        clean = clean + _pattern() * view.rough
    noise = chance.normal(0, view.noise, clean.shape) if view.noise else 0
    return np.clip(clean * view.light + view.ground + noise, 0, 255).astype(np.float32)


@lru_cache(maxsize=4_000)
def _scene(*, somebody: bool, sway: float, nod: float, seed: int) -> Luma:
    image = Image.new("RGB", (WIDTH * 2, HEIGHT * 2), wall(Person(seed=seed)))
    pen = ImageDraw.Draw(image)
    pen.rectangle((70, 90, 370, 520), fill="#dfe7ea", outline="#8d979c", width=14)
    if somebody:
        draw_person(image, Person(seed=seed), (WIDTH + sway, 430 + nod), 400, 0)
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.BOX).convert("L")
    return np.asarray(small, dtype=np.float32)


@lru_cache(maxsize=1)
def _pattern() -> Luma:
    """Return a wallpaper of spread 1, the same at each pixel of each picture."""
    return np.random.default_rng(7).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32)


def stills(view: View, size: int, looks: int = 8, every: float = EVERY_S) -> list[bytes]:
    """Return JPEGs of some `size` bytes as the page makes them (`web/ui/link/stills.ts`)."""
    chance = np.random.default_rng(view.seed)
    still, finder = luma(view, 0, chance), Finder(size)
    return [
        finder.encode(still if view.stands else luma(view, look * every, chance))
        for look in range(looks)
    ]


class Finder:
    """Finds by the size how much detail fits, as the page does from one still to the next."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._quality = 0.5

    def encode(self, seen: Luma) -> bytes:
        """Return a JPEG of 320 by 240 pixels."""
        grey = np.rint(cv2.resize(seen, (320, 240), interpolation=cv2.INTER_AREA))
        colours = cv2.merge([grey.astype(np.uint8)] * 3)
        for _ in range(3):
            quality = round(self._quality * 100)
            _, jpeg = cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, quality])
            over = len(jpeg) / self._size
            self._quality = min(0.8, max(0.08, self._quality / over**0.8))
            if over <= 1.25:
                break
        return jpeg.tobytes()


def key_frames(
    view: View, width: int, bitrate: int, looks: int = 8, before: int = FPS * EVERY_S - 1
) -> list[bytes]:
    """Return VP8 key frames, 10 s apart, of the film as a browser would send it.

    Of the film between two of them, the encoder is given the last `before` pictures.
    """
    height = width * 3 // 4
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.bit_rate, encoder.gop_size = Fraction(1, FPS), bitrate, 10_000
    encoder.thread_count = 1  # several wait for each other by turning
    encoder.options = {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "minrate": str(bitrate),
        "maxrate": str(bitrate),
        "bufsize": str(bitrate),
        "qmin": "2",
        "qmax": "56",
    }
    chance = np.random.default_rng(view.seed)
    still = luma(view, 0, chance)
    frames = []
    for number in range(looks * EVERY_S * FPS):
        to_look = -number % (EVERY_S * FPS)
        if to_look > before:
            continue
        seen = still if view.stands else luma(view, number / FPS, chance)
        grey = cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA)
        # Limited range (ITU-R BT.601-7): what a browser's encoder is given.
        limited = np.rint(16 + grey * 219 / 255).astype(np.uint8)
        planes = np.vstack([limited, np.full((height // 2, width), 128, np.uint8)])
        picture = av.VideoFrame.from_ndarray(planes, "yuv420p")
        picture.pts = number
        if to_look == 0:
            picture.pict_type = PictureType.I
        frames += [bytes(packet) for packet in encoder.encode(picture) if packet.is_keyframe]
    return frames


def apart(frames: list[bytes]) -> list[float]:
    """Return how far pictures are apart, each the larger of two comparisons in a row."""
    # The first is encoded before the rate of the link is found.
    return pairs([decode_small(frame) for frame in frames][1:])


def pairs(smalls: list[Small]) -> list[float]:
    """Return how far pictures are apart, each the larger of two comparisons in a row."""
    by = [after.apart(before) for before, after in pairwise(smalls)]
    return [max(two) for two in pairwise(by)]


def main() -> None:
    """Print a table: a line for each view and link."""
    for name, view in VIEWS.items():
        for link, (width, bitrate) in LINKS.items():
            frames = key_frames(view, width, bitrate)
            by, last = apart(frames), decode_small(frames[-1]).luma
            light = f"mean {last.mean():5.1f} spread {last.std():4.1f}"
            print(f"{name:34} {link:11} {light}  apart {min(by):5.2f} to {max(by):5.2f}")
        for size in STILLS:
            smalls = [decode_still(jpeg) for jpeg in stills(view, size, 24)]
            by, last = pairs(smalls), smalls[-1].luma
            light = f"mean {last.mean():5.1f} spread {last.std():4.1f}"
            print(f"{name:34} {size:6} B   {light}  apart {min(by):5.2f} to {max(by):5.2f}")


if __name__ == "__main__":
    main()
