"""What the record's page says of a learner's link."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from invigilation.ladder import Rung, Way, Why
from invigilation.record import Entry, canonical
from web.pages import link_words
from web.pages.records import _words


@pytest.mark.parametrize("rung", Rung)
@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("why", Why)
def test_every_step_is_told_in_plain_words(rung, way, why):
    said = link_words.step({"rung": rung.value, "from": None, "way": way.value, "why": why.value})

    assert link_words.RUNGS[rung] in said
    assert link_words.WAYS[way] in said
    assert said.endswith(f"({link_words.WHYS[why]})")
    assert ", (" not in said


@pytest.mark.parametrize(
    ("kbit", "mb", "words"),
    [
        (128, None, "128 kbit/s"),
        (None, 50, "50 MB in all"),
        (128, 50, "128 kbit/s and 50 MB in all"),
        (None, None, "without a limit"),
    ],
)
def test_a_budget_is_told_with_its_limits(kbit, mb, words):
    assert link_words.budget({"kbit": kbit, "mb": mb}).endswith(f": {words}")


def entry(kind: str, **data) -> Entry:
    body = canonical({"data": data})
    return Entry("se", 1, datetime(2026, 11, 23, 10, tzinfo=UTC), kind, "learner", body, b"", "k1")


def test_the_record_tells_of_both():
    told = [
        _words(entry("ladder", rung="sound", why="link", way="direct", **{"from": "small"})),
        _words(entry("link_budget", kbit=64, mb=None)),
        _words(entry("signal", signal="picture", state="withheld")),
    ]

    assert told == [
        "The learner's page told of its link: voice only (the link carries no more)",
        "The learner set how much data may be used: 64 kbit/s",
        "The learner's page sent no picture",
    ]
