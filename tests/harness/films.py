"""Camera films and microphone sound, generated: for Chromium's fake devices and for aiortc.

A film is a loop of seconds: a person sits, sways, blinks and speaks, and in one scene holds up
a card. Sensor noise is part of it: a still picture would drive a sender's bitrate to the floor.
"""

from __future__ import annotations

import math
import random
import wave
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from tests.harness.people import Person, card, draw_person, looks, wall

WIDTH, HEIGHT, FPS = 640, 480, 10
SCENE_S = 3
"""Seconds of one scene; `BOTH` lasts twice as long."""
SOUND_RATE = 48_000
"""Samples a second of the sound, one channel of signed 16 bits."""
CARD_WIDTH = 460
NOISE = 3.0
"""Standard deviation of the sensor noise, in steps of 256."""

HEADER = "YUV4MPEG2 W{} H{} F{}:1 Ip A1:1 C420\n"
MARK = b"FRAME\n"
"""What stands before every picture of a film."""

LIGHT = np.array((65.481, 128.553, 24.966), dtype=np.float32)
CHROMA_B = np.array((-37.797, -74.203, 112.0), dtype=np.float32)
CHROMA_R = np.array((112.0, -93.786, -18.214), dtype=np.float32)
"""The weights of red, green and blue, from 0 to 1, in BT.601's planes."""

Frame = npt.NDArray[np.uint8]


class Scene(StrEnum):
    """What a film shows."""

    FACE = "face"
    """The person looks into the camera."""
    CARD = "card"
    """The person holds the card up, the face still visible above it."""
    BOTH = "both"
    """First the one, then the other, again and again."""
    NOBODY = "nobody"
    """The room alone."""


def frames(scene: Scene, person: Person | None = None) -> Iterator[Frame]:
    """Yield one loop of a scene: RGB arrays of shape (480, 640, 3), 10 for each second."""
    who = person or Person()
    noise = np.random.default_rng(who.seed).normal(0, NOISE, (HEIGHT, WIDTH, 3)).astype(np.float32)
    shift = random.Random(who.seed)
    parts = (Scene.FACE, Scene.CARD) if scene is Scene.BOTH else (scene,)
    for part in parts:
        for number in range(SCENE_S * FPS):
            clean = np.asarray(_picture(part, who, number), dtype=np.float32)
            rolled = np.roll(noise, (shift.randrange(HEIGHT), shift.randrange(WIDTH)), (0, 1))
            rolled += clean
            yield np.clip(rolled, 0, 255, out=rolled).astype(np.uint8)


def _picture(scene: Scene, person: Person, number: int) -> Image.Image:
    """Draw one picture, at twice the size and then reduced, which smooths its edges."""
    image = Image.new("RGB", (WIDTH * 2, HEIGHT * 2), wall(person))
    pen = ImageDraw.Draw(image)
    pen.rectangle((70, 90, 370, 520), fill="#dfe7ea", outline="#8d979c", width=14)
    pen.line((220, 90, 220, 520), fill="#8d979c", width=10)
    if scene is Scene.NOBODY:
        return image.reduce(2)
    turn = 2 * math.pi * number / (SCENE_S * FPS)
    sway, nod = 14 * math.sin(turn), 8 * math.sin(2 * turn)
    blink = {17: 1.0, 18: 1.0, 19: 0.6}.get(number, 0.0)
    if scene is Scene.FACE:
        draw_person(image, person, (WIDTH + sway, 430 + nod), 400, blink)
    else:
        draw_person(image, person, (WIDTH + sway, 175 + nod), 300, blink)
        shown = card(person, CARD_WIDTH * 2)
        left, top = round(WIDTH - CARD_WIDTH + sway / 2), round(HEIGHT * 2 - shown.height - 20)
        for x in (left - 26, left + shown.width - 44):
            pen.ellipse((x, top + 200, x + 70, top + 330), fill=looks(person)[0])
        image.paste(shown, (left, top + round(nod / 2)))
    return image.reduce(2)


def to_i420(frame: Frame) -> bytes:
    """Convert RGB to planar 4:2:0, BT.601 limited range (ITU-R BT.601-7, 2.5)."""
    whole = frame.astype(np.float32)
    top, bottom = whole[0::2], whole[1::2]
    small = (top[:, 0::2] + top[:, 1::2] + bottom[:, 0::2] + bottom[:, 1::2]) / 4
    planes = ((whole, LIGHT, 16), (small, CHROMA_B, 128), (small, CHROMA_R, 128))
    return b"".join(
        np.rint(pixels @ (weights / 255) + zero).astype(np.uint8).tobytes()
        for pixels, weights, zero in planes
    )


def write_film(path: Path, scene: Scene, person: Person | None = None, fps: int = FPS) -> None:
    """Write one loop as YUV4MPEG2, which Chromium plays again and again at its frame rate."""
    write_frames(path, frames(scene, person), fps)


def write_frames(path: Path, pictures: Iterable[Frame], fps: int = FPS) -> None:
    """Write pictures as one loop of YUV4MPEG2."""
    with path.open("wb") as film:
        film.write(HEADER.format(WIDTH, HEIGHT, fps).encode())
        for picture in pictures:
            film.write(MARK + to_i420(picture))


def speech(seconds: float = 4.0, seed: int = 1) -> npt.NDArray[np.int16]:
    """Return a murmur with syllables, pitch and pauses: samples at 48 kHz, one channel."""
    chance = np.random.default_rng(seed)
    at = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    pitch = 110 + 60 * chance.random() + 18 * np.sin(2 * math.pi * 0.7 * at)
    phase = 2 * math.pi * np.cumsum(pitch) / SOUND_RATE
    voice = sum(np.sin(phase * harmonic) / harmonic for harmonic in range(1, 9))
    syllables = np.clip(np.sin(2 * math.pi * 3.1 * at), 0, 1) * (
        np.sin(2 * math.pi * at / 4) > -0.6
    )
    sound = 0.22 * voice * syllables + 0.004 * chance.standard_normal(at.size)
    return np.clip(sound * 32767, -32768, 32767).astype(np.int16)


def write_sound(path: Path, seconds: float = 4.0, seed: int = 1) -> None:
    """Write the murmur as a WAV file."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SOUND_RATE)
        sound.writeframes(speech(seconds, seed).tobytes())


class Stage:
    """A film whose scene changes while a browser's camera plays it.

    Chromium reads the file picture by picture, again and again: what is written over it, at the
    same length, is what the camera sees next.
    """

    def __init__(self, path: Path, first: Path) -> None:
        self.path = path
        path.touch()
        self.show(first)

    def show(self, film: Path) -> None:
        """Play another film from now on; its pictures must divide a scene's number evenly."""
        header, _, pictures = film.read_bytes().partition(b"\n")
        size = len(MARK) + WIDTH * HEIGHT * 3 // 2
        times, rest = divmod(SCENE_S * FPS * size, len(pictures))
        assert rest == 0, f"{film.name}: {len(pictures) / size} pictures"
        with self.path.open("r+b") as stage:
            stage.write(header + b"\n" + pictures * times)


class FilmStore:
    """Films and sounds of one test session, each made once, in one folder.

    At less than FPS they play slower, and cost every browser that sends and shows them less. With
    another store's films, drawn already, only the speed is another.
    """

    def __init__(self, folder: Path, fps: int = FPS, drawn: FilmStore | None = None) -> None:
        self.folder = folder
        self._fps = fps
        self._drawn = drawn
        self._stages = 0

    def film(self, scene: Scene = Scene.BOTH, person: Person | None = None) -> Path:
        """Return the path of a film (y4m)."""
        who = person or Person()
        path = self.folder / f"{scene}-{abs(hash(who)):x}.y4m"
        if not path.exists():
            if self._drawn is None:
                write_film(path, scene, who, self._fps)
            else:
                pictures = self._drawn.film(scene, who).read_bytes().partition(b"\n")[2]
                path.write_bytes(HEADER.format(WIDTH, HEIGHT, self._fps).encode() + pictures)
        return path

    def sound(self, seed: int = 1) -> Path:
        """Return the path of a sound (wav)."""
        path = self.folder / f"murmur-{seed}.wav"
        if not path.exists():
            write_sound(path, seed=seed)
        return path

    def reel(self, name: str, make: Callable[[], Iterable[Frame]]) -> Path:
        """Return the path of a film of its own name, made when it is first asked for."""
        path = self.folder / f"{name}.y4m"
        if not path.exists():
            write_frames(path, make(), self._fps)
        return path

    def stage(self, first: Path) -> Stage:
        """Return a stage that begins with this film."""
        self._stages += 1
        return Stage(self.folder / f"stage-{self._stages}.y4m", first)
