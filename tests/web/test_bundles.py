"""Bundles as people get them: from the record's page, and by command."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from invigilation.anchor import AnchorKind
from recordings.verify import parse_keys, render, verify
from tests.web.machine import Machine, attested
from tests.web.office import ADA, ANA, SAM, START, TOM, World
from web.keyring import open_keyring


def names(bundle: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return archive.namelist()


async def test_the_records_page_names_its_witnesses(world: World) -> None:
    sitting = await attested(world)
    sam = await world.staff(SAM)
    path = f"/staff/records/{sitting.session}"
    before = (await sam.get(path)).words
    async with world.desk.office.store.write() as tx:
        await tx.anchors.add(sitting.session, AnchorKind.RECEIPT, START, {"backend": "acme"})
        await tx.anchors.add(sitting.session, AnchorKind.TIMESTAMP, START, {"index": 0})

    after = (await sam.get(path)).words

    assert "Nobody outside has signed for this record yet." in before
    assert "The training company (acme) signed for the report on" in after
    assert "A time-stamp authority signed that the record was there on" in after


async def test_the_bundle_of_a_session_verifies_and_says_who_took_it(world: World) -> None:
    sitting = await attested(world)
    sam = await world.staff(SAM)

    answer = await sam.get(f"/staff/records/{sitting.session}/bundle")

    key = world.desk.office.signer.current()
    verdict = verify(answer.body, {key.key_id: key.public}, now=world.clock.now())
    assert answer.status == 200
    assert names(answer.body) == ["evidence/ev_face.jpg", "record.json"]
    assert verdict.ok, render(verdict)
    assert "evidence_viewed 1 times, record_exported 1 times" in render(verdict)
    assert "1 of them are here and unchanged, 1 were erased, withheld or damaged" in render(verdict)
    assert answer.header("Cache-Control") == "no-store"
    assert f"bundle-{sitting.session}.zip" in answer.header("Content-Disposition")


async def test_an_erased_picture_stays_out(world: World) -> None:
    sitting = await attested(world)
    world.vault.erase(sitting.session, "ev_face")
    async with world.desk.office.store.write() as tx:
        await tx.evidence.erase("ev_face", world.clock.now())

    answer = await (await world.staff(SAM)).get(f"/staff/records/{sitting.session}/bundle")

    key = world.desk.office.signer.current()
    assert names(answer.body) == ["record.json"]
    assert verify(answer.body, {key.key_id: key.public}).ok


def spoil(root: Path, session: str, ident: str) -> None:
    """Change a bit of a finished piece, as a disk may."""
    [file] = root.glob(f"**/{session}/{ident}.evidence")
    data = bytearray(file.read_bytes())
    data[200] ^= 1
    file.write_bytes(data)


async def test_a_piece_that_is_damaged_keeps_nobody_from_the_rest(world: World, caplog) -> None:
    sitting = await attested(world)
    spoil(world.vault._root, sitting.session, "ev_face")

    answer = await (await world.staff(SAM)).get(f"/staff/records/{sitting.session}/bundle")

    key = world.desk.office.signer.current()
    verdict = verify(answer.body, {key.key_id: key.public}, now=world.clock.now())
    assert (answer.status, names(answer.body)) == (200, ["record.json"])
    assert verdict.ok
    assert "evidence/ev_face.jpg is damaged: a bundle goes without it" in caplog.text


async def test_a_report_that_is_damaged_stays_out_as_well(world: World, caplog) -> None:
    sitting = await attested(world)
    stored = world.vault.put(sitting.session, "rp_1", b"%PDF-1.7" * 100)
    made = world.desk.reports_made.made
    await made("rp_1", sitting.session, stored.sha256, stored.size, pictures=False)
    spoil(world.vault._root, sitting.session, "rp_1")

    answer = await (await world.staff(SAM)).get(f"/staff/records/{sitting.session}/bundle")

    assert (answer.status, names(answer.body)) == (200, ["evidence/ev_face.jpg", "record.json"])
    assert "the report rp_1 is damaged: a bundle goes without it" in caplog.text


def test_what_is_damaged_is_named_to_whoever_exports(session: str, machine: Machine) -> None:
    spoil(machine.folder, session, "ev_cam")
    file = machine.folder / "bundle.zip"

    told = machine.run("export", session, "--why", "audit", "--output", str(file), "--recordings")

    assert told[0] == 0, told[1]
    assert names(file.read_bytes()) == ["evidence/ev_face.jpg", "record.json"]
    assert "evidence/ev_cam.webm is damaged in the vault, and left out." in told[1]
    checked = machine.run("verify", str(file), "--keys", machine.keys)
    assert checked[0] == 0, checked[1]
    assert "1 were erased, withheld or damaged" in checked[1]


async def test_a_bundle_is_for_its_invigilator_and_those_who_oversee(world: World) -> None:
    sitting = await attested(world)
    own, colleague = (ANA, TOM) if sitting.staff == ANA.id else (TOM, ANA)
    path = f"/staff/records/{sitting.session}/bundle"

    answers = [await (await world.staff(one)).get(path) for one in (own, SAM, colleague)]

    assert [one.status for one in answers] == [200, 200, 404]
    assert (await (await world.learner(sitting.request)).get(path)).to.startswith("/staff/sign-in")


async def test_that_a_bundle_was_taken_is_in_the_audit_log(world: World) -> None:
    sitting = await attested(world)

    await (await world.staff(SAM)).get(f"/staff/records/{sitting.session}/bundle")

    async with world.desk.office.store.read() as tx:
        changes = await tx.audit.of(sitting.session)
    assert [one.actor for one in changes if one.action == "record.exported"] == [f"staff:{SAM.id}"]


async def test_the_page_of_a_record_leads_to_its_files(world: World) -> None:
    sitting = await attested(world)

    page = await (await world.staff(ADA)).get(f"/staff/records/{sitting.session}")

    for name in ("download", "bundle", "report.pdf"):
        assert f'href="/staff/records/{sitting.session}/{name}"' in page.text


def test_a_bundle_is_exported_and_verified_by_commands(session: str, machine: Machine) -> None:
    file = machine.folder / "bundle.zip"

    told = machine.run("export", session, "--why", "audit", "--output", str(file))
    checked = machine.run("verify", str(file), "--keys", machine.keys)

    assert told[0] == 0, told[1]
    assert names(file.read_bytes()) == ["evidence/ev_face.jpg", "record.json"]
    assert checked[0] == 0, checked[1]
    assert "VERIFIED" in checked[1]
    assert "Recordings that were left out: 1." in told[1]
    assert "There is no report (PDF) in it." in told[1]
    assert "Nobody outside has witnessed the record yet." in told[1]
    assert "Pictures that were left out" not in told[1]


def test_recordings_go_along_when_they_are_asked_for_and_pictures_may_stay(
    session: str, machine: Machine
) -> None:
    whole, bare = machine.folder / "whole.zip", machine.folder / "bare.zip"

    first = machine.run("export", session, "--why", "audit", "--output", str(whole), "--recordings")
    second = machine.run(
        "export", session, "--why", "audit", "--output", str(bare), "--no-pictures"
    )

    assert (first[0], second[0]) == (0, 0)
    assert "left out" not in first[1]
    assert "Pictures that were left out: 1." in second[1]
    assert names(whole.read_bytes())[:2] == ["evidence/ev_cam.webm", "evidence/ev_face.jpg"]
    assert names(bare.read_bytes()) == ["record.json"]
    assert all(
        machine.run("verify", str(one), "--keys", machine.keys)[0] == 0 for one in (whole, bare)
    )


def test_what_cannot_be_exported_is_said_plainly(session: str, machine: Machine) -> None:
    file = machine.folder / "bundle.zip"

    unknown = machine.run("export", "se_nobody", "--why", "audit", "--output", str(file))
    left = file.exists()
    both = machine.run("export", session, "--recordings", "--no-pictures")
    silent = machine.run("export", session, "--output", str(file))
    file.write_text("mine")
    there = machine.run("export", session, "--why", "audit", "--output", str(file))

    assert not left
    assert [unknown[0], both[0], there[0], silent[0]] == [1, 1, 1, 1]
    assert "Say with --why" in silent[1]
    assert "Choose one" in both[1]
    assert "is there already" in there[1]
    assert file.read_text() == "mine"


def test_a_changed_bundle_fails_and_says_where(session: str, machine: Machine) -> None:
    file = machine.folder / "bundle.zip"
    machine.run("export", session, "--why", "audit", "--output", str(file))
    bundle = bytearray(file.read_bytes())
    bundle[bundle.index(b"The alarm")] ^= 1
    file.write_bytes(bundle)

    code, said = machine.run("verify", str(file), "--keys", machine.keys)

    assert code == 1
    assert " 1. [failed ]" in said
    assert "NOT VERIFIED" in said


def test_an_auditor_checks_with_the_one_file(session: str, machine: Machine) -> None:
    program, file = machine.folder / "v.pyz", machine.folder / "bundle.zip"
    machine.run("export", session, "--why", "audit", "--output", str(file))

    told = machine.run("verifier", str(program))
    again = machine.run("verifier", str(program))
    command = [sys.executable, "-I", str(program), str(file), machine.keys]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert (told[0], again[0]) == (0, 1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VERIFIED" in done.stdout


def test_keys_are_rotated_and_old_records_still_verify(session: str, machine: Machine) -> None:
    file = machine.folder / "bundle.zip"
    before = open_keyring(machine.folder / "var" / "keys").signing

    code, said = machine.run("keys", "rotate")
    machine.run("export", session, "--why", "audit", "--output", str(file))
    checked = machine.run("verify", str(file), "--keys", machine.keys)

    after = before.published()
    assert code == 0, said
    assert [one["kid"] for one in after] == [before.key_id, after[1]["kid"]]
    assert after[1]["exp"] == after[0]["nbf"]
    assert all(one["kid"] in said for one in after)
    assert checked[0] == 0, checked[1]
    record = json.loads(zipfile.ZipFile(file).read("record.json"))
    signers = {one["key_id"] for one in record["events"]}
    assert signers == {one["kid"] for one in after}


def test_a_lost_key_is_said_plainly_and_a_rotation_helps(session: str, machine: Machine) -> None:
    (machine.folder / "var" / "keys" / "signing.pem").unlink()
    file = str(machine.folder / "bundle.zip")

    before = machine.run("export", session, "--why", "audit", "--output", file)
    rotated = machine.run("keys", "rotate")
    after = machine.run("export", session, "--why", "audit", "--output", file)

    assert before[0] == 1
    assert "signing.pem is missing" in before[1]
    assert (rotated[0], after[0]) == (0, 0), rotated[1] + after[1]


def test_there_is_nothing_to_rotate_before_the_first_start(machine: Machine) -> None:
    code, said = machine.run("keys", "rotate")

    assert code == 1
    assert "There are no keys yet" in said


def test_a_key_that_nobody_published_is_not_trusted(session: str, machine: Machine) -> None:
    file, other = machine.folder / "bundle.zip", machine.folder / "other.json"
    machine.run("export", session, "--why", "audit", "--output", str(file))
    stranger = open_keyring(machine.folder / "elsewhere").signing
    other.write_text(json.dumps({"keys": stranger.published()}))

    code, said = machine.run("verify", str(file), "--keys", str(other))

    assert code == 1
    assert "is not among the keys that you trust" in said
    assert set(parse_keys(other.read_bytes())) == {stranger.key_id}


@pytest.mark.parametrize(
    ("file", "keys"), [("nothing.zip", "published.json"), ("published.json", "nothing.json")]
)
def test_files_that_are_not_there_are_named(
    session: str, machine: Machine, file: str, keys: str
) -> None:
    folder = Path(machine.keys).parent

    code, said = machine.run("verify", str(folder / file), "--keys", str(folder / keys))

    assert code == 1
    assert "nothing" in said
    assert "No such file" in said
