"""A machine client's secret is replaced, and the one before is good for a while."""

from __future__ import annotations

from datetime import timedelta

import pytest

from invigilation.errors import InvalidInput, NotFound
from invigilation.store.people import Client
from tests import builders
from tests.invigilation.conftest import kept_loop

MINUTE = timedelta(minutes=1)


@kept_loop
async def client(world):
    """The name of a client whose secret's hash is `old`."""
    async with world.store.write() as tx:
        await tx.people.add_client(Client("machine", builders.ASSESSMENT.backend, "old", ()))
    return "machine"


async def secrets_of(world, client):
    async with world.store.read() as tx:
        newest = await tx.people.client(client)
        return newest.secret_hash, await tx.clients.older(client, world.clock.now())


async def rotate(world, client, secret, overlap):
    async with world.store.write() as tx:
        return await world.desk.clients.rotate(tx, client, secret, overlap)


async def test_two_secrets_are_good_until_the_older_has_run_out(world, client):
    await rotate(world, client, "new", 10 * MINUTE)

    assert await secrets_of(world, client) == ("new", ("old",))
    world.clock.go(10 * 60)
    assert await secrets_of(world, client) == ("new", ())
    async with world.store.read() as tx:
        assert [one.action for one in await tx.audit.of(client)] == ["client_secret.rotated"]


async def test_never_more_than_two_are_good_and_at_once_only_one_if_asked(world, client):
    await rotate(world, client, "new", 10 * MINUTE)
    await rotate(world, client, "newer", 10 * MINUTE)
    assert await secrets_of(world, client) == ("newer", ("new",))

    await rotate(world, client, "newest", 0 * MINUTE)

    assert await secrets_of(world, client) == ("newest", ())


async def test_a_rotation_that_cannot_be_is_refused(world, client):
    with pytest.raises(NotFound):
        await rotate(world, "nobody", "new", MINUTE)
    for overlap in (-MINUTE, timedelta(days=366)):
        with pytest.raises(InvalidInput, match="overlap"):
            await rotate(world, client, "new", overlap)
    assert await secrets_of(world, client) == ("old", ())
