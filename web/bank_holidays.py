"""The bank holidays of England and Wales, as the seed of the office's closures."""

from __future__ import annotations

from datetime import date


def bank_holidays(year: int) -> list[tuple[date, str]]:
    """Return the bank holidays of England and Wales in one year with their names, ascending.

    A holiday that falls on a weekend appears only as its substitute day: the one that is kept.
    England and Wales keep the same days.

    Not for a request: making the calendar takes about a tenth of a second.
    """
    # Imported on use: the package is slow to load, and only the yearly seed needs it.
    from holidays import country_holidays  # noqa: PLC0415

    calendar = country_holidays("GB", subdiv="ENG", years=year)
    return sorted((day, str(name)) for day, name in calendar.items() if day.weekday() < 5)
