"""One node for all tests of the page that checks records: it keeps nothing between two calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.verify.node import Node


@pytest.fixture(scope="package")
def node() -> Iterator[Node]:
    """Run node with the browser's verifier."""
    one = Node()
    yield one
    one.close()
