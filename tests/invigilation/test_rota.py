"""The rota's own changes: what is kept, what is offered then, and who may change it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from invigilation.desk import Desk
from invigilation.desk.changes import (
    AddExtra,
    AddLeave,
    AddOpening,
    AddShift,
    CloseDay,
    EndShift,
    RemoveExtra,
    RemoveLeave,
    RemoveOpening,
    ReopenDay,
    SetCapacity,
    SetSkills,
    SetWeek,
)
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.office_hours import Hours, Window
from invigilation.slots import Leave, Refusal, Shift
from invigilation.store import Store
from tests import builders
from tests.builders import MONDAY, START

ALL_WEEK = Window(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC))


async def test_a_closed_day_offers_nothing_until_it_is_opened_again(world):
    request = await builders.ask(world.desk)
    rota = world.desk.rota
    day = Window(ALL_WEEK.start, ALL_WEEK.start + timedelta(days=1))
    before = await world.desk.bookings.starts(request, day)

    await rota.change(world.sam, CloseDay(MONDAY, "storm"))

    assert await world.desk.bookings.starts(request, day) == []
    assert await world.desk.bookings.why_empty(request, MONDAY) is Refusal.CLOSED
    await rota.change(world.sam, CloseDay(MONDAY, "hurricane"))
    assert await rota.closures() == [(MONDAY, "hurricane")]
    await rota.change(world.sam, ReopenDay(MONDAY))
    assert await world.desk.bookings.starts(request, day) == before != []


async def test_another_process_sees_a_change_of_the_rota_at_once(world, migrated_url):
    request = await builders.ask(world.desk)
    other_store = Store(migrated_url)
    other: Desk = builders.office(other_store, world.clock)
    before = await other.bookings.starts(request, ALL_WEEK)

    await world.desk.rota.change(world.sam, CloseDay(MONDAY, "storm"))

    after = await other.bookings.starts(request, ALL_WEEK)
    await other_store.close()
    assert {start.date() for start in before} - {start.date() for start in after} == {MONDAY}


async def test_leave_shifts_and_openings_are_kept(world):
    saturday = date(2026, 11, 28)
    hours = Hours(time(10, 30), time(14))
    shift = Shift(world.ann.id, 5, Hours(time(9), time(17)), saturday, saturday)
    rota = world.desk.rota
    request = await builders.ask(world.desk)

    await rota.change(world.sam, AddOpening(saturday, hours))
    await rota.change(world.sam, AddShift(shift))
    await rota.change(world.sam, AddLeave(world.ann.id, START, START + timedelta(days=4)))

    calendar = await rota.calendar()
    assert calendar.office.openings == {saturday: (hours,)}
    assert shift in calendar.shifts
    assert calendar.leave == (Leave(world.ann.id, START, START + timedelta(days=4)),)
    starts = await world.desk.bookings.starts(request, ALL_WEEK)
    assert {start.date() for start in starts} == {date(2026, 11, 27), saturday}
    assert await rota.open_windows(saturday, saturday) == [
        Window(datetime(2026, 11, 28, 10, 30, tzinfo=UTC), datetime(2026, 11, 28, 14, tzinfo=UTC))
    ]


async def test_an_opening_can_be_taken_back_alone(world):
    rota = world.desk.rota
    morning, evening = Hours(time(8), time(10)), Hours(time(18), time(0))
    await rota.change(world.sam, AddOpening(MONDAY, evening))
    await rota.change(world.sam, AddOpening(MONDAY, morning))
    first, second = await rota.openings()

    await rota.change(world.sam, RemoveOpening(second.id))

    assert [(one.day, one.hours) for one in (first, second)] == [
        (MONDAY, morning),
        (MONDAY, evening),
    ]
    assert await rota.openings() == [first]
    assert (await rota.calendar()).office.openings == {MONDAY: (morning,)}
    with pytest.raises(NotFound):
        await rota.change(world.sam, RemoveOpening(second.id))


def two_holidays(year):
    return [(date(year, 12, 25), "Christmas Day"), (date(year, 12, 28), "Boxing Day")]


async def test_each_years_bank_holidays_are_closed_once_a_year_ahead(world):
    rota = world.desk.rota
    assert await rota.close_holidays(two_holidays) == 4
    await rota.change(world.sam, ReopenDay(date(2027, 12, 28)))

    again = await rota.close_holidays(two_holidays)
    same_year = [day for day, _ in await rota.closures()]
    world.clock.go_to(datetime(2027, 1, 1, 9, tzinfo=UTC))
    next_year = await rota.close_holidays(two_holidays)

    assert (again, next_year) == (0, 2)
    assert same_year == [date(2026, 12, 25), date(2026, 12, 28), date(2027, 12, 25)]
    closed = [day for day, _ in await rota.closures()]
    assert closed == [*same_year, date(2028, 12, 25), date(2028, 12, 28)]
    assert await rota.open_windows(date(2028, 12, 25), date(2028, 12, 25)) == []


async def test_a_holiday_that_was_closed_by_hand_keeps_its_reason(world):
    await world.desk.rota.change(world.sam, CloseDay(date(2026, 12, 25), "We are away"))

    assert await world.desk.rota.close_holidays(two_holidays) == 3

    assert (await world.desk.rota.closures())[0] == (date(2026, 12, 25), "We are away")


async def test_only_a_scheduler_changes_the_rota(world):
    rota, ann = world.desk.rota, world.ann

    for change in (
        rota.change(ann, CloseDay(MONDAY, "storm")),
        rota.change(ann, ReopenDay(MONDAY)),
        rota.change(ann, AddOpening(MONDAY, Hours(time(9), time(10)))),
        rota.change(ann, RemoveOpening("op_none")),
        rota.change(ann, AddShift(Shift(ann.id, 0, Hours(time(9), time(10)), MONDAY, None))),
        rota.change(ann, AddLeave(ann.id, START, START + timedelta(hours=1))),
    ):
        with pytest.raises(NotAllowed):
            await change
    with pytest.raises(InvalidInput):
        await rota.change(world.sam, CloseDay(MONDAY, " "))
    with pytest.raises(InvalidInput):
        await rota.change(world.sam, AddLeave(ann.id, START, START))


# --- one person's week ---

MORNING, AFTERNOON = Hours(time(9), time(12)), Hours(time(13), time(17))
OFF = ()


async def test_a_new_week_stands_from_its_first_day_and_the_old_one_ends_before_it(world):
    first = date(2026, 12, 2)  # a Wednesday
    week = ((MORNING, AFTERNOON), OFF, (AFTERNOON,), OFF, OFF, OFF, OFF)
    before = await world.desk.rota.person(world.sam, world.ann.id)

    await world.desk.rota.change(world.sam, SetWeek(world.ann.id, first, week))

    kept = await world.desk.rota.person(world.sam, world.ann.id)
    assert kept.week == before.week
    assert kept.coming == ((first, week),)
    shifts = (await world.desk.rota.calendar()).shifts
    assert {one.last for one in shifts if one.first < first} == {first - timedelta(days=1)}
    request = await builders.ask(world.desk)
    days = Window(datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 9, tzinfo=UTC))
    starts = await world.desk.bookings.starts(request, days)
    assert {start.date() for start in starts} == {
        date(2026, 11, 30),
        date(2026, 12, 1),
        first,
        date(2026, 12, 7),
    }
    assert {start.hour for start in starts if start.date() == first} == {13, 14, 15}


async def test_a_week_that_never_came_is_taken_away_by_another(world):
    rota, ann = world.desk.rota, world.ann.id
    await rota.change(world.sam, SetWeek(ann, date(2026, 12, 7), ((MORNING,), *[OFF] * 6)))

    await rota.change(world.sam, SetWeek(ann, date(2026, 11, 30), ((AFTERNOON,), *[OFF] * 6)))

    kept = await rota.person(world.sam, ann)
    assert kept.coming == ((date(2026, 11, 30), ((AFTERNOON,), *[OFF] * 6)),)


@pytest.mark.parametrize(
    ("first", "monday", "field"),
    [
        (date(2026, 11, 19), (MORNING,), "first"),
        (MONDAY, (MORNING, Hours(time(11), time(13))), "monday"),
        (MONDAY, (Hours(time(20), time(0)), Hours(time(21), time(22))), "monday"),
        (MONDAY, tuple(Hours(time(h), time(h, 30)) for h in range(9, 14)), "monday"),
    ],
)
async def test_a_week_that_cannot_be_worked_is_refused(world, first, monday, field):
    before = (await world.desk.rota.calendar()).shifts

    with pytest.raises(InvalidInput) as refused:
        await world.desk.rota.change(world.sam, SetWeek(world.ann.id, first, (monday, *[OFF] * 6)))

    assert refused.value.field == field
    assert (await world.desk.rota.calendar()).shifts == before


async def test_extra_hours_of_a_person_stay_when_the_week_changes(world):
    rota, ann = world.desk.rota, world.ann.id
    saturday = date(2026, 11, 28)
    await rota.change(world.sam, AddExtra(ann, saturday, MORNING))

    await rota.change(world.sam, SetWeek(ann, MONDAY, ((MORNING,), *[OFF] * 6)))

    [extra] = (await rota.person(world.sam, ann)).extras
    assert (extra.shift.first, extra.shift.hours) == (saturday, MORNING)
    await rota.change(world.sam, RemoveExtra(extra.id))
    assert (await rota.person(world.sam, ann)).extras == ()
    with pytest.raises(NotFound):
        await rota.change(world.sam, RemoveExtra("shift_ann_0"))
    with pytest.raises(InvalidInput):
        await rota.change(world.sam, AddExtra(ann, date(2026, 11, 19), MORNING))


async def test_a_shift_may_end(world):
    await world.desk.rota.change(world.sam, EndShift("shift_ann_0", MONDAY))
    await world.desk.rota.change(world.sam, EndShift("shift_ann_1", date(2025, 12, 31)))

    kept = {one.weekday: one.last for one in (await world.desk.rota.calendar()).shifts}
    assert kept == {0: MONDAY, 2: None, 3: None, 4: None}
    with pytest.raises(NotFound):
        await world.desk.rota.change(world.sam, EndShift("shift_ann_1", MONDAY))


async def test_leave_is_kept_with_its_note_and_can_be_removed(world):
    rota, ann = world.desk.rota, world.ann.id
    await rota.change(world.sam, AddLeave(ann, START, START + timedelta(days=1), " A  course "))

    [leave] = (await rota.person(world.sam, ann)).leave

    assert (leave.leave, leave.note) == (Leave(ann, START, START + timedelta(days=1)), "A course")
    await rota.change(world.sam, RemoveLeave(leave.id))
    assert (await rota.person(world.sam, ann)).leave == ()
    with pytest.raises(NotFound):
        await rota.change(world.sam, RemoveLeave(leave.id))


async def test_capacity_brings_back_lanes_before_it_adds_new_ones(world):
    rota, ann = world.desk.rota, world.ann.id

    for learners, rows in ((3, 3), (1, 3), (2, 3), (12, 12)):
        await rota.change(world.sam, SetCapacity(ann, learners))
        assert (await rota.person(world.sam, ann)).capacity == learners
        assert len((await rota.calendar()).seats) == learners
        assert await world.count("seat") == rows
    for learners in (0, 13):
        with pytest.raises(InvalidInput):
            await rota.change(world.sam, SetCapacity(ann, learners))


async def test_who_lacks_the_skill_is_not_offered(world):
    await builders.add_assessment_of(world.desk, "as_other", "other")
    request = await builders.ask(world.desk)
    rota, ann = world.desk.rota, world.ann.id

    await rota.change(world.sam, SetSkills(ann, ("as_other",)))

    assert (await rota.person(world.sam, ann)).assessments == {"as_other"}
    assert await world.desk.bookings.starts(request, ALL_WEEK) == []
    await rota.change(world.sam, SetSkills(ann, ()))
    assert await world.desk.bookings.starts(request, ALL_WEEK) != []
    with pytest.raises(InvalidInput):
        await rota.change(world.sam, SetSkills(ann, ("as_none",)))


async def test_every_change_is_in_the_audit_log_with_before_and_after(world):
    rota, ann = world.desk.rota, world.ann.id
    await rota.change(world.sam, SetCapacity(ann, 3))
    await rota.change(world.sam, SetWeek(ann, MONDAY, ((MORNING,), *[OFF] * 6)))
    await rota.change(world.sam, CloseDay(MONDAY, "storm"))
    await rota.change(world.sam, ReopenDay(MONDAY))

    async with world.store.read() as tx:
        of_ann, of_day = await tx.audit.of(ann), await tx.audit.of(str(MONDAY))

    found = {(one.actor, one.action, one.before, one.after) for one in (*of_ann, *of_day)}
    usual = ", ".join(f"{day} 09:00-17:00" for day in DAYS)
    assert found == {
        (WHO, "capacity.set", '{"learners":1}', '{"learners":3}'),
        (
            WHO,
            "week.set",
            f'{{"week":"{usual}"}}',
            '{"first":"2026-11-23","week":"monday 09:00-12:00"}',
        ),
        (WHO, "day.closed", None, '{"closed":"storm"}'),
        (WHO, "day.reopened", '{"closed":"storm"}', None),
    }


WHO = "scheduler:st_sam"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")


async def test_who_does_not_invigilate_has_no_rota(world):
    rota, sam = world.desk.rota, world.sam
    for change in (
        AddLeave(sam.id, START, START + timedelta(hours=1)),
        SetCapacity(sam.id, 2),
        SetSkills("st_nobody", ()),
        SetWeek(sam.id, MONDAY, (OFF,) * 7),
        AddExtra(sam.id, MONDAY, MORNING),
    ):
        with pytest.raises(NotFound):
            await rota.change(sam, change)
    with pytest.raises(NotFound):
        await rota.person(sam, sam.id)
    assert [one.staff.id for one in await rota.everybody(sam)] == [world.ann.id]


async def test_closing_a_day_takes_its_extra_hours_with_it(world):
    rota = world.desk.rota
    await rota.change(world.sam, AddOpening(MONDAY, Hours(time(8), time(18))))

    await rota.change(world.sam, CloseDay(MONDAY, "storm"))

    assert await rota.openings() == []
    assert await rota.open_windows(MONDAY, MONDAY) == []
