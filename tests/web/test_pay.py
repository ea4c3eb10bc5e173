"""Paying by card, against a provider that is a process of its own, and by hand."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from stripe import InvalidRequestError, WebhookSignature
from stripe.checkout import SessionService

from invigilation.booking import BookingState
from invigilation.charge import ChargeState
from invigilation.desk.charges import pay_code
from invigilation.errors import Busy
from invigilation.ports import Bill, Line
from invigilation.store import Store
from tests.harness.till import API_KEY, DECLINED_CARD, WEBHOOK_SECRET, Till, payment_provider
from tests.harness.waiting import until
from tests.web.office import SAM, START, Answer, Person, World, open_world
from web.payments import hook
from web.payments.stripe import StripePayments
from web.settings import Unable, read_settings

SOON_S = 20.0


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    with payment_provider(tmp_path_factory.mktemp("till")) as running:
        running.lenient()  # the clock of these tests stands still
        yield running


@pytest.fixture
async def shop(sqlite_template: Path, tmp_path: Path, till: Till) -> AsyncIterator[World]:
    """An office that takes cards."""
    path = tmp_path / "office.sqlite3"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite+aiosqlite:///{path}")
    payments = StripePayments(API_KEY, "http://localhost:1", till.base)
    opened = await open_world(store, tmp_path, payments, hook.route(WEBHOOK_SECRET))
    till.tell(str(opened.client.make_url(hook.PATH)))
    yield opened
    await opened.client.close()
    payments.close_all()
    await store.close()


async def owing(world: World, *products: str, held: bool = True) -> tuple[Person, str]:
    """A learner who owes for these products, and has chosen a time; and their request."""
    asked = await world.asked()
    for product in products or ("no_show",):
        await world.desk.charges.add(SAM, asked.request.id, product, "by phone")
    if held:
        await world.desk.bookings.reserve(asked.request.id, START, "Asia/Manila")
    return await world.learner(asked.request.id), asked.request.id


def provider_page(answer: Answer) -> str:
    found = re.search(r'class="button button--big" href="([^"]+)"', answer.text)
    assert found
    return found[1]


async def states(world: World) -> list[ChargeState]:
    owed = await world.desk.charges.search(SAM, set(ChargeState))
    return [one.charge.state for one in owed]


async def test_the_bill_shows_each_line_its_vat_the_sum_and_how_long_the_time_is_held(
    shop: World,
) -> None:
    learner, _ = await owing(shop, "no_show", "expedited")

    page = await learner.get("/me/pay")

    assert "Missed session £45.00 £9.00 (20 %) £54.00" in page.words
    assert "Expedited service £49.95 £9.99 (20 %) £59.94" in page.words
    assert "Together £94.95 £18.99 £113.94" in page.words
    assert "We hold it for you until Wednesday 18 November 2026, 17:30 your time" in page.words
    assert "(09:30 London, 09:30 UTC)" in page.words


async def test_a_learner_pays_and_the_webhook_books_the_time(shop: World, till: Till) -> None:
    learner, request = await owing(shop, "no_show", "expedited")

    going = await learner.post("/me/pay", {})
    url = provider_page(going)
    shown = till.page(url)
    back = till.pay(url)

    assert going.header("Refresh") == f"0; url={url}"
    assert "Total: 113.94 GBP" in shown
    assert "£49.95 and £9.99 VAT (20 %)" in shown
    assert back == "http://localhost:1/me/pay/back"

    async def booked() -> bool:
        sitting = await shop.desk.bookings.latest(request)
        return sitting is not None and sitting.booking_state is BookingState.BOOKED

    await until(booked, SOON_S, "the webhook")
    assert await states(shop) == [ChargeState.SETTLED] * 2
    assert (await learner.get("/me/pay")).to == "/me"


async def test_who_is_back_before_the_webhook_is_booked_at_once(shop: World, till: Till) -> None:
    learner, _ = await owing(shop)
    till.tell("http://127.0.0.1:9/nowhere")
    till.pay(provider_page(await learner.post("/me/pay", {})))

    done = await learner.get("/me/pay/done")

    assert done.to == "/me?done=booked"


async def test_the_way_back_needs_no_login_and_leads_on(shop: World) -> None:
    back = await shop.stranger().get("/me/pay/back")
    left = await shop.stranger().get("/me/pay/back?left=1")

    assert (back.status, back.header("Refresh")) == (200, "0; url=/me/pay/done")
    assert (left.status, left.header("Refresh")) == (200, "0; url=/me/pay?said=left")


async def test_who_has_not_paid_yet_waits_and_is_looked_after(shop: World) -> None:
    learner, _ = await owing(shop)
    await learner.post("/me/pay", {})

    waiting = await learner.get("/me/pay/done")
    last = await learner.get("/me/pay/done?n=15")

    assert "We are waiting for your payment" in waiting.words
    assert waiting.header("Refresh") == "4; url=/me/pay/done?n=1"
    assert last.header("Refresh") == ""


async def test_a_declined_card_takes_nothing_and_another_pays(shop: World, till: Till) -> None:
    learner, _ = await owing(shop)
    url = provider_page(await learner.post("/me/pay", {}))

    declined = till.pay(url, DECLINED_CARD)

    assert declined == ""
    assert await states(shop) == [ChargeState.SUBMITTED]
    assert till.pay(url) != ""
    assert (await learner.get("/me/pay/done")).to == "/me?done=booked"


async def test_a_link_that_expired_can_be_made_anew(shop: World, till: Till) -> None:
    learner, request = await owing(shop)
    first = provider_page(await learner.post("/me/pay", {}))
    payment = await shop.desk.payments.newest(request)
    assert payment is not None
    till.expire(payment.reference)

    done = await learner.get("/me/pay/done")
    page = await learner.get(done.to)
    second = provider_page(await learner.post("/me/pay", {}))

    assert done.to == "/me/pay?said=expired"
    assert "You can try again now" in page.words
    assert second != first


async def test_money_that_came_late_is_said_to_need_a_new_time(shop: World, till: Till) -> None:
    learner, request = await owing(shop)
    url = provider_page(await learner.post("/me/pay", {}))
    await shop.desk.bookings.give_back(request)
    till.pay(url)

    done = await learner.get("/me/pay/done")

    assert "Your payment has come" in done.words
    assert "Please choose a new time" in done.words
    assert await states(shop) == [ChargeState.SETTLED]


async def test_a_provider_who_is_down_is_said_and_nothing_is_lost(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, request = await owing(shop)
    away = StripePayments(API_KEY, "http://localhost:1", "http://127.0.0.1:9")
    monkeypatch.setattr(shop.desk.payments.port, "_client", away._client)

    answer = await learner.post("/me/pay", {})
    away.close_all()

    assert answer.status == 503
    assert "your time is still held for you" in answer.words
    assert "Pay now" in answer.words
    assert await states(shop) == [ChargeState.DUE]
    assert await shop.desk.bookings.reservation(request) is not None


def signed(event: object, secret: str = WEBHOOK_SECRET, age_s: int = 0) -> tuple[str, str]:
    body = json.dumps(event)
    header = WebhookSignature.generate_signature_header(body, secret, int(time.time()) - age_s)
    return body, header


def completed(reference: str, pence: int = 5_400, currency: str = "gbp") -> dict[str, object]:
    session = {
        "id": reference,
        "object": "checkout.session",
        "payment_status": "paid",
        "status": "complete",
        "amount_total": pence,
        "currency": currency,
    }
    return {"object": "event", "type": "checkout.session.completed", "data": {"object": session}}


async def send(world: World, body: str, header: str) -> int:
    headers = {"Stripe-Signature": header} if header else {}
    async with world.client.post(hook.PATH, data=body, headers=headers) as answer:
        return answer.status


async def test_only_what_is_signed_now_by_the_provider_counts(shop: World) -> None:
    learner, request = await owing(shop)
    await learner.post("/me/pay", {})
    payment = await shop.desk.payments.newest(request)
    assert payment is not None
    event = completed(payment.reference)
    body, header = signed(event)

    answers = [
        await send(shop, *signed(event, secret="whsec_of_somebody_else")),
        await send(shop, *signed(event, age_s=301)),
        await send(shop, body.replace("5400", "5401"), header),
        await send(shop, body, ""),
        await send(shop, body, "t=now,v1=zz"),
        await send(shop, *signed(["no event"])),
        await send(shop, *signed({"type": "checkout.session.completed"})),
    ]

    assert answers == [400] * 7
    assert await states(shop) == [ChargeState.SUBMITTED]
    assert await send(shop, "x" * (hook.BODY_LIMIT + 1), header) == 413


async def test_what_is_known_unknown_or_does_not_fit_is_answered_with_200(shop: World) -> None:
    learner, request = await owing(shop)
    await learner.post("/me/pay", {})
    payment = await shop.desk.payments.newest(request)
    assert payment is not None
    unpaid = completed(payment.reference)
    unpaid["data"]["object"]["payment_status"] = "unpaid"  # type: ignore[index]

    before = [
        await send(shop, *signed(completed("cs_of_somebody_else"))),
        await send(shop, *signed(completed(payment.reference, pence=1))),
        await send(shop, *signed(completed(payment.reference, currency="eur"))),
        await send(shop, *signed(unpaid)),
        await send(shop, *signed({"type": "customer.created", "data": {"object": {}}})),
    ]
    untouched = await states(shop)
    after = [await send(shop, *signed(completed(payment.reference))) for _ in range(3)]

    assert (before, after) == ([200] * 5, [200] * 3)
    assert untouched == [ChargeState.SUBMITTED]
    assert await states(shop) == [ChargeState.SETTLED]


async def test_without_a_provider_the_page_says_how_to_pay(world: World) -> None:
    learner, request = await owing(world)

    page = await learner.get("/me/pay")

    assert pay_code(request) in page.words
    assert "Write to us" in page.words
    assert "Pay now" not in page.words
    assert (await learner.post("/me/pay", {})).to == "/me"


async def test_a_learner_may_give_the_time_back(world: World) -> None:
    learner, request = await owing(world)

    gone = await learner.post("/me/pay/give-back", {}, page="/me/pay")
    page = await learner.get("/me/pay")

    assert gone.to == "/me"
    assert await world.desk.bookings.reservation(request) is None
    assert "No time is held for you now" in page.words


async def test_a_scheduler_who_notes_it_as_paid_books_the_time_at_once(world: World) -> None:
    _, request = await owing(world)
    (owed,) = await world.desk.charges.open(SAM)
    sam = await world.staff(SAM)
    page = f"/staff/charges/{owed.charge.id}"

    paid = await sam.post(f"{page}/paid", {"note": "bank 77"}, page=page)

    assert paid.to == "/staff/charges?done=paid&done=booked"
    assert "The session that waited for it is booked now." in (await sam.get(paid.to)).words
    sitting = await world.desk.bookings.latest(request)
    assert sitting is not None
    assert sitting.booking_state is BookingState.BOOKED


def test_a_key_without_the_webhooks_secret_is_a_plain_sentence() -> None:
    with pytest.raises(Unable, match="stripe_api_key and stripe_webhook_secret together"):
        read_settings(stripe_api_key="sk_test_1")


async def test_what_the_provider_refuses_is_logged_without_what_was_sent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise InvalidRequestError("Invalid email: maria@example.org", "customer_email", code="bad")

    monkeypatch.setattr(SessionService, "create", refuse)
    payments = StripePayments(API_KEY, "http://localhost:1")
    line = Line("Missed session", 4_500, 900, 2_000)

    with pytest.raises(Busy):
        await payments.open(Bill("py_1", "rq_1", "maria@example.org", (line,), "GBP", START))

    payments.close_all()
    assert "refused a call: bad customer_email" in caplog.text
    assert "maria" not in caplog.text
