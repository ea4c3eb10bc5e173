"""Every mail and page in UTC, London and the learner's time, across the clock changes.

What is expected is written by hand, from the rules of each place; a second computation, with
nothing but the offsets below, covers every day around each change.
"""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from email import policy

import icalendar
import pytest
from sqlalchemy import update

from invigilation.report import Channel, Delivery, DeliveryState
from invigilation.store import rows
from invigilation.zones import zone_named
from tests.web.office import SAM, World
from web.mail.kinds import KINDS
from web.mail.letters import Letterhead, Letters
from web.pages import words

HEAD = Letterhead(
    "Service", "a@example.org", "https://example.org", lambda request: f"/r/{request}"
)
HOUR = timedelta(hours=1)

KOLKATA, KATHMANDU = "Asia/Kolkata", "Asia/Kathmandu"
KIRITIMATI, ST_JOHNS, AUCKLAND = "Pacific/Kiritimati", "America/St_Johns", "Pacific/Auckland"
SHIP = "UTC-09:30"

# (UTC, zone, the reader's clock, London's clock, UTC's)
BY_HAND = [
    # Before and after London's clocks go back, on Sunday 25 October 2026.
    ("2026-10-23T09:00", KOLKATA, "Friday 23 October 2026, 14:30", "Friday 23 October 2026, 10:00"),
    ("2026-10-26T10:00", KOLKATA, "Monday 26 October 2026, 15:30", "Monday 26 October 2026, 10:00"),
    (
        "2026-10-26T16:30",
        KATHMANDU,
        "Monday 26 October 2026, 22:15",
        "Monday 26 October 2026, 16:30",
    ),
    (
        "2026-10-23T13:00",
        KIRITIMATI,
        "Saturday 24 October 2026, 03:00",
        "Friday 23 October 2026, 14:00",
    ),
    (
        "2026-10-26T13:00",
        KIRITIMATI,
        "Tuesday 27 October 2026, 03:00",
        "Monday 26 October 2026, 13:00",
    ),
    # St John's changes a week after London: for a week they are an hour nearer.
    (
        "2026-10-23T09:00",
        ST_JOHNS,
        "Friday 23 October 2026, 06:30",
        "Friday 23 October 2026, 10:00",
    ),
    (
        "2026-10-30T10:00",
        ST_JOHNS,
        "Friday 30 October 2026, 07:30",
        "Friday 30 October 2026, 10:00",
    ),
    (
        "2026-11-02T10:00",
        ST_JOHNS,
        "Monday 2 November 2026, 06:30",
        "Monday 2 November 2026, 10:00",
    ),
    # Auckland's summer begins on 27 September 2026 and ends on 4 April 2027.
    (
        "2026-09-25T10:00",
        AUCKLAND,
        "Friday 25 September 2026, 22:00",
        "Friday 25 September 2026, 11:00",
    ),
    (
        "2026-09-28T10:00",
        AUCKLAND,
        "Monday 28 September 2026, 23:00",
        "Monday 28 September 2026, 11:00",
    ),
    ("2027-03-26T09:00", AUCKLAND, "Friday 26 March 2027, 22:00", "Friday 26 March 2027, 09:00"),
    ("2027-04-01T11:30", AUCKLAND, "Friday 2 April 2027, 00:30", "Thursday 1 April 2027, 12:30"),
    ("2027-04-05T11:30", AUCKLAND, "Monday 5 April 2027, 23:30", "Monday 5 April 2027, 12:30"),
    # London's summer begins on 28 March 2027, St John's on 14 March.
    ("2027-03-12T09:00", ST_JOHNS, "Friday 12 March 2027, 05:30", "Friday 12 March 2027, 09:00"),
    ("2027-03-15T09:00", ST_JOHNS, "Monday 15 March 2027, 06:30", "Monday 15 March 2027, 09:00"),
    ("2027-03-29T08:00", ST_JOHNS, "Monday 29 March 2027, 05:30", "Monday 29 March 2027, 09:00"),
    ("2027-03-29T08:00", KATHMANDU, "Monday 29 March 2027, 13:45", "Monday 29 March 2027, 09:00"),
    # A ship keeps its clock, whatever the land does.
    ("2027-03-26T09:00", SHIP, "Thursday 25 March 2027, 23:30", "Friday 26 March 2027, 09:00"),
    ("2027-03-29T08:00", SHIP, "Sunday 28 March 2027, 22:30", "Monday 29 March 2027, 09:00"),
]

# How far each stands off UTC in minutes: (from this UTC moment, minutes), oldest first.
OFFSETS = {
    KOLKATA: [("2026-01-01T00:00", 330)],
    KATHMANDU: [("2026-01-01T00:00", 345)],
    KIRITIMATI: [("2026-01-01T00:00", 840)],
    SHIP: [("2026-01-01T00:00", -570)],
    ST_JOHNS: [
        ("2026-03-08T05:30", -150),
        ("2026-11-01T04:30", -210),
        ("2027-03-14T05:30", -150),
        ("2027-11-07T04:30", -210),
    ],
    AUCKLAND: [
        ("2026-04-04T14:00", 720),
        ("2026-09-26T14:00", 780),
        ("2027-04-03T14:00", 720),
        ("2027-09-25T14:00", 780),
    ],
    "London": [
        ("2026-03-29T01:00", 60),
        ("2026-10-25T01:00", 0),
        ("2027-03-28T01:00", 60),
        ("2027-10-31T01:00", 0),
    ],
}
CHANGES = sorted({moment for rows in OFFSETS.values() for moment, _ in rows[1:]})
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(at, place):
    """What the clocks of a place show, worked out from the table alone."""
    minutes = 0
    for since, offset in OFFSETS.get(place, []):
        if at >= utc(since):
            minutes = offset
    wall = at.replace(tzinfo=None) + timedelta(minutes=minutes)
    day, month = DAYS[wall.weekday()], MONTHS[wall.month - 1]
    return f"{day} {wall.day} {month} {wall.year}, {wall.hour:02}:{wall.minute:02}"


@pytest.mark.parametrize(("at", "zone", "yours", "london"), BY_HAND)
def test_pages_tell_a_moment_in_all_three_times(at, zone, yours, london):
    told = words.three_times(utc(at), zone)

    assert [row[1] for row in told] == [yours, london, shown(utc(at), "UTC")]
    assert told[0][0].endswith("(your time)")
    assert [row[0] for row in told[1:]] == ["London", "UTC"]


@pytest.mark.parametrize("zone", [KOLKATA, KATHMANDU, KIRITIMATI, ST_JOHNS, AUCKLAND, SHIP])
def test_every_hour_around_every_change_is_told_right(zone):
    for change in CHANGES:
        for hours in range(-48, 49):
            at = utc(change) + HOUR * hours
            own, london, universal = (shown(at, each) for each in (zone, "London", "UTC"))
            assert [row[1] for row in words.three_times(at, zone)] == [own, london, universal]
            brief = words.brief(at, zone)
            assert brief.startswith(f"{own} your time (")
            beside = re.fullmatch(r".*\((\w* ?[\d:]{5}) London, (\w* ?[\d:]{5}) UTC\)", brief)
            assert beside is not None
            for told, right in zip(beside.groups(), (london, universal), strict=True):
                same_day = right.split(",")[0] == own.split(",")[0]
                clock = right[-5:]
                assert told == (clock if same_day else f"{right[:3]} {clock}")


FACTS = {
    "name": "Maria Santos",
    "title": "Ship Security Officer",
    "request": "rq_1",
    "booking": "bk_1",
    "sequence": 2,
    "outcome": "stopped",
    "reason": "The link was lost.",
    "known": "We were ready.",
    "state": "learner_no_show",
    "gross_pence": 5_400,
    "vat_pence": 900,
    "currency": "GBP",
    "dispute_days": 14,
    "hours": 24,
    "waiting": "wt_1",
    "question": "Why?",
    "answer": "Because.",
    "kind": "dispute",
    "officer": "Ivan Petrov",
    "vessel": "MV Example",
}


def mail(kind, at, zone):
    facts = FACTS | {
        "start": at.isoformat(),
        "end": (at + 1.5 * HOUR).isoformat(),
        "until": (at - 100 * HOUR).isoformat(),
        "zone": zone,
    }
    made = at - 120 * HOUR
    body = json.dumps(facts).encode()
    pending = DeliveryState.PENDING
    sent = Delivery("dl_1", Channel.MAIL, "m@example.org", kind, body, pending, 0, made, made)
    return Letters(HEAD).write(sent)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(("at", "zone", "yours", "london"), BY_HAND[::2])
def test_every_letter_tells_a_moment_in_all_three_times(kind, at, zone, yours, london):
    letter = mail(kind, utc(at), zone)

    for subtype in ("plain", "html"):
        part = letter.get_body((subtype,))
        text = html.unescape(re.sub(r"<[^>]+>", " ", part.get_content()))
        assert f"Your time: {yours} (" in text
        assert f"London: {london} (" in text
        assert f"UTC: {shown(utc(at), 'UTC')}" in text


@pytest.mark.parametrize(("at", "zone", "yours", "london"), BY_HAND)
def test_an_invitation_means_the_same_moment_wherever_it_is_read(at, zone, yours, london):
    raw = mail("booked", utc(at), zone).as_bytes(policy=policy.SMTP)
    assert raw.isascii()

    [part] = [
        each
        for each in mail("booked", utc(at), zone).walk()
        if each.get_content_type() == "text/calendar"
    ]
    [event] = icalendar.Calendar.from_ical(part.get_content()).walk("VEVENT")

    start = event["dtstart"].dt
    assert start == utc(at)
    assert words.moment(start, zone_named(zone)) == yours
    assert words.moment(start) == london


@pytest.mark.parametrize(
    ("start", "zone", "yours", "london"),
    [row for row in BY_HAND if row[0] == "2027-03-29T08:00"],
)
async def test_learners_and_schedulers_read_the_same_moment(
    world: World, start, zone, yours, london
):
    """The clock changes between the booking and the session."""
    at = utc(start)
    asked = await world.asked(1, zone=zone)
    world.clock.move_to(at - 96 * HOUR)
    async with world.desk.office.store.write() as tx:
        await tx.bookings._db.execute(update(rows.request).values(licence_until=at + 96 * HOUR))
    sitting = await world.desk.bookings.book(asked.request.id, at, zone)
    learner = await world.learner(sitting.request)
    sam = await world.staff(SAM)

    mine = await learner.get("/me")
    theirs = await sam.get(f"/staff/attendance/{sitting.booking}")

    universal = shown(at, "UTC")
    for told in (yours, london, universal):
        assert told in mine.words
    assert f"{london} in London" in theirs.words
    assert f"{universal} UTC" in theirs.words
    assert f"For the learner {yours} ({words.place(zone)})" in theirs.words
