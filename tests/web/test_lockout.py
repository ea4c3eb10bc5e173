"""Guessing at passwords and codes is braked, and the brake cannot be turned against their owner."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from invigilation.desk.credentials import NewPasskey
from invigilation.desk.people import Kind, Whence
from tests.harness.servers import RedisServer
from tests.web.office import PASSWORD, SAM, Person, World
from tests.web.test_auth import trust
from web.auth import cookies
from web.auth.lockout import (
    ACCOUNT_TRIES,
    KNOWN,
    NO_APP_TRIES,
    OWN_TRIES,
    PLACE_TRIES,
    TRIES,
    Door,
    Lockout,
    Trier,
)
from web.auth.shared import Shared
from web.auth.throttle import SECONDS
from web.pages.sign_in import CODE_TOO, GUESSED, PASSWORDS, WRONG, WRONG_PAIR

ATTACK = 1_000
OWNER = Trier("sam", "203.0.113.9", "sam's laptop")


@dataclass(slots=True)
class PlainPasswords:
    """Checks passwords without the work; `looked` counts how often."""

    looked: int = 0

    async def check(self, kept: str | None, password: str, *, known: bool = False) -> bool:
        del known
        self.looked += 1
        return kept is not None and password == PASSWORD

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def passwords(world: World) -> PlainPasswords:
    """Passwords that cost no time: a thousand of them are tried."""
    world.app[PASSWORDS].close()
    world.app._state[PASSWORDS] = plain = PlainPasswords()  # type: ignore[index]
    trust(world.app, "127.0.0.1")
    return plain


def browser(world: World, place: str) -> Person:
    person = world.stranger()
    person.headers["X-Forwarded-For"] = place
    return person


async def enter(world: World, person: Person, **more: str):
    """Send the sign-in form; the browser's own token must be there already."""
    if cookies.VISITOR not in person.cookies:
        person.headers["csrf"] = (await person.get("/staff/sign-in")).csrf
    form = {"csrf": person.headers["csrf"], "email": SAM.email, "password": PASSWORD, **more}
    return await person.ask("POST", "/staff/sign-in", data=form)


async def signed_in(world: World, person: Person, steps: int = 0) -> None:
    """Sign Sam in by both steps, and out again: the browser is known from then on."""
    first = await enter(world, person)
    assert first.to == "/staff/sign-in/code"
    second = await person.post(first.to, {"code": world.code(steps)})
    assert second.to == "/staff/calendar"
    await person.post("/staff/sign-out", {}, page="/staff/sign-out")


async def attack(world: World, tries: int = ATTACK) -> None:
    """Guess at Sam's password so often, from places where each may guess a few times."""
    for number in range(tries // TRIES):
        guesser = browser(world, f"198.51.{number // 250}.{number % 250 + 1}")
        for _ in range(TRIES):
            answer = await enter(world, guesser, password="guess")
            assert answer.status in {422, 429}
        assert cookies.STAFF not in guesser.cookies


async def test_a_thousand_guesses_stop_neither_the_owners_browser_nor_their_new_one(
    world: World, passwords: PlainPasswords
) -> None:
    await world.with_app(SAM)
    laptop, new = browser(world, "203.0.113.9"), browser(world, "203.0.113.10")
    await signed_in(world, laptop)
    before = passwords.looked

    await attack(world)
    guesses = passwords.looked - before
    from_laptop = await enter(world, laptop)
    asked = await enter(world, new)
    by_code = await enter(world, new, code=world.code(1))

    assert guesses <= ACCOUNT_TRIES, "behind the code nobody learns of the password"
    assert from_laptop.to == "/staff/sign-in/code"
    assert (asked.status, CODE_TOO in asked.words) == (429, True)
    assert by_code.to == "/staff/calendar"
    assert (await new.get("/staff/calendar")).status == 200


async def test_under_attack_code_and_password_must_both_be_right(
    world: World, passwords: PlainPasswords
) -> None:
    await world.with_app(SAM)
    await attack(world, ACCOUNT_TRIES)
    guesser = browser(world, "203.0.113.66")

    wrong_code = await enter(world, guesser, code="000000")
    wrong_password = await enter(world, guesser, password="guess", code=world.code())

    assert wrong_code.status == wrong_password.status == 429
    assert wrong_code.words == wrong_password.words
    assert WRONG_PAIR in wrong_code.words
    assert cookies.STAFF not in guesser.cookies


async def test_under_attack_codes_behind_the_right_password_run_out_over_all_places(
    world: World, passwords: PlainPasswords
) -> None:
    await world.with_app(SAM)
    recovery = (await world.desk.credentials.new_codes(SAM, Whence()))[0]
    await attack(world, ACCOUNT_TRIES)
    for number in range(ACCOUNT_TRIES):
        place = f"203.0.112.{number + 1}"
        await enter(world, browser(world, place), code="000000", password="guess")
    owner = await enter(world, browser(world, "203.0.113.9"), code=world.code(-1))
    for number in range(ACCOUNT_TRIES):
        await enter(world, browser(world, f"198.52.100.{number + 1}"), code="000000")

    spent = await enter(world, browser(world, "203.0.113.66"), code=world.code())
    by_recovery = await enter(world, browser(world, "203.0.113.67"), code=recovery)

    assert owner.to == "/staff/calendar", "without the password nobody uses up the owner's codes"
    assert (spent.status, GUESSED in spent.words) == (429, True)
    assert by_recovery.to == "/staff/calendar"


async def test_at_the_guessers_own_place_codes_run_out_for_unknown_browsers_alone(
    world: World, passwords: PlainPasswords
) -> None:
    await world.with_app(SAM)
    laptop, place = browser(world, "203.0.113.9"), "203.0.113.9"
    await signed_in(world, laptop)
    guesser = browser(world, place)
    for _ in range(TRIES):
        await enter(world, guesser, password="guess")
    for _ in range(TRIES):
        await enter(world, guesser, code="000000")

    shut = await enter(world, guesser, code=world.code(1))
    mine = await enter(world, laptop)

    assert (shut.status, shut.to) == (429, "")
    assert "Too many wrong passwords and codes. Please try again in 15 minutes" in shut.words
    assert mine.to == "/staff/sign-in/code"


async def test_whoever_has_no_app_yet_is_not_shut_out_by_guesses_from_elsewhere(
    world: World, passwords: PlainPasswords
) -> None:
    await attack(world, ACCOUNT_TRIES)

    answer = await enter(world, browser(world, "203.0.113.9"))
    assert answer.to == "/staff/sign-in/set-up"

    guesser = browser(world, "203.0.113.66")
    for _ in range(TRIES):
        await enter(world, guesser, password="guess")
    looked = passwords.looked
    spent = await enter(world, guesser)

    assert (spent.status, passwords.looked) == (429, looked)


@pytest.mark.parametrize(("passkey", "more"), [(False, ACCOUNT_TRIES), (True, NO_APP_TRIES)])
async def test_without_an_app_passwords_run_out_over_all_places_for_a_while(
    world: World, passwords: PlainPasswords, more: int, *, passkey: bool
) -> None:
    if passkey:
        _, login = await world.desk.reception.sign_in(Kind.ENTERING, SAM.id)
        key = NewPasskey(b"id", b"key", 0, "laptop")
        await world.desk.credentials.add_passkey(SAM, login, key, Whence())
    await attack(world, ACCOUNT_TRIES + more)
    looked = passwords.looked

    spent = await enter(world, browser(world, "203.0.113.9"))
    world.clock.seconds += SECONDS
    later = await enter(world, browser(world, "203.0.113.9"))

    assert (spent.status, CODE_TOO in spent.words) == (429, True)
    assert looked == ACCOUNT_TRIES + more == passwords.looked - 1
    assert later.to == ("/staff/sign-in/code" if passkey else "/staff/sign-in/set-up")


async def test_an_unknown_address_is_answered_as_a_known_one(
    world: World, passwords: PlainPasswords
) -> None:
    await world.with_app(SAM)
    answers = []
    for email, place in ((SAM.email, "203.0.113.1"), ("nobody@example.org", "203.0.113.2")):
        guesser = browser(world, place)
        for _ in range(TRIES):
            await enter(world, guesser, email=email, password="guess")
        for code in ("", "000000"):
            answer = await enter(world, guesser, email=email, password="guess", code=code)
            answers.append((answer.status, answer.words))

    assert answers[:2] == answers[2:]


@pytest.mark.parametrize("spoil", ["", "x", "ab.cd", None])
async def test_a_forged_cookie_makes_no_browser_known(
    world: World, passwords: PlainPasswords, spoil: str | None
) -> None:
    await world.with_app(SAM)
    laptop, thief = browser(world, "203.0.113.9"), browser(world, "203.0.113.66")
    await signed_in(world, laptop)
    for _ in range(TRIES):
        await enter(world, thief, password="guess")

    thief.cookies[KNOWN] = laptop.cookies[KNOWN][:-2] if spoil is None else spoil
    answer = await enter(world, thief)

    assert answer.status == 429


async def test_a_known_browser_has_a_budget_of_its_own_and_then_counts_as_any_other(
    world: World, passwords: PlainPasswords
) -> None:
    await world.with_app(SAM)
    laptop = browser(world, "203.0.113.9")
    await signed_in(world, laptop)
    for _ in range(OWN_TRIES + TRIES):
        assert WRONG in (await enter(world, laptop, password="guess")).words

    braked = await enter(world, laptop)
    world.clock.seconds += SECONDS
    later = await enter(world, laptop)

    assert (braked.status, later.to) == (429, "/staff/sign-in/code")


async def test_who_comes_in_and_who_does_not_is_logged_without_their_address(
    world: World, passwords: PlainPasswords
) -> None:
    await world.with_app(SAM)
    sam = world.stranger()
    with structlog.testing.capture_logs() as lines:
        await enter(world, sam, password="a guess")
        await signed_in(world, sam)

    told = [(line["event"], line.get("what"), line.get("proof")) for line in lines]
    assert ("a sign-in was refused", "password", None) in told
    assert ("signed in", None, "code") in told
    assert SAM.email not in str(lines)


async def test_one_place_may_not_try_one_password_on_everybody() -> None:
    brake = Lockout()
    for number in range(PLACE_TRIES):
        await brake.passwords.fail(Trier(f"account {number}", "198.51.100.1", None), 0.0)

    assert (await brake.door(Trier("sam", "198.51.100.1", None), 1.0))[0] is Door.CODE_TOO
    assert (await brake.door(Trier("sam", "198.51.100.2", None), 1.0))[0] is Door.OPEN
    assert (await brake.door(OWNER, 1.0))[0] is Door.OPEN


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["sam", "tom"]),
            st.sampled_from([OWNER.place, "198.51.100.1", "198.51.100.2"]),
            st.sampled_from([None, "tom's phone"]),
            st.booleans(),
        ),
        max_size=120,
    )
)
async def test_whatever_others_do_the_owners_browser_stays_open(tries) -> None:
    brake = Lockout()
    for second, (account, place, known, code) in enumerate(tries):
        kept = brake.codes if code else brake.passwords
        await kept.fail(Trier(account, place, known), float(second))

    now = float(len(tries))
    assert await brake.door(OWNER, now) == (Door.OPEN, 0.0)
    assert await brake.code_wait(OWNER, now) == 0.0
    elsewhere = Trier("sam", "203.0.113.200", None)
    assert (await brake.door(elsewhere, now))[0] is not Door.SHUT


async def test_all_processes_count_together_and_each_for_itself_without_redis(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    guesser = Trier("together", "198.51.100.7", None)
    with monkeypatch.context() as patient:
        patient.setattr("web.auth.shared.SHARED_S", 20.0)  # here it may be slow, and is not away
        shared = [Shared(redis.url) for _ in range(2)]
        one, other = (Lockout(it) for it in shared)
        for number in range(TRIES):
            await (one, other)[number % 2].passwords.fail(guesser, 0.0)

        together = [(await it.door(guesser, 1.0))[0] for it in (one, other)]
        waits = await other.spent_here(guesser, 1.0)
        await one.passwords.passed(guesser)
        right = await other.spent_here(guesser, 1.0)
    redis.stop()
    try:
        alone = [(await it.door(guesser, 1.0))[0] for it in (one, other)]
    finally:
        redis.start()
        for it in shared:
            await it.close()

    assert together == [Door.CODE_TOO, Door.CODE_TOO]
    assert SECONDS - 60 < waits <= SECONDS
    assert right == 0.0
    assert alone == [Door.OPEN, Door.OPEN]


async def test_an_ipv6_customer_is_one_place_however_many_addresses_they_have(
    world: World, passwords: PlainPasswords
) -> None:
    for number in range(TRIES):
        await enter(world, browser(world, f"2001:db8:1:2::{number}"), password="guess")

    same = await enter(world, browser(world, "2001:db8:1:2:ffff::1"), password="guess")
    neighbour = await enter(world, browser(world, "2001:db8:1:3::1"), password="guess")

    assert (same.status, neighbour.status) == (429, 422)
