"""Exams and attempts of an edX platform: the machine, and what two calls at once leave behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from invigilation.desk.edx import Candidate, EdxDesk, Terms
from invigilation.edx import AttemptEvent, AttemptState, EdxAttempt, Exam, Platform
from invigilation.errors import IllegalTransition, InvalidInput, NotFound
from invigilation.report import Channel
from invigilation.store.people import Backend
from tests.invigilation.conftest import kept_loop

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
CAMPUS = "campus"
EXAM = Exam("ex_1", CAMPUS, "7", "course", "block", "Final exam", 60, False, None, "{}")
WHO = Candidate("u1", "Maria Santos", "maria@example.org")
TERMS = Terms(60, (), practice=False)
URL = "https://lms.example.org/exam"
_S = AttemptState
AFTER = {
    # start, submit, fail, review, delete
    _S.CREATED: (_S.STARTED, _S.SUBMITTED, _S.ERROR, _S.REVIEWED, _S.DELETED),
    _S.STARTED: (_S.STARTED, _S.SUBMITTED, _S.ERROR, _S.REVIEWED, _S.DELETED),
    _S.SUBMITTED: (_S.SUBMITTED, _S.SUBMITTED, _S.ERROR, _S.REVIEWED, _S.DELETED),
    _S.ERROR: (_S.ERROR, _S.SUBMITTED, _S.ERROR, _S.REVIEWED, _S.DELETED),
    _S.REVIEWED: (_S.REVIEWED, _S.REVIEWED, _S.REVIEWED, _S.REVIEWED, _S.DELETED),
    _S.DELETED: (None,) * 5,
}


@pytest.mark.parametrize(("state", "number"), list(product(AttemptState, range(5))))
def test_every_pair_of_state_and_event(state, number):
    attempt = EdxAttempt("at_1", "ex_1", "u1", None, False, state, AT)
    event = list(AttemptEvent)[number]

    expected = AFTER[state][number]

    if expected is None:
        with pytest.raises(IllegalTransition):
            attempt.after(event)
    else:
        assert attempt.after(event) == replace(attempt, state=expected)


@kept_loop
async def edx(world):
    """The desk of a platform, over SQLite and over PostgreSQL."""
    async with world.store.write() as tx:
        await tx.people.add_backend(Backend(CAMPUS, "Campus", "", "", Channel.EDX))
        await tx.edx.add_platform(Platform(CAMPUS, "https://lms.example.org", b"a", "us", b"b"))
    desk = world.desk
    return EdxDesk(desk.office, desk.requests, desk.bookings, desk.erasure)


async def test_an_exam_that_is_saved_again_keeps_its_name(edx):
    first = await edx.keep_exam(EXAM)

    again = await edx.keep_exam(replace(EXAM, id="ex_2", name="The final exam", minutes=75))

    assert again == replace(first, name="The final exam", minutes=75)
    assert await edx.exam(CAMPUS, "7") == await edx.exam(CAMPUS, "ex_1") == again


async def test_of_twenty_registrations_at_once_one_attempt_and_one_request_come(edx, world):
    await edx.keep_exam(EXAM)

    attempts = await asyncio.gather(
        *(edx.register(CAMPUS, "ex_1", WHO, TERMS, URL) for _ in range(20))
    )

    assert len({one.id for one in attempts}) == 1
    assert len({one.request for one in attempts}) == 1
    assert await world.count("request") == 1


async def test_a_registration_that_was_broken_off_goes_on_when_it_comes_again(edx):
    await edx.keep_exam(EXAM)
    with pytest.raises(InvalidInput):
        await edx.register(CAMPUS, "ex_1", replace(WHO, email="nowhere"), TERMS, URL)

    attempt = await edx.register(CAMPUS, "ex_1", WHO, TERMS, URL)

    assert attempt.request is not None


async def test_words_at_once_leave_the_last_of_the_machine(edx):
    await edx.keep_exam(EXAM)
    attempt = await edx.register(CAMPUS, "ex_1", WHO, TERMS, URL)

    await asyncio.gather(
        *(
            edx.move(CAMPUS, "ex_1", attempt.id, event)
            for event in (AttemptEvent.SUBMIT, AttemptEvent.START, AttemptEvent.SUBMIT)
        )
    )

    found, _ = await edx.standing(attempt.id)
    assert found.state is AttemptState.SUBMITTED


async def test_a_report_is_put_out_once_and_hurries_when_the_exam_is_handed_in(edx, world):
    await edx.keep_exam(EXAM)
    attempt = await edx.register(CAMPUS, "ex_1", WHO, TERMS, URL)
    told = {"request": attempt.id, "session": "se_1"}
    for _ in range(2):
        await edx.report(attempt.id, told, waits=AT - AT.replace(hour=1))

    before = await world.rows("SELECT next_at - created FROM delivery WHERE channel = 'edx'")
    await edx.move(CAMPUS, "ex_1", attempt.id, AttemptEvent.SUBMIT)
    after = await world.rows("SELECT next_at - created FROM delivery WHERE channel = 'edx'")

    assert before == [(8 * 3_600 * 1_000_000,)]
    assert after == [(0,)]


async def test_what_nobody_knows_is_not_found(edx):
    await edx.keep_exam(EXAM)

    for unknown in (
        edx.platform("other"),
        edx.exam(CAMPUS, "8"),
        edx.exam("other", "ex_1"),
        edx.attempt(CAMPUS, "ex_1", "at_0"),
        edx.standing("at_0"),
    ):
        with pytest.raises(NotFound):
            await unknown
