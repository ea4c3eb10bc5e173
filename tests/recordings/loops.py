"""What a server sees of a film that is played again and again, and of people who are there.

`python -m tests.recordings.loops` prints the measured figures that `recordings/vision/watch.py`
takes its thresholds for loops from. A person sways, leans and turns at random, never the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType
from PIL import Image

from recordings.vision.watch import Loops, Small, decode_small, decode_still
from tests.harness.faces import draw_face
from tests.recordings.sights import Finder

FPS = 15
LOOK_S, LATE_S = 10.0, 0.4
"""A look is due every ten seconds, and comes somewhat later."""
LINKS = {"60 kbit/s": (320, 60_000), "500 kbit/s": (640, 500_000)}
Luma = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sitter:
    """How much a person moves, in pixels of 640; the camera's noise, in steps of 256."""

    sways: float = 8.0
    noise: float = 3.0
    light: float = 1.0
    there: bool = True
    seed: int = 1


SITTERS = {
    "a person": Sitter(),
    "a lively person": Sitter(sways=16),
    "a still person": Sitter(sways=2.5),
    "a very still person": Sitter(sways=0.7),
    "a person, low light": Sitter(noise=8, light=0.3),
    "a still person, clean sensor": Sitter(sways=2.5, noise=0.5),
    "a very still person, clean sensor": Sitter(sways=0.7, noise=0.5),
    "an empty room": Sitter(there=False),
    "an empty room, clean sensor": Sitter(there=False, noise=0.5),
}


class Film:
    """A person before a camera, for so many seconds; asked for again, it is played again."""

    def __init__(self, sitter: Sitter, seconds: float) -> None:
        self.sitter = sitter
        self.seconds = seconds
        self._chance = np.random.default_rng(sitter.seed)
        steps = int(seconds * FPS) + 1
        quick = self._wander(steps, 2.0) * sitter.sways
        # Somebody sits up or leans on the other arm every half minute or so.
        slow = self._wander(steps, 25.0) * sitter.sways * 2
        self._way = quick + slow
        self._person, self._room = _drawn(sitter.seed)

    def _wander(self, steps: int, seconds: float) -> Luma:
        """Return a random walk that comes home within `seconds`: across, down, size, turn."""
        keep = np.exp(-1 / (seconds * FPS))
        pushes = self._chance.normal(0, np.sqrt(1 - keep * keep), (steps, 4))
        way = np.zeros((steps, 4), np.float32)
        for step in range(1, steps):
            way[step] = way[step - 1] * keep + pushes[step]
        return way

    def at(self, seconds: float, *, again: bool) -> Luma:
        """Return the luma at `seconds`; `again` has the camera's noise played again, too."""
        step = int((seconds % self.seconds) * FPS)
        picture = self._room.copy()
        if self.sitter.there:
            across, down, size, turn = self._way[step]
            how = cv2.getRotationMatrix2D((320, 240), float(turn) * 0.2, 1 + float(size) / 400)
            how[:, 2] += across, down
            moved = cv2.warpAffine(self._person, how, (640, 480))
            share = moved[:, :, 1]
            picture = picture * (1 - share) + moved[:, :, 0]
        chance = np.random.default_rng(step) if again else self._chance
        noise = chance.normal(0, self.sitter.noise, picture.shape)
        return np.clip(picture * self.sitter.light + noise, 0, 255).astype(np.float32)


def _drawn(seed: int) -> tuple[Luma, Luma]:
    """Return a person, with how much each pixel is theirs (both times that), and the room."""
    cut = Image.new("RGBA", (640, 480), (0, 0, 0, 0))
    draw_face(cut, seed, (320, 200), 200, 0)
    pixels = np.asarray(cut, np.float32)
    share = pixels[:, :, 3] / 255
    grey = cv2.cvtColor(pixels[:, :, :3], cv2.COLOR_RGB2GRAY)
    room = np.full((480, 640), 180, np.float32)
    cv2.rectangle(room, (35, 45), (185, 260), 225, -1)
    cv2.rectangle(room, (35, 45), (185, 260), 120, 7)
    return np.dstack([grey * share, share]), room


def looks(
    film: Film, width: int, bitrate: int, count: int, *, again: bool, seed: int = 1
) -> Iterator[Small]:
    """Yield what `count` looks see of a film that a browser sends over a link."""
    encoder = av.CodecContext.create("libvpx", "w")
    height = width * 3 // 4
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.bit_rate, encoder.gop_size = Fraction(1, 4), bitrate, 10_000
    rate = {name: str(bitrate) for name in ("minrate", "maxrate", "bufsize")}
    encoder.thread_count = 1  # several wait for each other by turning
    encoder.options = rate | {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "qmin": "2",
        "qmax": "56",
    }
    late = np.random.default_rng(seed)
    number = 0
    for look in range(count):
        now = look * LOOK_S + late.uniform(0, LATE_S)
        for before in (2, 1, 0):
            seen = film.at(max(0, now - before / 4), again=again)
            grey = cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA)
            limited = np.rint(16 + grey * 219 / 255).astype(np.uint8)
            planes = np.vstack([limited, np.full((height // 2, width), 128, np.uint8)])
            picture = av.VideoFrame.from_ndarray(planes, "yuv420p")
            picture.pts = number
            number += 1
            if before == 0:
                picture.pict_type = PictureType.I
            keys = [bytes(packet) for packet in encoder.encode(picture) if packet.is_keyframe]
            if before == 0:
                yield decode_small(keys[0])


STILL_S, STILL_BYTES = 5.0, 6_000
"""A still is looked at up to so long after it was taken."""


def still_looks(film: Film, count: int, *, again: bool, seed: int = 1) -> Iterator[Small]:
    """Yield what `count` looks see of a film that comes as single pictures."""
    late, finder = np.random.default_rng(seed), Finder(STILL_BYTES)
    for look in range(count):
        now = look * LOOK_S + late.uniform(0, STILL_S)
        yield decode_still(finder.encode(film.at(now, again=again)))


def first_seen(smalls: Iterator[Small]) -> int | None:
    """Return after how many looks a loop is seen; None: never."""
    loops = Loops()
    for number, small in enumerate(smalls, start=1):
        if loops.looping(small):
            return number
    return None


def main() -> None:
    """Print what is seen of people who are there for an hour, and of loops."""
    for name, sitter in SITTERS.items():
        for link, (width, bitrate) in LINKS.items():
            seen = first_seen(looks(Film(sitter, 3_700), width, bitrate, 360, again=False))
            print(f"{name:36} {link:11} there         seen after {seen} looks", flush=True)
        seen = first_seen(still_looks(Film(sitter, 3_700), 360, again=False))
        print(f"{name:36} stills      there         seen after {seen} looks", flush=True)
    for name, sitter in SITTERS.items():
        for seconds in (7, 20, 33, 60, 130):
            film = Film(sitter, seconds)
            seen = first_seen(looks(film, *LINKS["60 kbit/s"], 180, again=True))
            print(f"{name:36} loop of {seconds:4} s   seen after {seen} looks", flush=True)
            seen = first_seen(still_looks(film, 180, again=True))
            print(f"{name:36} the same, by stills   seen after {seen} looks", flush=True)


if __name__ == "__main__":
    main()
