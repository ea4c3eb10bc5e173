"""Gaps and the assessment's clock: time that was ruled technical is given back, exactly once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from invigilation.errors import IllegalTransition
from invigilation.gap import Gap, GapState, Ruling, time_run
from invigilation.session import Session, SessionEvent, SessionState, runs

T0 = datetime(2026, 11, 23, 10, tzinfo=UTC)
E = SessionEvent


def at(seconds):
    return T0 + timedelta(seconds=seconds)


def seconds(number):
    return timedelta(seconds=number)


def admitted(minutes=90):
    one = Session("s", "b", SessionState.SCHEDULED, minutes, 0)
    for event in (E.CHECK_IN, E.CONFIRM_IDENTITY, E.ADMIT):
        one = one.after(event, T0)
    return one


STEPS = [(E.ADMIT, at(0)), (E.PAUSE, at(100)), (E.RESUME, at(200)), (E.END, at(300))]


def test_the_clock_runs_from_each_start_to_the_next_halt():
    assert runs([]) == ()
    assert runs(STEPS[:1]) == ((at(0), None),)
    assert runs(STEPS[:2]) == ((at(0), at(100)),)
    assert runs(STEPS) == ((at(0), at(100)), (at(200), at(300)))
    assert runs([*STEPS[:2], (E.STOP, at(250))]) == ((at(0), at(100)),)


@pytest.mark.parametrize(
    ("first", "last", "ran"),
    [
        (10, 20, 10),
        (90, 110, 10),
        (90, 210, 20),
        (100, 200, 0),
        (120, 130, 0),
        (190, 400, 100),
        (0, 300, 200),
        (-50, 50, 50),
        (310, 320, 0),
    ],
)
def test_what_a_gap_lost_is_what_ran_in_it_clipped_by_pauses(first, last, ran):
    gap = Gap("g", "s", at(first)).closed(at(last), runs(STEPS))

    assert (gap.lost, gap.ended) == (seconds(ran), at(last))


def test_a_clock_that_still_runs_counts_to_the_end_of_the_gap():
    assert time_run(runs(STEPS[:3]), at(90), at(230)) == seconds(40)


def test_a_gap_never_ends_before_it_began():
    gap = Gap("g", "s", at(50)).closed(at(40), runs(STEPS))

    assert (gap.ended, gap.lost) == (at(50), seconds(0))


def test_an_open_gap_is_not_ruled_and_a_closed_one_not_closed_again():
    gap = Gap("g", "s", at(0))

    with pytest.raises(IllegalTransition):
        gap.ruled(Ruling.LEARNER, "", "st", at(9))
    with pytest.raises(IllegalTransition):
        gap.closed(at(5), ()).closed(at(6), ())


def test_only_a_technical_ruling_gives_back():
    closed = Gap("g", "s", at(10)).closed(at(40), runs(STEPS))
    technical = closed.ruled(Ruling.TECHNICAL, "satellite", "st_ann", at(50))
    anew = technical.ruled(Ruling.LEARNER, "switched off", "st_bob", at(60))

    assert [one.state for one in (closed, technical, anew)] == [
        *(GapState.CLOSED, GapState.TECHNICAL, GapState.LEARNER),
    ]
    assert [one.gives_back for one in (closed, technical, anew)] == [
        *(seconds(0), seconds(30), seconds(0)),
    ]
    assert (anew.note, anew.ruled_by, anew.ruled_at) == ("switched off", "st_bob", at(60))


def test_a_gap_opens_only_while_the_clock_runs_and_one_at_a_time():
    one = admitted()
    gap = one.gap("g", at(5), [], at(10))

    assert gap == Gap("g", "s", at(5))
    assert one.gap("h", at(11), [gap], at(16)) is None
    assert one.after(E.PAUSE, at(10)).gap("h", at(5), [], at(10)) is None
    assert one.after(E.END, at(10)).gap("h", at(5), [], at(10)) is None


def test_a_gap_begins_neither_before_admission_nor_in_an_earlier_gap_nor_ahead():
    one = admitted()
    earlier = Gap("g", "s", at(5)).closed(at(20), runs(STEPS))

    assert one.gap("h", at(-3), [], at(10)).began == at(0)
    assert one.gap("h", at(12), [earlier], at(30)).began == at(20)
    assert one.gap("h", at(99), [earlier], at(30)).began == at(30)


def test_a_gap_longer_than_what_was_left_gives_all_of_it_back():
    one = admitted(minutes=1)
    gap = one.gap("g", at(50), [], at(55)).closed(at(500), runs([(E.ADMIT, T0)]))

    ruled = gap.ruled(Ruling.TECHNICAL, "", "st", at(500))

    assert one.remaining(at(500)) == seconds(0)
    assert one.after_ruling(gap, ruled).remaining(at(500)) == seconds(10)


@given(st.lists(st.sampled_from(Ruling), min_size=1, max_size=8))
@settings(max_examples=40)
def test_however_often_a_gap_is_ruled_only_the_last_ruling_counts(rulings):
    one = admitted()
    gap = Gap("g", "s", at(10)).closed(at(70), runs([(E.ADMIT, T0)]))

    for ruling in rulings:
        ruled = gap.ruled(ruling, "", "st", at(80))
        one, gap = one.after_ruling(gap, ruled), ruled

    assert one.given_back == seconds(60 if rulings[-1] is Ruling.TECHNICAL else 0)


class Fair(RuleBasedStateMachine):
    """A sitting with gaps, pauses, rulings and extra time in any order.

    The oracle counts second by second, and never looks at the clock's own arithmetic.
    """

    def __init__(self):
        super().__init__()
        self.one = admitted(20)
        self.steps = [(E.ADMIT, T0)]
        self.ran = []
        self.gaps = []
        self.technical = {}
        self.minutes = 20

    @property
    def now(self):
        return at(len(self.ran))

    def moment(self, index):
        return (self.gaps[index].began - T0) // seconds(1)

    @rule(number=st.integers(1, 400))
    def time_passes(self, number):
        self.ran += [self.one.state is SessionState.IN_PROGRESS] * number

    @rule(event=st.sampled_from([E.PAUSE, E.RESUME, E.PAUSE, E.RESUME, E.END]))
    def a_step(self, event):
        if event is E.END and self.one.remaining(self.now):
            return
        try:
            self.one = self.one.after(event, self.now)
        except IllegalTransition:
            return
        self.steps.append((event, self.now))

    @rule(ago=st.integers(0, 60))
    def silence(self, ago):
        gap = self.one.gap(f"g{len(self.gaps)}", self.now - seconds(ago), self.gaps, self.now)
        if gap is not None:
            self.gaps.append(gap)

    @precondition(lambda self: self.gaps and self.gaps[-1].ended is None)
    @rule(ago=st.integers(0, 30))
    def media_flow_again(self, ago):
        ended = max(self.now - seconds(ago), self.gaps[-1].began)
        self.gaps[-1] = self.gaps[-1].closed(ended, runs(self.steps))

    @precondition(lambda self: any(gap.ended for gap in self.gaps))
    @rule(data=st.data(), ruling=st.sampled_from(Ruling))
    def a_ruling(self, data, ruling):
        closed = [index for index, gap in enumerate(self.gaps) if gap.ended]
        index = data.draw(st.sampled_from(closed))
        ruled = self.gaps[index].ruled(ruling, "", "st", self.now)
        self.one = self.one.after_ruling(self.gaps[index], ruled)
        self.gaps[index] = ruled
        self.technical[index] = ruling is Ruling.TECHNICAL

    @precondition(lambda self: self.one.state is not SessionState.ENDED)
    @rule(minutes=st.integers(1, 10))
    def extra_time(self, minutes):
        self.one = replace(self.one, minutes=self.one.minutes + minutes)
        self.minutes += minutes

    @invariant()
    def no_second_that_was_ruled_technical_counts(self):
        used = list(self.ran)
        for index, technical in self.technical.items():
            if technical:
                first, last = self.moment(index), (self.gaps[index].ended - T0) // seconds(1)
                used[first:last] = [False] * (last - first)
        left = max(self.minutes * 60 - sum(used), 0)
        assert self.one.remaining(self.now) == seconds(left)


TestFair = Fair.TestCase
TestFair.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
