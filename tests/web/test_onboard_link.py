"""An officer's link opens one form and nothing else; no other link opens the form."""

from __future__ import annotations

from datetime import timedelta

from tests.web.office import SECRET_BYTES, Person, World
from tests.web.test_onboard import invited, send
from web.auth import cookies
from web.auth.links import onboard_link

LOGINS = {cookies.STAFF, cookies.LEARNER, cookies.SECOND}


async def answers(world: World, person: Person) -> dict[str, tuple[int, str]]:
    """Ask for every page that has no name in its address; return status and where it leads."""
    found = {}
    for resource in world.app.router.resources():
        path = resource.canonical
        if "{" in path or not any(route.method == "GET" for route in resource):
            continue
        answer = await person.get(path)
        found[path] = (answer.status, answer.to)
    return found


async def test_whoever_has_opened_and_sent_the_form_is_a_stranger_everywhere_else(
    world: World,
) -> None:
    request, path = await invited(world)
    officer = world.stranger()

    opened = await officer.get(path)
    sent = await send(officer, path)

    assert (opened.status, sent.status) == (200, 303)
    assert not LOGINS & officer.cookies.keys()
    found = await answers(world, officer)
    assert found == await answers(world, world.stranger())
    assert {"/me", "/me/onboard", "/me/receipts", "/staff/onboard"} <= found.keys()
    assert found["/me/onboard"] == (401, "")
    assert request


async def test_the_forms_link_is_no_other_link_and_no_other_link_is_the_forms(
    world: World,
) -> None:
    request, path = await invited(world)
    token = path.removeprefix("/onboard/")
    personal = world.link(request).removeprefix("/r/")
    officer = world.stranger()

    for other in (f"/r/{token}", f"/onboard/{personal}", f"/feeds/{token}.ics"):
        assert (await officer.get(other)).status == 404, other
    page = await officer.get(path)
    for other in (f"/r/{token}", f"/onboard/{personal}", f"/second/{token}"):
        answer = await officer.ask("POST", other, data={"csrf": page.csrf})
        assert answer.status in {404, 410}, other
    assert not LOGINS & officer.cookies.keys()


async def test_the_forms_page_tells_no_more_than_the_officer_must_know(world: World) -> None:
    asked = await world.asked()
    until = world.clock.now() + timedelta(days=1)

    page = await world.stranger().get(onboard_link(SECRET_BYTES, asked.request.id, until))

    assert asked.learner.name in page.words
    for private in (asked.learner.email, asked.request.id, asked.request.reference, "/r/"):
        assert private not in page.text


async def test_a_link_for_one_request_sends_no_form_for_another(world: World) -> None:
    mine, path = await invited(world, 1)
    other, _ = await invited(world, 2)

    await send(world.stranger(), path, {"request": other})

    assert (await world.desk.onboard.case(mine)).form is not None
    assert (await world.desk.onboard.case(other)).form is None
