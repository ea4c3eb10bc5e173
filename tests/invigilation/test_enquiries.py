"""Questions of learners: asked within limits, answered once, disputes in time only."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from invigilation.booking import BookingState
from invigilation.desk.enquiries import OPEN_LIMIT, TEXT_LIMIT
from invigilation.enquiry import EnquiryKind
from invigilation.errors import (
    IllegalTransition,
    InvalidInput,
    NotAllowed,
    NotFound,
    TooLate,
)
from tests import builders
from tests.builders import START

CHANGE, DISPUTE, OTHER = EnquiryKind.CHANGE, EnquiryKind.DISPUTE, EnquiryKind.OTHER


async def missed(world):
    """A session that a scheduler has judged against its learner."""
    sitting = await builders.book(world.desk)
    await world.ready(sitting)
    await world.well()
    world.after_grace()
    await world.desk.attendance.sweep()
    await world.desk.attendance.decide(
        sitting.booking, world.sam, BookingState.LEARNER_NO_SHOW, "Nobody came."
    )
    return sitting


async def test_question_is_kept_with_its_booking_until_it_is_answered(world):
    sitting = await builders.book(world.desk)

    asked = await world.desk.enquiries.ask(
        sitting.request, CHANGE, "  My ship sails\r\nbefore noon.\x07 "
    )

    assert asked.text == "My ship sails\nbefore noon."
    assert asked.booking == sitting.booking
    waiting = await world.desk.enquiries.open(world.sam)
    assert [one.enquiry for one in waiting] == [asked]
    assert (waiting[0].name, waiting[0].start) == (sitting.learner_name, START)
    assert await world.desk.enquiries.of_request(sitting.request) == [asked]


async def test_answer_goes_out_once_and_into_the_audit_log(world):
    sitting = await builders.book(world.desk)
    asked = await world.desk.enquiries.ask(sitting.request, OTHER, "May I bring a map?")
    world.clock.go(60)

    answered = await world.desk.enquiries.answer(world.sam, asked.id, "Yes, you may.")

    assert answered.answer == "Yes, you may."
    assert answered.answered == world.clock.now()
    assert await world.desk.enquiries.of_request(sitting.request) == [answered]
    assert await world.desk.enquiries.open(world.sam) == []
    history = await world.desk.enquiries.answered(world.sam)
    assert [one.answered_by for one in history] == ["Sam Field"]
    (letter,) = await world.bodies("answer")
    assert (letter["question"], letter["answer"]) == ("May I bring a map?", "Yes, you may.")
    assert (letter["kind"], letter["start"]) == ("other", "2026-11-23T10:00:00.000000Z")
    async with world.store.read() as tx:
        changes = await tx.audit.of(asked.id)
    assert [one.action for one in changes] == ["enquiry.asked", "enquiry.answered"]
    assert "Yes, you may." in (changes[1].after or "")
    with pytest.raises(IllegalTransition):
        await world.desk.enquiries.answer(world.sam, asked.id, "No.")
    assert len(await world.bodies("answer")) == 1


async def test_question_without_a_booking_is_answered_too(world):
    request = await builders.ask(world.desk)
    asked = await world.desk.enquiries.ask(request, EnquiryKind.PAYMENT, "How can I pay?")

    await world.desk.enquiries.answer(world.sam, asked.id, "By card.")

    assert (asked.booking, len(await world.bodies("answer"))) == (None, 1)


@pytest.mark.parametrize("text", ["", " \n\t", "x" * (TEXT_LIMIT + 1), "\x00\x01"])
async def test_text_has_one_to_two_thousand_letters(world, text):
    request = await builders.ask(world.desk)

    with pytest.raises(InvalidInput):
        await world.desk.enquiries.ask(request, OTHER, text)


async def test_no_more_than_five_questions_wait_even_when_they_come_at_once(world):
    request = await builders.ask(world.desk)
    asking = [world.desk.enquiries.ask(request, OTHER, f"Question {n}") for n in range(8)]

    came = await asyncio.gather(*asking, return_exceptions=True)

    assert sum(isinstance(one, InvalidInput) for one in came) == 8 - OPEN_LIMIT
    waiting = await world.desk.enquiries.open(world.sam)
    assert len(waiting) == OPEN_LIMIT
    await world.desk.enquiries.answer(world.sam, waiting[0].enquiry.id, "Well.")
    assert await world.desk.enquiries.ask(request, OTHER, "One more")


async def test_dispute_within_fourteen_days_and_not_after(world):
    sitting = await missed(world)
    decided = world.clock.now()
    decision = await world.desk.enquiries.decision(sitting.request)
    assert decision
    assert (decision.at, decision.disputed) == (decided, False)
    assert decision.until == decided + timedelta(days=14)
    world.clock.go_to(decision.until)

    await world.desk.enquiries.ask(sitting.request, DISPUTE, "I was on watch.")

    after = await world.desk.enquiries.decision(sitting.request)
    assert after
    assert after.disputed
    with pytest.raises(InvalidInput):
        await world.desk.enquiries.ask(sitting.request, DISPUTE, "Once more.")
    asked = (await world.desk.enquiries.open(world.sam))[0]
    await world.desk.enquiries.answer(world.sam, asked.enquiry.id, "We looked again.")
    world.clock.go(1)
    with pytest.raises(TooLate):
        await world.desk.enquiries.ask(sitting.request, DISPUTE, "Too late.")


async def test_only_a_missed_session_can_be_disputed(world):
    sitting = await builders.book(world.desk)

    with pytest.raises(InvalidInput):
        await world.desk.enquiries.ask(sitting.request, DISPUTE, "I do not like it.")

    assert await world.desk.enquiries.decision(sitting.request) is None


async def test_strangers_and_invigilators_are_refused(world):
    request = await builders.ask(world.desk)
    asked = await world.desk.enquiries.ask(request, OTHER, "Hello?")

    with pytest.raises(NotAllowed):
        await world.desk.enquiries.answer(world.ann, asked.id, "Hello.")
    with pytest.raises(NotAllowed):
        await world.desk.enquiries.open(world.ann)
    with pytest.raises(NotFound):
        await world.desk.enquiries.find(world.sam, "eq_other")
    with pytest.raises(NotFound):
        await world.desk.enquiries.ask("rq_other", OTHER, "Hello?")
