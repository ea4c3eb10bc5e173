"""A login of staff ends after a time of silence, says so, and leads back; a live page keeps it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from invigilation.desk.people import Kind
from invigilation.people import Role, Staff
from invigilation.proof import Proof
from tests.web.office import ADA, ANA, SAM, TOM, Person, World
from web.auth import cookies
from web.auth.visitor import AWAKE
from web.gone import Gone

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def wait(world: World, time: timedelta) -> None:
    world.clock.move_to(world.clock.now() + time)


async def is_in(person: Person, path: str = "/staff/me") -> bool:
    return (await person.get(path)).status == 200


async def test_an_hour_of_silence_ends_a_login_and_each_request_begins_it_anew(
    world: World,
) -> None:
    sam = await world.staff(SAM)
    for _ in range(5):
        wait(world, HOUR - MINUTE)
        assert await is_in(sam)

    wait(world, HOUR)

    assert (await sam.get("/staff/bookings")).to == "/staff/sign-in?next=%2Fstaff%2Fbookings"


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.AUDITOR])
async def test_who_sees_everything_is_out_after_half_an_hour(world: World, role: Role) -> None:
    person = Staff("st_kim", "kim@example.org", "Kim Lee", frozenset({role, Role.INVIGILATOR}))
    async with world.desk.office.store.write() as tx:
        await tx.people.add_staff(person, "")
    kim, sam = await world.staff(person), await world.staff(SAM)

    wait(world, timedelta(minutes=30))

    assert not await is_in(kim)
    assert await is_in(sam)


async def test_the_time_is_that_of_the_rules() -> None:
    from invigilation.desk.office import Rules  # noqa: PLC0415 - of this test alone

    rules = Rules(silence=HOUR * 3, silence_oversight=HOUR * 2)

    assert (rules.silence_of(SAM), rules.silence_of(ADA)) == (HOUR * 3, HOUR * 2)


async def test_the_sign_in_page_says_what_happened_and_leads_back(world: World) -> None:
    await world.with_app(SAM)
    sam = await world.staff(SAM)
    wait(world, HOUR)

    page = await sam.get((await sam.get("/staff/bookings?day=2026-11-23")).to)
    other = await world.stranger().get("/staff/sign-in")

    assert "Nothing was done here for 60 minutes" in page.words
    assert "you come back to the page where you were" in page.words
    assert 'name="next" value="/staff/bookings?day=2026-11-23"' in page.text
    assert "Nothing was done" not in other.words


async def test_a_form_that_is_sent_too_late_leads_to_its_page_again(world: World) -> None:
    sam = await world.staff(SAM)
    token = (await sam.get("/staff/closures")).csrf
    wait(world, HOUR)

    sent = {"csrf": token, "day": "2026-12-28", "reason": "Snow"}
    origin = str(world.client.make_url("/staff/closures"))
    late = await sam.ask("POST", "/staff/closures", sent, headers={"Referer": origin})
    forged = await world.stranger().ask("POST", "/staff/closures", sent)

    assert late.to == "/staff/sign-in?next=%2Fstaff%2Fclosures"
    assert forged.status == 403


async def test_signing_out_leaves_no_such_words(world: World) -> None:
    sam = await world.staff(SAM)
    token = sam.cookies[cookies.STAFF]
    await sam.post("/staff/sign-out", {})

    sam.cookies[cookies.STAFF] = token

    assert "Nothing was done" not in (await sam.get("/staff/sign-in")).words


async def test_what_pages_read_by_themselves_keeps_nobody_in_and_work_in_them_does(
    world: World,
) -> None:
    sam = await world.staff(SAM)
    token = (await sam.get("/staff/calendar")).csrf
    wait(world, HOUR - MINUTE)

    told = json.loads((await sam.get(AWAKE)).body)
    await sam.get("/staff/calendar/data")
    still = json.loads((await sam.get(AWAKE)).body)
    kept = await sam.ask("POST", AWAKE, json={}, headers={"X-CSRF-Token": token})

    assert (told, still) == ({"seconds": 60}, {"seconds": 60})
    assert json.loads(kept.body) == {"seconds": 3600}
    wait(world, HOUR)
    over = await sam.ask("POST", AWAKE, json={}, headers={"X-CSRF-Token": token})
    assert over.status == 401


async def test_who_is_connected_is_there_however_long_they_only_look(world: World) -> None:
    ana = await world.staff(ANA)
    token, _ = await world.desk.reception.sign_in(Kind.STAFF, ANA.id, Proof.CODE)
    elsewhere = Person(world.client, {cookies.STAFF: token})
    login = await world.desk.reception.login(ana.cookies[cookies.STAFF])
    assert login is not None
    told: list[str] = []
    gone = Gone(world.desk, lambda: [ANA], told.append, lambda: {login.token_sha256})
    for _ in range(4 * 60):
        await gone.sweep()
        wait(world, MINUTE)

    assert await is_in(ana)
    assert not await is_in(elsewhere)


async def test_silence_elsewhere_throws_nobody_out_of_a_running_session(world: World) -> None:
    sitting = await world.booked()
    one = ANA if sitting.staff == ANA.id else TOM
    world.clock.move_to(sitting.start)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    here = await world.staff(one)
    await world.staff(one)
    login = await world.desk.reception.login(here.cookies[cookies.STAFF])
    assert login is not None
    told: list[str] = []
    gone = Gone(world.desk, lambda: [one], told.append, lambda: {login.token_sha256})
    for _ in range(90):
        await gone.sweep()
        wait(world, MINUTE)

    assert told == []
    assert await is_in(here)
