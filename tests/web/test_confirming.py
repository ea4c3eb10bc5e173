"""What weighs much asks again who it is: money, prices, keys, lists and records taken away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from invigilation.proof import FRESH
from tests.web.office import ADA, World
from web.access.rows import TABLE

WEIGHTY = ("/staff/charges", "/staff/products", "/staff/attendance", "/staff/admin")
FRESH_ROWS = sorted((method, row.path) for method, row in TABLE if row.fresh)
TAKEN_AWAY = (".csv", "/download", "/report.pdf", "/bundle")
GIVEN = {
    "charge": "ch_1",
    "code": "late_change",
    "staff": "st_sam",
    "backend": "company",
    "booking": "bk_1",
    "session": "se_1",
    "form": "ob_1",
    "login": "none",
}


def test_whatever_moves_money_or_is_taken_away_asks_again() -> None:
    forgotten = [
        f"{method} {row.path}"
        for method, row in TABLE
        if row.path.startswith("/staff/")
        and not row.fresh
        and (row.path.endswith(TAKEN_AWAY) or (method == "POST" and row.path.startswith(WEIGHTY)))
    ]

    assert forgotten == []


@pytest.mark.parametrize(("method", "path"), FRESH_ROWS)
async def test_an_old_proof_leads_to_a_new_one(world: World, method: str, path: str) -> None:
    ada = await world.staff(ADA)
    token = (await ada.get("/staff/products")).csrf
    world.clock.move_to(world.clock.now() + FRESH + timedelta(minutes=1))

    answer = await ada.ask(
        method, path.format(**GIVEN), data={"csrf": token} if method == "POST" else None
    )

    assert (answer.status, answer.to.split("?")[0]) == (303, "/staff/confirm")


async def test_the_list_of_prices_opens_and_its_form_asks_first(world: World) -> None:
    ada = await world.staff(ADA)
    fresh = await ada.get("/staff/products")
    world.clock.move_to(world.clock.now() + FRESH)

    old = await ada.get("/staff/products")

    assert 'name="net"' in fresh.text
    assert 'name="net"' not in old.text
    assert "/staff/confirm?next=/staff/products" in old.text
