"""What a score of likeness means: how often two different people score as high.

It is counted on pictures that an operator may use. What is kept are counts of scores: no picture,
no name, no template.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

FORMAT = 1
BINS = 100
"""Scores are counted in hundredths; a score of 1 is in the last."""
MIN_PEOPLE = 25
MIN_PAIRS = 1_000
"""Of different people: with fewer, "1 in 1,000" cannot be said."""


class CalibrationUnreadable(Exception):
    """The file is no calibration; the message is a sentence for the operator."""


class TooFewPairs(Exception):
    """So few people or pairs say nothing; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Counts of scores, of pairs of different people and of pairs of pictures of one person.

    `model` is the SHA-256 of the engine's weights; `faceless` pictures showed no face.
    """

    engine: str
    model: str
    day: date
    people: int
    pictures: int
    faceless: int
    different: tuple[int, ...]
    same: tuple[int, ...]

    @property
    def pairs(self) -> int:
        """Of how many pairs of different people it was counted."""
        return sum(self.different)

    def one_in(self, score: float) -> int:
        """Return N: one pair of different people in N scores this high or higher.

        One pair is added to those that were seen, above every score: what never happened among N
        pairs is not said to happen less often than once in N + 1.
        """
        return max(1, (self.pairs + 1) // (self.as_high(score) + 1))

    def as_high(self, score: float) -> int:
        """Return how many pairs of different people scored this high or higher."""
        return sum(self.different[_bin(score) :])

    def found(self, score: float) -> float:
        """Return the share of pairs of one person that score this high or higher; 0 with none."""
        return sum(self.same[_bin(score) :]) / max(1, sum(self.same))

    def text(self) -> str:
        """Return it as JSON, as `read_calibration` takes it."""
        plain = {"format": FORMAT} | asdict(self) | {"day": self.day.isoformat()}
        return json.dumps(plain, sort_keys=True) + "\n"


def counted(scores: Iterable[float]) -> tuple[int, ...]:
    """Count scores from 0 to 1 in hundredths."""
    counts = [0] * BINS
    for score in scores:
        counts[_bin(score)] += 1
    return tuple(counts)


def enough(people: int, different: Sequence[int]) -> None:
    """Raise TooFewPairs unless there are people and pairs enough to say anything."""
    pairs = sum(different)
    if people < MIN_PEOPLE or pairs < MIN_PAIRS:
        raise TooFewPairs(
            f"{people} people with {pairs:,} pairs of different people are too few: it takes "
            f"{MIN_PEOPLE} people and {MIN_PAIRS:,} pairs at least."
        )


def read_calibration(path: Path) -> Calibration:
    """Return the calibration in a file; raises CalibrationUnreadable."""
    try:
        plain = json.loads(path.read_text())
        if plain.pop("format") != FORMAT:
            raise CalibrationUnreadable(f"{path} has a format that this version does not know.")
        plain["day"] = date.fromisoformat(plain["day"])
        for name in ("different", "same"):
            plain[name] = _counts(plain[name])
        found = Calibration(**plain)
        enough(found.people, found.different)
    except OSError as error:
        raise CalibrationUnreadable(f"{path} cannot be read: {error.strerror}.") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise CalibrationUnreadable(f"{path} is no calibration of a likeness.") from None
    except TooFewPairs as reason:
        raise CalibrationUnreadable(f"{path}: {reason}") from None
    return found


def _counts(plain: object) -> tuple[int, ...]:
    if not isinstance(plain, list) or len(plain) != BINS:
        raise ValueError(plain)
    if any(type(count) is not int or count < 0 for count in plain):
        raise ValueError(plain)
    return tuple(plain)


def _bin(score: float) -> int:
    # 0.29 * 100 is 28.999...: a hair more, so that a score is in its own hundredth.
    return min(BINS - 1, max(0, int(score * BINS + 1e-6)))
