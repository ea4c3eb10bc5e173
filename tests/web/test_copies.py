"""Copies elsewhere, the drill that restores them, and wrap keys that change, by command."""

from __future__ import annotations

import base64
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from invigilation.desk.onboard import Taken
from invigilation.onboard import Facts, Rank
from invigilation.store import Store, snapshot
from invigilation.store.snapshot import NoSnapshot
from recordings.copies import Copies
from recordings.gone import Gone
from recordings.places import FolderPlace, PlaceAway
from recordings.seal import Seal
from recordings.shelved import ShelvedVault
from recordings.vault import Vault
from recordings.wrap_keys import FileKeys, LocalKeys
from tests.harness.servers import PostgresServer
from tests.web.machine import Machine
from tests.web.office import START, World, open_world
from web.copies import jobs, open_copies, outlived
from web.drill import Drill
from web.keyring import Keyring, open_keyring
from web.settings import Settings, Unable, read_settings
from web.vaults import open_vault, wrap_keys

CHANGE = """
UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'learner', 'learneR') AS BLOB)
"""
ENV_KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def copied(session: str, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> tuple[Machine, Path]:
    """A service with one attested session, and the folder of its copies."""
    place = machine.folder / "elsewhere"
    place.mkdir()
    monkeypatch.setenv("INVIGILATION_COPIES", str(place))
    code, said = machine.run("copy")
    assert (code, said) == (0, "Objects copied: 3; left for the next time: 0.\n")
    return machine, place


def drill(machine: Machine, name: str = "restored") -> tuple[int, str]:
    return machine.run("restore-drill", str(machine.folder / name))


def later(machine: Machine, hours: float) -> None:
    """Let the machine's clock say so many hours more."""
    shift = machine.folder / "shift"
    shift.write_text(str(float(shift.read_text()) + hours * 3600))


def changed(machine: Machine, statement: str) -> None:
    """Change the database behind the service's back."""
    with closing(sqlite3.connect(machine.folder / "var" / "invigilation.db")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
            database.execute(f'DROP TRIGGER "{name}"')
        assert database.execute(statement).rowcount
        database.commit()


def test_what_was_copied_is_restored_and_all_of_it_verifies(copied: tuple[Machine, Path]) -> None:
    machine, _ = copied
    later(machine, 0.7)

    code, said = drill(machine)

    assert code == 0, said
    assert "42 minutes old" in said
    assert "Records that verify: 1 attested, 0 not attested yet." in said
    assert "Evidence that opens and is what its record says: 2 pieces." in said
    assert said.endswith("Everything was restored.\n")
    restored = machine.folder / "restored"
    assert sorted(path.name for path in restored.iterdir()) == ["evidence", "invigilation.db"]


def sqlite(folder: Path, template: Path) -> Store:
    shutil.copy(template, folder / "invigilation.db")
    return Store(f"sqlite+aiosqlite:///{folder}/invigilation.db")


async def an_office(folder: Path, store: Store, ring: Keyring) -> World:
    """Open an office over the files of a service, with its keys."""
    world = await open_world(store, folder)
    object.__setattr__(world.desk.office, "signer", ring.signing)
    object.__setattr__(world.desk.office, "sealer", Seal(ring.signing))
    object.__setattr__(world, "vault", open_vault(settings_of(folder), ring.wrapping))
    return world


def settings_of(folder: Path, **more: object) -> Settings:
    return read_settings(var=folder, copies=str(folder.parent / "elsewhere"), **more)


async def test_sessions_that_run_and_forms_of_officers_are_restored_too(
    sqlite_template: Path, tmp_path: Path
) -> None:
    var, place = tmp_path / "var", tmp_path / "elsewhere"
    var.mkdir()
    place.mkdir()
    ring = open_keyring(var / "keys", START - timedelta(days=30))
    world = await an_office(var, sqlite(var, sqlite_template), ring)
    running = await world.booked(1)
    asked = await world.asked(2)
    facts = Facts("Jan de Vries", Rank.MASTER, "", "MV Aurora", "9074729", START.date())
    stored = world.vault.put("ob_1", "ob_1", b"a passport")
    taken = Taken("image/jpeg", stored.sha256, stored.size)
    await world.desk.onboard.submit(asked.request.id, "ob_1", facts, taken)
    world.clock.move_to(START)
    await world.desk.sessions.check_in(running.session, ("identity", "recording"))
    copying = open_copies(world.desk, settings_of(var), world.vault, ring.wrapping)
    assert copying is not None

    await copying.sweep()
    restoring = Drill(copying.place, tmp_path / "new", ring.wrapping, ring.signing, world.clock)
    found = await restoring.run()

    assert found.faults == []
    assert (found.counts["open"], found.counts["evidence"]) == (2, 1)
    assert copying.newest == START
    async with world.desk.office.store.write() as tx:
        await tx.onboard.erase("ob_1", START)
    (var / "evidence" / "ob_1" / "ob_1.evidence").unlink()  # and no word of it
    await copying.sweep()
    assert [one.name for one in copying.place.names("ob_1/")] == ["ob_1/key"]
    await world.client.close()
    await world.desk.office.store.close()


async def test_a_snapshot_of_postgresql_is_restored_into_an_empty_database(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    var, place = tmp_path / "var", tmp_path / "elsewhere"
    var.mkdir()
    place.mkdir()
    ring = open_keyring(var / "keys", START - timedelta(days=30))
    names = [postgres.create(template=postgres_template), postgres.create()]
    live, empty = map(postgres.url, names)
    world = await an_office(var, Store(live), ring)
    await world.booked()
    copying = open_copies(
        world.desk, settings_of(var, database_url=live), world.vault, ring.wrapping
    )
    assert copying is not None
    await copying.sweep()

    drill = Drill(copying.place, tmp_path / "a", ring.wrapping, ring.signing, world.clock)
    with pytest.raises(Unable, match="--database-url"):
        await drill.run()
    found = await replace(drill, folder=tmp_path / "b", database=empty).run()

    assert (found.faults, found.counts["open"]) == ([], 1)
    await world.client.close()
    await world.desk.office.store.close()
    for name in names:
        postgres.drop(name)


async def test_the_clock_brings_what_is_finished_to_the_store_and_lets_erasure_follow(
    sqlite_template: Path, tmp_path: Path
) -> None:
    var = tmp_path / "var"
    (tmp_path / "far").mkdir()
    far, other = FolderPlace(tmp_path / "far"), tmp_path / "elsewhere"
    other.mkdir()
    var.mkdir()
    ring = open_keyring(var / "keys", START)
    world = await an_office(var, sqlite(var, sqlite_template), ring)
    vault = ShelvedVault(var / "evidence", ring.wrapping, far, 0)
    copying = open_copies(world.desk, settings_of(var), vault, ring.wrapping)
    assert copying is not None
    copying.copies = Copies.of(var / "evidence", copying.place, far)
    shelve, copies = (job.sweep for job in jobs(vault, copying))
    vault.put("s1", "e1", b"one")
    vault.put("s1", "e2", b"two")

    waiting = vault.waiting()
    await shelve()
    await copies()
    there = [one.name for one in copying.place.names("s1/")]
    vault.erase("s1", "e1")
    os.utime(next(vault.words.all()).word, (1, 1))
    await copies()

    assert (waiting, vault.waiting()) == (2, 0)
    assert there == ["s1/e1.evidence", "s1/e2.evidence", "s1/key"]
    assert [one.name for one in far.names()] == ["s1/e2.evidence", "s1/key"]
    assert [one.name for one in copying.place.names("s1/")] == ["s1/e2.evidence", "s1/key"]
    assert list(vault.words.all()) == []
    await world.client.close()
    await world.desk.office.store.close()


async def test_an_object_that_cannot_go_to_the_store_keeps_no_erasure_and_no_tidying_back(
    tmp_path: Path,
) -> None:
    (tmp_path / "far").mkdir()
    far = FolderPlace(tmp_path / "far")
    vault = ShelvedVault(tmp_path / "evidence", LocalKeys([bytes(32)]), far, 0)
    for ident in ("e1", "e2"):
        vault.put("s1", ident, b"one")
    vault.shelve()
    vault.words.add("s1", "e1")
    (tmp_path / "evidence" / "s1" / "e1.reading").unlink()
    vault.put("s1", "e3", b"three")
    (tmp_path / "far" / "s1" / "e3.evidence").write_bytes(b"another")
    broken = tmp_path / "far" / "s1" / "e4.evidence.1.tmp"
    broken.write_bytes(b"half")
    os.utime(broken, (1, 1))
    shelving = jobs(vault, None)[0]

    with pytest.raises(ExceptionGroup):
        await shelving.sweep()

    assert [one.name for one in far.names()] == ["s1/e2.evidence", "s1/e3.evidence", "s1/key"]
    assert not broken.exists()


class Refusing(FolderPlace):
    """Takes and gives up everything but what lies under these names."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.never = {"s1/e1.evidence", "s1/e3.evidence"}

    def put(self, name: str, file: Path, *, replace: bool = False) -> None:
        self._refused(name)
        super().put(name, file, replace=replace)

    def erase(self, name: str) -> bool:
        self._refused(name)
        return super().erase(name)

    def _refused(self, name: str) -> None:
        if name in self.never:
            raise PlaceAway(f"{name} for a test")


async def test_one_step_or_object_that_fails_keeps_nothing_else_back(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var, elsewhere = tmp_path / "var", tmp_path / "elsewhere"
    var.mkdir()
    elsewhere.mkdir()
    ring = open_keyring(var / "keys", START)
    world = await an_office(var, sqlite(var, sqlite_template), ring)
    for ident in ("e1", "e2", "e3", "e4"):
        world.vault.put("s1", ident, b"one")
    copying = open_copies(world.desk, settings_of(var), world.vault, ring.wrapping)
    assert copying is not None
    copying.place = Refusing(elsewhere)
    copying.copies = Copies.of(var / "evidence", copying.place)
    outlived = "database-20200101T000000Z"
    (elsewhere / outlived).mkdir()
    for file in ("key", "sqlite.evidence"):
        (elsewhere / outlived / file).write_bytes(b"old")
    (elsewhere / "s1").mkdir()
    for ident in ("e5", "e6"):
        (elsewhere / "s1" / f"{ident}.evidence").write_bytes(b"erased")
        Gone(var / "evidence").add("s1", ident)
    copying.place.never.add("s1/e5.evidence")
    young = START.strftime("database-%Y%m%dT%H%M%SZ")
    (elsewhere / young).mkdir()
    for file in ("key", "sqlite.evidence"):
        (elsewhere / young / file).write_bytes(b"new")

    def broken(*_: object) -> None:
        raise NoSnapshot("The disk is full.")

    world.clock.move_to(START + timedelta(days=1))
    monkeypatch.setattr(snapshot, "taken", broken)

    with pytest.raises(ExceptionGroup) as failed:
        await copying.sweep()

    assert len(failed.value.exceptions) == 4
    assert [one.name for one in copying.place.names("s1/")] == [
        "s1/e2.evidence",
        "s1/e4.evidence",
        "s1/e5.evidence",
        "s1/key",
    ]
    assert copying.behind == 2
    assert not [*copying.place.names(outlived)]
    await world.client.close()
    await world.desk.office.store.close()


async def test_while_the_place_of_copies_is_away_no_erasure_is_forgotten(
    sqlite_template: Path, tmp_path: Path
) -> None:
    var = tmp_path / "var"
    var.mkdir()
    (tmp_path / "elsewhere").mkdir()
    ring = open_keyring(var / "keys", START)
    world = await an_office(var, sqlite(var, sqlite_template), ring)
    world.vault.put("s1", "e1", b"one")
    copying = open_copies(world.desk, settings_of(var), world.vault, ring.wrapping)
    assert copying is not None
    await copying.sweep()
    (tmp_path / "elsewhere").rename(tmp_path / "unmounted")
    world.vault.erase("s1", "e1")
    words = Gone(var / "evidence")
    os.utime(next(words.all()).word, (1, 1))

    with pytest.raises(PlaceAway):
        await copying.sweep()
    kept = len(list(words.all()))
    (tmp_path / "unmounted").rename(tmp_path / "elsewhere")
    await copying.sweep()

    assert (kept, len(list(words.all()))) == (1, 0)
    assert [one.name for one in copying.place.names("s1/")] == ["s1/key"]
    await world.client.close()
    await world.desk.office.store.close()


async def test_what_a_kill_left_of_a_snapshot_goes_with_the_next_start(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var = tmp_path / "var"
    var.mkdir()
    (tmp_path / "elsewhere").mkdir()
    ring = open_keyring(var / "keys", START)
    world = await an_office(var, sqlite(var, sqlite_template), ring)
    copying = open_copies(world.desk, settings_of(var), world.vault, ring.wrapping)
    assert copying is not None
    left = var / ".snapshot-left"
    left.mkdir()
    (left / "plain").write_bytes(b"SQLite")
    taken, there = snapshot.taken, list[list[str]]()

    def meanwhile(url: str, scratch: Path) -> Iterator[bytes]:
        open_copies(world.desk, Settings(var=var), world.vault, ring.wrapping)
        there.append([path.name for path in var.glob(".snapshot-*")])
        assert scratch.parent.exists()
        return taken(url, scratch)

    monkeypatch.setattr(snapshot, "taken", meanwhile)

    await copying.sweep()

    assert [len(names) for names in there] == [1]
    assert there[0] != [left.name]
    assert not list(var.glob(".snapshot-*"))
    await world.client.close()
    await world.desk.office.store.close()


def test_nothing_readable_is_among_the_copies(copied: tuple[Machine, Path]) -> None:
    _, place = copied

    found = [path for path in place.rglob("*") if path.is_file()]

    assert sorted(path.name for path in found if "database" not in str(path)) == [
        ".place",
        "ev_cam.evidence",
        "ev_face.evidence",
        "key",
    ]
    data = b"".join(path.read_bytes() for path in found)
    assert len(data) > 100_000
    assert b"SQLite" not in data
    assert b"Maria Santos" not in data
    assert not list((place.parent / "var").glob(".snapshot-*"))


def test_a_copy_of_another_piece_is_found(copied: tuple[Machine, Path]) -> None:
    machine, place = copied
    picture = next(place.glob("*/ev_face.evidence"))
    picture.write_bytes(picture.read_bytes()[:-1])

    code, said = drill(machine)

    assert code == 1
    assert "Evidence ev_face of" in said
    assert "has been damaged" in said
    assert "Evidence that opens and is what its record says: 1 pieces." in said
    assert "Faults: 1." in said


def test_a_copy_that_is_missing_is_found(copied: tuple[Machine, Path]) -> None:
    machine, place = copied
    next(place.glob("*/ev_cam.evidence")).unlink()

    code, said = drill(machine)

    assert code == 1
    assert "it is not among the copies" in said


def test_a_record_that_was_changed_before_it_was_copied_is_found(
    copied: tuple[Machine, Path],
) -> None:
    machine, _ = copied
    changed(machine, CHANGE)
    later(machine, 1)
    machine.run("copy")

    code, said = drill(machine)

    assert code == 1
    assert "does not verify" in said


def test_the_keys_are_not_among_the_copies_and_without_them_nothing_is_restored(
    copied: tuple[Machine, Path],
) -> None:
    machine, place = copied
    ring = machine.folder / "var" / "keys"
    wrap = (ring / "wrap.key").read_bytes()
    ring.rename(machine.folder / "ring")
    (machine.folder / "other").mkdir()
    shutil.copy(machine.folder / "ring" / "signing.pem", machine.folder / "other")
    shutil.copy(machine.folder / "ring" / "signing.json", machine.folder / "other")
    (machine.folder / "other" / "wrap.key").write_bytes(bytes(range(32)))

    without = drill(machine, "first")
    wrong = machine.run(
        "restore-drill", str(machine.folder / "second"), "--keys", str(machine.folder / "other")
    )
    right = machine.run(
        "restore-drill", str(machine.folder / "third"), "--keys", str(machine.folder / "ring")
    )

    assert without[0] == wrong[0] == 1
    assert "cannot be restored with the keys in" in without[1]
    assert "The snapshot cannot be put back" in wrong[1]
    assert right[0] == 0, right[1]
    assert not any(wrap in path.read_bytes() for path in place.rglob("*") if path.is_file())


def test_a_drill_wants_a_new_folder_and_some_copies(copied: tuple[Machine, Path]) -> None:
    machine, place = copied
    full = machine.run("restore-drill", str(machine.folder / "var"))
    for snap in place.glob("database-*"):
        shutil.rmtree(snap)

    empty = drill(machine)

    assert full == (1, f"{machine.folder / 'var'} is not empty: name a new folder.\n")
    assert empty == (1, "There is no snapshot of the database among the copies.\n")


def test_what_the_database_calls_erased_goes_from_the_copies_without_a_word_of_it(
    copied: tuple[Machine, Path],
) -> None:
    machine, place = copied
    for file in (machine.folder / "var" / "evidence").glob("*/ev_face.evidence"):
        file.unlink()
    changed(machine, "UPDATE evidence SET erased = started WHERE id = 'ev_face'")
    later(machine, 1)

    again = machine.run("copy")

    assert again[0] == 0, again[1]
    assert [path.name for path in place.glob("*/ev_*")] == ["ev_cam.evidence"]
    assert drill(machine)[0] == 0


def test_a_place_that_is_not_there_is_said_plainly(
    session: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = machine.run("copy")
    monkeypatch.setenv("INVIGILATION_COPIES", str(machine.folder / "unmounted"))

    away = machine.run("copy")

    assert none == (1, "There is no place for copies: set INVIGILATION_COPIES.\n")
    assert away[0] == 1
    assert "is not there" in away[1]


def test_a_wrap_key_is_rotated_while_old_copies_go_on_opening(
    copied: tuple[Machine, Path], session: str
) -> None:
    machine, place = copied
    ring, root = machine.folder / "var" / "keys", machine.folder / "var" / "evidence"
    old = LocalKeys([(ring / "wrap.key").read_bytes()])
    before = Vault(root, old, 0).read(session, "ev_face")

    rotated = machine.run("keys", "rotate-wrap")
    kept = len(list(ring.glob("wrap-*.key")))
    forgotten = machine.run("keys", "rewrap", "--forget-old")

    assert rotated[0] == 0, rotated[1]
    assert "Keys wrapped anew: 4." in rotated[1]  # here, its copy, the snapshot's, the database's
    assert kept == 1
    assert "Keys wrapped anew: 0.\nOld wrap keys destroyed: 1." in forgotten[1]
    assert not list(ring.glob("wrap-*.key"))
    new = FileKeys(ring)
    assert Vault(root, new, 0).read(session, "ev_face") == before
    assert Vault(place, new, 0).read(session, "ev_face") == before
    assert drill(machine)[0] == 0


def test_a_wrap_key_moves_from_the_file_into_the_environment(
    session: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = machine.folder / "var" / "keys"
    monkeypatch.setenv("INVIGILATION_WRAP_KEYS", ENV_KEY)

    refused = machine.run("keys", "rotate-wrap")
    moved = machine.run("keys", "rewrap", "--forget-old")

    assert refused[0] == 1
    assert "kept elsewhere" in refused[1]
    assert moved[0] == 0, moved[1]
    assert not (ring / "wrap.key").exists()
    settings = read_settings()
    outside = wrap_keys(settings)
    assert outside is not None
    assert open_vault(settings, outside).read(session, "ev_face")
    assert machine.run("keys", "rewrap")[1] == "Keys wrapped anew: 0.\n"


def test_an_unknown_key_is_never_forgotten(session: str, machine: Machine) -> None:
    stray = machine.folder / "var" / "evidence" / "ses_stray"
    Vault(stray.parent, bytes(range(5, 37)), 0).put("ses_stray", "e1", b"one")
    machine.run("keys", "rotate-wrap")

    code, said = machine.run("keys", "rewrap", "--forget-old")

    assert code == 1
    assert "No key opens the keys of 1 sessions: ses_stray." in said
    assert list((machine.folder / "var" / "keys").glob("wrap-*.key"))


def test_snapshots_thin_out_and_end_and_the_newest_stays() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    ages = [40 * 24, 55, 54, 53, 30, 20, 2, 1]
    names = [f"database-{now - timedelta(hours=age):%Y%m%dT%H%M%SZ}" for age in ages]

    gone = set(outlived(names, now, timedelta(days=14)))

    over = [age for age, name in zip(ages, names, strict=True) if name in gone]
    assert over == [40 * 24, 55, 54, 30]
    assert list(outlived(names[:1], now, timedelta(days=14))) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"wrap_keys": "c2hvcnQ="}, "Setting wrap_keys: write keys of 32 bytes in base64"),
        ({"wrap_keys": "no!"}, "Setting wrap_keys: write keys of 32 bytes in base64"),
        ({"kms_url": "https://vault.example:8200/v1/transit"}, "Set one of kms_token"),
        ({"kms_url": "vault.example"}, "Setting kms_url: write an address"),
        ({"evidence_s3": "evidence"}, "Setting evidence_s3: write a bucket"),
        ({"evidence_s3": "s3://Up/per"}, "Setting evidence_s3: write a bucket"),
        ({"copies": "copies"}, "Setting copies: write a bucket like"),
        ({"copies": "s3://abc/x", "evidence_s3": "s3://abc/x"}, "Set copies to another place"),
        ({"copies_s3_key_id": "AK"}, "Set copies_s3_key_id and copies_s3_secret together"),
    ],
)
def test_keys_and_places_that_cannot_be_are_one_sentence(given: dict[str, str], said: str) -> None:
    with pytest.raises(Unable) as refused:
        read_settings(**given)

    assert str(refused.value).startswith(said)


def test_the_settings_open_the_vault_that_they_name(tmp_path: Path) -> None:
    wrap = LocalKeys([bytes(32)])

    plain = open_vault(read_settings(var=tmp_path), wrap)
    far = open_vault(read_settings(var=tmp_path, evidence_s3="s3://evidence/office"), wrap)

    assert type(plain) is Vault
    assert isinstance(far, ShelvedVault)
