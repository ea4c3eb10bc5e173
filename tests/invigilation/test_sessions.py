"""A session from check-in to its end, on real databases."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest

from invigilation import record
from invigilation.booking import BookingState
from invigilation.desk.office import SECOND_CAMERA, actor
from invigilation.desk.sessions import CHAT_LIMIT, NOTES
from invigilation.errors import (
    IllegalTransition,
    InvalidInput,
    NotAllowed,
    NotFound,
    TooLate,
)
from invigilation.identity import Decision, IdentityState, SnapshotKind
from invigilation.incident import NOTE_LIMIT, Severity
from invigilation.people import Role, Staff
from invigilation.presence import Source
from invigilation.request import RequestState
from invigilation.session import LIVE, Outcome, SessionState
from tests import builders
from tests.builders import CONSENT, START
from tests.invigilation.offices import MINUTE, STATEMENT

ADMINISTRATOR = Staff("st_ada", "ada@example.com", "Ada", frozenset({Role.ADMINISTRATOR}))
A_MOMENT = timedelta(microseconds=1)


# --- check-in ---


@pytest.mark.parametrize("at", [START - 30 * MINUTE, START, START + 15 * MINUTE])
async def test_a_learner_checks_in_from_the_opening_through_the_grace_time(world, at):
    one = await builders.book(world.desk)
    world.clock.go_to(at)

    session = await world.desk.sessions.check_in(one.session, CONSENT)

    assert session.state is SessionState.CHECKED_IN
    assert await world.booking_state(one.booking) is BookingState.ATTENDED
    assert await world.request_state(one.request) is RequestState.FULFILLED
    assert (await world.sent())[-1] == "webhook session.checked_in"


@pytest.mark.parametrize(
    ("at", "error"),
    [
        (START - 30 * MINUTE - A_MOMENT, InvalidInput),
        (START + 15 * MINUTE + A_MOMENT, TooLate),
    ],
)
async def test_nobody_checks_in_before_or_after(world, at, error):
    one = await builders.book(world.desk)
    world.clock.go_to(at)
    before = await world.everything()

    with pytest.raises(error):
        await world.desk.sessions.check_in(one.session, CONSENT)

    assert await world.everything() == before


async def test_a_moved_session_has_the_check_in_of_its_new_time(world):
    one = await builders.book(world.desk)
    await world.desk.bookings.move(one.booking, START + 60 * MINUTE)
    world.clock.go_to(START)

    with pytest.raises(InvalidInput):
        await world.desk.sessions.check_in(one.session, CONSENT)

    world.clock.go_to(START + 30 * MINUTE)
    session = await world.desk.sessions.check_in(one.session, CONSENT)
    assert session.state is SessionState.CHECKED_IN


@pytest.mark.parametrize("consent", [(), ("identity",), ("recording",), ("identity", "other")])
async def test_without_consent_to_both_points_nobody_comes_in(world, consent):
    one = await builders.book(world.desk)
    world.clock.go_to(START)

    with pytest.raises(InvalidInput) as refused:
        await world.desk.sessions.check_in(one.session, consent)

    assert refused.value.field == "consent"
    assert (await world.session(one.session)).state is SessionState.SCHEDULED


async def test_checking_in_again_changes_nothing(world):
    one = await world.admitted()
    before = await world.everything()

    again = await world.desk.sessions.check_in(one.session, CONSENT)

    assert again.state is SessionState.IN_PROGRESS
    assert await world.everything() == before


async def test_a_cancelled_session_takes_nobody_in(world):
    one = await builders.book(world.desk)
    await world.desk.bookings.cancel(one.booking, "")
    world.clock.go_to(START)

    with pytest.raises(IllegalTransition):
        await world.desk.sessions.check_in(one.session, CONSENT)


async def test_attempts_are_noted_once_a_minute(world):
    one = await builders.book(world.desk)
    note = world.desk.sessions.note_attempt

    for _ in range(2):
        await note(one.session, "page_opened")
        await note(one.session, "probe")
    world.clock.go(60)
    await note(one.session, "page_opened")

    kinds = await world.kinds(one.session)
    assert kinds == ["booked", "page_opened", "probe", "page_opened"]
    with pytest.raises(InvalidInput):
        await note(one.session, "thought_of_it")


async def test_readiness_is_noted_once_a_minute_and_of_the_invigilator_alone(world):
    one = await builders.book(world.desk)
    bob = await builders.add_invigilator(world.desk, "Bob Baker")

    for _ in range(2):
        await world.desk.sessions.ready(one.session, world.ann)

    assert await world.kinds(one.session) == ["booked", "invigilator_ready"]
    with pytest.raises(NotAllowed):
        await world.desk.sessions.ready(one.session, bob)


# --- the whole way ---


async def test_the_whole_way_is_told_in_one_chain_of_signed_entries(world):
    one = await world.admitted()
    sessions = world.desk.sessions
    await sessions.pause(one.session, world.ann, "fire drill")
    await sessions.resume(one.session, world.ann)
    await sessions.end(one.session, world.ann)

    entries = await world.entries(one.session)

    assert [entry.kind for entry in entries] == [
        *("booked", "check_in", "snapshot", "snapshot", "identity_decided"),
        *("admit", "pause", "resume", "end"),
    ]
    previous = record.FIRST_PREVIOUS
    for number, entry in enumerate(entries, start=1):
        body = json.loads(entry.body)
        assert (body["seq"], body["prev"]) == (number, previous)
        world.desk.office.signer.key.public_key().verify(entry.signature, entry.body)
        previous = hashlib.sha256(entry.body).hexdigest()
    [row] = await world.rows("SELECT seq, head FROM session")
    assert row == (len(entries), previous)


async def test_each_step_is_told_to_the_backend(world):
    one = await world.checked_in()
    before = len(await world.sent())
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        await world.picture(one, kind)
    decide = world.desk.identity.decide
    await decide(one.session, world.ann, Decision.CONFIRMED, "the same")
    sessions = world.desk.sessions
    for step in (
        sessions.admit(one.session, world.ann),
        sessions.pause(one.session, world.ann, "drill"),
        sessions.resume(one.session, world.ann),
        sessions.stop(one.session, world.ann, "ill"),
    ):
        world.clock.go(60)
        await step

    assert (await world.sent())[before:] == [
        f"webhook session.{word}"
        for word in ("identity_decided", "admitted", "paused", "resumed", "stopped")
    ]
    [decided] = await world.bodies("session.identity_decided")
    assert decided["data"]["decision"] == "confirmed"
    [stopped] = await world.bodies("session.stopped")
    assert stopped["data"]["session"] == one.session
    assert stopped["data"]["reason"] == "ill"


async def test_a_pause_costs_no_time_and_extra_time_adds_to_it(world):
    one = await world.admitted()
    sessions = world.desk.sessions
    world.clock.go(600)
    await sessions.pause(one.session, world.ann, "drill")
    world.clock.go(3_600)
    await sessions.resume(one.session, world.ann)
    world.clock.go(300)

    await sessions.extra_minutes(one.session, world.ann, 10)

    view = await sessions.view(one.session)
    assert view.session.minutes == 100
    assert view.session.remaining(view.now) == 85 * MINUTE
    assert (await world.kinds(one.session))[-1] == "extra_time"
    [told] = await world.bodies("session.extra_time")
    assert told["data"]["minutes"] == 10


@pytest.mark.parametrize("minutes", [0, -5, 241])
async def test_extra_time_has_bounds(world, minutes):
    one = await world.admitted()

    with pytest.raises(InvalidInput):
        await world.desk.sessions.extra_minutes(one.session, world.ann, minutes)


@pytest.mark.parametrize("state", [SessionState.SCHEDULED, SessionState.ENDED])
async def test_what_belongs_into_a_live_session_is_refused_outside_it(world, state):
    one = await world.brought_to(state)
    sessions, identity = world.desk.sessions, world.desk.identity
    before = await world.everything()

    for refused in (
        sessions.extra_minutes(one.session, world.ann, 5),
        incident(world, one),
        identity.may_picture(one.session, world.ann),
        world.picture(one, SnapshotKind.FACE, "ev_late"),
        identity.decide(one.session, world.ann, Decision.CONFIRMED, "the same"),
        identity.reopen(one.session, world.ann),
    ):
        with pytest.raises(NotAllowed):
            await refused

    assert await world.everything() == before


async def test_nobody_is_admitted_who_was_not_identified(world):
    one = await world.checked_in()

    with pytest.raises(IllegalTransition):
        await world.desk.sessions.admit(one.session, world.ann)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1_001])
async def test_a_reason_is_needed_to_pause_stop_or_refuse(world, reason):
    one = await world.admitted()

    for act in (
        world.desk.sessions.pause,
        world.desk.sessions.stop,
        world.desk.sessions.refuse,
    ):
        with pytest.raises(InvalidInput):
            await act(one.session, world.ann, reason)


async def test_only_its_invigilator_acts_in_a_session(world):
    one = await world.admitted()
    bob = await builders.add_invigilator(world.desk, "Bob Baker")
    sessions = world.desk.sessions
    before = await world.everything()

    for by in (bob, world.sam, ADMINISTRATOR):
        for act in (
            sessions.pause(one.session, by, "drill"),
            sessions.stop(one.session, by, "drill"),
            sessions.end(one.session, by),
            sessions.extra_minutes(one.session, by, 5),
            incident(world, one, by=by),
            world.desk.identity.reopen(one.session, by),
        ):
            with pytest.raises(NotAllowed):
                await act

    assert await world.everything() == before


async def test_an_unknown_session_is_not_found(world):
    for act in (
        world.desk.sessions.view("se_none"),
        world.desk.sessions.check_in("se_none", CONSENT),
        world.desk.sessions.admit("se_none", world.ann),
        world.desk.sessions.say("se_none", "learner", "hello", "c1"),
    ):
        with pytest.raises(NotFound):
            await act


async def lobby(world, by, first=START, last=START + MINUTE):
    seen = await world.desk.sessions.lobby(by, first, last)
    return [(one.sitting.session, one.role.value) for one in seen]


async def test_the_lobby_shows_ones_own_day_and_whatever_is_live(world):
    first = await world.checked_in()
    bob = await builders.add_invigilator(world.desk, "Bob Baker", seats=0)
    tomorrow = START + 24 * 60 * MINUTE
    later = await builders.book(world.desk, 2, tomorrow)

    today_and_tomorrow = await lobby(world, world.ann, START, tomorrow + MINUTE)
    day_after = await lobby(world, world.ann, tomorrow + MINUTE, tomorrow + 60 * MINUTE)
    of_bob = await lobby(world, bob, START, tomorrow + MINUTE)

    assert today_and_tomorrow == [(first.session, "mine"), (later.session, "mine")]
    assert day_after == [(first.session, "mine")]
    assert of_bob == [(first.session, "colleague")]
    with pytest.raises(NotAllowed):
        await world.desk.sessions.lobby(world.sam, START, START)


async def test_coming_and_going_is_in_the_record(world):
    one = await world.checked_in()

    await world.desk.sessions.present(one.session, "learner", present=True)
    await world.desk.sessions.present(one.session, "learner", present=False)

    assert (await world.kinds(one.session))[-2:] == ["joined", "left"]


async def test_a_supervisor_looks_in_and_a_second_camera_joins(world):
    one = await world.checked_in()
    present = world.desk.sessions.present

    for who in (actor(ADMINISTRATOR, Role.ADMINISTRATOR), SECOND_CAMERA):
        await present(one.session, who, present=True)
        await present(one.session, who, present=False)

    assert [(entry.kind, entry.actor) for entry in (await world.entries(one.session))[-4:]] == [
        ("looked_in", "administrator:st_ada"),
        ("looked_out", "administrator:st_ada"),
        ("joined", "second_camera"),
        ("left", "second_camera"),
    ]


async def test_the_room_notes_small_facts_from_a_fixed_list(world):
    one = await world.checked_in()
    note = world.desk.sessions.note
    for kind in sorted(NOTES):
        await note(one.session, kind, "service", {"signal": "picture", "is": "black"})
    before = await world.everything()

    with pytest.raises(InvalidInput):
        await note(one.session, "attested", "service", {})
    with pytest.raises(InvalidInput):
        await note(one.session, "signal", "service", {"is": "x" * 201})
    with pytest.raises(InvalidInput):
        await note(one.session, "signal", "service", {str(n): n for n in range(9)})

    assert await world.everything() == before
    assert (await world.kinds(one.session))[-len(NOTES) :] == sorted(NOTES)
    assert (await world.entries(one.session))[-1].data == {"signal": "picture", "is": "black"}


async def test_a_sealed_record_takes_no_more_notes(world):
    one = await world.brought_to(SessionState.ENDED)
    await world.desk.sessions.note(one.session, "hand_lowered", "service", {})
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)

    await world.desk.sessions.note(one.session, "signal", "service", {})

    assert (await world.kinds(one.session))[-2:] == ["hand_lowered", "attested"]


# --- identity ---


async def test_pictures_and_a_decision_make_an_identity(world):
    one = await world.identified()

    view = await world.desk.sessions.view(one.session)

    assert view.session.state is SessionState.IDENTIFIED
    assert view.identity.state is IdentityState.CONFIRMED
    assert view.identity.decided_by == world.ann.id
    data = (await world.entries(one.session))[-1].data
    assert data["decision"] == "confirmed"
    assert (data["document"], data["face"]) == (view.identity.document, view.identity.face)


async def test_a_rejected_learner_stays_and_may_be_looked_at_again(world):
    one = await world.checked_in()
    identity = world.desk.identity
    await identity.decide(one.session, world.ann, Decision.NOT_CONFIRMED, "no document")

    session, check = await identity.reopen(one.session, world.ann)

    assert session.state is SessionState.CHECKED_IN
    assert (check.state, check.decision) == (IdentityState.OPEN, None)


async def test_reopening_takes_an_identification_back(world):
    one = await world.identified()

    session, check = await world.desk.identity.reopen(one.session, world.ann)

    assert (session.state, check.state) == (SessionState.CHECKED_IN, IdentityState.OPEN)
    with pytest.raises(IllegalTransition):
        await world.desk.sessions.admit(one.session, world.ann)


@pytest.mark.parametrize(
    "state", [*(LIVE - {SessionState.CHECKED_IN, SessionState.IDENTIFIED}), SessionState.STOPPED]
)
async def test_an_identity_is_not_reopened_once_the_learner_was_admitted(world, state):
    one = await world.brought_to(state)

    with pytest.raises(NotAllowed):
        await world.desk.identity.reopen(one.session, world.ann)

    assert (await world.desk.sessions.view(one.session)).identity.decision is Decision.CONFIRMED


async def test_a_decision_needs_both_pictures_and_a_reason(world):
    one = await world.checked_in()
    decide = world.desk.identity.decide
    await world.picture(one, SnapshotKind.FACE)

    with pytest.raises(IllegalTransition):
        await decide(one.session, world.ann, Decision.CONFIRMED, "the same")
    with pytest.raises(InvalidInput):
        await decide(one.session, world.ann, Decision.NOT_CONFIRMED, "  ")


# --- evidence ---


async def test_every_view_of_evidence_is_an_event(world):
    one = await world.identified()
    ident = (await world.desk.sessions.view(one.session)).identity.document

    for by in (world.sam, ADMINISTRATOR):
        await world.desk.looks.open(one.session, by, "audit")

    for by in (world.ann, world.sam, ADMINISTRATOR):
        seen = await world.desk.identity.see(ident, by)
        assert seen.id == ident

    last = (await world.entries(one.session))[-3:]
    assert [entry.kind for entry in last] == ["evidence_viewed"] * 3
    assert [entry.actor for entry in last] == [
        f"staff:{by.id}" for by in (world.ann, world.sam, ADMINISTRATOR)
    ]
    assert last[0].data["evidence"] == ident


async def test_a_colleague_does_not_see_it_and_no_view_is_told(world):
    one = await world.identified()
    bob = await builders.add_invigilator(world.desk, "Bob Baker")
    ident = (await world.desk.sessions.view(one.session)).identity.document

    with pytest.raises(NotFound):
        await world.desk.identity.see(ident, bob)
    with pytest.raises(NotFound):
        await world.desk.identity.see("ev_none", world.ann)

    assert "evidence_viewed" not in await world.kinds(one.session)


async def test_a_recording_has_parts_that_begin_and_are_finished_or_lost(world):
    one = await world.checked_in()
    recordings = world.desk.recordings
    first = await recordings.begin(one.session)
    second = await recordings.begin(one.session)
    assert {part.id for part in await recordings.orphans()} == {first.id, second.id}

    await recordings.finish(first, "cd" * 32, 5_000)
    await recordings.lose(second)

    assert await recordings.orphans() == []
    kept = {part.id: part for part in await world.desk.sessions.evidence(one.session)}
    assert (kept[first.id].sha256, kept[first.id].size) == ("cd" * 32, 5_000)
    assert kept[second.id].erased is not None
    kinds = ["recording_started", "recording_started", "recording_finished", "recording_lost"]
    assert (await world.kinds(one.session))[-4:] == kinds


async def test_a_session_that_is_over_is_not_recorded(world):
    one = await world.brought_to(SessionState.ENDED)

    with pytest.raises(NotAllowed):
        await world.desk.recordings.begin(one.session)


# --- incidents and chat ---


async def incident(world, one, by=None, note="A door opened.", picture=None, kind="other.other"):
    return await world.desk.sessions.note_incident(
        one.session,
        by or world.ann,
        category=kind,
        severity=Severity.LOW,
        note=note,
        picture=picture,
    )


async def test_an_incident_is_kept_and_its_note_is_committed_to(world):
    one = await world.admitted()
    picture = await world.picture(one, SnapshotKind.INCIDENT)

    noted = await incident(world, one, picture=picture, kind="environment.noise")

    [kept] = (await world.desk.sessions.view(one.session)).incidents
    assert kept == noted
    assert (kept.by, kept.at, kept.picture) == (world.ann.id, START, picture)
    entry = (await world.entries(one.session))[-1]
    assert entry.data["note"] == "A door opened."
    assert b"door" not in entry.body
    [told] = await world.bodies("session.incident")
    assert (told["data"]["category"], told["data"]["severity"]) == (noted.category, noted.severity)
    assert "door" not in json.dumps(told)


async def test_an_incident_is_refused_without_a_category_or_with_a_long_note(world):
    one = await world.admitted()

    with pytest.raises(InvalidInput, match="category"):
        await incident(world, one, kind="environment.dragons")
    with pytest.raises(InvalidInput, match="note"):
        await incident(world, one, note="x" * (NOTE_LIMIT + 1))


async def test_an_incident_has_no_picture_of_another_session(world):
    other = await builders.book(world.desk, 2, START + 120 * MINUTE)
    one = await world.admitted(1)
    await world.rows(
        "INSERT INTO evidence (id, session, kind, media_type, started)"
        " VALUES ('ev_other', :session, 'incident', 'image/jpeg', 0)",
        session=other.session,
    )

    for picture in ("ev_other", "ev_none"):
        with pytest.raises(InvalidInput):
            await incident(world, one, picture=picture)

    assert await world.count("incident") == 0


async def test_a_line_said_twice_is_kept_once(world):
    one = await world.checked_in()
    say = world.desk.sessions.say

    first = await say(one.session, "learner", " hello ", "c1")
    again = await say(one.session, "learner", "hello", "c1")
    other = await say(one.session, "invigilator", "hello", "c2")

    lines = (await world.desk.sessions.view(one.session)).chat
    assert (again, other) == (first, first + 1)
    assert [(line.seq, line.sender, line.text) for line in lines] == [
        (first, "learner", "hello"),
        (other, "invigilator", "hello"),
    ]
    assert b"hello" not in (await world.entries(one.session))[-1].body


async def test_nothing_is_said_any_more_once_the_session_is_sealed_or_closed(world):
    one = await world.brought_to(SessionState.ENDED)
    say = world.desk.sessions.say
    said = await say(one.session, "learner", "goodbye", "c1")
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)

    with pytest.raises(NotAllowed):
        await say(one.session, "learner", "one more thing", "c2")

    assert await say(one.session, "learner", "goodbye", "c1") == said
    assert (await world.kinds(one.session))[-1] == "attested"


async def test_a_notice_is_the_invigilators_alone_and_kept_once(world):
    one = await world.checked_in()
    say = world.desk.sessions.say

    first = await say(one.session, "invigilator", "Ten minutes left.", "c1", notice=True)
    again = await say(one.session, "invigilator", "Ten minutes left.", "c1", notice=True)
    with pytest.raises(NotAllowed):
        await say(one.session, "learner", "Hear me!", "c2", notice=True)

    assert again == first
    [line] = (await world.desk.sessions.view(one.session)).chat
    assert (line.sender, line.text, line.notice) == ("invigilator", "Ten minutes left.", True)
    entry = (await world.entries(one.session))[-1]
    assert (entry.seq, entry.kind) == (first, "notice")
    assert b"Ten minutes" not in entry.body


async def test_each_source_is_recorded_as_evidence_of_its_own_kind(world):
    one = await world.admitted()
    begin = world.desk.recordings.begin

    kinds = [(await begin(one.session)).kind]
    kinds += [(await begin(one.session, source)).kind for source in Source]

    assert kinds == [
        *("recording", "recording", "screen_recording"),
        *("second_recording", "invigilator_recording", "stills"),
    ]
    assert {one.data["kind"] for one in (await world.entries(one.session))[-6:]} == {*kinds}


async def test_a_sitting_says_whether_a_phone_alone_will_do(world):
    one = await builders.book(world.desk)
    await world.rows("UPDATE assessment SET phone_allowed = :no", no=False)

    view = await world.desk.sessions.view(one.session)

    assert one.phone_allowed is True
    assert view.sitting.phone_allowed is False


@pytest.mark.parametrize("line", ["", "   ", "x" * (CHAT_LIMIT + 1)])
async def test_a_line_has_one_letter_at_least_and_a_limit(world, line):
    one = await world.checked_in()

    with pytest.raises(InvalidInput):
        await world.desk.sessions.say(one.session, "learner", line, "c1")
