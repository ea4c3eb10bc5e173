"""A room without sockets: real desk and database, doubles for peers, evidence and connections."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from invigilation.errors import Busy, IllegalTransition, InvalidInput, NotAllowed, NotFound
from invigilation.identity import Decision, SnapshotKind
from invigilation.incident import Severity
from invigilation.session import Outcome
from invigilation.slots import Leave
from signalling import actor as actor_module
from signalling import messages as m
from signalling.commands import Internal, Look, NoCamera, Tick, TooSlow
from signalling.messages import Party
from signalling.peer import MediaSettings, Peer
from signalling.requests import ENTRIES_A_SECOND, ENTRIES_AT_ONCE
from signalling.room import IDLE_S
from signalling.sdp import SdpRefused
from signalling.seat import Person
from signalling.tracks import LEARNER, Track
from tests.builders import URL, add_invigilator, book
from tests.harness.waiting import until
from tests.signalling.doubles import FakePeer
from tests.signalling.house import open_house, source

STATEMENT = "I watched the whole sitting and saw nothing unusual."


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        yield one


# Coming and going


async def test_join_answers_with_the_whole_state_tailored_to_the_side(house):
    await house.check_in()

    learner = (await house.say(house.lea, m.Join))["state"]
    invigilator = (await house.say(house.ann, m.Join))["state"]

    assert learner["role"] == "learner"
    assert "identity" not in learner
    assert "incidents" not in learner
    assert invigilator["role"] == "invigilator"
    assert invigilator["identity"]["state"] == "open"
    assert invigilator["learner"] == {
        "name": "Lea Learner 1",
        "present": True,
        "camera": False,
        "microphone": False,
        "screen": False,
        "media": "none",
        "link": "none",
        "picture": "none",
        "sound": "none",
        "hand": None,
        "silent_since": None,
        "rung": None,
        "way": None,
        "keeps": False,
        "budget": None,
        "used_kb": None,
        "figures": None,
        "sees": False,
    }
    assert house.inbox.last("lea")["invigilator"]["present"] is True


async def test_the_joiner_is_not_sent_twice_what_the_answer_holds(house):
    await house.say(house.lea, m.Join)

    assert house.inbox.of("lea") == []


async def test_an_invigilator_whose_session_was_moved_to_a_colleague_is_let_go(house):
    desk, clock = house.scene.desk, house.scene.clock
    bob = await add_invigilator(desk, "Bob Bower")
    await house.say(house.ann, m.Join)
    later = clock.now() + timedelta(hours=1)
    later = later.replace(minute=0)
    async with desk.office.store.write() as tx:
        leave = Leave(house.scene.ann.id, later, later + timedelta(hours=4))
        await tx.rota.add_leave("lv_later", leave)

    await desk.bookings.move(house.scene.sitting.booking, later, by_staff=True)
    house.room.look()
    await house.room.do(Tick())

    assert house.room._stage[Party.INVIGILATOR].person is None
    with pytest.raises(NotAllowed):
        await house.say(house.ann, m.Offer, sdp="v=0")
    await house.say(Person("bob", staff=bob), m.Join)


async def test_a_colleague_may_not_enter_and_the_room_does_not_stay(house):
    bob = await add_invigilator(house.scene.desk, "Bob Baker")

    with pytest.raises(NotAllowed):
        await house.say(Person("bob", staff=bob), m.Join)

    await until(lambda: len(house.rooms) == 0, 5, "the room to close")


async def test_a_learner_may_not_enter_another_session(house):
    other = Person("eve", Party.LEARNER, session="se_other")

    with pytest.raises(NotAllowed):
        await house.say(other, m.Join)


async def test_a_session_that_does_not_exist_leaves_no_room_open(house):
    with pytest.raises(NotFound):
        await house.rooms.say(house.ann, m.Join("se_nothing"))

    await until(lambda: len(house.rooms) == 0, 5, "the room to close")


async def test_nothing_can_be_said_before_joining(house):
    with pytest.raises(NotAllowed):
        await house.say(house.lea, m.Chat, text="hello", client_id="c-000001")


async def test_a_newer_connection_takes_over_and_the_older_is_told(house):
    await house.say(house.lea, m.Join)
    newer = Person("lea2", Party.LEARNER, session=house.session)

    await house.say(newer, m.Join)

    assert house.inbox.of("lea", "replaced") == [{"session": house.session}]
    assert house.inbox.dismissed == ["lea"]
    with pytest.raises(NotAllowed):
        await house.say(house.lea, m.Media, camera=True, microphone=True, screen=False)


async def test_a_short_loss_of_the_socket_is_not_in_the_record(house):
    await house.say(house.lea, m.Join)
    house.rooms.gone("lea")
    await house.tick(4)

    await house.say(Person("lea2", Party.LEARNER, session=house.session), m.Join)
    await house.tick(10)

    assert [k for k in await house.kinds() if k in {"joined", "left"}] == ["joined"]


async def test_who_stays_away_has_left_in_the_record(house):
    await house.say(house.lea, m.Join)
    house.rooms.gone("lea")

    await house.tick(5)

    assert [k for k in await house.kinds() if k in {"joined", "left"}] == ["joined", "left"]


async def test_a_lost_socket_is_seen_at_once_by_the_other_side(house):
    await house.both_join()

    house.rooms.gone("lea")
    await house.room.do(Look())

    assert house.inbox.last("ann")["learner"]["present"] is False


async def test_a_join_that_is_overtaken_by_its_own_disconnection_seats_nobody(house):
    await house.say(house.ann, m.Join)
    house.rooms.gone("lea")

    with pytest.raises(NotAllowed):
        await house.say(house.lea, m.Join)

    assert house.rooms.glimpse(house.session).since is None


async def test_leaving_closes_media_and_is_recorded_at_once(house):
    await house.both_join()
    peer = await house.media(house.lea)

    await house.say(house.lea, m.Leave)

    assert (await house.kinds())[-1] == "left"
    await until(peer.closed.is_set, 5, "the peer to be closed")


async def test_joining_in_the_time_of_check_in_notes_that_the_invigilator_is_ready(house):
    await house.say(house.ann, m.Join)

    assert "invigilator_ready" in await house.kinds()


async def test_joining_too_early_does_not_note_it(house):
    house.scene.clock.go(-3600)

    await house.say(house.ann, m.Join)

    assert "invigilator_ready" not in await house.kinds()


async def test_an_empty_room_stays_for_a_while_and_then_closes(house):
    await house.both_join()
    peer = await house.media(house.lea)
    for sid in ("lea", "ann"):
        house.rooms.gone(sid)

    await house.tick(IDLE_S - 1)
    stays = len(house.rooms)
    await house.tick(2)
    await until(lambda: len(house.rooms) == 0, 5, "the room to close")

    assert stays == 1
    assert peer.closed.is_set()


async def test_a_new_room_opens_after_an_idle_one_has_closed(house):
    await house.say(house.lea, m.Join)
    house.rooms.gone("lea")
    room = house.room
    house.scene.clock.go(IDLE_S + 1)
    tick = asyncio.ensure_future(room.do(Tick()))

    again = await house.say(Person("lea2", Party.LEARNER, session=house.session), m.Join)
    await tick

    assert again["state"]["learner"]["present"] is True


# Media


async def test_both_ways_are_forwarded_once_both_peers_are_up(house):
    await house.both_join()

    lea = await house.media(house.lea)
    alone = lea.sources
    ann = await house.media(house.ann)

    assert alone == {}
    assert lea.sources == {track: (ann, track) for track in (Track.AUDIO, Track.CAMERA)}
    shown = (Track.AUDIO, Track.CAMERA, Track.SCREEN)
    assert ann.sources == {track: (lea, track) for track in shown}


async def test_a_newer_peer_replaces_the_older_only_once_it_is_up(house):
    await house.both_join()
    ann, older = await house.media(house.ann), await house.media(house.lea)
    await house.say(house.lea, m.Offer, sdp="v=0 again")
    during = source(ann), older.closed.is_set()

    newer = house.peers.made[-1]
    newer.connected.set()
    await until(older.closed.is_set, 5, "the older peer to be closed")

    assert during == (older, False)
    assert (source(ann), source(newer)) == (newer, ann)


async def test_of_two_peers_that_never_came_up_only_the_newer_is_awaited(house):
    await house.both_join()
    await house.say(house.lea, m.Offer, sdp="one")
    first = house.peers.made[-1]

    await house.say(house.lea, m.Offer, sdp="two")

    await until(first.closed.is_set, 5, "the first peer to be closed")
    assert not house.peers.made[-1].closed.is_set()


async def test_a_peer_that_ends_is_no_longer_forwarded_to(house):
    await house.both_join()
    lea, ann = await house.media(house.lea), await house.media(house.ann)

    await lea.close()

    await until(lambda: ann.sources == {}, 5, "forwarding to end")


async def test_an_offer_that_cannot_be_used_is_refused_and_the_room_lives_on(house):
    await house.both_join()

    with pytest.raises(SdpRefused):
        await house.say(house.lea, m.Offer, sdp="nonsense")

    assert await house.say(house.lea, m.Offer, sdp="v=0") == {"sdp": "answer to v=0"}


async def test_before_check_in_the_learner_sends_no_media(house):
    await house.say(house.lea, m.Join)

    with pytest.raises(NotAllowed):
        await house.say(house.lea, m.Offer, sdp="v=0")


async def test_the_state_says_whether_media_come(house):
    await house.both_join()
    none = house.inbox.last("lea")["learner"]["media"]
    await house.media(house.lea)
    live = house.inbox.last("ann")["learner"]["media"]
    await house.tick(5)

    assert (none, live, house.inbox.last("ann")["learner"]["media"]) == ("none", "live", "silent")


async def test_what_a_side_says_it_sends_is_in_the_state(house):
    await house.both_join()

    await house.say(house.lea, m.Media, camera=True, microphone=False, screen=False)

    learner = house.inbox.last("ann")["learner"]
    assert (learner["camera"], learner["microphone"]) == (True, False)


# The recording


async def test_recording_begins_with_the_first_media_and_follows_the_newer_peer(house):
    await house.both_join()
    before = list(house.evidence.recordings)
    first = await house.media(house.lea)
    (recording,) = house.evidence.recordings
    second = await house.media(house.lea)

    assert before == []
    assert house.evidence.recordings == [recording]
    assert first.sinks == []
    assert second.sinks == [(recording, Track.CAMERA, Track.AUDIO)]
    assert house.inbox.last("lea")["recording"] is True


@pytest.mark.parametrize("how", ["refuse", "stop", "end"])
async def test_the_recording_is_complete_once_the_session_is_over(house, how):
    if how == "refuse":
        await house.both_join()
        peer = await house.media(house.lea)
        await house.say(house.ann, m.Refuse, reason="Not this person")
    else:
        peer = await house.to_start()
        done = {"stop": (m.Stop, {"reason": "Fire alarm"}), "end": (m.End, {})}[how]
        await house.say(house.ann, done[0], **done[1])
    (recording,) = house.evidence.recordings
    await until(lambda: recording.finished == 1, 5, "the recording to be complete")
    await until(lambda: not house.inbox.last("lea")["recording"], 5, "the state to say so")

    assert peer.sinks == []


async def test_attesting_waits_for_the_recording(house, monkeypatch):
    house.evidence.slow = asyncio.Event()
    await house.to_start()
    await house.say(house.ann, m.End)
    monkeypatch.setattr(actor_module, "COMMAND_S", 0.2)
    with pytest.raises(TooSlow):
        await house.say(house.ann, m.Attest, statement=STATEMENT, outcome=Outcome.COMPLETED)
    monkeypatch.setattr(actor_module, "COMMAND_S", 7.5)

    house.evidence.slow.set()
    await house.say(house.ann, m.Attest, statement=STATEMENT, outcome=Outcome.COMPLETED)

    kinds = await house.kinds()
    assert kinds.index("recording_finished") < kinds.index("attested")


async def test_a_full_disk_stops_no_session(house):
    house.evidence.full = True
    await house.both_join()
    await house.media(house.lea)
    without = house.inbox.last("lea")["recording"]
    house.evidence.full = False
    await house.tick(11)

    assert without is False
    assert house.inbox.last("lea")["recording"] is True


async def test_a_recording_that_the_disk_has_stopped_is_ended_and_said_and_begun_anew(house):
    await house.both_join()
    peer = await house.media(house.lea)
    (first,) = house.evidence.recordings
    house.evidence.full = first.broken = True
    await house.tick(1)
    await until(lambda: not house.inbox.last("ann")["recording"], 5, "the state to say so")
    stopped = (first.finished, [*peer.sinks])
    house.evidence.full = False
    await house.tick(11)

    assert stopped == (1, [])
    _, second = house.evidence.recordings
    assert [sink for sink, _, _ in peer.sinks] == [second]
    assert house.inbox.last("ann")["recording"] is True


async def test_draining_completes_the_recording_and_closes_the_media(house):
    await house.both_join()
    peer = await house.media(house.lea)

    await house.rooms.drain()

    assert house.evidence.recordings[0].finished == 1
    assert peer.closed.is_set()
    assert sorted((await house.kinds())[-3:]) == ["left", "left", "recording_finished"]
    with pytest.raises(Busy):
        await house.say(house.lea, m.Join)


# Words, pictures, incidents


async def test_chat_reaches_both_and_a_repeat_is_one_line(house):
    await house.both_join()

    first = await house.say(house.lea, m.Chat, text="Hello", client_id="c-000001")
    again = await house.say(house.lea, m.Chat, text="Hello", client_id="c-000001")

    assert first == again
    lines = house.inbox.last("ann")["chat"]
    assert [(line["from"], line["text"]) for line in lines] == [("learner", "Hello")]


async def test_a_state_holds_the_newest_lines_that_fit_a_slow_link(house):
    await house.both_join()

    for number in range(15):
        text = f"{number:02}" + "x" * 1_998
        await house.say(house.lea, m.Chat, text=text, client_id=f"c-{number:06}")

    lines = [line["text"][:2] for line in house.inbox.last("ann")["chat"]]
    assert lines == [f"{number:02}" for number in range(3, 15)]


async def test_a_snapshot_is_taken_kept_and_shown_to_the_invigilator_alone(house):
    await house.both_join()
    await house.media(house.lea)

    answer = await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)

    assert answer["width"] == 640
    assert answer["height"] == 480
    assert house.inbox.last("ann")["identity"]["face"] == answer["evidence"]
    assert "identity" not in house.inbox.last("lea")


async def test_without_a_camera_a_snapshot_is_refused_in_plain_words(house):
    await house.both_join()

    with pytest.raises(NoCamera):
        await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)


async def test_a_slow_picture_holds_nobody_up_and_a_second_one_is_refused(house):
    await house.both_join()
    peer = await house.media(house.lea)
    peer.hold = asyncio.Event()
    first = asyncio.ensure_future(house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE))
    await asyncio.sleep(0)

    line = await house.say(house.lea, m.Chat, text="Still here", client_id="c-000001")
    with pytest.raises(Busy):
        await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)
    peer.hold.set()

    assert line["seq"] > 0
    assert "evidence" in await first


async def test_an_incident_is_noted_with_its_picture(house):
    await house.to_start()

    answer = await house.say(
        house.ann,
        m.NoteIncident,
        category="environment.noise",
        severity=Severity.LOW,
        note="Engine room",
        picture=True,
    )

    (incident,) = house.inbox.last("ann")["incidents"]
    assert incident["id"] == answer["incident"]
    assert incident["picture"] is not None
    assert house.evidence.pictures[-1][0] is SnapshotKind.INCIDENT


async def test_an_incident_is_noted_even_when_no_picture_can_be_had(house):
    peer = await house.to_start()
    peer.frame = None

    await house.say(
        house.ann,
        m.NoteIncident,
        category="technical.freezing",
        severity=Severity.HIGH,
        note="",
        picture=True,
    )

    assert house.inbox.last("ann")["incidents"][0]["picture"] is None


# The whole way


async def test_the_assessment_is_released_to_the_learner_from_admission_to_the_end(house):
    await house.both_join()
    before = house.inbox.last("lea")["assessment_url"]
    await house.media(house.lea)
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        await house.say(house.ann, m.Snapshot, kind=kind)
    await house.say(house.ann, m.DecideIdentity, decision=Decision.CONFIRMED, reason="Same person")
    await house.say(house.ann, m.Admit)
    admitted = house.inbox.last("lea"), house.inbox.last("ann")
    house.scene.clock.go(600)
    await house.say(house.ann, m.Pause, reason="Fire drill")
    paused = house.inbox.last("lea")
    await house.say(house.ann, m.Resume)
    await house.say(house.ann, m.End)
    await house.say(house.ann, m.Attest, statement=STATEMENT, outcome=Outcome.COMPLETED)

    assert before is None
    assert [state["assessment_url"] for state in admitted] == [URL, None]
    assert (paused["state"], paused["reason"], paused["assessment_url"]) == (
        "paused",
        "Fire drill",
        URL,
    )
    assert paused["clock"]["remaining_s"] == 80 * 60
    assert paused["clock"]["running"] is False
    last = house.inbox.last("lea")
    assert (last["state"], last["assessment_url"]) == ("attested", None)
    seqs = [state["seq"] for state in house.inbox.of("lea")]
    assert seqs == sorted(seqs)


async def test_more_time_reaches_the_learners_clock(house):
    await house.to_start()
    before = house.inbox.last("lea")["clock"]["remaining_s"]

    await house.say(house.ann, m.ExtraTime, minutes=10)

    assert house.inbox.last("lea")["clock"]["remaining_s"] == before + 10 * 60
    assert (await house.kinds())[-1] == "extra_time"


async def test_a_decision_taken_back_asks_for_the_pictures_anew(house):
    await house.both_join()
    await house.media(house.lea)
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        await house.say(house.ann, m.Snapshot, kind=kind)
    await house.say(house.ann, m.DecideIdentity, decision=Decision.CONFIRMED, reason="Same person")

    await house.say(house.ann, m.ReopenIdentity)

    state = house.inbox.last("ann")
    identity = state["identity"]
    assert (state["state"], identity["state"]) == ("checked_in", "open")
    assert (identity["document"], identity["face"], identity["decision"]) == (None, None, None)


async def test_what_does_not_apply_now_is_refused_and_changes_nothing(house):
    await house.both_join()

    with pytest.raises(IllegalTransition):
        await house.say(house.ann, m.Admit)
    with pytest.raises(InvalidInput):
        await house.say(house.ann, m.Refuse, reason="   ")

    assert (await house.say(house.lea, m.Join))["state"]["state"] == "checked_in"


async def test_a_change_from_outside_reaches_the_room(house):
    await house.say(house.ann, m.Join)
    await house.check_in()

    await house.tick(3)

    assert house.inbox.last("ann")["state"] == "checked_in"


async def test_two_rooms_know_nothing_of_each_other(house):
    house.scene.clock.go(-3 * 86_400)
    second = await book(house.scene.desk, 2)
    house.scene.clock.go(3 * 86_400)
    max_ = Person("max", Party.LEARNER, session=second.session)
    await house.both_join()
    await house.rooms.say(max_, m.Join(second.session))
    heard = len(house.inbox.of("max"))

    await house.say(house.lea, m.Chat, text="Hello", client_id="c-000001")
    state = (await house.rooms.say(max_, m.Join(second.session)))["state"]

    assert len(house.inbox.of("max")) == heard
    assert state["chat"] == []
    assert state["invigilator"]["present"] is False


# Limits and faults


async def test_a_full_mailbox_is_busy_and_the_room_goes_on(house):
    await house.say(house.lea, m.Join)
    waiting = [
        asyncio.ensure_future(
            house.say(house.lea, m.Media, camera=True, microphone=True, screen=False)
        )
        for _ in range(actor_module.MAILBOX_LIMIT + 5)
    ]

    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert sum(isinstance(answer, Busy) for answer in answers) == 5
    assert await house.say(house.lea, m.Media, camera=True, microphone=True, screen=False) == {}


async def test_commands_are_done_in_the_order_of_their_coming(house):
    await house.both_join()
    texts = [f"line {number}" for number in range(20)]

    await asyncio.gather(
        *(house.say(house.lea, m.Chat, text=text, client_id=f"client-{text[5:]}") for text in texts)
    )

    assert [line["text"] for line in house.inbox.last("ann")["chat"]] == texts


async def test_a_command_that_hangs_is_given_up_and_the_room_goes_on(house, monkeypatch):
    await house.both_join()
    monkeypatch.setattr(actor_module, "COMMAND_S", 0.05)
    answer = house.peers.answer
    monkeypatch.setattr(house.peers, "answer", lambda *_: asyncio.Event().wait())

    with pytest.raises(TooSlow):
        await house.say(house.lea, m.Offer, sdp="v=0")
    monkeypatch.setattr(actor_module, "COMMAND_S", 7.5)
    monkeypatch.setattr(house.peers, "answer", answer)

    assert "sdp" in await house.say(house.lea, m.Offer, sdp="v=0")


async def test_a_fault_is_answered_in_plain_words_and_the_room_goes_on(house, monkeypatch):
    await house.both_join()
    answer = house.peers.answer

    async def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(house.peers, "answer", broken)
    with pytest.raises(Internal):
        await house.say(house.lea, m.Offer, sdp="v=0")
    monkeypatch.setattr(house.peers, "answer", answer)

    assert "sdp" in await house.say(house.lea, m.Offer, sdp="v=0")


async def test_a_change_that_a_lobby_shows_tells_whose_lobby_it_is(house):
    await house.say(house.lea, m.Join)
    came = list(house.lobbies)
    await house.say(house.lea, m.Chat, text="Hello", client_id="c-000001")
    said = list(house.lobbies)

    await house.say(house.lea, m.Leave)

    ann = house.scene.ann.id
    assert (came, said, house.lobbies) == ([ann], [ann], [ann, ann])


async def test_the_double_of_a_peer_has_all_that_a_real_one_has(house):
    real = {name for name in dir(Peer(LEARNER, MediaSettings())) if not name.startswith("_")}

    double = {*dir(FakePeer(house.scene.clock))}

    assert real - {"answer"} <= double


async def test_a_learner_cannot_fill_their_record(house):
    await house.both_join()
    refused = 0
    for number in range(100):
        try:
            await house.say(house.lea, m.Hand, raised=number % 2 == 0)
        except Busy:
            refused += 1
    entries = [kind for kind in await house.kinds() if kind.startswith("hand_")]
    house.scene.clock.go(2 / ENTRIES_A_SECOND)

    await house.say(house.lea, m.Chat, text="I am still here", client_id="client-0001")

    assert len(entries) <= ENTRIES_AT_ONCE
    assert refused >= 100 - ENTRIES_AT_ONCE
    await house.say(house.ann, m.Chat, text="So am I", client_id="client-0002")


async def test_who_comes_back_is_told_only_the_lines_that_they_do_not_have(house):
    await house.both_join()
    for number in (1, 2, 3):
        said = await house.say(
            house.ann, m.Chat, text=f"Line {number}", client_id=f"client-000{number}"
        )
        if number == 1:
            since = said["seq"]

    state = (await house.say(house.lea, m.Join, since=since))["state"]

    assert [line["text"] for line in state["chat"]] == ["Line 2", "Line 3"]
    assert len((await house.say(house.lea, m.Join))["state"]["chat"]) == 3
