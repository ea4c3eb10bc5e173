"""A machine on which a service runs, and a session in it that was attested the day before."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from invigilation.desk.identity import Seen
from invigilation.identity import SnapshotKind
from invigilation.people import Staff
from invigilation.session import Outcome
from invigilation.store import Store
from invigilation.store.evidence import Evidence
from invigilation.store.views import Sitting
from recordings.seal import Seal
from tests.web.office import ANA, START, World, open_world
from web.cli import main
from web.keyring import open_keyring

STATEMENT = "The alarm rang, and everybody left."


async def attested(world: World, by: Staff | None = None) -> Sitting:
    """Run a session with a picture and a recording, and attest it."""
    sitting = await world.booked()
    own = by or replace(ANA, id=sitting.staff)
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    pieces = (("ev_face", "face", "image/jpeg"), ("ev_cam", "recording", "video/webm"))
    for ident, kind, media_type in pieces:
        stored = world.vault.put(sitting.session, ident, kind.encode() * 1_000)
        whole = Evidence(
            ident, sitting.session, kind, media_type, START, stored.sha256, stored.size, None
        )
        if kind == "face":
            await world.desk.identity.record(sitting.session, own, Seen(SnapshotKind.FACE, whole))
        else:
            async with world.desk.office.store.write() as tx:
                await tx.evidence.add(whole)
    await world.desk.sessions.stop(sitting.session, own, "The alarm rang.")
    await world.desk.reports.attest(sitting.session, own, STATEMENT, Outcome.STOPPED)
    await world.reasons(sitting.session)
    return sitting


class Machine:
    """The machine on which a service runs: its files, and somebody who types commands."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str]:
        self._monkeypatch.setattr(sys, "argv", ["invigilation", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = self._capsys.readouterr()
        return int(ended.value.code or 0), shown.out + shown.err

    @property
    def keys(self) -> str:
        """The published keys, saved to a file."""
        path = self.folder / "published.json"
        ring = open_keyring(self.folder / "var" / "keys")
        path.write_text(json.dumps({"keys": ring.signing.published()}))
        return str(path)


@pytest.fixture
async def session(sqlite_template: Path, tmp_path: Path) -> str:
    """A session that was attested the day before, with the keys and files of a real service."""
    var = tmp_path / "var"
    var.mkdir()
    path = var / "invigilation.db"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite+aiosqlite:///{path}")
    opened = await open_world(store, var)
    (var / "keys").mkdir(mode=0o700)
    (var / "keys" / "wrap.key").write_bytes(bytes(32))
    ring = open_keyring(var / "keys", START - timedelta(days=30))
    office = opened.desk.office
    object.__setattr__(office, "signer", ring.signing)
    object.__setattr__(office, "sealer", Seal(ring.signing))
    sitting = await attested(opened)
    await opened.client.close()
    await store.close()
    return sitting.session


@pytest.fixture
def machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    shift = tmp_path / "shift"
    shift.write_text(str((START + timedelta(days=1) - datetime.now(UTC)).total_seconds()))
    monkeypatch.setenv("INVIGILATION_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("INVIGILATION_CLOCK_SHIFT_FILE", str(shift))
    return Machine(tmp_path, monkeypatch, capsys)
