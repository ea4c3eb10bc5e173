"""Writes letters: plain text, simple HTML, and a calendar invitation where a booking is told of.

The parts and headers are those that Outlook, Gmail and Apple Mail accept as an invitation
(RFC 5545, RFC 5546, RFC 6047): a stable UID, a SEQUENCE that counts up, the method in the MIME
type and in the calendar, times in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from jinja2 import Environment, PackageLoader, StrictUndefined

from invigilation.report import Delivery
from invigilation.zones import zone_named

METHODS = {"booked": "REQUEST", "moved": "REQUEST", "cancelled": "CANCEL"}
SUBJECTS = {
    "booked": "Your session is booked: {title}",
    "moved": "Your session has a new time: {title}",
    "cancelled": "Your session is cancelled: {title}",
    "receipt": "Your session: {title}",
    "attendance": "Your missed session: {title}",
}
OUTCOMES = {
    "completed": "You completed your session.",
    "stopped": "Your session was stopped.",
    "refused": "You were not admitted to the assessment.",
    "technical": "Your session ended for a technical reason.",
}
LONDON = ZoneInfo("Europe/London")
DAY_AND_TIME = "%A %d %B %Y, %H:%M"


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes: the service's name, the sender's address, and the links in the letters."""

    service: str
    sender: str
    url: str
    link: Callable[[str], str]
    """Gives the path of a request's personal link."""


class Letters:
    """Writes one mail for one delivery of the mail channel."""

    def __init__(self, head: Letterhead) -> None:
        self._head = head
        self._texts = Environment(
            loader=PackageLoader("web.mail", "texts"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,  # noqa: S701 - plain text; the HTML part is escaped where it is made
        )
        self._html = Environment(
            loader=PackageLoader("web.mail", "texts"), undefined=StrictUndefined, autoescape=True
        )

    def write(self, delivery: Delivery) -> EmailMessage:
        """Return the whole mail; the same delivery always has the same Message-ID."""
        facts = json.loads(delivery.body)
        for line in ("name", "title"):  # they stand in headers, where a line's end is forbidden
            facts[line] = " ".join(facts[line].split())
        words = self._words(delivery.type, facts)
        text = self._texts.get_template(f"{delivery.type}.txt").render(words)
        domain = self._head.sender.rpartition("@")[2]
        mail = EmailMessage()
        mail["From"] = Address(self._head.service, addr_spec=self._head.sender)
        mail["To"] = Address(facts["name"], addr_spec=delivery.target)
        mail["Subject"] = SUBJECTS[delivery.type].format(title=facts["title"])
        mail["Date"] = format_datetime(delivery.created)
        mail["Message-ID"] = f"<{delivery.id}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        paragraphs = [part.split("\n") for part in text.strip().split("\n\n")]
        page = self._html.get_template("frame.html")
        mail.add_alternative(page.render(paragraphs=paragraphs, **words), subtype="html")
        if delivery.type in METHODS:
            self._invite(mail, delivery, facts, words, domain)
        return mail

    def _words(self, kind: str, facts: dict[str, Any]) -> dict[str, Any]:
        start = datetime.fromisoformat(facts["start"])
        zone = facts["zone"]
        words = {
            **facts,
            "kind": kind,
            "service": self._head.service,
            "link": self._head.url + self._head.link(facts["request"]),
            "yours": f"{start.astimezone(zone_named(zone)):{DAY_AND_TIME}} ({zone})",
            "london": f"{start.astimezone(LONDON):{DAY_AND_TIME}} (London)",
            "utc": f"{start.astimezone(UTC):{DAY_AND_TIME}} UTC",
        }
        if "outcome" in facts:
            words["outcome_words"] = OUTCOMES[facts["outcome"]]
        if "gross_pence" in facts:
            words["gross"] = f"£{facts['gross_pence'] / 100:.2f}"
            words["vat"] = f"£{facts['vat_pence'] / 100:.2f}"
        return words

    def _invite(
        self,
        mail: EmailMessage,
        delivery: Delivery,
        facts: dict[str, Any],
        words: dict[str, Any],
        domain: str,
    ) -> None:
        method = METHODS[delivery.type]
        event = icalendar.Event()
        event.add("uid", f"{facts['booking']}@{domain}")
        event.add("sequence", facts["sequence"])
        event.add("dtstamp", delivery.created)
        event.add("dtstart", datetime.fromisoformat(facts["start"]))
        event.add("dtend", datetime.fromisoformat(facts["end"]))
        event.add("summary", f"Remote invigilation: {facts['title']}")
        event.add("description", f"Your personal link: {words['link']}")
        event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
        organizer = icalendar.vCalAddress(f"mailto:{self._head.sender}")
        organizer.params["CN"] = self._head.service
        event.add("organizer", organizer)
        attendee = icalendar.vCalAddress(f"mailto:{delivery.target}")
        attendee.params["CN"] = facts["name"]
        attendee.params["ROLE"] = "REQ-PARTICIPANT"
        attendee.params["PARTSTAT"] = "NEEDS-ACTION"
        attendee.params["RSVP"] = "FALSE"
        event.add("attendee", attendee, encode=0)
        calendar = icalendar.Calendar()
        calendar.add("prodid", "-//Invigilation Service//EN")
        calendar.add("version", "2.0")
        calendar.add("method", method)
        calendar.add_component(event)
        text = calendar.to_ical().decode()
        mail.add_alternative(text, subtype="calendar", params={"method": method})
        mail.add_attachment(
            text.encode(),
            maintype="application",
            subtype="ics",
            filename="cancel.ics" if method == "CANCEL" else "invite.ics",
        )
