"""The clocks that people read: a place's zone, or a ship's clock that stands off UTC by so much."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from invigilation.errors import InvalidInput

_SHIP = re.compile(r"UTC([+-])([0-9]{2}):([0-9]{2})", re.ASCII)
QUARTER = timedelta(minutes=15)
EARLIEST, LATEST = timedelta(hours=-12), timedelta(hours=14)
"""The clocks that stand furthest off UTC: Baker Island's and Kiritimati's."""


_OLD_NAMES = {
    "Africa/Asmera": "Africa/Asmara",
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Catamarca": "America/Argentina/Catamarca",
    "America/Coral_Harbour": "America/Atikokan",
    "America/Cordoba": "America/Argentina/Cordoba",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "America/Jujuy": "America/Argentina/Jujuy",
    "America/Louisville": "America/Kentucky/Louisville",
    "America/Mendoza": "America/Argentina/Mendoza",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
    "Atlantic/Faeroe": "Atlantic/Faroe",
    "Europe/Kiev": "Europe/Kyiv",
    "Pacific/Enderbury": "Pacific/Kanton",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
}
"""Names that browsers still give, and those that their places go by (tzdata's `backward` file)."""


def clean_zone(raw: str) -> str:
    """Return an IANA zone name that this system knows, or a ship's clock like `UTC+05:30`.

    A place that has been renamed comes back under its present name.
    """
    newer = _OLD_NAMES.get(raw, raw)
    if newer in known_zones():
        return newer
    if raw in known_zones():
        return raw
    if _offset(raw) is None:
        raise InvalidInput("zone", "Choose a time zone from the list.")
    return raw


def zone_named(name: str) -> tzinfo:
    """Return the clock of a name that `clean_zone` has taken; another one is a `ValueError`."""
    if name in known_zones():
        return ZoneInfo(name)
    offset = _offset(name)
    if offset is None:
        raise ValueError(f"no zone has the name {name!r}")
    return timezone(offset, name)


def ship_clock(offset: timedelta) -> str:
    """Return the name of a clock that stands off UTC by whole quarter hours: `UTC+05:30`."""
    sign = "-" if offset < timedelta(0) else "+"
    hours, rest = divmod(abs(offset), timedelta(hours=1))
    return f"UTC{sign}{hours:02}:{rest // timedelta(minutes=1):02}"


def is_ship_clock(name: str) -> bool:
    """Say whether a zone's name is an offset, not a place."""
    return _offset(name) is not None


def _offset(name: str) -> timedelta | None:
    found = _SHIP.fullmatch(name)
    if found is None:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    offset = -offset if found[1] == "-" else offset
    good = EARLIEST <= offset <= LATEST and not offset % QUARTER and int(found[3]) < 60
    return offset if good else None


@cache
def known_zones() -> frozenset[str]:
    """Return the names of all zones that this system knows.

    Reading the whole zone directory takes some 50 ms: once is enough.
    """
    return frozenset(available_timezones())
