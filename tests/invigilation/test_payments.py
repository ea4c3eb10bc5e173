"""Paying: in time, late, twice, out of order, not at all; by card and by hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

from invigilation.booking import BookingState
from invigilation.charge import ChargeState, PaymentEvent, PaymentState
from invigilation.desk import Desk
from invigilation.desk.payments import Result
from invigilation.errors import Busy, NotFound, PaymentDue
from invigilation.ports import Fate
from invigilation.request import RequestState
from tests import builders
from tests.builders import START
from tests.invigilation.conftest import kept_loop
from tests.invigilation.offices import World
from tests.invigilation.tills import PlainTill

HOUR = timedelta(hours=1)


@dataclass
class Shop:
    """A learner with a charge who has chosen a time, and the provider."""

    world: World
    desk: Desk
    till: PlainTill
    request: str
    charge: str

    async def reserve(self, start=START):
        return await self.desk.bookings.reserve(self.request, start, "Asia/Manila")

    async def state(self, charge=None):
        account = await self.desk.charges.account(self.world.sam, charge or self.charge)
        return account.owed.charge.state

    async def payment(self):
        return await self.desk.payments.newest(self.request)

    async def lapse(self):
        self.world.clock.go(31 * 60)
        await self.desk.bookings.lapse()

    async def audit(self):
        return [row[0] for row in await self.world.rows("SELECT action FROM audit ORDER BY at, id")]

    async def add(self, product="expedited"):
        return await self.desk.charges.add(self.world.sam, self.request, product, "asked by phone")


@kept_loop
async def shop(world):
    till = PlainTill()
    desk = Desk.of(world.desk.office, till)
    request = await builders.ask(desk)
    charge = await desk.charges.add(world.sam, request, "no_show", "did not come in May")
    return Shop(world, desk, till, request, charge.id)


async def test_what_is_charged_by_hand_stands_before_the_booking(shop):
    with pytest.raises(PaymentDue):
        await shop.desk.bookings.book(shop.request, START, "UTC")


async def test_a_payment_in_time_books_the_time_that_is_held(shop):
    held = await shop.reserve()

    payment = await shop.desk.payments.begin(shop.request)
    submitted = await shop.state()
    heard = await shop.desk.payments.take(shop.till.pay(payment.reference))

    assert submitted is ChargeState.SUBMITTED
    assert heard.result is Result.BOOKED
    [sitting] = heard.booked
    assert (sitting.booking, sitting.start) == (held.id, START)
    assert await shop.state() is ChargeState.SETTLED
    assert (await shop.payment()).state is PaymentState.PAID
    assert await shop.world.request_state(shop.request) is RequestState.BOOKED
    [letter] = await shop.world.bodies("payment_received")
    assert (letter["gross_pence"], letter["vat_pence"], letter["currency"]) == (5_400, 900, "GBP")
    assert letter["start"].startswith("2026-11-23T10:00")
    assert len(await shop.world.bodies("booked")) == 1


async def test_the_bill_states_each_line_and_its_vat(shop):
    shop.world.clock.go(1)
    await shop.add()

    payment = await shop.desk.payments.begin(shop.request)

    bill = shop.till.bills[payment.reference]
    lines = [(line.title, line.net_pence, line.vat_pence) for line in bill.lines]
    assert lines == [("Missed session", 4_500, 900), ("Expedited service", 4_995, 999)]
    assert payment.gross_pence == bill.gross_pence == 11_394
    assert bill.expires - shop.world.clock.now() >= timedelta(minutes=30)


async def test_money_that_comes_after_the_time_was_given_back_counts_all_the_same(shop):
    await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    word = shop.till.pay(payment.reference)
    await shop.lapse()

    heard = await shop.desk.payments.take(word)

    assert (heard.result, heard.booked) == (Result.LATE, [])
    assert await shop.state() is ChargeState.SETTLED
    [letter] = await shop.world.bodies("payment_late")
    assert letter["start"].startswith("2026-11-23T10:00")
    assert await shop.world.bodies("payment_received") == []
    again = await shop.desk.bookings.book(shop.request, START + HOUR, "UTC")
    assert again.booking_state is BookingState.BOOKED


async def test_money_that_comes_while_nobody_has_given_the_time_back_still_books_it(shop):
    await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    shop.world.clock.go(31 * 60)

    heard = await shop.desk.payments.take(shop.till.pay(payment.reference))

    assert heard.result is Result.BOOKED


async def test_money_for_a_request_that_was_fulfilled_on_board_meanwhile_is_settled(shop):
    held = await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    async with shop.world.store.write() as tx:  # in the very instant in which the time was held
        await tx.requests.set_state(shop.request, RequestState.FULFILLED)

    heard = await shop.desk.payments.take(shop.till.pay(payment.reference))

    assert (heard.result, heard.booked) == (Result.SETTLED, [])
    assert await shop.state() is ChargeState.SETTLED
    assert await shop.world.request_state(shop.request) is RequestState.FULFILLED
    async with shop.world.store.read() as tx:
        assert (await tx.bookings.find(held.id)).state is BookingState.LAPSED
    [letter] = await shop.world.bodies("payment_received")
    assert "start" not in letter
    assert await shop.world.bodies("reservation_lapsed") == []


async def test_what_was_heard_before_changes_nothing(shop):
    await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    word = shop.till.pay(payment.reference)
    await shop.desk.payments.take(word)
    before = await shop.world.everything(), await shop.audit()

    again = await shop.desk.payments.take(word)
    out_of_order = [
        await shop.desk.payments.heard(payment.reference, event)
        for event in (PaymentEvent.EXPIRE, PaymentEvent.FAIL)
    ]

    assert {one.result for one in (again, *out_of_order)} == {Result.NOTHING}
    assert (await shop.world.everything(), await shop.audit()) == before


async def test_an_end_that_is_heard_before_the_money_does_not_lose_it(shop):
    await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    await shop.desk.payments.heard(payment.reference, PaymentEvent.EXPIRE)
    assert await shop.state() is ChargeState.DUE

    heard = await shop.desk.payments.take(shop.till.pay(payment.reference))

    assert heard.result is Result.BOOKED
    assert await shop.state() is ChargeState.SETTLED


async def test_several_processes_that_hear_the_same_do_it_once(shop):
    await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    word = shop.till.pay(payment.reference)

    heard = await asyncio.gather(*(shop.desk.payments.take(word) for _ in range(6)))

    assert sorted(one.result for one in heard) == ["booked", *["nothing"] * 5]
    assert len(await shop.world.bodies("payment_received")) == 1
    assert await shop.world.count("session") == 1


@pytest.mark.parametrize(
    ("pence", "currency"), [(5_399, "GBP"), (5_401, "GBP"), (5_400, "EUR"), (0, "")]
)
async def test_another_amount_or_currency_is_refused_and_noted_once(shop, pence, currency):
    await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    before = await shop.world.everything()

    heard = [
        await shop.desk.payments.heard(payment.reference, PaymentEvent.PAY, pence, currency)
        for _ in range(2)
    ]

    assert {one.result for one in heard} == {Result.REFUSED}
    assert await shop.world.everything() == before
    assert (await shop.payment()).state is PaymentState.OPEN
    assert (await shop.audit()).count("payment.refused") == 1


async def test_an_unknown_reference_is_refused_and_noted(shop):
    before = await shop.world.everything()

    heard = await shop.desk.payments.heard("cs_" + "x" * 80, PaymentEvent.PAY, 5_400, "GBP")

    assert heard.result is Result.REFUSED
    assert await shop.world.everything() == before
    assert "payment.refused" in await shop.audit()


@pytest.mark.parametrize("event", [PaymentEvent.EXPIRE, PaymentEvent.FAIL])
async def test_the_end_of_a_link_that_nobody_has_seen_is_no_news(shop, event):
    heard = await shop.desk.payments.heard("cs_unknown", event)

    assert heard.result is Result.NOTHING
    assert "payment.refused" not in await shop.audit()


async def test_after_a_failure_the_learner_may_try_again_at_once(shop):
    held = await shop.reserve()
    first = await shop.desk.payments.begin(shop.request)
    await shop.desk.payments.heard(first.reference, PaymentEvent.FAIL)
    assert await shop.state() is ChargeState.FAILED

    second = await shop.desk.payments.begin(shop.request)
    heard = await shop.desk.payments.take(shop.till.pay(second.reference))

    assert second.id != first.id
    assert [one.booking for one in heard.booked] == [held.id]


async def test_when_the_provider_is_down_nothing_has_changed(shop):
    held = await shop.reserve()
    shop.till.down = True

    with pytest.raises(Busy):
        await shop.desk.payments.begin(shop.request)

    assert await shop.state() is ChargeState.DUE
    assert (await shop.desk.bookings.reservation(shop.request)).id == held.id
    shop.till.down = False
    assert (await shop.desk.payments.begin(shop.request)).url


async def test_pressing_twice_leads_to_the_same_link(shop):
    first = await shop.desk.payments.begin(shop.request)

    second = await shop.desk.payments.begin(shop.request)

    assert second == first
    assert len(shop.till.bills) == 1


async def test_pressing_twice_at_once_leaves_one_link_that_can_be_paid(shop):
    both = await asyncio.gather(
        *(shop.desk.payments.begin(shop.request) for _ in range(2)), return_exceptions=True
    )

    assert [
        one for one in both if isinstance(one, BaseException) and not isinstance(one, Busy)
    ] == []
    open_ = await shop.world.rows(
        "SELECT reference FROM payment WHERE state = 'open' AND url <> ''"
    )
    assert len(open_) == 1


async def test_a_charge_that_comes_later_makes_a_new_link_and_closes_the_old_one(shop):
    old = await shop.desk.payments.begin(shop.request)
    await shop.add()

    new = await shop.desk.payments.begin(shop.request)

    assert (old.gross_pence, new.gross_pence) == (5_400, 11_394)
    assert shop.till.fates[old.reference] is Fate.EXPIRED
    assert await shop.state() is ChargeState.SUBMITTED


async def test_money_on_an_old_link_is_found_when_a_new_one_is_asked_for(shop):
    old = await shop.desk.payments.begin(shop.request)
    later = await shop.add()
    shop.till.pay(old.reference)

    new = await shop.desk.payments.begin(shop.request)

    assert await shop.state() is ChargeState.SETTLED
    assert await shop.state(later.id) is ChargeState.SUBMITTED
    assert new.gross_pence == 5_994


async def test_a_charge_that_came_while_the_first_was_paid_keeps_the_time_from_being_booked(shop):
    await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    await shop.add()

    heard = await shop.desk.payments.take(shop.till.pay(payment.reference))

    assert (heard.result, heard.booked) == (Result.SETTLED, [])
    assert await shop.desk.bookings.reservation(shop.request) is not None


async def test_nothing_to_pay_has_no_link(shop):
    await shop.desk.charges.waive(shop.charge, shop.world.sam, "a good reason")

    with pytest.raises(NotFound):
        await shop.desk.payments.begin(shop.request)


@pytest.mark.parametrize("verb", ["pay", "waive"])
async def test_a_scheduler_who_settles_the_last_charge_books_the_time_that_is_held(shop, verb):
    held = await shop.reserve()
    later = await shop.add()
    settle = getattr(shop.desk.charges, verb)

    first = await settle(shop.charge, shop.world.sam, "bank 77")
    last = await settle(later.id, shop.world.sam, "bank 78")

    assert first.booked == []
    assert [one.booking for one in last.booked] == [held.id]
    assert await shop.world.booking_state(held.id) is BookingState.BOOKED
    assert len(await shop.world.bodies("booked")) == 1


async def test_two_schedulers_who_settle_the_last_two_at_once_book_it(shop):
    held = await shop.reserve()
    later = await shop.add()

    await asyncio.gather(
        *(shop.desk.charges.pay(one, shop.world.sam, "bank 77") for one in (shop.charge, later.id))
    )

    assert await shop.world.booking_state(held.id) is BookingState.BOOKED


async def test_money_for_what_was_waived_meanwhile_is_to_be_paid_back(shop):
    await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    await shop.desk.charges.waive(shop.charge, shop.world.sam, "a good reason")

    heard = await shop.desk.payments.take(shop.till.pay(payment.reference))

    assert heard.booked == []  # it was booked when the charge was waived
    assert await shop.state() is ChargeState.WAIVED
    assert "paid back" in (await shop.payment()).note
    assert "payment.surplus" in await shop.audit()


async def test_a_lost_webhook_does_not_cost_the_learner_the_time(shop):
    held = await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    shop.till.pay(payment.reference)
    shop.world.clock.go(121)

    booked = await shop.desk.payments.look()

    assert [one.booking for one in booked] == [held.id]
    assert await shop.desk.payments.look() == []


async def test_a_young_link_is_left_alone(shop):
    await shop.desk.payments.begin(shop.request)
    shop.world.clock.go(60)
    shop.till.calls.clear()

    await shop.desk.payments.look()

    assert shop.till.calls == []


async def test_links_that_are_over_or_needed_no_more_are_closed(shop):
    payment = await shop.desk.payments.begin(shop.request)
    other = Shop(shop.world, shop.desk, shop.till, await builders.ask(shop.desk, 2), "")
    other.charge = (await other.add()).id
    needless = await shop.desk.payments.begin(other.request)
    await shop.desk.charges.pay(other.charge, shop.world.sam, "bank 5")
    shop.world.clock.go(121)
    await shop.desk.payments.look()
    assert shop.till.fates == {payment.reference: Fate.OPEN, needless.reference: Fate.EXPIRED}
    shop.world.clock.go(31 * 60)

    await shop.desk.payments.look()

    assert shop.till.fates[payment.reference] is Fate.EXPIRED
    assert await shop.state() is ChargeState.DUE
    assert await shop.state(other.charge) is ChargeState.SETTLED


async def test_a_provider_who_is_down_is_asked_again_later(shop):
    payment = await shop.desk.payments.begin(shop.request)
    shop.till.pay(payment.reference)
    shop.world.clock.go(121)
    shop.till.down = True
    assert await shop.desk.payments.look() == []
    shop.till.down = False

    await shop.desk.payments.look()

    assert await shop.state() is ChargeState.SETTLED


async def test_who_comes_back_before_the_webhook_is_asked_about_at_once(shop):
    held = await shop.reserve()
    payment = await shop.desk.payments.begin(shop.request)
    shop.till.pay(payment.reference)

    booked = await shop.desk.payments.check(shop.request)

    assert [one.booking for one in booked] == [held.id]


async def offered(shop):
    held = await shop.reserve()
    await shop.world.rows(
        "INSERT INTO waiting (id, request, first, last, zone, state, created, booking) "
        "VALUES ('wt_1', :request, 0, 1, 'UTC', 'offered', 0, :booking)",
        request=shop.request,
        booking=held.id,
    )
    return held


async def test_who_pays_for_the_request_takes_the_time_that_is_offered_for_it(shop):
    held = await offered(shop)
    payment = await shop.desk.payments.begin(shop.request)

    heard = await shop.desk.payments.take(shop.till.pay(payment.reference))

    assert [one.booking for one in heard.booked] == [held.id]


async def test_a_waived_charge_does_not_take_an_offer_for_the_learner(shop):
    await offered(shop)

    settled = await shop.desk.charges.waive(shop.charge, shop.world.sam, "a good reason")

    assert settled.booked == []
    assert await shop.desk.bookings.reservation(shop.request) is not None
