"""How the service did is kept minute by minute, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from invigilation.health import Sample

pytestmark = pytest.mark.store
TERABYTE = 1_000_000_000_000


async def test_minutes_come_back_as_they_were_in_order_and_old_ones_go(world):
    now = world.clock.now()
    full = Sample(now, "n1", *range(1, 18), 3 * TERABYTE, 4 * TERABYTE, 18, 19, "redis disk")
    other = Sample(now, "n2")
    before = Sample(now - timedelta(minutes=1), "n1")
    old = Sample(now - timedelta(days=9), "n1")
    async with world.store.write() as tx:
        for one in (full, other, before, old):
            await tx.health.add(one)

    async with world.store.write() as tx:
        await tx.health.purge(now - timedelta(days=8))
        kept = await tx.health.since(old.at)
        newest = await tx.health.since(now)

    assert kept[0] == before
    assert sorted(kept[1:], key=lambda one: one.node) == [full, other]
    assert sorted(newest, key=lambda one: one.node) == [full, other]
