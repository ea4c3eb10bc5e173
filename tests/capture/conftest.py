"""One node for all tests of the capture: it keeps nothing that a test could trip over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.capture.node import Node


@pytest.fixture(scope="package")
def node() -> Iterator[Node]:
    """Run node with the capture's modules."""
    one = Node()
    yield one
    one.close()
