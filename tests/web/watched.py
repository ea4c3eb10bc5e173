"""What watches over an office without a live room: for tests of health, figures and pictures."""

from __future__ import annotations

from pathlib import Path

from invigilation.desk import Desk
from signalling.watching import Figures
from web.health.gauges import Gauges
from web.health.lag import Lag
from web.health.pulse import Pulse
from web.health.readiness import Check, Readiness
from web.watchers import Metrics


def gauges_of(desk: Desk, folder: Path, figures: Figures | None = None, *checks: Check) -> Gauges:
    """Return gauges over this desk; all is well unless a check says otherwise."""
    clock = desk.office.clock
    return Gauges(
        desk,
        Metrics(),
        Readiness(checks, clock),
        Pulse(clock),
        Lag(clock),
        lambda: figures or Figures((), 0, 0),
        folder,
    )
