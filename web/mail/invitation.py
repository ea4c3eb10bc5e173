"""The invitation in a letter, as Outlook, Gmail and Apple Mail take it (RFC 5545, 5546, 6047).

Decision 8 says why each of its lines is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import icalendar

ALARM = timedelta(hours=-1)


@dataclass(frozen=True, slots=True)
class Invitation:
    """One version of an invitation to one booking; times are aware."""

    method: str
    uid: str
    sequence: int
    stamped: datetime
    start: datetime
    end: datetime
    title: str
    url: str
    sender: str
    sender_name: str
    guest: str
    guest_name: str

    def calendar(self) -> bytes:
        """Return the calendar, its lines folded and ended as RFC 5545 3.1 says."""
        cancelled = self.method == "CANCEL"
        event = icalendar.Event()
        event.add("uid", self.uid)
        event.add("sequence", self.sequence)
        event.add("dtstamp", self.stamped)
        event.add("dtstart", self.start)
        event.add("dtend", self.end)
        event.add("summary", f"Remote invigilation: {self.title}")
        event.add("description", self._description())
        event.add("location", "Online: your personal link")
        event.add("url", self.url)
        event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
        event.add("transp", "TRANSPARENT" if cancelled else "OPAQUE")
        event.add("class", "PRIVATE")
        event.add("organizer", _address(self.sender, self.sender_name))
        event.add("attendee", self._guest(), encode=0)
        if not cancelled:
            event.add_component(self._alarm())
        calendar = icalendar.Calendar()
        calendar.add("prodid", "-//Invigilation Service//EN")
        calendar.add("version", "2.0")
        calendar.add("calscale", "GREGORIAN")
        calendar.add("method", self.method)
        calendar.add_component(event)
        raw: bytes = calendar.to_ical()
        return raw

    def _description(self) -> str:
        if self.method == "CANCEL":
            return "This session is cancelled."
        return (
            f"Your personal link (keep it to yourself): {self.url}\n"
            "To change or cancel the session, use your personal link. "
            "Declining in your calendar does not cancel it."
        )

    def _guest(self) -> icalendar.vCalAddress:
        guest = _address(self.guest, self.guest_name)
        guest.params["CUTYPE"] = "INDIVIDUAL"
        guest.params["ROLE"] = "REQ-PARTICIPANT"
        guest.params["PARTSTAT"] = "NEEDS-ACTION"
        guest.params["RSVP"] = "FALSE"
        return guest

    def _alarm(self) -> icalendar.Alarm:
        alarm = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", f"Remote invigilation: {self.title}")
        alarm.add("trigger", ALARM)
        return alarm


def _address(mail: str, name: str) -> icalendar.vCalAddress:
    address = icalendar.vCalAddress(f"mailto:{mail}")
    address.params["CN"] = name
    return address
