"""A backend says itself what can be sat."""

from __future__ import annotations

import pytest

from invigilation.desk.requests import LONGEST
from invigilation.errors import InvalidInput
from tests import builders
from tests.builders import BACKEND


async def test_what_can_be_sat_is_added_once_and_then_brought_up_to_date(world):
    first = await world.desk.requests.keep_assessment(BACKEND.id, "exam 7", "Final  exam", 60)

    second = await world.desk.requests.keep_assessment(BACKEND.id, "exam 7", "The final exam", 75)

    assert (first.title, first.minutes) == ("Final exam", 60)
    assert (second.id, second.title, second.minutes) == (first.id, "The final exam", 75)
    kept = await world.desk.requests.assessments(BACKEND.id)
    assert [one for one in kept if one.code == "exam 7"] == [second]


async def test_what_is_booked_keeps_its_length_and_the_office_its_own_facts(world):
    sitting = await builders.book(world.desk)

    await world.desk.requests.keep_assessment(BACKEND.id, "psc", "Port State Control", 30)

    assert (await world.session(sitting.session)).minutes == 90
    (kept,) = await world.desk.requests.assessments(BACKEND.id)
    assert (kept.minutes, kept.materials) == (30, ("Course notes", "Calculator"))


@pytest.mark.parametrize(
    ("code", "title", "minutes"),
    [("", "T", 1), ("c" * 81, "T", 1), ("c", " ", 1), ("c", "T", 0), ("c", "T", LONGEST + 1)],
)
async def test_what_cannot_be_booked_is_refused(world, code, title, minutes):
    with pytest.raises(InvalidInput):
        await world.desk.requests.keep_assessment(BACKEND.id, code, title, minutes)


async def test_a_long_title_is_cut(world):
    kept = await world.desk.requests.keep_assessment(BACKEND.id, "long", "word " * 80, 10)

    assert len(kept.title) <= 200


async def test_what_may_be_used_is_brought_up_to_date_if_it_is_said(world):
    said = ("Calculator", " ", "word " * 80)
    await world.desk.requests.keep_assessment(BACKEND.id, "exam 7", "Final", 60, said)

    kept = await world.desk.requests.keep_assessment(BACKEND.id, "exam 7", "Final", 60)

    assert kept.materials[0] == "Calculator"
    assert [len(one) for one in kept.materials] == [10, 199]
