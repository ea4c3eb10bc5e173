"""One node for all tests: each makes its own objects in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kept.node import MODULES, Node, bundle


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Run node with the page's modules."""
    modules = tmp_path_factory.mktemp("kept") / "page.mjs"
    bundle(MODULES, modules)
    one = Node(modules)
    yield one
    one.close()
