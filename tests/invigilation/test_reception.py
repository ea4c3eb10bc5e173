"""Logins and tickets."""

from __future__ import annotations

import asyncio

import pytest

from invigilation.desk.people import Kind, digest
from invigilation.errors import NotSignedIn

HOURS = 3_600


async def test_a_login_is_known_by_its_token_until_it_runs_out(world):
    token, made = await world.desk.reception.sign_in(Kind.STAFF, world.ann.id)
    world.clock.go(12 * HOURS - 1)

    assert await world.desk.reception.login(token) == made
    world.clock.go(1)
    assert await world.desk.reception.login(token) is None
    assert (made.kind, made.person) == ("staff", world.ann.id)


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
    token, _ = await world.desk.reception.sign_in(Kind.STAFF, world.ann.id)
    other, _ = await world.desk.reception.sign_in(Kind.STAFF, world.ann.id)

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
