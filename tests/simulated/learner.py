"""The simulated learner: comes in by the personal link, sits the assessment, and leaves."""

from __future__ import annotations

import asyncio
import re
import time
import unicodedata
from collections.abc import Callable
from typing import Any

import aiohttp
import socketio

from tests.harness.people import Person
from tests.simulated import manners
from tests.simulated.call import Call, Refused
from tests.simulated.media import Camera, Microphone, Reel, reel
from tests.simulated.pages import LearnerPages, Room, SignedOut, Trouble
from tests.simulated.sheet import Sheet

_LOOKS = (1, 3, 5, 6, 7)
"""Seeds of people who look different from one another."""
OVER = frozenset({"refused", "stopped", "ended", "attested", "closed"})
RETRY_S = 1.0
GIVE_UP_S = 180.0
"""After so long without the service the learner goes away."""
EARLY_S = 15.0
"""How often somebody who is too early looks whether check-in is open."""
GOODBYE_S = 5.0
SHOWING_S = 4.0
"""How long it takes to show what an invigilator asks for in the middle of the session."""
_LOST = (aiohttp.ClientError, OSError, TimeoutError, socketio.exceptions.SocketIOError, Refused)
"""What is tried again."""


def document_of(name: str) -> Person:
    """Return how somebody of this name looks, with a specimen document in their name."""
    plain = unicodedata.normalize("NFKD", name.upper())
    words = re.sub(r"[^A-Z ]", "", plain).split() or ["SPECIMEN"]
    return Person(words[-1], " ".join(words[:-1]) or words[0], seed=_LOOKS[len(name) % len(_LOOKS)])


class Learner:
    """One learner's way through one session.

    `work_s` is how long the assessment takes them; `say` gets one line for each step.
    """

    def __init__(self, link: str, *, work_s: float, say: Callable[[str], None]) -> None:
        self._link = link
        self._work_s = work_s
        self._log = say
        self._body = manners.Body()
        self._film: Reel = {}
        self._state: dict[str, Any] = {}
        self._heard: int | None = None
        self._lines: asyncio.Queue[str] = asyncio.Queue(maxsize=100)
        self._asked: asyncio.Queue[str] = asyncio.Queue(maxsize=10)
        self._shown: str | None = None
        self._over = asyncio.Event()
        self._sheet: asyncio.Task[None] | None = None

    async def attend(self) -> None:
        """Attend the session to its end; `Trouble` when that cannot be."""
        timeout = aiohttp.ClientTimeout(total=20)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=jar) as client:
            pages = LearnerPages(client, self._link)
            try:
                await self._come_and_stay(client, pages)
            finally:
                if self._sheet is not None:
                    self._sheet.cancel()
                    await asyncio.gather(self._sheet, return_exceptions=True)

    async def _come_and_stay(self, client: aiohttp.ClientSession, pages: LearnerPages) -> None:
        """Come back from everything that a lost link or a restarted server brings."""
        last_seen = time.monotonic()
        entered = False
        while not self._over.is_set():
            try:
                if not entered:
                    await self._enter(pages)
                    entered = True
                room = await self._check_in(pages)
                await self._in_room(client, pages, room)
                last_seen = time.monotonic()
            except SignedOut:
                entered = False
            except _LOST as fault:
                if self._state and not isinstance(fault, aiohttp.ClientConnectionError):
                    last_seen = time.monotonic()
                if time.monotonic() - last_seen > GIVE_UP_S:
                    raise Trouble("The service does not answer any more.") from None
                self._log(f"The connection is lost ({_reason(fault)}): trying again.")
            if not self._over.is_set():
                await asyncio.sleep(RETRY_S)
        self._log("The session is over.")

    async def _enter(self, pages: LearnerPages) -> None:
        name = await pages.enter()
        self._log(f"{name} has opened the personal link.")
        if not self._film:
            self._film = await asyncio.to_thread(reel, document_of(name))

    async def _check_in(self, pages: LearnerPages) -> Room:
        told = False
        while (room := await pages.check_in()) is None:
            if not told:
                self._log("Check-in is not open yet: waiting.")
                told = True
            await asyncio.sleep(EARLY_S)
        return room

    async def _in_room(
        self, client: aiohttp.ClientSession, pages: LearnerPages, room: Room
    ) -> None:
        """Be in the room until the session is over or the connection is lost."""
        call = Call(room.session, self._notice)
        try:
            ticket = await pages.ticket(room)
            await call.open(client, pages.origin, room.socket_path, ticket)
            self._log("In the room.")
            await self._stay(call)
        finally:
            await call.close(leaving=self._over.is_set())
        if call.replaced:
            raise Trouble("Another page of this learner's took over.")

    async def _stay(self, call: Call) -> None:
        async with asyncio.TaskGroup() as group:
            duties = (self._talk(call), self._be_seen(call), self._show(call))
            works = [group.create_task(duty) for duty in duties]
            ends = [group.create_task(call.gone.wait()), group.create_task(self._over.wait())]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._over.is_set():
                await call.end_media()
                await asyncio.wait(ends[:1], timeout=GOODBYE_S)
            for task in (*works, *ends):
                task.cancel()

    async def _be_seen(self, call: Call) -> None:
        """Send picture and sound, and anew whenever they were lost."""
        while not self._over.is_set():
            try:
                await call.send_media(
                    Microphone(lambda: self._body.speaks(time.monotonic())),
                    Camera(self._film, lambda: self._body.scene(time.monotonic())),
                )
                self._log("Picture and sound are on the way.")
                await call.media_lost.wait()
            except _LOST as fault:
                self._log(f"Picture and sound do not get through ({_reason(fault)}).")
                await asyncio.sleep(RETRY_S)

    async def _talk(self, call: Call) -> None:
        """Write down what there is to say, one line after the other."""
        while True:
            line = await self._lines.get()
            self._body.speak(time.monotonic())
            try:
                await call.chat(line)
                self._log(f"Says: {line}")
            except _LOST as fault:
                self._log(f"Could not say “{line}” ({_reason(fault)}).")

    async def _show(self, call: Call) -> None:
        """Show what is asked for, one thing after the other, and say so."""
        while True:
            inspection = await self._asked.get()
            await asyncio.sleep(SHOWING_S)
            try:
                await call.say("done", inspection=inspection)
                self._log("Has shown what was asked for.")
            except _LOST as fault:
                self._log(f"Could not say that it is shown ({_reason(fault)}).")

    # --- what the room tells ---------------------------------------------------------------

    def _notice(self, state: dict[str, Any]) -> None:
        before, self._state = self._state.get("state"), state
        now = state["state"]
        self._body.checking = now == "checked_in"
        if before is None and now not in OVER:
            self._say(manners.HELLO)
        if before != now:
            self._log(f"The session is {now.replace('_', ' ')}.")
        if remark := manners.remark(before, now):
            self._say(remark)
        self._listen(state["chat"])
        self._look_at(state["inspection"])
        if state["assessment_url"] and self._sheet is None:
            self._sheet = asyncio.create_task(self._sit(state["assessment_url"]))
        if now in OVER:
            self._over.set()

    def _listen(self, chat: list[dict[str, Any]]) -> None:
        """Answer what the invigilator has written since the last time."""
        newest = max((line["seq"] for line in chat), default=0)
        heard, self._heard = self._heard, max(newest, self._heard or 0)
        if heard is None:
            return
        for line in chat:
            if line["from"] == "invigilator" and line["seq"] > heard:
                self._log(f"Hears: {line['text']}")
                if manners.asks_for_card(line["text"]):
                    self._body.show_card(time.monotonic())
                elif manners.asks_for_face(line["text"]):
                    self._body.show_face(time.monotonic())
                self._say(manners.answer(line["text"]))

    def _look_at(self, inspection: dict[str, Any] | None) -> None:
        """Begin to do what the invigilator asks for, once."""
        if inspection is None or inspection["done_at"] or inspection["id"] == self._shown:
            return
        self._shown = inspection["id"]
        self._log(f"Is asked for: {inspection['kind'].replace('_', ' ')}.")
        if inspection["kind"] == "identity":
            self._body.show_card(time.monotonic())
        if not self._asked.full():
            self._asked.put_nowait(inspection["id"])

    def _say(self, line: str) -> None:
        if not self._lines.full():
            self._lines.put_nowait(line)

    # --- the assessment --------------------------------------------------------------------

    async def _sit(self, url: str) -> None:
        """Sit the assessment in the training company's pages."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as client:
            sheet = Sheet(client, url)
            try:
                await sheet.open()
                self._log("The assessment is open.")
                await self._work()
                self._log(await sheet.hand_in())
                self._say(manners.FINISHED)
            except (aiohttp.ClientError, OSError, TimeoutError) as fault:
                self._log(f"The assessment cannot be reached ({_reason(fault)}).")
                self._say("I am sorry, the assessment page does not open.")

    async def _work(self) -> None:
        """Work for as long as it takes; the time of a pause does not count."""
        left = self._work_s
        while left > 0:
            await asyncio.sleep(min(1.0, left))
            if self._state["state"] == "in_progress":
                left -= 1.0


def _reason(fault: BaseException) -> str:
    return str(fault) or type(fault).__name__
