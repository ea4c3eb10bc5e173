"""Products are rows, charges keep the price of their day, and the ledger has every move."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation.charge import ChargeState, Price
from invigilation.desk import Desk
from invigilation.desk.charges import pay_code
from invigilation.desk.products import product_of
from invigilation.errors import IllegalTransition, InvalidInput, NotAllowed, NotFound
from tests import builders
from tests.invigilation.tills import PlainTill

DAY = timedelta(days=1)


@given(st.lists(st.tuples(st.integers(1, 1_000_000), st.integers(0, 10_000)), max_size=5))
@settings(max_examples=200)
def test_vat_is_rounded_line_by_line_as_decimal_arithmetic_does(lines):
    prices = [Price(net, rate) for net, rate in lines]

    exact = [
        (Decimal(net) * rate / 10_000).quantize(Decimal(1), ROUND_HALF_UP) for net, rate in lines
    ]
    assert [one.vat_pence for one in prices] == exact
    assert sum(one.gross_pence for one in prices) == sum(net for net, _ in lines) + sum(exact)


async def test_the_first_products_are_there_and_stay_as_they_were_changed(world):
    products = world.desk.products

    first = await products.all(world.sam)
    await products.change(world.sam, "no_show", "Missed session", Price(6_000, 2_000), active=True)

    assert {one.code: (one.price.net_pence, one.price.gross_pence) for one in first} == {
        "no_show": (4_500, 5_400),
        "expedited": (4_995, 5_994),
    }
    again = {one.code: one.net_pence for one in await products.all(world.sam)}
    assert again == {"no_show": 6_000, "expedited": 4_995}


async def test_several_who_look_for_the_first_time_find_each_product_once(world):
    found = await asyncio.gather(*(world.desk.products.all(world.sam) for _ in range(4)))

    assert [len(one) for one in found] == [2, 2, 2, 2]


async def test_a_new_price_leaves_charges_as_they_are(world):
    request = await builders.ask(world.desk)
    old = await world.desk.charges.add(world.sam, request, "expedited", "by phone")
    price = Price(5_500, 500)
    await world.desk.products.change(world.sam, "expedited", "Faster", price, active=True)

    new = await world.desk.charges.add(world.sam, request, "expedited", "by phone")

    kept = await world.desk.charges.account(world.sam, old.id)
    assert (kept.owed.charge.title, kept.owed.charge.price) == (
        "Expedited service",
        Price(4_995, 2_000),
    )
    assert (new.title, new.price) == ("Faster", price)


async def test_what_is_retired_is_charged_no_more_until_it_is_brought_back(world):
    request = await builders.ask(world.desk)
    price = Price(1_000, 2_000)
    one = await world.desk.products.add(world.sam, "late_change", "Late change", price)

    await world.desk.products.change(world.sam, one.code, one.title, price, active=False)
    with pytest.raises(InvalidInput, match="Choose"):
        await world.desk.charges.add(world.sam, request, one.code, "by phone")

    await world.desk.products.change(world.sam, one.code, one.title, price, active=True)
    made = await world.desk.charges.add(world.sam, request, one.code, "by phone")
    assert made.state is ChargeState.DUE
    actions = await world.rows(
        "SELECT action FROM audit WHERE subject = :one ORDER BY at, action", one=one.id
    )
    assert sorted(row[0] for row in actions) == [
        "product.added",
        "product.retired",
        "product.revived",
    ]


async def test_the_missed_session_can_be_retired(world):
    price = Price(4_500, 2_000)
    await world.desk.products.change(world.sam, "no_show", "Missed session", price, active=False)

    async with world.store.write() as tx:
        found = await product_of(world.desk.office, tx, "no_show")

    assert found is None


@pytest.mark.parametrize(
    ("code", "title", "net", "vat", "field"),
    [
        ("Late", "x", 1, 0, "code"),
        ("l", "x", 1, 0, "code"),
        ("late; drop", "x", 1, 0, "code"),
        ("expedited", "x", 1, 0, "code"),
        ("late", " ", 1, 0, "title"),
        ("late", "x" * 201, 1, 0, "title"),
        ("late", "x", 0, 0, "net"),
        ("late", "x", 1_000_001, 0, "net"),
        ("late", "x", 1, 10_001, "vat"),
        ("late", "x", 1, -1, "vat"),
    ],
)
async def test_what_cannot_be_a_product_is_refused(world, code, title, net, vat, field):
    with pytest.raises(InvalidInput) as refused:
        await world.desk.products.add(world.sam, code, title, Price(net, vat))

    assert refused.value.field == field
    assert len(await world.desk.products.all(world.sam)) == 2


async def test_only_schedulers_keep_products_and_charges(world):
    request = await builders.ask(world.desk)
    desk = world.desk

    for refused in (
        desk.products.all(world.ann),
        desk.products.add(world.ann, "late", "x", Price(1, 0)),
        desk.products.change(world.ann, "expedited", "x", Price(1, 0), active=True),
        desk.charges.add(world.ann, request, "expedited", "x"),
        desk.charges.search(world.ann, set(ChargeState)),
        desk.charges.ledger(world.ann, world.clock.now() - DAY, world.clock.now()),
    ):
        with pytest.raises(NotAllowed):
            await refused


async def test_a_charge_needs_a_known_request_and_a_note(world):
    request = await builders.ask(world.desk)

    with pytest.raises(NotFound):
        await world.desk.charges.add(world.sam, "rq_none", "expedited", "by phone")
    with pytest.raises(InvalidInput) as refused:
        await world.desk.charges.add(world.sam, request, "expedited", "  ")

    assert refused.value.field == "note"
    assert await world.desk.charges.open(world.sam) == []


async def test_charges_are_found_by_state_name_and_payment_reference(world):
    first, second = await builders.ask(world.desk, 1), await builders.ask(world.desk, 2)
    one = await world.desk.charges.add(world.sam, first, "expedited", "by phone")
    other = await world.desk.charges.add(world.sam, second, "expedited", "by phone")
    await world.desk.charges.waive(other.id, world.sam, "a good reason")

    async def found(states, words=""):
        return [o.charge.id for o in await world.desk.charges.search(world.sam, states, words)]

    every = set(ChargeState)
    assert await found({ChargeState.DUE}) == [one.id]
    assert await found({ChargeState.WAIVED}) == [other.id]
    assert await found(every, "LEARNER 2") == [other.id]
    assert await found(every, pay_code(first)) == [one.id]
    assert await found(every, pay_code(first).lower()) == [one.id]
    assert await found(every, "100%") == []


async def test_the_ledger_has_every_move_once_and_in_order(world):
    till = PlainTill()
    desk = Desk.of(world.desk.office, till)
    request = await builders.ask(desk)
    begin = world.clock.now()
    charge = await desk.charges.add(world.sam, request, "expedited", "by phone")
    world.clock.go(60)
    payment = await desk.payments.begin(request)
    world.clock.go(60)
    await desk.payments.take(till.pay(payment.reference))

    moves = await desk.charges.ledger(world.sam, begin, begin + DAY)

    assert [(one.before, one.after, one.provider, one.reference) for one in moves] == [
        (None, "due", "", ""),
        ("due", "submitted", "", ""),
        ("submitted", "settled", "stripe", payment.reference),
    ]
    assert {(one.charge.id, one.learner_reference) for one in moves} == {(charge.id, "learner-1")}
    assert [one.at - begin for one in moves] == [timedelta(seconds=60 * n) for n in range(3)]
    assert await desk.charges.ledger(world.sam, begin - DAY, begin) == []


async def test_the_ledger_is_for_a_year_at_most(world):
    now = world.clock.now()

    for first, last in ((now, now), (now, now - DAY), (now - 400 * DAY, now)):
        with pytest.raises(InvalidInput):
            await world.desk.charges.ledger(world.sam, first, last)


async def test_a_charge_is_settled_once(world):
    request = await builders.ask(world.desk)
    charge = await world.desk.charges.add(world.sam, request, "expedited", "by phone")
    await world.desk.charges.pay(charge.id, world.sam, "bank 5")

    for verb in (world.desk.charges.pay, world.desk.charges.waive):
        with pytest.raises(IllegalTransition):
            await verb(charge.id, world.sam, "again")

    account = await world.desk.charges.account(world.sam, charge.id)
    assert {one.action for one in account.history} == {"charge.made", "charge.settled"}
    [letter] = await world.bodies("payment_received")
    assert "start" not in letter
