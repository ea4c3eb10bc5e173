"""What a killed process left, when a key, a disk or the room for it is not there: it waits."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from invigilation.errors import Busy
from invigilation.record import payload_of
from invigilation.session import Outcome
from recordings import stream, webm
from recordings.errors import EvidenceStoreFull
from recordings.evidence import Snapshots
from recordings.places import PlaceAway
from recordings.report_pdf.damage import damage
from recordings.vault import Vault
from recordings.wrap_keys import LocalKeys
from tests import builders
from tests.web.eyes import shelf_of
from web.evidence import BEGINNING
from web.health import checks
from web.health.checks import Unwell
from web.pages.glances import glances_of

CLUSTERS = [webm.Block(webm.AUDIO, at, True, webm.SILENCE[20]) for at in range(0, 80, 20)]
LAST = len(webm.cluster(CLUSTERS[-1:])) + stream.OVERHEAD_BYTES
OURS, OTHER = bytes(range(32)), bytes(32)


@pytest.fixture
async def scene(tmp_path, sqlite_template):
    async with builders.booked(tmp_path, sqlite_template) as scene:
        yield scene


@pytest.fixture
def snapshots():
    found = Snapshots()
    yield found
    found.close()


async def left(scene, vault):
    """A recording whose writer is dead, so old that it would count as lost."""
    part = await scene.desk.recordings.begin(scene.sitting.session)
    appender = vault.open_append(part.session, part.id)
    appender.append(webm.live_header())
    appender.close()
    scene.clock.go(BEGINNING.total_seconds())
    return part


async def clusters(scene, vault):
    """A recording of some clusters, whose writer is dead."""
    part = await scene.desk.recordings.begin(scene.sitting.session)
    appender = vault.open_append(part.session, part.id)
    for piece in (webm.live_header(), *(webm.cluster([one]) for one in CLUSTERS)):
        appender.append(piece)
    appender.close()
    return part


def spoil(folder, part, *places):
    """Change a bit at each of these places of a recording's file."""
    file = folder / "vault" / part.session / f"{part.id}.part"
    data = bytearray(file.read_bytes())
    for at in places:
        data[at] ^= 1
    file.write_bytes(data)


async def attest(scene):
    session, by = scene.sitting.session, scene.ann
    await scene.desk.reports.attest(session, by, "Nobody came in all the time.", Outcome.REFUSED)


async def state(scene):
    [found] = await scene.desk.sessions.evidence(scene.sitting.session)
    return found


async def test_a_recording_whose_key_is_not_at_hand_waits_for_it(
    scene, snapshots, tmp_path, caplog
):
    root = tmp_path / "vault"
    await left(scene, Vault(root, OURS, reserve=0))
    wrong = shelf_of(scene.desk, Vault(root, OTHER, reserve=0), snapshots)
    known = checks.keys(lambda: len(wrong.vault.keys.unknown))

    with caplog.at_level(logging.ERROR):
        mended = [await wrong.mend_orphans(), await wrong.mend_orphans()]
    waits = await state(scene)
    with pytest.raises(Unwell):
        await known.ask()

    assert (mended, waits.sha256, waits.erased) == ([0, 0], None, None)
    assert [one.msg for one in caplog.records] == [
        "the key of a session is not at hand: %s; nothing of it opens"
    ]
    right = shelf_of(scene.desk, Vault(root, LocalKeys([OTHER, OURS]), reserve=0), snapshots)
    assert await right.mend_orphans() == 1
    assert (await state(scene)).sha256 is not None


async def test_a_damaged_recording_without_room_for_its_copy_waits_and_is_not_lost(
    scene, snapshots, tmp_path
):
    vault = Vault(tmp_path / "vault", OURS, reserve=0)
    part = await clusters(scene, vault)
    scene.clock.go(BEGINNING.total_seconds())
    spoil(tmp_path, part, 10 - 3 * LAST)
    full = shelf_of(scene.desk, Vault(tmp_path / "vault", OURS, 2**62), snapshots)

    with pytest.raises(EvidenceStoreFull):
        await full.mend_orphans()
    waits = await state(scene)
    mended = await shelf_of(scene.desk, vault, snapshots).mend_orphans()

    assert (waits.sha256, waits.erased, mended) == (None, None, 1)
    async with scene.desk.office.store.read() as tx:
        entry = (await tx.sessions.entries(part.session))[-1]
    assert entry.kind == "recording_finished"
    assert entry.data["holes"] == [
        {"bytes": len(webm.cluster(CLUSTERS[:1])), "since_ms": 20, "until_ms": 40}
    ]


async def test_what_the_disk_damaged_is_attested_and_told_to_people(scene, snapshots, tmp_path):
    vault = Vault(tmp_path / "vault", OURS, 0)
    shelf, session = shelf_of(scene.desk, vault, snapshots), scene.sitting.session
    scene.clock.go_to(builders.START)
    await scene.desk.sessions.check_in(session, builders.CONSENT)
    part = await clusters(scene, vault)
    gone = await left(scene, vault)
    scene.clock.go(BEGINNING.total_seconds())
    spoil(tmp_path, part, 10 - 3 * LAST)
    spoil(tmp_path, gone, *range(8, 40))  # all of the salt
    await scene.desk.sessions.refuse(session, scene.ann, "no document")

    with pytest.raises(Busy):  # as long as nobody knows what is left
        await attest(scene)
    mended = await shelf.mend_orphans()
    await attest(scene)

    told = payload_of(await scene.desk.reports.attestation(session))
    listed = {one["id"] for one in told["evidence"]}
    assert (mended, listed) == (1, {part.id})
    assert {one["evidence"]: one["lost"] for one in told["damaged"]} == {
        part.id: "part",
        gone.id: "all",
    }
    said = damage(told)
    # Both began in the same second: their order is that of their names, which are drawn.
    assert "Missing (London): the learner's camera and voice, " in said
    assert "10:00:00 to 10:00:01" in said
    assert "the whole recording that was to begin at 10:00:00" in said


async def test_a_recording_whose_disk_is_not_there_waits_for_it(scene, snapshots, tmp_path):
    ours, elsewhere = Vault(tmp_path / "vault", OURS, 0), Vault(tmp_path / "another", OURS, 0)
    shelf, lost = (shelf_of(scene.desk, one, snapshots) for one in (ours, elsewhere))
    await left(scene, ours)
    assert await shelf.mend_orphans() == 1  # evidence was stored: it must be somewhere
    part = await left(scene, ours)

    mended = await lost.mend_orphans()

    assert mended == 0
    assert [one.id for one in await scene.desk.recordings.orphans()] == [part.id]
    assert await shelf.mend_orphans() == 1


async def test_a_recording_that_the_disk_cannot_read_keeps_no_other(
    scene, snapshots, tmp_path, monkeypatch
):
    vault = Vault(tmp_path / "vault", OURS, 0)
    shelf = shelf_of(scene.desk, vault, snapshots)
    broken, well = await left(scene, vault), await left(scene, vault)
    records = vault.records

    def failing(session, ident):
        if ident == broken.id:
            raise OSError(5, "Input/output error")
        return records(session, ident)

    monkeypatch.setattr(vault, "records", failing)

    with pytest.raises(OSError, match="Input/output"):
        await shelf.mend_orphans()

    assert [one.id for one in await scene.desk.recordings.orphans()] == [broken.id]
    assert vault.read(well.session, well.id)


@pytest.mark.parametrize("why", [EvidenceStoreFull(1), PlaceAway("for a test")])
def test_the_time_line_is_drawn_without_what_cannot_be_fetched(why, caplog):
    asked = []

    class Store:
        def open(self, _, ident):
            asked.append(ident)
            raise why

    here = [
        SimpleNamespace(id=one, kind="recording", sha256="ab", erased=None) for one in ("e1", "e2")
    ]
    record = SimpleNamespace(evidence=here, session=SimpleNamespace(id="s1"))

    assert glances_of(Store(), record) == {}
    assert asked == ["e1"]
    assert "not on the time line" in caplog.text
