"""How alike a computer finds two faces, with what the figure means. It never decides."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Likeness:
    """A score of an engine, the higher the more alike; no template is kept.

    `one_in`: at the calibration, one pair of different people in so many scored this high or
    higher; None while nobody has calibrated this engine. `calibrated` is the day of that.
    """

    engine: str
    score: float
    one_in: int | None = None
    calibrated: date | None = None

    def text(self) -> str:
        """Return it as JSON, in the same way each time."""
        day = None if self.calibrated is None else self.calibrated.isoformat()
        plain = {"engine": self.engine, "score": self.score, "one_in": self.one_in}
        return json.dumps(plain | {"calibrated": day}, sort_keys=True)

    @staticmethod
    def of(text: str) -> Likeness:
        """Return the likeness that `text` gave."""
        plain = json.loads(text)
        day = plain["calibrated"]
        plain["calibrated"] = None if day is None else date.fromisoformat(day)
        return Likeness(**plain)
