"""The commands of people's rights: what is kept about a learner, and proof of what was deleted."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import stat
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from invigilation.desk import audited
from recordings.verify import parse_keys, verify
from tests.web.machine import Machine
from web.house import open_house
from web.settings import Settings

WHO = ("--reference", "learner-1")
WHY = ("--reason", "They asked for it in a letter.")


def changed(machine: Machine, statement: str) -> None:
    """Change the database behind everybody's back."""
    with closing(sqlite3.connect(machine.folder / "var" / "invigilation.db")) as database:
        database.execute(statement)
        database.commit()


def all_delivered(machine: Machine) -> None:
    changed(machine, "UPDATE delivery SET state = 'delivered', accepted = next_at")
    changed(machine, "UPDATE booking SET state = 'attended'")


def present(machine: Machine, session: str, ident: str) -> bool:
    return (machine.folder / "var" / "evidence" / session / f"{ident}.evidence").exists()


def test_all_that_is_kept_about_a_learner_is_one_file(session: str, machine: Machine) -> None:
    file = machine.folder / "maria.zip"

    code, said = machine.run("learner", "export", *WHO, "--output", str(file))

    assert code == 0, said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with zipfile.ZipFile(file) as archive:
        folder = f"sessions/{session}"
        assert sorted(archive.namelist()) == [
            "data.json",
            "index.html",
            "keys.json",
            f"{folder}/evidence/ev_cam.webm",
            f"{folder}/evidence/ev_face.jpg",
            f"{folder}/record.json",
        ]
        assert archive.read(f"{folder}/evidence/ev_face.jpg") == b"face" * 1_000
        index = archive.read("index.html").decode()
        data = json.loads(archive.read("data.json"))
        record, keys = archive.read(f"{folder}/record.json"), archive.read("keys.json")
    assert "What we keep about Maria Santos" in index
    assert f'href="{folder}/evidence/ev_face.jpg">Face</a>' in index
    assert "<script" not in index
    assert data["tables"]["learner"][0]["email"] == "learner1@example.org"
    assert verify(record, parse_keys(keys)).ok
    assert "That you took it is in the records and in the audit log." in said


def test_what_shows_somebody_else_stays_out_and_is_named(session: str, machine: Machine) -> None:
    changed(machine, "UPDATE evidence SET kind = 'invigilator_recording' WHERE id = 'ev_cam'")
    changed(machine, "UPDATE evidence SET erased = 1795000000000000 WHERE id = 'ev_face'")
    file = machine.folder / "maria.zip"

    code, said = machine.run("learner", "export", *WHO, "--output", str(file))

    assert code == 0, said
    assert not [name for name in zipfile.ZipFile(file).namelist() if "evidence/" in name]
    assert "Recording of the invigilator's voice: shows or lets hear somebody else" in said
    assert "Face: deleted on" in said


def test_what_cannot_be_read_is_named_and_all_else_is_handed_out(
    session: str, machine: Machine
) -> None:
    evidence = machine.folder / "var" / "evidence" / session
    (evidence / "ev_cam.evidence").rename(evidence / "ev_cam.part")
    face = evidence / "ev_face.evidence"
    face.write_bytes(face.read_bytes()[:7])
    file = machine.folder / "maria.zip"

    code, said = machine.run("learner", "export", *WHO, "--output", str(file))

    assert code == 0, said
    with zipfile.ZipFile(file) as archive:
        index, held = archive.read("index.html").decode(), archive.namelist()
    assert f"sessions/{session}/record.json" in held
    assert not [name for name in held if "evidence/" in name]
    for ident in ("ev_cam", "ev_face"):
        assert f"{session}: {ident} could not be read." in index


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("export", "--reference", "nobody"), "There is no such learner."),
        (("erase", "--reference", "nobody", *WHY, "--yes"), "There is no such learner."),
        (("erase", *WHO, *WHY, "--yes"), "Something has still to be delivered."),
        (("erase", *WHO, "--reason", " ", "--yes"), "Give a reason"),
    ],
)
def test_what_cannot_be_done_is_one_plain_sentence(
    session: str, machine: Machine, words: tuple[str, ...], says: str
) -> None:
    code, said = machine.run("learner", *words)

    assert code == 1
    assert says in said
    assert "Traceback" not in said
    assert present(machine, session, "ev_face")


def test_a_file_that_is_there_is_kept(session: str, machine: Machine) -> None:
    file = machine.folder / "maria.zip"
    file.write_text("mine")

    code, said = machine.run("learner", "export", *WHO, "--output", str(file))

    assert session
    assert (code, file.read_text()) == (1, "mine")
    assert "is there already" in said


def test_a_learner_is_erased_by_one_command_and_it_is_proved(
    session: str, machine: Machine
) -> None:
    all_delivered(machine)
    before = machine.run("retention", "proof")

    code, said = machine.run("learner", "erase", *WHO, *WHY, "--yes")

    listing = machine.folder / "proof.json"
    proof = machine.run("retention", "proof", "--output", str(listing))
    assert code == 0, said
    assert not present(machine, session, "ev_face")
    assert not present(machine, session, "ev_cam")
    whole = (machine.folder / "var" / "invigilation.db").read_bytes()
    assert b"Maria Santos" not in whole
    assert b"learner1@example.org" not in whole
    assert before[0] == proof[0] == 0, proof[1]
    assert "Deleted so far: 0" in before[1]
    assert "because somebody asked" in proof[1]
    assert "PROVED" in proof[1]
    told = json.loads(listing.read_text())
    assert told["chain"]["length"] == len(told["entries"]) == 4
    assert told["wrong"] == []


def test_without_yes_it_asks_and_takes_no_for_an_answer(
    session: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_delivered(machine)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))

    code, said = machine.run("learner", "erase", *WHO, *WHY)

    assert code == 1
    assert "Maria Santos" in said
    assert present(machine, session, "ev_face")


# --- proof ---


@pytest.fixture
def erased(session: str, machine: Machine) -> str:
    """The session of a learner who was erased."""
    all_delivered(machine)
    code, said = machine.run("learner", "erase", *WHO, *WHY, "--yes")
    assert code == 0, said
    return session


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM erasure WHERE seq = 2", "does not follow the one before it"),
        (
            "UPDATE erasure SET body = CAST(replace(body, 'request', 'period!') AS BLOB)",
            "its signature does not hold",
        ),
    ],
)
def test_a_list_that_was_changed_is_not_proved(
    erased: str, machine: Machine, statement: str, says: str
) -> None:
    changed(machine, statement)

    code, said = machine.run("retention", "proof")

    assert erased
    assert code == 1
    assert says in said
    assert "NOT PROVED" in said
    assert "Traceback" not in said


def test_what_is_there_again_is_found(erased: str, machine: Machine, tmp_path: Path) -> None:
    house = open_house(Settings(var=tmp_path / "var"))
    house.vault.put(erased, "ev_face", b"back from a copy")

    code, said = machine.run("retention", "proof")

    assert code == 1
    assert "1 still in the vault, though the list says erased: ev_face." in said


def test_what_is_kept_beyond_its_time_is_found(session: str, machine: Machine) -> None:
    changed(machine, "UPDATE evidence SET started = 1700000000000000 WHERE id = 'ev_cam'")

    code, said = machine.run("retention", "proof")

    assert session
    assert code == 1
    assert "1 kept beyond its time: ev_cam." in said


def test_what_the_sweep_deletes_is_proved(session: str, machine: Machine) -> None:
    changed(machine, "UPDATE evidence SET started = 1700000000000000 WHERE id = 'ev_cam'")

    async def swept() -> int:
        from invigilation.sweeps import Sweeps  # noqa: PLC0415 - one test needs it
        from web.retention import Eraser, policy_of  # noqa: PLC0415

        settings = Settings()
        house = open_house(settings)
        eraser = Eraser(house.vault, house.desk.office.clock, policy_of(settings))
        try:
            return await Sweeps(house.desk, None, lambda _: None).erase(eraser)  # type: ignore[arg-type, return-value]
        finally:
            await house.desk.office.store.close()

    assert asyncio.run(swept()) == 1
    code, said = machine.run("retention", "proof")

    assert code == 0, said
    assert not present(machine, session, "ev_cam")
    assert "because its time was over" in said


# --- the audit log ---


def test_the_audit_log_is_verified_by_one_command(session: str, machine: Machine) -> None:
    async def seal() -> int:
        house = open_house(Settings(var=machine.folder / "var"))
        try:
            return await audited.sweep(house.desk.office)
        finally:
            await house.desk.office.store.close()

    fresh = machine.run("audit", "verify")
    count = asyncio.run(seal())
    code, said = machine.run("audit", "verify")
    assert session
    assert count > 0
    assert (fresh[0], f"Not sealed yet: {count}." in fresh[1]) == (0, True), fresh[1]
    assert code == 0, said
    assert f"Sealed: {count}; the last entry is " in said
    assert "\nVERIFIED: " in said

    changed(machine, "UPDATE audit SET actor = 'scheduler:st_x' WHERE seq = 1")
    code, said = machine.run("audit", "verify")
    assert code == 1
    assert "\nVERIFIED: " not in said
    assert "NOT VERIFIED: au_" in said
    assert "not as it was sealed (entry 1): who did it." in said
