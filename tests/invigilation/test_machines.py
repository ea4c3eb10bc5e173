"""Every machine against a table written out here: each pair of state and event."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from invigilation import (
    booking,
    charge,
    fill,
    gap,
    identity,
    inspection,
    onboard,
    report,
    request,
    session,
    waiting,
)
from invigilation.booking import Booking, BookingEvent, BookingState
from invigilation.charge import Charge, ChargeEvent, ChargeState
from invigilation.errors import IllegalTransition
from invigilation.identity import Decision, IdentityCheck, IdentityState, SnapshotKind
from invigilation.report import Channel, Delivery, DeliveryEvent, DeliveryState
from invigilation.request import Request, RequestEvent, RequestState
from invigilation.session import LIVE, OUTCOMES, OVER, Session, SessionEvent, SessionState
from invigilation.store import calendar_rows, rows
from invigilation.store.migrations.versions import v0003_calendar
from invigilation.transitions import advance, can

T0 = datetime(2026, 11, 23, 10, tzinfo=UTC)

MACHINES = {
    "booking": (
        booking.TABLE,
        BookingState,
        BookingEvent,
        """
        reserved          confirm              booked
        reserved          lapse                lapsed
        reserved          move                 reserved
        booked            move                 booked
        booked            cancel               cancelled
        booked            attend               attended
        booked            propose_no_show      no_show_proposed
        booked            find_provider_fault  provider_fault
        booked            find_technical       technical_unresolved
        booked            excuse               excused
        no_show_proposed  confirm_no_show      learner_no_show
        no_show_proposed  find_provider_fault  provider_fault
        no_show_proposed  find_technical       technical_unresolved
        no_show_proposed  excuse               excused
        attended          find_provider_fault  provider_fault
        attended          find_technical       technical_unresolved
        learner_no_show   excuse               excused
        learner_no_show   find_provider_fault  provider_fault
        learner_no_show   find_technical       technical_unresolved
        """,
        {"cancelled", "lapsed", "provider_fault", "technical_unresolved", "excused"},
    ),
    "session": (
        session.TABLE,
        SessionState,
        SessionEvent,
        """
        scheduled    check_in          checked_in
        scheduled    close             closed
        checked_in   confirm_identity  identified
        checked_in   refuse            refused
        checked_in   stop              stopped
        checked_in   close             closed
        identified   reopen_identity   checked_in
        identified   admit             in_progress
        identified   refuse            refused
        identified   stop              stopped
        identified   close             closed
        in_progress  pause             paused
        in_progress  stop              stopped
        in_progress  end               ended
        paused       resume            in_progress
        paused       stop              stopped
        paused       end               ended
        refused      attest            attested
        stopped      attest            attested
        ended        attest            attested
        """,
        {"attested", "closed"},
    ),
    "request": (
        request.TABLE,
        RequestState,
        RequestEvent,
        """
        open       book             booked
        open       fulfil_on_board  fulfilled
        open       withdraw         withdrawn
        booked     release          open
        booked     fulfil           fulfilled
        fulfilled  release          open
        """,
        {"withdrawn"},
    ),
    "charge": (
        charge.TABLE,
        ChargeState,
        ChargeEvent,
        """
        held       fall_due  due
        held       waive     waived
        due        submit    submitted
        due        settle    settled
        due        waive     waived
        submitted  expire    due
        submitted  fail      failed
        submitted  settle    settled
        submitted  waive     waived
        failed     submit    submitted
        failed     settle    settled
        failed     waive     waived
        """,
        {"settled", "waived"},
    ),
    "payment": (
        charge.PAYMENTS,
        charge.PaymentState,
        charge.PaymentEvent,
        """
        open     pay     paid
        open     expire  expired
        open     fail    failed
        expired  pay     paid
        failed   pay     paid
        """,
        {"paid"},
    ),
    "waiting": (
        waiting.TABLE,
        waiting.WaitingState,
        waiting.WaitingEvent,
        """
        waiting  offer   offered
        waiting  lapse   lapsed
        waiting  leave   left
        offered  accept  accepted
        offered  lapse   lapsed
        offered  leave   left
        """,
        {"accepted", "lapsed", "left"},
    ),
    "onboard": (
        onboard.TABLE,
        onboard.OnboardState,
        onboard.OnboardEvent,
        """
        submitted  accept    accepted
        submitted  refuse    refused
        submitted  withdraw  withdrawn
        """,
        {"accepted", "refused", "withdrawn"},
    ),
    "identity check": (
        identity.TABLE,
        IdentityState,
        identity.IdentityEvent,
        """
        open           see_document  document_seen
        open           see_face      face_seen
        open           reject        not_confirmed
        document_seen  see_document  document_seen
        document_seen  see_face      both_seen
        document_seen  reject        not_confirmed
        face_seen      see_face      face_seen
        face_seen      see_document  both_seen
        face_seen      reject        not_confirmed
        both_seen      see_document  both_seen
        both_seen      see_face      both_seen
        both_seen      confirm       confirmed
        both_seen      reject        not_confirmed
        both_seen      refer         referred
        referred       refer         referred
        referred       confirm       confirmed
        referred       reject        not_confirmed
        referred       reopen        open
        confirmed      reopen        open
        not_confirmed  reopen        open
        """,
        set(),
    ),
    "fill": (
        fill.TABLE,
        fill.FillState,
        fill.FillEvent,
        """
        none      promise   promised
        promised  promise   promised
        promised  arrive    arriving
        promised  lapse     none
        promised  run_out   partial
        arriving  promise   arriving
        arriving  arrive    arriving
        arriving  lapse     none
        arriving  complete  complete
        arriving  run_out   partial
        complete  promise   arriving
        complete  lapse     none
        complete  accept    accepted
        complete  refuse    refused
        partial   accept    accepted
        partial   refuse    refused
        accepted  accept    accepted
        accepted  refuse    refused
        refused   accept    accepted
        refused   refuse    refused
        """,
        set(),
    ),
    "gap": (
        gap.TABLE,
        gap.GapState,
        gap.GapEvent,
        """
        open       close           closed
        closed     rule_technical  technical
        closed     rule_learner    learner
        technical  rule_technical  technical
        technical  rule_learner    learner
        learner    rule_technical  technical
        learner    rule_learner    learner
        """,
        set(),
    ),
    "inspection": (
        inspection.TABLE,
        inspection.InspectionState,
        inspection.InspectionEvent,
        """
        asked  do        done
        asked  satisfy   satisfied
        asked  fail      not_satisfied
        asked  withdraw  withdrawn
        done   do        done
        done   satisfy   satisfied
        done   fail      not_satisfied
        done   withdraw  withdrawn
        """,
        {"satisfied", "not_satisfied", "withdrawn"},
    ),
    "delivery": (
        report.TABLE,
        DeliveryState,
        DeliveryEvent,
        """
        pending  claim    claimed
        claimed  claim    claimed
        claimed  accept   delivered
        claimed  fail     pending
        claimed  release  pending
        claimed  disable  disabled
        delivered replay  pending
        disabled replay   pending
        pending  replay   pending
        """,
        set(),
    ),
}


def written(name):
    """The table of a machine as it is written out above."""
    lines = (line.split() for line in MACHINES[name][3].strip().splitlines())
    return {(state, event): after for state, event, after in lines}


PAIRS = [
    pytest.param(name, state, event, id=f"{name}: {state} {event}")
    for name, (_, states, events, _, _) in MACHINES.items()
    for state, event in product(states, events)
]


@pytest.mark.parametrize(("name", "state", "event"), PAIRS)
def test_every_pair_goes_where_it_should_or_is_refused(name, state, event):
    table = MACHINES[name][0]
    expected = written(name).get((state.value, event.value))
    if expected is not None:
        assert advance(table, name, state, event) == expected
        assert can(table, state, event)
        return

    with pytest.raises(IllegalTransition) as refused:
        advance(table, name, state, event)

    facts = refused.value
    assert (facts.machine, facts.state, facts.event) == (name, state, event)
    assert not can(table, state, event)


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_can_be_reached(name):
    _, states, _, _, _ = MACHINES[name]
    first = next(iter(states))
    reached, before = {first.value}, set()
    while reached != before:
        before = set(reached)
        reached |= {after for (state, _), after in written(name).items() if state in before}

    assert reached == {state.value for state in states}


@pytest.mark.parametrize("name", MACHINES)
def test_what_is_final_is_what_nothing_leaves(name):
    _, states, _, _, final = MACHINES[name]

    left = {state for state, _ in written(name)}

    assert {state.value for state in states} - left == final


@given(st.data())
@settings(max_examples=60)
def test_no_sequence_leaves_a_final_state(data):
    name = data.draw(st.sampled_from(sorted(MACHINES)))
    table, states, events, _, final = MACHINES[name]
    state = next(iter(states))
    for event in data.draw(st.lists(st.sampled_from(list(events)), max_size=40)):
        try:
            after = advance(table, name, state, event)
        except IllegalTransition:
            continue

        assert state.value not in final
        state = after


# --- what the values do with their machines ---


def words_of(sql):
    return set(re.findall(r"'(\w+)'", sql))


@pytest.mark.parametrize(
    "sql", [rows.HELD, v0003_calendar.HELD, v0003_calendar.TAKEN], ids=["rows", "index", "trigger"]
)
def test_the_database_holds_a_seat_for_just_the_active_states(sql):
    assert words_of(sql) == {state.value for state in booking.ACTIVE}


def test_the_database_keeps_one_place_in_the_line_for_just_who_is_in_it():
    assert words_of(calendar_rows.IN_LINE) == {state.value for state in waiting.IN_LINE}


def test_a_booking_that_is_no_longer_active_never_is_again():
    for (state, _), after in written("booking").items():
        if after in {one.value for one in booking.ACTIVE}:
            assert state in {one.value for one in booking.ACTIVE}


def test_a_booking_after_an_event_differs_in_its_state_alone():
    one = Booking("b", "r", "s", "st", T0, T0, T0, BookingState.BOOKED, 3, "UTC", T0)

    after = one.after(BookingEvent.ATTEND)

    assert after == Booking("b", "r", "s", "st", T0, T0, T0, BookingState.ATTENDED, 3, "UTC", T0)


def test_a_charge_keeps_its_request_and_reason_unless_told_others():
    one = Charge(
        "c",
        "l",
        "b",
        None,
        "no_show",
        "Missed session",
        4_500,
        2_000,
        "GBP",
        ChargeState.HELD,
        None,
        T0,
    )

    due = one.after(ChargeEvent.FALL_DUE, request="r")
    paid = due.after(ChargeEvent.SETTLE, reason="bank")

    assert (due.state, due.request, due.reason) == (ChargeState.DUE, "r", None)
    assert (paid.state, paid.request, paid.reason) == (ChargeState.SETTLED, "r", "bank")


def test_a_request_and_a_delivery_move_by_their_tables():
    ask = Request("r", "b", "x", "l", "a", "", "", T0, RequestState.OPEN, T0)
    letter = Delivery("d", Channel.MAIL, "t", "k", b"", DeliveryState.PENDING, 0, T0, T0)

    assert ask.after(RequestEvent.BOOK).state is RequestState.BOOKED
    assert letter.after(DeliveryEvent.CLAIM) is DeliveryState.CLAIMED
    with pytest.raises(IllegalTransition):
        letter.after(DeliveryEvent.ACCEPT)


def test_a_picture_replaces_the_one_of_its_kind():
    check = IdentityCheck("s", IdentityState.OPEN)

    check = check.with_picture(SnapshotKind.FACE, "f1").with_picture(SnapshotKind.ID_DOCUMENT, "d1")
    check = check.with_picture(SnapshotKind.ID_DOCUMENT, "d2")

    assert (check.state, check.document, check.face) == (IdentityState.BOTH_SEEN, "d2", "f1")


def test_nobody_is_confirmed_without_both_pictures():
    check = IdentityCheck("s", IdentityState.OPEN).with_picture(SnapshotKind.FACE, "f1")

    with pytest.raises(IllegalTransition):
        check.decided(Decision.CONFIRMED, "it is them", "st", T0)


def test_somebody_without_a_document_can_be_turned_away():
    check = IdentityCheck("s", IdentityState.OPEN)

    check = check.decided(Decision.NOT_CONFIRMED, "no document", "st", T0)

    assert (check.state, check.decision) == (IdentityState.NOT_CONFIRMED, Decision.NOT_CONFIRMED)
    assert (check.reason, check.decided_by, check.decided_at) == ("no document", "st", T0)


def test_every_end_that_is_attested_has_outcomes_and_no_other_state_has():
    ends = {state for (state, event) in session.TABLE if event is SessionEvent.ATTEST}

    assert set(OUTCOMES) == ends


def test_a_session_is_live_or_over_or_has_not_begun():
    assert set(SessionState) - LIVE - OVER == {SessionState.SCHEDULED}
    assert not LIVE & OVER


def scheduled(minutes=90):
    return Session("s", "b", SessionState.SCHEDULED, minutes, 0)


def after(one, *steps):
    """Apply `(event, minutes since T0)` one by one."""
    for event, minutes in steps:
        one = one.after(event, T0 + timedelta(minutes=minutes))
    return one


E = SessionEvent
ADMITTED = ((E.CHECK_IN, 0), (E.CONFIRM_IDENTITY, 5), (E.ADMIT, 10))


def test_time_is_spent_from_admission_to_the_end_without_pauses():
    ended = after(scheduled(), *ADMITTED, (E.PAUSE, 30), (E.RESUME, 45), (E.END, 60))

    assert ended.started == T0 + timedelta(minutes=10)
    assert ended.finished == T0 + timedelta(minutes=60)
    assert ended.spent == timedelta(minutes=35)
    assert ended.running_since is None


def test_attesting_keeps_when_and_why_the_session_ended():
    stopped = after(scheduled(), *ADMITTED).after(E.STOP, T0 + timedelta(minutes=20), "somebody")

    attested = stopped.after(E.ATTEST, T0 + timedelta(minutes=90))

    assert (attested.finished, attested.reason) == (stopped.finished, "somebody")
    assert attested.spent == timedelta(minutes=10)


def test_a_clock_that_runs_backwards_gives_no_time_back():
    admitted = after(scheduled(), *ADMITTED)

    paused = admitted.after(E.PAUSE, T0)

    assert paused.spent == timedelta(0)
    assert admitted.remaining(T0) == timedelta(minutes=90)


class Sitting(RuleBasedStateMachine):
    """Any sequence of events, at any times, in one session."""

    def __init__(self):
        super().__init__()
        self.now = T0
        self.one = scheduled(30)
        self.left = self.one.remaining(self.now)
        self.running = timedelta(0)

    @rule(seconds=st.integers(0, 1_500))
    def time_passes(self, seconds):
        before = self.one.remaining(self.now)
        self.now += timedelta(seconds=seconds)
        self.left = self.one.remaining(self.now)
        if self.one.state is SessionState.IN_PROGRESS:
            self.running += timedelta(seconds=seconds)
            assert self.left == max(before - timedelta(seconds=seconds), timedelta(0))
        else:
            assert self.left == before

    @rule(event=st.sampled_from(list(SessionEvent)))
    def something_happens(self, event):
        try:
            after = self.one.after(event, self.now, "why")
        except IllegalTransition:
            assert (self.one.state, event) not in session.TABLE
            return
        assert self.one.state not in {SessionState.ATTESTED, SessionState.CLOSED}
        assert after.remaining(self.now) == self.left
        self.one = after

    @precondition(lambda self: self.one.state in LIVE)
    @rule(forward=st.sampled_from([E.CONFIRM_IDENTITY, E.ADMIT, E.PAUSE, E.RESUME]))
    def it_goes_on(self, forward):
        self.something_happens(forward)

    @invariant()
    def the_time_spent_is_the_time_in_progress(self):
        running = self.one.running_since
        since = timedelta(0) if running is None else self.now - running
        assert self.one.spent + since == self.running

    @invariant()
    def it_runs_just_while_it_is_in_progress(self):
        in_progress = self.one.state is SessionState.IN_PROGRESS
        assert (self.one.running_since is not None) == in_progress
        assert (self.one.finished is not None) == (self.one.state in OVER)


TestSitting = Sitting.TestCase
TestSitting.settings = settings(max_examples=60, stateful_step_count=25)
