"""Calendars that cross the house's wall: feeds that go out, busy times that come in."""
