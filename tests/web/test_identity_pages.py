"""What a learner agrees to, takes back, and reads when they were not admitted."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from invigilation.consent import Purpose
from invigilation.identity import Decision
from invigilation.store.views import Sitting
from tests.web.office import ANA, START, TOM, Person, World
from web.keys import SETTINGS
from web.settings import LikenessSwitch, Settings

BOTH = {"identity": "yes", "recording": "yes"}
WHY = "The passport shows another person."


@pytest.fixture
def compares(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the office compare faces by computer."""
    settings = Settings(var=Path("var"), likeness=LikenessSwitch.DLIB)
    monkeypatch.setitem(world.app._state, SETTINGS, settings)


async def came(world: World, consents: dict[str, str] = BOTH) -> tuple[Sitting, Person]:
    """Bring a learner into the room."""
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=10))
    learner = await world.learner(sitting.request)
    assert (await learner.post("/me/check-in", consents)).to == "/me/room"
    return sitting, learner


async def refused(world: World) -> tuple[Sitting, Person]:
    """Turn a learner away, for it is not they."""
    sitting, learner = await came(world)
    by = next(one for one in (ANA, TOM) if one.id == sitting.staff)
    await world.desk.identity.decide(sitting.session, by, Decision.NOT_CONFIRMED, WHY)
    await world.desk.sessions.refuse(sitting.session, by, WHY)
    return sitting, learner


async def agreed(world: World, sitting: Sitting) -> dict[Purpose, bool]:
    """Return what was agreed to, and whether it still holds."""
    found = await world.desk.consents.of(sitting.session)
    return {one.purpose: one.withdrawn is None for one in found}


async def test_nobody_is_asked_about_likeness_where_no_computer_compares(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=10))
    learner = await world.learner(sitting.request)

    page = await learner.get("/me/check-in")
    await learner.post("/me/check-in", {**BOTH, "likeness": "yes"})

    assert 'name="likeness"' not in page.text
    assert await agreed(world, sitting) == {Purpose.IDENTITY: True, Purpose.RECORDING: True}


@pytest.mark.usefixtures("compares")
async def test_likeness_is_asked_for_unticked_and_is_not_needed(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=10))
    learner = await world.learner(sitting.request)

    page = await learner.get("/me/check-in")
    answer = await learner.post("/me/check-in", BOTH)

    assert 'name="likeness"' in page.text
    assert not re.search(r'id="likeness"[^>]*checked', page.text)
    assert "You need not agree" in page.words
    assert answer.to == "/me/room"
    assert Purpose.LIKENESS not in await agreed(world, sitting)


@pytest.mark.usefixtures("compares")
async def test_likeness_is_taken_back_and_given_again(world: World) -> None:
    sitting, learner = await came(world, {**BOTH, "likeness": "yes"})
    assert (await agreed(world, sitting))[Purpose.LIKENESS]

    await learner.post("/me/consent", {"purpose": "likeness", "do": "withdraw"})
    back = await agreed(world, sitting)
    page = await learner.get("/me/consent")
    await learner.post("/me/consent", {"purpose": "likeness", "do": "give"})

    assert back == {Purpose.IDENTITY: True, Purpose.RECORDING: True, Purpose.LIKENESS: False}
    assert "You took this back on" in page.words
    assert all((await agreed(world, sitting)).values())


async def test_what_is_needed_can_be_taken_back_with_a_warning(world: World) -> None:
    sitting, learner = await came(world)

    page = await learner.get("/me/consent")
    answer = await learner.post("/me/consent", {"purpose": "recording", "do": "withdraw"})

    assert "Without it we cannot go on" in page.words
    assert answer.to == "/me/consent?done=withdrawn"
    assert await agreed(world, sitting) == {Purpose.IDENTITY: True, Purpose.RECORDING: False}


async def test_no_other_purpose_is_given_by_a_form(world: World) -> None:
    sitting, learner = await came(world)

    for purpose in ("likeness", "everything", ""):
        answer = await learner.post("/me/consent", {"purpose": purpose, "do": "give"})
        assert answer.to == "/me/consent"

    assert set(await agreed(world, sitting)) == {Purpose.IDENTITY, Purpose.RECORDING}


async def test_consent_of_a_session_that_is_over_is_taken_back_but_not_given(world: World) -> None:
    sitting, learner = await refused(world)

    await learner.post("/me/consent", {"purpose": "identity", "do": "withdraw"})
    page = await learner.get("/me/consent")
    again = await learner.post("/me/consent", {"purpose": "identity", "do": "give"})

    assert 'value="give"' not in page.text
    assert again.to == "/me/consent"
    assert (await agreed(world, sitting))[Purpose.IDENTITY] is False


async def test_who_was_not_admitted_reads_why_and_answers(world: World) -> None:
    _, learner = await refused(world)

    mine = await learner.get("/me")
    page = await learner.get("/me/dispute")
    empty = await learner.post("/me/dispute", {"text": " "})
    sent = await learner.post("/me/dispute", {"text": "My name changed when I married."})

    assert WHY in mine.words
    assert "you can answer within 14 days" in mine.words
    assert "Why you were not admitted" in page.words
    assert WHY in page.words
    assert "7 December 2026" in page.words
    assert empty.status == 422
    assert sent.to == "/me?done=asked"
    assert "You have answered: we are looking at it." in (await learner.get("/me")).words
    assert "We have your answer" in (await learner.get("/me/dispute")).words


async def test_after_14_days_it_is_too_late_to_answer(world: World) -> None:
    sitting, _ = await refused(world)
    world.clock.move_to(START + timedelta(days=15))
    learner = await world.learner(sitting.request)

    page = await learner.get("/me/dispute")

    assert "It is too late to answer this decision" in page.words
    assert "<textarea" not in page.text


async def test_a_personal_link_leads_to_the_reason_not_to_the_receipt(world: World) -> None:
    sitting, _ = await refused(world)
    learner = world.stranger()

    answer = await learner.post(f"/r/{world.link(sitting.request).rsplit('/', 1)[-1]}", {})

    assert answer.to == "/me"
