"""Sessions that did not take place: the sweep, the scheduler's decision, the charge."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from invigilation.attendance import Finding
from invigilation.booking import BookingState
from invigilation.charge import ChargeState
from invigilation.desk.requests import Ask
from invigilation.errors import IllegalTransition, InvalidInput, NotAllowed, NotFound, PaymentDue
from invigilation.request import RequestState
from invigilation.session import SessionState
from tests import builders
from tests.builders import CONSENT, START
from tests.invigilation.offices import MINUTE

DAY = timedelta(days=1)


async def missed(world, *, ready=True, well=True, tried=False):
    """A booking whose grace time has passed without a check-in."""
    one = await builders.book(world.desk)
    if ready:
        await world.ready(one)
    if well:
        await world.well()
    if tried:
        world.clock.go_to(START + MINUTE)
        await world.desk.sessions.note_attempt(one.session, "page_opened")
    world.after_grace()
    return one


async def no_show(world):
    """A booking that a scheduler has confirmed to be a no-show."""
    one = await missed(world)
    await world.desk.attendance.sweep()
    await decide(world, one, BookingState.LEARNER_NO_SHOW)
    return one


def decide(world, one, verdict, by=None, reason="Nobody came."):
    return world.desk.attendance.decide(one.booking, by or world.sam, verdict, reason)


def next_ask(number=2, learner="learner-1"):
    licence = START + timedelta(days=90)
    return Ask("acme", f"again-{number}", learner, "Lea", "lea@example.com", "psc", licence)


@pytest.mark.parametrize(
    ("evidence", "state"),
    [
        ({}, BookingState.NO_SHOW_PROPOSED),
        ({"ready": False}, BookingState.PROVIDER_FAULT),
        ({"well": False}, BookingState.PROVIDER_FAULT),
        ({"tried": True}, BookingState.TECHNICAL_UNRESOLVED),
        ({"tried": True, "ready": False}, BookingState.PROVIDER_FAULT),
    ],
)
async def test_the_sweep_finds_what_the_evidence_supports(world, evidence, state):
    one = await missed(world, **evidence)

    judged = await world.desk.attendance.sweep()

    assert judged == 1
    assert await world.booking_state(one.booking) is state


async def test_a_no_show_is_only_proposed_and_nobody_is_told(world):
    one = await missed(world)
    before = await world.sent()

    await world.desk.attendance.sweep()

    assert await world.sent() == before
    assert await world.count("charge") == 0
    assert await world.request_state(one.request) is RequestState.BOOKED
    assert (await world.session(one.session)).state is SessionState.SCHEDULED
    [proposal] = await world.desk.attendance.proposals(world.sam)
    assert proposal.sitting.booking == one.booking
    assert proposal.judgement.finding is Finding.NO_SHOW
    assert (await world.kinds(one.session))[-1] == "no_show_proposed"


async def test_a_fault_of_ours_opens_the_request_again_and_tells_the_learner(world):
    one = await missed(world, ready=False)
    before = len(await world.sent())

    await world.desk.attendance.sweep()

    assert (await world.sent())[before:] == ["webhook attendance.decided", "mail attendance"]
    assert await world.request_state(one.request) is RequestState.OPEN
    assert (await world.session(one.session)).state is SessionState.CLOSED
    again = await world.desk.bookings.book(one.request, START + DAY, "UTC", by_staff=True)
    assert again.booking_state is BookingState.BOOKED


async def test_the_sweep_waits_for_the_grace_time_and_the_last_heartbeat(world):
    one = await missed(world)
    world.clock.go_to(START + 17 * MINUTE)

    assert await world.desk.attendance.sweep() == 0
    world.clock.go(1)
    assert await world.desk.attendance.sweep() == 1
    assert await world.booking_state(one.booking) is BookingState.NO_SHOW_PROPOSED


async def test_the_sweep_leaves_alone_who_came_and_what_was_cancelled(world):
    came = await builders.book(world.desk, 1)
    gone = await builders.book(world.desk, 2, START + 120 * MINUTE)
    await world.desk.bookings.cancel(gone.booking, "")
    world.clock.go_to(START)
    await world.desk.sessions.check_in(came.session, CONSENT)
    world.clock.go_to(START + DAY)
    before = await world.everything()

    assert await world.desk.attendance.sweep() == 0

    assert await world.everything() == before


async def test_sweeping_again_or_in_two_processes_at_once_has_one_effect(world):
    one = await missed(world, ready=False)
    before = len(await world.sent())

    await asyncio.gather(*(world.desk.attendance.sweep() for _ in range(3)))
    await world.desk.attendance.sweep()

    assert (await world.sent())[before:] == ["webhook attendance.decided", "mail attendance"]
    assert (await world.kinds(one.session)).count("attendance_decided") == 1


async def test_a_confirmed_no_show_holds_a_charge_and_uses_the_request_up(world):
    one = await missed(world)
    await world.desk.attendance.sweep()
    world.clock.go(60)

    after = await decide(world, one, BookingState.LEARNER_NO_SHOW)

    assert after.booking_state is BookingState.LEARNER_NO_SHOW
    assert await world.request_state(one.request) is RequestState.FULFILLED
    [owed] = await world.desk.charges.open(world.sam)
    assert (owed.charge.state, owed.charge.booking) == (ChargeState.HELD, one.booking)
    assert (owed.charge.price.net_pence, owed.charge.price.gross_pence) == (4_500, 5_400)
    assert owed.learner.id == one.learner
    [letter] = await world.bodies("attendance")
    assert (letter["state"], letter["gross_pence"]) == ("learner_no_show", 5_400)
    assert letter["reason"] == "Nobody came."
    assert "The invigilator was ready before the start." in letter["known"]
    assert "The learner made no attempt to come in." in letter["known"]


async def test_only_a_proposed_no_show_can_be_confirmed(world):
    one = await missed(world)

    with pytest.raises(IllegalTransition):
        await decide(world, one, BookingState.LEARNER_NO_SHOW)

    assert await world.count("charge") == 0


async def test_only_a_scheduler_decides_with_a_reason_on_one_of_the_outcomes(world):
    one = await missed(world)
    await world.desk.attendance.sweep()

    with pytest.raises(NotAllowed):
        await decide(world, one, BookingState.LEARNER_NO_SHOW, by=world.ann)
    with pytest.raises(NotAllowed):
        await world.desk.attendance.proposals(world.ann)
    with pytest.raises(InvalidInput):
        await decide(world, one, BookingState.LEARNER_NO_SHOW, reason="  ")
    with pytest.raises(InvalidInput):
        await decide(world, one, BookingState.CANCELLED)
    with pytest.raises(NotFound):
        await world.desk.attendance.decide("bk_none", world.sam, BookingState.EXCUSED, "ill")

    assert await world.booking_state(one.booking) is BookingState.NO_SHOW_PROPOSED


async def test_the_next_request_is_due_and_can_be_booked_once_it_is_paid(world):
    one = await no_show(world)
    asked = await world.desk.requests.ask(next_ask())
    [charge] = asked.charges
    assert (charge.state, charge.request) == (ChargeState.DUE, asked.request.id)

    with pytest.raises(PaymentDue) as refused:
        await world.desk.bookings.book(asked.request.id, START + 3 * DAY, "UTC")

    assert (refused.value.charge, refused.value.pence) == (charge.id, 5_400)
    paid = await world.desk.charges.pay(charge.id, world.sam, "bank 123")
    assert (paid.charge.state, paid.charge.reason) == (ChargeState.SETTLED, "bank 123 (Sam Field)")
    again = await world.desk.bookings.book(asked.request.id, START + 3 * DAY, "UTC")
    assert again.learner == one.learner


async def test_a_waived_charge_stands_in_nobodys_way(world):
    await no_show(world)
    asked = await world.desk.requests.ask(next_ask())

    await world.desk.charges.waive(asked.charges[0].id, world.sam, "first time")

    assert await world.desk.charges.open(world.sam) == []
    booked = await world.desk.bookings.book(asked.request.id, START + 3 * DAY, "UTC")
    assert booked.booking_state is BookingState.BOOKED


async def test_a_charge_holds_up_all_later_requests_of_that_learner_until_it_is_paid(world):
    before = await world.desk.requests.ask(next_ask(1))
    world.clock.go_to(world.clock.now() + timedelta(seconds=1))
    await no_show(world)

    of_another = await world.desk.requests.ask(next_ask(2, "learner-9"))
    first = await world.desk.requests.ask(next_ask(3))
    second = await world.desk.requests.ask(next_ask(4))
    first_again = await world.desk.requests.ask(next_ask(3))

    [charge] = first.charges
    assert (of_another.charges, second.charges) == ((), (charge,))
    assert first_again == first
    assert (await world.desk.requests.find(before.request.id)).charges == ()
    for held_up in (first, second):
        with pytest.raises(PaymentDue):
            await world.desk.bookings.book(held_up.request.id, START + 3 * DAY, "UTC")
    await world.desk.bookings.book(before.request.id, START + 3 * DAY, "UTC")
    await world.desk.charges.pay(charge.id, world.sam, "bank 7")
    await world.desk.bookings.book(second.request.id, START + 4 * DAY, "UTC")


async def test_a_charge_is_settled_once_by_a_scheduler_who_says_how(world):
    await no_show(world)
    [owed] = await world.desk.charges.open(world.sam)
    charges = world.desk.charges

    with pytest.raises(IllegalTransition):
        await charges.pay(owed.charge.id, world.sam, "a held charge is not due")
    with pytest.raises(NotAllowed):
        await charges.waive(owed.charge.id, world.ann, "mercy")
    with pytest.raises(InvalidInput):
        await charges.waive(owed.charge.id, world.sam, " ")
    with pytest.raises(NotFound):
        await charges.waive("ch_none", world.sam, "mercy")
    await charges.waive(owed.charge.id, world.sam, "mercy")
    with pytest.raises(IllegalTransition):
        await charges.waive(owed.charge.id, world.sam, "mercy")


@pytest.mark.parametrize(
    "verdict",
    [BookingState.EXCUSED, BookingState.PROVIDER_FAULT, BookingState.TECHNICAL_UNRESOLVED],
)
@pytest.mark.parametrize("due", [False, True])
async def test_a_dispute_that_is_upheld_waives_the_charge_and_opens_the_request(
    world, verdict, due
):
    one = await no_show(world)
    asked = await world.desk.requests.ask(next_ask()) if due else None

    after = await decide(world, one, verdict, reason="The ship had no power.")

    assert after.booking_state is verdict
    assert await world.desk.charges.open(world.sam) == []
    [[state, why]] = await world.rows("SELECT state, reason FROM charge")
    assert (state, why) == ("waived", "The ship had no power.")
    assert await world.request_state(one.request) is RequestState.OPEN
    request = asked.request.id if asked else one.request
    booked = await world.desk.bookings.book(request, START + 3 * DAY, "UTC")
    assert booked.booking_state is BookingState.BOOKED


async def test_a_sitting_that_the_link_broke_off_may_be_taken_again(world):
    one = await world.admitted()
    await world.desk.sessions.stop(one.session, world.ann, "The link was lost.")

    after = await decide(world, one, BookingState.TECHNICAL_UNRESOLVED, reason="No link.")

    assert after.booking_state is BookingState.TECHNICAL_UNRESOLVED
    assert after.session_state is SessionState.STOPPED
    assert await world.request_state(one.request) is RequestState.OPEN


@pytest.mark.parametrize("met", ["checked_in", "identified"])
async def test_a_learner_whom_nobody_admitted_may_book_again(world, met):
    one = await getattr(world, met)()

    after = await decide(world, one, BookingState.PROVIDER_FAULT, reason="Nobody was on duty.")

    assert after.booking_state is BookingState.PROVIDER_FAULT
    assert after.session_state is SessionState.CLOSED
    assert await world.request_state(one.request) is RequestState.OPEN
    assert await world.count("charge") == 0
    [letter] = await world.bodies("attendance")
    assert (letter["state"], letter["reason"]) == ("provider_fault", "Nobody was on duty.")
    again = await world.desk.bookings.book(one.request, START + 3 * DAY, "UTC")
    assert again.booking_state is BookingState.BOOKED


async def test_who_came_did_not_stay_away(world):
    one = await world.checked_in()

    for verdict in (BookingState.LEARNER_NO_SHOW, BookingState.EXCUSED):
        with pytest.raises(IllegalTransition):
            await decide(world, one, verdict)

    assert await world.booking_state(one.booking) is BookingState.ATTENDED


async def test_a_charge_that_was_paid_is_not_waived_by_a_later_verdict(world):
    one = await no_show(world)
    asked = await world.desk.requests.ask(next_ask())
    await world.desk.charges.pay(asked.charges[0].id, world.sam, "bank 123")

    await decide(world, one, BookingState.EXCUSED, reason="Ill after all.")

    assert await world.rows("SELECT state FROM charge") == [("settled",)]
