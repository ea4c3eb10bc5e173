"""Times and money in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

from invigilation.office_hours import LONDON
from invigilation.zones import (
    EARLIEST,
    LATEST,
    QUARTER,
    clean_zone,
    is_ship_clock,
    known_zones,
    ship_clock,
    zone_named,
)

UTC_NAME = "UTC"


def clock(at: datetime, zone: tzinfo = LONDON) -> str:
    """Return "10:00" as the zone's clocks show it."""
    return f"{at.astimezone(zone):%H:%M}"


def day(at: datetime | date, zone: tzinfo = LONDON) -> str:
    """Return "Monday 23 November 2026"; a moment is taken in the zone."""
    local = at.astimezone(zone) if isinstance(at, datetime) else at
    return f"{local:%A} {local.day} {local:%B %Y}"


def moment(at: datetime, zone: tzinfo = LONDON) -> str:
    """Return "Monday 23 November 2026, 10:00"."""
    return f"{day(at, zone)}, {clock(at, zone)}"


def short(at: datetime, zone: tzinfo = LONDON) -> str:
    """Return "Mon 23 Nov, 10:00"."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def place(zone: str) -> str:
    """Return the place that a zone is named after: "Asia/Ho_Chi_Minh" is "Ho Chi Minh".

    A ship's clock has none: "Ship's clock UTC + 05:30".
    """
    if is_ship_clock(zone):
        return f"Ship's clock {ship_offset(zone)}"
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def ship_offset(zone: str) -> str:
    """Return how far a ship's clock is from UTC, as a form writes it: "UTC + 05:30"."""
    sign = "\N{MINUS SIGN}" if zone[3] == "-" else "+"
    return f"UTC {sign} {zone[4:]}"


def ship_clocks() -> list[tuple[str, str]]:
    """Return every ship's clock to choose from, from west to east: (zone, words)."""
    count = (LATEST - EARLIEST) // QUARTER + 1
    names = (ship_clock(EARLIEST + n * QUARTER) for n in range(count))
    return [(name, ship_offset(name)) for name in names]


def offset(at: datetime, zone: tzinfo) -> str:
    """Return how far the zone's clocks are from UTC then: "UTC+8", "UTC+5:30", "UTC"."""
    gap = at.astimezone(zone).utcoffset() or timedelta(0)
    minutes = gap // timedelta(minutes=1)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "\N{MINUS SIGN}"
    return f"UTC{sign}{hours}{f':{rest:02}' if rest else ''}"


def three_times(at: datetime, zone: str) -> list[tuple[str, str]]:
    """Return a moment in the reader's zone, in London and in UTC, as (place, words)."""
    own = zone_named(zone)
    rows = [(f"{place(zone)} (your time)", moment(at, own))]
    if zone != LONDON.key:
        rows.append(("London", moment(at)))
    return [*rows, (UTC_NAME, moment(at, UTC))]


def brief(at: datetime, zone: str) -> str:
    """Return one line: "Monday 23 November 2026, 18:00 your time (10:00 London, 10:00 UTC)".

    Where another day is meant elsewhere, it is named: "(Sun 16:00 London, Sun 16:00 UTC)".
    """
    own = zone_named(zone)
    rest = [f"{beside(at, own, UTC)} {UTC_NAME}"]
    if zone == LONDON.key:
        return f"{moment(at)} in London ({rest[0]})"
    return f"{moment(at, own)} your time ({beside(at, own, LONDON)} London, {rest[0]})"


def beside(at: datetime, own: tzinfo, other: tzinfo) -> str:
    """Return the other zone's time, with its day where that is not the own one: "Tue 23:30"."""
    same = at.astimezone(own).date() == at.astimezone(other).date()
    return clock(at, other) if same else f"{at.astimezone(other):%a %H:%M}"


def all_zones() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return every zone to choose from, by region: (region, [(zone, place)])."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for zone in sorted(known_zones()):
        region, slash, rest = zone.partition("/")
        old = clean_zone(zone) != zone
        if slash and not old and region not in {"Etc", "SystemV", "US", "posix", "right"}:
            regions.setdefault(region, []).append((zone, rest.replace("_", " ")))
    regions["Other"] = [("UTC", "UTC")]
    return list(regions.items())


def money(pence: int) -> str:
    """Return "£54.00"."""
    return f"£{pence / 100:,.2f}"


def percent(basis_points: int) -> str:
    """Return "20 %" of 2,000 basis points."""
    return f"{basis_points / 100:g} %"
