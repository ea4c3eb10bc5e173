"""Which sides of a document are asked for."""

from __future__ import annotations

import pytest

from tests.capture.node import Node

ALL = ["front", "back"]


@pytest.mark.parametrize(
    ("kind", "wanted", "sides"),
    [
        ("passport", ALL, ["front"]),
        ("passport", ["back"], ["front"]),
        ("identity_card", ALL, ALL),
        ("identity_card", ["front"], ALL),
        ("driving_licence", ["back"], ["back"]),
        ("seamans_book", ALL, ["front"]),
        ("other", ALL, ["front"]),
    ],
)
def test_cards_have_two_sides(node: Node, kind: str, wanted: list[str], sides: list[str]) -> None:
    assert node.call("sidesOf", kind, wanted) == sides


@pytest.mark.parametrize(
    ("kind", "sides", "known"),
    [
        ("identity_card", ["back"], "identity_card"),
        ("identity_card", ALL, None),
        ("passport", ["back"], None),
        (None, ALL, None),
    ],
)
def test_a_card_whose_front_is_known_is_not_asked_for_again(
    node: Node, kind: str | None, sides: list[str], known: str | None
) -> None:
    assert node.call("knownKind", {"wanted": True, "kind": kind, "sides": sides}) == known
