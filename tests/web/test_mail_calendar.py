"""Invitations through a real office and a real mail server, read by another iCalendar parser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import vobject

from invigilation.enquiry import EnquiryKind
from invigilation.sweeps import Sweeps
from tests.web.office import ANA, SAM, START, TOM
from web.backends import webhook
from web.carrier import Carrier, pause_after
from web.mail.letters import Letterhead, Letters
from web.mail.post import Smtp

MAIL = "learner1@example.org"
HEAD = Letterhead(
    "Remote Invigilation", "sessions@invigilation.example", "https://i.example", lambda r: f"/r/{r}"
)
LATER = START + timedelta(hours=2)


@pytest.fixture
async def deliver(world, mailbox):
    """Carry all that waits in the outbox to the mail server."""
    async with webhook.open_session() as client:
        post = Smtp(mailbox.host, mailbox.port, "", "", tls=False)
        sweeps = Sweeps(world.desk, Carrier(world.desk, client, Letters(HEAD), post), pause_after)

        async def go():
            while await sweeps.deliver():
                pass

        yield go


def versions(mailbox):
    """What a calendar program is told, in the order in which it came."""
    parts = [
        part
        for mail in mailbox.to(MAIL)
        for part in mail.walk()
        if part.get_content_type() == "text/calendar"
    ]
    return [(part.get_param("method"), vobject.readOne(part.get_content())) for part in parts]


async def test_a_bookings_life_is_one_event_whose_sequence_rises(world, mailbox, deliver):
    sitting = await world.booked()
    await deliver()
    world.clock.move_to(world.clock.at + timedelta(minutes=5))
    await world.desk.bookings.move(sitting.booking, LATER)
    await deliver()
    world.clock.move_to(world.clock.at + timedelta(minutes=5))
    await world.desk.bookings.move(sitting.booking, START)
    await deliver()
    world.clock.move_to(world.clock.at + timedelta(minutes=5))
    await world.desk.bookings.cancel(sitting.booking, "ill")

    await deliver()

    told = versions(mailbox)
    assert [method for method, _ in told] == ["REQUEST", "REQUEST", "REQUEST", "CANCEL"]
    assert [one.method.value for _, one in told] == [method for method, _ in told]
    events = [one.vevent for _, one in told]
    assert {one.uid.value for one in events} == {f"{sitting.booking}@invigilation.example"}
    sequences = [int(one.sequence.value) for one in events]
    assert sequences == sorted(set(sequences))
    stamps = [one.dtstamp.value for one in events]
    assert stamps == sorted(set(stamps))
    assert [one.dtstart.value for one in events] == [START, LATER, START, START]
    assert all(one.dtend.value - one.dtstart.value == timedelta(minutes=90) for one in events)
    statuses = ["CONFIRMED", "CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert [one.status.value for one in events] == statuses
    assert {one.organizer.value for one in events} == {"mailto:sessions@invigilation.example"}
    assert [[each.value for each in one.attendee_list] for one in events] == [
        [f"mailto:{MAIL}"]
    ] * 4
    assert [hasattr(one, "valarm") for one in events] == [True, True, True, False]


async def test_a_request_that_is_booked_again_is_another_event(world, mailbox, deliver):
    sitting = await world.booked()
    await world.desk.bookings.cancel(sitting.booking, "ill")
    await world.desk.bookings.book(sitting.request, LATER, "Asia/Manila")

    await deliver()

    uids = [one.vevent.uid.value for _, one in versions(mailbox)]
    assert len(set(uids)) == 2


async def test_another_invigilator_alone_is_no_news_to_the_learner(world, mailbox, deliver):
    sitting = await world.booked()
    other = TOM if sitting.staff == ANA.id else ANA
    await deliver()

    moved = await world.desk.bookings.move(
        sitting.booking, START, "scheduler:st_sam", by_staff=True, staff=other.id
    )
    await deliver()

    assert moved.staff == other.id
    assert len(mailbox.to(MAIL)) == 1


async def test_times_need_no_zone_and_lines_are_folded_at_75_octets(world, mailbox, deliver):
    asked = await world.asked(name="Nguyễn Thị Hồng Nhung Đặng-Phạm, „Chief Mate“ " * 2)
    await world.desk.bookings.book(asked.request.id, START, "Pacific/Kiritimati")

    await deliver()

    [mail] = mailbox.to(MAIL)
    [part] = [one for one in mail.walk() if one.get_content_type() == "text/calendar"]
    raw = part.get_payload(decode=True)
    assert b"VTIMEZONE" not in raw
    assert f"DTSTART:{START:%Y%m%dT%H%M%SZ}".encode() in raw.split(b"\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75
    assert part["Content-Transfer-Encoding"] == "base64"
    assert part.get_content_charset() == "utf-8"
    [name] = vobject.readOne(raw.decode()).vevent.attendee.params["CN"]
    assert name.startswith("Nguyễn Thị Hồng Nhung Đặng-Phạm")
    [attached] = list(mail.iter_attachments())
    assert attached.get_content_type() == "application/ics"
    assert attached.get_payload(decode=True) == raw


async def test_dtstamp_is_when_the_change_was_made(world, mailbox, deliver):
    made = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
    await world.booked()
    world.clock.move_to(made + timedelta(hours=1))

    await deliver()

    [(_, one)] = versions(mailbox)
    assert one.vevent.dtstamp.value == made


async def test_what_the_desks_put_into_the_outbox_can_be_written_and_arrives(
    world, mailbox, deliver
):
    desk, clock = world.desk, world.clock
    held = (await world.asked(2)).request.id
    await desk.bookings.reserve(held, START, "Asia/Manila")
    clock.move_to(clock.at + timedelta(minutes=31))
    await desk.bookings.lapse()
    sitting = await world.booked()
    question = await desk.enquiries.ask(sitting.request, EnquiryKind.CHANGE, "May I come later?")
    await desk.enquiries.answer(SAM, question.id, "Yes.")
    clock.move_to(START - timedelta(hours=24))
    await desk.reminders.sweep()

    await deliver()

    subjects = [mail["Subject"].partition(":")[0] for mail in mailbox.to(MAIL)]
    assert sorted(subjects) == [
        "Our answer to you",
        "Your session is booked",
        "Your session is in 24 hours",
    ]
    [lapsed] = mailbox.to("learner2@example.org")
    assert lapsed["Subject"].startswith("Your session is not booked yet:")
