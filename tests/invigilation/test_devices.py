"""A session belongs to one device of its learner; another takes over, and the record says so."""

from __future__ import annotations

import asyncio

import pytest

from invigilation.desk.people import Kind
from invigilation.errors import NotAllowed, NotSignedIn
from tests import builders

PHONE, LAPTOP = "a" * 64, "b" * 64


async def test_the_first_device_is_the_sessions_and_another_is_not(world):
    sitting = await world.checked_in()
    devices = world.desk.devices

    assert await devices.bind(sitting.session, PHONE)
    assert await devices.bind(sitting.session, PHONE)
    assert not await devices.bind(sitting.session, LAPTOP)
    known = await devices.of(sitting.session)
    assert (known.device, known.changes) == (PHONE, 0)


async def test_of_two_devices_that_come_at_once_one_has_it(world):
    sitting = await world.checked_in()

    came = await asyncio.gather(
        *(world.desk.devices.bind(sitting.session, one) for one in (PHONE, LAPTOP))
    )

    assert sorted(came) == [False, True]


async def test_a_takeover_is_in_the_record_and_the_device_before_cannot_come_back(world):
    sitting = await world.checked_in()
    reception, devices = world.desk.reception, world.desk.devices
    await devices.bind(sitting.session, PHONE)
    used = await reception.use_ticket(
        await reception.ticket(Kind.LEARNER, sitting.request, sitting.session, PHONE)
    )
    back = await reception.return_ticket(used)

    changed = await devices.take_over(sitting.session, LAPTOP)
    again = await devices.take_over(sitting.session, LAPTOP)

    assert changed is not None
    assert changed.session == sitting.session
    assert again is None
    with pytest.raises(NotSignedIn):
        await reception.use_ticket(back)
    entry = (await world.entries(sitting.session))[-1]
    assert (entry.kind, entry.actor) == ("device_changed", "learner")
    known = await devices.of(sitting.session)
    assert (known.device, known.changes) == (LAPTOP, 1)


async def test_a_session_that_does_not_go_on_is_nobodys(world):
    ahead = await builders.book(world.desk, 1)
    assert await world.desk.devices.bind(ahead.session, PHONE)
    assert await world.desk.devices.of(ahead.session) is None
    with pytest.raises(NotAllowed):
        await world.desk.devices.take_over(ahead.session, PHONE)


async def test_with_the_session_its_device_is_forgotten(world):
    sitting = await world.admitted()
    await world.desk.devices.bind(sitting.session, PHONE)

    await world.desk.sessions.end(sitting.session, world.ann)

    assert await world.desk.devices.of(sitting.session) is None
    assert await world.desk.devices.bind(sitting.session, LAPTOP)
