"""Administrators see where others are signed in, and sign them out: one browser, or all."""

from __future__ import annotations

from datetime import timedelta

from invigilation.proof import FRESH
from tests.web.office import ADA, SAM, TOM, World
from tests.web.test_mail import HEAD
from tests.web.test_my_sign_in import listening
from tests.web.test_second_factor import letters
from web.auth import cookies
from web.mail.letters import Letters

PAGE = f"/staff/admin/logins/{SAM.id}"


async def noted(world: World) -> list[tuple[str, str]]:
    async with world.desk.office.store.read() as tx:
        return [(one.actor, one.action) for one in await tx.audit.of(SAM.id)]


async def test_the_staff_list_leads_to_where_somebody_is_signed_in(world: World) -> None:
    ada = await world.staff(ADA)
    for _ in range(2):
        await world.staff(SAM)

    listed = await ada.get("/staff/admin")
    page = await ada.get(PAGE)

    assert f'href="{PAGE}"' in listed.text
    assert "2 browsers : where Sam Field is signed in" in listed.words
    assert 'href="/staff/me"' in listed.text
    assert page.words.count("Since Wed 18 Nov, 09:00") == 2
    assert (await ada.get(f"/staff/admin/logins/{ADA.id}")).to == "/staff/me"
    assert "not signed in anywhere" in (await ada.get(f"/staff/admin/logins/{TOM.id}")).words
    assert (await ada.get("/staff/admin/logins/st_nobody")).status == 404


async def test_one_of_somebodys_sign_ins_is_ended(world: World) -> None:
    ada, here, there = await world.staff(ADA), await world.staff(SAM), await world.staff(SAM)
    heard = listening(world)
    login = await world.desk.reception.login(there.cookies[cookies.STAFF])
    assert login is not None

    done = await ada.post(f"{PAGE}/{login.id}/end", {}, page=PAGE)

    assert "They are signed out there" in (await ada.get(done.to)).words
    assert (await here.get("/staff/me")).status == 200
    assert (await there.get("/staff/me")).to.startswith("/staff/sign-in")
    assert heard == [SAM.id]
    assert await noted(world) == [(f"administrator:{ADA.id}", "staff.signed_out")]
    assert await letters(world) == ["signed_out"]


async def test_all_of_them_are_ended_with_one_letter(world: World) -> None:
    ada = await world.staff(ADA)
    sams = [await world.staff(SAM) for _ in range(3)]

    await ada.post(f"{PAGE}/end", {}, page=PAGE)

    for sam in sams:
        assert (await sam.get("/staff/me")).to.startswith("/staff/sign-in")
    assert (await ada.get("/staff/admin")).status == 200
    assert len(await noted(world)) == 3
    assert await letters(world) == ["signed_out"]


async def test_it_is_for_administrators_with_a_fresh_second_step(world: World) -> None:
    ada, sam = await world.staff(ADA), await world.staff(SAM)
    theirs = f"/staff/admin/logins/{TOM.id}"
    ours = await sam.post(f"{theirs}/end", {}, page="/staff/me")
    world.clock.move_to(world.clock.now() + FRESH + timedelta(seconds=1))
    token = (await ada.get("/staff/me")).csrf

    stale = [
        await ada.get(PAGE),
        await ada.ask("POST", f"{PAGE}/end", {"csrf": token}),
        await ada.ask("POST", f"{PAGE}/abc/end", {"csrf": token}),
    ]

    assert ours.status == 403
    assert {one.to.partition("?")[0] for one in stale} == {"/staff/confirm"}
    assert (await sam.get("/staff/me")).status == 200


async def test_a_sign_in_that_is_not_theirs_is_not_found(world: World) -> None:
    ada = await world.staff(ADA)
    await world.staff(SAM)
    (own,) = await world.desk.credentials.logins(ADA)

    answer = await ada.post(f"{PAGE}/{own.id}/end", {}, page=PAGE)

    assert answer.status == 404
    assert (await ada.get("/staff/me")).status == 200


async def test_the_letter_says_who_did_it_and_what_to_do(world: World) -> None:
    ada = await world.staff(ADA)
    await world.staff(SAM)
    await ada.post(f"{PAGE}/end", {}, page=PAGE)
    async with world.desk.office.store.read() as tx:
        (letter,) = await tx.outbox.due(world.clock.now(), 10)

    mail = Letters(HEAD).write(letter)

    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mail["Subject"] == "Your sign-in: an administrator signed you out"
    assert "You can sign in again as always" in text
    assert "Device" not in text
