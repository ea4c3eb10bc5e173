"""One node for all tests of the link."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.capture.node import Node

MODULES = ("rungs", "ladder", "budget", "hint", "voice", "words", "meter")


@pytest.fixture(scope="package")
def node() -> Iterator[Node]:
    """Run node with the link's modules: they keep nothing that a test could trip over."""
    one = Node(tuple(f"link/{name}" for name in MODULES))
    yield one
    one.close()
