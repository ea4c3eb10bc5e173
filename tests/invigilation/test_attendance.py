"""Judging a missed session: each condition by itself, and where it begins and ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from invigilation.attendance import Evidence, Finding, closes, judge, opens

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
A_MOMENT = timedelta(microseconds=1)


def minutes(*numbers):
    return tuple(START + MINUTE * number for number in numbers)


READY = minutes(-5)
HEALTHY = minutes(*range(-31, 18))


def found(ready=READY, beats=HEALTHY, attempts=()):
    return judge(Evidence(START, ready, beats, attempts)).finding


def test_check_in_opens_half_an_hour_before_and_closes_a_quarter_after():
    assert (opens(START), closes(START)) == minutes(-30, 15)


def test_we_were_ready_and_well_and_nobody_tried_to_come():
    assert found() is Finding.NO_SHOW


@pytest.mark.parametrize(
    ("ready", "finding"),
    [
        ((), Finding.PROVIDER_FAULT),
        (minutes(0), Finding.NO_SHOW),
        ((START + A_MOMENT,), Finding.PROVIDER_FAULT),
        (minutes(-30), Finding.NO_SHOW),
        ((START - 30 * MINUTE - A_MOMENT,), Finding.PROVIDER_FAULT),
        (minutes(-31, 1), Finding.PROVIDER_FAULT),
        (minutes(-31, -1, 1), Finding.NO_SHOW),
    ],
)
def test_the_invigilator_must_have_been_ready_before_the_start(ready, finding):
    assert found(ready=ready) is finding


def without(first, last):
    return tuple(at for at in HEALTHY if not START + first * MINUTE < at < START + last * MINUTE)


@pytest.mark.parametrize(
    ("beats", "finding"),
    [
        ((), Finding.PROVIDER_FAULT),
        (minutes(-3), Finding.PROVIDER_FAULT),
        (minutes(*range(-30, 16)), Finding.NO_SHOW),
        (minutes(*range(-30, 16, 2), 15), Finding.NO_SHOW),
        (minutes(*range(-32, 18, 2)), Finding.NO_SHOW),
        (minutes(*range(-29, 18)), Finding.PROVIDER_FAULT),
        (minutes(*range(-31, 15)), Finding.PROVIDER_FAULT),
        (without(3, 5), Finding.NO_SHOW),
        (without(3, 6), Finding.PROVIDER_FAULT),
        (without(-30, -27), Finding.PROVIDER_FAULT),
        (without(12, 15), Finding.PROVIDER_FAULT),
        ((*without(3, 5)[:30], *without(3, 5)[30:][::-1]), Finding.NO_SHOW),
    ],
)
def test_the_service_must_have_been_well_from_the_opening_through_the_grace_time(beats, finding):
    assert found(beats=beats) is finding


def test_a_gap_just_longer_than_two_minutes_is_not_health():
    early, late = START + 2 * MINUTE, START + 4 * MINUTE
    others = tuple(at for at in HEALTHY if at <= early or at > late)

    assert found(beats=tuple(sorted((*others, late)))) is Finding.NO_SHOW
    later = tuple(at for at in others if at >= late + MINUTE)
    earlier = tuple(at for at in others if at <= early)
    assert found(beats=(*earlier, late + A_MOMENT, *later)) is Finding.PROVIDER_FAULT


@pytest.mark.parametrize(
    ("attempts", "finding"),
    [
        (minutes(-30), Finding.TECHNICAL),
        (minutes(15), Finding.TECHNICAL),
        (minutes(3), Finding.TECHNICAL),
        (minutes(-31), Finding.TECHNICAL),
        (minutes(-60), Finding.TECHNICAL),
        ((START - 60 * MINUTE - A_MOMENT,), Finding.NO_SHOW),
        ((START + 15 * MINUTE + A_MOMENT,), Finding.NO_SHOW),
    ],
)
def test_any_attempt_from_an_hour_before_makes_it_a_technical_matter(attempts, finding):
    assert found(attempts=attempts) is finding


def test_a_fault_of_ours_comes_before_anything_the_learner_did():
    assert found(ready=(), attempts=minutes(1)) is Finding.PROVIDER_FAULT
    assert found(beats=(), attempts=minutes(1)) is Finding.PROVIDER_FAULT


def test_the_reasons_say_of_each_condition_whether_it_holds():
    good = judge(Evidence(START, minutes(-5), HEALTHY, ())).reasons
    bad = judge(Evidence(START, (), (), minutes(1))).reasons

    assert len(good) == len(bad) == 3
    assert all(one != other for one, other in zip(good, bad, strict=True))
