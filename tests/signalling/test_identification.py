"""What the room does for the identity check: faces by itself, and what comes from pages."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from invigilation.challenge import ChallengeResult
from invigilation.consent import Purpose
from invigilation.desk.identity import Seen
from invigilation.desk.office import LEARNER, new_id
from invigilation.document import DocumentKind, Fields, Reading, Source
from invigilation.errors import Busy, InvalidInput, NotAllowed
from invigilation.identity import Decision, SnapshotKind
from invigilation.inspection import InspectionKind, InspectionResult
from invigilation.presence import Sight
from invigilation.recheck import RecheckResult
from invigilation.store.evidence import Evidence
from signalling import messages as m
from signalling.capture import Progress, Side
from signalling.commands import Looked, NoCamera, Tick
from signalling.identification import (
    BACK_WAITED_S,
    FACE_AFTER_S,
    FACE_RETRY_S,
    LABELS,
    PROGRESS_KEPT_S,
)
from signalling.rechecking import LATEST, RETRY_S
from tests.harness.waiting import until
from tests.signalling.house import open_house


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        yield one


async def shown(house, kind=DocumentKind.PASSPORT, side=SnapshotKind.ID_DOCUMENT) -> str:
    """The learner's page has sent a picture of the document."""
    now, ident = house.scene.clock.now(), new_id("ev")
    digest = hashlib.sha256(ident.encode()).hexdigest()
    picture = Evidence(ident, house.session, side.value, "image/jpeg", now, digest, 9, None)
    await house.scene.desk.identity.record(house.session, None, Seen(side, picture, document=kind))
    at = Side.BACK if side is SnapshotKind.ID_BACK else Side.FRONT
    house.rooms.captured(house.session, at, kind)
    await house.room.do(Tick())
    return ident


def state(house, who="ann") -> dict:
    return house.inbox.last(who)


async def later(house, peer, seconds: float) -> None:
    """Let time pass, at the end of which the learner's picture comes."""
    house.scene.clock.go(seconds)
    peer.send()
    await house.room.do(Tick())


async def settled(house) -> None:
    """Wait until no picture is being taken, and what was taken is told."""
    await until(lambda: not house.room._darkroom.busy, 5, "the picture to be taken")
    await house.room.do(Tick())


async def faces(house) -> int:
    return [kind for kind, _ in house.evidence.pictures].count(SnapshotKind.FACE)


# The face by itself


async def test_the_face_is_taken_when_the_document_was_put_down(house):
    await house.both_join()
    peer = await house.media(house.lea)
    document = await shown(house)

    await house.tick(FACE_AFTER_S - 0.5)
    early = await faces(house)
    await later(house, peer, 0.5)
    await settled(house)

    check = state(house)["identity"]
    assert early == 0
    assert (check["document"], check["state"]) == (document, "both_seen")
    assert check["face"] == house.evidence.studied[-1].id
    taken = (await house.entries("snapshot"))[-1]
    assert (taken.actor, taken.data["kind"]) == ("service", "face")


async def test_no_second_face_is_taken_and_none_without_a_document(house):
    await house.both_join()
    peer = await house.media(house.lea)
    for _ in range(3):
        await later(house, peer, FACE_RETRY_S)
    without = await faces(house)
    await shown(house)
    for _ in range(5):
        await later(house, peer, FACE_RETRY_S)
        await settled(house)

    assert (without, await faces(house)) == (0, 1)


async def test_a_face_that_could_not_be_had_is_tried_again(house):
    await house.both_join()
    peer = await house.media(house.lea)
    peer.frame = None
    await shown(house)
    await later(house, peer, FACE_AFTER_S)
    await settled(house)
    peer.frame = b"key frame"

    await later(house, peer, FACE_RETRY_S)
    await settled(house)

    assert state(house)["identity"]["state"] == "both_seen"


async def test_nothing_is_taken_while_no_picture_comes(house):
    await house.both_join()
    await house.media(house.lea)
    await shown(house)

    for _ in range(3):
        await house.tick(FACE_RETRY_S)

    assert await faces(house) == 0


async def test_a_cards_back_comes_before_the_face_or_is_waited_for_so_long(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await shown(house, DocumentKind.IDENTITY_CARD)
    await later(house, peer, FACE_RETRY_S)
    wanted = state(house, "lea")["capture"]
    early = await faces(house)

    await later(house, peer, BACK_WAITED_S - FACE_RETRY_S)
    await settled(house)

    assert wanted == {"wanted": True, "sides": ["back"], "kind": "identity_card"}
    assert (early, await faces(house)) == (0, 1)


async def test_the_rooms_own_picture_gives_way_to_the_invigilators(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await shown(house)
    peer.hold = asyncio.Event()
    peer.wider_than.clear()
    await later(house, peer, FACE_AFTER_S)
    await until(lambda: len(peer.wider_than) == 1, 5, "the room to begin")

    asked = asyncio.create_task(house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE))
    await until(lambda: len(peer.wider_than) == 2, 5, "the invigilator's to begin")
    with pytest.raises(Busy):
        await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)
    peer.hold.set()
    answer = await asked

    assert answer["evidence"] == state(house)["identity"]["face"]
    assert await faces(house) == 1
    assert (await house.entries("snapshot"))[-1].actor.startswith("invigilator:")


# What comes from the learner's page


async def test_progress_is_shown_to_staff_and_the_learner_is_not_told_of_it(house):
    await house.both_join()
    told = len(house.inbox.of("lea"))

    house.rooms.progress(house.session, Progress(Side.FRONT, 1000, 90_000))
    await house.room.do(Tick())

    assert state(house)["identity"]["capture"] == {"side": "front", "done": 1000, "total": 90_000}
    assert len(house.inbox.of("lea")) == told
    await house.tick(PROGRESS_KEPT_S)
    assert state(house)["identity"]["capture"] is None


async def test_progress_ends_with_the_picture(house):
    await house.both_join()
    house.rooms.progress(house.session, Progress(Side.FRONT, 90_000, 90_000))

    await shown(house)

    assert state(house)["identity"]["capture"] is None


async def test_nobody_is_told_of_a_session_without_a_room(house):
    house.rooms.progress("se_none", Progress(Side.FRONT, 1, 2))
    house.rooms.captured("se_none", Side.FRONT, DocumentKind.PASSPORT)

    assert len(house.rooms) == 0


async def test_the_page_is_told_which_sides_are_wanted(house):
    await house.both_join()
    first = state(house, "lea")["capture"]
    await shown(house)
    done = state(house, "lea")["capture"]
    await house.say(house.ann, m.AskDocument)
    asked = state(house, "lea")["capture"]
    await shown(house, DocumentKind.IDENTITY_CARD)
    half = state(house, "lea")["capture"]
    await shown(house, DocumentKind.IDENTITY_CARD, SnapshotKind.ID_BACK)
    whole = state(house, "lea")["capture"]

    assert first == {"wanted": True, "sides": ["front", "back"], "kind": None}
    assert done == {"wanted": False, "sides": [], "kind": "passport"}
    assert asked["sides"] == ["front", "back"]
    assert half == {"wanted": True, "sides": ["back"], "kind": "identity_card"}
    assert whole["wanted"] is False


async def test_the_document_is_not_asked_for_once_the_decision_stands(house):
    await house.to_start()

    with pytest.raises(NotAllowed):
        await house.say(house.ann, m.AskDocument)

    assert state(house, "lea")["capture"]["wanted"] is False


async def test_an_inspection_of_identity_opens_the_capture_until_it_was_sent(house):
    await house.to_start()
    for _ in range(2):
        asked = await house.say(house.ann, m.AskInspection, kind=InspectionKind.IDENTITY)
        opened = state(house, "lea")["capture"]["sides"]
        await shown(house)
        sent = state(house, "lea")["capture"]["wanted"]
        await house.say(
            house.ann,
            m.Judge,
            inspection=asked["inspection"],
            result=InspectionResult.SATISFIED,
            note="",
        )

        assert (opened, sent) == (["front", "back"], False)


# Readings, colleagues, challenges


async def test_what_was_read_is_for_the_staff_alone(house):
    await house.both_join()
    document = await shown(house)
    fields = Fields("LEARNER 1", "LEA", "L898902C", "NOR")
    reading = Reading(Source.MACHINE, fields, ("P<NOR",), "TD3", True, 5, 4)

    await house.scene.desk.identity.set_reading(house.session, document, reading)
    house.room.look()
    await house.room.do(Tick())

    check = state(house)["identity"]
    assert check["reading"]["number"] == "L898902C"
    assert (check["reading"]["images"], check["reading"]["agreed"]) == (5, 4)
    assert {one["field"] for one in check["findings"]} >= {"name", "number", "expires"}
    assert "L898902C" not in str(house.inbox.of("lea"))


async def test_fields_are_typed_and_a_colleague_is_asked(house):
    await house.both_join()
    await shown(house, DocumentKind.SEAMANS_BOOK)
    await house.media(house.lea)
    await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)
    await house.say(
        house.ann,
        m.TypeDocument,
        kind=DocumentKind.SEAMANS_BOOK,
        surname="Other",
        given="Person",
        number="S1",
        issuer="NOR",
        born="",
        expires="2031-01-01",
    )
    lobbies = len(house.lobbies)

    await house.say(
        house.ann, m.ReferIdentity, proposed=m.Proposal.CONFIRMED, reason="Married name"
    )

    check = state(house)["identity"]
    assert (check["kind"], check["reading"]["source"]) == ("seamans_book", "typed")
    assert check["needs_two"] is True
    assert check["state"] == "referred"
    assert check["referred"]["by"] == house.scene.ann.name
    assert (check["referred"]["proposed"], check["referred"]["reason"]) == (
        "confirmed",
        "Married name",
    )
    assert None in house.lobbies[lobbies:]  # everybody's lobby may show it


async def test_a_confirmation_in_which_nothing_was_read_needs_a_reason(house):
    await house.both_join()
    await house.media(house.lea)
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        await house.say(house.ann, m.Snapshot, kind=kind)

    with pytest.raises(InvalidInput):
        await house.say(house.ann, m.DecideIdentity, decision=Decision.CONFIRMED, reason="")

    assert state(house)["identity"]["needs_reason"] is True


async def test_a_challenge_is_drawn_shown_and_judged(house):
    await house.both_join()
    answer = await house.say(house.ann, m.AskChallenge)
    drawn = state(house, "lea")["challenge"]

    await house.say(
        house.ann,
        m.JudgeChallenge,
        challenge=answer["challenge"],
        result=ChallengeResult.SEEN,
        note="",
    )

    assert drawn.keys() == {"id", "kind", "detail"}
    assert drawn["id"] == answer["challenge"]
    assert state(house, "lea")["challenge"] is None
    assert [one["result"] for one in state(house)["challenges"]] == ["seen"]


# Re-checks


async def test_a_face_is_taken_again_at_a_random_moment_and_judged(house):
    peer = await house.to_start()
    await house.tick()

    await later(house, peer, LATEST.total_seconds())
    await settled(house)

    [again] = state(house)["rechecks"]
    assert (again["cause"], again["result"]) == ("random", None)
    assert house.evidence.pictures[-1][0] is SnapshotKind.FACE_AGAIN
    await house.say(
        house.ann, m.JudgeRecheck, recheck=again["id"], result=RecheckResult.NOT_SAME, note=""
    )
    assert state(house)["rechecks"][0]["result"] == "not_same"
    assert state(house)["incidents"][0]["picture"] == again["evidence"]
    assert "rechecks" not in state(house, "lea")


async def test_a_face_is_taken_again_when_asked_for(house):
    await house.to_start()

    answer = await house.say(house.ann, m.TakeRecheck)

    [again] = state(house)["rechecks"]
    assert answer == {"recheck": again["id"], "evidence": again["evidence"]}
    assert again["cause"] == "asked"


async def test_asked_without_a_picture_that_is_told(house):
    peer = await house.to_start()
    peer.frame = None

    with pytest.raises(NoCamera):
        await house.say(house.ann, m.TakeRecheck)

    assert state(house)["rechecks"] == []


async def test_after_a_gap_the_face_is_taken_again(house):
    peer = await house.to_start()
    clock = house.scene.clock
    await house.scene.desk.gaps.open(house.session, clock.now())
    clock.go(30)
    await house.scene.desk.gaps.close(house.session, clock.now())
    peer.send()
    house.room.look()
    await house.tick()
    early = state(house)["rechecks"]

    for _ in range(2):
        await later(house, peer, RETRY_S)
        await settled(house)

    assert early == []
    assert [one["cause"] for one in state(house)["rechecks"]] == ["gap"]


async def test_a_face_again_that_cannot_be_had_is_no_entry_of_the_record(house):
    peer = await house.to_start()
    peer.frame = None
    await house.tick()
    await later(house, peer, LATEST.total_seconds())
    await settled(house)
    missed = state(house)["rechecks"]
    peer.frame = b"key frame"

    await later(house, peer, RETRY_S)
    await settled(house)

    assert missed == []
    assert len(state(house)["rechecks"]) == 1


# What may be wrong with the stream


@pytest.mark.parametrize("sight", [Sight.FROZEN, Sight.LOOPING])
async def test_a_picture_that_is_none_of_now_is_a_hint_once(house, sight):
    await house.both_join()
    for _ in range(3):
        await house.room.do(Looked(sight))
        await house.room.do(Looked(Sight.GOOD))

    house.room.look()
    await house.room.do(Tick())

    assert [one["kind"] for one in state(house)["identity"]["hints"]] == [sight.value]
    assert len(await house.entries("hint")) == 1


async def test_a_virtual_cameras_label_is_a_hint_and_others_are_none(house):
    await house.both_join()
    sends = {"camera": True, "microphone": True, "screen": False}

    await house.say(house.lea, m.Media, **sends, label="FaceTime HD Camera")
    none = state(house)["identity"]["hints"]
    for _ in range(2):
        await house.say(house.lea, m.Media, **sends, label="OBS Virtual Camera")

    assert none == []
    assert [one["kind"] for one in state(house)["identity"]["hints"]] == ["virtual_camera"]
    assert len(await house.entries("hint")) == 1


async def test_labels_that_a_page_makes_up_are_not_listened_to_for_ever(house):
    await house.both_join()
    sends = {"camera": True, "microphone": True, "screen": False}
    for number in range(LABELS):
        await house.say(house.lea, m.Media, **sends, label=f"Camera {number}")

    await house.say(house.lea, m.Media, **sends, label="OBS Virtual Camera")

    assert await house.entries("hint") == []


async def test_staffs_cameras_are_nobodys_business(house):
    await house.both_join()

    await house.say(
        house.ann, m.Media, camera=True, microphone=True, screen=False, label="OBS Virtual Camera"
    )

    assert await house.entries("hint") == []


# Consent


async def test_nothing_is_recorded_while_the_learner_does_not_agree(house):
    peer = await house.to_start()
    desk, recordings = house.scene.desk, house.evidence.recordings
    assert house.room._studio.on

    await desk.consents.withdraw(house.session, Purpose.RECORDING, LEARNER)
    house.room.look()
    await house.room.do(Tick())
    await until(lambda: not house.room._studio.on, 5, "the recording to end")
    before = len(recordings)
    await later(house, peer, 1)
    during = len(recordings)
    await desk.consents.give(house.session, Purpose.RECORDING, LEARNER)
    house.room.look()
    await later(house, peer, 10)

    assert all(one.finished for one in recordings[:before])
    assert during == before
    assert len(recordings) > before


@pytest.mark.parametrize("purpose", [Purpose.IDENTITY, Purpose.RECORDING])
async def test_no_face_is_taken_while_the_learner_does_not_agree(house, purpose):
    await house.both_join()
    peer = await house.media(house.lea)
    await shown(house)
    await house.scene.desk.consents.withdraw(house.session, purpose, LEARNER)
    house.room.look()

    for _ in range(3):
        await later(house, peer, FACE_RETRY_S)

    assert house.evidence.pictures == []
    assert state(house, "lea")["capture"]["wanted"] is False


async def test_a_decision_may_say_by_which_pictures(house):
    await house.both_join()
    await house.media(house.lea)
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        await house.say(house.ann, m.Snapshot, kind=kind)
    seen = {name: state(house)["identity"][name] for name in ("document", "face")}
    confirm = {"decision": Decision.CONFIRMED, "reason": "Same person"}
    await house.say(house.ann, m.Snapshot, kind=SnapshotKind.ID_DOCUMENT)

    with pytest.raises(NotAllowed):
        await house.say(house.ann, m.DecideIdentity, **confirm, **seen)
    seen["document"] = state(house)["identity"]["document"]
    await house.say(house.ann, m.DecideIdentity, **confirm, **seen)

    assert state(house)["state"] == "identified"


async def test_nobody_is_admitted_while_the_document_is_being_read(house):
    await house.both_join()
    await house.media(house.lea)
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        await house.say(house.ann, m.Snapshot, kind=kind)
    await house.say(house.ann, m.DecideIdentity, decision=Decision.CONFIRMED, reason="Same person")
    house.evidence.reading = True

    with pytest.raises(NotAllowed):
        await house.say(house.ann, m.Admit)
    house.evidence.reading = False
    await house.say(house.ann, m.Admit)

    assert state(house)["state"] == "in_progress"


async def test_a_picture_that_the_desk_refuses_is_erased(house):
    await house.both_join()
    peer = await house.media(house.lea)
    peer.hold = asyncio.Event()
    asked = asyncio.create_task(house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE))
    darkroom = house.room._darkroom
    await until(lambda: darkroom.busy and peer.wider_than, 5, "the room to begin")
    await house.scene.desk.consents.withdraw(house.session, Purpose.IDENTITY, LEARNER)
    peer.hold.set()

    with pytest.raises(NotAllowed):
        await asked

    await until(lambda: house.evidence.discarded, 5, "the picture to be erased")
    assert [one.kind for one in house.evidence.discarded] == [SnapshotKind.FACE]
