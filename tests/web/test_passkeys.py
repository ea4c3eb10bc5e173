"""Passkeys: made, used, and every way in which an answer of one is not right."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from invigilation.desk.people import Kind
from tests.web.keys import PRESENT, VERIFIED, SoftKey
from tests.web.office import ADA, SAM, Answer, Person, World
from tests.web.test_second_factor import codes_on, letters
from web.auth import cookies, passkeys
from web.auth.passkeys import Party, WrongPasskey, party_of
from web.keys import SETTINGS
from web.settings import Settings

CODE = "/staff/sign-in/code"
SET_UP = "/staff/sign-in/set-up/passkey"
PARTY = Party("localhost", "Invigilation Service", ("http://localhost:8080",))


def options_on(page: Answer) -> dict[str, Any]:
    found = re.search(r'id="boot">(.*?)</script>', page.text, re.DOTALL)
    assert found, page.text
    return dict(json.loads(found[1])["options"])


async def entering(world: World) -> Person:
    token, _ = await world.desk.reception.sign_in(Kind.ENTERING, SAM.id)
    return Person(world.client, {cookies.ENTERING: token})


def soft_key(world: World) -> SoftKey:
    return SoftKey(world.app[SETTINGS].url)


async def with_passkey(world: World) -> SoftKey:
    """A passkey of Sam's, made at the first sign-in."""
    person, key = await entering(world), soft_key(world)
    page = await person.get(SET_UP)
    done = await person.ask(
        "POST", SET_UP, {"csrf": page.csrf, "credential": key.make(options_on(page)), "name": ""}
    )
    assert len(codes_on(done)) == 10
    assert cookies.STAFF in person.cookies
    return key


async def used(world: World, key: SoftKey, person: Person | None = None) -> Answer:
    """What becomes of a sign-in with this key."""
    person = person or await entering(world)
    page = await person.get(CODE)
    answer = key.sign(options_on(page))
    return await person.ask("POST", CODE, {"csrf": page.csrf, "credential": answer})


async def test_a_passkey_is_made_at_the_first_sign_in_and_then_lets_in(world: World) -> None:
    key = await with_passkey(world)

    entered = await used(world, key)

    assert entered.to == "/staff/calendar"
    (kept,) = (await world.desk.credentials.standing(SAM.id)).passkeys
    assert (kept.counter, kept.used, kept.transports) == (2, world.clock.now(), ("internal",))
    assert await letters(world) == ["codes_made", "passkey_added"]


async def test_what_the_browser_is_asked_for(world: World) -> None:
    person = await entering(world)
    making = options_on(await person.get(SET_UP))
    key = await with_passkey(world)
    again = await entering(world)
    asking = options_on(await again.get(CODE))

    assert making["rp"] == {"id": "localhost", "name": "Invigilation Service"}
    assert making["user"]["name"] == SAM.email
    assert making["authenticatorSelection"]["userVerification"] == "required"
    assert asking["userVerification"] == "required"
    assert [one["id"] for one in asking["allowCredentials"]] == [json.loads(key.sign(asking))["id"]]
    assert len(making["challenge"]) >= 43  # 32 bytes


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://elsewhere.example"},
        {"host": "elsewhere.example"},
        {"flags": PRESENT},  # nobody showed a finger, a face or a PIN
        {"flags": VERIFIED},
        {"counter": -1},  # a copy: it has signed before
        {"ident": b"another passkey"},
        {"key": None},
    ],
)
async def test_a_wrong_answer_lets_nobody_in(world: World, wrong: dict[str, Any]) -> None:
    key = await with_passkey(world)
    key.counter = 5
    assert (await used(world, key)).status == 303
    for name, value in wrong.items():
        fresh = SoftKey("x").key if name == "key" else value
        setattr(key, name, key.counter - 2 if name == "counter" else fresh)
    person = await entering(world)

    answer = await used(world, key, person)

    assert answer.status == 422
    assert "That did not work" in answer.words
    assert cookies.STAFF not in person.cookies


async def test_an_answer_is_good_once_and_for_its_own_browser_alone(world: World) -> None:
    key = await with_passkey(world)
    first, second = await entering(world), await entering(world)
    page, other = await first.get(CODE), await second.get(CODE)
    answer = key.sign(options_on(page))

    foreign = await second.ask("POST", CODE, {"csrf": other.csrf, "credential": answer})
    late = await second.ask(
        "POST", CODE, {"csrf": other.csrf, "credential": key.sign(options_on(other))}
    )
    mine = await first.ask("POST", CODE, {"csrf": page.csrf, "credential": answer})
    third = await entering(world)
    fresh = await third.get(CODE)
    again = await third.ask("POST", CODE, {"csrf": fresh.csrf, "credential": answer})

    assert (foreign.status, late.status) == (422, 422)  # the challenge was spent on the first
    assert (mine.status, again.status) == (303, 422)


async def test_the_passkey_of_somebody_else_lets_nobody_in(world: World) -> None:
    key = await with_passkey(world)
    await world.with_app(ADA)
    token, _ = await world.desk.reception.sign_in(Kind.ENTERING, ADA.id)
    ada = Person(world.client, {cookies.ENTERING: token})
    page = await ada.get(CODE)
    assert "passkey" not in page.words.lower()
    login = await world.desk.reception.login(token)
    assert login is not None
    await world.desk.credentials.challenge(login, "AAAA")

    answer = await ada.ask(
        "POST", CODE, {"csrf": page.csrf, "credential": key.sign({"challenge": "AAAA"})}
    )

    assert answer.status == 422


@pytest.mark.parametrize("sent", ["{}", "[]", "x", '{"id": 1}', "{" * 20_000, "null"])
async def test_what_is_no_answer_makes_no_passkey(world: World, sent: str) -> None:
    person = await entering(world)
    page = await person.get(SET_UP)

    answer = await person.ask("POST", SET_UP, {"csrf": page.csrf, "credential": sent})

    assert answer.status == 422
    assert "That did not work" in answer.words
    assert not (await world.desk.credentials.standing(SAM.id)).ready


async def test_a_second_passkey_is_added_named_and_removed(world: World) -> None:
    await with_passkey(world)
    sam, key = await world.staff(SAM), soft_key(world)
    key.ident = b"the second"
    page = await sam.get("/staff/me/passkey")
    answer = {"credential": key.make(options_on(page)), "name": "Office <laptop>"}

    added = await sam.ask("POST", "/staff/me/passkey", {"csrf": page.csrf, **answer})
    mine = await sam.get(added.to)
    second = (await world.desk.credentials.standing(SAM.id)).passkeys[1]
    removed = await sam.post(f"/staff/me/passkeys/{second.id}/remove", {}, page="/staff/me")

    assert added.to == "/staff/me?done=passkey"
    assert "Office &lt;laptop&gt;" in mine.text
    assert removed.to == "/staff/me?done=passkey-removed"
    (first,) = (await world.desk.credentials.standing(SAM.id)).passkeys
    last = await sam.post(f"/staff/me/passkeys/{first.id}/remove", {}, page="/staff/me")
    assert "Set up another way first" in last.words


async def test_nobody_removes_the_passkey_of_somebody_else(world: World) -> None:
    await with_passkey(world)
    (one,) = (await world.desk.credentials.standing(SAM.id)).passkeys
    ada = await world.staff(ADA)

    answer = await ada.post(f"/staff/me/passkeys/{one.id}/remove", {}, page="/staff/me")

    assert answer.status == 404
    assert (await world.desk.credentials.standing(SAM.id)).passkeys == (one,)


def test_where_the_address_is_a_number_there_are_no_passkeys() -> None:
    assert party_of(Settings(public_url="https://203.0.113.7")) is None
    assert party_of(Settings(public_url="https://[2001:db8::1]")) is None
    party = party_of(Settings(public_url="https://invigilation.example.com"))
    assert party is not None
    assert party.host == "invigilation.example.com"
    assert party.origins == ("https://invigilation.example.com",)


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=20),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            some.sampled_from(["id", "rawId", "type", "response", "clientDataJSON", "signature"]),
            inner,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(said=_JSON)
def test_whatever_a_browser_says_is_right_or_refused(said: object) -> None:
    raw = json.dumps(said)

    with pytest.raises(WrongPasskey):
        passkeys.made(PARTY, "AAAA", raw, "")
    with pytest.raises(WrongPasskey):
        passkeys.used(PARTY, "AAAA", raw, ())
