"""The ladder over links of a known width: where it comes to rest, how fast, how calmly."""

from __future__ import annotations

import itertools

import pytest

from tests.capture.node import Node
from tests.link.thin import Sail, Thin, changes

FULL, MIDDLE, THINNER, SMALL, SLOW, STILLS, SOUND, TEXT = range(8)
MINUTE = 60


@pytest.mark.parametrize(
    ("kbit", "lost", "start", "rungs"),
    [
        (5000, 0, FULL, {"full"}),
        (512, 10, THINNER, {"full"}),
        (256, 20, SMALL, {"full"}),
        (128, 20, STILLS, {"small"}),
        (64, 30, STILLS, {"slow", "stills"}),
        (40, 30, STILLS, {"stills", "sound"}),
    ],
)
def test_it_comes_to_rest_where_the_link_carries_it(
    node: Node, kbit: int, lost: int, start: int, rungs: set[str]
) -> None:
    sail, link = Sail(node, start), Thin(kbit, lost)

    sail.sail(link, 2 * MINUTE)
    later = sail.sail(link, 28 * MINUTE)

    most = {rung for rung in set(later) if later.count(rung) > len(later) / 10}
    assert most <= rungs
    # Now and then it tries whether the link has become better: ever more rarely.
    assert changes(later) <= 16
    assert changes(later[-10 * MINUTE :]) <= 6


def test_a_link_that_is_far_too_thin_is_left_to_the_voice_in_seconds(node: Node) -> None:
    sail, link = Sail(node, FULL), Thin(64, 30)

    history = sail.sail(link, MINUTE)

    assert "text" not in history
    assert history.index("stills") <= 20
    assert link.queue_s < 0.3


def test_a_link_that_gets_thin_and_wide_again_is_followed(node: Node) -> None:
    sail = Sail(node, FULL)

    assert set(sail.sail(Thin(512, 10), MINUTE)) == {"full"}
    thin = sail.sail(Thin(128, 20), MINUTE)
    assert thin[:10].count("full") < 10
    assert thin[-1] == "small"
    wide = sail.sail(Thin(512, 10), 4 * MINUTE)
    assert wide[-1] == "full"


def test_up_only_after_eighteen_good_seconds_once_the_link_has_failed(node: Node) -> None:
    sail = Sail(node, SMALL)
    sail.sail(Thin(40, 0), 8)
    low = sail.step
    assert low == STILLS

    sail.sail(Thin(5000), 17)
    before = sail.step
    sail.sail(Thin(5000), 6)

    assert before == low
    assert sail.step == low - 1
    assert sail.ladder.call("why") == "proved"


def test_what_has_failed_is_tried_ever_more_rarely(node: Node) -> None:
    sail, link = Sail(node, SMALL), Thin(128, 20)

    history = sail.sail(link, 40 * MINUTE)

    assert set(history[MINUTE:]) == {"small"}, "what is only felt for is no step"
    tries = sail.tries
    waits = [later - sooner for sooner, later in itertools.pairwise(tries)]
    assert len(tries) >= 4
    assert waits[0] < waits[1] < waits[2]
    assert waits[-1] > 3 * waits[0]


def test_one_bad_second_means_nothing(node: Node) -> None:
    ladder = node.make("Ladder", FULL, 0)
    for second in range(1, 60):
        queue = 900 if second % 7 == 0 else 20
        ladder.call("sample", seen(queue), 1000 * second)

    assert ladder.call("step") == FULL


def test_a_key_frame_that_fills_the_queue_for_two_seconds_means_nothing(node: Node) -> None:
    ladder = node.make("Ladder", SMALL, 0)
    ladder.call("limit", SMALL, "person", 0)
    for second in range(1, 60):
        queue = {0: 520, 1: 380}.get(second % 10, 20)
        ladder.call("sample", seen(queue), 1000 * second)

    assert ladder.call("step") == SMALL


def test_a_long_queue_takes_two_steps_at_once(node: Node) -> None:
    ladder = node.make("Ladder", FULL, 0)
    ladder.call("sample", seen(1500), 10_000)

    assert ladder.call("sample", seen(1500), 11_000) is True
    assert ladder.call("step") == SMALL


def test_a_picture_never_falls_past_the_voice(node: Node) -> None:
    ladder = node.make("Ladder", SLOW, 0)
    for second in range(10, 12):
        ladder.call("sample", seen(1800, 400), 1000 * second)

    assert ladder.call("step") == STILLS


def test_a_queue_that_drains_is_waited_for(node: Node) -> None:
    ladder = node.make("Ladder", FULL, 0)
    for second, queue in enumerate([2000, 2000, 1900, 1600, 1300, 1000, 700, 400, 100], 10):
        ladder.call("sample", seen(queue), 1000 * second)

    assert ladder.call("step") == SMALL


def test_the_voice_goes_only_when_not_even_it_gets_through(node: Node) -> None:
    waiting = node.make("Ladder", SOUND, 0)
    lost = node.make("Ladder", SOUND, 0)
    for second in range(10, 14):
        waiting.call("sample", seen(600), 1000 * second)
        lost.call("sample", seen(100, 500), 1000 * second)

    assert waiting.call("step") == SOUND
    assert lost.call("step") == TEXT


def test_an_outage_says_nothing_of_the_links_width(node: Node) -> None:
    sail = Sail(node, SMALL)
    sail.sail(Thin(128, 20), 5)
    before = sail.step

    sail.silence(30)

    assert sail.step == before


@pytest.mark.parametrize("seconds", [10, 30, 60])
@pytest.mark.parametrize(("kbit", "step"), [(512, FULL), (256, MIDDLE), (128, SMALL), (64, SLOW)])
def test_after_an_outage_what_held_before_it_soon_holds_again(
    node: Node, seconds: int, kbit: float, step: int
) -> None:
    sail, link = Sail(node, step), Thin(kbit, 20)
    sail.sail(link, 20)
    sail.ladder.call("limit", step, "person", 1000 * sail.seconds)

    sail.silence(seconds)
    after = sail.sail(link, 30)
    steps = {sail.steps[step]["rung"], sail.steps[step + 1]["rung"]}

    assert set(after) <= steps
    assert sail.step == step
    assert after.index(sail.rung) <= 10


@pytest.mark.parametrize("seconds", [10, 30, 60])
def test_what_is_told_of_an_outage_counts_for_nothing(node: Node, seconds: int) -> None:
    sail = Sail(node, SMALL)
    sail.ladder.call("limit", SMALL, "person", 0)
    sail.sail(Thin(128, 20), 20)
    for second in (1, 2):
        sail.ladder.call("sample", seen(1500, 400), 1000 * (sail.seconds + second))
    sail.seconds += 2
    assert sail.step == STILLS, "the outage's beginning"

    sail.silence(seconds)
    burst = Thin(128, 20, queue_s=1.9)
    after = sail.sail(burst, 30)

    assert set(after[2:]) == {"slow", "small"}
    assert after[-1] == "small"


def test_a_link_that_is_thinner_after_an_outage_is_followed(node: Node) -> None:
    sail = Sail(node, FULL)
    sail.sail(Thin(1000, 10), 30)
    sail.silence(30)
    thin = Thin(64, 30)

    history = sail.sail(thin, 90)

    assert history[-1] in {"slow", "stills"}
    assert "text" not in history
    assert thin.queue_s < 0.3


def test_two_reports_that_are_lost_are_no_outage(node: Node) -> None:
    sail = Sail(node, SMALL)
    sail.ladder.call("limit", SMALL, "person", 0)
    sail.sail(Thin(128, 20), 10)

    sail.silence(2)
    after = sail.sail(Thin(128, 20), 10)

    assert set(after) == {"small"}


@pytest.mark.parametrize("kbit", [256, 128, 300, 110])
def test_a_try_fills_the_queue_for_a_moment_only(node: Node, kbit: float) -> None:
    sail, link = Sail(node, SMALL), Thin(kbit, 20)

    sail.sail(link, 20 * MINUTE)

    settled = sorted(sail.queues_ms[MINUTE:])
    assert max(settled) < 1000, "half of what a step too wide would fill"
    assert settled[int(0.95 * len(settled))] < 150
    assert len(sail.tries) >= 3


def test_a_limit_holds_at_once_and_its_end_is_no_reason_to_hurry(node: Node) -> None:
    ladder = node.make("Ladder", FULL, 0)

    assert ladder.call("limit", SOUND, "person", 1000) is True
    for second in range(2, 60):
        assert ladder.call("sample", seen(0), 1000 * second) is False
    assert (ladder.call("step"), ladder.call("why")) == (SOUND, "person")
    ladder.call("limit", FULL, "person", 60_000)
    went = [ladder.call("sample", seen(0), 60_000 + 1000 * second) for second in range(1, 9)]

    assert went.count(True) == 1
    assert (ladder.call("step"), ladder.call("why")) == (STILLS, "proved")


def seen(queue_ms: float, lost_permille: float = 0) -> dict[str, object]:
    return {"queue_ms": queue_ms, "lost_permille": lost_permille, "heard": True}


@pytest.mark.parametrize(("step", "beside"), [(SMALL, FULL), (SLOW, STILLS), (SOUND, STILLS)])
def test_a_thin_moving_picture_makes_room_for_one_in_full_size(
    node: Node, step: int, beside: int
) -> None:
    assert node.call("besidePicture", step) == beside


def test_once_the_picture_has_come_the_stream_proves_itself_anew(node: Node) -> None:
    sail = Sail(node, SLOW)
    sail.sail(Thin(128, 0), 5)
    assert sail.ladder.call("limit", STILLS, "picture", 5000)
    assert sail.ladder.call("step") == STILLS
    assert not sail.ladder.call("limit", FULL, "person", 30_000)
    assert sail.ladder.call("step") == STILLS
