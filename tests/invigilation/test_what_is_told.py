"""What leaves the house about a session: as the published schemas say, and nobody's name in it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from invigilation import record
from invigilation.booking import BookingState
from invigilation.challenge import ChallengeResult
from invigilation.desk import Desk
from invigilation.desk.onboard import Taken
from invigilation.desk.reports import record_file
from invigilation.gap import Ruling
from invigilation.hole import Hole
from invigilation.identity import Decision, SnapshotKind
from invigilation.incident import Severity
from invigilation.inspection import InspectionKind, InspectionResult
from invigilation.likeness import Likeness
from invigilation.onboard import Facts, Rank
from invigilation.presence import Source
from invigilation.recheck import RecheckCause, RecheckResult
from invigilation.session import Outcome
from recordings.seal import Seal, SigningKey
from recordings.verify import Mark, verify
from tests import builders
from tests.builders import CONSENT, START
from tests.devices import Device
from tests.invigilation.offices import STATEMENT
from tests.invigilation.shown import arrived, picture, reading, shown

pytestmark = pytest.mark.parametrize(
    "migrated_url", [pytest.param("sqlite", marks=pytest.mark.store)], indirect=True
)
SCHEMAS = Path(__file__).parents[2] / "web" / "schemas"
LIKE = Likeness("dlib", 0.91234, 500, date(2026, 11, 1))
SAID = {
    name: f"{name.upper()} was said by somebody."
    for name in (
        *("referral", "decision", "challenge", "recheck", "chat", "notice", "incident", "gap"),
        *("inspection", "pause", "stop", "fill"),
    )
}
NAMES = ("Maria", "SANTOS", "Ann Archer", "Bob Baker", "P1234567A", "OBS Virtual", "0.91234")


def schema(name):
    whole = json.loads((SCHEMAS / f"{name}.json").read_text())
    Draft202012Validator.check_schema(whole)
    return Draft202012Validator(whole)


async def notices(world):
    """The bodies of all webhooks."""
    rows = await world.rows("SELECT body FROM delivery WHERE channel = 'webhook' ORDER BY created")
    return [json.loads(bytes(body)) for (body,) in rows]


async def fit(world):
    """Assert that all notices, and the attestations in them, fit; return their types."""
    told = await notices(world)
    for one in told:
        schema("notices").validate(one)
        if one["type"] == "report.ready":
            attested = record.payload_of(one["data"]["attestation"].encode())
            schema("attestation-2").validate(attested)
            assert set(record.seals_in(attested)) == set(one["data"]["openings"])
    return [one["type"] for one in told]


async def identified(world, bob):
    """A sitting whose identity took two, with all that can be said on the way."""
    one = await arrived(world, consent=(*CONSENT, "likeness"))
    check = await shown(world, one, reading())
    identity = world.desk.identity
    await identity.camera(one.session, "OBS Virtual Camera")
    await identity.set_likeness(one.session, check.document, check.face, LIKE)
    await identity.refer(one.session, world.ann, Decision.CONFIRMED, SAID["referral"])
    await identity.second(one.session, bob, Decision.CONFIRMED, SAID["decision"])
    return one


async def supervised(world, one):
    """All that can be said while the clock runs."""
    desk, session, ann = world.desk, one.session, world.ann
    challenge = await desk.challenges.ask(session, ann)
    await desk.challenges.judge(session, ann, challenge.id, ChallengeResult.SEEN, SAID["challenge"])
    await desk.sessions.admit(session, ann)
    for signal, state in (("link", "live"), ("picture", "good")):
        await desk.sessions.note(session, "signal", "learner", {"signal": signal, "state": state})
    world.clock.go(600)
    again = await desk.rechecks.add(
        session, RecheckCause.RANDOM, picture(session, SnapshotKind.FACE_AGAIN)
    )
    await desk.rechecks.judge(session, ann, again.id, RecheckResult.UNCLEAR, SAID["recheck"])
    await desk.sessions.say(session, "learner", SAID["chat"], "c1")
    await desk.sessions.say(session, "invigilator", SAID["notice"], "c2", notice=True)
    await desk.sessions.note_incident(
        session,
        ann,
        category="technical.network",
        severity=Severity.LOW,
        note=SAID["incident"],
        picture=None,
    )
    gap = await desk.gaps.open(session, world.clock.now() - timedelta(seconds=5))
    world.clock.go(60)
    await desk.gaps.close(session, world.clock.now())
    await desk.gaps.rule(session, ann, gap.id, Ruling.TECHNICAL, SAID["gap"])
    await filled(world, session, gap)
    asked = await desk.inspections.ask(session, ann, InspectionKind.ROOM_SCAN)
    await desk.inspections.judge(
        session, ann, asked.id, InspectionResult.SATISFIED, SAID["inspection"]
    )
    await desk.sessions.extra_minutes(session, ann, 5)
    await desk.sessions.pause(session, ann, SAID["pause"])
    world.clock.go(120)
    await desk.sessions.resume(session, ann)
    world.clock.go(60)


async def filled(world, session, gap):
    """What the device kept of the gap comes, is refused at first, and then accepted."""
    desk, device = world.desk, Device(session)
    request = (await desk.sessions.view(session)).sitting.request
    device.record(gap.began, gap.began + timedelta(seconds=65))
    await desk.fills.tell(session, request, device.recording, 0, device.told())
    for n in range(len(device.links)):
        await desk.fills.keep(session, device.recording, n, device.piece(n))
    for accepted in (False, True):
        await desk.fills.judge(session, world.ann, gap.id, accepted=accepted, note=SAID["fill"])


async def sat(world):
    """An attested session in which everything happened."""
    bob = await builders.add_invigilator(world.desk, "Bob Baker")
    one = await identified(world, bob)
    await supervised(world, one)
    await world.desk.handover.offer(one.session, world.ann, bob.id)
    await world.desk.handover.take(one.session, bob, unattended=False)
    await world.desk.sessions.stop(one.session, bob, SAID["stop"])
    await world.desk.reports.attest(one.session, bob, STATEMENT, Outcome.STOPPED)
    return one


async def test_all_that_is_told_of_a_session_fits_the_schemas(world):
    await sat(world)

    told = await fit(world)

    assert {"session.incident", "session.extra_time", "session.restored"} <= set(told)
    assert {"session.gap_filled", "session.fill_judged"} <= set(told)
    assert told[-1] == "report.ready"


async def test_no_name_and_nothing_written_stands_in_record_or_attestation(world):
    one = await sat(world)

    attested = record.payload_of(await world.desk.reports.attestation(one.session))
    entries = await world.entries(one.session)

    plain = json.dumps(attested) + "".join(entry.body.decode() for entry in entries)
    for text in (*SAID.values(), *NAMES, STATEMENT):
        assert text not in plain
    opened = json.dumps(await world.attested(one.session))
    for name in ("referral", "decision", "incident", "gap", "inspection", "pause", "stop"):
        assert SAID[name] in opened
    said = {str(text) for entry in entries for text in entry.data.values()}
    assert {*SAID.values(), STATEMENT, "Maria Santos"} <= said


async def test_presence_is_told_in_figures(world):
    one = await sat(world)

    told = await world.attested(one.session)

    presence = told["presence"]
    assert presence["assessment_seconds"] == told["spent_seconds"] == 720
    assert presence["on_camera_seconds"] == presence["heard_seconds"] == 655
    assert presence["link_gone_seconds"] == 65
    assert presence["stills_seconds"] == 0
    assert presence["on_camera_permille"] == 910
    [gap] = presence["gaps"]
    assert (gap["seconds"], gap["cause"], gap["filled"], gap["ruling"]) == (
        *(65, "no_media", True),
        "technical",
    )
    [pause] = presence["pauses"]
    assert (pause["seconds"], pause["reason"]) == (120, SAID["pause"])
    assert told["extra_minutes"] == 5
    [handed] = told["handovers"]
    assert (handed["from_name"], handed["to_name"]) == ("Ann Archer", "Bob Baker")


async def recorded(world):
    """An attested session of which the service lost one recording, and a part of another."""
    recordings, one = world.desk.recordings, await world.checked_in()
    parts = {}
    for source in (Source.CAMERA, Source.SCREEN, Source.SECOND, Source.STILLS):
        world.clock.go(10)
        parts[source] = await recordings.begin(one.session, source)
    await recordings.finish(parts[Source.CAMERA], "ab" * 32, 900, (Hole(96, 4_100, 6_900),))
    await recordings.lose(parts[Source.SCREEN])
    await recordings.finish(parts[Source.SECOND], "cd" * 32, 900)
    await recordings.finish(parts[Source.STILLS], "ef" * 32, 900, (Hole(7), Hole(8)))
    await world.desk.sessions.refuse(one.session, world.ann, "no document")
    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.REFUSED)
    return one, parts


async def test_what_recordings_lack_is_attested(world):
    one, parts = await recorded(world)

    assert (await fit(world))[-1] == "report.ready"
    told = await world.attested(one.session)
    began = {source: record.stamp(part.started) for source, part in parts.items()}
    ids = {source: part.id for source, part in parts.items()}
    assert told["damaged"] == [
        {
            "evidence": ids[Source.CAMERA],
            "kind": "recording",
            "started": began[Source.CAMERA],
            "lost": "part",
            "holes": [{"bytes": 96, "since_ms": 4_100, "until_ms": 6_900}],
        },
        {
            "evidence": ids[Source.SCREEN],
            "kind": "screen_recording",
            "started": began[Source.SCREEN],
            "lost": "all",
            "holes": [],
        },
        {
            "evidence": ids[Source.STILLS],
            "kind": "stills",
            "started": began[Source.STILLS],
            "lost": "part",
            "holes": [
                {"bytes": 7, "since_ms": None, "until_ms": None},
                {"bytes": 8, "since_ms": None, "until_ms": None},
            ],
        },
    ]
    listed = {piece["id"] for piece in told["evidence"]}
    assert listed == {ids[one] for one in (Source.CAMERA, Source.SECOND, Source.STILLS)}


async def test_that_record_is_verified_with_a_word_on_what_is_missing(world):
    key = SigningKey.generate()
    office = replace(world.desk.office, signer=key, sealer=Seal(key))
    real = replace(world, desk=Desk.of(office))
    one, parts = await recorded(real)
    file = record_file(await real.desk.reports.record(one.session, real.ann))

    verdict = verify(file, {key.key_id: key.public}, now=real.clock.now())

    eighth = verdict.steps[7]
    assert (eighth.number, eighth.mark) == (8, Mark.WARNING)
    camera, screen = (parts[one].id for one in (Source.CAMERA, Source.SCREEN))
    assert f"96 bytes of {camera} (0:04 to 0:07); all of {screen}" in eighth.sentence


async def test_where_nothing_was_damaged_that_is_attested_and_an_older_one_still_fits(world):
    one = await sat(world)

    told = await world.attested(one.session)
    older = record.payload_of(await world.desk.reports.attestation(one.session))
    del older["damaged"]

    assert told["damaged"] == []
    schema("attestation-2").validate(older)
    wrong = older | {"damaged": [{"evidence": "ev_1"}]}
    assert not schema("attestation-2").is_valid(wrong)


async def test_a_session_refused_at_once_fits_the_schemas(world):
    one = await world.checked_in()
    await world.desk.sessions.refuse(one.session, world.ann, "no document")

    await world.desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.REFUSED)

    assert (await fit(world))[-1] == "report.ready"
    told = await world.attested(one.session)
    assert (told["reason"], told["presence"]["on_camera_permille"]) == ("no document", None)


async def test_a_missed_session_and_a_cancelled_one_fit_the_schemas(world):
    await world.desk.bookings.cancel((await builders.book(world.desk)).booking, "ill")
    other = await builders.book(world.desk, 2)
    await world.ready(other)
    await world.well()
    world.clock.go_to(START + timedelta(hours=1))
    await world.desk.attendance.sweep()
    await world.desk.attendance.decide(
        other.booking, world.sam, BookingState.EXCUSED, "The port was closed."
    )

    assert (await fit(world))[-1] == "attendance.decided"


async def test_an_officers_form_fits_the_schemas(world):
    request = await builders.ask(world.desk)
    day = world.clock.now().date()
    facts = Facts(
        "Jan de Vries", Rank.OFFICER, "Chief Officer", "MV Northern Light", "9074729", day
    )
    taken = Taken("image/jpeg", "ab" * 32, 90_000)
    await world.desk.onboard.submit(request, "ob_1", facts, taken)

    await world.desk.onboard.accept("ob_1", world.sam)

    assert await fit(world) == ["report.ready"]
    [told] = await notices(world)
    attested = told["data"]["attestation"].encode()
    for name in ("Vries", "Northern", "Chief", "Sam Field", "Lea"):
        assert name not in json.dumps(record.payload_of(attested))


def test_the_schemas_refuse_what_is_not_in_them(migrated_url):
    schemas = schema("notices")
    told = {
        "type": "session.paused",
        "timestamp": "2026-11-23T10:00:00.000000Z",
        "data": {
            "request": "r",
            "learner": "l",
            "session": "s",
            "booking": "b",
            "reason": "A drill.",
        },
    }
    assert schemas.is_valid(told)

    assert not schemas.is_valid(told | {"type": "session.slept"})
    assert not schemas.is_valid(told | {"more": 1})
    assert not schemas.is_valid(told | {"data": told["data"] | {"name": "Maria"}})
