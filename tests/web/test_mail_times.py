"""Every letter, told in zones far from London, when clocks change between writing and session."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import vobject

from invigilation.report import Channel, Delivery, DeliveryState
from invigilation.zones import zone_named
from tests.web.test_mail import FACTS, HEAD
from web.mail.kinds import KINDS
from web.mail.letters import Letters

TOLD = re.compile(r"^Your time: (.+) \((.+)\)$", re.MULTILINE)
PATTERN = "%A %d %B %Y, %H:%M"
GB, NOBODY = {"London"}, set()
CASES = [
    # zone, written, start, on the learner's clock, in London, whose clocks change in between
    ("Asia/Kolkata", "2027-03-26T09:00", "2027-03-30T09:00", "Tue 14:30", "Tue 10:00", GB),
    ("Asia/Kolkata", "2027-03-25T09:00", "2027-03-27T23:30", "Sun 05:00", "Sat 23:30", NOBODY),
    ("Asia/Kathmandu", "2027-03-27T09:00", "2027-03-29T08:30", "Mon 14:15", "Mon 09:30", GB),
    ("Asia/Kathmandu", "2026-10-24T09:00", "2026-10-26T09:00", "Mon 14:45", "Mon 09:00", GB),
    ("Pacific/Kiritimati", "2027-10-29T09:00", "2027-11-01T11:00", "Tue 01:00", "Mon 11:00", GB),
    ("Pacific/Kiritimati", "2027-03-26T12:00", "2027-03-29T08:00", "Mon 22:00", "Mon 09:00", GB),
    # St John's: from 2027-03-14 03:30+00:00 -2:30, until 2027-11-07.
    ("America/St_Johns", "2027-03-12T12:00", "2027-03-15T12:00", "Mon 09:30", "Mon 12:00",
     {"America/St_Johns"}),
    ("America/St_Johns", "2027-03-13T12:00", "2027-03-30T12:00", "Tue 09:30", "Tue 13:00",
     {"America/St_Johns", "London"}),
    ("America/St_Johns", "2027-10-30T12:00", "2027-11-08T12:00", "Mon 08:30", "Mon 12:00",
     {"America/St_Johns", "London"}),
    # Auckland: +13 until 2027-04-04, from 2027-09-26 on, and again after 2026-09-27.
    ("Pacific/Auckland", "2027-04-02T09:00", "2027-04-05T09:00", "Mon 21:00", "Mon 10:00",
     {"Pacific/Auckland"}),
    ("Pacific/Auckland", "2027-03-26T09:00", "2027-04-05T13:00", "Tue 01:00", "Mon 14:00",
     {"Pacific/Auckland", "London"}),
    ("Pacific/Auckland", "2027-09-24T09:00", "2027-09-27T09:00", "Mon 22:00", "Mon 10:00",
     {"Pacific/Auckland"}),
    ("UTC+05:45", "2027-03-26T09:00", "2027-03-30T09:00", "Tue 14:45", "Tue 10:00", GB),
    ("UTC-03:30", "2026-10-23T09:00", "2026-10-26T09:00", "Mon 05:30", "Mon 09:00", GB),
    ("Europe/London", "2027-03-26T09:00", "2027-03-29T09:00", "Mon 10:00", "Mon 10:00",
     {"Europe/London"}),
]  # fmt: skip


def at(words):
    return datetime.fromisoformat(words).replace(tzinfo=UTC)


def written(kind, zone, created, start):
    end = start + timedelta(minutes=90)
    facts = FACTS | {
        "zone": zone,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "until": (created + timedelta(minutes=30)).isoformat(),
    }
    body, pending = json.dumps(facts).encode(), DeliveryState.PENDING
    return Letters(HEAD).write(
        Delivery("dl_1", Channel.MAIL, "m@example.org", kind, body, pending, 0, created, created)
    )


def text_of(mail):
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(("zone", "created", "start", "own", "london", "changes"), CASES)
def test_a_letter_tells_the_time_of_the_session_not_of_its_writing(
    kind, zone, created, start, own, london, changes
):
    start = at(start)

    text = text_of(written(kind, zone, at(created), start))

    [(words, where)] = TOLD.findall(text)
    told = datetime.strptime(words, PATTERN).replace(tzinfo=zone_named(zone))
    assert told.astimezone(UTC) == start
    assert f"{told:%a %H:%M}" == own
    assert where.startswith("your ship's clock, UTC" if zone.startswith("UTC") else zone)
    [in_london] = re.findall(r"^London: (.+) \((?:GMT|BST)\)$", text, re.MULTILINE)
    assert f"{datetime.strptime(in_london, PATTERN).replace(tzinfo=UTC):%a %H:%M}" == london
    [in_utc] = re.findall(r"^UTC: (.+)$", text, re.MULTILINE)
    assert datetime.strptime(in_utc, PATTERN).replace(tzinfo=UTC) == start
    assert (
        set(re.findall(r"^The clocks change before then \((.+)\)", text, re.MULTILINE)) == changes
    )
    assert ("If your ship changes its clocks" in text) == zone.startswith("UTC")


@pytest.mark.parametrize(("zone", "created", "start", "own", "london", "changes"), CASES)
def test_an_offer_says_in_all_three_times_until_when_it_is_held(
    zone, created, start, own, london, changes
):
    del own, london, changes
    until = at(created) + timedelta(minutes=30)

    text = text_of(written("offer", zone, at(created), at(start)))

    [held] = re.findall(r"^We hold it until (.+)\. After", text, re.MULTILINE)
    assert f"{until:%H:%M} UTC" in held or f"{until:%a %H:%M} UTC" in held
    if zone == "Europe/London":
        assert f"{until.astimezone(zone_named(zone)):%H:%M} in London" in held
    else:
        assert f"{until.astimezone(zone_named(zone)):%H:%M} your time" in held


@pytest.mark.parametrize("kind", ["booked", "moved", "cancelled"])
@pytest.mark.parametrize(("zone", "created", "start", "own", "london", "changes"), CASES)
def test_the_invitation_holds_the_same_moment(kind, zone, created, start, own, london, changes):
    del own, london, changes

    mail = written(kind, zone, at(created), at(start))

    [part] = [one for one in mail.walk() if one.get_content_type() == "text/calendar"]
    event = vobject.readOne(part.get_content()).vevent
    assert event.dtstart.value == at(start)
    assert event.dtend.value == at(start) + timedelta(minutes=90)


def test_what_has_passed_warns_of_no_clock():
    start = at("2027-03-26T09:00")

    text = text_of(written("attendance", "Asia/Kolkata", at("2027-03-30T09:00"), start))

    assert "clocks change" not in text
