"""Learners without a browser, many of whom fit onto a small machine: aiortc and drawn films."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import av
import numpy as np
from aiortc.mediastreams import MediaStreamTrack

from tests.harness.films import Scene, frames
from tests.harness.people import Person
from tests.harness.waiting import until
from tests.journeys.world import SOON_S
from tests.simulated.call import Call
from tests.simulated.media import VIDEO_CLOCK, Microphone, Paced
from tests.simulated.pages import LearnerPages


@dataclass(frozen=True, slots=True)
class Look:
    """What a camera sends: pixels, pictures a second, how many before they begin anew."""

    size: tuple[int, int] = (320, 240)
    fps: int = 5
    pictures: int = 8


class SmallCamera(Paced):
    """A camera that costs little."""

    kind = "video"

    def __init__(self, film: list[av.VideoFrame], fps: int) -> None:
        super().__init__(1 / fps)
        self._film = film
        self._fps = fps
        self.seen = True
        """Whether it shows the person; else its cover is on, and all is black."""

    async def recv(self) -> av.VideoFrame:
        """Return the next frame."""
        number = await self.pace()
        film = self._film[:-1]
        if self.seen:
            frame = _drifted(film[number % len(film)], number // self._fps)
        else:
            frame = self._film[-1]
        frame.pts = number * VIDEO_CLOCK // self._fps
        frame.time_base = fractions.Fraction(1, VIDEO_CLOCK)
        return frame


def _drifted(picture: av.VideoFrame, pixels: int) -> av.VideoFrame:
    """Move what it shows a little: the same pictures again and again would be called a film."""
    planes = picture.to_ndarray()
    light = planes[: picture.height]
    light[:] = np.roll(light, pixels % picture.width, axis=1)
    # Both planes of colour lie behind the light, each half as wide and half as high.
    colours = planes[picture.height :].reshape(2, picture.height // 2, picture.width // 2)
    colours[:] = np.roll(colours, pixels // 2 % (picture.width // 2), axis=2)
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def small_film(person: Person, look: Look, scene: Scene = Scene.FACE) -> list[av.VideoFrame]:
    """Draw a short film; its last frame is black, for a covered camera."""
    width, height = look.size
    drawn = [frame for frame, _ in zip(frames(scene, person), range(look.pictures), strict=False)]
    drawn.append(np.zeros_like(drawn[0]))
    return [
        av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(width, height, "yuv420p")
        for frame in drawn
    ]


class Puppet:
    """A learner who is in the room: what the room has told them, and what they may do."""

    def __init__(self, who: Person) -> None:
        self.who = who
        self.state: dict[str, Any] = {}
        self.states: list[dict[str, Any]] = []
        self.speaks = True
        self.camera: SmallCamera | None = None
        self.call: Call | None = None

    async def come(self, client: aiohttp.ClientSession, link: str) -> None:
        """Come into the room by the personal link, giving every consent."""
        pages = LearnerPages(client, link)
        await pages.enter()
        room = await pages.check_in()
        assert room is not None, "check-in is not open yet"
        self.call = Call(room.session, self._hear)
        ticket = await pages.ticket(room)
        await self.call.open(client, pages.origin, room.socket_path, ticket)

    async def be_seen(self, look: Look) -> None:
        """Send voice and picture."""
        film = await asyncio.to_thread(small_film, self.who, look)
        self.camera = SmallCamera(film, look.fps)
        microphone: MediaStreamTrack = Microphone(lambda: self.speaks)
        await self.here.send_media(microphone, self.camera)

    @property
    def here(self) -> Call:
        """The connection; an error when they have not come."""
        assert self.call is not None, "not in the room"
        return self.call

    @property
    def lines(self) -> list[str]:
        """What stands in the chat."""
        return [line["text"] for line in self.state["chat"]]

    async def raise_hand(self) -> None:
        """Raise the hand."""
        await self.here.say("hand", raised=True)

    async def told(self, what: str, so: Callable[[dict[str, Any]], object]) -> None:
        """Wait until the room's state is so."""
        await until(lambda: bool(self.state) and so(self.state), SOON_S, what)

    def _hear(self, state: dict[str, Any]) -> None:
        self.state = state
        self.states.append(state)


@contextlib.asynccontextmanager
async def puppets(
    links: dict[str, str], people: dict[str, Person], look: Look | None = None
) -> AsyncIterator[dict[str, Puppet]]:
    """Bring learners into their rooms, by name; all leave at the end."""
    timeout = aiohttp.ClientTimeout(total=20)
    jar = aiohttp.DummyCookieJar()
    present = {name: Puppet(people[name]) for name in links}
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=jar) as client:
        try:
            for name, puppet in present.items():
                await puppet.come(client, links[name])
                await puppet.be_seen(look or Look())
            yield present
        finally:
            for puppet in present.values():
                if puppet.call is not None:
                    await puppet.call.close(leaving=False)
