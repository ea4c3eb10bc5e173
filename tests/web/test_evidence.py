"""The shelf of evidence: what a crash leaves behind is mended, found, and erased in the end."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import numpy as np
import pytest

from invigilation.desk.recordings import RecordingDesk
from invigilation.errors import Busy, NotFound, Unsure
from invigilation.presence import Sight, Source
from recordings import webm
from recordings.errors import EvidenceStoreFull, KeyUnknown, PictureUndecodable
from recordings.evidence import Snapshots
from recordings.vault import Vault
from recordings.vision.watch import Small
from recordings.webm import SILENCE
from tests import builders
from tests.harness.waiting import until
from tests.recordings.sights import VIEWS, key_frames, stills
from tests.web.eyes import FakeEye, shelf_of
from web.evidence import BEGINNING, STRANGERS, StrangeVault, Watch

MONTH = timedelta(days=30)


@pytest.fixture
async def scene(tmp_path, sqlite_template):
    async with builders.booked(tmp_path, sqlite_template) as scene:
        yield scene


@pytest.fixture
def shelf(scene, tmp_path):
    vault = Vault(tmp_path / "vault", bytes(32), reserve=0)
    snapshots = Snapshots()
    yield shelf_of(scene.desk, vault, snapshots)
    snapshots.close()


async def listed(scene):
    return await scene.desk.sessions.evidence(scene.sitting.session)


async def kinds(scene):
    async with scene.desk.office.store.read() as tx:
        return [entry.kind for entry in await tx.sessions.entries(scene.sitting.session)]


async def begun(scene, shelf):
    """A recording whose writer is alive, with its row."""
    part = await scene.desk.recordings.begin(scene.sitting.session)
    appender = shelf.vault.open_append(part.session, part.id)
    appender.append(webm.live_header())
    return part, appender


def grow_old(vault, session, ident, age):
    """Let the file of a piece of evidence be that old."""
    then = time.time() - age.total_seconds()
    path = vault._paths(session, ident)[1]
    os.utime(path, (then, then))


async def test_a_recording_whose_writer_died_is_mended_while_the_service_runs(scene, shelf):
    part, appender = await begun(scene, shelf)
    assert await shelf.mend_orphans() == 0
    appender.close()

    assert await shelf.mend_orphans() == 1

    [found] = await listed(scene)
    assert (found.id, found.kind, found.erased) == (part.id, Source.CAMERA, None)
    assert found.sha256 is not None
    assert (await kinds(scene))[-1] == "recording_finished"


async def test_each_source_is_a_kind_of_evidence_and_time_0_is_its_rows(scene, shelf):
    session = scene.sitting.session
    for source in Source:
        recording = await shelf.begin(session, source)
        now = scene.clock.monotonic()
        recording.audio(SILENCE[20], 0, now + 3.02)
        recording.audio(SILENCE[20], 10 * 48_000, now + 13.02)
        await recording.finish()

    found = await listed(scene)

    assert {one.kind for one in found} == {source.value for source in Source}
    for one in found:
        if one.kind == Source.STILLS:
            continue
        told = webm.glance(shelf.vault.read(session, one.id))
        assert (told.length, told.picture, told.sound) == (13_020, False, True)


async def test_orphans_of_every_source_are_mended(scene, shelf):
    for source in Source:
        part = await scene.desk.recordings.begin(scene.sitting.session, source)
        appender = shelf.vault.open_append(part.session, part.id)
        appender.append(webm.live_header())
        appender.close()

    assert await shelf.mend_orphans() == len(Source)

    assert all(one.sha256 for one in await listed(scene))


async def test_a_watch_says_frozen_at_the_second_equal_picture_in_a_row(scene, shelf):
    person, room = (
        key_frames(VIEWS[name], 320, 200_000, 3, 0) for name in ("a person", "low light")
    )
    watch, other = shelf.watcher(), shelf.watcher()

    seen = [await watch.look(frame) for frame in (person[0], person[0], person[0], *person[1:])]
    again = [await other.look(frame) for frame in (room[0], room[0], person[0], person[0])]

    assert seen == [Sight.GOOD, Sight.GOOD, Sight.FROZEN, Sight.GOOD, Sight.GOOD]
    assert again == [Sight.GOOD] * 4


async def test_a_watch_judges_stills_as_it_judges_moving_pictures(scene, shelf):
    person, covered = (stills(VIEWS[name], 6_000, 3) for name in ("a person", "a covered lens"))
    watch = shelf.watcher()

    seen = [
        await watch.look_still(jpeg)
        for jpeg in (person[0], person[0], person[0], person[1], covered[0])
    ]
    with pytest.raises(PictureUndecodable):
        await watch.look_still(b"no picture")

    assert seen == [Sight.GOOD, Sight.GOOD, Sight.FROZEN, Sight.GOOD, Sight.BLACK]


async def test_a_watch_says_black_of_a_covered_lens_and_goes_on_after_nonsense(scene, shelf):
    covered = key_frames(VIEWS["a covered lens"], 320, 200_000, 2, 0)
    watch = shelf.watcher()

    first = await watch.look(covered[0])
    with pytest.raises(PictureUndecodable):
        await watch.look(b"no picture")

    assert (first, await watch.look(covered[1])) == (Sight.BLACK, Sight.BLACK)


async def test_a_recording_that_is_about_to_begin_is_not_taken_for_lost(scene, shelf):
    part = await scene.desk.recordings.begin(scene.sitting.session)

    await shelf.mend_orphans()

    assert [one.id for one in await scene.desk.recordings.orphans()] == [part.id]


async def test_a_recording_that_never_began_is_lost_after_a_while(scene, shelf):
    await scene.desk.recordings.begin(scene.sitting.session)
    scene.clock.go(BEGINNING.total_seconds())

    await shelf.mend_orphans()

    assert await scene.desk.recordings.orphans() == []
    assert (await kinds(scene))[-1] == "recording_lost"


async def test_a_part_is_finished_once_whoever_finishes_it(scene, shelf):
    part, appender = await begun(scene, shelf)
    appender.close()
    await shelf.mend_orphans()
    before = await kinds(scene)

    await scene.desk.recordings.finish(part, "ab" * 32, 7)
    await scene.desk.recordings.lose(part)

    [found] = await listed(scene)
    assert found.erased is None
    assert found.sha256 != "ab" * 32
    assert await kinds(scene) == before


async def test_a_picture_whose_row_never_came_is_erased_when_its_time_is_over(scene, shelf):
    session = scene.sitting.session
    shelf.vault.put(session, "ev_stray", b"a passport")
    assert await shelf.erase_strangers(MONTH) == 0
    grow_old(shelf.vault, session, "ev_stray", MONTH + timedelta(hours=1))

    assert await shelf.erase_strangers(MONTH) == 1

    with pytest.raises(NotFound):
        shelf.vault.read(session, "ev_stray")


async def test_evidence_that_is_listed_is_no_stranger_however_old(scene, shelf):
    part, appender = await begun(scene, shelf)
    appender.close()
    await shelf.mend_orphans()
    grow_old(shelf.vault, part.session, part.id, 2 * MONTH)

    assert await shelf.erase_strangers(MONTH) == 0

    assert shelf.vault.read(part.session, part.id)


async def test_a_vault_that_this_database_does_not_know_is_left_alone(scene, shelf):
    session = scene.sitting.session
    for number in range(STRANGERS + 1):
        shelf.vault.put(session, f"ev_{number}", b"of another service")
        grow_old(shelf.vault, session, f"ev_{number}", 2 * MONTH)

    with pytest.raises(StrangeVault):
        await shelf.erase_strangers(MONTH)

    assert len(shelf.vault.finished(0.0)) == STRANGERS + 1


async def test_what_is_left_of_a_lost_recording_goes_when_its_time_is_over(scene, shelf):
    lost, waits = [await begun(scene, shelf) for _ in range(2)]
    for part, appender in (lost, waits):
        appender.close()
        file = shelf.vault._root / part.session / f"{part.id}.part"
        os.utime(file, (1, time.time() - 2 * MONTH.total_seconds()))
    await scene.desk.recordings.lose(lost[0])

    assert await shelf.erase_strangers(MONTH) == 1

    assert shelf.vault.abandoned(0.0) == [(waits[0].session, waits[0].id)]


async def test_without_its_key_no_recording_begins_and_none_is_noted(scene, shelf):
    shelf.vault.put(scene.sitting.session, "ev_1", b"one")
    other = shelf_of(scene.desk, Vault(shelf.vault._root, bytes(31) + b"1", 0), shelf.snapshots)
    before = await kinds(scene)

    with pytest.raises(KeyUnknown):
        await other.begin(scene.sitting.session)

    assert await listed(scene) == []
    assert await kinds(scene) == before


class Film:
    """Pictures that are read without being decoded."""

    def __init__(self, pictures):
        self._pictures = pictures

    async def small(self, key_frame):
        return self._pictures[int(key_frame)]


async def test_a_film_that_is_played_again_is_looping_and_no_still_picture():
    dice = np.random.default_rng(5)
    pictures = [Small(dice.integers(60, 200, (120, 160), np.uint8)) for _ in range(6)]
    watch = Watch(Film(pictures), FakeEye())

    first = [await watch.look(b"%d" % look) for look in range(6)]
    again = [await watch.look(b"%d" % look) for look in range(6)]

    assert first == [Sight.GOOD] * 6
    assert again[-1] is Sight.LOOPING
    assert Sight.FROZEN not in again


async def test_on_a_full_disk_no_recording_begins_and_none_is_noted(scene, shelf):
    full = shelf_of(scene.desk, Vault(shelf.vault._root, bytes(32), reserve=2**62), shelf.snapshots)
    before = await kinds(scene)

    with pytest.raises(EvidenceStoreFull):
        await full.begin(scene.sitting.session)

    assert await listed(scene) == []
    assert await kinds(scene) == before


async def test_a_recording_that_the_disk_stops_says_so_and_is_finished_as_it_lies(scene, shelf):
    recording = await shelf.begin(scene.sitting.session)
    now = scene.clock.monotonic()
    recording.audio(b"\xfc\xff\xfe", 0, now)
    fine = recording.broken

    shelf.vault._reserve = 2**62
    recording.audio(b"\xfc\xff\xfe", 5 * 48_000, now + 5)
    await until(lambda: recording.broken, 5, "the recording to stop")
    await recording.finish()

    assert not fine
    [found] = await listed(scene)
    assert found.sha256 is not None
    assert found.erased is None


async def test_a_finished_recording_is_noted_when_the_database_can_write_again(
    scene, shelf, monkeypatch
):
    recording = await shelf.begin(scene.sitting.session)
    noted, refusals = RecordingDesk.finish, [Unsure(), Busy("database")]

    async def finish(self, *what):
        if refusals:
            raise refusals.pop()
        await noted(self, *what)

    monkeypatch.setattr(RecordingDesk, "finish", finish)
    monkeypatch.setattr("web.evidence.NOTED_AGAIN_S", (0.0, 0.0))

    await recording.finish()

    [found] = await listed(scene)
    assert found.sha256 is not None
