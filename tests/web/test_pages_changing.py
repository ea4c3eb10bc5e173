"""What a learner may do beside booking: wait, choose a clock, ask, dispute, read a receipt."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest

from invigilation.booking import BookingState
from invigilation.desk.requests import Ask, Asked
from invigilation.enquiry import EnquiryKind
from invigilation.office_hours import Hours
from invigilation.people import Staff
from invigilation.store.views import Sitting
from tests.web.office import ANA, BACKEND, SAM, START, TOM, Answer, Person, World, heartbeats
from web.auth import cookies

MONDAY = {"day": "2026-11-23"}
MANILA = "Asia/Manila"
ALL_DAY = Hours(time(9), time(17))
SATURDAY = date(2026, 11, 21)


def starts(page: Answer) -> list[str]:
    return re.findall(r'name="start" value="([^"]+)"', page.text)


def marks(page: Answer) -> dict[int, str]:
    """What stands under each day of the month."""
    found = re.findall(
        r'">(\d+)<span class="visually-hidden">.*?</span><span[^>]*>([^<]+)', page.text
    )
    return {int(day): mark for day, mark in found}


def place_of(page: Answer) -> str:
    found = re.search(r'action="(/me/waiting/[^/"]+)/', page.text)
    assert found, page.words
    return found[1]


async def fill_monday(world: World) -> list[Sitting]:
    """Let others have every start of the Monday."""
    return [
        await world.booked(number + 10, START.replace(hour=9) + timedelta(hours=2) * (number // 2))
        for number in range(8)
    ]


async def in_zone(world: World, zone: str, asked: Asked | None = None) -> Person:
    learner = await world.learner((asked or await world.asked()).request.id)
    learner.cookies[cookies.ZONE] = zone
    return learner


# --- which days, and why not ----------------------------------------------------------------------


async def test_month_tells_full_from_closed_days_in_words(world: World) -> None:
    await fill_monday(world)
    learner = await in_zone(world, MANILA)

    page = await learner.get("/me/book")

    told = marks(page)
    assert (told[18], told[19], told[21]) == ("too soon", "free", "closed")
    assert (told[23], told[24], told[27]) == ("full", "free", "closed")
    assert "23 , all times are taken" in page.words
    assert "27 , the office is closed" in page.words
    assert "19 , 13 times free" in page.words


@pytest.mark.parametrize(
    ("zone", "day", "words"),
    [
        # The Friday of Kiritimati begins in the London Thursday: it is not closed, although the
        # Friday of London is.
        ("Pacific/Kiritimati", "2026-11-27", "times free"),
        ("Pacific/Kiritimati", "2026-11-28", "closed on Friday 27 November 2026: Moving house."),
        ("Pacific/Kiritimati", "2026-11-29", "The office is closed at the weekend."),
        ("Asia/Kathmandu", "2026-11-27", "The office is closed on this day: Moving house."),
        ("America/St_Johns", "2026-12-25", "The office is closed on this day: Christmas Day."),
        ("America/St_Johns", "2026-11-29", "The office is closed at the weekend."),
        ("UTC+14:00", "2026-11-28", "closed on Friday 27 November 2026: Moving house."),
        ("Asia/Manila", "2027-03-02", "Your licence ends on Monday 1 March 2027, 08:00"),
    ],
)
async def test_reason_is_true_in_the_readers_day(
    world: World, zone: str, day: str, words: str
) -> None:
    learner = await in_zone(world, zone)

    page = await learner.get(f"/me/book?day={day}")

    assert words in page.words
    assert bool(starts(page)) == (words == "times free")


async def test_day_on_which_nobody_works_says_so(world: World) -> None:
    async with world.desk.office.store.write() as tx:
        await tx.rota.open("op_1", SATURDAY, ALL_DAY)
    learner = await in_zone(world, MANILA)

    page = await learner.get("/me/book?day=2026-11-21")

    assert "No invigilator works on this day." in page.words
    assert marks(page)[21] == "no staff"


@pytest.mark.parametrize(
    ("zone", "day", "first", "words"),
    [
        ("Asia/Kathmandu", "2026-11-24", "2026-11-24T09:00Z", "14:45 09:00 London 09:00 UTC"),
        ("America/St_Johns", "2026-11-24", "2026-11-24T09:00Z", "05:30 09:00 London 09:00 UTC"),
        (
            "Pacific/Kiritimati",
            "2026-11-25",
            "2026-11-24T10:00Z",
            "00:00 Tue 10:00 London Tue 10:00 UTC",
        ),
        ("UTC-12:00", "2026-11-23", "2026-11-23T12:00Z", "00:00 12:00 London 12:00 UTC"),
        ("UTC-12:00", "2026-11-23", "2026-11-23T12:00Z", "21:00 Tue 09:00 London Tue 09:00 UTC"),
    ],
)
async def test_each_start_has_london_and_utc_beside_it_with_the_day_where_it_differs(
    world: World, zone: str, day: str, first: str, words: str
) -> None:
    learner = await in_zone(world, zone)

    page = await learner.get(f"/me/book?day={day}")

    assert starts(page)[0] == first
    assert words in page.words


async def test_ships_clock_can_be_chosen_and_is_said_plainly(world: World) -> None:
    asked = await world.asked()
    learner = await world.learner(asked.request.id)
    form = await learner.get("/me/zone?back=/me/book")

    answer = await learner.post("/me/zone", {"zone": "UTC+05:30", "back": "/me/book"})

    # At nine in London the clock of Manila, which is chosen so far, shows 17:00.
    assert 'value="UTC+08:00" selected>UTC + 08:00 (now 17:00)<' in form.text
    assert '"UTC-12:00"' in form.text
    assert '"UTC+14:00"' in form.text
    assert answer.to == "/me/book"
    page = await learner.get("/me/book?day=2026-11-24")
    assert "your ship's clock: UTC + 05:30" in page.words
    assert "14:30 09:00 London 09:00 UTC" in page.words
    await learner.post("/me/book", {"start": "2026-11-24T09:00Z"})
    me = await learner.get("/me")
    assert "Ship's clock UTC + 05:30 (your time) Tuesday 24 November 2026, 14:30" in me.words


@pytest.mark.parametrize("zone", ["UTC+14:15", "UTC-12:15", "UTC+05:20", "UTC5", ""])
async def test_clock_that_no_ship_has_is_refused(world: World, zone: str) -> None:
    learner = await world.learner((await world.asked()).request.id)

    answer = await learner.post("/me/zone", {"zone": zone, "back": "/me"})

    assert answer.status == 422
    assert "Choose a time zone from the list." in answer.words


@pytest.mark.parametrize(
    ("old", "place"),
    [("Asia/Katmandu", "Kathmandu"), ("Asia/Calcutta", "Kolkata"), ("Asia/Saigon", "Ho Chi Minh")],
)
async def test_place_that_a_browser_calls_by_its_old_name_is_shown_by_its_new_one(
    world: World, old: str, place: str
) -> None:
    learner = await in_zone(world, old)

    page = await learner.get("/me/book")

    assert f"All times are in {place} time" in page.words


async def test_own_time_does_not_stand_in_the_way_of_a_small_move(world: World) -> None:
    mine = await world.booked()
    await world.booked(2)
    learner = await world.learner(mine.request)

    page = await learner.get("/me/change?day=2026-11-23")

    assert "2026-11-23T10:30Z" in starts(page)
    assert "2026-11-23T10:00Z" not in starts(page)
    answer = await learner.post("/me/change", {"start": "2026-11-23T10:30Z"})
    assert answer.to == "/me?done=moved"


# --- the waiting list -----------------------------------------------------------------------------


async def test_full_day_leads_into_the_line_and_an_offer_into_a_booking(world: World) -> None:
    others = await fill_monday(world)
    asked = await world.asked()
    learner = await in_zone(world, MANILA, asked)
    full = await learner.get("/me/book?day=2026-11-23")
    assert "Tell me when a time becomes free" in full.words
    joined = await learner.post("/me/waiting", MONDAY, page="/me/book?day=2026-11-23")
    line = await learner.get(joined.to)
    waits = await learner.get("/me/book?day=2026-11-23")
    await world.desk.bookings.cancel(others[0].booking, "")
    await world.desk.waiting.offer()
    mail = world.stranger()

    entered = await mail.post(world.link(asked.request.id), {})

    assert joined.to == "/me/waiting?done=joined"
    assert "You are the first in line." in line.words
    assert "You wait for this day" in waits.words
    assert entered.to == "/me/waiting"
    offer = await mail.get(entered.to)
    assert "A time has become free for you" in offer.words
    held = (
        "held for you until Wednesday 18 November 2026, 17:30 your time (09:30 London, 09:30 UTC)"
    )
    assert held in offer.words
    assert "A time has become free for you" in (await mail.get("/me")).words
    taken = await mail.post(f"{place_of(offer)}/accept", {}, page="/me/waiting")
    assert taken.to == "/me?done=booked"
    sitting = await world.desk.bookings.latest(asked.request.id)
    assert sitting
    assert sitting.start == others[0].start


@pytest.mark.parametrize("day", ["9999-12-30", "9999-12-31", "0001-01-01", "monday", ""])
async def test_nobody_waits_for_a_day_that_cannot_be(world: World, day: str) -> None:
    asked = await world.asked()
    learner = await in_zone(world, MANILA, asked)

    answer = await learner.post("/me/waiting", {"day": day}, page="/me/waiting")

    assert answer.to == "/me/book"
    assert await world.desk.waiting.of_request(asked.request.id) == []


async def test_no_thank_you_gives_the_offered_time_to_the_next(world: World) -> None:
    others = await fill_monday(world)
    people = [await world.asked(number) for number in (1, 2)]
    browsers = [await in_zone(world, MANILA, one) for one in people]
    for browser in browsers:
        await browser.post("/me/waiting", MONDAY, page="/me/book")
        world.clock.move_to(world.clock.at + timedelta(seconds=1))
    second = await browsers[1].get("/me/waiting")
    await world.desk.bookings.cancel(others[0].booking, "")
    await world.desk.waiting.offer()
    offer = await browsers[0].get("/me/waiting")

    answer = await browsers[0].post(f"{place_of(offer)}/leave", {}, page="/me/waiting")
    await world.desk.waiting.offer()

    assert "One person is in line before you." in second.words
    assert answer.to == "/me/waiting?done=left"
    assert "You do not wait for any day." in (await browsers[0].get("/me/waiting")).words
    assert "A time has become free for you" in (await browsers[1].get("/me/waiting")).words


async def test_offer_that_is_over_is_said_plainly(world: World) -> None:
    others = await fill_monday(world)
    learner = await in_zone(world, MANILA)
    await learner.post("/me/waiting", MONDAY, page="/me/book")
    await world.desk.bookings.cancel(others[0].booking, "")
    await world.desk.waiting.offer()
    offer = await learner.get("/me/waiting")
    world.clock.move_to(world.clock.at + timedelta(minutes=31))
    await world.desk.bookings.lapse()

    answer = await learner.post(f"{place_of(offer)}/accept", {}, page="/me/waiting")

    assert answer.status == 409
    assert "This time is not held for you any more." in answer.words


async def test_nobody_joins_the_line_of_a_day_with_free_times_or_anothers_place(
    world: World,
) -> None:
    learner = await in_zone(world, MANILA)

    free = await learner.post("/me/waiting", {"day": "2026-11-24"}, page="/me/book")
    nonsense = await learner.post("/me/waiting", {"day": "soon"}, page="/me/book")
    other = await learner.post("/me/waiting/wt_other/leave", {}, page="/me/book")

    assert free.status == 422
    assert "This day has a free time." in free.words
    assert nonsense.to == "/me/book"
    assert other.status == 404


# --- questions ------------------------------------------------------------------------------------


async def test_question_goes_to_the_scheduler_and_the_answer_comes_back(world: World) -> None:
    sitting = await world.booked()
    learner, sam = await world.learner(sitting.request), await world.staff(SAM)

    asked = await learner.post("/me/ask", {"kind": "other", "text": "May I use <b>a map</b>?"})
    waiting = await sam.get("/staff/enquiries")
    found = re.search(r'href="(/staff/enquiries/eq_[^"]+)"', waiting.text)
    assert found
    answered = await sam.post(found[1], {"text": "Yes,\nyou may."})

    assert asked.to == "/me?done=asked"
    assert "Maria Santos" in waiting.words
    assert "&lt;b&gt;a map" in waiting.text
    assert answered.to == "/staff/enquiries?done=answered"
    assert "No question waits for an answer." in (await sam.get(answered.to)).words
    page = await learner.get("/me")
    assert "Your questions" in page.words
    assert "Yes, you may." in page.words
    again = await sam.ask("POST", found[1], data={"csrf": waiting.csrf, "text": "No."})
    assert again.to == f"{found[1]}?done=before"
    assert "Somebody else has answered" in (await sam.get(again.to)).words


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"kind": "other", "text": ""}, "text"),
        ({"kind": "other", "text": "x" * 2001}, "text"),
        ({"kind": "", "text": "Hello"}, "kind-1"),
        ({"kind": "dispute", "text": "Hello"}, "kind-1"),
    ],
)
async def test_question_that_cannot_be_sent_is_kept_and_pointed_at(
    world: World, sent: dict[str, str], field: str
) -> None:
    learner = await world.learner((await world.asked()).request.id)

    answer = await learner.post("/me/ask", sent)

    assert answer.status == 422
    assert f'href="#{field}"' in answer.text
    assert sent["text"] in answer.text


async def test_sixth_open_question_is_refused(world: World) -> None:
    asked = await world.asked()
    learner = await world.learner(asked.request.id)
    for number in range(5):
        await world.desk.enquiries.ask(asked.request.id, EnquiryKind.OTHER, f"Question {number}")

    answer = await learner.post("/me/ask", {"kind": "other", "text": "One more"})

    assert answer.status == 422
    assert "5 of your questions wait for an answer already." in answer.words


async def test_after_the_cutoff_a_change_is_asked_for(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(hours=23))
    learner = await world.learner(sitting.request)

    page = await learner.get("/me/ask?kind=change")
    answer = await learner.post(
        "/me/ask", {"kind": "change", "text": "We sail tonight."}, page="/me/ask?kind=change"
    )

    until = "you could until Sunday 22 November 2026, 18:00 your time (10:00 London, 10:00 UTC)"
    assert until in page.words
    assert answer.to == "/me?done=asked"
    (waiting,) = await world.desk.enquiries.open(SAM)
    assert (waiting.enquiry.kind, waiting.enquiry.booking) == (EnquiryKind.CHANGE, sitting.booking)


@pytest.mark.parametrize("person", [ANA, TOM])
async def test_only_schedulers_read_questions(world: World, person: Staff) -> None:
    browser = await world.staff(person)

    assert (await browser.get("/staff/enquiries")).status == 403
    assert "Questions" not in (await browser.get("/staff/console")).words


# --- disputes -------------------------------------------------------------------------------------


async def no_show(world: World) -> Sitting:
    """Let a learner stay away although we were ready, and a scheduler confirm it."""
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=5))
    by = ANA if sitting.staff == ANA.id else TOM
    await world.desk.sessions.ready(sitting.session, by)
    await heartbeats(world.desk, START - timedelta(hours=1), START + timedelta(hours=1))
    world.clock.move_to(START + timedelta(hours=1))
    await world.desk.attendance.sweep()
    return await world.desk.attendance.decide(
        sitting.booking, SAM, BookingState.LEARNER_NO_SHOW, "Nobody came, and we were there."
    )


async def test_decision_is_disputed_with_its_evidence_in_sight(world: World) -> None:
    sitting = await no_show(world)
    learner, sam = await world.learner(sitting.request), await world.staff(SAM)
    me = await learner.get("/me")
    page = await learner.get("/me/dispute")

    answer = await learner.post("/me/dispute", {"text": "I was on watch until noon."})

    until = "until Monday 7 December 2026, 19:00 your time (11:00 London, 11:00 UTC)"
    assert until in me.words
    assert until in page.words
    assert "Your invigilator was ready." in page.words
    assert "Our service worked the whole time." in page.words
    assert answer.to == "/me?done=asked"
    assert "You have disputed this decision" in (await learner.get("/me")).words
    assert "We have your dispute" in (await learner.get("/me/dispute")).words
    (waiting,) = await world.desk.enquiries.open(SAM)
    staff = await sam.get(f"/staff/enquiries/{waiting.enquiry.id}")
    assert f'href="/staff/attendance/{sitting.booking}"' in staff.text
    assert "I was on watch until noon." in staff.words


async def test_after_fourteen_days_a_dispute_is_refused(world: World) -> None:
    sitting = await no_show(world)
    world.clock.move_to(world.clock.at + timedelta(days=14, seconds=1))
    learner = await world.learner(sitting.request)

    page = await learner.get("/me/dispute")
    answer = await learner.post("/me/dispute", {"text": "Too late?"})

    assert "<textarea" not in page.text
    assert answer.status == 409
    late = "It is too late to dispute this decision: you could until Monday 7 December 2026, 19:00"
    assert late in answer.words
    assert await world.desk.enquiries.open(SAM) == []


async def test_nothing_to_dispute_leads_back(world: World) -> None:
    sitting = await world.booked()
    learner = await world.learner(sitting.request)

    answer = await learner.post("/me/dispute", {"text": "I do not like it."}, page="/me")

    assert (await learner.get("/me/dispute")).to == "/me"
    assert answer.to == "/me"


# --- receipts -------------------------------------------------------------------------------------


async def test_receipt_tells_all_that_happened_in_three_times(world: World) -> None:
    sitting = await world.booked()
    await world.desk.bookings.move(sitting.booking, START + timedelta(hours=1))
    await world.desk.bookings.cancel(sitting.booking, "The ship sails.")
    learner = await world.learner(sitting.request)

    page = await learner.get("/me/receipts")

    for words in (
        "Session booked by you",
        "Session moved to another time by you",
        "was to start: Monday 23 November 2026, 18:00 your time (10:00 London, 10:00 UTC)",
        "Now it starts: Monday 23 November 2026, 19:00 your time (11:00 London, 11:00 UTC)",
        "Session cancelled by you",
        "Reason: The ship sails.",
        f"Booking {sitting.booking}",
        f"Request {sitting.request}",
    ):
        assert words in page.words, words


async def test_receipt_tells_the_judgement_the_charge_and_its_payment(world: World) -> None:
    sitting = await no_show(world)
    first = await world.learner(sitting.request)
    again = await world.desk.requests.ask(
        Ask(
            BACKEND,
            "entitlement-again",
            "learner-1",
            "Maria Santos",
            "learner1@example.org",
            "ISPS-SSO",
            datetime(2027, 3, 1, tzinfo=UTC),
            zone=MANILA,
        )
    )
    (charge,) = again.charges
    await world.desk.charges.pay(charge.id, SAM, "Bank transfer 4711")
    second = await world.learner(again.request.id)

    missed, paid = await first.get("/me/receipts"), await second.get("/me/receipts")

    assert "Decision: you did not come to the session" in missed.words
    assert "Reason: Nobody came, and we were there." in missed.words
    assert "Payment received" in paid.words
    assert "Missed session: £54.00 (£45.00 and £9.00 VAT at 20 %)" in paid.words
    assert f"Charge {charge.id}" in paid.words
