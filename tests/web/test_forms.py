"""Every form of the pages for everybody: whom each is refused to, and that no other site sends one.

The forms are those of the router: one that nobody has named below fails.
"""

from __future__ import annotations

import re

import pytest

from invigilation.desk.people import Kind
from invigilation.people import Staff
from tests.web.office import ADA, ANA, SAM, TOM, Person, World
from web.auth import cookies

ADMINISTRATOR = "administrator"
SCHEDULER, REVIEWER, OWN, LEARNER, ANYBODY = "scheduler", "reviewer", "own", "learner", "anybody"
WATCHER = "watcher"
FORMS = {
    "/request": ANYBODY,
    "/r/{token}": ANYBODY,
    "/second/{token}": ANYBODY,
    "/onboard/{token}": ANYBODY,
    "/room/ticket": ANYBODY,  # it says itself who may: tests of tickets
    "/room/captures": ANYBODY,  # and these: tests of captures
    "/room/captures/{capture}/{part}/{offset}": ANYBODY,
    "/room/captures/{capture}/finish": ANYBODY,
    "/room/local/{recording}/chain": ANYBODY,  # tests of what was kept
    "/room/local/{recording}/{n}/{offset}": ANYBODY,
    "/rehearsal": ANYBODY,  # tests of the rehearsal
    "/rehearsal/bytes": ANYBODY,
    "/rehearsal/consent": ANYBODY,
    "/rehearsal/mirror": ANYBODY,
    "/staff/sign-in": ANYBODY,
    "/staff/sign-in/code": ANYBODY,  # these say themselves who may: tests of the second factor
    "/staff/sign-in/set-up/app": ANYBODY,
    "/staff/sign-in/set-up/passkey": ANYBODY,
    "/staff/confirm": ANYBODY,
    "/staff/me/app": ANYBODY,  # one's own: tests of one's own sign-in
    "/staff/me/app/remove": ANYBODY,
    "/staff/me/passkey": ANYBODY,
    "/staff/me/passkeys/{passkey}/remove": ANYBODY,
    "/staff/me/codes": ANYBODY,
    "/staff/me/password": ANYBODY,
    "/staff/me/logins/end": ANYBODY,
    "/staff/me/logins/{login}/end": ANYBODY,
    "/staff/awake": ANYBODY,
    "/staff/sign-out": ANYBODY,
    "/me/sign-out": ANYBODY,
    "/me/device": LEARNER,
    "/me/zone": LEARNER,
    "/me/book": LEARNER,
    "/me/change": LEARNER,
    "/me/cancel": LEARNER,
    "/me/waiting": LEARNER,
    "/me/waiting/{waiting}/leave": LEARNER,
    "/me/waiting/{waiting}/accept": LEARNER,
    "/me/ask": LEARNER,
    "/me/dispute": LEARNER,
    "/me/pay": LEARNER,
    "/me/pay/give-back": LEARNER,
    "/me/check-in": LEARNER,
    "/me/consent": LEARNER,
    "/me/second-camera": LEARNER,
    "/staff/bookings/{booking}/place": SCHEDULER,
    "/staff/bookings/{booking}/move": SCHEDULER,
    "/staff/bookings/{booking}/cancel": SCHEDULER,
    "/staff/bookings/{booking}/give-back": SCHEDULER,
    "/staff/book/{request}": SCHEDULER,
    "/staff/attendance/{booking}": SCHEDULER,
    "/staff/charges/add": SCHEDULER,
    "/staff/charges/{charge}/paid": SCHEDULER,
    "/staff/charges/{charge}/waive": SCHEDULER,
    "/staff/products": SCHEDULER,
    "/staff/products/{code}": SCHEDULER,
    "/staff/closures": SCHEDULER,
    "/staff/closures/hours": SCHEDULER,
    "/staff/closures/hours/{opening}/remove": SCHEDULER,
    "/staff/closures/{day}/remove": SCHEDULER,
    "/staff/rota/{staff}/week": SCHEDULER,
    "/staff/rota/{staff}/leave": SCHEDULER,
    "/staff/rota/{staff}/leave/{leave}/remove": SCHEDULER,
    "/staff/rota/{staff}/extra": SCHEDULER,
    "/staff/rota/{staff}/extra/{shift}/remove": SCHEDULER,
    "/staff/rota/{staff}/learners": SCHEDULER,
    "/staff/rota/{staff}/skills": SCHEDULER,
    "/staff/rota/{staff}/busy": SCHEDULER,
    "/staff/rota/{staff}/busy/drop": SCHEDULER,
    "/staff/rota/{staff}/feed": OWN,
    "/staff/rota/{staff}/feed/revoke": OWN,
    "/staff/onboard/{form}/accept": REVIEWER,
    "/staff/onboard/{form}/refuse": REVIEWER,
    "/staff/enquiries/{enquiry}": SCHEDULER,
    "/staff/deliveries/{backend}/again": ADMINISTRATOR,
    "/staff/deliveries/{backend}/enable": ADMINISTRATOR,
    "/staff/deliveries/{backend}/key": ADMINISTRATOR,
    "/staff/identity/{session}": WATCHER,
    "/staff/records/{session}/gaps/{gap}": WATCHER,
    "/staff/records/{session}/look": REVIEWER,
    "/staff/onboard/{form}/look": REVIEWER,
    "/staff/looks/{alarm}/close": ADMINISTRATOR,
    "/staff/admin/company/{staff}/undo": ADMINISTRATOR,
    "/staff/admin/logins/{staff}/end": ADMINISTRATOR,
    "/staff/admin/logins/{staff}/{login}/end": ADMINISTRATOR,
}
NOBODY = Staff("st_new", "new@example.org", "New Hand", frozenset())
NAMES = {"staff": ANA.id, "day": "2026-12-25"}


def path_of(form: str) -> str:
    """The address of a form; whatever it is about does not exist, but for Ana's rota."""
    return re.sub(r"\{(\w+)\}", lambda found: NAMES.get(found[1], "xx_none"), form)


def forms_for(*audiences: str) -> list[str]:
    return [path_of(form) for form, audience in FORMS.items() if audience in audiences]


async def second_camera(world: World) -> Person:
    token, _ = await world.desk.reception.sign_in(Kind.SECOND, (await world.booked(7)).session)
    return Person(world.client, {cookies.SECOND: token})


async def learner_of(world: World, number: int) -> Person:
    return await world.learner((await world.asked(number)).request.id)


async def nobody_in_particular(world: World) -> Person:
    """Somebody of the staff who has no role."""
    async with world.desk.office.store.write() as tx:
        await tx.people.add_staff(NOBODY, "")
    return await world.staff(NOBODY)


async def refusals(person: Person, paths: list[str], page: str) -> set[object]:
    """What becomes of these forms, each with a token of that page; a sign-in is a word."""
    token = (await person.get(page)).csrf
    assert token
    seen: set[object] = set()
    for path in paths:
        answer = await person.ask("POST", path, data={"csrf": token})
        seen.add("sign-in" if answer.to.startswith("/staff/sign-in") else answer.status)
    return seen


async def test_every_form_is_named_here(world: World) -> None:
    routes = world.app.router.routes()
    forms = {
        route.resource.canonical
        for route in routes
        if route.resource is not None and route.method not in {"GET", "HEAD"}
    }

    assert forms == set(FORMS)


async def test_strangers_and_learners_are_sent_away_from_the_forms_of_the_staff(
    world: World,
) -> None:
    paths = forms_for(SCHEDULER, REVIEWER, OWN, WATCHER, ADMINISTRATOR)

    assert await refusals(world.stranger(), paths, "/") == {"sign-in"}
    assert await refusals(await learner_of(world, 1), paths, "/me") == {"sign-in"}
    assert await refusals(await second_camera(world), paths, "/") == {"sign-in"}


async def test_invigilators_cannot_send_the_schedulers_forms(world: World) -> None:
    ana = await world.staff(ANA)

    assert await refusals(ana, forms_for(SCHEDULER, ADMINISTRATOR), "/staff/sign-out") == {403}


async def test_schedulers_cannot_send_the_forms_of_others(world: World) -> None:
    sam = await world.staff(SAM)

    assert await refusals(sam, forms_for(WATCHER, ADMINISTRATOR), "/staff/sign-out") == {403}


async def test_those_who_may_are_not_refused(world: World) -> None:
    sam = await refusals(
        await world.staff(SAM), forms_for(SCHEDULER, REVIEWER, OWN), "/staff/sign-out"
    )
    ana = await refusals(
        await world.staff(ANA), forms_for(REVIEWER, OWN, WATCHER), "/staff/sign-out"
    )

    ada = await refusals(await world.staff(ADA), forms_for(ADMINISTRATOR), "/staff/sign-out")

    assert not {403, "sign-in"} & (sam | ana | ada)


async def test_colleagues_cannot_send_the_forms_of_ones_own(world: World) -> None:
    tom = await world.staff(TOM)

    assert await refusals(tom, forms_for(OWN), "/staff/sign-out") == {403}


async def test_without_a_role_nothing_can_be_sent(world: World) -> None:
    person = await nobody_in_particular(world)
    paths = forms_for(SCHEDULER, REVIEWER, OWN, WATCHER, ADMINISTRATOR)

    assert await refusals(person, paths, "/") == {"sign-in"}


async def test_only_learners_send_the_forms_of_learners(world: World) -> None:
    paths = forms_for(LEARNER)

    assert await refusals(world.stranger(), paths, "/") == {401}
    assert await refusals(await second_camera(world), paths, "/") == {401}
    for person in (SAM, ADA):
        assert await refusals(await world.staff(person), paths, "/staff/sign-out") == {401}


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}])
async def test_no_form_is_taken_without_the_token_of_this_browser(
    world: World, headers: dict[str, str]
) -> None:
    people = [world.stranger(), await learner_of(world, 1), await world.staff(ADA)]
    other = (await (await world.staff(SAM)).get("/staff/sign-out")).csrf
    taken = [
        (path, answer.status)
        for person in people
        for path in forms_for(*FORMS.values())
        for token in ("", other)
        if (answer := await person.ask("POST", path, {"csrf": token}, headers=headers)).status
        != (404 if path.startswith("/onboard/") else 403)  # there, the link is looked at first
    ]

    assert taken == []
