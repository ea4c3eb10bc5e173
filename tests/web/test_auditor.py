"""Auditors read what they audit, and can change nothing: no page offers them a way to."""

from __future__ import annotations

import re

import pytest

from invigilation.errors import NotAllowed
from tests.web.access_world import AUD
from tests.web.office import BACKEND, Person, World
from web.access.rows import TABLE
from web.access.table import EVERYBODY, THEMSELVES, Who

POST = re.compile(r'<form[^>]*method="post"[^>]*action="([^"]*)"')
LINK = re.compile(r'href="(/staff[^"?#]*)')


@pytest.fixture
async def audrey(world: World) -> Person:
    async with world.desk.office.store.write() as tx:
        await tx.people.add_staff(AUD, "")
    return await world.staff(AUD)


async def test_an_auditor_begins_with_the_records(audrey: Person, world: World) -> None:
    sitting = await world.booked()

    home = await audrey.get("/staff")
    page = await audrey.get("/staff/records?words=maria")

    assert home.to == "/staff/records"
    assert f'href="/staff/records/{sitting.session}"' in page.text
    assert "Maria Santos" in page.words


async def test_records_are_found_by_day(audrey: Person, world: World) -> None:
    await world.booked()

    there = await audrey.get("/staff/records?from=2026-11-23&to=2026-11-23")
    elsewhere = await audrey.get("/staff/records?from=2026-11-24")

    assert "Maria Santos" in there.words
    assert "No session is like this." in elsewhere.words


async def test_every_page_that_an_auditor_is_led_to_opens_and_offers_no_change(
    audrey: Person, world: World
) -> None:
    sitting = await world.booked()
    first = (await audrey.get("/staff/records")).text
    places = {*LINK.findall(first), f"/staff/deliveries/{BACKEND}"}
    assert f"/staff/records/{sitting.session}" in places

    for path in sorted(places):
        page = await audrey.get(path)
        changes = {one for one in POST.findall(page.text) if one != "/staff/sign-out"}
        assert page.status == 200, path
        assert path.startswith("/staff/me") or not changes, path


def test_no_row_lets_an_auditor_change_anything_but_their_own_sign_in() -> None:
    changing = {
        row.path
        for method, row in TABLE
        if method != "GET" and Who.AUDITOR in row.who and row.who not in (THEMSELVES, EVERYBODY)
    }

    assert changing == {"/staff/records/{session}/look", "/staff/onboard/{form}/look"}


async def test_the_desk_refuses_an_auditors_changes_as_well(world: World) -> None:
    sitting = await world.booked()
    desk = world.desk

    for change in (
        desk.sessions.ready(sitting.session, AUD),
        desk.deliveries.enable(AUD, BACKEND),
        desk.rota.everybody(AUD),
        desk.charges.open(AUD),
    ):
        with pytest.raises(NotAllowed):
            await change
