"""What is known of a missed session, what follows from it, and what the learner is told."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from invigilation.booking import BookingState
from invigilation.desk.missed import Side
from invigilation.errors import InvalidInput, NotAllowed
from invigilation.sweeps import Attempt, Fate, Sweeps
from tests import builders
from tests.builders import START
from tests.invigilation.offices import MINUTE
from tests.invigilation.test_missed import DAY, decide, missed, next_ask, no_show

NO_SHOW = BookingState.LEARNER_NO_SHOW


class Postman:
    def __init__(self, fate):
        self.fate = fate

    async def carry(self, delivery):
        return Attempt(self.fate, "as it went")


async def carried(world, fate=Fate.ACCEPTED):
    await Sweeps(world.desk, Postman(fate), lambda _: 5 * MINUTE).deliver()


async def proposed(world):
    one = await missed(world)
    assert await world.desk.attendance.sweep() == 1
    return one


async def spoil(world, one, what):
    """Let one condition of a proposed no-show fail after all."""
    if what == "ready":
        await world.rows("DELETE FROM event WHERE kind = 'invigilator_ready'")
    elif what == "well":
        at = int((START + 5 * MINUTE).timestamp() * 1_000_000)
        minute = 60_000_000
        await world.rows(
            "DELETE FROM heartbeat WHERE at > :first AND at < :last",
            first=at - minute,
            last=at + 3 * minute,
        )
    else:
        now = world.clock.now()
        world.clock.go_to(START + MINUTE)
        await world.desk.sessions.note_attempt(one.session, "token_used")
        world.clock.go_to(now)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("ready", "The invigilator was not ready before the start."),
        ("well", "The service was not healthy through the whole of the grace time."),
        ("untried", "The learner tried to come in."),
    ],
)
async def test_a_no_show_is_not_confirmed_unless_every_condition_holds(world, what, sentence):
    one = await proposed(world)
    await spoil(world, one, what)
    before = await world.everything()

    with pytest.raises(InvalidInput) as refused:
        await decide(world, one, NO_SHOW)

    assert refused.value.field == "verdict"
    assert sentence in refused.value.reason
    assert await world.everything() == before
    found = await world.desk.attendance.dossier(world.sam, one.booking)
    assert not found.confirmable
    assert found.judgement.missing == (sentence,)
    after = await decide(world, one, BookingState.EXCUSED)
    assert after.booking_state is BookingState.EXCUSED


async def test_everything_known_is_weighed(world):
    one = await builders.book(world.desk)
    await carried(world)
    world.clock.go_to(START - 3 * MINUTE)
    await world.desk.sessions.ready(one.session, world.ann)
    world.clock.go_to(START + 2 * MINUTE)
    await world.desk.sessions.note_attempt(one.session, "page_opened")
    await world.well()
    world.after_grace()
    await world.desk.attendance.sweep()

    found = await world.desk.attendance.dossier(world.sam, one.booking)

    weighed = {one.kind: one.side for one in found.happenings}
    assert weighed["invigilator_ready"] is Side.FOR
    assert weighed["page_opened"] is Side.AGAINST
    assert weighed["booked"] is Side.NEITHER
    [letter] = found.letters
    assert (letter.side, letter.sent.type) == (Side.FOR, "booked")
    assert letter.arrived == builders.BOOKED_AT
    assert found.reached
    assert found.silences == ()
    assert len(found.beats) == 50


@pytest.mark.parametrize("fate", [Fate.FAILED, Fate.REFUSED_FOR_GOOD])
async def test_a_learner_whom_no_mail_reached_is_noticed(world, fate):
    one = await builders.book(world.desk)
    await carried(world, fate)
    world.after_grace()

    found = await world.desk.attendance.dossier(world.sam, one.booking)

    assert not found.reached
    assert [letter.side for letter in found.letters] == [Side.AGAINST]


async def test_each_gap_of_the_service_is_named(world):
    one = await proposed(world)
    await spoil(world, one, "well")

    found = await world.desk.attendance.dossier(world.sam, one.booking)

    [gap] = found.silences
    assert timedelta(minutes=2) < gap.end - gap.start <= timedelta(minutes=4)
    assert gap.start < START + 6 * MINUTE < gap.end


async def test_when_heartbeats_are_kept_no_more_the_record_speaks_for_them(world):
    one = await proposed(world)
    world.clock.go_to(START + 31 * DAY)
    await world.rows("DELETE FROM heartbeat")

    found = await world.desk.attendance.dossier(world.sam, one.booking)
    after = await decide(world, one, NO_SHOW)

    assert (found.from_record, found.confirmable, found.silences) == (True, True, ())
    assert after.booking_state is NO_SHOW


async def test_reading_the_evidence_waits_for_nobody_who_decides(world):
    one = await proposed(world)

    async with world.store.write() as tx:
        await tx.bookings.find(one.booking)
        async with asyncio.timeout(5):
            proposals = await world.desk.attendance.proposals(world.sam)
            found = await world.desk.attendance.dossier(world.sam, one.booking)

    assert [each.sitting.booking for each in proposals] == [one.booking]
    assert found.confirmable


async def test_the_learner_reads_the_evidence_and_may_dispute_for_14_days(world):
    one = await builders.book(world.desk)
    await carried(world)
    await world.ready(one)
    await world.well()
    world.after_grace()
    await world.desk.attendance.sweep()
    assert await world.desk.attendance.explained(one.booking) is None
    world.clock.go_to(START + 2 * DAY)
    await decide(world, one, NO_SHOW)

    told = await world.desk.attendance.explained(one.booking)

    assert (told.state, told.decided, told.reason) == (NO_SHOW, START + 2 * DAY, "Nobody came.")
    assert told.dispute_until == START + 16 * DAY
    assert [(fact.words, fact.at) for fact in told.facts] == [
        ("Your mail server took the confirmation of your booking.", builders.BOOKED_AT),
        ("Your invigilator was ready.", START - 5 * MINUTE),
        ("Our service worked the whole time.", START - 30 * MINUTE),
        ("Nobody opened your page or used your personal link.", START - 60 * MINUTE),
    ]
    [listed] = await world.desk.attendance.decided(world.sam)
    assert (listed.sitting.booking, listed.until) == (one.booking, START + 16 * DAY)
    world.clock.go_to(START + 16 * DAY + MINUTE)
    assert await world.desk.attendance.decided(world.sam) == []


async def test_only_a_scheduler_reads_the_dossier(world):
    one = await no_show(world)

    for read in (
        world.desk.attendance.dossier(world.ann, one.booking),
        world.desk.attendance.decided(world.ann),
    ):
        with pytest.raises(NotAllowed):
            await read


async def test_a_paid_charge_of_a_verdict_taken_back_is_marked_to_be_paid_back(world):
    one = await no_show(world)
    asked = await world.desk.requests.ask(next_ask())
    await world.desk.charges.pay(asked.charges[0].id, world.sam, "bank 123")

    await decide(world, one, BookingState.EXCUSED, reason="Ill after all.")

    [[state, why]] = await world.rows("SELECT state, reason FROM charge")
    assert state == "settled"
    assert "To be paid back by hand: Ill after all. (Sam Field)" in why


async def test_every_decision_is_in_the_audit_log(world):
    one = await no_show(world)
    world.clock.go(60)
    await decide(world, one, BookingState.TECHNICAL_UNRESOLVED, reason="The satellite failed.")

    async with world.store.read() as tx:
        noted = [c for c in await tx.audit.of(one.booking) if c.action == "attendance.decided"]

    told = [(json.loads(c.before)["state"], json.loads(c.after)) for c in noted]
    assert told == [
        ("no_show_proposed", {"state": "learner_no_show", "reason": "Nobody came."}),
        (
            "learner_no_show",
            {"state": "technical_unresolved", "reason": "The satellite failed."},
        ),
    ]
    assert {c.actor for c in noted} == {f"scheduler:{world.sam.id}"}


async def test_a_session_that_is_running_is_not_judged(world):
    one = await world.admitted()

    with pytest.raises(NotAllowed):
        await decide(world, one, BookingState.PROVIDER_FAULT)

    assert await world.booking_state(one.booking) is BookingState.ATTENDED
