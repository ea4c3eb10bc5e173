"""Nobody sees or hears on who should have gone, and nothing comes from a learner afterwards."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from invigilation.errors import NotAllowed
from invigilation.people import Role
from invigilation.slots import Leave
from signalling import messages as m
from signalling.seat import LEFT_S, Person
from signalling.tracks import Track
from tests.harness.waiting import until
from tests.signalling.house import open_house, source


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        yield one


async def moved(house) -> Person:
    """Move the session to Bob, by somebody whom the room does not hear of."""
    desk, clock = house.scene.desk, house.scene.clock
    bob = await house.colleague("Bob Bower")
    later = (clock.now() + timedelta(hours=1)).replace(minute=0)
    async with desk.office.store.write() as tx:
        leave = Leave(house.ann.staff.id, later, later + timedelta(hours=4))
        await tx.rota.add_leave("lv_later", leave)
    await desk.bookings.move(house.scene.sitting.booking, later, by_staff=True)
    return bob


async def test_a_supervisor_without_a_page_watches_no_longer(house):
    lea = await house.to_start()
    sue = await house.colleague("Sue Supreme", Role.ADMINISTRATOR)
    await house.say(sue, m.Join)
    watching = await house.media(sue)
    house.rooms.gone(sue.sid)
    await house.tick(LEFT_S - 1)
    back_soon = source(watching), watching.closed.is_set()

    await house.tick(1)

    assert back_soon == (lea, False)
    await until(watching.closed.is_set, 5, "the hidden supervisor's peer to be closed")
    assert len(await house.entries("looked_out")) == 1


async def test_a_supervisor_does_not_watch_on_behind_the_next(house):
    await house.to_start()
    sue = await house.colleague("Sue Supreme", Role.ADMINISTRATOR)
    max_ = await house.colleague("Max Major", Role.ADMINISTRATOR)
    await house.say(sue, m.Join)
    watching = await house.media(sue)
    house.rooms.gone(sue.sid)

    await house.say(max_, m.Join)

    await until(watching.closed.is_set, 5, "the first supervisor's peer to be closed")


async def test_a_supervisor_who_reloads_goes_on_watching(house):
    lea = await house.to_start()
    sue = await house.colleague("Sue Supreme", Role.ADMINISTRATOR)
    await house.say(sue, m.Join)
    watching = await house.media(sue)
    house.rooms.gone(sue.sid)

    await house.say(Person("sue2", staff=sue.staff), m.Join)
    await house.tick(LEFT_S)

    assert (source(watching), watching.closed.is_set()) == (lea, False)


async def test_who_has_lost_the_session_is_let_go_when_the_next_comes_in_first(house):
    await house.say(house.ann, m.Join)
    ann = await house.media(house.ann)
    bob = await moved(house)

    await house.say(bob, m.Join)
    await house.media(bob)

    await until(ann.closed.is_set, 5, "the peer of the one before to be closed")
    assert house.inbox.last("ann", "released")["to"] == "Bob Bower"


async def test_who_has_lost_the_session_says_nothing_more_in_it(house):
    await house.say(house.ann, m.Join)
    await moved(house)
    house.room._stale = True  # as when the last reading failed

    with pytest.raises(NotAllowed):
        await house.say(house.ann, m.Chat, text="Wait for me", client_id="client-0001")

    assert await house.entries("chat") == []


async def test_when_the_session_is_over_nothing_is_sent_any_more(house):
    lea = await house.to_start()
    cam = house.camera()
    await house.say(cam, m.Join)
    phone = await house.media(cam)
    ann = await house.media(house.ann)

    await house.say(house.ann, m.End)

    await until(
        lambda: lea.closed.is_set() and phone.closed.is_set(), 5, "the devices to be let go"
    )
    assert (ann.sources, ann.closed.is_set()) == ({}, False)
    assert house.inbox.last("lea")["state"] == house.inbox.last("cam")["state"] == "ended"
    for sender in (house.lea, cam):
        with pytest.raises(NotAllowed):
            await house.say(sender, m.Offer, sdp="v=0")


async def test_a_recording_that_is_slow_to_end_costs_the_record_no_gap(house, monkeypatch):
    monkeypatch.setattr("signalling.room.CLOSE_S", 2.0)
    house.evidence.slow = asyncio.Event()
    peer = await house.to_start()
    peer.send(Track.CAMERA)
    await house.tick(1)

    await house.rooms.drain()

    kinds = await house.kinds()
    assert "recording_finished" not in kinds
    assert kinds.count("gap_opened") == 1
    assert kinds.count("left") == 2
