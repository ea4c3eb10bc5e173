"""What learners read on an edX platform's page, in plain words, and how long lists are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from invigilation.booking import OCCUPIED
from invigilation.office_hours import LONDON
from invigilation.session import OVER
from invigilation.store.views import Sitting
from web.pages.words import beside, moment

GENERAL = (
    "A person watches you by camera while you sit this exam. You choose a time for it first.",
    "You need a computer or phone with a camera and a microphone, and your identity document.",
    "Nothing has to be installed.",
)
CHOOSE = (
    "Press the button for the system check: your own page opens in a new window.",
    "Choose a time for your session there. A person watches you by camera while you sit the exam.",
    "At that time, come back here and press the button again. Have your identity document ready.",
    "When your invigilator has let you in, start the exam on this page.",
)
BOOKED = (
    "Come back here up to half an hour before, with your identity document.",
    "Then press the button for the system check. There you can also change the time.",
    "When your invigilator has let you in, start the exam on this page.",
)
PRACTICE = (
    "This is for practice: nobody watches you, and you need no camera.",
    "Start the exam on this page when you are ready.",
)
DONE = ("Your session is over. Your training company tells you the result.",)


def instructions(sitting: Sitting | None) -> Sequence[str]:
    """Return what a learner is to do, step by step; plain text without marks."""
    if sitting is None or sitting.booking_state not in OCCUPIED:
        return CHOOSE
    if sitting.session_state in OVER:
        return DONE
    when = moment(sitting.start, UTC)
    london = beside(sitting.start, UTC, LONDON)
    return (f"Your session is booked for {when} UTC ({london} in London).", *BOOKED)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a long list: its items, how many there are in all, and on how many pages."""

    items: Sequence[str]
    count: int
    pages: int


def paged(items: Sequence[str], page: int, size: int) -> Page:
    """Return the items of a page, counted from 1."""
    first = (page - 1) * size
    return Page(items[first : first + size], len(items), max(1, -(-len(items) // size)))
