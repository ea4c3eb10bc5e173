"""Requests that no browser of ours sends: answered in plain words, and no secret in the log."""

from __future__ import annotations

import logging

import pytest

from tests.web.office import SAM, World
from web.auth import cookies
from web.auth.csrf import HEADER
from web.pages import personal


async def test_a_personal_link_that_fails_is_not_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    link = world.link((await world.asked()).request.id)

    async def fail(_: object) -> object:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(personal, "_opened", fail)

    with caplog.at_level(logging.ERROR):
        answer = await world.stranger().get(link)

    assert answer.status == 500
    assert "page failed: GET /r/{token}" in caplog.text
    assert link.removeprefix("/r/") not in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded; charset=klingon"},
        {"Content-Type": "multipart/form-data"},
        {HEADER: "\udcff"},
    ],
)
async def test_a_form_that_cannot_be_read_is_not_taken(
    world: World, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    person = await world.staff(SAM)

    answer = await person.ask("POST", "/staff/sign-out", headers=headers)

    assert answer.status == 403
    assert caplog.records == []


async def test_a_cookie_of_strange_letters_is_nobodys(world: World) -> None:
    person = world.stranger()
    person.cookies[cookies.STAFF] = "\udcff"

    assert (await person.get("/")).status == 200


async def test_a_nul_is_no_part_of_an_address_and_goes_out_of_what_is_typed(world: World) -> None:
    sitting = await world.booked()
    sam = await world.staff(SAM)

    strange = await sam.get("/staff/bookings/bk%00")
    done = await sam.post(
        f"/staff/bookings/{sitting.booking}/cancel",
        {"reason": "Nobody\0 is free."},
        page=f"/staff/bookings/{sitting.booking}",
    )

    assert strange.status == 404
    assert done.to.endswith("?done=cancelled")
    view = await world.desk.sessions.view(sitting.session)
    assert view.session.reason == "Nobody is free."
