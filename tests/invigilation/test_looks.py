"""Why somebody looks at evidence: asked for, kept, and unusual looks told to somebody."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from invigilation.errors import IllegalTransition, InvalidInput, NotAllowed, NotFound, ReasonNeeded
from invigilation.identity import Decision
from invigilation.looks import (
    LASTS,
    OWN_LASTS,
    OWN_WORK,
    AlarmKind,
    Limits,
    Look,
    LookReason,
    Standing,
    at_night,
    reason_of,
    unusual,
)
from invigilation.people import Role, Staff
from invigilation.session import Outcome
from tests import builders
from tests.builders import START
from tests.invigilation.conftest import kept_loop
from tests.invigilation.offices import STATEMENT
from tests.invigilation.shown import arrived, colleague, reading, shown

LONDON = ZoneInfo("Europe/London")
ADA = Staff("st_ada", "ada@example.com", "Ada Stone", frozenset({Role.ADMINISTRATOR}))
EVE = Staff("st_eve", "eve@example.com", "Eve Gray", frozenset({Role.ADMINISTRATOR}))
IDA = Staff("st_ida", "ida@example.com", "Ida Long", frozenset({Role.AUDITOR}))
NOON = START.replace(hour=12)
SECOND = timedelta(seconds=1)


def look(number, minutes=0, reason=LookReason.QUALITY, *, founded=True, at=NOON):
    opened = at - timedelta(minutes=minutes)
    return Look(f"lk_{number}", "st_sam", f"se_{number}", reason, "", founded, opened)


# --- the rules ---


@pytest.mark.parametrize(
    ("looks", "found"),
    [
        ([look(n, n) for n in range(10)], {}),
        ([look(n, n) for n in range(11)], {AlarmKind.MANY: 11}),
        ([look(1, n) for n in range(40)], {}),
        ([look(n, n, LookReason.THEIRS) for n in range(40)], {}),
        ([look(n, 61 + 20 * n) for n in range(31)], {AlarmKind.MANY: 31}),
        ([look(n, 61 + 40 * n) for n in range(40)], {AlarmKind.MANY: 35}),
        ([look(n, n, founded=False) for n in range(2)], {}),
        ([look(n, n, founded=False) for n in range(3)], {AlarmKind.UNFOUNDED: 3}),
    ],
)
def test_what_is_unusual(looks, found):
    assert unusual(looks, NOON, LONDON, Limits()) == found


@pytest.mark.parametrize(
    ("hour", "night"), [(5, True), (6, False), (21, False), (22, True), (23, True), (0, True)]
)
def test_night_is_londons(hour, night):
    summer = datetime(2026, 7, 6, hour, 30, tzinfo=LONDON)

    assert at_night(summer, LONDON, Limits()) is night


def test_a_look_at_night_is_unusual_at_once_and_not_the_morning_after():
    late = NOON.replace(hour=23)
    one = look(1, at=late)

    assert unusual([one], late, LONDON, Limits()) == {AlarmKind.NIGHT: 1}
    assert unusual([one], late + timedelta(hours=9), LONDON, Limits()) == {}


@pytest.mark.parametrize(
    ("raw", "words", "field"),
    [
        ("", "", "reason"),
        ("their_session", "", "reason"),
        ("other", "", "words"),
        ("other", "  x  ", "words"),
        ("audit", "x" * 501, "words"),
    ],
)
def test_a_reason_is_chosen_and_something_else_is_said(raw, words, field):
    with pytest.raises(InvalidInput) as refused:
        reason_of(raw, words)

    assert refused.value.field == field
    assert reason_of("other", " Asked  by the police ") == (LookReason.OTHER, "Asked by the police")


# --- at the desk ---


@kept_loop
async def one(world):
    """A session in which pictures were taken, with the id of one."""
    sitting = await world.identified()
    return sitting, (await world.desk.sessions.view(sitting.session)).identity.document


async def last_of(world, session):
    return (await world.entries(session))[-1]


async def test_the_sessions_own_invigilator_is_asked_nothing(world, one):
    sitting, picture = one

    await world.desk.identity.see(picture, world.ann)

    assert (await last_of(world, sitting.session)).data["reason"] == "their_session"
    assert await world.desk.looks.standing(sitting.session, world.ann) is Standing.MAY


async def test_who_oversees_says_why_once_in_eight_hours(world, one):
    sitting, picture = one
    desk = world.desk
    with pytest.raises(ReasonNeeded) as needed:
        await desk.identity.see(picture, world.sam)
    assert needed.value.subject == sitting.session
    assert await desk.looks.standing(sitting.session, world.sam) is Standing.ASK
    before = await world.kinds(sitting.session)

    await desk.looks.open(sitting.session, world.sam, "other", "The police asked for it.")

    assert await world.kinds(sitting.session) == before
    assert await desk.looks.standing(sitting.session, world.sam) is Standing.MAY
    await desk.identity.see(picture, world.sam)
    entry = await last_of(world, sitting.session)
    assert (entry.data["reason"], entry.data["why"]) == ("other", "The police asked for it.")
    assert "why" in entry.seals
    assert b"police" not in entry.body
    async with world.store.read() as tx:
        (change,) = [it for it in await tx.audit.of(sitting.session) if it.action == "look.opened"]
    assert change.actor == f"staff:{world.sam.id}"
    assert json.loads(change.after) == {"why": "other", "reason": "The police asked for it."}
    world.clock.go(LASTS.total_seconds())
    with pytest.raises(ReasonNeeded):
        await desk.identity.see(picture, world.sam)


async def test_a_reason_is_one_persons_for_one_record(world, one):
    sitting, picture = one
    await world.desk.looks.open(sitting.session, world.sam, "audit")

    with pytest.raises(ReasonNeeded):
        await world.desk.identity.see(picture, ADA)


async def test_who_may_never_look_cannot_say_why(world, one):
    sitting, _ = one
    bob = await builders.add_invigilator(world.desk, "Bob Baker")

    for ask in (
        world.desk.looks.open(sitting.session, bob, "audit"),
        world.desk.looks.standing(sitting.session, bob),
        world.desk.looks.about(sitting.session, bob),
        world.desk.looks.open("se_none", world.sam, "audit"),
    ):
        with pytest.raises(NotFound):
            await ask


async def test_a_colleague_who_is_asked_to_look_too_has_a_reason(world):
    sitting = await arrived(world)
    await shown(world, sitting, reading(surname="OTHER"))
    bob = await colleague(world)
    await world.desk.identity.refer(sitting.session, world.ann, Decision.CONFIRMED, "Is it her?")
    picture = (await world.desk.sessions.view(sitting.session)).identity.document

    await world.desk.identity.see(picture, bob)

    assert (await last_of(world, sitting.session)).data["reason"] == "second_opinion"


async def test_who_looks_in_while_it_runs_has_a_reason_until_they_leave(world, one):
    sitting, picture = one
    who = f"administrator:{ADA.id}"
    await world.desk.sessions.present(sitting.session, who, present=True)

    await world.desk.identity.see(picture, ADA)

    assert (await last_of(world, sitting.session)).data["reason"] == "supervision"
    await world.desk.sessions.present(sitting.session, who, present=False)
    with pytest.raises(ReasonNeeded):
        await world.desk.identity.see(picture, ADA)


async def test_their_own_session_is_theirs_for_a_week_and_confirmed_after_the_days_work(world, one):
    sitting, picture = one
    desk, ann = world.desk, world.ann
    await desk.sessions.refuse(sitting.session, ann, "No document.")
    await desk.reports.attest(sitting.session, ann, STATEMENT, Outcome.REFUSED)
    session, seen = sitting.session, []
    for after in (OWN_WORK - SECOND, SECOND, OWN_LASTS - OWN_WORK - SECOND, SECOND):
        world.clock.go(after.total_seconds())
        seen.append(await desk.looks.standing(session, ann))

    assert seen == [Standing.MAY, Standing.CONFIRM, Standing.CONFIRM, Standing.ASK]
    with pytest.raises(ReasonNeeded):
        await desk.identity.see(picture, ann)
    with pytest.raises(InvalidInput):
        await desk.looks.open(session, ann, "their_session")


async def test_who_has_confirmed_is_not_asked_again_for_eight_hours(world, one):
    sitting, picture = one
    desk, ann = world.desk, world.ann
    await desk.sessions.refuse(sitting.session, ann, "No document.")
    await desk.reports.attest(sitting.session, ann, STATEMENT, Outcome.REFUSED)
    world.clock.go(OWN_WORK.total_seconds())
    assert await desk.looks.standing(sitting.session, ann) is Standing.CONFIRM

    await desk.looks.open(sitting.session, ann, "their_session")

    assert await desk.looks.standing(sitting.session, ann) is Standing.MAY
    await desk.identity.see(picture, ann)
    assert (await last_of(world, sitting.session)).data["reason"] == "their_session"


async def test_a_file_with_evidence_needs_a_reason_too(world, one):
    sitting, _ = one
    take = world.desk.exports.take
    with pytest.raises(ReasonNeeded):
        await take(sitting.session, world.sam, lambda _: True, report=False)
    await take(sitting.session, world.sam, lambda _: False, report=False)
    await world.desk.looks.open(sitting.session, world.sam, "audit")

    await take(sitting.session, world.sam, lambda _: True, report=False)

    looks = [it.data for it in await world.entries(sitting.session) if it.kind == "evidence_viewed"]
    assert {it["reason"] for it in looks} == {"audit"}


# --- what nothing bears out ---


async def test_reasons_that_nothing_here_shows_are_marked(world, one):
    sitting, _ = one
    session, desk = sitting.session, world.desk
    reasons = ("no_show", "dispute", "question", "gap", "quality")

    opened = [await desk.looks.open(session, world.sam, it) for it in reasons]

    assert [it.founded for it in opened] == [False, False, False, False, True]
    await desk.sessions.admit(session, world.ann)
    await desk.gaps.open(session, world.clock.now())
    assert (await desk.looks.open(session, world.sam, "gap")).founded


# --- alarms ---


@kept_loop
async def watched(world):
    """The office with two administrators and an auditor, and a session by whose looks it alarms."""
    async with world.store.write() as tx:
        for person in (ADA, EVE, IDA):
            await tx.people.add_staff(person, "no password")
    return await world.identified()


async def at_night_(world, sitting, by):
    late = world.clock.now().replace(hour=23)
    world.clock.go_to(late)
    await world.desk.looks.open(sitting.session, by, "quality")


async def test_administrators_are_told_once_and_not_the_one_whom_it_is_about(world, watched):
    await at_night_(world, watched, EVE)
    await world.desk.looks.open(watched.session, EVE, "audit")

    async with world.store.read() as tx:
        (alarm,) = await tx.looks.alarms(10)
        (change,) = await tx.audit.of(alarm.id)
    assert (alarm.staff, alarm.kind, alarm.records) == (EVE.id, AlarmKind.NIGHT, 1)
    assert (change.actor, change.action) == ("service", "look.alarm")
    (letter,) = await world.bodies("look_alarm")
    assert (letter["name"], letter["about"]) == (ADA.name, EVE.name)
    assert letter["page"] == "/staff/looks"


async def test_an_alarm_is_closed_by_a_colleague_with_what_was_found_out(world, watched):
    await at_night_(world, watched, EVE)
    desk = world.desk.looks
    (alarm,) = (await desk.listed(IDA)).alarms
    with pytest.raises(NotAllowed):
        await desk.close(alarm.id, EVE, "That was me, all is well.")
    with pytest.raises(NotAllowed):
        await desk.close(alarm.id, IDA, "I only read here.")
    with pytest.raises(InvalidInput):
        await desk.close(alarm.id, ADA, "fine")
    with pytest.raises(NotFound):
        await desk.close("la_none", ADA, "I asked, and all is well.")

    closed = await desk.close(alarm.id, ADA, "I asked: a flag state had called.")

    assert closed.closed_by == ADA.id
    with pytest.raises(IllegalTransition):
        await desk.close(alarm.id, ADA, "I asked once more.")
    assert (await desk.listed(ADA)).alarms == (closed,)


async def test_looks_are_listed_for_administrators_and_auditors(world, watched):
    await world.desk.looks.open(watched.session, world.sam, "quality")

    found = await world.desk.looks.listed(IDA)

    assert [(it.staff, it.subject) for it in found.looks] == [(world.sam.id, watched.session)]
    assert found.names[world.sam.id] == "Sam Field"
    assert found.about[watched.session] == "Lea Learner 1"
    with pytest.raises(NotAllowed):
        await world.desk.looks.listed(world.sam)


async def test_what_somebody_wrote_goes_with_the_records_texts(world, watched):
    await world.desk.looks.open(watched.session, world.sam, "other", "About Lea Learner.")
    async with world.store.write() as tx:
        await tx.texts.forget(watched.session)

    async with world.store.read() as tx:
        (one,) = await tx.looks.of_subjects([watched.session])
        (change,) = [it for it in await tx.audit.of(watched.session) if it.action == "look.opened"]
    assert one.words == ""
    assert json.loads(change.after) == {"why": "other", "reason": ""}
