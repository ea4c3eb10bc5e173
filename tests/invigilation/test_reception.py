"""Logins and tickets."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from invigilation.desk.people import Kind, digest
from invigilation.errors import NotAllowed, NotFound, NotSignedIn
from invigilation.proof import Proof
from invigilation.session import SessionState
from tests import builders

HOURS = 3_600


async def test_a_login_is_known_by_its_token_until_it_runs_out(world):
    token, made = await world.desk.reception.sign_in(Kind.STAFF, world.ann.id, Proof.CODE)
    for _ in range(15):  # however busy its person is
        world.clock.go(48 * 60)
        found = await world.desk.reception.login(token)
    world.clock.go(-1)

    assert found is None
    assert (made.kind, made.person) == ("staff", world.ann.id)
    last = await world.desk.reception.login(token)
    assert last is not None
    assert (last.token_sha256, last.ends) == (made.token_sha256, made.expires)


async def test_silence_ends_a_login_of_staff_and_says_after_how_long(world):
    token, _ = await world.desk.reception.sign_in(Kind.STAFF, world.ann.id, Proof.CODE)
    learner, _ = await world.desk.reception.sign_in(Kind.LEARNER, "rq_1")
    world.clock.go(HOURS - 1)
    assert await world.desk.reception.login(token, acts=False) is not None

    world.clock.go(1)

    assert await world.desk.reception.login(token) is None
    assert await world.desk.reception.silent(token) == timedelta(hours=1)
    assert await world.desk.reception.silent(learner) is None
    assert await world.desk.reception.login(learner) is not None


async def test_the_database_holds_no_token(world):
    token, made = await world.desk.reception.sign_in(Kind.LEARNER, "rq_1")
    ticket = await world.desk.reception.ticket(Kind.LEARNER, "rq_1", "se_1")

    rows = repr(await world.rows("SELECT * FROM login")) + repr(
        await world.rows("SELECT * FROM ticket")
    )

    assert token not in rows
    assert ticket not in rows
    assert made.token_sha256 == digest(token)


async def test_signing_out_ends_that_login_alone(world):
    token, _ = await world.desk.reception.sign_in(Kind.STAFF, world.ann.id, Proof.CODE)
    other, _ = await world.desk.reception.sign_in(Kind.STAFF, world.ann.id, Proof.CODE)

    await world.desk.reception.sign_out(token)

    assert await world.desk.reception.login(token) is None
    assert await world.desk.reception.login(other) is not None
    assert await world.desk.reception.login("") is None


async def test_a_ticket_is_taken_in_once(world):
    token = await world.desk.reception.ticket(Kind.LEARNER, "rq_1", "se_1")

    ticket = await world.desk.reception.use_ticket(token)

    assert (ticket.kind, ticket.person, ticket.session) == ("learner", "rq_1", "se_1")
    with pytest.raises(NotSignedIn):
        await world.desk.reception.use_ticket(token)


async def test_a_ticket_used_many_times_at_once_opens_once(world):
    token = await world.desk.reception.ticket(Kind.STAFF, world.ann.id, None)

    results = await asyncio.gather(
        *(world.desk.reception.use_ticket(token) for _ in range(8)), return_exceptions=True
    )

    assert sum(isinstance(result, NotSignedIn) for result in results) == 7


@pytest.mark.parametrize(("seconds", "good"), [(29, True), (30, False)])
async def test_a_ticket_is_good_for_less_than_thirty_seconds(world, seconds, good):
    token = await world.desk.reception.ticket(Kind.STAFF, world.ann.id, None)
    world.clock.go(seconds)

    try:
        await world.desk.reception.use_ticket(token)
    except NotSignedIn:
        assert not good
    else:
        assert good


async def test_an_unknown_ticket_or_person_is_not_signed_in(world):
    with pytest.raises(NotSignedIn):
        await world.desk.reception.use_ticket("none")
    with pytest.raises(NotSignedIn):
        await world.desk.reception.staff("st_none")


async def test_staff_are_found_by_their_address_in_any_case(world):
    found = await world.desk.reception.staff_secret(" ANN@example.com ")

    assert found == (world.ann, "no password")
    assert await world.desk.reception.staff_secret("nobody@example.com") is None
    assert await world.desk.reception.everybody() == [world.ann, world.sam]


# --- the second camera ---


async def test_a_link_makes_one_device_the_second_camera(world):
    one = await world.checked_in()
    link = await world.desk.reception.second_camera_link(one.session)
    world.clock.go(15 * 60 - 1)

    token, login = await world.desk.reception.open_second_camera(link)

    assert (login.kind, login.person) == (Kind.SECOND, one.session)
    assert await world.desk.reception.login(token) == login
    assert (await world.kinds(one.session))[-1] == "second_camera_added"
    with pytest.raises(NotSignedIn):
        await world.desk.reception.open_second_camera(link)
    assert link not in repr(await world.everything())


async def test_a_link_is_good_for_less_than_fifteen_minutes_and_till_the_next_one(world):
    one = await world.checked_in()
    reception = world.desk.reception
    first = await reception.second_camera_link(one.session)
    second = await reception.second_camera_link(one.session)

    with pytest.raises(NotSignedIn):
        await reception.open_second_camera(first)
    world.clock.go(15 * 60)
    with pytest.raises(NotSignedIn):
        await reception.open_second_camera(second)
    assert await world.count("login") == 0


async def test_a_link_opened_many_times_at_once_opens_once(world):
    one = await world.checked_in()
    link = await world.desk.reception.second_camera_link(one.session)

    results = await asyncio.gather(
        *(world.desk.reception.open_second_camera(link) for _ in range(6)), return_exceptions=True
    )

    assert sum(isinstance(result, NotSignedIn) for result in results) == 5


async def test_a_newer_second_camera_ends_the_one_before(world):
    one = await world.checked_in()
    reception = world.desk.reception
    old, _ = await reception.open_second_camera(await reception.second_camera_link(one.session))
    kept, _ = await reception.sign_in(Kind.LEARNER, one.request)

    new, _ = await reception.open_second_camera(await reception.second_camera_link(one.session))

    assert await reception.login(old) is None
    assert await reception.login(new) is not None
    assert await reception.login(kept) is not None


async def test_the_second_camera_goes_with_the_session(world):
    one = await world.admitted()
    reception = world.desk.reception
    token, _ = await reception.open_second_camera(await reception.second_camera_link(one.session))
    ticket = await reception.ticket(Kind.SECOND, one.session, one.session)
    link = await reception.second_camera_link(one.session)

    await world.desk.sessions.end(one.session, world.ann)

    assert await reception.login(token) is None
    with pytest.raises(NotSignedIn):
        await reception.use_ticket(ticket)
    with pytest.raises(NotSignedIn):
        await reception.open_second_camera(link)


@pytest.mark.parametrize("state", [SessionState.ENDED, SessionState.CLOSED])
async def test_a_session_that_is_over_gets_no_second_camera(world, state):
    one = await world.brought_to(state)

    with pytest.raises(NotAllowed):
        await world.desk.reception.second_camera_link(one.session)
    with pytest.raises(NotFound):
        await world.desk.reception.second_camera_link("se_none")


async def test_a_cancelled_booking_ends_its_second_camera(world):
    one = await builders.book(world.desk)
    link = await world.desk.reception.second_camera_link(one.session)
    token, _ = await world.desk.reception.open_second_camera(link)

    await world.desk.bookings.cancel(one.booking, "ill", by_staff=True)

    assert await world.desk.reception.login(token) is None


async def test_a_second_cameras_ticket_leads_to_its_session(world):
    one = await world.checked_in()
    token = await world.desk.reception.ticket(Kind.SECOND, one.session, one.session)

    ticket = await world.desk.reception.use_ticket(token)

    assert (ticket.kind, ticket.person, ticket.session) == ("second", one.session, one.session)


async def test_a_link_is_no_ticket_and_a_ticket_no_link(world):
    one = await world.checked_in()
    reception = world.desk.reception
    link = await reception.second_camera_link(one.session)
    ticket = await reception.ticket(Kind.LEARNER, one.request, one.session)

    with pytest.raises(NotSignedIn):
        await reception.use_ticket(link)
    with pytest.raises(NotSignedIn):
        await reception.open_second_camera(ticket)

    assert (await reception.use_ticket(ticket)).session == one.session
    assert await reception.open_second_camera(link)


async def test_who_signs_out_leaves_no_ticket_to_come_back_with(world):
    desk = world.desk.reception
    token, _ = await desk.sign_in(Kind.LEARNER, "rq_1")
    other = await desk.ticket(Kind.LEARNER, "rq_2", "se_2")
    used = await desk.use_ticket(await desk.ticket(Kind.LEARNER, "rq_1", "se_1"))
    again = await desk.return_ticket(used)

    await desk.sign_out(token)

    with pytest.raises(NotSignedIn):
        await desk.use_ticket(again)
    assert (await desk.use_ticket(other)).person == "rq_2"
