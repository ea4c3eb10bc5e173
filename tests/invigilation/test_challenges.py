"""Challenges and re-checks: drawn and taken here, judged by a person."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from invigilation.challenge import ChallengeKind, ChallengeResult
from invigilation.errors import IllegalTransition, InvalidInput, NotAllowed, NotFound
from invigilation.hints import HintKind
from invigilation.identity import SnapshotKind
from invigilation.incident import Severity
from invigilation.recheck import RecheckCause, RecheckResult
from invigilation.session import Outcome, SessionState
from tests.invigilation.offices import STATEMENT
from tests.invigilation.shown import arrived, colleague, picture, seen

SEEN = ChallengeResult.SEEN
AGAIN, RANDOM = SnapshotKind.FACE_AGAIN, RecheckCause.RANDOM


async def ask_and_judge(world, session, result=SEEN, note=""):
    world.clock.go(1)
    asked = await world.desk.challenges.ask(session, world.ann)
    return await world.desk.challenges.judge(session, world.ann, asked.id, result, note)


async def test_a_challenge_is_drawn_and_judged(world):
    one = await arrived(world)

    judged = await ask_and_judge(world, one.session, note="At once.")

    assert [judged] == [*(await world.desk.sessions.view(one.session)).challenges]
    assert (judged.result, judged.judged_by) == (SEEN, world.ann.id)
    asked, said = (await world.entries(one.session))[-2:]
    assert (asked.kind, asked.data["kind"]) == ("challenge_asked", judged.kind.value)
    assert (said.kind, said.data["result"]) == ("challenge_judged", "seen")
    assert said.data["note"] == "At once."
    assert b"once" not in said.body


async def test_nobody_is_asked_for_the_same_twice_in_a_row(world):
    one = await arrived(world)

    drawn = [await ask_and_judge(world, one.session) for _ in range(25)]

    kinds = [it.kind for it in drawn]
    assert all(first is not second for first, second in itertools.pairwise(kinds))
    assert len({*kinds}) > 4
    for it in drawn:
        number = it.kind is ChallengeKind.NUMBER
        assert (len(it.detail) == 4 and it.detail.isdecimal()) if number else it.detail == ""


async def test_one_challenge_at_a_time_even_at_once(world):
    one = await arrived(world)
    ask = world.desk.challenges.ask

    ends = await asyncio.gather(
        ask(one.session, world.ann), ask(one.session, world.ann), return_exceptions=True
    )

    assert sum(isinstance(end, NotAllowed) for end in ends) == 1
    assert await world.count("challenge") == 1


async def test_a_challenge_is_judged_once_by_the_invigilator(world):
    one = await arrived(world)
    bob = await colleague(world)
    asked = await world.desk.challenges.ask(one.session, world.ann)
    judge = world.desk.challenges.judge

    with pytest.raises(NotAllowed):
        await judge(one.session, bob, asked.id, SEEN, "")
    with pytest.raises(InvalidInput):
        await judge(one.session, world.ann, asked.id, SEEN, "x" * 1_001)
    with pytest.raises(NotFound):
        await judge(one.session, world.ann, "ch_none", SEEN, "")
    await judge(one.session, world.ann, asked.id, SEEN, "")
    with pytest.raises(IllegalTransition):
        await judge(one.session, world.ann, asked.id, ChallengeResult.NOT_SEEN, "")


@pytest.mark.parametrize("state", [SessionState.SCHEDULED, SessionState.ENDED])
async def test_nothing_is_asked_outside_a_live_session(world, state):
    one = await world.brought_to(state)
    face = picture(one.session, AGAIN)

    with pytest.raises(NotAllowed):
        await world.desk.challenges.ask(one.session, world.ann)
    with pytest.raises(NotAllowed):
        await world.desk.rechecks.add(one.session, RANDOM, face)

    assert await world.count("recheck") == await world.count("challenge") == 0


async def test_a_challenge_that_nobody_judged_ends_with_the_session(world):
    one = await world.admitted()
    await world.desk.challenges.ask(one.session, world.ann)

    await world.desk.sessions.end(one.session, world.ann)

    [left] = (await world.desk.sessions.view(one.session)).challenges
    assert left.result is ChallengeResult.SKIPPED
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)


# --- re-checks ---


async def recheck(world, one, cause=RANDOM, ident="ev_again", **more):
    return await world.desk.rechecks.add(
        one.session, cause, picture(one.session, AGAIN, ident), **more
    )


async def test_a_face_is_taken_again_and_judged(world):
    one = await world.admitted()
    aligned = picture(one.session, SnapshotKind.FACE_ALIGNED)

    taken = await recheck(world, one, derived=aligned)
    same = RecheckResult.SAME
    judged = await world.desk.rechecks.judge(one.session, world.ann, taken.id, same, "")

    assert [judged] == [*(await world.desk.sessions.view(one.session)).rechecks]
    assert (judged.result, judged.evidence, judged.aligned) == (same, "ev_again", aligned.id)
    kept = {it.id: it.kind for it in await world.desk.sessions.evidence(one.session)}
    assert (kept["ev_again"], kept[aligned.id]) == ("face_again", "face_aligned")
    first, second = (await world.entries(one.session))[-2:]
    assert (first.kind, first.actor) == ("rechecked", "service")
    assert (second.kind, second.data["result"]) == ("recheck_judged", "same")
    assert (await world.desk.sessions.view(one.session)).incidents == ()
    assert (await world.desk.identity.see("ev_again", world.ann)).kind == "face_again"


async def test_another_persons_face_is_an_incident_too(world):
    one = await world.admitted()
    taken = await recheck(world, one)
    judge = world.desk.rechecks.judge

    await judge(one.session, world.ann, taken.id, RecheckResult.NOT_SAME, "A man with a beard.")

    [incident] = (await world.desk.sessions.view(one.session)).incidents
    assert (incident.category, incident.severity) == ("examinee.id_authorisation", Severity.HIGH)
    assert (incident.note, incident.picture) == ("A man with a beard.", "ev_again")
    assert (await world.kinds(one.session))[-2:] == ["recheck_judged", "incident"]
    with pytest.raises(IllegalTransition):
        await judge(one.session, world.ann, taken.id, RecheckResult.SAME, "")


async def test_of_those_at_random_one_waits_at_most(world):
    one = await world.admitted()
    await recheck(world, one)

    with pytest.raises(NotAllowed):
        await recheck(world, one, ident="ev_third")
    await recheck(world, one, RecheckCause.GAP, "ev_gap")
    asked = await recheck(world, one, RecheckCause.ASKED, "ev_asked", by=world.ann)

    assert len((await world.desk.sessions.view(one.session)).rechecks) == 3
    entry = (await world.entries(one.session))[-1]
    assert (entry.actor, entry.data["recheck"]) == (f"invigilator:{world.ann.id}", asked.id)


async def test_only_its_invigilator_judges_until_it_is_sealed(world):
    one = await world.admitted()
    bob = await colleague(world)
    taken = await recheck(world, one)
    judge, same = world.desk.rechecks.judge, RecheckResult.SAME
    with pytest.raises(NotAllowed):
        await judge(one.session, bob, taken.id, same, "")
    with pytest.raises(NotFound):
        await judge(one.session, world.ann, "rc_none", same, "")
    await world.desk.sessions.end(one.session, world.ann)
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)

    with pytest.raises(NotAllowed):
        await judge(one.session, world.ann, taken.id, same, "")


async def test_a_hint_at_a_face_taken_again_lasts(world):
    async with world.store.write() as tx:
        await tx.rota.add_seat("seat_more", world.ann.id, 1)
    first = await world.admitted(1)
    await recheck(world, first, ident="ev_a", print_=7)
    world.clock.go(-3 * 24 * 3_600)
    second = await arrived(world, 2)

    await recheck(world, second, ident="ev_b", print_=7)
    face = seen(second.session, SnapshotKind.FACE, digest="cd")
    await world.desk.identity.record(second.session, None, face)

    [hint] = (await world.desk.sessions.view(second.session)).hints
    assert (hint.kind, hint.session) == (HintKind.SAME_FACE_PICTURE, first.session)
