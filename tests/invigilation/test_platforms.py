"""The platform desk: launches, numbers that are used once, and what is not accepted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from invigilation.desk.platforms import (
    NONCES_KEPT,
    Launch,
    PlatformDesk,
    attempt_number,
    spelt,
)
from invigilation.errors import InvalidInput, NotFound
from invigilation.report import Channel
from invigilation.store.people import Backend
from invigilation.store.platforms import Platform
from tests import builders
from tests.invigilation.conftest import kept_loop

LINK_TO = "https://exams.example.org/lti/start/"


@kept_loop
async def desk(world):
    """The desk, with one platform."""
    platform = Platform(
        "academy",
        "https://lms.example.org",
        "tool-1",
        ("1",),
        "https://lms.example.org/authorize",
        "https://lms.example.org/token",
        "https://lms.example.org/keys",
        "",
        10,
        75,
        world.clock.now(),
    )
    async with world.store.write() as tx:
        await tx.people.add_backend(Backend("academy", "Sea Academy", "", "", Channel.LTI))
        await tx.platforms.add(platform)
    return PlatformDesk(world.desk.office, world.desk.requests)


async def launch(desk, **changes):
    one = Launch(
        platform=await desk.of_backend("academy"),
        deployment="1",
        subject="learner-7",
        name="Maria Santos",
        email="maria@example.org",
        zone="Asia/Manila",
        link="link-1",
        title="Ship Security Officer",
        number=1,
        spelt='"1"',
        link_claim='{"id":"link-1"}',
        session_data="opaque",
        start_url="https://lms.example.org/start",
        control_url="https://lms.example.org/acs",
        actions=("terminate",),
        return_url="https://lms.example.org/course",
    )
    return await desk.launched(replace(one, **changes), LINK_TO)


async def test_a_launch_makes_one_request(world, desk):
    launched = await launch(desk)

    request, learner = launched.asked.request, launched.asked.learner
    assert request.reference == launched.attempt.id
    assert request.assessment_url == LINK_TO + launched.attempt.id
    assert request.return_url == "https://lms.example.org/course"
    assert (learner.reference, learner.zone) == ("learner-7", "Asia/Manila")
    assert launched.asked.assessment.minutes == 75
    assert launched.attempt.request == request.id
    assert await world.count("request") == 1


async def test_launches_of_one_attempt_at_once_make_one_request(world, desk):
    launched = await asyncio.gather(*(launch(desk, session_data=f"s{n}") for n in range(5)))

    assert len({one.asked.request.id for one in launched}) == 1
    assert len({one.attempt.id for one in launched}) == 1
    assert await world.count("request") == 1
    assert await world.count("lti_attempt") == 1


async def test_a_new_launch_replaces_what_the_last_one_said(desk):
    first = await launch(desk)

    await launch(desk, session_data="newer", actions=("pause", "terminate"), spelt="1")

    kept = (await desk.attempt(first.attempt.id)).attempt
    assert (kept.session_data, kept.spelt) == ("newer", "1")
    assert kept.actions == ("pause", "terminate")
    assert kept.request == first.asked.request.id


async def test_what_the_office_says_of_an_assessment_stays(world, desk):
    await launch(desk)
    await world.desk.requests.keep_assessment("academy", "link-1", "Ship Security Officer", 60)

    again = await launch(desk, number=2, title="Renamed")

    assert (again.asked.assessment.title, again.asked.assessment.minutes) == (
        "Ship Security Officer",
        60,
    )


async def test_a_launch_may_say_how_long_its_assessment_takes(desk):
    await launch(desk)

    longer = await launch(desk, number=2, minutes=120)
    odd = await launch(desk, number=3, minutes=100_000)

    assert longer.asked.assessment.minutes == 120
    assert odd.asked.assessment.minutes == 120


async def test_long_names_are_kept_as_digests(desk):
    launched = await launch(desk, link="l" * 255, subject="s" * 255)

    assert len(launched.asked.assessment.code) == 64
    assert len(launched.asked.learner.reference) == 64


async def test_a_nonce_is_good_once_and_forgotten_after_a_day(world, desk):
    platform = await desk.of_backend("academy")
    used = await asyncio.gather(*(desk.use_nonce(platform, "n-1") for _ in range(5)))
    assert sorted(used) == [False, False, False, False, True]

    world.clock.go_to(world.clock.now() + NONCES_KEPT + timedelta(minutes=1))
    await desk.use_nonce(platform, "n-2")

    assert await world.count("lti_nonce") == 1


async def test_a_platform_is_found_by_its_issuer(desk):
    assert (await desk.find("https://lms.example.org")).backend == "academy"
    assert (await desk.find("https://lms.example.org", "tool-1")).backend == "academy"
    for issuer, client in (("https://lms.example.org", "x"), ("https://other.example", None)):
        with pytest.raises(NotFound):
            await desk.find(issuer, client)


async def test_what_is_not_accepted_is_noted_once(world, desk):
    sitting = await builders.book(world.desk)

    first = await desk.refused("dl_1", sitting.session, "pause", "status 400\n")
    again = await desk.refused("dl_1", sitting.session, "pause", "status 400")

    assert (first, again) == (True, False)
    (refusal,) = await desk.refusals(sitting.session)
    assert (refusal.action, refusal.said) == ("pause", "status 400")
    assert (await world.kinds(sitting.session)).count("control_refused") == 1


async def test_an_end_without_a_session_is_none(desk):
    launched = await launch(desk)

    await desk.ended(launched.attempt, "It broke.")

    assert (await desk.attempt(launched.attempt.id)).attempt.ended is None


@pytest.mark.parametrize(("raw", "number"), [(1, 1), ("1", 1), ("007", 7), (0, 0)])
def test_numbers_of_attempts(raw, number):
    assert attempt_number(raw) == number


@pytest.mark.parametrize("raw", [None, True, -1, 2**31, 1.0, "", "x", "1.0", "٣", "1" * 10, [1]])
def test_no_numbers_of_attempts(raw):
    with pytest.raises(InvalidInput):
        attempt_number(raw)


def test_a_value_is_kept_as_it_was_written():
    assert (spelt("1"), spelt(1), spelt({"id": "x"})) == ('"1"', "1", '{"id":"x"}')
