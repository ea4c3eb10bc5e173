"""The page's chain is the service's chain, link by link."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from invigilation import fill
from tests.kept.node import Node

VECTORS = json.loads((Path(__file__).parent / "chain.json").read_text())
"""One chain, spelled out: its names, its links with their heads, and the head before them."""


def given(link: dict[str, Any]) -> fill.Link:
    began, ended = (datetime.fromisoformat(link[name]) for name in ("from", "to"))
    digest, size, media_type = link["sha256"], link["size"], link["type"]
    return fill.Link(link["n"], began, ended, digest, size, media_type, link["head"])


async def test_the_page_makes_the_chain_that_is_spelled_out(node: Node) -> None:
    head = await node.call("opening", VECTORS["session"], VECTORS["recording"])
    made = []
    for link in VECTORS["links"]:
        made.append(await node.call("linked", head, link))
        head = made[-1]["head"]

    assert await node.call("opening", VECTORS["session"], VECTORS["recording"]) == VECTORS["begins"]
    assert made == VECTORS["links"]


def test_the_service_makes_the_chain_that_is_spelled_out() -> None:
    head = fill.genesis(VECTORS["session"], VECTORS["recording"])

    assert head == VECTORS["begins"]
    for link in VECTORS["links"]:
        assert given(link).after(head) == link["head"]
        head = link["head"]


@pytest.mark.parametrize("name", ["from", "n", "sha256", "size", "to", "type"])
async def test_every_word_of_a_link_changes_its_head(node: Node, name: str) -> None:
    link = VECTORS["links"][0]
    other = link[name] + 1 if isinstance(link[name], int) else link[name].replace("1", "2")
    assert other != link[name] or name == "type"
    changed = {**link, name: other if name != "type" else "video/mp4"}

    made = await node.call("linked", VECTORS["begins"], changed)

    assert made["head"] != link["head"]


async def test_a_digest_is_that_of_the_bytes(node: Node) -> None:
    data = bytes(range(256)) * 50

    made = await node.call("digest", {"bytes": base64.b64encode(data).decode()})

    assert made == hashlib.sha256(data).hexdigest()


async def test_a_recording_gets_a_name_of_its_own(node: Node) -> None:
    names = {await node.call("newRecording") for _ in range(20)}

    assert len(names) == 20
    assert all(re.fullmatch("lc_[0-9a-f]{16}", name) for name in names)


async def test_the_quickest_message_tells_the_servers_time_best(node: Node) -> None:
    clock = await node.make("ServerClock")
    await clock.call("tell", "2026-11-23T10:00:00.000Z", 2_000)  # on its way for 2 s
    await clock.call("tell", "2026-11-23T10:00:10.000Z", 10_300)  # on its way for 0.3 s
    await clock.call("tell", "2026-11-23T10:00:20.000Z", 21_500)  # on its way for 1.5 s

    now = await clock.call("at", 30_000)

    true = datetime.fromisoformat("2026-11-23T10:00:30Z").timestamp() * 1000
    assert now == true - 300


async def test_a_servers_clock_that_was_set_back_is_believed(node: Node) -> None:
    clock = await node.make("ServerClock")
    await clock.call("tell", "2026-11-23T12:00:00.000Z", 0)
    await clock.call("tell", "2026-11-23T10:00:00.000Z", 0)

    now = await clock.call("at", 0)

    assert now == datetime.fromisoformat("2026-11-23T10:00:00Z").timestamp() * 1000
