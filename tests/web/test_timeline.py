"""The time line that a record's page gives to its player."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from invigilation.gap import Ruling
from invigilation.hole import Hole
from invigilation.incident import Severity
from invigilation.inspection import InspectionKind
from invigilation.presence import Source
from recordings import stream
from recordings.places import PlaceAway
from recordings.webm import Glance, glance, live_header
from tests.web.office import ADA, ANA, SAM, START, TOM, World
from tests.web.recorded import record, recorded
from tests.web.test_pages_staff import admit, staff_of
from web.pages.holes import told

PARTS = (
    (Source.CAMERA, 0.0, 3),
    (Source.INVIGILATOR, 1.0, 2),
    (Source.SCREEN, 2.0, 2),
    (Source.CAMERA, 30.0, 2),
)


def at(world: World, seconds: float) -> None:
    world.clock.move_to(START + timedelta(seconds=seconds))


async def boot(world: World, session: str) -> dict[str, Any]:
    page = await (await world.staff(SAM)).get(f"/staff/records/{session}")
    found = re.search(r'<script type="application/json" id="boot">(.*?)</script>', page.text)
    assert found is not None
    told: dict[str, Any] = json.loads(found[1])
    first = round(START.timestamp() * 1000)
    for mark in told["marks"]:
        mark["at"] -= first
        mark["until"] = mark["until"] and mark["until"] - first
    told["running"] = [[since - first, until - first] for since, until in told["running"]]
    told["start"], told["end"] = told["start"] - first, told["end"] - first
    for lane in told["lanes"]:
        for part in lane["parts"]:
            part["start"] -= first
    return told


async def test_parts_lie_where_their_rows_begin_and_say_what_is_in_them(world: World) -> None:
    sitting = await recorded(world, PARTS)

    line = await boot(world, sitting.session)

    assert (line["start"], line["end"]) == (0, pytest.approx(31_990, abs=100))
    lanes = {lane["source"]: lane["parts"] for lane in line["lanes"]}
    assert list(lanes) == ["camera", "screen", "invigilator"]
    assert [part["start"] for part in lanes["camera"]] == [0, 30_000]
    assert lanes["screen"][0]["length"] == pytest.approx(1_930, abs=70)
    assert {
        source: (parts[0]["picture"], parts[0]["sound"]) for source, parts in lanes.items()
    } == {"camera": (True, True), "screen": (True, False), "invigilator": (False, True)}


async def test_a_store_that_is_away_costs_the_parts_and_not_the_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sitting = await recorded(world, PARTS[:2])
    asked: list[str] = []

    def away(_session: str, ident: str) -> None:
        asked.append(ident)
        raise PlaceAway("for a test")

    monkeypatch.setattr(world.vault, "open", away)

    page = await (await world.staff(SAM)).get(f"/staff/records/{sitting.session}")

    assert page.status == 200
    assert len(asked) == 1


async def test_what_a_damaged_recording_lacks_is_marked_and_told(world: World) -> None:
    sitting = await recorded(world, ())
    session = sitting.session

    def spoil(part: Path) -> None:
        data = bytearray(part.read_bytes())
        with part.open("rb") as file:
            third = stream.layout(stream.Disk(file.fileno()), "a film").slots[2]
        data[third.position + 100] ^= 1
        part.write_bytes(data)

    at(world, 10)
    await record(world, session, Source.CAMERA, 7, spoil)

    line = await boot(world, session)
    page = await (await world.staff(SAM)).get(f"/staff/records/{session}")

    marks = [(one["at"], one["until"]) for one in line["marks"] if "damaged" in one["text"]]
    assert marks == [(pytest.approx(12_000, abs=200), pytest.approx(14_000, abs=200))]
    record_of = await world.desk.reports.record(session, SAM)
    [entry] = [one for one in record_of.entries if one.kind == "recording_finished"]
    [facts] = entry.data["holes"]
    words = told([Hole.of(facts)])
    assert f"The recording was complete, but for what was damaged. {words}" in page.text
    assert f"<strong>{words}</strong>" in page.text
    assert (facts["since_ms"], facts["until_ms"]) == (marks[0][0] - 10_000, marks[0][1] - 10_000)


async def test_a_lost_recording_is_named_where_the_others_are(world: World) -> None:
    sitting = await recorded(world, ())
    at(world, 10)
    begun = [
        await world.desk.recordings.begin(sitting.session, one)
        for one in (Source.SCREEN, Source.SECOND)
    ]
    path = f"/staff/records/{sitting.session}"
    before = (await (await world.staff(SAM)).get(path)).words

    await world.desk.recordings.lose(begun[0])

    after = (await (await world.staff(SAM)).get(path)).words
    lost = "Lost by the service, so that nothing of it is kept:"
    assert lost not in before
    assert f"{lost} Learner's screen, to begin at Mon 23 Nov, 10:00:10 (London)" in after
    assert "Second camera, to begin" not in after
    assert "A recording was lost: nothing of it is kept" in after


@pytest.mark.parametrize(
    ("holes", "words"),
    [
        ([Hole(9)], "a part of it is missing"),
        (
            [Hole(9, 4_100, 6_900), Hole(9, 3_605_000)],
            "sound or picture is missing from 0:04 to 0:07, and from 1:00:05 on",
        ),
    ],
)
def test_holes_in_words(holes: list[Hole], words: str) -> None:
    assert told(holes) == f"Damaged: {words}"


async def test_gaps_signals_and_supervisors_are_bars(world: World) -> None:
    sitting = await recorded(world, PARTS[:1])
    session, desk, own = sitting.session, world.desk, staff_of(sitting)
    await admit(world, sitting)
    for seconds, signal, state in ((4, "picture", "frozen"), (6, "sound", "muted")):
        at(world, seconds)
        await desk.sessions.note(session, "signal", "learner", {"signal": signal, "state": state})
    at(world, 7)
    await desk.sessions.note(session, "signal", "learner", {"signal": "picture", "state": "good"})
    gap = await desk.gaps.open(session, world.clock.now())
    assert gap is not None
    for seconds, present in ((8, True), (9, False)):
        at(world, seconds)
        await desk.sessions.present(session, f"administrator:{ADA.id}", present=present)
    at(world, 12)
    await desk.gaps.close(session, world.clock.now())
    await desk.gaps.rule(session, own, gap.id, Ruling.TECHNICAL, "The satellite was gone.")
    at(world, 20)
    await record(world, session, Source.CAMERA, 1)

    line = await boot(world, session)

    bars = {
        (mark["kind"], mark["text"]): (mark["at"], mark["until"])
        for mark in line["marks"]
        if mark["until"] is not None
    }
    assert bars == {
        ("signal", "The picture stood still"): (4_000, 7_000),
        ("signal", "The microphone was silent"): (6_000, line["end"]),
        ("gap", "Gap: technical, its time was given back"): (7_000, 12_000),
        ("supervisor", "Ada Stone (administrator) looked in"): (8_000, 9_000),
    }


async def test_moments_have_their_kinds_and_the_clock_its_pauses(world: World) -> None:
    sitting = await recorded(world, PARTS[:1])
    session, desk, own = sitting.session, world.desk, staff_of(sitting)
    at(world, 4)
    await admit(world, sitting)
    at(world, 6)
    await desk.sessions.pause(session, own, "A break")
    at(world, 9)
    await desk.sessions.resume(session, own)
    await desk.inspections.ask(session, own, InspectionKind.ROOM_SCAN)
    await desk.sessions.note_incident(
        session,
        own,
        category="environment.power_outage",
        severity=Severity.LOW,
        note="Dark",
        picture=None,
    )
    at(world, 10)
    await desk.handover.offer(session, own, (TOM if own is ANA else ANA).id)
    at(world, 20)
    await record(world, session, Source.CAMERA, 1)

    line = await boot(world, session)

    kinds = {(mark["at"], mark["kind"]) for mark in line["marks"]}
    assert {
        (9_000, "inspection"),
        (9_000, "incident"),
        (10_000, "handover"),
        (4_000, "picture"),
    } <= kinds
    assert {kind for when, kind in kinds if when < 4_000} <= {"event"}
    assert line["running"] == [[4_000, 6_000], [9_000, line["end"]]]
    texts = [mark["text"] for mark in line["marks"]]
    assert "Incident: The place, power outage" in texts
    assert "Paused the assessment: A break" in texts


async def test_without_a_recording_there_is_no_player(world: World) -> None:
    sitting = await world.booked()

    page = await (await world.staff(SAM)).get(f"/staff/records/{sitting.session}")

    assert 'id="boot"' not in page.text
    assert "There is no recording" in page.words


async def test_every_source_is_in_the_plain_list_too(world: World) -> None:
    sitting = await recorded(world, PARTS)

    page = await (await world.staff(SAM)).get(f"/staff/records/{sitting.session}")

    assert page.text.count("<video controls") == len(PARTS)
    assert "Invigilator's voice, from Mon 23 Nov, 10:00:01 (London)" in page.words


def test_a_recording_that_was_never_indexed_does_not_know_its_length() -> None:
    assert glance(live_header()) == Glance(None, picture=True, sound=True)
    with pytest.raises(ValueError, match="not a recording"):
        glance(b"RIFF")
