"""Signing in: passwords, the brake on guessing, personal links, and forged forms."""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec, module_from_spec

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict
from yarl import URL

from invigilation.desk.people import STAFF_HOURS
from invigilation.errors import Busy, NotFound
from tests.web.office import ANA, PASSWORD, SAM, SECRET_BYTES, START, World
from web.auth import cookies, passwords
from web.auth.links import personal_link, request_of
from web.auth.passwords import Passwords, hash_password
from web.auth.place import place_of
from web.auth.throttle import MAX_KEPT, SECONDS, TRIES, Throttle
from web.keys import SETTINGS
from web.pages.sign_in import WRONG


def with_password(world: World) -> None:
    """Give everybody a password: the office's people have none."""
    known = _Known(world.desk.reception, hash_password(PASSWORD))
    object.__setattr__(world.desk, "reception", known)


class _Known:
    """The reception, with one hash for everybody."""

    def __init__(self, reception: object, hashed: str) -> None:
        self._reception = reception
        self._hashed = hashed

    def __getattr__(self, name: str) -> object:
        return getattr(self._reception, name)

    async def staff_secret(self, email: str) -> object:
        found = await self._reception.staff_secret(email)  # type: ignore[attr-defined]
        return None if found is None else (found[0], self._hashed)


async def test_password_is_checked_and_nobody_has_none() -> None:
    pool = Passwords()
    kept = hash_password(PASSWORD)

    right = await pool.check(kept, PASSWORD)
    wrong = await pool.check(kept, PASSWORD + "x")
    nobody = await pool.check(None, PASSWORD)
    broken = await pool.check("no hash", PASSWORD)

    pool.close()
    assert (right, wrong, nobody, broken) == (True, False, False, False)


def test_same_password_is_kept_in_another_form_each_time() -> None:
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)

    assert first.startswith("$argon2id$")
    assert first != second


async def test_in_earnest_a_password_is_hashed_as_heavily_as_is_advised() -> None:
    """RFC 9106, section 4: 64 MiB, three passes, four lanes. The other tests hash lightly."""
    spec = find_spec("web.auth.passwords")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(earnest := module_from_spec(spec))
    pool = earnest.Passwords()

    kept = earnest.hash_password(PASSWORD)
    right, wrong = await pool.check(kept, PASSWORD), await pool.check(kept, PASSWORD + "x")

    pool.close()
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert (right, wrong) == (True, False)


async def test_too_many_checks_at_once_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAITING", 0)
    pool = Passwords()

    with pytest.raises(Busy):
        await pool.check(None, PASSWORD)
    pool.close()


async def test_a_flood_of_guesses_leaves_room_for_browsers_that_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "MAX_WAITING", passwords.FOR_KNOWN)
    pool = Passwords()

    with pytest.raises(Busy):
        await pool.check(None, PASSWORD)
    known = await pool.check("no hash", PASSWORD, known=True)

    pool.close()
    assert known is False


def test_throttle_lets_some_tries_pass_and_then_waits_for_the_oldest() -> None:
    brake = Throttle()
    for second in range(TRIES):
        assert brake.wait("a@b", "1.2.3.4", float(second)) == 0
        brake.fail("a@b", "1.2.3.4", float(second))

    assert brake.wait("a@b", "1.2.3.4", 10.0) == SECONDS - 10
    assert brake.wait("a@b", "5.6.7.8", 10.0) == 0
    assert brake.wait("a@b", "1.2.3.4", SECONDS + 0.5) == 0

    brake.forget("a@b", "1.2.3.4")
    assert brake.wait("a@b", "1.2.3.4", 10.0) == 0


def test_throttle_forgets_the_oldest_when_it_is_full() -> None:
    brake = Throttle()
    for _ in range(TRIES):
        brake.fail("first@b", "x", 0.0)
    for number in range(MAX_KEPT):
        brake.fail(f"{number}@b", "x", 0.0)

    assert brake.wait("first@b", "x", 1.0) == 0


def test_personal_link_names_its_request_and_nothing_else_does() -> None:
    path = personal_link(SECRET_BYTES, "rq_1")
    token = path.removeprefix("/r/")

    assert request_of(SECRET_BYTES, token) == "rq_1"
    for forged in (token[:-2] + "zz", token.split(".")[0], "", "x" * 5_000, "é"):
        with pytest.raises(NotFound):
            request_of(SECRET_BYTES, forged)
    with pytest.raises(NotFound):
        request_of(bytes(32), token)


async def test_staff_sign_in_lands_by_role_and_sign_out_ends_it(world: World) -> None:
    with_password(world)
    await world.with_app(SAM)
    sam = world.stranger()

    first = await sam.post("/staff/sign-in", {"email": " SAM@example.org ", "password": PASSWORD})
    answer = await sam.post(first.to, {"code": world.code()})

    assert first.to == "/staff/sign-in/code"
    assert (answer.status, answer.to) == (303, "/staff/calendar")
    cookie = answer.header("Set-Cookie")
    assert cookie.startswith(cookies.STAFF)
    for part in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/"):
        assert part in cookie
    assert (await sam.get("/staff/calendar")).status == 200
    kept = dict(sam.cookies)

    gone = await sam.post("/staff/sign-out", {})

    assert gone.to == "/staff/sign-in"
    sam.cookies = kept
    assert (await sam.get("/staff/calendar")).to.startswith("/staff/sign-in")


async def test_wrong_password_and_unknown_address_get_the_same_answer(world: World) -> None:
    with_password(world)
    one, other = world.stranger(), world.stranger()

    wrong = await one.post("/staff/sign-in", {"email": SAM.email, "password": "guess"})
    unknown = await other.post("/staff/sign-in", {"email": "x@example.org", "password": "guess"})

    assert wrong.status == unknown.status == 422
    assert WRONG in wrong.words
    assert wrong.words == unknown.words
    assert "guess" not in wrong.text
    assert f'value="{SAM.email}"' in wrong.text
    assert cookies.STAFF not in one.cookies


async def test_guessing_is_braked_even_for_the_right_password(world: World) -> None:
    with_password(world)
    person = world.stranger()
    for _ in range(TRIES):
        await person.post("/staff/sign-in", {"email": SAM.email, "password": "guess"})

    braked = await person.post("/staff/sign-in", {"email": SAM.email, "password": PASSWORD})
    world.clock.seconds += SECONDS
    later = await person.post("/staff/sign-in", {"email": SAM.email, "password": PASSWORD})

    assert braked.status == 429
    assert "Too many wrong passwords" in braked.words
    assert later.status == 303


# --- behind a reverse proxy ---------------------------------------------------------------------


def trust(app: web.Application, *proxies: str) -> None:
    """Let the service stand behind these proxies."""
    object.__setattr__(app[SETTINGS], "trusted_proxies", proxies)


@pytest.mark.parametrize(
    ("peer", "forwarded", "place"),
    [
        ("10.0.0.5", ["203.0.113.7"], "203.0.113.7"),
        ("::ffff:10.0.0.5", ["203.0.113.7"], "203.0.113.7"),
        ("2001:db8::1", ["2001:db8:1::7"], "2001:db8:1::7"),
        # What stands left of the proxy's own word was written by the client.
        ("10.0.0.5", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.5", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        # Nobody else is believed.
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.6", ["198.51.100.1"], "10.0.0.6"),
        # A proxy that names nobody stands for all its clients.
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", ["203.0.113.7, unknown"], "10.0.0.5"),
        ("", ["203.0.113.7"], ""),
    ],
)
async def test_only_a_trusted_proxys_last_word_names_the_client(
    world: World, peer: str, forwarded: list[str], place: str
) -> None:
    trust(world.app, "10.0.0.5", "2001:db8::/48")
    headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
    request = make_mocked_request("GET", "/", headers=headers, app=world.app)

    found = place_of(request.clone(remote=peer))

    assert found == place


async def wrong_passwords(world: World, client: str) -> int:
    """Try once more than may be from a client behind a proxy; return the last answer's status."""
    person = world.stranger()
    person.headers["X-Forwarded-For"] = client
    for _ in range(TRIES):
        await person.post("/staff/sign-in", {"email": SAM.email, "password": "guess"})
    return (await person.post("/staff/sign-in", {"email": SAM.email, "password": "guess"})).status


async def test_a_guesser_behind_the_proxy_does_not_brake_others(world: World) -> None:
    with_password(world)
    trust(world.app, "127.0.0.1")
    assert await wrong_passwords(world, "203.0.113.7") == 429
    sam = world.stranger()
    sam.headers["X-Forwarded-For"] = "203.0.113.8"

    answer = await sam.post("/staff/sign-in", {"email": SAM.email, "password": PASSWORD})

    assert answer.status == 303


async def test_a_guesser_cannot_write_another_address(world: World) -> None:
    with_password(world)
    assert await wrong_passwords(world, "203.0.113.7") == 429
    same = world.stranger()
    same.headers["X-Forwarded-For"] = "203.0.113.8"

    answer = await same.post("/staff/sign-in", {"email": SAM.email, "password": PASSWORD})

    assert answer.status == 429


@pytest.mark.parametrize(
    ("then", "leads_to"),
    [
        ("/staff/charges", "/staff/charges"),
        ("https://elsewhere.example", "/staff/calendar"),
        ("//elsewhere.example", "/staff/calendar"),
        ("/staff//elsewhere.example", "/staff/calendar"),
        ("/staff/sign-out", "/staff/calendar"),
        ("/me", "/staff/calendar"),
        ("/staff/\\elsewhere", "/staff/calendar"),
    ],
)
async def test_sign_in_leads_on_only_within_the_staff_pages(
    world: World, then: str, leads_to: str
) -> None:
    with_password(world)
    await world.with_app(SAM)
    person = world.stranger()

    first = await person.post(
        "/staff/sign-in", {"email": SAM.email, "password": PASSWORD, "next": then}
    )
    there = URL(first.to).query.get("next", "")
    answer = await person.post("/staff/sign-in/code", {"code": world.code(), "next": there})

    assert answer.to == leads_to
    # Nor when somebody writes another page into the second form.
    other = world.stranger()
    await other.post("/staff/sign-in", {"email": SAM.email, "password": PASSWORD})
    sent = {"code": world.code(1), "next": then}
    assert (await other.post("/staff/sign-in/code", sent)).to == leads_to


async def test_get_of_a_personal_link_does_nothing_and_its_button_signs_in(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    person = world.stranger()

    page = await person.get(world.link(sitting.request))

    assert page.status == 200
    assert "Continue as Maria Santos" in page.words
    assert cookies.LEARNER not in person.cookies
    async with world.desk.office.store.read() as tx:
        assert await tx.sessions.moments(sitting.session, "token_used") == ()

    entered = await person.post(world.link(sitting.request), {})

    assert entered.to == "/me"
    assert (await person.get("/me")).status == 200
    async with world.desk.office.store.read() as tx:
        assert await tx.sessions.moments(sitting.session, "token_used") == (START,)


async def test_personal_link_works_again_and_at_last_opens_the_receipt(world: World) -> None:
    sitting = await world.booked()
    link = world.link(sitting.request)
    for _ in range(2):
        assert (await world.stranger().post(link, {})).to == "/me"
    await world.desk.bookings.cancel(sitting.booking, "")
    assert (await world.stranger().post(link, {})).to == "/me"
    again = await world.desk.bookings.book(sitting.request, START, "Asia/Manila")
    world.clock.move_to(START)
    await world.desk.sessions.check_in(again.session, ("identity", "recording"))
    assert (await world.stranger().post(link, {})).to == "/me"
    by = ANA if again.staff == ANA.id else (await world.desk.reception.staff(again.staff))
    await world.desk.sessions.stop(again.session, by, "The fire alarm rang.")

    learner = world.stranger()
    page = await learner.get(link)
    entered = await learner.post(link, {})

    assert "You can read and print your receipt." in page.words
    assert entered.to == "/me/receipts"
    receipt = await learner.get(entered.to)
    assert "The session was stopped" in receipt.words
    assert "The fire alarm rang." in receipt.words


async def test_personal_link_that_is_not_ours_is_nothing(world: World) -> None:
    for path in ("/r/abc", "/r/" + "x" * 3_000):
        answer = await world.stranger().get(path)
        assert answer.status == 404
        assert "Open it once more from the e-mail itself" in answer.words


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {},
    ],
)
async def test_form_from_elsewhere_is_refused(world: World, headers: dict[str, str]) -> None:
    sitting = await world.booked()
    learner = await world.learner(sitting.request)
    token = (await learner.get("/me/cancel")).csrf
    learner.headers = headers

    answer = await learner.ask("POST", "/me/cancel", data={"csrf": token})

    assert answer.status == 403
    assert (await world.desk.bookings.find(sitting.booking)).booking_state == "booked"


async def test_form_of_a_browser_without_fetch_metadata_needs_our_origin(world: World) -> None:
    sitting = await world.booked()
    learner = await world.learner(sitting.request)
    token = (await learner.get("/me/cancel")).csrf
    here = f"http://{world.client.host}:{world.client.port}"
    learner.headers = {"Origin": here}

    answer = await learner.ask("POST", "/me/cancel", data={"csrf": token})

    assert answer.to == "/me?done=cancelled"


async def test_form_needs_the_token_of_its_own_browser(world: World) -> None:
    sitting = await world.booked()
    learner, other = await world.learner(sitting.request), await world.learner(sitting.request)
    foreign = (await other.get("/me/cancel")).csrf
    assert foreign != (await learner.get("/me/cancel")).csrf

    for token in ("", foreign, "é"):
        answer = await learner.ask("POST", "/me/cancel", data={"csrf": token})
        assert answer.status == 403
        assert "out of date" in answer.words
    assert (await learner.ask("POST", "/me/cancel", data={})).status == 403


async def test_login_of_the_one_kind_is_none_of_the_other(world: World) -> None:
    staff = await world.staff(SAM)
    sitting = await world.booked()
    learner = await world.learner(sitting.request)
    swapped = world.stranger()
    swapped.cookies = {
        cookies.LEARNER: staff.cookies[cookies.STAFF],
        cookies.STAFF: learner.cookies[cookies.LEARNER],
    }

    assert (await swapped.get("/me")).status == 401
    assert (await swapped.get("/staff/calendar")).to.startswith("/staff/sign-in")


async def test_login_runs_out(world: World) -> None:
    staff = await world.staff(SAM)
    seen = []
    for _ in range(STAFF_HOURS):  # however busy they are
        seen.append((await staff.get("/staff/calendar")).status)
        world.clock.move_to(world.clock.now() + timedelta(hours=1, seconds=-1))
    seen.append((await staff.get("/staff/calendar")).status)
    world.clock.move_to(world.clock.now() + timedelta(seconds=STAFF_HOURS))

    assert set(seen) == {200}
    assert (await staff.get("/staff/calendar")).to.startswith("/staff/sign-in")
