"""Presence in a room: gaps and signals in the record, looks at the picture, sharp snapshots."""

from __future__ import annotations

import asyncio
import json

import pytest

from invigilation.gap import Ruling
from invigilation.identity import SnapshotKind
from invigilation.ladder import Rung
from invigilation.presence import Sight, Sound
from signalling import messages as m
from signalling.commands import Tick
from signalling.darkroom import LOOK_EVERY_S
from signalling.quality import LinkQuality
from signalling.seat import Person
from signalling.tracks import Track
from tests.harness.waiting import until
from tests.signalling.house import open_house


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        yield one


def frame(width: int) -> bytes:
    """The beginning of a VP8 key frame of this width (RFC 6386, 9.1)."""
    return b"\x10\x00\x00\x9d\x01\x2a" + width.to_bytes(2, "little") + b"\x00\x01"


async def live(house, peer, seconds: int, *tracks: Track) -> None:
    """Let a peer send for some seconds."""
    for _ in range(seconds):
        house.scene.clock.go(1)
        peer.send(*tracks)
        await house.room.do(Tick())


async def silent(house, seconds: int) -> None:
    for _ in range(seconds):
        await house.tick(1)


async def signals(house) -> list[tuple[str, str]]:
    found = [json.loads(entry.body)["data"] for entry in await house.entries("signal")]
    return [(one["signal"], one["state"]) for one in found]


# Gaps


async def test_silence_in_the_assessment_is_a_gap_that_an_invigilator_rules(house):
    peer = await house.to_start()
    await live(house, peer, 5)
    began = house.scene.clock.now()
    await silent(house, 30)
    (during,) = house.inbox.last("ann")["gaps"]
    await live(house, peer, 2)
    (after,) = house.inbox.last("ann")["gaps"]
    before = (await house.say(house.lea, m.Join))["state"]["clock"]["remaining_s"]

    await house.say(house.ann, m.RuleGap, gap=after["id"], ruling=Ruling.TECHNICAL, note="The link")

    assert during["began"] == began.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert (during["ended"], during["lost_s"]) == (None, None)
    assert after["lost_s"] == 31
    clock = house.inbox.last("lea")["clock"]
    assert (clock["remaining_s"], clock["given_back_s"]) == (before + 31, 31)


async def test_before_admission_and_in_a_pause_silence_is_no_gap(house):
    await house.both_join()
    await house.media(house.lea)

    await silent(house, 30)

    assert await house.entries("gap_opened") == []


async def test_a_silent_learner_is_shown_with_the_time_of_their_last_packet(house):
    await house.both_join()
    peer = await house.media(house.lea)
    live_ = house.inbox.last("ann")["learner"]["silent_since"]
    last = house.scene.clock.now()

    await silent(house, 7)

    assert live_ is None
    learner = house.inbox.last("ann")["learner"]
    assert learner["media"] == "silent"
    assert learner["silent_since"] == last.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert peer.last_packet_at is not None


async def test_a_room_that_is_drained_leaves_an_open_gap_and_the_next_closes_it(house):
    peer = await house.to_start()
    await live(house, peer, 3)
    await house.rooms.drain()
    opened = await house.entries("gap_opened")
    house.rooms = house.came_back()
    house.scene.clock.go(20)
    lea = Person("lea2", house.lea.party, session=house.session)
    await house.say(lea, m.Join)
    closed = await house.entries("gap_closed")

    await house.media(lea)
    await house.room.do(Tick())

    assert (len(opened), closed) == (1, [])
    (gap,) = (await house.scene.desk.sessions.view(house.session)).gaps
    assert gap.lost.total_seconds() == 20


# Signals


async def test_a_link_that_was_lost_is_in_the_record(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await live(house, peer, 5)
    await silent(house, 12)

    await live(house, peer, 5)

    assert await signals(house) == [
        ("link", "live"),
        ("picture", "good"),
        ("link", "silent"),
        ("link", "live"),
    ]


async def test_a_poor_link_is_told_to_both_and_recorded_but_opens_no_gap(house):
    peer = await house.to_start()
    await live(house, peer, 5)
    before = house.inbox.last("ann")["learner"]["link"]

    peer.quality = LinkQuality(loss=0.2, rtt_s=0.6)
    await live(house, peer, 12)

    told = [house.inbox.last(sid)["learner"]["link"] for sid in ("ann", "lea")]
    assert (before, told) == ("good", ["poor", "poor"])
    assert [state for signal, state in await signals(house) if signal == "link"] == ["live", "poor"]
    assert await house.entries("gap_opened") == []


async def test_without_media_nothing_is_said_of_the_link(house):
    await house.both_join()
    before = (await house.say(house.ann, m.Join))["state"]["learner"]["link"]
    await house.media(house.lea)
    during = house.inbox.last("ann")["learner"]["link"]

    await silent(house, 7)

    assert (before, during) == ("none", "good")
    assert house.inbox.last("ann")["learner"]["link"] == "none"


async def test_a_link_that_wavers_does_not_flood_the_people(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await live(house, peer, 12)
    before = len(house.inbox.of("lea"))

    for second in range(60):
        peer.quality = LinkQuality(loss=0.2 if second % 2 else 0.0, rtt_s=0.6)
        await live(house, peer, 1)

    assert len(house.inbox.of("lea")) == before


async def test_a_microphone_that_is_switched_off_is_shown_and_recorded(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await live(house, peer, 5)
    heard = house.inbox.last("ann")["learner"]["sound"]
    peer.hears = Sound.MUTED
    await live(house, peer, 5)

    assert (heard, house.inbox.last("ann")["learner"]["sound"]) == ("heard", "muted")
    assert ("sound", "muted") in await signals(house)


async def test_a_camera_that_stops_is_shown_and_recorded(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await live(house, peer, 3)

    await live(house, peer, 10, Track.AUDIO)

    assert house.inbox.last("ann")["learner"]["picture"] == "stopped"
    assert ("picture", "stopped") in await signals(house)


async def test_speaking_does_not_flood_the_people(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await live(house, peer, 12)
    before, own = len(house.inbox.of("ann")), len(house.inbox.of("lea"))
    for number in range(40):
        peer.hears = Sound.HEARD if number % 2 else Sound.QUIET
        house.scene.clock.go(0.25)
        peer.send()
        await house.room.do(Tick())

    assert 1 <= len(house.inbox.of("ann")) - before <= 6  # 10 seconds
    assert len(house.inbox.of("lea")) == own


async def test_when_all_is_over_nothing_more_is_recorded(house):
    peer = await house.to_start()
    await live(house, peer, 5)
    await house.say(house.ann, m.End)
    await house.room.do(Tick())
    before = await signals(house)

    await silent(house, 15)

    assert await signals(house) == before


# Looks


async def test_a_black_picture_is_found_and_told(house):
    await house.both_join()
    peer = await house.media(house.lea)
    house.evidence.watch.sight = Sight.BLACK

    await live(house, peer, int(LOOK_EVERY_S) + 5)

    assert house.inbox.last("ann")["learner"]["picture"] == "black"
    assert ("picture", "black") in await signals(house)


async def test_the_picture_is_looked_at_every_ten_seconds_and_only_while_one_comes(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await until(lambda: house.evidence.watch.looked, 5, "the first look")
    await live(house, peer, 21)
    await house.room.do(Tick())
    three = len(house.evidence.watch.looked)

    await live(house, peer, 25, Track.AUDIO)

    assert three == 3
    assert len(house.evidence.watch.looked) <= 4


async def test_on_a_thin_link_the_picture_is_looked_at_less_often(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await house.tell_link(Rung.SLOW)
    await until(lambda: house.evidence.watch.looked, 5, "the first look")
    before = len(house.evidence.watch.looked)

    await live(house, peer, 59)
    await house.room.do(Tick())

    assert (before, len(house.evidence.watch.looked)) == (1, 3)  # after 10, and 40 s


async def test_over_a_satellite_the_picture_is_looked_at_less_often(house):
    await house.both_join()
    peer = await house.media(house.lea)
    peer.quality = LinkQuality(loss=0.0, rtt_s=0.65)
    await until(lambda: house.evidence.watch.looked, 5, "the first look")

    await live(house, peer, 29)
    await house.room.do(Tick())

    assert len(house.evidence.watch.looked) <= 2


async def test_no_look_while_a_snapshot_is_taken_and_a_slow_look_holds_nothing_up(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await until(lambda: house.evidence.watch.looked, 5, "the first look")
    peer.hold = asyncio.Event()
    snapshot = asyncio.ensure_future(house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE))
    await asyncio.sleep(0)
    await live(house, peer, 15)
    during = len(peer.wider_than)
    peer.hold.set()
    await snapshot
    peer.hold.clear()
    await live(house, peer, 2)

    line = await house.say(house.lea, m.Chat, text="Still here", client_id="client-0001")

    assert during == 2  # the first look, and the snapshot
    assert len(peer.wider_than) == 3  # and the look that had to wait
    assert line["seq"] > 0


async def test_a_look_that_fails_changes_nothing(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await until(lambda: house.evidence.watch.looked, 5, "the first look")
    peer.frame = None

    await live(house, peer, 25)

    assert house.inbox.last("ann")["learner"]["picture"] == "good"


# Snapshots in full size


async def test_the_learner_is_asked_to_be_sharp_and_a_wider_picture_is_waited_for(house):
    await house.both_join()
    peer = await house.media(house.lea)
    peer.frame = frame(320)
    await live(house, peer, 11)
    await until(lambda: len(house.evidence.watch.looked) == 2, 5, "a look at the small picture")
    peer.wider_than.clear()
    peer.frame = frame(1280)

    await house.say(house.ann, m.Snapshot, kind=SnapshotKind.ID_DOCUMENT)

    assert house.inbox.of("lea", "sharpen") == [{"session": house.session, "seconds": 6}]
    assert house.inbox.of("ann", "sharpen") == []
    assert peer.wider_than == [320]
    assert house.evidence.pictures[-1][1] == frame(1280)


async def test_a_picture_of_known_full_size_is_not_waited_for_in_vain(house):
    await house.both_join()
    peer = await house.media(house.lea)
    peer.frame = frame(1280)
    await house.say(house.ann, m.Snapshot, kind=SnapshotKind.ID_DOCUMENT)
    peer.wider_than.clear()

    await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)

    assert peer.wider_than == [1279]
