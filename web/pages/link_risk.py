"""What a scheduler sees beside a booking of the learner's link: a word or two, and a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from invigilation import forecast
from invigilation.booking import BookingState
from invigilation.desk import Desk
from invigilation.forecast import Forecast, Risk
from invigilation.store.ledger import Line

_KINDS = {Risk.LOW: "good", Risk.MEDIUM: "warn", Risk.HIGH: "bad"}


@dataclass(frozen=True, slots=True)
class LinkRisk:
    """The badge, the kind of its tag, and what is behind it in words."""

    badge: str
    kind: str
    words: str

    @classmethod
    def of(cls, found: Forecast) -> LinkRisk:
        """Put a forecast into words."""
        return cls(forecast.badge(found), _KINDS[found.risk], forecast.in_words(found))


async def risks_of(desk: Desk, lines: Iterable[Line]) -> dict[str, LinkRisk]:
    """Return what to expect of the bookings that are to come, by their ids.

    Of learners who have not tested their link nothing is known: they are left out.
    """
    booked = [
        (one.booking, one.request, one.start) for one in lines if one.state is BookingState.BOOKED
    ]
    found = await desk.probes.forecasts(booked)
    return {booking: LinkRisk.of(one) for booking, one in found.items()}
