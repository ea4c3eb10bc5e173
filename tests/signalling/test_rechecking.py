"""When a face is taken again: by fixed clock and dice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from invigilation.gap import Gap
from invigilation.recheck import Recheck, RecheckCause, RecheckResult
from invigilation.session import Session, SessionState
from signalling.rechecking import (
    GAPS_APART,
    LATEST,
    RETRY_S,
    SETTLED,
    SOONEST,
    Rechecking,
    gap_due,
)

ADMITTED = datetime(2026, 11, 23, 10, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Dice(Random):
    """Draws the earliest moment, or the latest one."""

    def __init__(self, *, late: bool) -> None:
        super().__init__()
        self.late = late

    def uniform(self, a: float, b: float) -> float:
        return b if self.late else a


@dataclass(frozen=True)
class View:
    """As much of a room's view as matters here."""

    session: Session
    gaps: tuple[Gap, ...] = ()
    rechecks: tuple[Recheck, ...] = ()


def running(*rechecks: Recheck, gaps: tuple[Gap, ...] = ()) -> View:
    session = Session(
        "se_1",
        "bk_1",
        SessionState.IN_PROGRESS,
        90,
        7,
        started=ADMITTED,
        running_since=ADMITTED,
    )
    return View(session, gaps, rechecks)


def taken(after: timedelta, cause=RecheckCause.RANDOM, result=None) -> Recheck:
    return Recheck(f"rc_{after}", "se_1", cause, "ev_1", ADMITTED + after, result)


def gap(began: timedelta, ended: timedelta | None) -> Gap:
    last = None if ended is None else ADMITTED + ended
    return Gap("gp_1", "se_1", ADMITTED + began, last)


def due(timetable: Rechecking, view: View, after: timedelta) -> RecheckCause | None:
    return timetable.due(view, ADMITTED + after, after.total_seconds())


def first_due(timetable: Rechecking, view: View, since: timedelta = timedelta(0)) -> timedelta:
    """The first whole minute at which one is due."""
    for minutes in range(int(since / MINUTE), 200):
        if due(timetable, view, minutes * MINUTE) is not None:
            return minutes * MINUTE
    raise AssertionError("none is ever due")


@pytest.mark.parametrize(("late", "at"), [(False, SOONEST), (True, LATEST)])
def test_the_first_comes_20_to_40_minutes_after_admission(late, at):
    assert first_due(Rechecking(Dice(late=late)), running()) == at


def test_real_dice_draw_moments_in_between_and_not_the_same():
    moments = {first_due(Rechecking(Random(seed)), running()) for seed in range(20)}

    assert len(moments) > 5
    assert all(SOONEST <= moment <= LATEST + MINUTE for moment in moments)


def test_the_next_is_drawn_when_one_was_taken():
    timetable = Rechecking(Dice(late=False))
    at = first_due(timetable, running())
    judged = taken(at, result=RecheckResult.SAME)

    assert first_due(timetable, running(judged), at) == at + SOONEST


def test_while_one_waits_to_be_judged_none_comes_at_random():
    timetable = Rechecking(Dice(late=False))
    at = first_due(timetable, running())
    waiting = running(taken(at))

    found = {due(timetable, waiting, at + minutes * MINUTE) for minutes in range(100)}

    assert found == {None}


def test_a_picture_that_could_not_be_had_is_tried_again_soon():
    timetable = Rechecking(Dice(late=False))
    at = first_due(timetable, running())

    again = [
        due(timetable, running(), at + seconds * SECOND) for seconds in (1, RETRY_S, RETRY_S + 1)
    ]

    assert again == [None, RecheckCause.RANDOM, None]


def test_pauses_do_not_count():
    timetable = Rechecking(Dice(late=False))
    due(timetable, running(), timedelta(0))
    session = running().session
    paused = replace(session, state=SessionState.PAUSED, running_since=None, spent=10 * MINUTE)
    resumed = replace(session, running_since=ADMITTED + 60 * MINUTE, spent=10 * MINUTE)

    assert due(timetable, View(paused), 59 * MINUTE) is None
    assert due(timetable, View(resumed), 69 * MINUTE) is None
    assert due(timetable, View(resumed), 70 * MINUTE) is RecheckCause.RANDOM


@pytest.mark.parametrize("state", set(SessionState) - {SessionState.IN_PROGRESS})
def test_only_while_the_clock_runs(state):
    timetable = Rechecking(Dice(late=False))
    view = running(gaps=(gap(MINUTE, 2 * MINUTE),))
    other = replace(view, session=replace(view.session, state=state, running_since=None))

    assert {due(timetable, other, minutes * MINUTE) for minutes in range(90)} == {None}


@pytest.mark.parametrize(("late", "at"), [(False, 30 * MINUTE), (True, 30 * MINUTE + LATEST)])
def test_a_room_that_takes_a_session_up_in_the_middle_draws_from_now_on(late, at):
    timetable = Rechecking(Dice(late=late))

    assert first_due(timetable, running(), 30 * MINUTE) == at


def test_after_a_gap_a_face_is_due_when_the_picture_has_settled():
    view = running(gaps=(gap(5 * MINUTE, 6 * MINUTE),))
    timetable = Rechecking(Dice(late=True))

    assert due(timetable, view, 6 * MINUTE + SETTLED - SECOND) is None
    assert due(timetable, view, 6 * MINUTE + SETTLED) is RecheckCause.GAP


def test_an_open_gap_is_waited_out():
    assert not gap_due((gap(MINUTE, None),), (), ADMITTED + 50 * MINUTE)


@pytest.mark.parametrize("cause", RecheckCause)
def test_any_face_that_was_taken_after_the_gap_will_do(cause):
    gaps = (gap(MINUTE, 2 * MINUTE), gap(3 * MINUTE, 4 * MINUTE))

    assert gap_due(gaps, (taken(3 * MINUTE, cause),), ADMITTED + 10 * MINUTE)
    assert not gap_due(gaps, (taken(4 * MINUTE, cause),), ADMITTED + 10 * MINUTE)


def test_a_link_that_is_lost_all_the_time_costs_a_face_a_minute():
    gaps = (gap(MINUTE, 2 * MINUTE), gap(2 * MINUTE + 10 * SECOND, 2 * MINUTE + 20 * SECOND))
    before = (taken(2 * MINUTE + 6 * SECOND, RecheckCause.GAP),)
    at = before[0].taken_at + GAPS_APART

    assert not gap_due(gaps, before, at - SECOND)
    assert gap_due(gaps, before, at)


def test_faces_after_gaps_wait_for_no_judgement():
    gaps = (gap(MINUTE, 2 * MINUTE), gap(30 * MINUTE, 31 * MINUTE))
    unjudged = (taken(3 * MINUTE, RecheckCause.GAP), taken(25 * MINUTE))

    assert gap_due(gaps, unjudged, ADMITTED + 32 * MINUTE)
