"""Who is on the staff: taken on, given other roles, let go; what is refused, and what is noted."""

from __future__ import annotations

import asyncio

import pytest

from invigilation.desk.companies import Account, NotThem
from invigilation.desk.people import Kind, Whence
from invigilation.errors import InvalidInput, NotSignedIn
from invigilation.people import Role
from invigilation.proof import Proof
from tests import builders
from tests.builders import CONSENT, START

MAIL = "mia@example.org"
SCHEDULER = frozenset({Role.SCHEDULER})
INVIGILATOR = frozenset({Role.INVIGILATOR})
ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})


async def add(world, email=MAIL, roles=INVIGILATOR, seats=2):
    async with world.store.write() as tx:
        return await world.desk.roster.add(tx, email, "Mia Lund", roles, seats, "a hash")


async def noted(world, person):
    async with world.store.read() as tx:
        return [(one.actor, one.action) for one in await tx.audit.of(person.id)]


async def seats_of(world, person):
    async with world.store.read() as tx:
        return sum(not one.retired for one in await tx.rota.lanes(person.id))


async def test_whoever_is_added_is_listed_with_their_seats_and_noted(world):
    person = await add(world)

    async with world.store.read() as tx:
        posts = {one.person.id: one for one in await world.desk.roster.everybody(tx)}
    assert (posts[person.id].person.roles, posts[person.id].seats) == (INVIGILATOR, 2)
    assert await noted(world, person) == [("command line", "staff.added")]


async def test_nobody_is_added_twice(world):
    await add(world)

    with pytest.raises(InvalidInput, match="is on the staff"):
        await add(world, MAIL.upper())


async def test_other_roles_take_the_seats_away_and_give_them_back(world):
    person = await add(world)
    async with world.store.write() as tx:
        after = await world.desk.roster.change_roles(tx, MAIL, SCHEDULER, None)
    assert after.roles == SCHEDULER
    assert await seats_of(world, person) == 0

    async with world.store.write() as tx:
        await world.desk.roster.change_roles(tx, MAIL, INVIGILATOR | SCHEDULER, None)

    assert await seats_of(world, person) == 1
    assert (await noted(world, person))[1:] == [("command line", "staff.roles")] * 2


async def test_a_new_password_signs_out_everywhere(world):
    person = await add(world)
    token, _ = await world.desk.reception.sign_in(Kind.STAFF, person.id, Proof.CODE)

    async with world.store.write() as tx:
        await world.desk.roster.set_password(tx, MAIL, "another hash")

    assert await world.desk.reception.login(token) is None
    found = await world.desk.reception.staff_secret(MAIL)
    assert found is not None
    assert found[1] == "another hash"


async def test_whoever_is_removed_can_do_nothing_and_may_come_back(world):
    await add(world, "boss@example.org", ADMINISTRATOR, 0)
    person = await add(world)
    token, _ = await world.desk.reception.sign_in(Kind.STAFF, person.id, Proof.CODE)
    feed = await world.desk.feeds.new(person, person.id)

    async with world.store.write() as tx:
        await world.desk.roster.remove(tx, MAIL)

    assert await world.desk.reception.login(token) is None
    with pytest.raises(NotSignedIn):
        await world.desk.reception.staff(person.id)
    async with world.store.read() as tx:
        assert person.id not in {it.person.id for it in await world.desk.roster.everybody(tx)}
        assert await tx.feeds.of_staff(person.id) is None
        known = await tx.people.staff_secret(MAIL)
    assert feed
    assert known is not None
    assert known[1] == ""
    assert await seats_of(world, person) == 0
    assert (await noted(world, person))[-1] == ("command line", "staff.removed")

    again = await add(world)

    assert again.id == person.id
    assert await seats_of(world, person) == 2


async def test_whoever_has_sessions_ahead_or_now_is_not_removed(world):
    async def let_go():
        async with world.store.write() as tx:
            await world.desk.roster.remove(tx, world.ann.email)

    sitting = await builders.book(world.desk, 1)
    with pytest.raises(InvalidInput, match="sessions ahead: 1"):
        await let_go()
    world.clock.go_to(START)
    await world.desk.sessions.check_in(sitting.session, CONSENT)

    with pytest.raises(InvalidInput, match="not over yet"):
        await let_go()


async def test_the_only_administrator_stays(world):
    await add(world, "boss@example.org", ADMINISTRATOR, 0)

    async with world.store.write() as tx:
        with pytest.raises(InvalidInput, match="only administrator"):
            await world.desk.roster.remove(tx, "boss@example.org")
        with pytest.raises(InvalidInput, match="only administrator"):
            await world.desk.roster.change_roles(tx, "boss@example.org", SCHEDULER, None)


async def test_who_is_let_go_or_reset_has_no_account_of_the_company(world):
    person = await add(world)
    for letting_go in (world.desk.roster.reset_company, world.desk.roster.remove):
        assert await world.desk.company.bind(Account("https://c", "s1", MAIL), Whence()) == person
        async with world.store.write() as tx:
            await letting_go(tx, MAIL)
        assert await world.desk.company.bound() == []

    assert await world.desk.company.bind(Account("https://c", "s1", MAIL), Whence()) == "unknown"


async def test_of_two_accounts_that_come_first_at_once_one_is_theirs(world):
    person = await add(world)
    one, other = (Account("https://c", name, MAIL) for name in ("s1", "s2"))

    found = await asyncio.gather(
        *(world.desk.company.bind(it, Whence()) for it in (one, one, other))
    )

    assert sorted(map(str, set(map(type, found)))) == sorted(map(str, {NotThem, type(person)}))
    assert len(await world.desk.company.bound()) == 1


async def test_what_somebody_proves_themselves_with_is_forgotten(world):
    person = await add(world)
    async with world.store.write() as tx:
        await tx.credentials.set_codes(person.id, ["a" * 64])

    async with world.store.write() as tx:
        await world.desk.roster.reset_factors(tx, MAIL)

    async with world.store.read() as tx:
        assert await tx.credentials.codes_left(person.id) == 0
    assert (await noted(world, person))[-1] == ("command line", "staff.factors_reset")
