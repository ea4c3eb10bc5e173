"""Draws the traces in `tests/harness/traces`: `python -m tests.harness.tracing`.

What they are drawn from:

- **A geostationary link of a ship (VSAT)**: 35,786 km up and down twice is 480 ms and more of round
  trip, 600 with what the modems add (RFC 2488, 2). Rain weakens the signal for minutes: the modem
  changes to slower codings step by step (ETSI EN 302 307, adaptive coding and modulation) and
  loses packets in bursts while it does. A mast or a funnel in the antenna's way cuts it off for
  seconds when the ship turns, and other ships share the rate.
- **A low orbit**: satellites change every 15 s, on the network's own clock (at 12, 27, 42 and 57 s
  of each minute); with each change the round trip jumps by up to tens of milliseconds and packets
  are lost for a fraction of a second; at some changes there is nothing for a second or more.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests.harness.profiles import TRACES

Row = list[float | int | bool]

SEED = 1976
"""The year in which ships first had a satellite of their own."""
RATES = (256, 192, 128, 96, 64)
"""The steps of the modem, in kbit/s both ways."""
FADES = (0, 0, 1, 2, 3, 4, 3, 3, 2, 1, 0, 0, 0, 1, 1, 0)
"""Which step holds: clear sky, a shower that comes and goes, a thin cloud."""
SHADOW_AFTER = 10
"""After which of these the ship turns and its mast is in the way."""
HANDOVERS = 20
HANDOVER_S = 15.0


def vsat(chance: random.Random) -> list[Row]:
    """Return five minutes on a geostationary link."""
    rows: list[Row] = []
    for number, fade in enumerate(FADES):
        rate, left = RATES[fade], chance.uniform(15, 23)
        calm = 5 + 4 * fade
        while left > 0:
            stretch = min(left, chance.uniform(4, 9))
            shared = round(rate * chance.uniform(0.8, 1))
            rows.append(row(stretch, shared, shared, 600 + chance.randint(0, 40), calm, 2))
            left -= stretch
            if fade and left > 0 and chance.random() < 0.5:  # a burst while it rains
                burst = chance.uniform(0.2, 0.8)
                rows.append(row(burst, shared, shared, 640, 300, 8))
                left -= burst
        if number == SHADOW_AFTER:
            rows.append([*row(6.0, rate, rate, 640, 10, 2), True])
    return rows


def leo(chance: random.Random) -> list[Row]:
    """Return five minutes on a low orbit, with a ship's share of the rate: 512 up, 1,024 down."""
    rows: list[Row] = []
    for number in range(HANDOVERS):
        base = chance.randint(38, 92)
        up, down = round(512 * chance.uniform(0.5, 1)), round(1024 * chance.uniform(0.5, 1))
        change = chance.uniform(0.15, 0.5)
        rows.append(row(change, up, down, base + chance.randint(30, 120), 400, 6))
        gone = 0.0
        if number % 7 == 3:
            gone = chance.uniform(1.0, 2.5)
            rows.append([*row(gone, up, down, base, 10, 2), True])
        rows.append(row(HANDOVER_S - change - gone, up, down, base, 5, 1.5))
    return rows


def row(seconds: float, up: int, down: int, rtt: int, permille: int, burst: float) -> Row:
    """Return one row of a trace."""
    return [round(seconds, 2), up, down, rtt, permille, burst]


def write(path: Path, about: str, rows: list[Row]) -> None:
    """Write a trace, a row a line."""
    lines = ",\n".join(f"    {json.dumps(one)}" for one in rows)
    head = f'  "name": {json.dumps(path.stem)},\n  "about": {json.dumps(about)},'
    path.write_text(f'{{\n{head}\n  "steps": [\n{lines}\n  ]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    write(
        TRACES / "vsat_bursts.json",
        "A geostationary link: a shower slows it from 256 to 64 kbit/s and back, packets are lost"
        " in bursts, and the mast is in the way for six seconds.",
        vsat(random.Random(SEED)),
    )
    write(
        TRACES / "leo_handovers.json",
        "A low orbit: another satellite every 15 s, with loss and a jump of the round trip, and"
        " three times nothing for a second or two.",
        leo(random.Random(SEED)),
    )
