from __future__ import annotations

from pathlib import Path

import pytest

from recordings.vault import Vault

WRAP_KEY = bytes(range(32))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "evidence", WRAP_KEY, reserve=0)
