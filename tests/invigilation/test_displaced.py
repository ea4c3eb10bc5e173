"""A change of the rota over bookings: each gets a fate, or nothing changes; nothing is orphaned."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import insert

from invigilation.booking import BookingState
from invigilation.desk.changes import (
    AddExtra,
    AddLeave,
    AddOpening,
    CloseDay,
    EndShift,
    RemoveExtra,
    RemoveOpening,
    ReopenDay,
    SetCapacity,
    SetSkills,
    SetWeek,
)
from invigilation.desk.displaced import Displaces, Fate, Proposal
from invigilation.errors import InvalidInput, NotAllowed, SlotNotOffered
from invigilation.fitting import Misfit
from invigilation.office_hours import Hours
from invigilation.record import stamp
from invigilation.store.calendar_rows import busy
from tests import builders
from tests.builders import MONDAY, START

HOUR = timedelta(hours=1)
HALF_HOUR = timedelta(minutes=30)
SATURDAY = date(2026, 11, 28)
ON_SATURDAY = datetime(2026, 11, 28, 10, tzinfo=UTC)
AT_NINE = START - HOUR
LEAVE_OF_MONDAY = START - timedelta(hours=10), START + timedelta(hours=14)


def leave(world, start=START, end=START + 2 * HOUR):
    return AddLeave(world.ann.id, start, end)


async def refused(world, change, fates=None):
    """What a change displaces; it must be refused, and change nothing."""
    before = await state(world)
    with pytest.raises(Displaces) as error:
        await world.desk.rota.change(world.sam, change, fates or {})
    assert await state(world) == before
    return error.value


async def state(world):
    tables = ("shift", "leave", "closure", "opening", "seat", "skill", "audit", "counter")
    rows = {name: sorted(map(repr, await world.rows(f"SELECT * FROM {name}"))) for name in tables}
    return rows | await world.everything()


def names(displaced):
    return [each.one.booking.id for each in displaced]


# --- every change displaces what it should ---


async def opened(world, start=ON_SATURDAY):
    """Open a Saturday, with Ann on duty, and book it."""
    rota, hours = world.desk.rota, Hours(time(9), time(17))
    await rota.change(world.sam, AddOpening(start.date(), hours))
    await rota.change(world.sam, AddExtra(world.ann.id, start.date(), hours))
    return await builders.book(world.desk, 7, start)


async def changes_over(world, kind):
    """A booking, a change that displaces it, and why."""
    rota, ann = world.desk.rota, world.ann.id
    if kind in {"opening removed", "extra removed"}:
        sitting = await opened(world)
        [opening] = await rota.openings()
        [extra] = (await rota.person(world.sam, ann)).extras
        if kind == "opening removed":
            return sitting, RemoveOpening(opening.id), Misfit.CLOSED
        return sitting, RemoveExtra(extra.id), Misfit.OFF_DUTY
    sitting = await builders.book(world.desk)
    await builders.add_assessment_of(world.desk, "as_other", "other")
    off = ()
    late = (Hours(time(11), time(17)),)
    return sitting, *{
        "leave": (leave(world), Misfit.AWAY),
        "leave of a minute in the buffer": (
            leave(world, START + timedelta(minutes=104), START + 5 * HOUR),
            Misfit.AWAY,
        ),
        "day closed": (CloseDay(MONDAY, "storm"), Misfit.CLOSED),
        "other hours that day": (AddOpening(MONDAY, late[0]), Misfit.CLOSED),
        "shift ended": (EndShift("shift_ann_0", date(2026, 11, 22)), Misfit.OFF_DUTY),
        "another week": (SetWeek(ann, MONDAY, (late, *[off] * 6)), Misfit.OFF_DUTY),
        "skill": (SetSkills(ann, ("as_other",)), Misfit.NO_SKILL),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "leave",
        "leave of a minute in the buffer",
        "day closed",
        "other hours that day",
        "opening removed",
        "shift ended",
        "another week",
        "extra removed",
        "skill",
    ],
)
async def test_a_change_over_a_booking_asks_what_becomes_of_it(world, kind):
    sitting, change, why = await changes_over(world, kind)

    error = await refused(world, change)

    [each] = error.displaced
    assert (each.one.booking.id, each.why) == (sitting.booking, {why})
    assert await world.desk.rota.misfits(world.sam) == []
    before = await state(world)
    assert await world.desk.rota.preview(world.sam, change) == [each]
    assert await state(world) == before
    [told] = await world.desk.rota.change(
        world.sam, change, {sitting.booking: Fate.cancel("We are away.")}
    )
    assert (told.booking, told.booking_state) == (sitting.booking, BookingState.CANCELLED)
    assert await world.desk.rota.misfits(world.sam) == []


async def test_a_change_beside_bookings_asks_nobody(world):
    sitting = await builders.book(world.desk)
    bob = await builders.add_invigilator(world.desk, "Bob Bower")
    rota = world.desk.rota

    for change in (
        leave(world, START + timedelta(minutes=105), START + 5 * HOUR),
        leave(world, START - HOUR, START),
        AddLeave(bob.id, START, START + HOUR),
        SetSkills(world.ann.id, ("as_psc",)),
        SetWeek(world.ann.id, MONDAY, ((Hours(time(10), time(11, 45)),), *[()] * 6)),
        CloseDay(MONDAY + timedelta(days=1), "storm"),
        AddOpening(MONDAY, Hours(time(10), time(11, 45))),
    ):
        assert await rota.change(world.sam, change) == []

    assert await rota.misfits(world.sam) == []
    assert (await world.desk.bookings.find(sitting.booking)).start == START


async def test_what_is_over_or_cancelled_or_under_way_asks_nobody(world):
    await builders.add_invigilator(world.desk, "Bob Bower")
    sitting = await builders.book(world.desk)
    gone = await builders.book(world.desk, 2)
    await world.desk.bookings.cancel(gone.booking, "ill", by_staff=True)
    world.clock.go_to(START - timedelta(minutes=10))
    await world.desk.sessions.check_in(sitting.session, builders.CONSENT)

    assert await world.desk.rota.change(world.sam, CloseDay(MONDAY, "storm")) == []


async def test_only_a_scheduler_sees_and_makes_changes(world):
    for asked in (
        world.desk.rota.preview(world.ann, leave(world)),
        world.desk.rota.misfits(world.ann),
        world.desk.rota.everybody(world.ann),
        world.desk.rota.person(world.ann, world.sam.id),
    ):
        with pytest.raises(NotAllowed):
            await asked


# --- fates ---


async def test_a_displaced_booking_goes_to_a_colleague_without_troubling_the_learner(world):
    sitting = await builders.book(world.desk)
    bob = await builders.add_invigilator(world.desk, "Bob Bower")
    letters = await world.sent()

    [told] = await world.desk.rota.change(
        world.sam, leave(world), {sitting.booking: Fate.reassign(bob.id)}
    )

    assert (told.staff, told.start, told.sequence) == (bob.id, START, sitting.sequence)
    assert await world.sent() == letters
    entry = (await world.entries(sitting.session))[-1]
    assert (entry.kind, entry.actor) == ("moved", "scheduler:st_sam")
    assert entry.data["invigilator"] == bob.id
    async with world.store.read() as tx:
        actions = {one.action for one in await tx.audit.of(sitting.booking)}
    assert actions == {"booking.made", "booking.moved"}


async def test_a_displaced_booking_gets_another_time_and_the_learner_a_letter(world):
    sitting = await builders.book(world.desk)
    later = START + 3 * HOUR

    [told] = await world.desk.rota.change(
        world.sam, leave(world), {sitting.booking: Fate.move(later)}
    )

    assert (told.staff, told.start) == (world.ann.id, later)
    assert (await world.bodies("moved"))[0]["start"] == stamp(later)
    assert await world.kinds(sitting.session) == ["booked", "moved"]


async def test_a_displaced_booking_is_cancelled_with_a_reason(world):
    sitting = await builders.book(world.desk)

    await world.desk.rota.change(
        world.sam, CloseDay(MONDAY, "storm"), {sitting.booking: Fate.cancel(" A  storm ")}
    )

    assert await world.booking_state(sitting.booking) is BookingState.CANCELLED
    assert (await world.session(sitting.session)).reason == "A storm"
    [letter] = await world.bodies("cancelled")
    assert (letter["booking"], letter["reason"]) == (sitting.booking, "A storm")
    assert await world.desk.rota.closures() == [(MONDAY, "storm")]


@pytest.mark.parametrize(
    ("fate", "sentence"),
    [
        (Fate.cancel("  "), "Say why it is cancelled"),
        (Fate.cancel("x" * 201), "Say why it is cancelled"),
        (Fate.reassign("st_ann"), "Ann Archer is not on duty"),
        (Fate.reassign("st_sam"), "Sam Field is not on duty"),
        (Fate.reassign("st_nobody"), "This person is not on duty"),
        (Fate.move(START + HALF_HOUR), "Nobody who takes this assessment is on duty"),
        (Fate.move(START + timedelta(minutes=170)), "full and the half hour"),
        (Fate.move(START + timedelta(days=5)), "The office is closed"),
        (Fate.move(START - timedelta(days=4)), "This time has passed"),
        (Fate.move(datetime(2027, 3, 2, 10, tzinfo=UTC)), "licence has ended"),
    ],
)
async def test_a_fate_that_cannot_be_is_said_beside_its_booking(world, fate, sentence):
    sitting = await builders.book(world.desk)

    error = await refused(world, leave(world), {sitting.booking: fate})

    assert list(error.mistakes) == [sitting.booking]
    assert sentence in error.mistakes[sitting.booking]
    assert names(error.displaced) == [sitting.booking]


async def test_fates_are_carried_out_together_or_not_at_all(world):
    await world.desk.rota.change(world.sam, SetCapacity(world.ann.id, 2))
    first, second = [await builders.book(world.desk, number) for number in (1, 2)]
    later = START + 3 * HOUR
    fates = {first.booking: Fate.move(later), second.booking: Fate.reassign(world.ann.id)}

    error = await refused(world, leave(world), fates)

    assert list(error.mistakes) == [second.booking]
    missing = await refused(world, leave(world), {first.booking: Fate.move(later)})
    assert missing.mistakes == {}
    assert sorted(names(missing.displaced)) == sorted([first.booking, second.booking])
    fates[second.booking] = Fate.cancel("No other time.")
    done = await world.desk.rota.change(world.sam, leave(world), fates)
    assert {one.booking: one.booking_state for one in done} == {
        first.booking: BookingState.BOOKED,
        second.booking: BookingState.CANCELLED,
    }


async def test_what_finds_its_place_taken_waits_for_the_others(world):
    one = await builders.book(world.desk, 1, START)
    two = await builders.book(world.desk, 2, START + 2 * HOUR)
    away = leave(world, START, START + timedelta(hours=2, minutes=15))
    fates = {
        one.booking: Fate.move(START + timedelta(hours=2, minutes=30)),
        two.booking: Fate.move(START + 5 * HOUR),
    }

    done = await world.desk.rota.change(world.sam, away, fates)

    assert {each.booking: each.start for each in done} == {
        booking: fate.start for booking, fate in fates.items()
    }


async def test_a_fate_of_what_is_not_displaced_is_left_aside(world):
    sitting = await builders.book(world.desk)
    fates = {sitting.booking: Fate.cancel("x"), "bk_none": Fate.cancel("x")}

    away = leave(world, START + 3 * HOUR, START + 4 * HOUR)

    assert await world.desk.rota.change(world.sam, away, fates) == []
    assert await world.booking_state(sitting.booking) is BookingState.BOOKED


# --- time that is only held ---


async def reserved(world, number=1, start=START):
    request = await builders.ask(world.desk, number)
    return await world.desk.bookings.reserve(request, start, "Europe/London")


async def test_held_time_goes_to_a_colleague_or_is_given_back(world):
    held = await reserved(world)
    bob = await builders.add_invigilator(world.desk, "Bob Bower")

    error = await refused(world, leave(world), {held.id: Fate.move(START + 3 * HOUR)})
    assert "only held" in error.mistakes[held.id]
    assert [one.staff for one in error.displaced[0].proposals] == [bob.id]
    assert (
        await world.desk.rota.change(world.sam, leave(world), {held.id: Fate.reassign(bob.id)})
        == []
    )

    live = await world.desk.bookings.reservation(held.request)
    assert (live.staff, live.start, live.reserved_until) == (bob.id, START, held.reserved_until)
    gone = AddLeave(bob.id, START, START + HOUR)
    assert await world.desk.rota.change(world.sam, gone, {held.id: Fate.cancel("storm")}) == []
    assert await world.desk.bookings.reservation(held.request) is None
    [letter] = await world.bodies("reservation_lapsed")
    assert (letter["withdrawn"], letter["reason"]) == (True, "storm")
    async with world.store.read() as tx:
        noted = {one.action: one.after for one in await tx.audit.of(held.id)}
    assert noted["reservation.given_back"] == '{"reason":"storm"}'


async def test_nothing_else_is_proposed_for_held_time(world):
    await reserved(world)

    [each] = await world.desk.rota.preview(world.sam, leave(world))

    assert each.proposals == ()


# --- lanes ---


async def test_fewer_lanes_let_bookings_slip_to_free_ones_without_a_question(world):
    rota = world.desk.rota
    await rota.change(world.sam, SetCapacity(world.ann.id, 3))
    sittings = [await builders.book(world.desk, n, START + n * 2 * HOUR) for n in range(3)]
    letters = await world.sent()

    assert await rota.change(world.sam, SetCapacity(world.ann.id, 1)) == []

    assert await rota.misfits(world.sam) == []
    seats = await world.rows("SELECT DISTINCT seat FROM booking")
    assert seats == [("seat_ann_0",)]
    assert await world.sent() == letters
    for sitting in sittings:
        assert await world.kinds(sitting.session) == ["booked"]


async def test_what_finds_no_lane_needs_a_fate(world):
    rota = world.desk.rota
    await rota.change(world.sam, SetCapacity(world.ann.id, 3))
    sittings = {(await builders.book(world.desk, n)).booking for n in range(3)}

    error = await refused(world, SetCapacity(world.ann.id, 2))

    [each] = error.displaced
    assert each.why == {Misfit.NO_LANE}
    assert each.one.booking.id in sittings
    fates = {each.one.booking.id: Fate.move(each.proposals[0].start)}
    [moved] = await rota.change(world.sam, SetCapacity(world.ann.id, 2), fates)
    assert moved.booking == each.one.booking.id
    assert await rota.misfits(world.sam) == []


# --- proposals ---


async def test_a_colleague_who_is_free_then_is_proposed_first(world):
    sitting = await builders.book(world.desk)
    bob = await builders.add_invigilator(world.desk, "Bob Bower", seats=1)
    cy = await builders.add_invigilator(world.desk, "Cy Carter", seats=1)
    busy_bee = [await builders.book(world.desk, n, START + timedelta(days=1)) for n in (2, 3, 4)]
    assert len({one.staff for one in busy_bee}) == 3
    dee = await builders.add_invigilator(world.desk, "Dee Dunn", seats=1)

    [each] = await world.desk.rota.preview(world.sam, AddLeave(sitting.staff, START, START + HOUR))

    assert each.proposals[0] == Proposal(START, dee.id, "Dee Dunn")
    assert {one.staff for one in each.proposals} == {bob.id, cy.id, world.ann.id, dee.id} - {
        sitting.staff
    }
    assert {one.start for one in each.proposals} == {START}


async def test_who_lacks_the_skill_is_not_proposed(world):
    await builders.book(world.desk)
    bob = await builders.add_invigilator(world.desk, "Bob Bower")
    await builders.add_assessment_of(world.desk, "as_other", "other")
    await world.desk.rota.change(world.sam, SetSkills(bob.id, ("as_other",)))

    [each] = await world.desk.rota.preview(world.sam, leave(world))

    assert {one.staff for one in each.proposals} == {world.ann.id}


async def test_else_the_three_nearest_starts_are_proposed(world):
    await builders.book(world.desk, 1, START + HOUR)
    away = leave(world, START + 2 * HOUR, START + 3 * HOUR)

    [each] = await world.desk.rota.preview(world.sam, away)

    assert [one.start for one in each.proposals] == [
        START,  # from 10:00 to 11:45, before the leave
        START - HALF_HOUR,
        START - HOUR,
    ]
    assert {one.staff_name for one in each.proposals} == {"Ann Archer"}


async def test_two_displaced_bookings_are_not_proposed_the_same_seat(world):
    await world.desk.rota.change(world.sam, SetCapacity(world.ann.id, 2))
    for number in (1, 2):
        await builders.book(world.desk, number)
    bob = await builders.add_invigilator(world.desk, "Bob Bower", seats=1)

    first, second = await world.desk.rota.preview(world.sam, leave(world))

    assert [one.staff for one in first.proposals] == [bob.id]
    assert bob.id not in {one.staff for one in second.proposals if one.start == START}
    fates = {
        each.one.booking.id: Fate.move(each.proposals[0].start, each.proposals[0].staff)
        for each in (first, second)
    }
    assert len(await world.desk.rota.change(world.sam, leave(world), fates)) == 2


async def test_proposals_of_a_whole_day_can_all_be_taken(world):
    await world.desk.rota.change(world.sam, SetCapacity(world.ann.id, 4))
    for number in range(12):
        await builders.book(world.desk, number, AT_NINE + (number % 3) * 2 * HOUR)

    displaced = await world.desk.rota.preview(world.sam, CloseDay(MONDAY, "storm"))

    fates = {
        each.one.booking.id: Fate.move(each.proposals[0].start, each.proposals[0].staff)
        for each in displaced
    }
    done = await world.desk.rota.change(world.sam, CloseDay(MONDAY, "storm"), fates)
    assert len(done) == 12
    assert await world.desk.rota.misfits(world.sam) == []


# --- what asks nobody ---


def christmas(year):
    return [(MONDAY, "Seafarers' day")] if year == 2026 else []


async def test_a_seeded_holiday_over_a_booking_is_listed_until_it_is_dealt_with(world):
    sitting = await builders.book(world.desk)

    await world.desk.rota.close_holidays(christmas)

    [each] = await world.desk.rota.misfits(world.sam)
    assert (each.one.booking.id, each.why) == (sitting.booking, {Misfit.CLOSED})
    error = await refused(world, leave(world))
    assert error.displaced[0].why == {Misfit.AWAY}
    await world.desk.bookings.move(sitting.booking, START + timedelta(days=1), by_staff=True)
    assert await world.desk.rota.misfits(world.sam) == []


async def test_misfits_are_looked_for_a_few_at_a_time_and_not_told_without_end(world, monkeypatch):
    bookings = [
        (await builders.book(world.desk, n, START + n * 2 * HOUR)).booking for n in range(3)
    ]
    await world.desk.rota.close_holidays(christmas)
    monkeypatch.setattr("invigilation.desk.rota.JUDGED_AT_ONCE", 1)

    listed = await world.desk.rota.misfits(world.sam, world.ann.id)
    monkeypatch.setattr("invigilation.desk.rota.MISFITS_SHOWN", 2)
    fewer = await world.desk.rota.misfits(world.sam)

    assert [each.one.booking.id for each in listed] == bookings
    assert [each.one.booking.id for each in fewer] == bookings[:2]
    assert await world.desk.rota.misfits(world.sam, world.sam.id) == []


async def test_a_busy_time_over_a_booking_is_listed_and_keeps_others_away(world):
    sitting = await builders.book(world.desk)
    request = await builders.ask(world.desk, 2)
    async with world.store.write() as tx:
        times = {"staff": world.ann.id, "start": START + HOUR, "end": START + 3 * HOUR}
        await tx.bookings._db.execute(insert(busy).values(id="by_1", **times))
        await tx.rota._changed()

    [each] = await world.desk.rota.misfits(world.sam)

    assert (each.one.booking.id, each.why) == (sitting.booking, {Misfit.BUSY})
    person = await world.desk.rota.person(world.sam, world.ann.id)
    assert [one.booking.id for one in person.touched] == [sitting.booking]
    assert [one.start for one in person.busy] == [START + HOUR]
    with pytest.raises(SlotNotOffered):
        await world.desk.bookings.book(request, START + 2 * HOUR, "Europe/London")
    # Other changes do not ask about it: nobody here can refuse what comes from outside.
    assert await world.desk.rota.change(world.sam, SetCapacity(world.ann.id, 2)) == []


# --- races ---


async def test_a_booking_that_is_taken_while_leave_is_added_is_never_orphaned(world):
    requests = [await builders.ask(world.desk, number) for number in range(8)]
    await world.desk.rota.change(world.sam, SetCapacity(world.ann.id, 8))

    async def book(request):
        try:
            return await world.desk.bookings.book(request, START, "Europe/London")
        except SlotNotOffered:
            return None

    async def go_away():
        try:
            await world.desk.rota.change(world.sam, leave(world))
        except Displaces as error:
            return error
        return None

    bookers = [book(request) for request in requests]
    results = await asyncio.gather(*bookers[:4], go_away(), *bookers[4:])

    leaving = (await world.desk.rota.person(world.sam, world.ann.id)).leave
    assert bool(leaving) == (results[4] is None)
    assert await world.desk.rota.misfits(world.sam) == []
    booked = [one for one in (*results[:4], *results[5:]) if one is not None]
    assert len(booked) == (0 if leaving else 8)


async def test_a_booking_that_the_learner_gives_back_meanwhile_is_no_mistake(world):
    sitting = await builders.book(world.desk)
    fates = {sitting.booking: Fate.reassign("st_nobody")}

    async def cancel():
        await world.desk.bookings.cancel(sitting.booking, "ill", by_staff=True)

    await cancel()

    assert await world.desk.rota.change(world.sam, leave(world), fates) == []


async def test_two_changes_at_once_leave_nothing_orphaned(world):
    bob = await builders.add_invigilator(world.desk, "Bob Bower", seats=1)
    sitting = await builders.book(world.desk)
    other = {world.ann.id: bob.id, bob.id: world.ann.id}[sitting.staff]

    async def make(change, fates):
        try:
            await world.desk.rota.change(world.sam, change, fates)
        except Displaces:
            return False
        return True

    results = await asyncio.gather(
        make(
            AddLeave(sitting.staff, *LEAVE_OF_MONDAY),
            {sitting.booking: Fate.reassign(other)},
        ),
        make(AddLeave(other, *LEAVE_OF_MONDAY), {}),
    )

    assert sorted(results) == [False, True]
    assert await world.desk.rota.misfits(world.sam) == []


async def test_what_was_rolled_back_is_not_remembered(world):
    """Readers keep the calendar by its version: a version that never was must not be kept."""
    request = await builders.ask(world.desk, 2)
    await builders.book(world.desk)
    await refused(world, leave(world))

    await world.desk.rota.change(world.sam, ReopenDay(MONDAY))  # the same version as the leave's

    start = START + 2 * HOUR
    assert (await world.desk.bookings.book(request, start, "Europe/London")).start == start


async def test_a_change_that_is_refused_for_itself_changes_nothing(world):
    before = await state(world)

    with pytest.raises(InvalidInput):
        await world.desk.rota.change(world.sam, leave(world, START, START))

    assert await state(world) == before
