"""How old the locked packages are, and which of them have holes that are known."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """Load the script as a module over a folder with lock files of its own, all of today."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would lie beside the script
    loader = SourceFileLoader("dev", str(ROOT / "dev"))
    spec = importlib.util.spec_from_loader("dev", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    module.__dict__.update(ROOT=tmp_path, LOCKED=tmp_path / ".locked.json")
    for name in module.LOCKS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("aiohttp==3.14.5 \\\n    --hash=sha256:00\n")
    (tmp_path / ".locked.json").write_text('{"locked": {}, "at_least": {"aiohttp": "3.14.4"}}')
    module.note_locks()
    return module


def change(dev: ModuleType, name: str, day: str) -> None:
    kept = json.loads(dev.LOCKED.read_text())
    kept["locked"][name][0] = day
    dev.LOCKED.write_text(json.dumps(kept))


def test_fresh_locks_are_well(dev: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    dev.audit()

    assert capsys.readouterr().out.count("0 days old") == len(dev.LOCKS)


def test_an_old_lock_is_a_sentence(dev: ModuleType) -> None:
    change(dev, "requirements.lock", "2026-01-01")

    with pytest.raises(dev.Plain, match=r"requirements\.lock is \d+ days old"):
        dev.audit()


def test_a_lock_that_nobody_noted_is_a_sentence(dev: ModuleType) -> None:
    (dev.ROOT / "requirements.lock").write_text("aiohttp==3.14.6\n")

    with pytest.raises(dev.Plain, match=r"requirements\.lock is not what \.locked\.json says"):
        dev.audit()


@pytest.mark.parametrize("version", ["3.14.3", "3.9.10", "2.0"])
def test_a_known_hole_is_a_sentence(dev: ModuleType, version: str) -> None:
    (dev.ROOT / "requirements.lock").write_text(f"aiohttp=={version}\n")
    for name in dev.LOCKS[1:]:
        (dev.ROOT / name).write_text("")
    dev.note_locks()

    with pytest.raises(dev.Plain, match=r"aiohttp .* must be at least 3\.14\.4"):
        dev.audit()


def test_what_is_locked_here_is_noted_and_without_known_holes() -> None:
    kept = json.loads((ROOT / ".locked.json").read_text())

    for name, (_, sha256) in kept["locked"].items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == sha256, name
    said = subprocess.run(
        [sys.executable, str(ROOT / "dev"), "audit"], check=False, capture_output=True, text=True
    )
    assert "known hole" not in said.stdout + said.stderr


def test_every_package_is_locked_by_its_hash() -> None:
    for name in ("requirements.lock", "requirements-node.lock", "requirements-platforms.lock"):
        text = (ROOT / name).read_text()
        for line in text.splitlines():
            assert line.startswith("    --hash=sha256:") or line.endswith(" \\"), line
    packages = json.loads((ROOT / "web/ui/package-lock.json").read_text())["packages"]
    assert [name for name, one in packages.items() if name and "integrity" not in one] == []
