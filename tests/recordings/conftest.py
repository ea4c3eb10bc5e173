from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recordings.places import FolderPlace, Place
from recordings.s3 import S3Place
from recordings.vault import Vault
from tests.recordings.far import Unreliable
from tests.recordings.object_store import Store, object_store

WRAP_KEY = bytes(range(32))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "evidence", WRAP_KEY, reserve=0)


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    with object_store() as running:
        yield running


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        (tmp_path / "elsewhere").mkdir()
        return FolderPlace(tmp_path / "elsewhere")
    running: Store = request.getfixturevalue("store")
    return S3Place(running.bucket("office"))


@pytest.fixture
def far(tmp_path: Path) -> Unreliable:
    (tmp_path / "far").mkdir()
    return Unreliable(FolderPlace(tmp_path / "far"))
