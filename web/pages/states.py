"""The states of a booking in words, and what a scheduler may do in them."""

from __future__ import annotations

from invigilation.booking import BookingState
from invigilation.session import SessionState
from invigilation.slots import Refusal
from invigilation.store.ledger import Line
from invigilation.store.views import Sitting

STATES = {
    BookingState.RESERVED: ("Reserved, not booked yet", "held"),
    BookingState.BOOKED: ("Booked", ""),
    BookingState.ATTENDED: ("Attended", "good"),
    BookingState.NO_SHOW_PROPOSED: ("Missed: to be judged", "warn"),
    BookingState.LEARNER_NO_SHOW: ("Learner did not come", "bad"),
    BookingState.PROVIDER_FAULT: ("Our fault", "bad"),
    BookingState.TECHNICAL_UNRESOLVED: ("Technical", "warn"),
    BookingState.EXCUSED: ("Excused", "quiet"),
    BookingState.CANCELLED: ("Cancelled", "quiet"),
    BookingState.LAPSED: ("Reservation lapsed", "quiet"),
}
"""Each state in words, and the kind of its tag."""
SHORT = {
    BookingState.RESERVED: "Reserved",
    BookingState.NO_SHOW_PROPOSED: "To be judged",
    BookingState.LEARNER_NO_SHOW: "Did not come",
    BookingState.LAPSED: "Lapsed",
}
"""States whose words are too long for the box of a session, and for a line of a list."""
TO_JUDGE = frozenset(
    {BookingState.NO_SHOW_PROPOSED, BookingState.LEARNER_NO_SHOW, BookingState.ATTENDED}
)
"""Not only who stayed away: who came may have found nobody, or lost the link for good."""
WHY_NOT: dict[str, str] = {
    Refusal.PAST_NOTICE: "This time has passed.",
    Refusal.OUTSIDE_LICENCE: "The learner's licence has ended by then.",
    Refusal.OFF_GRID: "Sessions start on the hour or the half hour.",
    Refusal.CLOSED: "The office is closed then.",
    Refusal.NOT_STAFFED: "Nobody works then.",
    Refusal.FULL: "All invigilators are taken then.",
}


def decidable(one: Line | Sitting) -> bool:
    """Whether a scheduler may find now what came of this session; not while it is running."""
    state = one.state if isinstance(one, Line) else one.booking_state
    running = one.session_state in {SessionState.IN_PROGRESS, SessionState.PAUSED}
    return state in TO_JUDGE and not running
