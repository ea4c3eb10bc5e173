"""The pages on which somebody says why they look at evidence, and where others see that."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from aiohttp import web

from invigilation.desk.identity import Seen
from invigilation.identity import SnapshotKind
from invigilation.looks import OWN_WORK
from invigilation.people import Role, Staff
from invigilation.session import Outcome
from invigilation.store.evidence import Evidence
from invigilation.store.views import Sitting
from tests.web.office import ADA, ANA, SAM, START, TOM, World
from web.pages import evidence

IDA = Staff("st_ida", "ida@example.org", "Ida Long", frozenset({Role.AUDITOR}))
STATEMENT = "The alarm rang, and everybody left."


def own_of(sitting: Sitting) -> Staff:
    return ANA if sitting.staff == ANA.id else TOM


async def attested(world: World) -> Sitting:
    """An attested session with the picture of a face and a recording."""
    sitting = await world.booked()
    world.clock.move_to(START)
    desk, session, own = world.desk, sitting.session, own_of(sitting)
    await desk.sessions.check_in(session, ("identity", "recording"))
    for ident, kind, media_type in (
        ("ev_face", SnapshotKind.FACE.value, "image/jpeg"),
        ("ev_cam", "recording", "video/webm"),
    ):
        kept = world.vault.put(session, ident, b"bytes")
        piece = Evidence(ident, session, kind, media_type, START, kept.sha256, kept.size, None)
        if kind == SnapshotKind.FACE:
            await desk.identity.record(session, own, Seen(SnapshotKind.FACE, piece))
        else:
            async with desk.office.store.write() as tx:
                await tx.evidence.add(piece)
    await desk.sessions.stop(session, own, "The alarm rang.")
    await desk.reports.attest(session, own, STATEMENT, Outcome.STOPPED)
    return sitting


async def test_a_record_opens_without_its_pictures_until_a_reason_is_given(world: World) -> None:
    sitting = await attested(world)
    sam, path = await world.staff(SAM), f"/staff/records/{sitting.session}"

    closed = await sam.get(path)
    form = await sam.get(f"{path}/look?next={path}")
    told = await sam.post(f"{path}/look", {"reason": "quality", "words": "", "next": path})
    opened = await sam.get(path)

    assert "Pictures and recordings are closed" in closed.words
    assert f'href="{path}/look?next=' in closed.text
    assert "/staff/evidence/" not in closed.text
    assert "Why do you look?" in form.words
    assert (told.status, told.to) == (303, path)
    assert '<img src="/staff/evidence/ev_face"' in opened.text
    assert "Pictures and recordings are closed" not in opened.words
    assert (await sam.get("/staff/evidence/ev_face")).status == 200
    assert "Looked at evidence (face): To check how well we work" in (await sam.get(path)).words


async def test_whoever_looks_at_evidence_is_logged_with_its_session(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sitting = await attested(world)
    sam, path = await world.staff(SAM), f"/staff/records/{sitting.session}"
    logged: list[object] = []

    async def send(*_: object) -> web.Response:
        logged.append(structlog.contextvars.get_contextvars().get("session"))
        return web.Response()

    monkeypatch.setattr(evidence, "_send", send)
    await sam.post(f"{path}/look", {"reason": "quality", "words": "", "next": path})
    for _ in range(2):  # the second time it is a look that goes on
        await sam.get("/staff/evidence/ev_cam")

    assert logged == [sitting.session] * 2


async def test_evidence_leads_to_the_question_and_back(world: World) -> None:
    sitting = await attested(world)
    sam, path = await world.staff(SAM), f"/staff/records/{sitting.session}"

    for asked, then in (
        ("/staff/evidence/ev_face", "/staff/evidence/ev_face"),
        (f"{path}/report.pdf", path),
        (f"{path}/bundle", path),
    ):
        answer = await sam.get(asked)

        assert answer.to.startswith(f"{path}/look?"), asked
        assert parse_qs(urlsplit(answer.to).query)["next"] == [then]


async def test_a_picture_in_a_page_is_refused_and_leads_nowhere(world: World) -> None:
    await attested(world)
    sam = await world.staff(SAM)

    answer = await sam.get("/staff/evidence/ev_face", {"Sec-Fetch-Dest": "image"})

    assert (answer.status, answer.to) == (403, "")


async def test_what_is_missing_in_a_reason_is_said_on_the_page(world: World) -> None:
    sitting = await attested(world)
    sam, path = await world.staff(SAM), f"/staff/records/{sitting.session}/look"

    none = await sam.post(path, {"next": ""})
    other = await sam.post(path, {"reason": "other", "words": "", "next": "/staff/records/x"})

    assert (none.status, other.status) == (422, 422)
    assert "Choose why you look at this." in none.words
    assert "Say in a few words why" in other.words
    assert 'name="next" value="/staff/records/x"' in other.text


async def test_nobody_is_led_out_of_the_office(world: World) -> None:
    sitting = await attested(world)
    sam, path = await world.staff(SAM), f"/staff/records/{sitting.session}"

    for then in ("https://elsewhere.example", "//elsewhere.example", "/staff/records/../sign-out"):
        told = await sam.post(f"{path}/look", {"reason": "audit", "words": "", "next": then})

        assert told.to == path, then


async def test_who_has_not_proved_who_they_are_for_a_while_does_so_first(world: World) -> None:
    sitting = await attested(world)
    sam, path = await world.staff(SAM), f"/staff/records/{sitting.session}/look"
    world.clock.move_to(world.clock.now() + timedelta(minutes=16))

    for answer in (await sam.get(path), await sam.post(path, {"reason": "audit"}, "/staff/rota")):
        assert answer.to.startswith("/staff/confirm?next=")


async def test_the_sessions_own_invigilator_is_asked_nothing_the_same_day(world: World) -> None:
    sitting = await attested(world)
    own = await world.staff(own_of(sitting))
    world.clock.move_to(world.clock.now() + timedelta(minutes=50))

    page = await own.get(f"/staff/records/{sitting.session}")

    assert '<img src="/staff/evidence/ev_face"' in page.text
    assert (await own.get("/staff/evidence/ev_face")).status == 200


async def test_on_another_day_they_prove_who_they_are_and_are_asked_no_reason(world: World) -> None:
    sitting = await attested(world)
    own, path = own_of(sitting), f"/staff/records/{sitting.session}"
    old = await world.staff(own)
    end = world.clock.now() + OWN_WORK
    while world.clock.now() < end:  # they have not left
        world.clock.move_to(min(end, world.clock.now() + timedelta(minutes=50)))
        await old.get("/staff/me")

    late, fresh = await old.get(path), await (await world.staff(own)).get(path)

    assert late.to.startswith("/staff/confirm?next=")
    assert '<img src="/staff/evidence/ev_face"' in fresh.text
    assert (await old.get(path)).status == 200, "once in eight hours"


async def test_who_looked_is_shown_with_what_was_unusual_and_closed_there(world: World) -> None:
    sitting = await attested(world)
    async with world.desk.office.store.write() as tx:
        await tx.people.add_staff(IDA, "")
    world.clock.move_to(START.replace(hour=23))
    await world.desk.looks.open(sitting.session, SAM, "other", "A call at night.")
    ada, ida = await world.staff(ADA), await world.staff(IDA)
    async with world.desk.office.store.read() as tx:
        (alarm,) = await tx.looks.alarms(9)
    close = f"/staff/looks/{alarm.id}/close"

    page, read_only = await ada.get("/staff/looks"), await ida.get("/staff/looks")
    empty = await ada.post(close, {"note": ""}, "/staff/looks")
    closed = await ada.post(close, {"note": "I asked: a ship had called."}, "/staff/looks")

    assert "Opened the evidence of one record at night, between 22:00 and 6:00" in page.words
    assert "Something else: A call at night." in page.words
    assert "Maria Santos" in page.words
    assert close in page.text
    assert close not in read_only.text
    assert empty.status == 422
    assert "Write what you found out" in empty.words
    assert (closed.status, closed.to) == (303, "/staff/looks")
    assert "I asked: a ship had called. Ada Stone" in (await ada.get("/staff/looks")).words
    assert (await (await world.staff(SAM)).get("/staff/looks")).status == 403
