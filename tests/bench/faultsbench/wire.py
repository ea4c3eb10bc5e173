"""What goes over a page's live connection, as the browser has it: heard from outside."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from playwright.async_api import Page, WebSocket

FRAME = re.compile(r"4([23])/room,(\d*)(\[.*)", re.DOTALL)
"""Socket.IO 5 over Engine.IO 4: 2 is a message, 3 the acknowledgement of the one of that number."""
SOCKET = "/room/socket"


class Wire:
    """Listens to a page from its loading on. Times are monotonic seconds."""

    def __init__(self, page: Page) -> None:
        self.opened: list[float] = []
        self.closed: list[float] = []
        self.told: list[tuple[float, str]] = []
        """What the server said, by the names of its messages."""
        self.asked: dict[str, float] = {}
        """Lines of chat, and when each was first sent."""
        self.acked: dict[str, float] = {}
        """Lines of chat that the server has confirmed, and when."""
        self.refused: list[str] = []
        self.states: list[tuple[float, dict[str, Any]]] = []
        page.on("websocket", self._found)

    @property
    def state(self) -> dict[str, Any]:
        """The newest state of the session."""
        return self.states[-1][1] if self.states else {}

    def waits(self, texts: list[str]) -> list[float]:
        """Return how long each of these lines waited for its confirmation."""
        return [self.acked[text] - self.asked[text] for text in texts if text in self.acked]

    def _found(self, socket: WebSocket) -> None:
        if SOCKET not in socket.url:
            return
        self.opened.append(time.monotonic())
        numbers: dict[str, str] = {}
        socket.on("close", lambda _: self.closed.append(time.monotonic()))
        socket.on("framesent", lambda frame: self._sent(str(frame), numbers))
        socket.on("framereceived", lambda frame: self._came(str(frame), numbers))

    def _sent(self, frame: str, numbers: dict[str, str]) -> None:
        found = FRAME.fullmatch(frame)
        if found is None or '["chat"' not in frame[:40]:
            return
        text = json.loads(found[3])[1]["text"]
        self.asked.setdefault(text, time.monotonic())
        numbers[found[2]] = text

    def _came(self, frame: str, numbers: dict[str, str]) -> None:
        found = FRAME.fullmatch(frame)
        if found is None:
            return
        now, body = time.monotonic(), json.loads(found[3])
        if found[1] == "2":
            self.told.append((now, str(body[0])))
            if body[0] == "state":
                self.states.append((now, body[1]))
            return
        answer = body[0]
        text = numbers.get(found[2])
        if text is not None and answer["ok"]:
            self.acked.setdefault(text, now)
        elif text is not None and answer["error"]["code"] != "busy":
            self.refused.append(text)
        if "state" in answer:
            self.states.append((now, answer["state"]))
