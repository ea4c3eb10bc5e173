"""Bookings as a scheduler finds, reads, changes and makes them; and the audit log of it all."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from invigilation.booking import BookingState
from invigilation.charge import Charge, ChargeState
from invigilation.desk.changes import AddLeave
from invigilation.desk.office import new_id
from invigilation.desk.requests import Ask
from invigilation.enquiry import EnquiryKind
from invigilation.report import DeliveryState
from invigilation.store.ledger import Sought
from tests.web.office import ADA, ANA, BACKEND, MORNING, SAM, START, TOM, Answer, World
from web.pages import bookings as pages
from web.pages.sheet import defused

OTHER = {ANA.id: TOM, TOM.id: ANA}


def rows(answer: Answer) -> list[dict[str, str]]:
    """Return the lines of a file by its heading."""
    text = answer.body.decode("utf-8")
    assert text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}")
    return list(csv.DictReader(io.StringIO(text[1:])))


async def test_booking_page_shows_the_three_times(world: World) -> None:
    sitting = await world.booked()
    sam = await world.staff(SAM)

    page = await sam.get(f"/staff/bookings/{sitting.booking}")

    assert "London Monday 23 November 2026, 10:00 to 11:30" in page.words
    assert "UTC Monday 23 November 2026, 10:00" in page.words
    assert "Manila (the learner) Monday 23 November 2026, 18:00" in page.words


async def test_scheduler_moves_a_booking_by_the_offices_clock(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(hours=1))  # long after the learner's cut-off
    sam = await world.staff(SAM)
    page = f"/staff/bookings/{sitting.booking}"

    answer = await sam.post(f"{page}/move", {"day": "2026-11-24", "time": "14:30"}, page=page)

    assert answer.to == f"{page}?done=moved"
    moved = await world.desk.bookings.find(sitting.booking)
    assert moved.start == datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
    assert "has a new place" in (await sam.get(answer.to)).words
    record = await world.desk.reports.record(sitting.session, SAM)
    assert record.entries[-1].actor == f"scheduler:{SAM.id}"


@pytest.mark.parametrize(
    ("day", "at", "status", "sentence"),
    [
        ("", "10:00", 422, "Enter the new day."),
        ("2026-11-24", "x", 422, "Choose the new time."),
        ("2026-11-24", "16:00", 409, "The office is closed then. The booking stays as it was."),
        ("2026-11-27", "10:00", 409, "The office is closed then."),
        ("2026-11-17", "10:00", 409, "This time has passed."),
        ("2027-03-24", "10:00", 409, "The learner's licence has ended by then."),
        ("2026-11-25", "10:00", 409, "All invigilators are taken then."),
    ],
)
async def test_booking_that_cannot_move_stays_and_says_why(
    world: World, day: str, at: str, status: int, sentence: str
) -> None:
    sitting = await world.booked()
    for number in (2, 3):
        await world.booked(number, START + timedelta(days=2))
    sam = await world.staff(SAM)
    page = f"/staff/bookings/{sitting.booking}"

    answer = await sam.post(f"{page}/move", {"day": day, "time": at}, page=page)

    assert answer.status == status
    assert sentence in answer.words
    assert f'value="{day}"' in answer.text
    assert (await world.desk.bookings.find(sitting.booking)).start == START


async def test_scheduler_cancels_with_a_reason(world: World) -> None:
    sitting = await world.booked()
    sam = await world.staff(SAM)
    page = f"/staff/bookings/{sitting.booking}"

    without = await sam.post(f"{page}/cancel", {"reason": " "}, page=page)
    answer = await sam.post(f"{page}/cancel", {"reason": "Power cut"}, page=page)

    assert without.status == 422
    assert 'href="#reason"' in without.text
    assert answer.to == f"{page}?done=cancelled"
    after = await sam.get(answer.to)
    assert "Cancelled" in after.words
    assert "/move" not in after.text
    assert (await sam.post(f"{page}/cancel", {"reason": "Again"}, page=page)).status == 409


async def test_scheduler_moves_a_booking_to_a_chosen_invigilator(world: World) -> None:
    sitting = await world.booked()
    other = OTHER[sitting.staff]
    sam = await world.staff(SAM)
    page = f"/staff/bookings/{sitting.booking}"
    form = {"day": "2026-11-23", "time": "10:00", "staff": other.id}

    answer = await sam.post(f"{page}/move", form, page=page)

    assert answer.to == f"{page}?done=moved"
    assert (await world.desk.bookings.find(sitting.booking)).staff == other.id


async def test_booking_page_lists_the_free_times_of_a_day_and_who_is_free(world: World) -> None:
    sitting = await world.booked()
    for number in (2, 3):
        await world.booked(number, START + timedelta(days=1))
    sam = await world.staff(SAM)

    tuesday = await sam.get(f"/staff/bookings/{sitting.booking}?day=2026-11-24")
    friday = await sam.get(f"/staff/bookings/{sitting.booking}?day=2026-11-27")

    assert "Tuesday 24 November 2026, and who is free" in tuesday.words
    assert "12:00 \N{EN DASH} Ana Reyes, Tom Baker" in tuesday.words
    assert 'value="10:00"' not in tuesday.text
    assert "No time is free on Friday 27 November 2026." in friday.words


async def test_booking_page_tells_what_became_of_it(world: World) -> None:
    sitting = await world.booked()
    sam = await world.staff(SAM)
    page = f"/staff/bookings/{sitting.booking}"
    await sam.post(f"{page}/move", {"day": "2026-11-24", "time": "14:30"}, page=page)
    charge = Charge(
        new_id("ch"),
        sitting.learner,
        sitting.booking,
        None,
        "no_show",
        "Missed session",
        4_500,
        2_000,
        "GBP",
        ChargeState.HELD,
        None,
        world.clock.now(),
    )
    async with world.desk.office.store.write() as tx:
        await tx.charges.add(charge)
    await world.desk.enquiries.ask(sitting.request, EnquiryKind.CHANGE, "May I come an hour later?")

    seen = await sam.get(page)

    history = seen.words.partition("History")[2]
    assert history.count("Booking made") == 1
    assert history.count("Booking moved") == 1
    assert "Sam Field (scheduler)" in history
    assert "Mon 23 Nov, 10:00 London (10:00 UTC) became Tue 24 Nov, 14:30" in history
    assert "The session was" not in history
    assert "The booking has a new time On its way" in seen.words
    assert "Missed session , £54.00: held" in seen.words
    assert f"/staff/charges/{charge.id}" in seen.text
    assert "May I come an hour later?" in seen.words
    assert "not answered yet" in seen.words


async def test_letter_that_did_not_arrive_is_named_so(world: World) -> None:
    sitting = await world.booked()
    async with world.desk.office.store.write() as tx:
        for one in await tx.outbox.due(world.clock.now(), 10):
            await tx.outbox.settle(one, DeliveryState.DISABLED, world.clock.now(), "No such user")
    sam = await world.staff(SAM)

    page = await sam.get(f"/staff/bookings/{sitting.booking}")

    assert "Confirmation of the booking Not delivered" in page.words
    assert "No such user" in page.words


# --- the list -------------------------------------------------------------------------------------


async def several(world: World) -> None:
    """Book for three learners; the second one's booking is cancelled."""
    await world.booked(1)
    second = await world.booked(2, START + timedelta(days=1))
    await world.desk.bookings.cancel(second.booking, "Ill", by_staff=True)
    asked = await world.asked(3, "Olena Koval", "Europe/Kyiv")
    third = START + timedelta(days=2)
    await world.desk.bookings.book(asked.request.id, third, "Europe/Kyiv", staff=TOM.id)


@pytest.mark.parametrize(
    ("query", "references"),
    [
        ("", ["entitlement-3", "entitlement-2", "entitlement-1"]),
        ("words=koval", ["entitlement-3"]),
        ("words=LEARNER2%40example", ["entitlement-2"]),
        ("words=santos+entitlement-1", ["entitlement-1"]),
        ("words=santos+koval", []),
        ("words=100%25", []),
        ("state=cancelled", ["entitlement-2"]),
        ("state=nonsense", ["entitlement-3", "entitlement-2", "entitlement-1"]),
        ("from=2026-11-24&to=2026-11-24", ["entitlement-2"]),
        ("to=2026-11-24", ["entitlement-2", "entitlement-1"]),
        (f"staff={TOM.id}&words=koval", ["entitlement-3"]),
        (f"staff={ANA.id}&words=koval", []),
        ("assessment=as_company&from=2026-11-25", ["entitlement-3"]),
        ("assessment=as_form", []),
    ],
)
async def test_list_and_file_are_narrowed_alike(
    world: World, query: str, references: list[str]
) -> None:
    await several(world)
    sam = await world.staff(SAM)

    page = await sam.get(f"/staff/bookings?{query}")
    file = await sam.get(f"/staff/bookings.csv?{query}")

    shown = [
        one for one in ("entitlement-3", "entitlement-2", "entitlement-1") if one in page.words
    ]
    assert shown == references
    assert [one["Reference"] for one in rows(file)] == references


async def test_booking_is_found_by_its_id(world: World) -> None:
    sitting = await world.booked()
    await world.booked(2)
    sam = await world.staff(SAM)

    page = await sam.get(f"/staff/bookings?words={sitting.booking}")

    assert "entitlement-1" in page.words
    assert "entitlement-2" not in page.words


async def test_list_goes_on_where_the_last_page_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await several(world)
    monkeypatch.setattr(pages, "PAGE", 2)
    sam = await world.staff(SAM)

    first = await sam.get("/staff/bookings?to=2026-12-01")
    more = first.text.partition("Next page")[0].rpartition('href="')[2].partition('"')[0]
    second = await sam.get(more.replace("&amp;", "&"))

    assert "entitlement-1" not in first.words
    assert "entitlement-1" in second.words
    assert "entitlement-2" not in second.words
    assert "Next page" not in second.words
    assert "First page" in second.words


async def test_file_is_read_in_batches_and_loses_no_row(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await several(world)
    monkeypatch.setattr("invigilation.desk.ledger.BATCH", 1)
    sam = await world.staff(SAM)

    file = await sam.get("/staff/bookings.csv")

    assert len(rows(file)) == 3
    assert file.header("Content-Type") == "text/csv; charset=utf-8"
    assert "bookings-2026-11-18.csv" in file.header("Content-Disposition")


async def test_file_gives_london_and_utc_and_no_formula(world: World) -> None:
    world.clock.move_to(datetime(2027, 3, 1, 9, 0, tzinfo=UTC))
    asked = await world.desk.requests.ask(
        Ask(
            BACKEND,
            "entitlement-1",
            "learner-1",
            '=HYPERLINK("http://bad.example")',
            "learner1@example.org",
            "ISPS-SSO",
            datetime(2027, 8, 1, tzinfo=UTC),
        )
    )
    summer = datetime(2027, 3, 29, 9, 0, tzinfo=UTC)
    await world.desk.bookings.book(asked.request.id, summer, "Asia/Manila")
    sam = await world.staff(SAM)

    (one,) = rows(await sam.get("/staff/bookings.csv"))

    assert one["Learner"].startswith("'=HYPERLINK")
    assert one["Start (London)"] == "2027-03-29 10:00"
    assert one["Start (UTC)"] == "2027-03-29 09:00"


@pytest.mark.parametrize(
    "value", ["=1+1", "+1", "-1", "@cmd", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "\uff20cmd"]
)
def test_formula_is_defused(value: str) -> None:
    assert defused(value) == f"'{value}"


def test_plain_text_stays_as_it_is() -> None:
    assert [defused(one) for one in ("Maria", "", "2026-11-23")] == ["Maria", "", "2026-11-23"]


async def test_reserved_and_lapsed_bookings_are_in_the_list(world: World) -> None:
    asked = await world.asked()
    held = await world.desk.bookings.reserve(asked.request.id, START, "Asia/Manila")
    before = await world.desk.ledger.search(Sought(), 10)
    await world.desk.bookings.give_back(asked.request.id, f"scheduler:{SAM.id}")

    after = await world.desk.ledger.search(Sought(), 10)

    assert [(one.booking, one.state) for one in before] == [(held.id, BookingState.RESERVED)]
    assert [(one.booking, one.state) for one in after] == [(held.id, BookingState.LAPSED)]


# --- booking for a learner ------------------------------------------------------------------------


async def test_scheduler_finds_a_request_and_books_for_the_learner(world: World) -> None:
    asked = await world.asked(7, "Olena Koval", "Europe/Kyiv")
    await world.booked(1)
    sam = await world.staff(SAM)
    page = f"/staff/book/{asked.request.id}"

    found = await sam.get("/staff/book?words=koval")
    choice = await sam.get(f"{page}?day=2026-11-18")
    answer = await sam.post(page, {"day": "2026-11-18", "time": "14:00", "staff": TOM.id})

    assert page in found.text
    assert "Santos" not in found.words
    assert "14:00 14:00 UTC, Wed 16:00 for the learner Ana, Tom" in choice.words
    booking = answer.to.removeprefix("/staff/bookings/").partition("?")[0]
    made = await world.desk.bookings.find(booking)
    assert made.start == datetime(2026, 11, 18, 14, 0, tzinfo=UTC)  # the same day: no notice
    assert made.staff == TOM.id
    assert made.zone == "Europe/Kyiv"
    assert "The session is booked." in (await sam.get(answer.to)).words


async def test_booking_for_a_learner_begins_with_the_first_free_day(world: World) -> None:
    asked = await world.asked()
    sam = await world.staff(SAM)

    page = await sam.get(f"/staff/book/{asked.request.id}")

    assert "Thursday 19 November 2026" in page.words


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"day": "2026-11-23", "time": "10:00"}, "All invigilators are taken then. Nothing was"),
        (
            {"day": "2026-11-23", "time": "10:00", "staff": ANA.id},
            "Ana Reyes has another session then. Nothing was booked.",
        ),
        ({"day": "2026-11-27", "time": "10:00"}, "The office is closed then. Nothing was booked."),
        ({"day": "2026-11-24"}, "Choose the new time."),
    ],
)
async def test_booking_for_a_learner_that_cannot_be_says_why(
    world: World, form: dict[str, str], sentence: str
) -> None:
    for number in (2, 3):
        await world.booked(number)
    asked = await world.asked()
    sam = await world.staff(SAM)

    answer = await sam.post(f"/staff/book/{asked.request.id}", form)

    assert answer.status in {409, 422}
    assert sentence in answer.words


async def test_request_that_is_booked_offers_no_times(world: World) -> None:
    sitting = await world.booked()
    sam = await world.staff(SAM)

    page = await sam.get(f"/staff/book/{sitting.request}")

    assert "has a booking already" in page.words
    assert "Book for the learner" not in page.words


# --- the audit log --------------------------------------------------------------------------------


async def test_audit_log_tells_who_changed_what(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(MORNING + timedelta(minutes=1))
    who = f"scheduler:{SAM.id}"
    await world.desk.bookings.move(
        sitting.booking, START + timedelta(days=1), who, by_staff=True, staff=sitting.staff
    )
    ada = await world.staff(ADA)

    page = await ada.get("/staff/audit")
    file = await ada.get("/staff/audit.csv")

    assert "Sam Field (scheduler) Booking moved Maria Santos (booking)" in page.words
    assert "Mon 23 Nov, 10:00 London (10:00 UTC) became Tue 24 Nov, 10:00" in page.words
    newest = rows(file)[0]
    assert newest["Who"] == "Sam Field (scheduler)"
    assert newest["When (London)"] == newest["When (UTC)"] == "2026-11-18 09:01"
    assert "start: Mon 23 Nov, 10:00 London" in newest["Before"]
    assert "start: Tue 24 Nov, 10:00 London" in newest["After"]
    assert newest["About (id)"] == sitting.booking


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("words=sam+field", True),
        ("words=leave", True),
        ("words=tom+baker", True),
        ("words=nobody", False),
        ("from=2026-11-18&to=2026-11-18", True),
        ("from=2026-11-10&to=2026-11-17", False),
        ("from=2026-11-19", False),
    ],
)
async def test_audit_log_is_narrowed_by_days_and_words(
    world: World, query: str, *, found: bool
) -> None:
    away = START + timedelta(days=9)
    await world.desk.rota.change(SAM, AddLeave(TOM.id, away, away + timedelta(days=1), "Dentist"))
    sam = await world.staff(SAM)

    page = await sam.get(f"/staff/audit?{query}")

    assert ("Leave added" in page.words) is found
