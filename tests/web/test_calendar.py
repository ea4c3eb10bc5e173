"""The scheduler's calendar: what it shows, and what it answers to the page's script."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from invigilation.desk.changes import AddLeave, AddOpening
from invigilation.desk.requests import Ask
from invigilation.office_hours import Hours
from invigilation.store.views import Sitting
from tests.web.office import ANA, BACKEND, SAM, START, TOM, Answer, Person, World
from web.pages.moving import STAYS

WEEK = "/staff/calendar?week=2026-11-25"
OTHER = {ANA.id: TOM, TOM.id: ANA}


def boot(page: Answer) -> dict[str, Any]:
    found = re.search(r'id="boot">(.*?)</script>', page.text, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert isinstance(data, dict)
    return data


async def place(person: Person, sitting: Sitting, **to: object) -> Answer:
    """Ask as the page's script does, with what the page knows unless it is given."""
    token = (await person.get(WEEK)).csrf
    known = {"sequence": sitting.sequence, "was": sitting.staff}
    body = {"day": "2026-11-24", "time": "10:00", "staff": "", **known} | to
    path = f"/staff/bookings/{sitting.booking}/place"
    return await person.ask("POST", path, json=body, headers={"X-CSRF-Token": token})


def said(answer: Answer) -> str:
    return str(json.loads(answer.text)["error"]["detail"])


async def test_calendar_is_a_table_of_the_week_without_any_script(world: World) -> None:
    sitting = await world.booked()
    sam = await world.staff(SAM)

    page = await sam.get(WEEK)

    assert "23 to 27 November 2026" in page.words
    assert "10:00\N{EN DASH}11:30 Maria Santos Booked" in page.words
    assert "Fri 27 Moving house" in page.words
    assert "Mon 23 09:00 to 17:00" in page.words
    assert f"/staff/bookings/{sitting.booking}" in page.text
    assert "?week=2026-11-16" in page.text
    assert "?week=2026-11-30" in page.text
    assert "Sat 28" not in page.words


async def test_calendar_begins_with_the_present_week(world: World) -> None:
    sam = await world.staff(SAM)

    for path in ("/staff/calendar", "/staff/calendar?week=nonsense"):
        assert "16 to 20 November 2026" in (await sam.get(path)).words


async def test_calendar_lists_today_below_the_week(world: World) -> None:
    sitting = await world.booked()
    before = await (await world.staff(SAM)).get(WEEK)
    world.clock.move_to(START)
    sam = await world.staff(SAM)

    page = await sam.get("/staff/calendar")

    assert "Today," not in before.words
    with_whom = f"with {sitting.staff_name} Booked"
    today = page.words.partition("Today, Monday 23 November")[2]
    assert "10:00\N{EN DASH}11:30 Maria Santos" in today
    assert with_whom in today
    assert "Thursday 26 November No sessions." in today


async def test_calendar_gives_its_script_the_offices_wall_clock(world: World) -> None:
    summer = datetime(2027, 3, 29, 9, 0, tzinfo=UTC)
    world.clock.move_to(datetime(2027, 3, 22, 9, 0, tzinfo=UTC))
    asked = await world.desk.requests.ask(
        Ask(
            BACKEND,
            "late",
            "learner-9",
            "Maria Santos",
            "learner9@example.org",
            "ISPS-SSO",
            datetime(2027, 8, 1, tzinfo=UTC),
        )
    )
    await world.desk.bookings.book(asked.request.id, summer, "Asia/Manila")
    leave = AddLeave(TOM.id, summer + timedelta(days=1), summer + timedelta(days=2))
    await world.desk.rota.change(SAM, leave)
    sam = await world.staff(SAM)

    data = boot(await sam.get("/staff/calendar?week=2027-03-29"))

    (one,) = data["sittings"]
    assert one["start"] == "2027-03-29T10:00:00"
    assert one["end"] == "2027-03-29T11:30:00"
    assert one["times"][0] == ["Manila (your time)", "Monday 29 March 2027, 17:00"]
    assert data["closed"][0] == {
        "start": "2027-03-29T00:00:00",
        "end": "2027-03-29T09:00:00",
        "why": "",
    }
    assert data["closed"][-1] == {
        "start": "2027-04-04T00:00:00",
        "end": "2027-04-05T00:00:00",
        "why": "Closed",
    }
    assert data["away"] == [
        {
            "staff": TOM.id,
            "start": "2027-03-30T10:00:00",
            "end": "2027-03-31T10:00:00",
            "why": "Leave",
        }
    ]
    assert (data["from"], data["until"]) == ("09:00", "17:00")
    assert data["hidden"] == [6, 0]


async def test_calendar_shows_a_saturday_that_is_open(world: World) -> None:
    hours = Hours(time(8), time(18, 30))
    await world.desk.rota.change(SAM, AddOpening(date(2026, 11, 28), hours))
    sam = await world.staff(SAM)

    page = await sam.get(WEEK)

    assert "Sat 28 08:00 to 18:30" in page.words
    assert boot(page)["hidden"] == [0]
    assert (boot(page)["from"], boot(page)["until"]) == ("08:00", "19:00")


async def test_calendar_shows_one_day(world: World) -> None:
    await world.booked()
    await world.booked(2, START + timedelta(days=1))
    sam = await world.staff(SAM)

    page = await sam.get("/staff/calendar?day=2026-11-23")

    assert "Monday 23 November 2026" in page.words
    assert "?day=2026-11-24" in page.text
    assert "?week=2026-11-23" in page.text
    assert len(boot(page)["sittings"]) == 1
    assert boot(page)["view"] == "day"


async def test_calendar_says_who_is_away_and_why_a_day_is_closed(world: World) -> None:
    noon = START.replace(hour=12)
    await world.desk.rota.change(SAM, AddLeave(TOM.id, noon, noon + timedelta(days=1)))
    sam = await world.staff(SAM)

    page = await sam.get(WEEK)

    assert "Leave 12:00 to 24:00" in page.words
    assert "Tom Baker: leave 00:00 to 12:00" in page.words
    whys = {one["why"] for one in boot(page)["closed"]}
    assert whys == {"", "Moving house", "Closed"}


async def test_calendar_knows_when_a_person_is_not_at_work(world: World) -> None:
    await world.desk.rota.change(SAM, AddOpening(date(2026, 11, 28), Hours(time(9), time(12))))
    sam = await world.staff(SAM)

    off = boot(await sam.get(WEEK))["off"]

    assert off == [
        {"staff": one.id, "start": "2026-11-28T09:00:00", "end": "2026-11-28T12:00:00"}
        for one in (ANA, TOM)
    ]


async def test_reserved_time_is_shown_as_such_and_cannot_be_dragged(world: World) -> None:
    asked = await world.asked()
    held = await world.desk.bookings.reserve(asked.request.id, START, "Asia/Manila")
    sam = await world.staff(SAM)

    page = await sam.get(WEEK)
    booking = await sam.get(f"/staff/bookings/{held.id}")

    (one,) = boot(page)["sittings"]
    assert (one["short"], one["kind"], one["movable"]) == ("Reserved", "held", False)
    assert one["held"] == "09:30 London"
    assert "Maria Santos Reserved" in page.words
    assert "Reserved, not booked yet until 09:30 London" in booking.words


async def test_reserved_time_is_given_back_by_hand(world: World) -> None:
    asked = await world.asked()
    held = await world.desk.bookings.reserve(asked.request.id, START, "Asia/Manila")
    sam = await world.staff(SAM)
    page = f"/staff/bookings/{held.id}"

    answer = await sam.post(f"{page}/give-back", {}, page=page)

    assert answer.to == f"{page}?done=given-back"
    assert "Reservation lapsed" in (await sam.get(page)).words
    assert (await sam.post(f"{page}/give-back", {}, page=page)).status == 409


async def test_script_reads_the_same_again(world: World) -> None:
    await world.booked()
    sam = await world.staff(SAM)
    page = boot(await sam.get(WEEK))

    again = await sam.get(f"/staff/calendar/data?{page['query']}")

    assert json.loads(again.text) == page
    assert again.header("Cache-Control") == "no-store"


async def test_drop_moves_a_booking_by_the_offices_clock_to_whom_it_was_dropped_on(
    world: World,
) -> None:
    sitting = await world.booked()
    other = OTHER[sitting.staff]
    sam = await world.staff(SAM)

    answer = await place(sam, sitting, day="2026-11-24", time="14:30", staff=other.id)

    moved = await world.desk.bookings.find(sitting.booking)
    assert answer.status == 200
    assert moved.start == datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
    assert moved.staff == other.id
    told = json.loads(answer.text)
    assert told["sentence"] == (
        f"Moved Maria Santos to Tue 24 Nov, 14:30 with {other.name}. The learner has been told."
    )
    assert told["back"] == {"day": "2026-11-23", "time": "10:00", "staff": sitting.staff}
    assert told["booking"]["sequence"] == moved.sequence


async def test_drop_in_summer_is_taken_by_londons_clock(world: World) -> None:
    summer = datetime(2027, 3, 29, 9, 0, tzinfo=UTC)
    world.clock.move_to(datetime(2027, 2, 22, 9, 0, tzinfo=UTC))
    asked = await world.desk.requests.ask(
        Ask(
            BACKEND,
            "late",
            "learner-9",
            "Maria Santos",
            "learner9@example.org",
            "ISPS-SSO",
            datetime(2027, 8, 1, tzinfo=UTC),
        )
    )
    winter = datetime(2027, 3, 26, 10, 0, tzinfo=UTC)
    sitting = await world.desk.bookings.book(asked.request.id, winter, "Asia/Manila")
    sam = await world.staff(SAM)

    await place(sam, sitting, day="2027-03-29", time="10:00")

    assert (await world.desk.bookings.find(sitting.booking)).start == summer


async def test_change_of_the_invigilator_alone_tells_the_learner_nothing(world: World) -> None:
    sitting = await world.booked()
    other = OTHER[sitting.staff]
    sam = await world.staff(SAM)

    answer = await place(sam, sitting, day="2026-11-23", staff=other.id)

    assert f"Maria Santos is with {other.name} now." in json.loads(answer.text)["sentence"]
    async with world.desk.office.store.read() as tx:
        sent = [one.type for one in await tx.outbox.of_session(sitting.session)]
    assert "moved" not in sent


async def test_undo_is_a_move_back(world: World) -> None:
    sitting = await world.booked()
    sam = await world.staff(SAM)
    told = json.loads((await place(sam, sitting)).text)

    known = {"sequence": told["booking"]["sequence"], "was": told["booking"]["staff"]}
    answer = await place(sam, sitting, **told["back"], **known)

    back = await world.desk.bookings.find(sitting.booking)
    assert answer.status == 200
    assert (back.start, back.staff) == (START, sitting.staff)


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ({"time": "16:00"}, "The office is closed then. The booking stays as it was."),
        ({"day": "2026-11-27"}, "The office is closed then. The booking stays as it was."),
        ({"day": "2026-11-17"}, "This time has passed. The booking stays as it was."),
        ({"day": "2026-11-25"}, "All invigilators are taken then. The booking stays as it was."),
        (
            {"day": "2026-11-25", "staff": TOM.id},
            "Tom Baker has another session then. The booking stays as it was.",
        ),
        (
            {"day": "2026-11-26", "staff": ANA.id},
            "Ana Reyes cannot invigilate then: not at work, on leave, or busy. " + STAYS,
        ),
        ({"staff": "st_none"}, "Choose an invigilator from the list."),
        ({"day": 5}, "Send plain text."),
        ({"time": "soon"}, "Choose the new time."),
    ],
)
async def test_drop_that_cannot_be_says_why(
    world: World, to: dict[str, object], sentence: str
) -> None:
    sitting = await world.booked()
    for number in (2, 3):
        await world.booked(number, START + timedelta(days=2))
    thursday = START.replace(hour=0) + timedelta(days=3)
    await world.desk.rota.change(SAM, AddLeave(ANA.id, thursday, thursday + timedelta(days=1)))
    sam = await world.staff(SAM)

    answer = await place(sam, sitting, **to)

    assert answer.status in {409, 422}
    assert said(answer) == sentence
    assert (await world.desk.bookings.find(sitting.booking)).start == START


async def test_move_of_what_somebody_else_has_changed_is_refused(world: World) -> None:
    sitting = await world.booked()
    sam = await world.staff(SAM)
    await place(sam, sitting)

    late = await place(sam, sitting, day="2026-11-26")

    assert late.status == 409
    assert "Somebody else has changed this booking meanwhile" in said(late)
    moved = await world.desk.bookings.find(sitting.booking)
    assert moved.start == START + timedelta(days=1)


async def test_move_of_what_a_colleague_has_just_given_to_somebody_else_is_refused(
    world: World,
) -> None:
    sitting = await world.booked()
    sam = await world.staff(SAM)
    other = TOM if sitting.staff == ANA.id else ANA
    again = {"day": "2026-11-23", "time": "10:00"}
    assert (await place(sam, sitting, **again, staff=other.id)).status == 200

    answer = await place(sam, sitting)

    assert answer.status == 409
    assert (await world.desk.bookings.find(sitting.booking)).start == START


async def test_move_of_what_cannot_move_any_more_is_refused(world: World) -> None:
    sitting = await world.booked()
    await world.desk.bookings.cancel(sitting.booking, "Ill", by_staff=True)
    sam = await world.staff(SAM)

    answer = await place(sam, sitting, sequence=sitting.sequence + 1)

    assert said(answer) == "This booking cannot be moved any more."


async def test_move_needs_a_page_of_ours_and_a_scheduler(world: World) -> None:
    sitting = await world.booked()
    sam, ana = await world.staff(SAM), await world.staff(ANA)
    path = f"/staff/bookings/{sitting.booking}/place"

    forged = await sam.ask("POST", path, json={})
    other = await place(ana, sitting)
    signed_out = await world.stranger().ask("POST", path, json={})

    assert [forged.status, other.status, signed_out.status] == [403, 403, 403]
    assert (await world.desk.bookings.find(sitting.booking)).start == START


async def test_free_places_of_a_day_count_the_booking_itself_as_free(world: World) -> None:
    sitting = await world.booked()
    await world.booked(2)
    sam = await world.staff(SAM)

    path = f"/staff/bookings/{sitting.booking}/places"
    answer = await sam.get(f"{path}?day=2026-11-23")
    without = await sam.get(path, headers={"Content-Type": "application/json"})

    free = {one["time"]: one["staff"] for one in json.loads(answer.text)["places"]}
    assert free["10:00"] == [sitting.staff]
    assert set(free["15:00"]) == {ANA.id, TOM.id}
    assert "15:30" not in free
    assert without.status == 422
