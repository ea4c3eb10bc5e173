"""Dates, times and rotas that the tests of the slots share."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from invigilation.office_hours import LONDON, Hours, Window
from invigilation.slots import Shift, Wish

MONDAY = date(2026, 6, 8)
FRIDAY = date(2026, 6, 12)
SATURDAY = date(2026, 6, 13)
LONG_AGO = date(2026, 1, 1)
CLOCKS_GO_BACK_2026 = date(2026, 10, 25)
CLOCKS_GO_FORWARD_2027 = date(2027, 3, 28)
CLOCKS_GO_BACK_2027 = date(2027, 10, 31)
WISH = Wish(datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC), 90, 15)


def hours(start, end):
    return Hours(time.fromisoformat(start), time.fromisoformat(end))


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def london(day, wall, fold=0):
    moment = datetime.combine(day, time.fromisoformat(wall), LONDON)
    return moment.replace(fold=fold).astimezone(UTC)


def london_day(day):
    return Window(london(day, "00:00"), london(day + timedelta(days=1), "00:00"))


def every_day(staff="ann", start="00:00", end="23:59", first=LONG_AGO, last=None):
    return tuple(Shift(staff, weekday, hours(start, end), first, last) for weekday in range(7))
