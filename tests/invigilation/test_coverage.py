"""How much of an assessment the learner was there: by the signals of the record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation.coverage import Cause, Coverage, Sign, cause, coverage
from invigilation.gap import Gap

T0 = datetime(2026, 11, 23, 10, tzinfo=UTC)


def at(seconds):
    return T0 + timedelta(seconds=seconds)


def signs(*said):
    return [Sign(at(second), signal, state) for second, signal, state in said]


def gap(began, ended):
    return Gap("gp", "se", at(began), None if ended is None else at(ended))


def figures(found):
    parts = (found.assessment, found.on_camera, found.heard, found.link_gone)
    return tuple(round(part.total_seconds()) for part in parts)


HOUR = [(at(0), at(3600))]
WELL = signs((-60, "link", "live"), (-60, "picture", "good"))


@pytest.mark.parametrize(
    ("runs", "said", "gaps", "found"),
    [
        ([], WELL, [], (0, 0, 0, 0)),
        (HOUR, WELL, [], (3600, 3600, 3600, 0)),
        (HOUR, [], [], (3600, 0, 0, 3600)),  # nothing says that there was a connection
        ([(at(0), None)], WELL, [], (3600, 3600, 3600, 0)),  # the clock runs until the end
        (HOUR, [*WELL, *signs((600, "picture", "stills"))], [], (3600, 3600, 3600, 0)),
        (HOUR, [*WELL, *signs((600, "picture", "withheld"))], [], (3600, 600, 3600, 0)),
        ([(at(0), at(600)), (at(900), at(1200))], WELL, [], (900, 900, 900, 0)),
        (HOUR, WELL, [gap(100, 160)], (3600, 3540, 3540, 60)),
        (HOUR, WELL, [gap(3500, None)], (3600, 3500, 3500, 100)),
        (HOUR, [*WELL, *signs((600, "picture", "black"))], [], (3600, 600, 3600, 0)),
        (
            HOUR,
            [*WELL, *signs((600, "picture", "frozen"), (700, "picture", "good"))],
            [],
            (3600, 3500, 3600, 0),
        ),
        (
            HOUR,
            [*WELL, *signs((600, "sound", "muted"), (900, "sound", "heard"))],
            [],
            (3600, 3600, 3300, 0),
        ),
        (
            HOUR,
            [*WELL, *signs((600, "link", "gone"), (900, "link", "poor"))],
            [],
            (3600, 3300, 3300, 300),
        ),
        # A gap and the signal that tells of it count once.
        (
            HOUR,
            [*WELL, *signs((608, "link", "silent"), (903, "link", "live"))],
            [gap(600, 900)],
            (3600, 3297, 3297, 303),
        ),
    ],
)
def test_figures(runs, said, gaps, found):
    assert figures(coverage(runs, said, gaps, at(3600))) == found


def test_the_share_on_camera():
    whole, part = timedelta(hours=1), timedelta(minutes=57)

    assert Coverage(whole, part, part, part).on_camera_permille == 950
    assert Coverage(timedelta(), timedelta(), timedelta(), timedelta()).on_camera_permille is None


moments = st.integers(-100, 4000)
SIGNALS = [
    *(("link", state) for state in ("live", "poor", "silent", "gone")),
    *(("picture", state) for state in ("good", "black", "stopped")),
    *(("sound", state) for state in ("heard", "muted")),
]


@settings(max_examples=60)
@given(
    said=st.lists(st.tuples(moments, st.sampled_from(SIGNALS)), max_size=12),
    stretches=st.lists(moments, max_size=8, unique=True).map(sorted),
    running=st.lists(st.integers(0, 3600), max_size=6, unique=True).map(sorted),
)
def test_the_figures_are_those_of_looking_every_second(said, stretches, running):
    said = signs(*((when, *what) for when, what in sorted(said, key=lambda one: one[0])))
    gaps = [gap(*pair) for pair in zip(stretches[::2], stretches[1::2], strict=False)]
    runs = [(at(first), at(last)) for first, last in zip(running[::2], running[1::2], strict=False)]

    found = figures(coverage(runs, said, gaps, at(3600)))

    seen = [0, 0, 0, 0]
    for second in range(3600):
        now = at(second)
        if not any(since <= now < until for since, until in runs):
            continue
        state = {"link": "gone", "picture": "none", "sound": "heard"} | {
            sign.signal: sign.state for sign in said if sign.at <= now
        }
        silent = any(one.began <= now < one.ended for one in gaps)
        comes = state["link"] in {"live", "poor"} and not silent
        seen[0] += 1
        seen[1] += comes and state["picture"] == "good"
        seen[2] += comes and state["sound"] != "muted"
        seen[3] += not comes
    assert found == tuple(seen)


@pytest.mark.parametrize(
    ("opened", "said", "found"),
    [
        (605, WELL, Cause.NO_MEDIA),
        (605, [*WELL, *signs((608, "link", "silent"))], Cause.NO_MEDIA),
        (605, [*WELL, *signs((608, "link", "silent"), (630, "link", "gone"))], "connection_lost"),
        (605, [*WELL, *signs((590, "link", "gone"), (903, "link", "live"))], "connection_lost"),
        (605, [*WELL, *signs((1000, "link", "gone"))], Cause.NO_MEDIA),
        (605, [], Cause.CONNECTION_LOST),
        (700, WELL, Cause.SERVICE),
    ],
)
def test_why_nothing_came(opened, said, found):
    assert cause(gap(600, 900), at(opened), said) == found


def test_how_long_only_stills_were_seen_is_told_by_itself():
    said = [*WELL, *signs((600, "picture", "stills"), (900, "picture", "good"))]

    found = coverage(HOUR, said, [gap(700, 800)], at(3600))

    assert (found.stills.total_seconds(), found.on_camera.total_seconds()) == (200, 3500)
