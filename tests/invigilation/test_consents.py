"""Consents: given purpose by purpose, taken back, given again."""

from __future__ import annotations

from datetime import date

import pytest

from invigilation.consent import Purpose
from invigilation.document import DocumentKind, Fields
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.identity import Decision, SnapshotKind
from invigilation.likeness import Likeness
from invigilation.recheck import RecheckCause
from invigilation.session import Outcome, SessionState
from tests import builders
from tests.builders import CONSENT, START
from tests.invigilation.offices import STATEMENT
from tests.invigilation.shown import arrived, picture, reading, seen, shown

LIKENESS = (*CONSENT, "likeness")
LIKE = Likeness("dlib", 0.91234, 500, date(2026, 11, 1))


async def standing(world, session):
    consents = await world.desk.consents.of(session)
    return {one.purpose.value for one in consents if one.withdrawn is None}


@pytest.mark.parametrize("consent", [CONSENT, LIKENESS])
async def test_coming_in_keeps_what_the_learner_agreed_to(world, consent):
    one = await arrived(world, consent=consent)

    assert await standing(world, one.session) == {*consent}
    [first, *_] = await world.desk.consents.of(one.session)
    assert (first.given, first.withdrawn) == (START, None)


@pytest.mark.parametrize(
    "consent", [("identity",), ("recording",), (*CONSENT, "everything"), ("likeness",)]
)
async def test_nobody_comes_in_without_the_two_that_are_needed_or_with_unknown_ones(world, consent):
    one = await builders.book(world.desk)
    world.clock.go_to(START)

    with pytest.raises(InvalidInput):
        await world.desk.sessions.check_in(one.session, consent)

    assert await world.desk.consents.of(one.session) == []


async def test_with_the_consent_its_score_goes(world):
    one = await arrived(world, consent=LIKENESS)
    check = await shown(world, one)
    await world.desk.identity.set_likeness(one.session, check.document, check.face, LIKE)

    await world.desk.consents.withdraw(one.session, Purpose.LIKENESS, "learner")

    assert (await world.desk.sessions.view(one.session)).identity.likeness is None
    assert await world.rows("SELECT likeness FROM identity_check") == [(None,)]
    entry = (await world.entries(one.session))[-1]
    assert (entry.kind, entry.actor) == ("consent_withdrawn", "learner")
    assert entry.data == {"purpose": "likeness"}
    for it in await world.entries(one.session):
        assert b"91234" not in it.body


async def test_taking_back_twice_or_what_was_never_given_changes_nothing(world):
    one = await arrived(world)
    before = await world.everything()

    await world.desk.consents.withdraw(one.session, Purpose.LIKENESS, "learner")

    assert await world.everything() == before
    with pytest.raises(NotFound):
        await world.desk.consents.of("se_none")


async def test_without_consent_to_be_identified_no_picture_is_taken(world):
    one = await arrived(world)
    await shown(world, one, reading())

    await world.desk.consents.withdraw(one.session, Purpose.IDENTITY, "learner")

    face = seen(one.session, SnapshotKind.FACE, "ev_new")
    again = picture(one.session, SnapshotKind.FACE_AGAIN, "ev_again")
    for by in (None, world.ann):
        with pytest.raises(NotAllowed):
            await world.desk.identity.record(one.session, by, face)
    with pytest.raises(NotAllowed):
        await world.desk.rechecks.add(one.session, RecheckCause.GAP, again)
    with pytest.raises(NotAllowed):
        await world.desk.identity.decide(one.session, world.ann, Decision.CONFIRMED, "Same.")
    assert not (await world.desk.sessions.view(one.session)).capture_allowed


@pytest.mark.parametrize("purpose", [Purpose.IDENTITY, Purpose.RECORDING])
async def test_nothing_new_is_taken_read_or_typed_after_a_consent_was_taken_back(world, purpose):
    one = await arrived(world)
    check = await shown(world, one)
    desk = world.desk.identity
    await world.desk.consents.withdraw(one.session, purpose, "learner")
    before = await world.everything()

    portrait = picture(one.session, SnapshotKind.PORTRAIT)
    aligned = picture(one.session, SnapshotKind.FACE_ALIGNED)
    await desk.set_reading(one.session, check.document, reading(), portrait)
    await desk.set_aligned(one.session, check.face, aligned, 7)
    said = Fields(surname="Santos")
    for refused in (
        desk.typed(one.session, world.ann, DocumentKind.OTHER, said),
        desk.may_picture(one.session, world.ann),
        desk.record(one.session, world.ann, seen(one.session, SnapshotKind.INCIDENT)),
        desk.record(one.session, None, seen(one.session, SnapshotKind.FACE, "ev_new")),
    ):
        with pytest.raises(NotAllowed):
            await refused

    assert await world.everything() == before


@pytest.mark.parametrize("purpose", [Purpose.IDENTITY, Purpose.RECORDING])
async def test_nobody_is_admitted_without_a_consent_that_is_needed(world, purpose):
    one = await world.identified()
    await world.desk.consents.withdraw(one.session, purpose, "learner")

    with pytest.raises(NotAllowed):
        await world.desk.sessions.admit(one.session, world.ann)
    await world.desk.consents.give(one.session, purpose, "learner")
    admitted = await world.desk.sessions.admit(one.session, world.ann)

    assert admitted.state is SessionState.IN_PROGRESS
    assert await standing(world, one.session) == {*CONSENT}


@pytest.mark.parametrize("purpose", [Purpose.IDENTITY, Purpose.RECORDING])
async def test_a_running_clock_stops_until_the_consent_is_given_again(world, purpose):
    one = await world.admitted()
    world.clock.go(600)

    await world.desk.consents.withdraw(one.session, purpose, "learner")

    view = await world.desk.sessions.view(one.session)
    assert (view.session.state, view.session.spent.total_seconds()) == (SessionState.PAUSED, 600)
    assert "consent" in view.session.reason
    assert (await world.kinds(one.session))[-2:] == ["consent_withdrawn", "pause"]
    assert (await world.sent())[-1] == "webhook session.paused"
    with pytest.raises(NotAllowed):
        await world.desk.sessions.resume(one.session, world.ann)
    await world.desk.consents.give(one.session, purpose, "learner")
    resumed = await world.desk.sessions.resume(one.session, world.ann)
    assert resumed.state is SessionState.IN_PROGRESS


async def test_the_invigilator_may_end_what_cannot_go_on(world):
    one = await world.admitted()
    await world.desk.consents.withdraw(one.session, Purpose.RECORDING, "learner")

    ended = await world.desk.sessions.end(one.session, world.ann)

    assert ended.state is SessionState.ENDED
    with pytest.raises(NotAllowed):
        await world.desk.consents.give(one.session, Purpose.RECORDING, "learner")


async def test_a_figure_is_attested_while_the_consent_stands_and_goes_afterwards(world):
    one = await arrived(world, consent=LIKENESS)
    check = await shown(world, one, reading())
    await world.desk.identity.set_likeness(one.session, check.document, check.face, LIKE)
    await world.desk.identity.decide(one.session, world.ann, Decision.CONFIRMED, "")
    await world.desk.sessions.admit(one.session, world.ann)
    await world.desk.sessions.end(one.session, world.ann)
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)
    entries = await world.entries(one.session)
    attested = (await world.attested(one.session))["identity"]["likeness"]

    await world.desk.consents.withdraw(one.session, Purpose.LIKENESS, "learner")

    assert attested["consent"] is True
    assert Likeness.of(attested["figure"]) == LIKE
    assert (await world.attested(one.session))["identity"]["likeness"]["figure"] is None
    assert await world.rows("SELECT likeness FROM identity_check") == [(None,)]
    after = await world.entries(one.session)
    assert [entry.body for entry in after] == [entry.body for entry in entries]
    [scored] = [entry for entry in after if entry.kind == "likeness"]
    assert scored.data == {"engine": "dlib"}
    [noted] = await world.rows("SELECT action, actor FROM audit WHERE subject = :s", s=one.session)
    assert noted == ("consent.withdrawn", "learner")
