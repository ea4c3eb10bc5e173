"""Letters as a mail program reads them, and their way out of the house."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime

import aiosmtplib
import icalendar
import pytest

from invigilation.report import Channel, Delivery, DeliveryState
from web.mail.kinds import KINDS, LetterError
from web.mail.letters import Letterhead, Letters
from web.mail.post import MailFolder, Smtp

CREATED = datetime(2026, 6, 20, 9, 0, 5, tzinfo=UTC)
HEAD = Letterhead(
    "Remote Invigilation",
    "sessions@invigilation.example",
    "https://invigilation.example",
    lambda request: f"/me/{request}",
)
TITLE = "Ship Security Officer"
FACTS = {
    "start": "2026-07-06T09:00:00.000000Z",
    "end": "2026-07-06T10:30:00.000000Z",
    "sequence": 3,
    "booking": "bk_1",
    "request": "rq_1",
    "name": "Maria Santos",
    "zone": "Asia/Manila",
    "title": TITLE,
    "outcome": "stopped",
    "reason": "The link was lost.",
    "known": "We were ready, and nobody came.",
    "state": "learner_no_show",
    "gross_pence": 5_400,
    "vat_pence": 900,
    "dispute_days": 14,
    "currency": "GBP",
    "hours": 24,
    "until": "2026-06-20T09:30:00.000000Z",
    "waiting": "wt_1",
    "question": "Why did it stop?",
    "answer": "The link was lost.",
    "kind": "dispute",
    "officer": "Chief Officer Ivan Petrov",
    "vessel": "MV Example",
}
INVITED = sorted(name for name, kind in KINDS.items() if kind.method)
PLAIN = sorted(KINDS.keys() - set(INVITED))
LINK = "https://invigilation.example/me/rq_1"


def letter(kind, ident="dl_1", target="maria@example.org", **facts):
    body = json.dumps(FACTS | facts).encode()
    pending = DeliveryState.PENDING
    return Delivery(ident, Channel.MAIL, target, kind, body, pending, 0, CREATED, CREATED)


def read(delivery):
    """The mail as the other side parses it from its bytes."""
    raw = Letters(HEAD).write(delivery).as_bytes(policy=policy.SMTP)
    return message_from_bytes(raw, policy=policy.default)


def shape(part):
    if part.is_multipart():
        return (part.get_content_type(), [shape(each) for each in part.iter_parts()])
    return part.get_content_type()


def invitation(mail):
    [part] = [each for each in mail.walk() if each.get_content_type() == "text/calendar"]
    return part, icalendar.Calendar.from_ical(part.get_content())


def event_of(mail):
    [event] = invitation(mail)[1].walk("VEVENT")
    return event


def text_of(mail):
    return mail.get_body(("plain",)).get_content()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_plain_text_and_html_with_all_three_times_and_a_link_that_opens(kind):
    mail = read(letter(kind))

    for subtype in ("plain", "html"):
        words = mail.get_body((subtype,)).get_content()
        assert LINK in words
        assert "Your time: Monday 6 July 2026, 17:00 (Asia/Manila, UTC+8)" in words
        assert "London: Monday 6 July 2026, 10:00 (BST)" in words
        assert "UTC: Monday 6 July 2026, 09:00" in words
        assert TITLE in words
        assert "What to do now:" in words
        assert "Do you have a question?" in words
    assert mail["Subject"] == KINDS[kind].subject.format(title=TITLE, left="16 days")
    assert mail["From"] == "Remote Invigilation <sessions@invigilation.example>"
    assert mail["To"] == "Maria Santos <maria@example.org>"
    assert mail["Reply-To"] is None
    assert parsedate_to_datetime(mail["Date"]) == CREATED
    assert mail["Auto-Submitted"] == "auto-generated"
    assert not [name for name in mail if name.lower().startswith("list-")]
    assert not mail.defects


@pytest.mark.parametrize("kind", ["reservation_lapsed", "offer_lapsed"])
def test_who_loses_a_held_time_early_is_not_told_that_they_were_late(kind):
    early = text_of(read(letter(kind, withdrawn=True, reason="A storm.")))
    late = text_of(read(letter(kind, reason="")))

    assert "cannot hold it any longer" in early
    assert "The reason: A storm." in early
    assert "did not" not in early
    assert "did not" in late
    assert "The reason" not in late


def test_a_cancelled_letter_says_why():
    assert "The reason: A storm." in text_of(read(letter("cancelled", reason="A storm.")))


@pytest.mark.parametrize("length", range(40, 60))
def test_a_subject_begins_on_the_line_of_its_name(length):
    title = ("Ship Security Officer and more " * 9)[:length].strip()

    mail = Letters(HEAD).write(letter("booked", title=title))

    raw = mail.as_bytes(policy=policy.SMTP)
    assert b"\r\nSubject: Your session is booked: Ship" in raw
    parsed = message_from_bytes(raw, policy=policy.default)
    assert parsed["Subject"] == f"Your session is booked: {title}"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_letter_is_sent_in_seven_bits(kind):
    raw = Letters(HEAD).write(letter(kind, name="Nguyễn Thị Hồng")).as_bytes(policy=policy.SMTP)

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_html_says_what_the_text_says(kind):
    mail = read(letter(kind))

    page = re.sub(r"<[^>]+>", " ", mail.get_body(("html",)).get_content())
    assert html.unescape(page).split() == text_of(mail).split()


@pytest.mark.parametrize(
    "kind",
    ["answer", "payment_received", "payment_late", "onboard_accepted", "onboard_refused"],
)
def test_without_a_session_no_time_is_told(kind):
    text = text_of(read(letter(kind, start=None)))

    assert "Your time:" not in text
    assert LINK in text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_fact_that_is_missing_is_an_error(kind):
    for fact in KINDS[kind].needs:
        facts = {name: value for name, value in FACTS.items() if name != fact}
        lacking = replace(letter(kind), body=json.dumps(facts).encode())
        with pytest.raises(LetterError, match=fact):
            Letters(HEAD).write(lacking)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("greeting", {}),
        ("booked", {"start": "tomorrow"}),
        ("booked", {"zone": "Mars/Olympus"}),
        ("receipt", {"outcome": "unheard_of"}),
        ("offer", {"until": 5}),
    ],
)
def test_what_nobody_can_write_is_an_error(kind, facts):
    with pytest.raises(LetterError):
        Letters(HEAD).write(letter(kind, **facts))


def test_an_address_that_is_none_is_an_error():
    with pytest.raises(LetterError):
        Letters(HEAD).write(letter("receipt", target="maria@example.org\r\nBcc: eve@evil.example"))


def test_answers_go_where_the_operator_says():
    head = replace(HEAD, reply_to="help@invigilation.example")
    delivery = letter("booked")

    mail = Letters(head).write(delivery)

    assert mail["Reply-To"] == "Remote Invigilation <help@invigilation.example>"
    assert mail["From"].addresses[0].addr_spec == "sessions@invigilation.example"
    raw = mail.as_bytes(policy=policy.SMTP)
    organizer = event_of(message_from_bytes(raw, policy=policy.default))["ORGANIZER"]
    assert organizer == "mailto:sessions@invigilation.example"


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (timedelta(hours=72), "in 3 days."),
        (timedelta(hours=71, minutes=20), "in 2 days and 23 hours."),
        (timedelta(hours=24), "in 24 hours."),
        (timedelta(hours=17, minutes=40), "in 18 hours."),
        (timedelta(minutes=60), "in 1 hour."),
        (timedelta(minutes=59, seconds=40), "in 1 hour."),
        (timedelta(minutes=81), "in 1 hour and 21 minutes."),
        (timedelta(minutes=2), "in 2 minutes."),
        (timedelta(seconds=5), "in 1 minute."),
    ],
)
def test_a_reminder_tells_the_time_that_is_really_left(before, says):
    start = datetime.fromisoformat(FACTS["start"])

    mail = Letters(HEAD).write(letter("reminder"), start - before)

    assert f"Your session begins {says}" in mail.get_body(("plain",)).get_content()
    assert mail["Subject"] == f"Your session is {says[:-1]}: {TITLE}"


@pytest.mark.parametrize(
    ("hours", "before", "says"),
    [
        (72, timedelta(hours=72), "Test your link now: this is the hour of your session."),
        (24, timedelta(hours=20), "Test your link, best at the hour of your session."),
        (1, timedelta(hours=1), None),
    ],
)
def test_a_reminder_leads_to_the_test_of_the_link(hours, before, says):
    start = datetime(2026, 7, 6, 9, 0, tzinfo=UTC)

    mail = Letters(HEAD).write(letter("reminder", hours=hours), start - before)

    text = mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()
    assert (says or "Test your link") in text or says is None
    assert (f"{LINK}?to=test" in text.splitlines()) is (says is not None)
    assert (f'href="{LINK}?to=test"' in page) is (says is not None)


@pytest.mark.parametrize("kind", ["booked", "moved"])
def test_who_has_a_new_time_is_led_to_the_test_of_the_link(kind):
    mail = Letters(HEAD).write(letter(kind))

    text = mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()
    assert "Test your link soon, best at the hour of your session." in text
    assert f"{LINK}?to=test" in text.splitlines()
    assert f'href="{LINK}?to=test"' in page


@pytest.mark.parametrize("kind", ["booked", "moved", "reminder"])
def test_until_the_cut_off_a_learner_is_told_how_to_change_and_then_whom_to_tell(kind):
    start = datetime.fromisoformat(FACTS["start"])
    head = replace(HEAD, cutoff=timedelta(hours=36))
    early, late = (
        Letters(head).write(letter(kind), start - timedelta(hours=hours)) for hours in (37, 35)
    )

    until = "until Sunday 5 July 2026, 05:00 your time (Sat 22:00 London, Sat 21:00 UTC)"
    assert until in text_of(early)
    assert "too late to change" not in text_of(early)
    assert "too late to change" in text_of(late)
    assert "You can do so until" not in text_of(late)


@pytest.mark.parametrize(
    ("pence", "currency", "says"),
    [(5_400, "GBP", "£54.00"), (123_456_709, "GBP", "£1,234,567.09"), (5, "NOK", "0.05 NOK")],
)
def test_money_is_told_to_the_penny(pence, currency, says):
    text = text_of(read(letter("payment_received", gross_pence=pence, currency=currency)))

    assert f"your payment of {says} (VAT" in text


def test_an_answer_keeps_its_paragraphs_and_the_question():
    text = text_of(
        read(letter("answer", answer="First.\n\nSecond.\r\nThird.", question="Why?\x07"))
    )

    assert "First.\n\nSecond.\nThird." in text.replace("\r\n", "\n")
    assert "What you wrote:\nWhy?\n" in text.replace("\r\n", "\n")


def test_only_our_own_address_becomes_a_link():
    page = read(letter("moved", name="Win now https://evil.example")).get_body(("html",))

    assert page.get_content().count("<a href=") == 2
    for ours in (LINK, f"{LINK}?to=test"):
        assert f'<a href="{ours}"' in page.get_content()


@pytest.mark.parametrize("kind", INVITED)
def test_what_concerns_a_booking_carries_an_invitation(kind):
    name = "cancel.ics" if kind == "cancelled" else "invite.ics"

    mail = read(letter(kind))

    alternatives = ("multipart/alternative", ["text/plain", "text/html", "text/calendar"])
    assert shape(mail) == ("multipart/mixed", [alternatives, "application/ics"])
    [attached] = mail.iter_attachments()
    assert attached.get_filename() == name
    assert attached.get_content() == invitation(mail)[0].get_content().encode()


@pytest.mark.parametrize("kind", PLAIN)
def test_other_letters_carry_none(kind):
    assert shape(read(letter(kind))) == ("multipart/alternative", ["text/plain", "text/html"])


@pytest.mark.parametrize(
    ("kind", "method", "status"),
    [
        ("booked", "REQUEST", "CONFIRMED"),
        ("moved", "REQUEST", "CONFIRMED"),
        ("cancelled", "CANCEL", "CANCELLED"),
    ],
)
def test_the_method_stands_in_the_part_and_in_the_calendar(kind, method, status):
    part, calendar = invitation(read(letter(kind)))

    assert part["Content-Type"].params["method"] == method
    assert part["Content-Type"].params["charset"] == "utf-8"
    assert calendar["METHOD"] == method
    assert calendar["VERSION"] == "2.0"
    assert calendar.walk("VEVENT")[0]["STATUS"] == status


def test_times_are_utc_and_need_no_zone():
    raw = invitation(read(letter("booked")))[0].get_content()

    lines = raw.split("\r\n") if "\r\n" in raw else raw.split("\n")
    assert "DTSTART:20260706T090000Z" in lines
    assert "DTEND:20260706T103000Z" in lines
    assert "DTSTAMP:20260620T090005Z" in lines
    assert "VTIMEZONE" not in raw


def test_a_booking_keeps_its_uid_while_its_sequence_counts_up():
    events = [
        event_of(read(letter(kind, f"dl_{number}", sequence=number)))
        for number, kind in enumerate(("booked", "moved", "moved", "cancelled"))
    ]

    assert {str(event["UID"]) for event in events} == {"bk_1@invigilation.example"}
    assert [event["SEQUENCE"] for event in events] == [0, 1, 2, 3]
    other = event_of(read(letter("booked", booking="bk_2")))
    assert other["UID"] != events[0]["UID"]


def test_the_sender_organises_and_the_learner_alone_attends():
    event = event_of(read(letter("booked")))

    assert event["ORGANIZER"] == "mailto:sessions@invigilation.example"
    assert event["ATTENDEE"] == "mailto:maria@example.org"
    assert event["ATTENDEE"].params["CN"] == "Maria Santos"
    assert event["ATTENDEE"].params["PARTSTAT"] == "NEEDS-ACTION"


def test_the_same_delivery_is_the_same_message():
    first, again = read(letter("booked")), read(letter("booked"))

    assert first["Message-ID"] == again["Message-ID"] == "<dl_1@invigilation.example>"
    assert read(letter("booked", "dl_2"))["Message-ID"] != first["Message-ID"]


def without_spaces(text):
    return "".join(text.split())


NAMES = [
    "Nguyễn Thị Hồng",
    "Santos, Maria; (Chief) <x@evil.example>",
    'Maria "Mia" Santos',
    "Иван Петров " * 12,
    "محمد عبد الله",
    "O'Connor: Jr.",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["booked", "receipt"])
def test_any_name_arrives_as_it_is_and_changes_nothing_else(name, kind):
    name = name.strip()

    mail = read(letter(kind, name=name))

    [to] = mail["To"].addresses
    # The library puts spaces between the pieces of a long name; that is all it may do to it.
    assert without_spaces(to.display_name) == without_spaces(name)
    assert to.addr_spec == "maria@example.org"
    assert f"Dear {name}," in text_of(mail)
    assert len(mail.get_all("To")) == 1
    if kind == "booked":
        attendee = event_of(mail)["ATTENDEE"]
        assert attendee == "mailto:maria@example.org"
        assert attendee.params["CN"].replace("'", '"') == name.replace("'", '"')


EVIL = ["Maria\nBcc: eve@evil.example", "Maria\r\nBcc: eve@evil.example\r\n\r\nHello", "M\rX-A: b"]


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("field", ["name", "title"])
@pytest.mark.parametrize("kind", ["booked", "receipt"])
def test_no_header_and_no_line_of_a_calendar_is_injected(kind, field, evil):
    mail = read(letter(kind, **{field: evil}))

    assert mail["Bcc"] is None
    assert mail["X-A"] is None
    assert [to.addr_spec for to in mail["To"].addresses] == ["maria@example.org"]
    if kind == "booked":
        raw = invitation(mail)[0].get_content()
        assert not any(line.startswith(("Bcc", "X-A")) for line in raw.splitlines())
        assert event_of(mail)["ATTENDEE"] == "mailto:maria@example.org"


def test_what_people_wrote_is_no_html():
    evil = "<script>alert(1)</script>"

    mail = read(letter("receipt", name=evil, reason="<img src=x>"))

    html = mail.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "<img" not in html
    assert evil in text_of(mail)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("learner_no_show", "£54.00 (VAT £9.00 included)"),
        ("provider_fault", "our fault"),
        ("technical_unresolved", "not held against you"),
        ("excused", "You were excused"),
    ],
)
def test_a_missed_session_is_told_in_plain_words(state, says):
    text = text_of(read(letter("attendance", state=state)))

    assert says in text
    assert "within 14 days" in text
    assert ("£" in text) == (state == "learner_no_show")
    assert ("We were ready, and nobody came." in text) == (state == "learner_no_show")
    assert "The link was lost." in text


@pytest.mark.parametrize("outcome", ["completed", "stopped", "refused", "technical"])
def test_a_receipt_tells_the_outcome_and_the_reason_if_there_is_one(outcome):
    with_reason = text_of(read(letter("receipt", outcome=outcome)))
    without = text_of(read(letter("receipt", outcome=outcome, reason=None)))

    assert "The reason: The link was lost." in with_reason
    assert "The reason:" not in without


# --- the way out ---


def smtp(mailbox, *, tls=False):
    return Smtp(mailbox.host, mailbox.port, "", "", tls)


async def test_a_letter_arrives_at_a_real_mail_server(mailbox):
    await smtp(mailbox).send(Letters(HEAD).write(letter("booked", name="Nguyễn Thị Hồng")))

    mail = await mailbox.wait_for("maria@example.org")
    assert mail["X-Envelope-To"] == "maria@example.org"
    assert mail["To"].addresses[0].display_name == "Nguyễn Thị Hồng"
    assert event_of(mail)["UID"] == "bk_1@invigilation.example"


async def test_without_encryption_nothing_is_sent_where_it_is_asked_for(mailbox):
    mail = Letters(HEAD).write(letter("receipt"))

    with pytest.raises(aiosmtplib.SMTPException):
        await smtp(mailbox, tls=True).send(mail)

    assert mailbox.messages == []


async def test_a_folder_holds_one_whole_file_a_letter(tmp_path):
    folder = MailFolder(tmp_path / "mail")
    await folder.send(Letters(HEAD).write(letter("booked")))
    await folder.send(Letters(HEAD).write(letter("booked")))
    await folder.send(Letters(HEAD).write(letter("receipt", "dl_2")))

    files = sorted(path.name for path in (tmp_path / "mail").iterdir())

    assert files == ["dl_1.eml", "dl_2.eml"]
    raw = (tmp_path / "mail" / "dl_1.eml").read_bytes()
    assert message_from_bytes(raw, policy=policy.default)["Subject"].endswith(TITLE)


async def test_a_disk_that_fails_leaves_no_half_letter(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)

    with pytest.raises(OSError, match="No space"):
        await MailFolder(tmp_path).send(Letters(HEAD).write(letter("receipt")))

    assert list(tmp_path.glob("*.eml")) == []
