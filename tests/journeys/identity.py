"""How a document is shown and looked at: the learner's capture, the invigilator's panel."""

from __future__ import annotations

from collections.abc import Callable

from playwright.async_api import expect

from tests.harness.waiting import until
from tests.journeys.people import SOON_MS, Console, LearnerPage
from tests.journeys.world import SOON_S
from tests.specimens.holders import Holder

READABLE = "Can you read every word?"


async def begin_capture(learner: LearnerPage, kind: str) -> None:
    """Begin to show a document, and say which it is."""
    await go_on_capture(learner)
    capture = learner.page.locator("#capture")
    await capture.get_by_role("button", name=kind, exact=True).click(timeout=SOON_MS)


async def go_on_capture(learner: LearnerPage) -> None:
    """Begin with what is still wanted."""
    capture = learner.page.locator("#capture")
    await capture.get_by_role("button", name="Start").click(timeout=SOON_MS)


READ_MS = 3 * SOON_MS
"""Whoever reads gives way to live sessions, and on a busy machine to everybody."""


async def is_advised(learner: LearnerPage, words: str) -> None:
    """Wait until the page says this of the picture."""
    await expect(learner.page.locator(".finder-words")).to_have_text(words, timeout=SOON_MS)


async def sends_what_was_taken(
    learner: LearnerPage, turn: Callable[[], None] = lambda: None
) -> None:
    """Wait until the page has taken the picture by itself, `turn` the document, and send it."""
    page = learner.page
    question = page.get_by_role("heading", name=READABLE)
    await expect(question).to_be_visible(timeout=SOON_MS)
    turn()
    await page.get_by_role("button", name="Yes, send it").click()
    await expect(question).to_be_hidden(timeout=SOON_MS)  # the next side asks the same


async def has_sent(learner: LearnerPage) -> None:
    """Wait until the page says that the document has come."""
    said = learner.page.locator(".capture-said")
    await expect(said).to_contain_text("Your document has arrived", timeout=SOON_MS)


class Panel:
    """The identity panel of the open session."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.page = console.page

    async def compares(self, field: str, grade: str, words: str = "") -> None:
        """Wait until a line of the comparison says this."""
        line = self.page.locator(f".finding--{field}")
        await expect(line).to_contain_text(grade, timeout=READ_MS)
        if words:
            await expect(line).to_contain_text(words)

    async def shows(self, picture: str) -> None:
        """Wait until a picture stands there."""
        image = self.page.locator(f'.identity-pictures img[alt="{picture}"]')
        await expect(image).to_have_count(1, timeout=SOON_MS)

        async def drawn() -> bool:
            return bool(await image.evaluate("(one) => one.complete && one.naturalWidth > 0"))

        await until(drawn, SOON_S, f"the picture: {picture}")

    async def press(self, key: str) -> None:
        """Press a key on the console, where nobody types."""
        await expect(self.page.get_by_role("dialog")).to_have_count(0)
        await self.page.keyboard.press(key)

    async def give_reason(self, reason: str) -> None:
        """Give the reason that is asked for."""
        await self.page.locator("#identity-reason").fill(reason)
        await self.page.locator("#identity-reason").press("Enter")

    async def types(self, whose: Holder) -> None:
        """Type what a document says that no machine reads."""
        await self.press("q")
        dialog = self.page.get_by_role("dialog")
        for label, value in (
            ("Surname", whose.surname),
            ("Given names", whose.given),
            ("Born", whose.born.isoformat()),
            ("Expires", whose.expires.isoformat()),
            ("Number", whose.number),
        ):
            await dialog.get_by_label(label).fill(value)
        await dialog.get_by_role("button", name="Compare").click()
        await expect(dialog).to_have_count(0, timeout=SOON_MS)
