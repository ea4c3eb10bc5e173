"""The pages of the rota and of closed days, and the one that asks what becomes of bookings."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

import pytest

from invigilation.booking import BookingState
from invigilation.desk.changes import AddLeave, SetCapacity
from invigilation.errors import InvalidInput
from invigilation.office_hours import Hours
from invigilation.store.views import Sitting
from tests.web.office import ADA, ANA, SAM, START, TOM, Answer, Person, World
from web.pages.hours import in_words, stretches_of, week_in_words

PAGE = f"/staff/rota/{ANA.id}"
HOUR = timedelta(hours=1)
MONDAY = {"leave_first": "2026-11-23", "leave_note": "A course"}
NINE_TO_FIVE = Hours(time(9), time(17))


async def with_ana(world: World, number: int = 1, start: datetime = START) -> Sitting:
    asked = await world.asked(number, f"Learner {'ABCDE'[number]}")
    return await world.desk.bookings.book(
        asked.request.id, start, "Asia/Manila", "scheduler:st_sam", by_staff=True, staff=ANA.id
    )


async def scheduler(world: World) -> Person:
    return await world.staff(SAM)


def again(page: Answer, **changed: str) -> dict[str, str]:
    """The fields of the page that asks, as they stand, with some changed."""
    found: dict[str, str] = {}
    main = page.text.partition("<main")[2]
    for tag in re.findall(r"<input[^>]*>", main):
        given = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if given.get("type") != "radio" or " checked" in tag:
            found[given["name"]] = given.get("value", "")
    for name, body in re.findall(
        r'<select id="[^"]*" name="([^"]*)">(.*?)</select>', main, re.DOTALL
    ):
        chosen = re.search(r'value="([^"]*)" selected', body)
        found[name] = chosen[1] if chosen else ""
    return found | changed


async def sitting(world: World, one: Sitting) -> Sitting:
    return await world.desk.bookings.find(one.booking)


# --- the rota at a glance ---


async def test_rota_shows_everybodys_week_and_leave(world: World) -> None:
    await world.desk.rota.change(SAM, AddLeave(TOM.id, START, START + timedelta(days=1), "Dentist"))
    sam = await scheduler(world)

    page = await sam.get("/staff/rota")

    assert "Ana Reyes Mon to Thu 09:00 to 17:00 Fri 09:00 to 15:00 1 No leave" in page.words
    assert "Tom Baker Mon to Thu 09:00 to 17:00" in page.words
    assert (
        "Monday 23 November 2026, 10:00 to Tuesday 24 November 2026, 10:00 (Dentist)" in page.words
    )
    assert f'href="{PAGE}"' in page.text
    assert "no longer fit" not in page.words


async def test_an_invigilator_sees_their_own_rota_and_changes_nothing(world: World) -> None:
    ana = await world.staff(ANA)

    assert (await ana.get("/staff/rota")).to == PAGE
    page = await ana.get(PAGE)

    assert "Mon to Thu 09:00 to 17:00" in page.words
    assert "Add leave" not in page.words
    assert (await ana.get(f"/staff/rota/{TOM.id}")).status == 403
    for path in ("leave", "week", "learners", "busy", "busy/drop", "extra", "skills"):
        assert (await ana.post(f"{PAGE}/{path}", {}, page=PAGE)).status == 403
    assert (await ana.post(f"{PAGE}/feed", {}, page=PAGE)).status == 200
    assert (await ana.post(f"/staff/rota/{TOM.id}/feed", {}, page=PAGE)).status == 403


async def test_who_does_not_invigilate_has_no_page(world: World) -> None:
    sam = await scheduler(world)

    assert (await sam.get(f"/staff/rota/{ADA.id}")).status == 404
    assert (await sam.post(f"/staff/rota/{ADA.id}/leave", MONDAY, page=PAGE)).status == 404


async def test_bookings_that_no_longer_fit_are_listed_until_dealt_with(world: World) -> None:
    one = await with_ana(world)
    await world.desk.rota.close_holidays(
        lambda year: [(START.date(), "A new holiday")] if year == 2026 else []
    )
    sam = await scheduler(world)

    for path in ("/staff/rota", "/staff/closures", PAGE):
        page = await sam.get(path)
        assert "Bookings that no longer fit" in page.words
        assert "With Ana Reyes: the office is closed then." in page.words
        assert f'href="/staff/bookings/{one.booking}"' in page.text
    await world.desk.bookings.cancel(one.booking, "holiday", by_staff=True)
    assert "no longer fit" not in (await sam.get("/staff/rota")).words


# --- one person ---


async def test_a_week_is_set_from_a_day_on(world: World) -> None:
    sam = await scheduler(world)
    week = {"monday": "9 - 12.30, 13:30 to 17", "thursday": "18:00 to 24:00", "first": "2026-12-07"}

    answer = await sam.post(f"{PAGE}/week", week, page=PAGE)

    assert answer.to == f"{PAGE}?done=week"
    page = await sam.get(answer.to)
    assert "The new week is kept." in page.words
    assert (
        "From Monday 7 December 2026 Mon 09:00 to 12:30, 13:30 to 17:00 Thu 18:00 to 00:00"
        in page.words
    )


async def test_a_week_with_mistakes_comes_back_as_it_was_entered(world: World) -> None:
    sam = await scheduler(world)
    week = {"monday": "9 to 5", "tuesday": "all day", "friday": "9 to 15", "first": "soon"}

    answer = await sam.post(f"{PAGE}/week", week, page=PAGE)

    assert answer.status == 422
    for sentence in ("Monday: 05:00 is not after 09:00.", "Tuesday: write times like"):
        assert sentence in answer.words
    for name, text in week.items():
        assert re.search(rf'id="{name}"[^>]* value="{text}"', answer.text)
    assert '<details class="add" id="add-week" open>' in answer.text
    assert (await world.desk.rota.person(SAM, ANA.id)).coming == ()


@pytest.mark.parametrize(
    ("entered", "start", "end", "shown"),
    [
        ({}, (23, 0), (24, 0), "Monday 23 November 2026 A course"),
        ({"leave_last": "2026-11-25"}, (23, 0), (26, 0), "to Wednesday 25 November 2026 A course"),
        ({"leave_first_time": "12:00"}, (23, 12), (24, 0), "Monday 23 November 2026, 12:00 to"),
        (
            {"leave_first_time": "12:00", "leave_last_time": "14:00"},
            (23, 12),
            (23, 14),
            "Monday 23 November 2026, 12:00 to 14:00 A course",
        ),
    ],
)
async def test_leave_is_of_days_or_of_times(
    world: World,
    entered: dict[str, str],
    start: tuple[int, int],
    end: tuple[int, int],
    shown: str,
) -> None:
    sam = await scheduler(world)

    answer = await sam.post(f"{PAGE}/leave", MONDAY | entered, page=PAGE)

    [leave] = (await world.desk.rota.person(SAM, ANA.id)).leave
    assert leave.leave.start == datetime(2026, 11, *start, tzinfo=UTC)
    assert leave.leave.end == datetime(2026, 11, *end, tzinfo=UTC)
    page = await sam.get(answer.to)
    assert shown in page.words
    removed = await sam.post(f"{PAGE}/leave/{leave.id}/remove", {}, page=PAGE)
    assert removed.to == f"{PAGE}?done=no-leave"
    assert "No leave lies ahead." in (await sam.get(removed.to)).words


@pytest.mark.parametrize(
    ("entered", "field", "sentence"),
    [
        ({"leave_first": ""}, "leave_first", "Enter the day"),
        ({"leave_last": "2026-11-22"}, "leave_last", "must end after it begins"),
        ({"leave_last_time": "25:00"}, "leave_last_time", "Write a time like"),
        ({"leave_note": "x" * 201}, "leave_note", "at most 200 letters"),
    ],
)
async def test_leave_that_cannot_be_is_said_at_its_field(
    world: World, entered: dict[str, str], field: str, sentence: str
) -> None:
    sam = await scheduler(world)

    answer = await sam.post(f"{PAGE}/leave", MONDAY | entered, page=PAGE)

    assert answer.status == 422
    assert f'href="#{field}"' in answer.text
    assert sentence in answer.words
    assert (await world.desk.rota.person(SAM, ANA.id)).leave == ()


async def test_extra_hours_learners_and_assessments_are_set(world: World) -> None:
    sam = await scheduler(world)

    saturday = {"extra_day": "2026-11-28", "extra_start": "10:00", "extra_end": "14:00"}
    assert (await sam.post(f"{PAGE}/extra", saturday, page=PAGE)).to == f"{PAGE}?done=extra"
    assert (await sam.post(f"{PAGE}/extra", {}, page=PAGE)).status == 422
    assert (await sam.post(f"{PAGE}/learners", {"learners": "4"}, page=PAGE)).status == 303
    assert (await sam.post(f"{PAGE}/learners", {"learners": "13"}, page=PAGE)).status == 422
    only = {"skills": "some", "skill-as_company": "yes"}
    assert (await sam.post(f"{PAGE}/skills", only, page=PAGE)).to == f"{PAGE}?done=skills"
    none = await sam.post(f"{PAGE}/skills", {"skills": "some"}, page=PAGE)
    assert "Choose at least one assessment" in none.words

    kept = await world.desk.rota.person(SAM, ANA.id)
    assert (kept.capacity, kept.assessments) == (4, {"as_company"})
    [extra] = kept.extras
    assert extra.shift.hours == Hours(time(10), time(14))
    page = await sam.get(PAGE)
    assert "Saturday 28 November 2026 10:00 to 14:00" in page.words
    await sam.post(f"{PAGE}/extra/{extra.id}/remove", {}, page=PAGE)
    await sam.post(f"{PAGE}/skills", {"skills": "every"}, page=PAGE)
    after = await world.desk.rota.person(SAM, ANA.id)
    assert (after.extras, after.assessments) == ((), frozenset())


async def test_a_busy_calendar_is_read_watched_and_dropped(world: World) -> None:
    one = await with_ana(world)
    sam = await scheduler(world)
    secret = "https://calendar.example.com/0f3c/basic.ics"

    wrong = await sam.post(f"{PAGE}/busy", {"busy_url": "ftp://x", "busy_zone": "UTC"}, page=PAGE)
    answer = await sam.post(
        f"{PAGE}/busy", {"busy_url": secret, "busy_zone": "Europe/London"}, page=PAGE
    )

    assert 'href="#busy_url"' in wrong.text
    assert answer.to == f"{PAGE}?done=busy#busy"
    source = await world.desk.busy.source(ANA.id)
    assert source is not None
    assert "Last read Not yet" in (await sam.get(PAGE)).words
    await world.desk.busy.replace(source, [(START, START + HOUR)])
    source = await world.desk.busy.source(ANA.id)
    assert source is not None
    await world.desk.busy.failed(source, "The server answered 404.")
    page = await sam.get(PAGE)
    assert secret not in page.text
    assert "calendar.example.com" in page.words
    assert "Last read Wednesday 18 November 2026, 09:00" in page.words
    assert "The server answered 404." in page.words
    assert "With Ana Reyes: Ana Reyes is busy then, says their own calendar." in page.words
    assert f"/staff/bookings/{one.booking}" in page.text
    assert "Busy during 1 booking" in (await sam.get("/staff/rota")).words
    await sam.post(f"{PAGE}/busy/drop", {}, page=PAGE)
    assert await world.desk.busy.source(ANA.id) is None
    assert "no longer fit" not in (await sam.get(PAGE)).words


async def test_a_private_feed_is_shown_once_and_can_be_switched_off(world: World) -> None:
    ana = await world.staff(ANA)

    made = await ana.post(f"{PAGE}/feed", {}, page=PAGE)

    found = re.search(r"/feeds/([\w-]+)\.ics", made.text)
    assert found
    assert (await world.desk.feeds.of(found[1]))[0] == ANA
    page = await ana.get(PAGE)
    assert "/feeds/" not in page.text
    assert "There is an address, made on Wednesday 18 November 2026, 09:00." in page.words
    await ana.post(f"{PAGE}/feed/revoke", {}, page=PAGE)
    assert await world.desk.feeds.created(ANA.id) is None


# --- what becomes of bookings ---


async def asked_about(world: World, sam: Person, form: dict[str, str] | None = None) -> Answer:
    return await sam.post(f"{PAGE}/leave", form or MONDAY, page=PAGE)


async def test_leave_over_bookings_asks_and_changes_nothing_yet(world: World) -> None:
    one = await with_ana(world)
    sam = await scheduler(world)

    page = await asked_about(world, sam)

    assert page.status == 200
    assert "What becomes of this booking?" in page.words
    assert "Learner B" in page.words
    assert "Monday 23 November 2026, 10:00 to 11:30" in page.words
    assert "because Ana Reyes is on leave then" in page.words
    chosen = again(page)
    assert chosen[f"fate-{one.booking}"] == f"reassign|{START.isoformat()}|{TOM.id}"
    assert chosen["leave_note"] == "A course"
    assert (await world.desk.rota.person(SAM, ANA.id)).leave == ()


async def test_a_proposal_says_what_time_it_is_for_the_learner(world: World) -> None:
    await world.desk.rota.change(SAM, SetCapacity(ANA.id, 3))
    for number in (1, 2, 3):
        await with_ana(world, number)
    page = await asked_about(world, await scheduler(world))

    told = re.findall(r"Nov, (\d\d):\d\d with .*?For the learner: .*?Nov, (\d\d):", page.words)
    assert told
    assert {(int(manila) - int(london)) % 24 for london, manila in told} == {8}


async def test_everything_is_carried_out_at_once(world: World) -> None:
    await world.desk.rota.change(SAM, SetCapacity(ANA.id, 3))
    first, second, third = [await with_ana(world, number) for number in (1, 2, 3)]
    sam = await scheduler(world)
    page = await asked_about(world, sam)
    tom = next(one for one in (first, second, third) if again(page).get(f"fate-{one.booking}"))
    moved, gone = [one for one in (first, second, third) if one is not tom]
    fates = {
        f"fate-{moved.booking}": "other",
        f"day-{moved.booking}": "2026-11-24",
        f"time-{moved.booking}": "14:30",
        f"who-{moved.booking}": ANA.id,
        f"fate-{gone.booking}": "cancel",
        f"reason-{gone.booking}": "Nobody is free.",
    }

    answer = await sam.post(f"{PAGE}/leave", again(page, **fates), page=PAGE)

    assert answer.to == f"{PAGE}?done=leave&count=3"
    assert "What you chose for 3 bookings has happened." in (await sam.get(answer.to)).words
    assert (await sitting(world, tom)).staff == TOM.id
    after = await sitting(world, moved)
    assert (after.start, after.staff) == (datetime(2026, 11, 24, 14, 30, tzinfo=UTC), ANA.id)
    assert (await sitting(world, gone)).booking_state is BookingState.CANCELLED
    assert len((await world.desk.rota.person(SAM, ANA.id)).leave) == 1


async def test_what_is_missing_is_said_and_everything_entered_stays(world: World) -> None:
    await world.desk.rota.change(SAM, SetCapacity(ANA.id, 3))
    first, second, third = [await with_ana(world, number) for number in (1, 2, 3)]
    sam = await scheduler(world)
    page = await asked_about(world, sam)
    fates = {
        f"fate-{first.booking}": "cancel",
        f"fate-{second.booking}": "other",
        f"day-{second.booking}": "2026-11-24",
        f"reason-{second.booking}": "Half a thought",
        f"fate-{third.booking}": "other",
        f"day-{third.booking}": "2026-11-24",
        f"time-{third.booking}": "09:00",
        f"who-{third.booking}": TOM.id,
    }

    answer = await sam.post(f"{PAGE}/leave", again(page, **fates), page=PAGE)

    assert answer.status == 409
    assert "Nothing has been changed yet" in answer.words
    assert "Learner B: Say why it is cancelled." in answer.words
    assert "Learner C: Choose the new time." in answer.words
    kept = again(answer)
    assert {name: kept[name] for name in fates} == fates
    assert kept["leave_note"] == "A course"
    for one in (first, second, third):
        assert (await sitting(world, one)).start == START


async def test_what_was_taken_meanwhile_is_named_and_proposed_anew(world: World) -> None:
    one = await with_ana(world)
    sam = await scheduler(world)
    page = await asked_about(world, sam)
    other = await world.asked(4, "Quick Quentin")
    await world.desk.bookings.book(
        other.request.id, START, "UTC", "scheduler:st_sam", by_staff=True, staff=TOM.id
    )

    answer = await sam.post(f"{PAGE}/leave", again(page), page=PAGE)

    assert answer.status == 409
    assert "Learner B: Somebody else has this time by now. Please choose again." in answer.words
    assert f"reassign|{START.isoformat()}|{TOM.id}" not in answer.text
    proposed = re.findall(rf'name="fate-{one.booking}" value="(move\|[^"]*)"', answer.text)
    assert len(proposed) == 3
    done = await sam.post(
        f"{PAGE}/leave", again(answer, **{f"fate-{one.booking}": proposed[0]}), page=PAGE
    )
    assert done.status == 303
    assert (await sitting(world, one)).start.isoformat() == proposed[0].split("|")[1]


async def test_a_booking_that_came_meanwhile_is_asked_about_as_well(world: World) -> None:
    await world.desk.rota.change(SAM, SetCapacity(ANA.id, 2))
    await with_ana(world)
    sam = await scheduler(world)
    page = await asked_about(world, sam)
    late = await with_ana(world, 2)

    answer = await sam.post(f"{PAGE}/leave", again(page), page=PAGE)

    assert answer.status == 409
    assert "Learner C: Choose what becomes of this booking." in answer.words
    assert f"fate-{late.booking}" in answer.text
    assert "Learner B:" not in answer.words


async def test_a_choice_that_nobody_offered_is_asked_for_again(world: World) -> None:
    one = await with_ana(world)
    sam = await scheduler(world)
    page = await asked_about(world, sam)

    for nonsense in (
        "",
        "reassign",
        "move|never|",
        "reassign|never|st_tom",
        "x|y|z|a",
        "move|0001-01-01T00:00|",
        "|",
    ):
        fates = {f"fate-{one.booking}": nonsense}
        answer = await sam.post(f"{PAGE}/leave", again(page, **fates), page=PAGE)
        assert answer.status == 409
        assert "Learner B: Choose what becomes of this booking." in answer.words


async def test_when_the_learner_cancels_meanwhile_the_change_goes_through(world: World) -> None:
    one = await with_ana(world)
    sam = await scheduler(world)
    page = await asked_about(world, sam)
    await world.desk.bookings.cancel(one.booking, "ill", by_staff=True)
    fates = {f"fate-{one.booking}": "cancel"}

    unfinished = await sam.post(f"{PAGE}/leave", again(page, **fates), page=PAGE)
    answer = await sam.post(f"{PAGE}/leave", again(page), page=PAGE)

    assert "No booking is in the way any more" in unfinished.words
    assert answer.to == f"{PAGE}?done=leave"


async def test_reserved_time_may_only_be_handed_on_or_given_back(world: World) -> None:
    asked = await world.asked()
    held = await world.desk.bookings.reserve(asked.request.id, START, "Asia/Manila")
    sam = await scheduler(world)
    who = {ANA.id: ANA, TOM.id: TOM}[held.staff]
    path = f"/staff/rota/{who.id}"

    page = await sam.post(f"{path}/leave", MONDAY, page=path)

    assert "Reserved, not booked yet" in page.words
    assert "Give the reserved time back" in page.words
    assert "Another time" not in page.words
    fates = {f"fate-{held.id}": "cancel", f"reason-{held.id}": "Leave"}
    answer = await sam.post(f"{path}/leave", again(page, **fates), page=path)
    assert answer.to == f"{path}?done=leave"
    assert await world.desk.bookings.reservation(asked.request.id) is None


@pytest.mark.parametrize(
    ("path", "form", "title"),
    [
        ("week", {"first": "2026-11-23", "tuesday": "9 to 17"}, "Week of Ana Reyes"),
        ("skills", {"skills": "some", "skill-as_form": "yes"}, "Assessments of Ana Reyes"),
    ],
)
async def test_every_form_of_the_rota_asks(
    world: World, path: str, form: dict[str, str], title: str
) -> None:
    one = await with_ana(world)
    sam = await scheduler(world)

    page = await sam.post(f"{PAGE}/{path}", form, page=PAGE)
    answer = await sam.post(f"{PAGE}/{path}", again(page), page=PAGE)

    assert title in page.words
    assert answer.status == 303
    assert (await sitting(world, one)).staff == TOM.id


# --- closed days ---


async def test_closing_a_day_asks_what_becomes_of_each_booking(world: World) -> None:
    one = await with_ana(world)
    sam = await scheduler(world)
    path = "/staff/closures"

    page = await sam.post(path, {"day": "2026-11-23", "reason": "A storm"})
    fates = {f"fate-{one.booking}": "cancel", f"reason-{one.booking}": "The office is shut."}
    answer = await sam.post(path, again(page, **fates))

    assert "Closing Monday 23 November 2026" in page.words
    assert "because the office is closed then" in page.words
    assert answer.to == f"{path}?done=closed&count=1"
    assert (START.date(), "A storm") in await world.desk.rota.closures()
    assert (await sitting(world, one)).booking_state is BookingState.CANCELLED


async def test_a_day_that_is_over_cannot_be_closed(world: World) -> None:
    sam = await scheduler(world)

    answer = await sam.post("/staff/closures", {"day": "2026-11-17", "reason": "A storm"})

    assert answer.status == 422
    assert "This day is over." in answer.words


async def test_removing_hours_asks_too(world: World) -> None:
    sam = await scheduler(world)
    path = "/staff/closures"
    hours = {"open_day": "2026-11-28", "open_start": "09:00", "open_end": "17:00"}
    await sam.post(f"{path}/hours", hours, page=path)
    saturday = {"extra_day": "2026-11-28", "extra_start": "09:00", "extra_end": "17:00"}
    await sam.post(f"{PAGE}/extra", saturday, page=PAGE)
    one = await with_ana(world, 1, datetime(2026, 11, 28, 10, tzinfo=UTC))
    [opening] = await world.desk.rota.openings()

    page = await sam.post(f"{path}/hours/{opening.id}/remove", {}, page=path)

    assert page.status == 200
    assert "Hours of Saturday 28 November 2026" in page.words
    assert f"fate-{one.booking}" in page.text
    assert await world.desk.rota.openings() == [opening]


# --- hours in words ---


@pytest.mark.parametrize(
    ("raw", "hours"),
    [
        ("", ()),
        ("off", ()),
        ("09:00 to 17:00", (NINE_TO_FIVE,)),
        ("9-17", (NINE_TO_FIVE,)),
        ("9.00 \N{EN DASH} 17.00", (NINE_TO_FIVE,)),
        (
            "900-1230 and 13:00 to 17:00",
            (Hours(time(9), time(12, 30)), Hours(time(13), time(17))),
        ),
        (
            "9 to 12:30; 13:30 until 24:00",
            (Hours(time(9), time(12, 30)), Hours(time(13, 30), time(0))),
        ),
        ("25 to 26", None),
        ("9", None),
        ("9 to 17,", None),
        ("x" * 121, None),
    ],
)
def test_hours_are_read_as_people_write_them(raw: str, hours: tuple[Hours, ...] | None) -> None:
    if hours is None:
        with pytest.raises(InvalidInput):
            stretches_of("monday", raw)
    else:
        assert stretches_of("monday", raw) == hours
        assert stretches_of("monday", in_words(hours)) == hours


def test_a_week_in_words_joins_days_that_are_alike() -> None:
    early = (Hours(time(8), time(12)),)

    assert week_in_words([(NINE_TO_FIVE,)] * 2 + [()] + [early] * 2 + [(), early]) == [
        ("Mon to Tue", "09:00 to 17:00"),
        ("Thu to Fri", "08:00 to 12:00"),
        ("Sun", "08:00 to 12:00"),
    ]
