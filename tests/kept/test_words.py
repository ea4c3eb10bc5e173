"""What the learner reads of what their device has kept, at every moment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kept.node import Node

CALM = {
    "out": None,
    "keeps": True,
    "room": "enough",
    "share": None,
    "over": False,
    "done": False,
    "closed": False,
    "limited": False,
}
OUT = {"out": "14:03:20"}
OVER = {"over": True, "keeps": False}


@pytest.mark.parametrize(
    "state", [{}, {"room": "closed"}, OVER, {**OVER, "closed": True}, {**OVER, **OUT}]
)
async def test_while_nothing_is_missing_nothing_is_said(node: Node, state: dict[str, Any]) -> None:
    assert await node.call("keptWords", CALM | state) is None


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (OUT, "Your link is gone since 14:03:20. Go on with your assessment: this device records"),
        (OUT | {"keeps": False}, "Go on with your assessment. It comes back by itself."),
        (OUT | {"room": "closed"}, "please leave this page open, and do not reload it"),
        (OUT | {"room": "full"}, "only the newest part can be kept"),
        ({"share": 0.4}, "Your link is back. We are sending what this device recorded"),
        (OVER | {"share": 0.4}, "Please leave this page open We are still sending"),
        (OVER | {"share": 0.4}, "open your personal link again within 72 hours"),
        (OVER | {"share": 0.4, "room": "closed"}, "do not reload it"),
        (OVER | OUT | {"share": 0}, "as soon as it is back"),
        (OVER | {"share": 0.4, "closed": True}, "Open your personal link again within 72 hours"),
        (OVER | {"share": 0.4, "limited": True}, "You may send it now, or open your personal link"),
        (OVER | {"done": True}, "All is sent. Thank you. You may close this page now."),
    ],
)
async def test_it_is_said_in_plain_words(node: Node, state: dict[str, Any], words: str) -> None:
    said = await node.call("keptWords", CALM | state)

    assert words in f"{said['title']} {said['text']}"
    assert said["share"] == (CALM | state)["share"]


async def test_who_must_not_reload_is_not_sent_to_their_link(node: Node) -> None:
    said = await node.call("keptWords", CALM | OVER | {"share": 0.4, "room": "closed"})

    assert "personal link" not in said["text"]
