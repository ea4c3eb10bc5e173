"""Consent is asked for with patience, and often while nobody answers."""

from __future__ import annotations

import asyncio

import pytest

from signalling import consent

pytestmark = pytest.mark.media


class Asked:
    """Somebody who does not answer."""

    def __init__(self, enough: int) -> None:
        self.open = self.ended = 0
        self.enough = asyncio.Event()
        self._enough = enough

    async def ask(self) -> bool:
        self.open += 1
        if self.open >= self._enough:
            self.enough.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1
        return True


async def test_a_question_that_is_not_answered_is_joined_by_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consent, "RETRY_S", 0.001)
    nobody = Asked(enough=4)
    task = asyncio.create_task(consent.keep(nobody.ask, 60.0))

    async with asyncio.timeout(5):
        await nobody.enough.wait()

    assert nobody.ended == 0, "all of them may still be answered"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert nobody.ended == nobody.open, "nothing is left behind"


async def test_an_answer_ends_the_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: asyncio.Queue[float] = asyncio.Queue()
    asked = 0

    async def sleep(seconds: float) -> None:
        pauses.put_nowait(seconds)
        if seconds:
            await asyncio.Event().wait()

    async def ask() -> bool:
        nonlocal asked
        asked += 1
        return True

    monkeypatch.setattr(asyncio, "sleep", sleep)
    task = asyncio.create_task(consent.keep(ask, 600.0))
    async with asyncio.timeout(5):
        first, second = await pauses.get(), await pauses.get()

    assert (first, asked) == (0, 1)
    assert second == pytest.approx(consent.INTERVAL_S, rel=0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
