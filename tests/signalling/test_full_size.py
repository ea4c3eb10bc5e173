"""Pictures in full size over a thin link: asked for, told of when taken, bound to the stream."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import pytest

from invigilation.bound import Bound
from invigilation.errors import Busy, NotAllowed
from invigilation.identity import SnapshotKind
from invigilation.incident import Severity
from invigilation.ladder import Rung
from signalling import messages as m
from signalling.commands import Envelope, Said
from signalling.full_size import ANSWERED_S, COMES_S, OPEN, TOLD_AT_ONCE, Told, Wish
from tests.harness.waiting import until
from tests.signalling.house import open_house

SHA = hashlib.sha256(b"the picture").hexdigest()
SIZE = 88_000


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        await one.both_join()
        await one.media(one.lea)
        await one.tell_link(Rung.SMALL)
        yield one


def asked(house) -> list[dict]:
    return house.inbox.of("lea", "picture_wanted")


async def face(house) -> str:
    """Have a face taken over the thin link; return the id of the picture that is wanted."""
    await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)
    return asked(house)[-1]["id"]


async def tell(house, ident: str, sha256: str = SHA, ago: float = 0.5) -> dict:
    at = house.scene.clock.now() - timedelta(seconds=ago)
    return await house.say(house.lea, m.PictureTaken, id=ident, sha256=sha256, size=SIZE, at=at)


async def test_what_the_stream_shows_is_noted_when_the_picture_is_told_of(house):
    ident = await face(house)
    now = house.scene.clock.now()

    await tell(house, ident)

    told = house.rooms.told(house.session, SHA)
    bound = await told.bound()
    [(_, frame)] = house.evidence.pictures
    assert told.wish.kind is SnapshotKind.FACE
    assert (bound.sha256, bound.size) == (SHA, SIZE)
    assert (bound.told_at, bound.taken_at) == (now, now - timedelta(seconds=0.5))
    assert bound.asked_at == now
    assert (bound.live_sha256, bound.live_at) == (hashlib.sha256(frame).hexdigest(), now)
    assert bound.live_print == sum(frame)


async def test_the_wish_knows_the_small_picture_of_that_moment(house):
    ident = await face(house)
    await tell(house, ident)

    wish = house.rooms.told(house.session, SHA).wish

    check = (await house.scene.desk.sessions.view(house.session)).identity
    assert wish.of == check.face is not None
    assert wish.settled.is_set()


async def test_a_picture_that_is_here_first_waits_for_the_small_one(house):
    now = house.scene.clock.now()
    wish = Wish("pw_1", SnapshotKind.FACE, now, 60.0)
    coming = asyncio.ensure_future(Told(wish, Bound(SHA, SIZE, now, now, now)).bound())
    await asyncio.sleep(0)
    before = coming.done()

    wish.of = "ev_1"
    wish.settled.set()

    assert (before, (await coming).sha256) == (False, SHA)


async def test_two_that_are_taken_at_once_belong_to_their_own_small_ones(house, monkeypatch):
    """The room takes a face; before that one is in the record, the invigilator wants another."""
    darkroom, taken = house.room._darkroom, []

    async def later(developed, _):
        taken.append(developed)

    monkeypatch.setattr(darkroom, "_post", later)
    darkroom.take_unasked(m.Snapshot(house.session, SnapshotKind.FACE))
    await until(lambda: len(taken) == 1 and not darkroom.busy, 5, "the face of the room's own")
    again = m.Snapshot(house.session, SnapshotKind.FACE)
    darkroom.take(house.ann, again, Envelope(Said(house.ann, again), float("inf")))
    await until(lambda: len(taken) == 2, 5, "the face that is wanted")

    settled, of = [], []
    for developed in taken:
        await darkroom.develop(developed)
        wishes = house.room._thin.full._wishes.values()
        settled.append([wish.settled.is_set() for wish in wishes])
        of.append([wish.of for wish in wishes])

    one, two = (developed.picture.evidence.id for developed in taken)
    assert of == [[one, None], [one, two]]
    assert settled == [[True, False], [True, True]]


async def test_an_incident_has_one_too(house):
    incident = {"category": "environment.noise", "severity": Severity.LOW, "note": ""}

    await house.say(house.ann, m.NoteIncident, **incident, picture=True)

    [wanted] = asked(house)
    assert (wanted["session"], wanted["kind"]) == (house.session, "incident")


async def test_over_a_full_link_nobody_is_asked(house):
    await house.tell_link(Rung.FULL)

    await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)

    assert asked(house) == []


async def test_a_small_picture_over_a_link_that_is_said_to_be_full_has_a_larger_one(house):
    await house.tell_link(Rung.FULL)
    width, height = (320).to_bytes(2, "little"), (240).to_bytes(2, "little")
    house.peers.made[-1].frame = b"\x10\x00\x00\x9d\x01\x2a" + width + height

    await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)

    assert len(asked(house)) == 1


@pytest.mark.parametrize("ident", ["pw_unknown", "sideways"])
async def test_a_picture_that_nobody_waits_for_is_refused(house, ident):
    await face(house)

    with pytest.raises(NotAllowed):
        await tell(house, ident)

    assert house.rooms.told(house.session, SHA) is None


async def test_who_tells_too_late_of_a_picture_is_refused(house):
    ident = await face(house)
    house.scene.clock.go(ANSWERED_S)

    with pytest.raises(NotAllowed):
        await tell(house, ident)


async def test_nobody_may_take_another_picture_in_place_of_the_one_they_told_of(house):
    ident = await face(house)
    await tell(house, ident)

    with pytest.raises(NotAllowed):
        await tell(house, ident, sha256="ab" * 32)
    with pytest.raises(NotAllowed):
        await tell(house, await face(house))  # nor the same one again for another wish

    await tell(house, ident)  # told twice, since the answer was lost: nothing has changed
    assert house.rooms.told(house.session, SHA).wish.id == ident


async def test_a_picture_may_come_for_some_minutes_and_no_longer(house):
    await tell(house, await face(house))
    house.scene.clock.go(COMES_S - 1)
    before = house.rooms.told(house.session, SHA)

    house.scene.clock.go(1)

    assert before is not None
    assert house.rooms.told(house.session, SHA) is None


async def test_so_many_are_asked_for_at_once_and_no_more(house):
    for _ in range(OPEN + 2):
        await face(house)

    assert len(asked(house)) == OPEN


async def test_a_document_is_told_of_without_being_asked_for(house):
    await tell(house, "front")

    told = house.rooms.told(house.session, SHA)
    bound = await told.bound()
    assert told.wish is None
    assert (bound.asked_at, bound.live_print) == (None, None)
    assert bound.live_sha256 is not None


async def test_who_tells_of_too_many_is_told_to_wait(house):
    for n in range(int(TOLD_AT_ONCE)):
        await tell(house, "front", sha256=f"{n:064x}")

    with pytest.raises(Busy):
        await tell(house, "front")


async def test_without_a_live_picture_it_is_bound_by_time_alone(house):
    ident = await face(house)
    house.peers.made[-1].frame = None

    await tell(house, ident)

    bound = await house.rooms.told(house.session, SHA).bound()
    assert (bound.live_sha256, bound.live_at) == (None, None)
