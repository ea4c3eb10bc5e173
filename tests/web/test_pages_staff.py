"""The scheduler's, the invigilator's and the administrator's pages."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from invigilation.booking import BookingState
from invigilation.desk.identity import Seen
from invigilation.desk.requests import Ask
from invigilation.enquiry import EnquiryKind
from invigilation.identity import Decision, SnapshotKind
from invigilation.office_hours import Window
from invigilation.people import Staff
from invigilation.proof import FRESH
from invigilation.report import DeliveryState
from invigilation.session import Outcome
from invigilation.store.evidence import Evidence
from invigilation.store.views import Sitting
from recordings.errors import EvidenceDamaged
from recordings.places import PlaceAway
from recordings.reader import Reader
from tests.web.office import (
    ADA,
    ANA,
    BACKEND,
    MORNING,
    SAM,
    START,
    TOM,
    Answer,
    Person,
    World,
    heartbeats,
)
from web.pages.evidence import CHUNK, PLAYBACK_LIMIT_SECONDS, PLAYBACK_SECONDS, Playbacks


def boot(page: Answer) -> dict[str, object]:
    found = re.search(r'id="boot">(.*?)</script>', page.text, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert isinstance(data, dict)
    return data


def staff_of(sitting: Sitting) -> Staff:
    return {ANA.id: ANA, TOM.id: TOM}[sitting.staff]


# --- missed sessions and charges ------------------------------------------------------------------


async def missed(world: World) -> Sitting:
    """Let a learner stay away although we were ready; a no-show is proposed."""
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=5))
    await world.desk.sessions.ready(sitting.session, staff_of(sitting))
    await heartbeats(world.desk, START - timedelta(hours=1), START + timedelta(hours=1))
    world.clock.move_to(START + timedelta(hours=1))
    assert await world.desk.attendance.sweep() == 1
    return sitting


async def test_missed_session_waits_with_its_reasons(world: World) -> None:
    sitting = await missed(world)
    sam = await world.staff(SAM)

    page = await sam.get("/staff/attendance")
    one = await sam.get(f"/staff/attendance/{sitting.booking}")

    for words in ("Maria Santos", "The learner made no attempt to come in."):
        assert words in page.words
        assert words in one.words
    assert "Your decision" in one.words
    assert "Judge what happened" in (await sam.get(f"/staff/bookings/{sitting.booking}")).words


async def test_confirmed_no_show_makes_a_charge_that_can_be_paid_once_due(world: World) -> None:
    sitting = await missed(world)
    sam = await world.staff(SAM)

    answer = await sam.post(
        f"/staff/attendance/{sitting.booking}",
        {"verdict": "learner_no_show", "reason": "Nobody came."},
    )

    assert answer.to == "/staff/attendance?done=decided"
    assert "No missed session waits" in (await sam.get(answer.to)).words
    charges = await sam.get("/staff/charges")
    assert "Maria Santos" in charges.words
    assert "Held £45.00 £9.00 (20 %) £54.00" in charges.words
    (owed,) = await world.desk.charges.open(SAM)
    page = f"/staff/charges/{owed.charge.id}"
    assert "falls due when" in (await sam.get(page)).words
    assert (await sam.post(f"{page}/paid", {"note": "TX 1"}, page=page)).status == 409

    await world.desk.requests.ask(
        Ask(
            BACKEND,
            "again",
            "learner-1",
            "Maria Santos",
            "learner1@example.org",
            "ISPS-SSO",
            datetime(2027, 3, 1, tzinfo=UTC),
        )
    )
    without = await sam.post(f"{page}/paid", {"note": ""}, page=page)
    paid = await sam.post(f"{page}/paid", {"note": "TX 1"}, page=page)

    assert without.status == 422
    assert 'href="#note"' in without.text
    assert paid.to == "/staff/charges?done=paid"
    assert "No charge is held or due" in (await sam.get(paid.to)).words
    settled = await sam.get(page)
    assert "Settled" in settled.words
    assert "TX 1 (Sam Field)" in settled.words


async def test_charge_is_waived_with_a_reason(world: World) -> None:
    sitting = await missed(world)
    verdict = BookingState.LEARNER_NO_SHOW
    await world.desk.attendance.decide(sitting.booking, SAM, verdict, "Nobody came.")
    (owed,) = await world.desk.charges.open(SAM)
    sam = await world.staff(SAM)
    page = f"/staff/charges/{owed.charge.id}"

    without = await sam.post(f"{page}/waive", {}, page=page)
    waived = await sam.post(f"{page}/waive", {"reason": "In hospital."}, page=page)

    assert without.status == 422
    assert waived.to == "/staff/charges?done=waived"
    assert await world.desk.charges.open(SAM) == []


async def test_to_decide_wants_a_fresh_proof_and_reading_does_not(world: World) -> None:
    sitting = await missed(world)
    await world.with_app(SAM)
    sam = await world.staff(SAM)
    page = f"/staff/attendance/{sitting.booking}"
    entered = {"verdict": "learner_no_show", "reason": "Nobody came."}
    world.clock.move_to(world.clock.now() + FRESH + timedelta(seconds=1))

    stale = await sam.get(page)
    refused = await sam.post(page, entered)
    confirmed = await sam.post("/staff/confirm", {"code": world.code(), "next": page})

    assert stale.status == 200
    assert 'name="verdict"' not in stale.text
    assert "We first ask you to confirm" in stale.words
    assert refused.to.startswith("/staff/confirm")
    assert await world.desk.charges.open(SAM) == []
    assert 'name="verdict"' in (await sam.get(confirmed.to)).text
    assert (await sam.post(page, entered)).to == "/staff/attendance?done=decided"


async def test_verdict_needs_a_choice_and_a_reason_and_keeps_what_was_typed(world: World) -> None:
    sitting = await missed(world)
    sam = await world.staff(SAM)
    page = f"/staff/attendance/{sitting.booking}"

    no_choice = await sam.post(page, {"reason": "They wrote to us."})
    no_reason = await sam.post(page, {"verdict": "excused", "reason": ""})

    assert no_choice.status == no_reason.status == 422
    assert "They wrote to us." in no_choice.text
    assert 'href="#verdict-1"' in no_choice.text
    assert re.search(r'value="excused"\s+checked', no_reason.text)
    assert 'href="#reason"' in no_reason.text


async def test_no_show_can_be_found_otherwise_after_a_dispute(world: World) -> None:
    sitting = await missed(world)
    verdict = BookingState.LEARNER_NO_SHOW
    await world.desk.attendance.decide(sitting.booking, SAM, verdict, "Nobody came.")
    sam = await world.staff(SAM)
    page = f"/staff/attendance/{sitting.booking}"
    assert "learner_no_show" not in (await sam.get(page)).text

    answer = await sam.post(page, {"verdict": "excused", "reason": "Rescue at sea."})

    assert answer.to == "/staff/attendance?done=decided"
    assert await world.desk.charges.open(SAM) == []


async def test_who_came_and_was_met_by_nobody_may_book_again(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    learner, sam = await world.learner(sitting.request), await world.staff(SAM)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    page = f"/staff/attendance/{sitting.booking}"
    form = await sam.get(page)

    answer = await sam.post(page, {"verdict": "provider_fault", "reason": "Nobody was on duty."})

    offered = re.findall(r'name="verdict"[^>]*value="([a-z_]+)"', form.text)
    assert offered == ["provider_fault", "technical_unresolved"]
    assert answer.to == "/staff/attendance?done=decided"
    told = await learner.get("/me")
    assert "This was our fault" in told.words
    assert 'href="/me/book"' in told.text


async def admit(world: World, sitting: Sitting) -> None:
    """Let the assessment of a learner who has checked in begin."""
    by, desk = staff_of(sitting), world.desk
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        taken = Evidence(
            f"ev_{kind}", sitting.session, kind, "image/jpeg", START, "0" * 64, 9, None
        )
        await desk.identity.record(sitting.session, by, Seen(kind, taken))
    await desk.identity.decide(sitting.session, by, Decision.CONFIRMED, "As in the document.")
    await desk.sessions.admit(sitting.session, by)


async def test_an_answer_to_a_refusal_leads_to_its_record(world: World) -> None:
    sitting = await world.booked()
    desk, by = world.desk, staff_of(sitting)
    world.clock.move_to(START)
    await desk.sessions.check_in(sitting.session, ("identity", "recording"))
    await desk.identity.decide(sitting.session, by, Decision.NOT_CONFIRMED, "Another face.")
    await desk.sessions.refuse(sitting.session, by, "This is not your passport.")
    asked = await desk.enquiries.ask(sitting.request, EnquiryKind.DISPUTE, "It is mine.")
    sam = await world.staff(SAM)

    page = await sam.get(f"/staff/enquiries/{asked.id}")

    assert f'href="/staff/records/{sitting.session}"' in page.text
    assert "/staff/attendance/" not in page.text.split("<main")[1]
    assert "This is not your passport." in page.words


async def test_running_session_is_not_judged(world: World) -> None:
    sitting = await world.booked()
    page = f"/staff/bookings/{sitting.booking}"
    world.clock.move_to(START)
    sam = await world.staff(SAM)
    booked = await sam.get(page)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    waiting = await sam.get(page)
    await admit(world, sitting)
    running = await sam.get(page)

    judge = f"/staff/attendance/{sitting.booking}"
    assert [judge in one.text for one in (booked, waiting, running)] == [False, True, False]


# --- closures, administration, console ------------------------------------------------------------


async def test_closures_are_added_and_removed(world: World) -> None:
    sam = await world.staff(SAM)

    added = await sam.post("/staff/closures", {"day": "2026-12-24", "reason": "Christmas Eve"})

    assert added.to == "/staff/closures?done=closed"
    page = await sam.get(added.to)
    assert "Thursday 24 December 2026 Christmas Eve" in page.words
    removed = await sam.post("/staff/closures/2026-12-24/remove", {}, page="/staff/closures")
    assert removed.to == "/staff/closures?done=opened"
    assert "Christmas Eve" not in (await sam.get("/staff/closures")).words
    nonsense = await sam.post("/staff/closures/x/remove", {}, page="/staff/closures")
    assert nonsense.status == 404


async def test_extra_hours_are_added_stand_alone_and_are_removed(world: World) -> None:
    sam = await world.staff(SAM)
    extra = {"open_day": "2026-11-23", "open_start": "13:00", "open_end": "18:00"}

    added = await sam.post("/staff/closures/hours", extra, page="/staff/closures")

    assert added.to == "/staff/closures?done=extra"
    page = await sam.get(added.to)
    assert "Monday 23 November 2026 13:00 to 18:00 Remove" in page.words
    assert "stand instead of the day" in page.words
    day = START.date()
    whole = datetime(2026, 11, 23, 13, tzinfo=UTC), datetime(2026, 11, 23, 18, tzinfo=UTC)
    assert await world.desk.rota.open_windows(day, day) == [Window(*whole)]
    (opening,) = await world.desk.rota.openings()
    way = f"/staff/closures/hours/{opening.id}/remove"
    removed = await sam.post(way, {}, page="/staff/closures")
    assert removed.to == "/staff/closures?done=usual"
    usual = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert await world.desk.rota.open_windows(day, day) == [Window(*usual)]
    assert (await sam.post(way, {}, page="/staff/closures")).status == 404


@pytest.mark.parametrize(
    ("day", "start", "end", "field"),
    [
        ("", "13:00", "18:00", "open_day"),
        ("2026-11-17", "13:00", "18:00", "open_day"),
        ("2026-11-23", "one", "18:00", "open_start"),
        ("2026-11-23", "13:00", "12:30", "open_end"),
    ],
)
async def test_extra_hours_that_cannot_be_are_kept_in_the_form(
    world: World, day: str, start: str, end: str, field: str
) -> None:
    sam = await world.staff(SAM)
    entered = {"open_day": day, "open_start": start, "open_end": end}

    answer = await sam.post("/staff/closures/hours", entered, page="/staff/closures")

    assert answer.status == 422
    assert f'href="#{field}"' in answer.text
    assert f'value="{start}"' in answer.text
    assert await world.desk.rota.openings() == []


@pytest.mark.parametrize(
    ("day", "reason", "field"),
    [("", "Storm", "day"), ("24.12.2026", "Storm", "day"), ("2026-12-24", "", "reason")],
)
async def test_closure_that_lacks_something_is_kept_in_the_form(
    world: World, day: str, reason: str, field: str
) -> None:
    sam = await world.staff(SAM)

    answer = await sam.post("/staff/closures", {"day": day, "reason": reason})

    assert answer.status == 422
    assert f'href="#{field}"' in answer.text
    assert f'value="{reason}"' in answer.text


async def test_administrator_sees_staff_health_and_what_has_not_arrived(world: World) -> None:
    await world.booked()
    async with world.desk.office.store.write() as tx:
        await tx.watch.beat(MORNING)
        (mail, *_) = await tx.outbox.due(MORNING, 10)
        claimed = DeliveryState.CLAIMED
        await tx.outbox.claim(mail, claimed, MORNING + timedelta(minutes=1))
    ada = await world.staff(ADA)

    page = await ada.get("/staff/admin")

    assert "Clockwork Last heartbeat 09:00:00 UTC. Well" in page.words
    assert "Database It answers. Well" in page.words
    assert mail.type in page.words
    for person in (ADA, ANA, SAM, TOM):
        assert person.email in page.words


async def test_administrator_is_told_of_a_silent_clockwork_and_late_deliveries(
    world: World,
) -> None:
    await world.booked()
    world.clock.move_to(MORNING + timedelta(days=2))
    ada = await world.staff(ADA)

    page = await ada.get("/staff/admin")

    assert "No heartbeat for an hour. Look here" in page.words
    assert "Something waits since 18 November, 09:00 UTC. Look here" in page.words


async def test_console_tells_its_script_where_the_room_is(world: World) -> None:
    ana = await world.staff(ANA)

    page = await ana.get("/staff/console")

    assert boot(page) == {
        "role": "invigilator",
        "socket_path": "/room/socket",
        "ticket_url": "/room/ticket",
    }


# --- records and evidence -------------------------------------------------------------------------


async def with_evidence(world: World, data: bytes, media_type: str, kind: str) -> Evidence:
    """Run a session in which a piece of evidence is taken."""
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    stored = world.vault.put(sitting.session, "ev_1", data)
    piece = Evidence(
        "ev_1", sitting.session, kind, media_type, START, stored.sha256, stored.size, None
    )
    if kind == SnapshotKind.FACE:
        await world.desk.identity.record(
            sitting.session, staff_of(sitting), Seen(SnapshotKind.FACE, piece)
        )
    else:
        async with world.desk.office.store.write() as tx:
            await tx.evidence.add(piece)
    await world.reasons(sitting.session)
    return piece


async def views(world: World, session: str) -> int:
    record = await world.desk.reports.record(session, ADA)
    return sum(one.kind == "evidence_viewed" for one in record.entries)


async def fetch(person: Person, wanted: str | None = None) -> Answer:
    headers = {} if wanted is None else {"Range": wanted}
    return await person.get("/staff/evidence/ev_1", headers)


async def test_record_is_checked_as_it_is_shown_and_can_be_taken_away(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    by = staff_of(sitting)
    await world.desk.sessions.stop(sitting.session, by, "The alarm rang.")
    sam = await world.staff(SAM)
    path = f"/staff/records/{sitting.session}"
    before = await sam.get(path)
    await world.desk.reports.attest(
        sitting.session, by, "The alarm rang, and everybody left.", Outcome.STOPPED
    )

    page = await sam.get(path)
    file = await sam.get(f"{path}/download")

    assert "not sealed yet" in before.words
    assert "/download" not in before.text
    assert "The record is whole." in page.words
    assert "Stopped the session: The alarm rang." in page.words
    assert f"{by.name} (invigilator)" in page.words
    assert "attachment" in file.header("Content-Disposition")
    assert file.header("Cache-Control") == "no-store"
    assert json.loads(file.text)["session"] == sitting.session


async def test_every_look_at_a_picture_is_noted(world: World) -> None:
    piece = await with_evidence(world, b"jpeg", "image/jpeg", SnapshotKind.FACE)
    sam = await world.staff(SAM)

    answers = [await fetch(sam) for _ in range(2)]

    for answer in answers:
        assert (answer.status, answer.body) == (200, b"jpeg")
        assert answer.header("Content-Type") == "image/jpeg"
        assert answer.header("Cache-Control") == "no-store"
        assert answer.header("Content-Security-Policy") == "default-src 'none'; sandbox"
    assert await views(world, piece.session) == 2


async def test_recording_plays_by_ranges_and_a_playback_is_one_look(world: World) -> None:
    data = bytes(range(256)) * 4_000
    piece = await with_evidence(world, data, "video/webm", "recording")
    sam = await world.staff(SAM)

    whole = await fetch(sam)
    start = await fetch(sam, "bytes=0-99")
    middle = await fetch(sam, "bytes=300000-")
    end = await fetch(sam, "bytes=-10")

    assert (whole.status, whole.body) == (200, data)
    assert (start.status, start.body) == (206, data[:100])
    assert start.header("Content-Range") == f"bytes 0-99/{len(data)}"
    assert (middle.status, middle.body) == (206, data[300_000:])
    assert (end.status, end.body) == (206, data[-10:])
    assert await views(world, piece.session) == 1

    world.clock.seconds += PLAYBACK_SECONDS + 1
    await fetch(sam, "bytes=5-9")
    await fetch(await world.staff(ADA), "bytes=5-9")

    assert await views(world, piece.session) == 3


@pytest.mark.parametrize(
    ("wanted", "status", "size"),
    [("bytes=4-", 416, 0), ("bytes=9-12", 416, 0), ("bytes=0-100", 206, 4), ("lines=1", 200, 4)],
)
async def test_ranges_that_do_not_fit(world: World, wanted: str, status: int, size: int) -> None:
    await with_evidence(world, b"webm", "video/webm", "recording")

    answer = await fetch(await world.staff(SAM), wanted)

    assert (answer.status, len(answer.body)) == (status, size)


async def test_evidence_is_for_its_invigilator_and_those_who_oversee(world: World) -> None:
    piece = await with_evidence(world, b"webm", "video/webm", "recording")
    sitting = (await world.desk.sessions.view(piece.session)).sitting
    own, colleague = (ANA, TOM) if sitting.staff == ANA.id else (TOM, ANA)

    assert (await fetch(await world.staff(own))).status == 200
    assert (await fetch(await world.staff(colleague))).status == 404
    assert (await fetch(await world.learner(sitting.request))).to.startswith("/staff/sign-in")


async def test_damaged_recording_breaks_off_rather_than_going_on_as_something_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(CHUNK * 2)
    await with_evidence(world, data, "video/webm", "recording")
    healthy = Reader.read

    def read(self: Reader, start: int, stop: int) -> bytes:
        if start:
            raise EvidenceDamaged("ev_1", "a chunk was changed")
        return healthy(self, start, stop)

    monkeypatch.setattr(Reader, "read", read)

    with pytest.raises(aiohttp.ClientError):
        await fetch(await world.staff(SAM))


async def test_a_store_that_is_away_when_a_player_asks_is_told_by_an_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_evidence(world, b"webm", "video/webm", "recording")
    sam = await world.staff(SAM)

    def away(_: Reader, _start: int, _stop: int) -> bytes:
        raise PlaceAway("for a test")

    with monkeypatch.context() as patch:
        patch.setattr(Reader, "read", away)
        refused = await fetch(sam)

    assert refused.status == 503
    assert (await fetch(sam)).body == b"webm"


async def test_erased_evidence_says_so(world: World) -> None:
    piece = await with_evidence(world, b"webm", "video/webm", "recording")
    world.vault.erase(piece.session, piece.id)
    sam = await world.staff(SAM)

    before_the_note = await fetch(sam)
    async with world.desk.office.store.write() as tx:
        await tx.evidence.erase(piece.id, START)
    after = await fetch(await world.staff(ADA))

    for answer in (before_the_note, after):
        assert answer.status == 410
        assert "retention time" in answer.words
    record = await sam.get(f"/staff/records/{piece.session}")
    assert "/staff/evidence/ev_1" not in record.text


def test_playback_ends_after_a_pause_and_after_its_limit() -> None:
    playbacks = Playbacks()
    piece = Evidence("ev_1", "se_1", "recording", "video/webm", START, "", 1, None)
    playbacks.begin(SAM, piece, 0.0)
    now = 0.0
    while now + PLAYBACK_SECONDS <= PLAYBACK_LIMIT_SECONDS:
        now += PLAYBACK_SECONDS
        assert playbacks.going_on(SAM, "ev_1", now) is piece

    assert playbacks.going_on(SAM, "ev_1", now + 1) is None
    assert playbacks.going_on(ADA, "ev_1", 0.0) is None
