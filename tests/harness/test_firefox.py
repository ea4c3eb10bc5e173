from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.firefox import Firefox, FirefoxFault, firefox

PAGE = """data:text/html,<!doctype html><title>Deck</title><button>Cast off</button><input>
<script>document.querySelector("button").onclick = (event) => {
  document.title = event.isTrusted ? "cast off" : "tricked";
}; addEventListener("keydown", (event) => { if (event.key === "Enter") document.title = "sent"; });
</script>"""


@pytest.fixture
async def person(tmp_path: Path) -> AsyncIterator[Firefox]:
    async with firefox(tmp_path) as browser:
        yield browser


@pytest.mark.journey
async def test_firefox_is_clicked_typed_into_and_listened_to(
    person: Firefox, tmp_path: Path
) -> None:
    await person.goto(PAGE)
    await person.press("Cast off")
    clicked = await person.evaluate("() => document.title")
    await person.write("input", "Ahoi!")
    sent = await person.evaluate(
        "(selector) => [document.title, document.querySelector(selector).value]", "input"
    )
    await person.evaluate("() => console.error('salt in the wires')")
    with pytest.raises(FirefoxFault, match="no tide"):
        await person.evaluate("() => { throw new Error('no tide'); }")
    with pytest.raises(TimeoutError, match="the moon"):
        await person.until("() => false", what="the moon", s=0.1)
    picture = await person.photograph(tmp_path / "deck.png")

    assert (clicked, sent) == ("cast off", ["sent", "Ahoi!"])
    assert person.complaints == ["console: salt in the wires"]
    assert picture.read_bytes().startswith(b"\x89PNG")
