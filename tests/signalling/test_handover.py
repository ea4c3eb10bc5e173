"""A session goes from one invigilator to another, and the learner is never left alone."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from invigilation.errors import NotAllowed
from invigilation.people import Role
from invigilation.presence import Source
from invigilation.slots import Leave
from signalling import messages as m
from signalling.commands import Look
from signalling.messages import Party
from signalling.room import IDLE_S, UNATTENDED_S
from signalling.seat import Person
from signalling.stage import RELEASE_S
from signalling.tracks import Track
from tests.harness.waiting import until
from tests.signalling.house import open_house, source


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        yield one


@pytest.fixture
async def running(house):
    """An assessment under Ann's eye, both with media, offered to Bob."""
    house.lea_peer = await house.to_start()
    house.ann_peer = await house.media(house.ann)
    house.bob = await house.colleague("Bob Baker")
    await house.say(house.ann, m.HandOver, to=house.bob.staff.id)
    return house


def receivers(house) -> set:
    """All open peers that are sent the learner's picture."""
    return {
        peer for peer in house.peers.made if not peer.closed.is_set() and source(peer) is not None
    }


# Offered and taken


async def test_an_offer_is_shown_to_staff_alone_and_can_be_declined(running):
    offered = running.inbox.last("ann")["handover"]

    await running.say(running.bob, m.WithdrawHandover)

    assert offered["to"] == {"id": "st_bob", "name": "Bob Baker"}
    assert running.inbox.last("ann")["handover"] is None
    assert "Bob" not in json.dumps(running.inbox.of("lea"))


async def test_nobody_else_takes_what_was_offered_to_one(running):
    cat = await running.colleague("Cat Cook")

    with pytest.raises(NotAllowed):
        await running.say(cat, m.TakeOver)
    with pytest.raises(NotAllowed):
        await running.say(cat, m.WithdrawHandover)


async def test_from_the_moment_of_taking_over_only_the_colleague_may_act(running):
    await running.say(running.bob, m.TakeOver)

    for act in (m.Pause, m.Stop):
        with pytest.raises(NotAllowed):
            await running.say(running.ann, act, reason="Fire drill")
    with pytest.raises(NotAllowed):
        await running.say(running.ann, m.Offer, sdp="v=0")
    with pytest.raises(NotAllowed):
        await running.say(running.ann, m.Join)
    state = (await running.say(running.bob, m.Join))["state"]
    await running.say(running.bob, m.Pause, reason="Fire drill")

    assert state["role"] == "invigilator"
    assert state["invigilator"]["name"] == "Bob Baker"
    assert running.inbox.last("lea")["state"] == "paused"


async def test_there_is_no_moment_without_somebody_who_sees_and_is_heard(running):
    lea, ann = running.lea_peer, running.ann_peer
    seen: list[set] = []
    heard: list[object] = []
    for peer in (lea, ann):
        peer.told = lambda: (seen.append(receivers(running)), heard.append(source(lea)))
    (recording,) = running.evidence.of(Source.CAMERA)
    taps = list(lea.sinks)

    await running.say(running.bob, m.TakeOver)
    await running.say(running.bob, m.Join)
    before = source(ann), source(lea), ann.closed.is_set(), running.inbox.of("ann", "released")
    bob = await running.media(running.bob)
    await until(ann.closed.is_set, 5, "the one before to be let go")

    assert before == (lea, ann, False, [])
    assert all(len(those) >= 1 for those in seen)
    assert None not in heard
    assert (source(bob), source(lea)) == (lea, bob)
    assert running.inbox.of("ann", "released") == [{"session": running.session, "to": "Bob Baker"}]
    assert lea.sinks == taps
    assert running.evidence.of(Source.CAMERA) == [recording]
    assert recording.finished == 0


async def test_the_invigilators_recording_goes_on_with_the_colleague(running):
    (recording,) = running.evidence.of(Source.INVIGILATOR)
    await running.say(running.bob, m.TakeOver)
    await running.say(running.bob, m.Join)
    between = [sink for sink, _, _ in running.ann_peer.sinks]

    bob = await running.media(running.bob)

    assert between == [recording]
    assert [sink for sink, _, _ in bob.sinks] == [recording]
    assert running.evidence.of(Source.INVIGILATOR) == [recording]


async def test_a_colleague_who_brings_no_media_is_waited_for_only_so_long(running):
    await running.say(running.bob, m.TakeOver)
    await running.say(running.bob, m.Join)
    await running.tick(RELEASE_S - 1)
    still = source(running.lea_peer), running.inbox.of("ann", "released")

    await running.tick(1)

    assert still == (running.ann_peer, [])
    assert running.inbox.of("ann", "released") != []
    assert source(running.lea_peer) is None
    await until(running.ann_peer.closed.is_set, 5, "the peer to be closed")


async def test_the_record_says_who_took_over_and_when_the_one_before_left(running):
    await running.say(running.bob, m.TakeOver)
    await running.say(running.bob, m.Join)
    before = [entry.actor for entry in await running.entries("left")]

    await running.media(running.bob)

    ann, bob = (f"invigilator:{one.staff.id}" for one in (running.ann, running.bob))
    assert before == []
    assert [entry.actor for entry in await running.entries("left")] == [ann]
    assert [entry.actor for entry in await running.entries("handed_over")] == [bob]
    assert [entry.actor for entry in await running.entries("joined")][-1] == bob


async def test_all_lobbies_are_told(running):
    running.lobbies.clear()

    await running.say(running.bob, m.TakeOver)

    assert None in running.lobbies


async def test_an_invigilator_without_media_is_released_at_once(house):
    await house.both_join()
    bob = await house.colleague("Bob Baker")
    await house.say(house.ann, m.HandOver, to=bob.staff.id)

    await house.say(bob, m.TakeOver)

    assert house.inbox.of("ann", "released") == [{"session": house.session, "to": "Bob Baker"}]
    assert [entry.actor for entry in await house.entries("left")] == ["invigilator:st_ann"]


async def test_a_session_may_come_back_before_the_first_has_gone(running):
    await running.say(running.bob, m.TakeOver)
    await running.say(running.bob, m.Join)
    await running.say(running.bob, m.HandOver, to=running.ann.staff.id)
    await running.say(running.ann, m.TakeOver)

    state = (await running.say(running.ann, m.Join))["state"]
    again = await running.media(running.ann)
    await until(running.ann_peer.closed.is_set, 5, "the older peer to be closed")

    assert state["role"] == "invigilator"
    assert source(running.lea_peer) is again
    assert running.inbox.of("ann", "released") == []
    assert running.inbox.of("bob", "released") == [{"session": running.session, "to": "Ann Archer"}]
    left = [entry.actor for entry in await running.entries("left")]
    assert left == ["invigilator:st_bob"]


async def test_a_supervisor_who_takes_over_moves_to_the_other_seat(house):
    await house.to_start()
    sue = await house.colleague("Sue Supreme", Role.ADMINISTRATOR, Role.INVIGILATOR)
    await house.say(sue, m.Join)
    watching = await house.media(sue)
    await house.say(house.ann, m.HandOver, to=sue.staff.id)
    await house.say(sue, m.TakeOver)

    state = (await house.say(sue, m.Join))["state"]

    assert state["role"] == "invigilator"
    assert state["supervisor"] is None
    await until(watching.closed.is_set, 5, "the supervisor's peer to be closed")


async def test_a_session_that_a_scheduler_moved_goes_over_in_the_same_way(house):
    desk, clock = house.scene.desk, house.scene.clock
    bob = await house.colleague("Bob Bower")
    await house.say(house.ann, m.Join)
    ann = await house.media(house.ann)
    later = (clock.now() + timedelta(hours=1)).replace(minute=0)
    async with desk.office.store.write() as tx:
        leave = Leave(house.ann.staff.id, later, later + timedelta(hours=4))
        await tx.rota.add_leave("lv_later", leave)
    await desk.bookings.move(house.scene.sitting.booking, later, by_staff=True)
    house.room.look()
    await house.room.do(Look())

    with pytest.raises(NotAllowed):
        await house.say(house.ann, m.Media, camera=True, microphone=True, screen=False)
    during = ann.closed.is_set()
    await house.tick(RELEASE_S)

    assert not during
    assert house.inbox.last("ann", "released")["to"] == "Bob Bower"
    assert (await house.say(bob, m.Join))["state"]["role"] == "invigilator"


# Left alone


async def test_who_has_been_gone_for_a_minute_is_replaced_without_an_offer(house):
    lea = await house.to_start()
    ann = await house.media(house.ann)
    bob = await house.colleague("Bob Baker")
    house.rooms.gone("ann")
    await house.tick(UNATTENDED_S - 1)
    with pytest.raises(NotAllowed):
        await house.say(bob, m.TakeOver)
    before = house.rooms.glimpse(house.session).unattended
    await house.tick(1)
    after = house.rooms.glimpse(house.session).unattended

    await house.say(bob, m.TakeOver)
    await house.say(bob, m.Join)
    peer = await house.media(bob)

    assert (before, after) == (False, True)
    assert source(lea) is peer
    await until(ann.closed.is_set, 5, "the lost invigilator's peer to be closed")


async def test_who_is_only_late_for_the_seat_is_told_to_all_lobbies_when_it_is_left_alone(house):
    await house.both_join()
    house.rooms.gone("ann")
    await house.tick(1)
    house.lobbies.clear()

    await house.tick(UNATTENDED_S)

    assert house.lobbies == [None]


async def test_a_room_that_is_not_open_is_left_alone_once_people_had_time_to_come_back(house):
    await house.to_start()
    bob = await house.colleague("Bob Baker")
    for sid in ("lea", "ann"):
        house.rooms.gone(sid)
    await house.tick(IDLE_S + 1)
    await until(lambda: len(house.rooms) == 0, 5, "the room to close")
    restarted = house.came_back()
    fresh = restarted.glimpse(house.session).unattended
    with pytest.raises(NotAllowed):
        await restarted.say(bob, m.TakeOver(house.session))
    await until(lambda: len(restarted) == 0, 5, "the room to close again")

    await house.rooms.say(bob, m.TakeOver(house.session))

    assert not fresh
    assert house.rooms.glimpse(house.session).unattended
    sitting = (await house.scene.desk.sessions.view(house.session)).sitting
    assert sitting.staff == bob.staff.id


async def test_the_seat_of_who_took_over_is_not_at_once_left_alone(running):
    cat = await running.colleague("Cat Cook")
    await running.say(running.bob, m.TakeOver)
    await running.tick(1)

    with pytest.raises(NotAllowed):
        await running.say(cat, m.TakeOver)

    assert running.room._stage[Party.INVIGILATOR].person is None


async def test_a_lost_invigilator_comes_back_to_nothing_once_it_was_taken_over(house):
    await house.to_start()
    bob = await house.colleague("Bob Baker")
    house.rooms.gone("ann")
    await house.tick(UNATTENDED_S)
    await house.say(bob, m.TakeOver)

    with pytest.raises(NotAllowed):
        await house.say(Person("ann2", staff=house.ann.staff), m.Join)

    assert house.inbox.of("ann", "released") == []


async def test_what_is_sent_is_not_interrupted_for_a_supervisor(running):
    sue = await running.colleague("Sue Supreme", Role.ADMINISTRATOR)
    await running.say(sue, m.Join)
    watching = await running.media(sue)
    sources = []
    watching.told = lambda: sources.append(watching.sources.get(Track.CAMERA))

    await running.say(running.bob, m.TakeOver)
    await running.say(running.bob, m.Join)
    await running.media(running.bob)

    assert {*sources} == {(running.lea_peer, Track.CAMERA)}
