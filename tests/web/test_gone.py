"""Staff whose way in has ended elsewhere leave the live rooms; whoever may stay is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from invigilation.desk.people import STAFF_HOURS, Kind
from invigilation.people import Role, Staff
from invigilation.proof import Proof
from tests.web.office import ANA, START, TOM, World
from web.gone import Gone


@pytest.fixture
def inside() -> list[Staff]:
    """Who is connected."""
    return [ANA, TOM]


@pytest.fixture
def told() -> list[str]:
    """Who was sent away."""
    return []


@pytest.fixture
async def gone(world: World, inside: list[Staff], told: list[str]) -> Gone:
    """A look that has seen Ana and Tom signed in."""
    for person in (ANA, TOM):
        await world.desk.reception.sign_in(Kind.STAFF, person.id, Proof.CODE)
    found = Gone(world.desk, lambda: inside, told.append)
    assert await found.sweep() == 0
    return found


async def test_whoever_is_still_signed_in_stays(gone: Gone, told: list[str]) -> None:
    await gone.sweep()

    assert told == []


async def test_a_login_that_was_ended_elsewhere_sends_its_person_away_once(
    world: World, gone: Gone, told: list[str]
) -> None:
    async with world.desk.office.store.write() as tx:
        await tx.logins.end_of(Kind.STAFF, ANA.id)

    assert [await gone.sweep(), await gone.sweep()] == [1, 0]
    assert told == [ANA.id]


async def test_one_of_two_logins_that_ended_is_enough(
    world: World, gone: Gone, told: list[str]
) -> None:
    token, _ = await world.desk.reception.sign_in(Kind.STAFF, ANA.id, Proof.CODE)
    await gone.sweep()

    await world.desk.reception.sign_out(token)
    await gone.sweep()

    assert told == [ANA.id]


async def run_out(world: World) -> None:
    """Let all logins run out, and be tidied away."""
    world.clock.move_to(world.clock.now() + timedelta(hours=STAFF_HOURS, minutes=1))
    async with world.desk.office.store.write() as tx:
        await tx.logins.purge(world.clock.now())


async def test_a_login_that_ran_out_sends_its_person_away_once(
    world: World, gone: Gone, told: list[str]
) -> None:
    await run_out(world)

    assert [await gone.sweep(), await gone.sweep()] == [2, 0]
    assert sorted(told) == [ANA.id, TOM.id]


async def test_a_login_that_ran_out_in_the_middle_of_a_session_counts_after_it(
    world: World, gone: Gone, told: list[str], inside: list[Staff]
) -> None:
    sitting = await world.booked()
    own, other = (ANA, TOM) if sitting.staff == ANA.id else (TOM, ANA)
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    for person in (ANA, TOM):
        await world.desk.reception.sign_in(Kind.STAFF, person.id, Proof.CODE)
    inside[:] = [own]
    await gone.sweep()
    inside[:] = [own, other]
    told.clear()

    await run_out(world)
    during = [await gone.sweep(), await gone.sweep(), list(told)]
    await world.desk.sessions.stop(sitting.session, own, "The alarm rang.")
    after = [await gone.sweep(), await gone.sweep()]

    assert during == [1, 0, [other.id]]
    assert after == [1, 0]
    assert told == [other.id, own.id]


async def test_whoever_is_connected_without_a_login_at_the_first_look_is_sent_away(
    world: World, told: list[str]
) -> None:
    await world.staff(ANA)
    found = Gone(world.desk, lambda: [ANA, TOM], told.append)

    await found.sweep()

    assert told == [TOM.id]


async def test_other_roles_send_away_and_so_does_removal(
    world: World, gone: Gone, told: list[str], inside: list[Staff]
) -> None:
    async with world.desk.office.store.write() as tx:
        await tx.people.set_roles(ANA.id, ANA.name, frozenset({Role.SCHEDULER}))
        await tx.people.set_roles(TOM.id, TOM.name, frozenset())

    await gone.sweep()

    assert sorted(told) == [ANA.id, TOM.id]
    inside.clear()
    assert await gone.sweep() == 0
