"""The tables: for a terminal, for JSON, and for docs/links.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.bench import Measure
from tests.bench.linkbench.figures import OURS, UNKNOWN, Figures, Outage

ABOUT = {
    "lan": "a: office network",
    "b": "b: 512 kbit/s, 600 ms, 1 %",
    "c": "c: 256 kbit/s, 650 ms, 2 %",
    "d": "d: 128 kbit/s, 700 ms, 2 %",
    "e": "e: 64 kbit/s, 800 ms, 3 %",
    "vsat_bursts": "trace: VSAT, rain",
    "leo_handovers": "trace: low orbit",
}
SHARE = 100


def of_seconds(value: float | None) -> str:
    """Write seconds."""
    return UNKNOWN if value is None else f"{value:.1f}"


def _number(value: float | None, digits: int = 0) -> str:
    return UNKNOWN if value is None else f"{value:.{digits}f}"


Column = tuple[str, Callable[[Figures], str]]
COLUMNS: tuple[Column, ...] = (
    ("system", lambda of: of.system),
    ("joined, s", lambda of: of_seconds(of.joined_s)),
    ("heard, s", lambda of: of_seconds(of.heard_s)),
    ("seen, s", lambda of: of_seconds(of.seen_s)),
    ("sound lost", lambda of: _percent(of.concealed)),
    (
        "picture age, median / longest, s",
        lambda of: f"{_number(of.picture_median_s, 2)} / {of_seconds(of.picture_longest_s)}",
    ),
    ("picture", lambda of: of.picture),
    ("a second", lambda of: _number(of.a_second, 1)),
    ("step", lambda of: of.rung),
    ("idle, ms", lambda of: _number(of.idle_ms)),
    ("round trip +, ms", lambda of: _number(of.inflation_ms)),
    ("queue, ms", lambda of: _number(of.queue_ms)),
    ("up / down, kbit/s", lambda of: f"{_number(of.up_kbit)} / {_number(of.down_kbit)}"),
    ("MB in all", lambda of: _number(of.megabytes, 1)),
    ("document, s", lambda of: f"{of.document}, {of_seconds(of.document_s)}"),
    ("in full size, s", lambda of: of_seconds(of.whole_s)),
    ("outcome", lambda of: of.outcome),
)
LOSSES: tuple[tuple[str, Callable[[Outage], str]], ...] = (
    ("system", lambda of: of.system),
    ("sound back, s", lambda of: of_seconds(of.sound_s)),
    ("picture back, s", lambda of: of_seconds(of.picture_s)),
    ("both were told", lambda of: UNKNOWN if of.told is None else "yes" if of.told else "no"),
    ("session", lambda of: of.state),
    ("lost of 6 lines", lambda of: _number(of.lost_events)),
    ("gap", lambda of: of.gap),
    ("filled after, s", lambda of: of_seconds(of.filled_s)),
)


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{SHARE * share:.1f} %"


def sessions_table(rows: Sequence[Figures]) -> list[list[str]]:
    """Return the sessions as rows of words, the first with the heads."""
    head = ["link", *(name for name, _ in COLUMNS)]
    return [head, *([ABOUT.get(of.link, of.link), *(f(of) for _, f in COLUMNS)] for of in rows)]


def outages_table(rows: Sequence[Outage]) -> list[list[str]]:
    """Return the outages as rows of words, the first with the heads."""
    head = ["nothing for", *(name for name, _ in LOSSES)]
    return [head, *([_duration(of.seconds), *(f(of) for _, f in LOSSES)] for of in rows)]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def markdown(rows: list[list[str]]) -> str:
    """Draw a table for a document."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def merged(before: str, made: str) -> str:
    """Return a table as a document has it, with its rows measured anew; both as `markdown` draws.

    A row is known by its first two cells. With other heads than before nothing of it is kept.
    """
    head, rule, *rows = made.splitlines()
    old_head, _, *old = before.splitlines() or ["", ""]
    if old_head != head:
        return made
    fresh = {_key(row): row for row in rows}
    kept = [fresh.pop(_key(row), row) for row in old]
    return "\n".join([head, rule, *kept, *fresh.values()])


def _key(row: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in row.split("|")[1:3])


def aligned(rows: list[list[str]]) -> str:
    """Draw a table for a terminal, on its side: a line for each column."""
    turned = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in zip(*turned, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in turned
    )


def troubles(sessions: Sequence[Figures], outages: Sequence[Outage]) -> list[str]:
    """Tell what went wrong, a line each."""
    lines = [f"{of.link} ({of.system}): {of.trouble}" for of in sessions if of.trouble]
    return [*lines, *(f"{_duration(of.seconds)}: {of.trouble}" for of in outages if of.trouble)]


def measures(sessions: Sequence[Figures], outages: Sequence[Outage]) -> list[Measure]:
    """Return everything that is a number."""
    found = []
    for of in sessions:
        numbers = (
            ("joined", of.joined_s, "s"),
            ("heard", of.heard_s, "s"),
            ("seen", of.seen_s, "s"),
            ("sound lost", None if of.concealed is None else SHARE * of.concealed, "%"),
            ("picture age, median", of.picture_median_s, "s"),
            ("picture age, longest", of.picture_longest_s, "s"),
            ("pictures", of.a_second, "1/s"),
            ("round trip more", of.inflation_ms, "ms"),
            ("queue", of.queue_ms, "ms"),
            ("up", of.up_kbit, "kbit/s"),
            ("down", of.down_kbit, "kbit/s"),
            ("in all", of.megabytes, "MB"),
            ("document", of.document_s, "s"),
            ("document in full size", of.whole_s, "s"),
            ("attested", float("attested" in of.done) if of.system == OURS else None, ""),
            ("connection lasted", of.lasted_s, "s"),
        )
        found += [
            Measure(f"{of.link}, {of.system}, {name}", value, unit, 1)
            for name, value, unit in numbers
            if value is not None
        ]
    for loss in outages:
        what = f"nothing for {_duration(loss.seconds)}, {loss.system}"
        numbers_of_loss = (
            ("sound back", loss.sound_s, "s"),
            ("picture back", loss.picture_s, "s"),
            ("lines lost", loss.lost_events, ""),
            ("gap filled after", loss.filled_s, "s"),
        )
        found += [
            Measure(f"{what}, {name}", float(value), unit, 1)
            for name, value, unit in numbers_of_loss
            if value is not None
        ]
    return found
