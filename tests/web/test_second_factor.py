"""The second step of a sign-in: codes, recovery codes, setting up at first, confirming again."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from invigilation.desk.people import Kind, Whence
from invigilation.proof import ENTERING, FRESH, FRESH_FORM
from tests.web.office import ADA, ANA, APP_SECRET, PASSWORD, SAM, Answer, Person, World
from tests.web.test_auth import trust, with_password
from web.auth import cookies, totp
from web.auth.lockout import ACCOUNT_TRIES, TRIES
from web.pages.second_factor import GUESSED, SAYS_CODE, WRONG_CODE

CODE = "/staff/sign-in/code"
SET_UP = "/staff/sign-in/set-up"


async def with_first_step(world: World) -> Person:
    """Somebody who has shown Sam's password."""
    token, _ = await world.desk.reception.sign_in(Kind.ENTERING, SAM.id)
    return Person(world.client, {cookies.ENTERING: token})


async def test_the_password_alone_opens_nothing(world: World) -> None:
    await world.with_app(SAM)
    person = await with_first_step(world)

    for path in ("/staff", "/staff/calendar", "/staff/me", "/staff/confirm", "/staff/me/app"):
        answer = await person.get(path)
        assert answer.to.startswith("/staff/sign-in"), path
    # The secret of the first step is none of the second, in whichever cookie it is sent.
    person.cookies[cookies.STAFF] = person.cookies[cookies.ENTERING]
    assert (await person.get("/staff/calendar")).to.startswith("/staff/sign-in")


async def test_a_login_of_staff_without_a_proof_opens_nothing(world: World) -> None:
    token, _ = await world.desk.reception.sign_in(Kind.STAFF, SAM.id)
    person = Person(world.client, {cookies.STAFF: token})

    assert (await person.get("/staff/calendar")).to.startswith("/staff/sign-in")


@pytest.mark.parametrize(
    ("steps", "enters"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
async def test_a_code_is_good_one_step_either_way(
    world: World, steps: int, *, enters: bool
) -> None:
    await world.with_app(SAM)
    person = await with_first_step(world)

    answer = await person.post(CODE, {"code": world.code(steps)})

    assert (answer.to == "/staff/calendar") is enters
    assert (cookies.STAFF in person.cookies) is enters


async def test_a_code_is_good_once_and_none_before_it_any_more(world: World) -> None:
    await world.with_app(SAM)
    first, second = await with_first_step(world), await with_first_step(world)
    assert (await first.post(CODE, {"code": world.code()})).status == 303

    again = await second.post(CODE, {"code": world.code()})
    before = await second.post(CODE, {"code": world.code(-1)})
    after = await second.post(CODE, {"code": world.code(1)})

    assert (again.status, before.status, after.status) == (422, 422, 303)
    assert "it was used before" in again.words


async def test_spaces_in_a_code_do_not_matter(world: World) -> None:
    await world.with_app(SAM)
    person = await with_first_step(world)
    code = world.code()

    assert (await person.post(CODE, {"code": f"{code[:3]} {code[3:]}"})).status == 303


async def test_a_sign_in_gives_the_browser_fresh_secrets(world: World) -> None:
    await world.with_app(SAM)
    person = await with_first_step(world)
    before = dict(person.cookies)

    await person.post(CODE, {"code": world.code()})

    assert cookies.ENTERING not in person.cookies
    assert person.cookies[cookies.STAFF] not in before.values()
    late = Person(world.client, before)
    assert (await late.get(CODE)).to.startswith("/staff/sign-in")


async def test_the_second_step_is_not_waited_for_forever(world: World) -> None:
    await world.with_app(SAM)
    person = await with_first_step(world)
    world.clock.move_to(world.clock.now() + ENTERING)

    answer = await person.get(CODE)

    assert answer.to.startswith("/staff/sign-in")


async def test_guessing_codes_is_braked_even_for_the_right_one(world: World) -> None:
    await world.with_app(SAM)
    person = await with_first_step(world)
    for _ in range(TRIES):
        wrong = await person.post(CODE, {"code": "000000"})
        assert "This code is not right" in wrong.words

    braked = await person.post(CODE, {"code": world.code()})

    assert braked.status == 422
    assert "Too many wrong codes" in braked.words


async def test_codes_behind_the_password_run_out_over_all_places_and_the_owner_is_told_once(
    world: World,
) -> None:
    await world.with_app(SAM)
    trust(world.app, "127.0.0.1")
    recovery = (await world.desk.credentials.new_codes(SAM, whence()))[0]
    known = await with_first_step(world)
    assert (await known.post(CODE, {"code": world.code(-1)})).status == 303
    for number in range(ACCOUNT_TRIES):
        guesser = await with_first_step(world)
        guesser.headers["X-Forwarded-For"] = f"198.51.100.{number + 1}"
        assert WRONG_CODE in (await guesser.post(CODE, {"code": "000000"})).words

    new = await with_first_step(world)
    new.headers["X-Forwarded-For"] = "203.0.113.9"
    braked = await new.post(CODE, {"code": world.code()})
    by_recovery = await new.post(CODE, {"recovery": recovery})
    again = await with_first_step(world)
    known.cookies[cookies.ENTERING] = again.cookies[cookies.ENTERING]
    del known.cookies[cookies.STAFF]
    by_known = await known.post(CODE, {"code": world.code(1)})

    assert (braked.status, GUESSED in braked.words) == (422, True)
    assert (by_recovery.to, by_known.to) == ("/staff/calendar", "/staff/calendar")
    assert (await letters(world)).count("codes_guessed") == 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "x" * 5_000, "١٢٣٤٥٦", "12 34 5x"])
async def test_what_is_no_code_is_refused(world: World, code: str) -> None:
    await world.with_app(SAM)
    person = await with_first_step(world)

    answer = await person.post(CODE, {"code": code})

    assert answer.status == 422
    assert cookies.STAFF not in person.cookies


# --- setting up at the first sign-in --------------------------------------------------------------


async def test_who_has_no_second_step_is_led_to_set_one_up_and_gets_recovery_codes(
    world: World,
) -> None:
    with_password(world)
    person = world.stranger()

    first = await person.post(
        "/staff/sign-in",
        {"email": SAM.email, "password": PASSWORD, "next": "/staff/charges"},
    )
    choice = await person.get(first.to)
    page = await person.get(first.to.replace(SET_UP, f"{SET_UP}/app"))
    code = totp.code_of(secret_on(page), totp.step_at(world.clock.now()))
    done = await person.ask(
        "POST", f"{SET_UP}/app", {"csrf": page.csrf, "code": code, "next": "/staff/charges"}
    )

    assert first.to == f"{SET_UP}?next=%2Fstaff%2Fcharges"
    assert "Set up an app" in choice.words
    assert "Set up a passkey" in choice.words
    assert done.status == 200
    assert len(codes_on(done)) == len(set(codes_on(done))) == 10
    assert 'href="/staff/charges"' in done.text
    assert (await person.get("/staff/charges")).status == 200


async def test_setting_up_keeps_its_secret_after_a_wrong_code_and_tells_the_person(
    world: World,
) -> None:
    person = await with_first_step(world)
    page = await person.get(f"{SET_UP}/app")
    wrong = await person.post(f"{SET_UP}/app", {"code": "000000"})
    code = totp.code_of(secret_on(wrong), totp.step_at(world.clock.now()))

    done = await person.post(f"{SET_UP}/app", {"code": code})

    assert secret_on(page) == secret_on(wrong)
    assert cookies.STAFF in person.cookies
    assert done.status == 200
    assert await letters(world) == ["app_set", "codes_made"]
    async with world.desk.office.store.read() as tx:
        app = await tx.credentials.totp(SAM.id)
    assert app is not None
    assert secret_on(page).encode() not in app.secret


async def test_who_has_a_second_step_cannot_set_up_another_with_the_password_alone(
    world: World,
) -> None:
    await world.with_app(SAM)
    person = await with_first_step(world)
    token = (await person.get(CODE)).csrf

    for path in (SET_UP, f"{SET_UP}/app", f"{SET_UP}/passkey"):
        assert (await person.get(path)).to.startswith("/staff/sign-in")
    for path in (f"{SET_UP}/app", f"{SET_UP}/passkey"):
        answer = await person.ask("POST", path, {"csrf": token, "code": world.code()})
        assert answer.to.startswith("/staff/sign-in")
    async with world.desk.office.store.read() as tx:
        assert (await tx.credentials.totp(SAM.id)).secret  # type: ignore[union-attr]
        assert (await tx.credentials.totp(SAM.id)).last_step == 0  # type: ignore[union-attr]


async def test_a_set_up_that_began_before_another_one_ended_is_void(world: World) -> None:
    """Two who know the password of a new colleague: the second step is the first one's."""
    first, second = await with_first_step(world), await with_first_step(world)
    mine, theirs = await first.get(f"{SET_UP}/app"), await second.get(f"{SET_UP}/app")
    step = totp.step_at(world.clock.now())

    await first.ask(
        "POST",
        f"{SET_UP}/app",
        {"csrf": mine.csrf, "code": totp.code_of(secret_on(mine), step)},
    )
    late = await second.ask(
        "POST",
        f"{SET_UP}/app",
        {"csrf": theirs.csrf, "code": totp.code_of(secret_on(theirs), step)},
    )

    assert late.to.startswith("/staff/sign-in")
    assert cookies.STAFF not in second.cookies


# --- recovery codes -------------------------------------------------------------------------------


async def test_a_recovery_code_lets_in_once_however_it_is_typed_and_its_owner_is_told(
    world: World,
) -> None:
    await world.with_app(SAM)
    codes = await world.desk.credentials.new_codes(SAM, whence())
    first, second = await with_first_step(world), await with_first_step(world)
    typed = codes[3].upper().replace("-", " ").replace("0", "O").replace("1", "I")

    entered = await first.post(CODE, {"recovery": typed})
    again = await second.post(CODE, {"recovery": codes[3]})
    other = await second.post(CODE, {"recovery": codes[4]})

    assert (entered.status, again.status, other.status) == (303, 422, 303)
    assert (await world.desk.credentials.standing(SAM.id)).codes_left == 8
    assert await letters(world) == ["code_used", "code_used", "codes_made"]


async def test_recovery_codes_of_others_and_of_before_are_void(world: World) -> None:
    await world.with_app(SAM)
    others = await world.desk.credentials.new_codes(ANA, whence())
    before = await world.desk.credentials.new_codes(SAM, whence())
    await world.desk.credentials.new_codes(SAM, whence())
    person = await with_first_step(world)

    for code in (others[0], before[0]):
        assert (await person.post(CODE, {"recovery": code})).status == 422


async def test_only_digests_of_recovery_codes_are_kept(world: World) -> None:
    codes = await world.desk.credentials.new_codes(SAM, whence())

    async with world.desk.office.store.read() as tx:
        rows = [*await tx.credentials._db.exec_driver_sql("SELECT * FROM recovery_code")]
    assert len(rows) == 10
    assert not any(code in str(rows) or code.replace("-", "") in str(rows) for code in codes)


# --- confirming -----------------------------------------------------------------------------------


async def test_what_weighs_much_asks_again_after_a_while_and_goes_on_there(world: World) -> None:
    await world.with_app(ADA)
    person = await world.staff(ADA)
    assert (await person.get("/staff/me/password")).status == 200
    world.clock.move_to(world.clock.now() + FRESH_FORM + timedelta(seconds=1))

    asked = await person.get("/staff/me/password")
    wrong = await person.post("/staff/confirm", {"code": "000000", "next": "/staff/me/password"})
    confirmed = await person.post(
        "/staff/confirm", {"code": world.code(), "next": "/staff/me/password"}
    )

    assert asked.to == "/staff/confirm?next=%2Fstaff%2Fme%2Fpassword"
    assert wrong.status == 422
    assert confirmed.to == "/staff/me/password"
    assert (await person.get(confirmed.to)).status == 200


async def test_a_form_that_was_opened_in_time_can_still_be_sent_and_a_late_one_cannot(
    world: World,
) -> None:
    await world.with_app(ADA)
    person = await world.staff(ADA)
    page = await person.get("/staff/me")
    world.clock.move_to(world.clock.now() + FRESH)

    in_time = await person.ask("POST", "/staff/me/codes", {"csrf": page.csrf})
    world.clock.move_to(world.clock.now() + timedelta(seconds=1))
    late = await person.ask(
        "POST",
        "/staff/me/codes",
        {"csrf": page.csrf},
        headers={"Referer": f"http://{world.client.host}:{world.client.port}/staff/me?done=app"},
    )
    from_elsewhere = await person.ask(
        "POST", "/staff/me/codes", {"csrf": page.csrf}, headers={"Referer": "https://a.example/x"}
    )

    assert in_time.status == 200
    assert late.to == "/staff/confirm?next=%2Fstaff%2Fme%3Fdone%3Dapp"
    assert from_elsewhere.to == "/staff/confirm?next=%2Fstaff"
    assert (await world.desk.credentials.standing(ADA.id)).codes_left == 10


async def test_a_script_is_told_that_one_must_confirm(world: World) -> None:
    person = await world.staff(ADA)
    token = (await person.get("/staff/me")).csrf
    world.clock.move_to(world.clock.now() + FRESH + timedelta(seconds=1))

    answer = await person.ask("POST", "/staff/me/codes", json={}, headers={"X-CSRF-Token": token})

    assert answer.status == 403
    assert json.loads(answer.text)["error"]["code"] == "confirm_first"


# --- the demonstration ----------------------------------------------------------------------------


async def test_only_the_demonstration_says_the_code(world: World) -> None:
    await world.with_app(SAM)
    person = await with_first_step(world)
    silent = await person.get(CODE)
    world.app._state[SAYS_CODE] = True

    said = await person.get(CODE)
    first = await person.post(CODE, {"code": world.code()})
    other = await with_first_step(world)
    following = await other.get(CODE)

    assert world.code() not in silent.text
    assert world.code() in said.words
    assert first.status == 303
    assert world.code(1) in following.words
    assert APP_SECRET not in said.text


# --- RFC 6238 -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """RFC 6238 appendix B, its last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

    assert totp.code_of(secret, seconds // totp.STEP_SECONDS) == code


def test_an_app_is_told_whose_secret_it_is() -> None:
    told = totp.address(APP_SECRET, "Ship & Shore", "ana@example.org")

    assert told == (
        "otpauth://totp/Ship%20%26%20Shore:ana@example.org"
        f"?secret={APP_SECRET}&issuer=Ship%20%26%20Shore"
    )


# --- helpers --------------------------------------------------------------------------------------


def whence() -> Whence:
    return Whence("Firefox on Windows", "203.0.113.7")


def secret_on(page: Answer) -> str:
    found = re.search(r'id="secret">([^<]+)<', page.text)
    assert found, page.text
    return found[1].replace(" ", "")


def codes_on(page: Answer) -> list[str]:
    return re.findall(r"<code>([a-z0-9-]+)</code>", page.text)


async def letters(world: World) -> list[str]:
    """What the office has written to its people about their sign-in, sorted."""
    async with world.desk.office.store.read() as tx:
        rows = await tx.outbox._db.exec_driver_sql(
            "SELECT body FROM delivery WHERE type = 'sign_in_changed'"
        )
        return sorted(json.loads(row[0])["change"] for row in rows)
