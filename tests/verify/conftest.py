"""One node for all tests of the verifier: it keeps nothing that a test could trip over."""

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
