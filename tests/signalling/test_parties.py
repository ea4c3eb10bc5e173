"""Who is in a room as what: supervisors, second cameras, and what each gets to see and hear."""

from __future__ import annotations

import json

import pytest

from invigilation.errors import (
    IllegalTransition,
    InvalidInput,
    InvigilationError,
    NotAllowed,
)
from invigilation.inspection import InspectionKind, InspectionResult
from invigilation.people import Role
from invigilation.presence import Source
from invigilation.session import Outcome
from signalling import messages as m
from signalling.forms import FORMS, may_send, parse
from signalling.messages import Party
from signalling.registry import WATCH_LIMIT
from signalling.seat import SHAPES, Person
from signalling.tracks import Track
from tests.builders import BOOKED_AT, CONSENT, book
from tests.harness.waiting import until
from tests.signalling.bodies import BODIES
from tests.signalling.house import open_house

PEOPLE = ("learner", "invigilator", "second", "supervisor")
EVERYBODYS = {
    "session",
    "seq",
    "now",
    "role",
    "state",
    "recording",
    *PEOPLE,
    "assessment",
    "booking",
    "clock",
    "reason",
    "assessment_url",
    "screen_wanted",
    "inspection",
    "chat",
}
LEARNERS = EVERYBODYS | {"capture", "challenge"}
STAFFS = EVERYBODYS | {
    "identity",
    "challenges",
    "rechecks",
    "incidents",
    "inspections",
    "gaps",
    "backend_refused",
    "handover",
    "taken_over",
    "recording_stopped",
    "device",
}
OF_LEARNER = {
    "name",
    "present",
    "camera",
    "microphone",
    "screen",
    "media",
    "link",
    "picture",
    "sound",
    "hand",
    "silent_since",
    "rung",
    "way",
    "keeps",
    "budget",
    "used_kb",
}
SHOWN = {track: track for track in (Track.AUDIO, Track.CAMERA, Track.SCREEN)}
SPOKEN = {track: track for track in (Track.AUDIO, Track.CAMERA)}


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        yield one


@pytest.fixture
async def full(house):
    """A room with everybody in it: learner, invigilator, supervisor and second camera."""
    await house.both_join()
    house.sue = await house.colleague("Sue Supreme", Role.ADMINISTRATOR)
    house.cam = house.camera()
    await house.say(house.sue, m.Join)
    await house.say(house.cam, m.Join)
    return house


def people(house) -> dict[Party, Person]:
    return {
        Party.LEARNER: house.lea,
        Party.INVIGILATOR: house.ann,
        Party.SUPERVISOR: house.sue,
        Party.SECOND: house.cam,
    }


def sent(peer, source) -> dict[Track, Track]:
    """Which of a source's tracks a peer is sent, and as what."""
    return {track: own for track, (whose, own) in peer.sources.items() if whose is source}


# Seats


async def test_everybody_is_told_their_role(full):
    roles = {
        party: (await full.say(person, m.Join))["state"]["role"]
        for party, person in people(full).items()
    }

    assert roles == {party: party.value for party in Party}


async def test_a_supervisor_is_shown_to_all_and_in_the_record(full):
    assert full.inbox.last("lea")["supervisor"]["name"] == "Sue Supreme"
    assert full.inbox.last("ann")["supervisor"]["since"] is not None

    await full.say(full.sue, m.Leave)

    assert full.inbox.last("lea")["supervisor"] is None
    (came,), (went,) = await full.entries("looked_in"), await full.entries("looked_out")
    assert {came.actor, went.actor} == {f"administrator:{full.sue.staff.id}"}


async def test_of_two_administrators_only_one_looks_in_at_a_time(full):
    max_ = await full.colleague("Max Major", Role.ADMINISTRATOR)

    with pytest.raises(NotAllowed):
        await full.say(max_, m.Join)
    await full.say(full.sue, m.Leave)

    assert (await full.say(max_, m.Join))["state"]["role"] == "supervisor"


@pytest.mark.parametrize("role", [Role.INVIGILATOR, Role.SCHEDULER])
async def test_who_is_no_administrator_does_not_look_in(house, role):
    bob = await house.colleague("Bob Baker", role)

    with pytest.raises(NotAllowed):
        await house.say(bob, m.Join)


async def test_a_second_page_of_staff_replaces_the_first_but_does_not_close_it(full):
    again = Person("ann2", staff=full.ann.staff)

    await full.say(again, m.Join)

    assert full.inbox.of("ann", "replaced") == [{"session": full.session}]
    assert full.inbox.dismissed == []


async def test_a_second_camera_replaces_the_one_before_and_closes_it(full):
    await full.say(Person("cam2", Party.SECOND, session=full.session), m.Join)

    assert full.inbox.of("cam", "replaced") == [{"session": full.session}]
    assert full.inbox.dismissed == ["cam"]


async def test_a_second_camera_is_noted_by_its_own_name(full):
    joined = {entry.actor for entry in await full.entries("joined")}

    assert joined == {"learner", f"invigilator:{full.ann.staff.id}", "second_camera"}


async def test_a_connection_watches_so_many_sessions_and_no_more(house):
    rooms = house.rooms
    for number in range(WATCH_LIMIT):
        rooms._rooms[f"se_{number}"] = type("Full", (), {"holds": lambda _self, _sid: True})()
    try:
        with pytest.raises(NotAllowed):
            await house.say(house.ann, m.Join)
    finally:
        rooms._rooms.clear()

    assert (await house.say(house.ann, m.Join))["state"]["role"] == "invigilator"


# What each may do


@pytest.mark.parametrize("party", [*Party])
async def test_each_may_do_what_the_table_says_and_nothing_else(full, party):
    person = people(full)[party]
    refused, passed = set(), set()
    for event in sorted(FORMS, key="leave".__eq__):
        message = parse(event, {"session": full.session, **BODIES[event]})
        try:
            await full.rooms.say(person, message)
        except NotAllowed as refusal:
            if f"do this as {party}" in refusal.action:
                refused.add(event)
        except InvigilationError:
            passed.add(event)
        else:
            passed.add(event)

    assert refused == {event for event in FORMS if not may_send(party, event)}
    assert passed.isdisjoint(refused)


@pytest.mark.parametrize("event", ["take_over", "withdraw_handover"])
async def test_a_learner_takes_nothing_over_from_outside(house, event):
    await house.check_in()

    with pytest.raises(NotAllowed):
        await house.rooms.say(house.lea, parse(event, {"session": house.session}))


# What each sees


async def test_each_is_told_what_is_for_them_and_no_more(full):
    states = {
        party: (await full.say(person, m.Join))["state"] for party, person in people(full).items()
    }

    assert states[Party.LEARNER].keys() == LEARNERS
    assert states[Party.INVIGILATOR].keys() == STAFFS
    assert states[Party.SUPERVISOR].keys() == STAFFS
    for party in (Party.LEARNER, Party.INVIGILATOR, Party.SUPERVISOR):
        figures = set() if party is Party.LEARNER else {"figures", "sees"}
        assert states[party]["learner"].keys() == OF_LEARNER | figures
    second = {"session", "seq", "now", "role", "state", "learner", "recording"}
    assert states[Party.SECOND].keys() == second
    assert states[Party.SECOND]["learner"].keys() == {"name", "present"}


async def test_the_assessments_address_is_for_the_learner_alone(house):
    house.sue = await house.colleague("Sue Supreme", Role.ADMINISTRATOR)
    await house.to_start()
    await house.say(house.camera(), m.Join)
    await house.say(house.sue, m.Join)

    await house.say(house.ann, m.Pause, reason="Fire drill")

    urls = {sid: house.inbox.last(sid).get("assessment_url") for sid in ("lea", "ann", "sue")}
    assert urls.pop("lea") is not None
    assert urls == {"ann": None, "sue": None}
    assert "https" not in json.dumps(house.inbox.last("cam"))


async def test_a_second_camera_is_told_only_of_what_it_is_shown(full):
    before = len(full.inbox.of("cam"))
    await full.say(full.lea, m.Chat, text="Hello", client_id="client-0001")
    words = len(full.inbox.of("cam"))

    await full.say(full.lea, m.Leave)

    assert words == before
    assert full.inbox.last("cam")["learner"]["present"] is False


# Who hears and sees whom


async def test_the_learner_hears_the_invigilator_and_staff_see_the_learner(full):
    lea, cam = await full.media(full.lea), await full.media(full.cam)
    sue, ann = await full.media(full.sue), await full.media(full.ann)

    assert lea.sources == {track: (ann, track) for track in SPOKEN}
    for peer in (ann, sue):
        assert sent(peer, lea) == SHOWN
        assert sent(peer, cam) == {Track.SECOND: Track.CAMERA}
        assert {whose for whose, _ in peer.sources.values()} == {lea, cam}
    assert cam.sources == {}
    assert full.inbox.last("lea")["second"] == {"present": True, "media": "live"}


async def test_offers_are_answered_by_the_kind_of_person(full):
    shapes = {}
    for party, person in people(full).items():
        shapes[party] = (await full.media(person)).shape

    assert shapes == SHAPES


async def test_who_leaves_is_sent_nothing_and_sends_nothing(full):
    lea, sue = await full.media(full.lea), await full.media(full.sue)
    cam, ann = await full.media(full.cam), await full.media(full.ann)

    await full.say(full.cam, m.Leave)
    await full.say(full.sue, m.Leave)

    assert {whose for whose, _ in ann.sources.values()} == {lea}
    await until(lambda: cam.closed.is_set() and sue.closed.is_set(), 5, "their peers to close")


async def test_before_check_in_a_second_camera_sends_nothing(house):
    await house.say(house.camera(), m.Join)

    with pytest.raises(NotAllowed):
        await house.say(house.camera(), m.Offer, sdp="v=0")


async def test_learners_with_one_invigilator_never_get_anything_of_one_another(house):
    now = house.scene.clock.now()
    house.scene.clock.go_to(BOOKED_AT)
    other = await book(house.scene.desk, 2)
    house.scene.clock.go_to(now)
    await house.scene.desk.sessions.check_in(other.session, CONSENT)
    max_ = Person("max", Party.LEARNER, session=other.session)
    await house.both_join()
    await house.rooms.say(max_, m.Join(other.session))
    state = (await house.rooms.say(house.ann, m.Join(other.session)))["state"]
    own = {await house.media(house.lea), await house.media(house.ann)}
    for person in (max_, house.ann):
        await house.rooms.say(person, m.Offer(other.session, "v=0"))
        house.peers.made[-1].connected.set()
        house.peers.made[-1].send()
    theirs = {*house.peers.made} - own
    await until(lambda: all(peer.sources for peer in theirs), 5, "the other room's media")

    await house.say(house.lea, m.Chat, text="Only mine", client_id="client-0001")

    for room in (own, theirs):
        assert {whose for peer in room for whose, _ in peer.sources.values()} == room
    assert state["role"] == "invigilator"
    assert "Only mine" not in json.dumps(house.inbox.of("max"))
    assert {body["session"] for body in house.inbox.of("max")} <= {other.session}


# Recordings


async def test_each_source_is_recorded_into_files_of_its_own(full):
    lea, cam = await full.media(full.lea), await full.media(full.cam)
    ann = await full.media(full.ann)
    without = [one.part.kind for one in full.evidence.recordings]
    lea.send(Track.SCREEN)
    await full.tick(1)

    fed = {source: full.evidence.of(source)[0] for source in Source if source != Source.STILLS}
    assert Source.SCREEN.value not in without
    assert lea.sinks == [
        (fed[Source.CAMERA], Track.CAMERA, Track.AUDIO),
        (fed[Source.SCREEN], Track.SCREEN, None),
    ]
    assert cam.sinks == [(fed[Source.SECOND], Track.CAMERA, None)]
    assert ann.sinks == [(fed[Source.INVIGILATOR], None, Track.AUDIO)]
    assert [one.part.kind for one in full.evidence.recordings].count("recording") == 1


async def test_a_supervisor_is_not_recorded(full):
    sue = await full.media(full.sue)
    await full.tick(1)

    assert sue.sinks == []
    assert full.evidence.recordings == []


async def test_every_recording_is_complete_before_the_session_is_attested(house):
    cam = house.camera()
    peer = await house.to_start()
    await house.say(cam, m.Join)
    await house.media(cam)
    await house.media(house.ann)
    peer.send(Track.SCREEN)
    await house.tick(1)
    await house.say(house.ann, m.End)

    await house.say(
        house.ann, m.Attest, statement="I watched the whole sitting.", outcome=Outcome.COMPLETED
    )

    kinds = await house.kinds()
    assert kinds.count("recording_finished") == kinds.count("recording_started") == 4
    last = len(kinds) - 1 - kinds[::-1].index("recording_finished")
    assert last < kinds.index("attested")


async def test_recording_is_said_only_while_all_that_comes_is_recorded(full):
    await full.media(full.lea)
    whole = full.inbox.last("ann")["recording"]
    full.evidence.full = True
    await full.media(full.cam)
    part = full.inbox.last("ann")["recording"]
    full.evidence.full = False
    await full.tick(11)

    assert (whole, part, full.inbox.last("ann")["recording"]) == (True, False, True)


# What they want of one another


async def test_a_raised_hand_is_seen_and_the_invigilator_lowers_it(full):
    await full.say(full.lea, m.Hand, raised=True)
    raised = full.inbox.last("ann")["learner"]["hand"]
    with pytest.raises(NotAllowed):
        await full.say(full.ann, m.Hand, raised=True)
    await full.say(full.ann, m.Hand, raised=False)
    await full.say(full.ann, m.Hand, raised=False)

    assert raised == full.inbox.last("lea")["now"]
    assert full.inbox.last("lea")["learner"]["hand"] is None
    assert len(await full.entries("hand_raised")) == 1
    (lowered,) = await full.entries("hand_lowered")
    assert lowered.actor == f"invigilator:{full.ann.staff.id}"


async def test_a_notice_is_a_line_that_says_so(full):
    await full.say(full.ann, m.Notice, text="Ten minutes are left", client_id="client-0001")

    (line,) = full.inbox.last("lea")["chat"]
    assert (line["from"], line["text"], line["notice"]) == (
        "invigilator",
        "Ten minutes are left",
        True,
    )


async def test_an_inspection_is_asked_for_done_and_judged(full):
    asked = await full.say(full.ann, m.AskInspection, kind=InspectionKind.ROOM_SCAN)
    with pytest.raises(NotAllowed):
        await full.say(full.ann, m.AskInspection, kind=InspectionKind.IDENTITY)
    open_ = full.inbox.last("lea")["inspection"]
    await full.say(full.lea, m.Done, inspection=asked["inspection"])
    done = full.inbox.last("ann")["inspection"]
    await full.say(
        full.ann,
        m.Judge,
        inspection=asked["inspection"],
        result=InspectionResult.SATISFIED,
        note="All clear",
    )

    assert (open_["kind"], open_["done_at"]) == ("room_scan", None)
    assert done["done_at"] is not None
    assert full.inbox.last("lea")["inspection"] is None
    (one,) = full.inbox.last("ann")["inspections"]
    assert (one["result"], one["note"]) == ("satisfied", "All clear")


async def test_a_screen_is_asked_for_shared_and_ended(full):
    await full.say(full.ann, m.ShareScreen, wanted=True)
    wanted = full.inbox.last("lea")["screen_wanted"]
    sharing = {"camera": True, "microphone": True}
    await full.say(full.lea, m.Media, **sharing, screen=True)
    await full.say(full.lea, m.Media, **sharing, screen=True)
    shared = full.inbox.last("ann")["learner"]["screen"]
    await full.say(full.ann, m.ShareScreen, wanted=False)
    await full.say(full.lea, m.Leave)

    assert (wanted, shared) == (True, True)
    assert full.inbox.last("ann")["screen_wanted"] is False
    kinds = [kind for kind in await full.kinds() if kind.startswith("screen_")]
    assert kinds == ["screen_asked", "screen_shared", "screen_ended"]


async def test_what_the_desk_refuses_is_refused(full):
    with pytest.raises(IllegalTransition):
        await full.say(full.ann, m.End)
    with pytest.raises(InvalidInput):
        await full.say(full.ann, m.HandOver, to="st_nobody")
