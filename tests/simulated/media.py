"""The simulated learner's camera and microphone, as aiortc tracks."""

from __future__ import annotations

import asyncio
import fractions
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from tests.harness.films import FPS, SOUND_RATE, Frame, Scene, frames, speech
from tests.harness.people import Person
from tests.specimens.documents import OCR_B, draw
from tests.specimens.held import Pose, held
from tests.specimens.holders import SANTOS, holder
from tests.specimens.zone import Form

VIDEO_CLOCK = 90_000
SOUND_SAMPLES = SOUND_RATE // 50
"""Samples of one packet: 20 ms."""
MURMUR_S = 4.0
BREATH = 60
"""Loudness of the room when nobody speaks, of 32,768."""

Reel = dict[Scene, list[av.VideoFrame]]


def reel(person: Person) -> Reel:
    """Draw both scenes once; a second or two of one core.

    The document is a passport that can be read, where the typeface of its lines is installed.
    """
    shown = _passport(person) if OCR_B.exists() else frames(Scene.CARD, person)
    return {Scene.FACE: _film(frames(Scene.FACE, person)), Scene.CARD: _film(shown)}


def _passport(person: Person) -> Iterator[Frame]:
    names = {"surname": person.surname.title(), "given": person.given_names.title()}
    own = SANTOS if names == {"surname": SANTOS.surname, "given": SANTOS.given} else holder(1)
    return held(draw(Form.TD3, replace(own, **names, face=person.seed)), Pose.GOOD, person)


def _film(pictures: Iterable[Frame]) -> list[av.VideoFrame]:
    return [
        av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv420p")
        for frame in pictures
    ]


class Paced(MediaStreamTrack):
    """A track whose frames come at an even pace; a late one does not hurry the next ones."""

    def __init__(self, period_s: float) -> None:
        super().__init__()
        self._period = period_s
        self._due = 0.0
        self._count = 0

    async def pace(self) -> int:
        """Wait for the next frame's time; return its number."""
        if self.readyState != "live":
            raise MediaStreamError
        now = time.monotonic()
        self._due = max(self._due + self._period, now)
        await asyncio.sleep(self._due - now)
        self._count += 1
        return self._count


class Camera(Paced):
    """Shows the scene that `look` names, 10 frames a second."""

    kind = "video"

    def __init__(self, film: Reel, look: Callable[[], Scene]) -> None:
        super().__init__(1 / FPS)
        self._film = film
        self._look = look

    async def recv(self) -> av.VideoFrame:
        """Return the next frame."""
        number = await self.pace()
        scene = self._film[self._look()]
        frame = scene[number % len(scene)]
        frame.pts = number * VIDEO_CLOCK // FPS
        frame.time_base = fractions.Fraction(1, VIDEO_CLOCK)
        return frame


class Microphone(Paced):
    """Murmurs while `speaking` says so; otherwise the room is quiet, but not silent."""

    kind = "audio"

    def __init__(self, speaking: Callable[[], bool]) -> None:
        super().__init__(SOUND_SAMPLES / SOUND_RATE)
        self._speaking = speaking
        self._voice = speech(MURMUR_S)
        self._room = np.random.default_rng(2).normal(0, BREATH, SOUND_RATE).astype(np.int16)

    async def recv(self) -> av.AudioFrame:
        """Return the next 20 ms."""
        number = await self.pace()
        source = self._voice if self._speaking() else self._room
        start = number * SOUND_SAMPLES % len(source)
        frame = av.AudioFrame.from_ndarray(
            source[None, start : start + SOUND_SAMPLES], format="s16", layout="mono"
        )
        frame.sample_rate = SOUND_RATE
        frame.pts = number * SOUND_SAMPLES
        frame.time_base = fractions.Fraction(1, SOUND_RATE)
        return frame
