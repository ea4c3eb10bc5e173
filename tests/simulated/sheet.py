"""The assessment's page, filled in by the simulated learner."""

from __future__ import annotations

import asyncio
import html
import re
from http import HTTPStatus

import aiohttp

LOOK_AGAIN_S = 1.5
OPENS_S = 120.0
"""How long the training company may take to hear that the learner was admitted."""


class Sheet:
    """One assessment; its address was released by the invigilator's admission."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self._client = client
        self._url = url
        self._questions: list[str] = []

    async def open(self) -> None:
        """Open the page and look again until its questions are there."""
        async with asyncio.timeout(OPENS_S):
            while not self._questions:
                async with self._client.get(self._url) as answer:
                    text = await answer.text()
                self._questions = sorted(set(re.findall(r'name="(q\d+)"', text)))
                if not self._questions:
                    await asyncio.sleep(LOOK_AGAIN_S)

    async def hand_in(self) -> str:
        """Hand the answers in and return what the page says; a pause is waited for."""
        fields = {name: str(_KEY[place % len(_KEY)]) for place, name in enumerate(self._questions)}
        while True:
            async with self._client.post(self._url, data=fields) as answer:
                said = _notice(await answer.text())
            if answer.status != HTTPStatus.CONFLICT or "Paused" not in said:
                return said
            await asyncio.sleep(LOOK_AGAIN_S)


_KEY = (0, 1, 2, 1, 0)
"""What the learner knows: the right answers of the practice course."""


def _notice(text: str) -> str:
    found = re.search(r'<p class="notice[^>]*>(.*?)</p>', text, re.DOTALL)
    words = html.unescape(re.sub(r"<[^>]+>", "", found[1])) if found else "Handed in."
    return " ".join(words.split())
