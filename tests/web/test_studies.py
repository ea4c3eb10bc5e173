"""What pictures say, looked at in the background: it comes later, or too late, or not at all."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from invigilation.consent import Purpose
from invigilation.desk.identity import Seen
from invigilation.desk.office import LEARNER
from invigilation.document import DocumentKind, Fields, Reading, Source
from invigilation.identity import SnapshotKind
from invigilation.likeness import Likeness
from recordings.errors import EvidenceStoreFull
from recordings.evidence import Snapshots
from recordings.vault import Vault
from recordings.vision.eye import SeenDocument, SeenFace
from tests import builders
from tests.recordings.sights import VIEWS, key_frames
from tests.web.eyes import FakeEye, shelf_of
from web import studies

FIELDS = Fields("LEARNER 1", "LEA", "L898902C", "NOR", born=date(1990, 3, 27))
READING = Reading(Source.MACHINE, FIELDS, ("P<NOR",), "TD3", True, 5, 4)
LIKENESS = Likeness("dlib", 0.8, 500, date(2026, 11, 1))


@pytest.fixture
async def scene(tmp_path, sqlite_template):
    async with builders.booked(tmp_path, sqlite_template) as scene:
        await scene.desk.sessions.check_in(scene.sitting.session, builders.CONSENT)
        yield scene


@pytest.fixture
def eye():
    return FakeEye()


@pytest.fixture
def told():
    return []


@pytest.fixture
async def shelf(scene, tmp_path, eye, told, monkeypatch):
    monkeypatch.setattr(studies, "PAUSE_S", 0)
    vault = Vault(tmp_path / "vault", bytes(32), reserve=0)
    snapshots = Snapshots()
    shelf = shelf_of(scene.desk, vault, snapshots, eye, told=told.append, likeness=True)
    yield shelf
    await shelf.studies.close()
    snapshots.close()


async def taken(scene, shelf, kind: SnapshotKind, jpeg: bytes = b"jpeg"):
    """A picture in the vault and in the record, from which a study may begin."""
    picture = await shelf.keep(scene.sitting.session, kind, jpeg)
    document = DocumentKind.PASSPORT if kind is SnapshotKind.ID_DOCUMENT else None
    seen = Seen(kind, picture, document=document)
    await scene.desk.identity.record(scene.sitting.session, None, seen)
    return picture


async def studied(scene, shelf, kind: SnapshotKind, jpeg: bytes = b"jpeg"):
    picture = await taken(scene, shelf, kind, jpeg)
    shelf.study(picture)
    await shelf.studies.settled()
    return picture


async def check(scene):
    return (await scene.desk.sessions.view(scene.sitting.session)).identity


async def agree(scene):
    await scene.desk.consents.give(scene.sitting.session, Purpose.LIKENESS, LEARNER)


async def both(scene, shelf, eye):
    eye.seen = SeenDocument(READING, b"portrait")
    eye.found = SeenFace(b"aligned", 7, 1)
    eye.alike = LIKENESS
    await studied(scene, shelf, SnapshotKind.ID_DOCUMENT)
    await studied(scene, shelf, SnapshotKind.FACE, b"face")


async def test_a_document_is_read_and_its_portrait_kept(scene, shelf, eye, told):
    eye.seen = SeenDocument(READING, b"portrait")

    await studied(scene, shelf, SnapshotKind.ID_DOCUMENT)

    seen = await check(scene)
    assert seen.reading == READING
    assert shelf.vault.read(seen.session, seen.portrait) == b"portrait"
    assert eye.documents == [((b"jpeg",), None)]
    assert set(told) == {scene.sitting.session}


async def test_a_face_is_cut_out_and_marked(scene, shelf, eye):
    eye.found = SeenFace(b"aligned", 7, 1)

    await studied(scene, shelf, SnapshotKind.FACE)

    seen = await check(scene)
    assert shelf.vault.read(seen.session, seen.aligned) == b"aligned"


async def test_two_faces_are_compared_where_the_learner_agrees(scene, shelf, eye):
    await agree(scene)

    await both(scene, shelf, eye)

    assert (await check(scene)).likeness == LIKENESS
    assert eye.compared == [(b"portrait", b"face")]


async def test_without_consent_nothing_is_compared(scene, shelf, eye):
    await both(scene, shelf, eye)

    assert (await check(scene)).likeness is None
    assert eye.compared == []


async def test_a_consent_that_was_taken_back_is_none(scene, shelf, eye):
    await agree(scene)
    await scene.desk.consents.withdraw(scene.sitting.session, Purpose.LIKENESS, LEARNER)

    await both(scene, shelf, eye)

    assert eye.compared == []


async def test_what_is_switched_off_is_never_computed(scene, shelf, eye):
    await agree(scene)
    off = shelf_of(scene.desk, shelf.vault, shelf.snapshots, eye)

    await both(scene, off, eye)

    assert eye.compared == []


async def test_a_busy_eye_is_waited_for(scene, shelf, eye):
    eye.seen = SeenDocument(READING, None)
    eye.busy = studies.TRIES - 1

    await studied(scene, shelf, SnapshotKind.ID_DOCUMENT)

    assert (await check(scene)).reading == READING


async def test_an_eye_that_stays_busy_reads_nothing_and_hurts_nothing(scene, shelf, eye, told):
    eye.seen = SeenDocument(READING, None)
    eye.busy = studies.TRIES

    await studied(scene, shelf, SnapshotKind.ID_DOCUMENT)

    assert (await check(scene)).reading is None
    assert told


async def test_what_was_cut_out_of_an_older_picture_is_erased(scene, shelf, eye, monkeypatch):
    older = await taken(scene, shelf, SnapshotKind.ID_DOCUMENT)
    newer = []

    async def slow(*_):
        newer.append(await taken(scene, shelf, SnapshotKind.ID_DOCUMENT, b"newer"))
        return SeenDocument(READING, b"portrait")

    monkeypatch.setattr(eye, "document", slow)

    shelf.study(older)
    await shelf.studies.settled()

    seen = await check(scene)
    assert (seen.document, seen.portrait, seen.reading) == (newer[0].id, None, None)
    assert {ident for _, ident in shelf.vault.finished(0.0)} == {older.id, newer[0].id}


async def test_a_picture_that_is_not_the_newest_costs_the_eye_nothing(scene, shelf, eye):
    older = await taken(scene, shelf, SnapshotKind.ID_DOCUMENT)
    await taken(scene, shelf, SnapshotKind.ID_DOCUMENT, b"newer")

    shelf.study(older)
    await shelf.studies.settled()

    assert eye.documents == []


@pytest.mark.parametrize("purpose", [Purpose.IDENTITY, Purpose.RECORDING])
async def test_nothing_is_studied_after_a_consent_was_taken_back(scene, shelf, eye, purpose):
    document = await taken(scene, shelf, SnapshotKind.ID_DOCUMENT)
    await scene.desk.consents.withdraw(scene.sitting.session, purpose, LEARNER)

    shelf.study(document)
    await shelf.studies.settled()

    assert eye.documents == []


async def test_a_full_disk_costs_the_portrait_and_not_the_reading(scene, shelf, eye, monkeypatch):
    eye.seen = SeenDocument(READING, b"portrait")
    document = await taken(scene, shelf, SnapshotKind.ID_DOCUMENT)

    def full(*_):
        raise EvidenceStoreFull(0)

    monkeypatch.setattr(shelf.vault, "put", full)

    shelf.study(document)
    await shelf.studies.settled()

    seen = await check(scene)
    assert (seen.reading, seen.portrait) == (READING, None)


async def test_the_pictures_of_a_session_are_studied_one_after_another(scene, shelf, eye):
    eye.seen = SeenDocument(READING, b"portrait")
    eye.found = SeenFace(b"aligned", 7, 1)
    front = await taken(scene, shelf, SnapshotKind.ID_DOCUMENT)
    face = await taken(scene, shelf, SnapshotKind.FACE)
    eye.busy = 3  # the first of them has to wait, and the others behind it

    for picture in (front, face, front):
        shelf.study(picture)
    await shelf.studies.settled()

    seen = await check(scene)
    assert (seen.reading, seen.portrait is None, seen.aligned is None) == (READING, False, False)
    assert shelf.studies._last == {}


async def test_too_many_studies_are_not_begun(scene, shelf, monkeypatch):
    monkeypatch.setattr(studies, "LIMIT", 0)

    await studied(scene, shelf, SnapshotKind.ID_DOCUMENT)

    assert shelf.studies._tasks == set()


async def test_closing_ends_what_is_under_way(scene, shelf, eye, monkeypatch):
    never = asyncio.Event()

    async def stuck(*_):
        await never.wait()

    monkeypatch.setattr(eye, "document", stuck)
    shelf.study(await taken(scene, shelf, SnapshotKind.ID_DOCUMENT))
    await asyncio.sleep(0)

    await shelf.studies.close()

    assert shelf.studies._tasks == set()


async def test_a_document_is_said_to_be_read_for_a_while_and_a_face_is_not(
    scene, shelf, eye, monkeypatch
):
    never = asyncio.Event()

    async def stuck(*_):
        await never.wait()

    monkeypatch.setattr(eye, "document", stuck)
    session = scene.sitting.session
    shelf.study(await taken(scene, shelf, SnapshotKind.FACE))
    before = shelf.reads(session)
    shelf.study(await taken(scene, shelf, SnapshotKind.ID_DOCUMENT))

    during = shelf.reads(session), shelf.reads("se_other")
    scene.clock.go(studies.READS_S)

    assert (before, during, shelf.reads(session)) == (False, (True, False), False)
    await shelf.studies.close()
    assert shelf.studies._reading == {}


async def test_what_the_desk_has_not_taken_is_erased(scene, shelf):
    session = scene.sitting.session
    listed = await taken(scene, shelf, SnapshotKind.FACE)
    refused = await shelf.keep(session, SnapshotKind.FACE, b"refused")

    await shelf.discard(listed, refused, None)

    assert {ident for _, ident in shelf.vault.finished(0.0)} == {listed.id}


async def test_a_face_again_comes_with_what_was_cut_out_of_it(scene, shelf, eye):
    eye.found = SeenFace(b"aligned", 7, 1)
    [frame] = key_frames(VIEWS["a person"], 320, 200_000, 1, 0)

    picture = await shelf.picture(scene.sitting.session, SnapshotKind.FACE_AGAIN, frame)

    assert picture.derived is not None
    assert picture.derived.kind == SnapshotKind.FACE_ALIGNED
    assert shelf.vault.read(picture.derived.session, picture.derived.id) == b"aligned"
    assert picture.print == 7


async def test_a_face_again_is_kept_when_nothing_can_be_cut_out_of_it(scene, shelf, eye):
    eye.busy = 1
    [frame] = key_frames(VIEWS["a person"], 320, 200_000, 1, 0)

    picture = await shelf.picture(scene.sitting.session, SnapshotKind.FACE_AGAIN, frame)

    assert (picture.derived, picture.print) == (None, None)
    assert shelf.vault.read(picture.evidence.session, picture.evidence.id)
