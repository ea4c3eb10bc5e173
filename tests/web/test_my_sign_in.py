"""One's own sign-in page: changing what one signs in with, and ending other sign-ins."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from invigilation.charge import ChargeState
from invigilation.desk.products import EXPEDITED
from invigilation.proof import FRESH
from tests.web.office import ADA, ANA, PASSWORD, SAM, World
from tests.web.test_mail import HEAD
from tests.web.test_second_factor import codes_on, letters, secret_on
from web.auth import cookies, totp
from web.auth.device import device_of
from web.auth.passwords import hash_password
from web.keys import RELAY
from web.mail.letters import Letters
from web.relay import Relay

NEW = "seven whales swim north at night"


async def test_the_page_shows_every_sign_in_and_one_can_be_ended_from_another(
    world: World,
) -> None:
    here, there = await world.staff(SAM), await world.staff(SAM)
    heard = listening(world)
    logins = await world.desk.credentials.logins(SAM)
    mine = await world.desk.reception.login(here.cookies[cookies.STAFF])
    (other,) = [one for one in logins if one != mine]

    page = await here.get("/staff/me")
    ended = await here.post(f"/staff/me/logins/{other.id}/end", {}, page="/staff/me")

    assert page.words.count("Since Wed 18 Nov, 09:00") == 2
    assert page.words.count("This browser") == 1
    assert ended.to == "/staff/me?done=ended"
    assert (await here.get("/staff/me")).status == 200
    assert (await there.get("/staff/me")).to.startswith("/staff/sign-in")
    assert heard == [SAM.id]


async def test_nobody_ends_the_sign_in_of_somebody_else(world: World) -> None:
    sam, ada = await world.staff(SAM), await world.staff(ADA)
    (login,) = await world.desk.credentials.logins(SAM)

    answer = await ada.post(f"/staff/me/logins/{login.id}/end", {}, page="/staff/me")

    assert answer.status == 404
    assert (await sam.get("/staff/me")).status == 200


async def test_all_other_sign_ins_are_ended_at_once(world: World) -> None:
    here = await world.staff(SAM)
    others = [await world.staff(SAM) for _ in range(3)]
    heard = listening(world)

    answer = await here.post("/staff/me/logins/end", {}, page="/staff/me")

    assert answer.to == "/staff/me?done=others"
    for person in others:
        assert (await person.get("/staff/me")).to.startswith("/staff/sign-in")
    assert (await here.get("/staff/me")).status == 200
    assert heard == [SAM.id]


async def test_a_password_is_changed_by_the_old_one_and_ends_other_sign_ins(world: World) -> None:
    await keep_password(world)
    here, there = await world.staff(SAM), await world.staff(SAM)
    path = "/staff/me/password"

    wrong = await here.post(path, {"old": "guess", "new": NEW, "again": NEW})
    done = await here.post(path, {"old": PASSWORD, "new": NEW, "again": NEW})

    assert wrong.status == 422
    assert "This is not your password" in wrong.words
    assert NEW not in wrong.text
    assert done.to == "/staff/me?done=password"
    assert (await there.get("/staff/me")).to.startswith("/staff/sign-in")
    entered = await world.stranger().post("/staff/sign-in", {"email": SAM.email, "password": NEW})
    assert entered.status == 303
    assert await letters(world) == ["password_changed"]


@pytest.mark.parametrize(
    ("new", "again", "why"),
    [
        ("short", "short", "12 to 1000 characters"),
        ("x" * 1_001, "x" * 1_001, "12 to 1000 characters"),
        ("aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa", "too easy to guess"),
        ("Sam-Field-2026!", "Sam-Field-2026!", "too easy to guess"),
        ("chickenwing101", "chickenwing101", "Many people have this password"),
        (PASSWORD, PASSWORD, "another password"),
        (NEW, NEW + "x", "not the same"),
    ],
)
async def test_a_new_password_that_will_not_do_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, new: str, again: str, why: str
) -> None:
    async def right(*_: object) -> bool:
        return True

    monkeypatch.setattr("web.auth.passwords.Passwords.check", right)
    sam = await world.staff(SAM)

    answer = await sam.post("/staff/me/password", {"old": PASSWORD, "new": new, "again": again})

    assert answer.status == 422
    assert why in answer.words
    assert await letters(world) == []


async def test_guessing_the_old_password_is_braked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wrong(*_: object) -> bool:
        return False

    monkeypatch.setattr("web.auth.passwords.Passwords.check", wrong)
    sam = await world.staff(SAM)
    for _ in range(10):
        await sam.post("/staff/me/password", {"old": "guess", "new": NEW, "again": NEW})

    answer = await sam.post("/staff/me/password", {"old": PASSWORD, "new": NEW, "again": NEW})

    assert "Too many wrong passwords" in answer.words


async def test_another_phone_replaces_the_one_before_and_the_last_way_stays(world: World) -> None:
    await world.with_app(SAM)
    sam = await world.staff(SAM)
    page = await sam.get("/staff/me/app")
    step = totp.step_at(world.clock.now())

    done = await sam.post("/staff/me/app", {"code": totp.code_of(secret_on(page), step)})
    removed = await sam.post("/staff/me/app/remove", {}, page="/staff/me")

    assert len(codes_on(done)) == 10
    assert removed.status == 422
    assert "Set up another way first" in removed.words
    old = await sam.post("/staff/confirm", {"code": world.code(1)})
    new = await sam.post("/staff/confirm", {"code": totp.code_of(secret_on(page), step + 1)})
    assert (old.status, new.status) == (422, 303)
    assert await letters(world) == ["app_set", "codes_made"]


async def test_new_recovery_codes_are_shown_once(world: World) -> None:
    await world.with_app(SAM)
    sam = await world.staff(SAM)

    page = await sam.post("/staff/me/codes", {}, page="/staff/me")

    assert len(codes_on(page)) == 10
    assert "The codes that you had before do not work" in page.words
    assert page.header("Cache-Control") == "no-store"
    after = await sam.get("/staff/me")
    assert "10 left" in after.words
    assert not codes_on(after)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/staff/me/app"),
        ("POST", "/staff/me/app"),
        ("POST", "/staff/me/app/remove"),
        ("GET", "/staff/me/passkey"),
        ("POST", "/staff/me/passkey"),
        ("POST", "/staff/me/passkeys/pk_1/remove"),
        ("POST", "/staff/me/codes"),
        ("GET", "/staff/me/password"),
        ("POST", "/staff/me/password"),
    ],
)
async def test_every_change_of_ones_sign_in_wants_a_fresh_proof(
    world: World, method: str, path: str
) -> None:
    sam = await world.staff(SAM)
    world.clock.move_to(world.clock.now() + FRESH + timedelta(seconds=1))
    token = (await sam.get("/staff/me")).csrf

    answer = await sam.ask(method, path, {"csrf": token} if method == "POST" else None)

    assert answer.to.startswith("/staff/confirm?next=")


async def test_charges_want_a_fresh_proof(world: World) -> None:
    await world.with_app(SAM)
    asked = await world.asked()
    charge = await world.desk.charges.add(SAM, asked.request.id, EXPEDITED, "By phone.")
    sam = await world.staff(SAM)
    path = f"/staff/charges/{charge.id}"
    fresh = await sam.get(path)
    world.clock.move_to(world.clock.now() + FRESH + timedelta(seconds=1))

    stale = await sam.get(path)
    answers = [
        await sam.ask("POST", f"{path}/paid", {"csrf": stale.csrf, "note": "Bank, 1"}),
        await sam.ask("POST", f"{path}/waive", {"csrf": stale.csrf, "reason": "A gift."}),
        await sam.ask("POST", "/staff/charges/add", {"csrf": stale.csrf}),
        await sam.get("/staff/charges/add"),
    ]

    assert "How" in fresh.words
    assert "Note as paid or waive it" in stale.words
    assert {one.to.partition("?")[0] for one in answers} == {"/staff/confirm"}
    account = await world.desk.charges.account(SAM, charge.id)
    assert account.owed.charge.state is ChargeState.DUE
    confirmed = await sam.post("/staff/confirm", {"code": world.code(), "next": path})
    assert "How" in (await sam.get(confirmed.to)).words


@pytest.mark.parametrize("file", ["download", "report.pdf", "bundle"])
async def test_a_record_that_is_taken_away_wants_a_fresh_proof(world: World, file: str) -> None:
    await world.with_app(SAM)
    record = f"/staff/records/{(await world.booked()).session}"
    sam = await world.staff(SAM)
    world.clock.move_to(world.clock.now() + FRESH + timedelta(seconds=1))

    asked = await sam.get(f"{record}/{file}")
    confirmed = await sam.post(asked.to, {"code": world.code(), "next": record})

    assert asked.to == f"/staff/confirm?next={quote(record, safe='')}"
    assert confirmed.to == record
    after = await sam.get(f"{record}/{file}")
    assert not after.to.startswith("/staff/confirm")


async def test_what_an_officer_certified_wants_one_as_well(world: World) -> None:
    sam = await world.staff(SAM)
    world.clock.move_to(world.clock.now() + FRESH + timedelta(seconds=1))

    answer = await sam.get("/staff/onboard/ob_none/download")

    assert answer.to == "/staff/confirm?next=%2Fstaff%2Fonboard%2Fob_none"


async def test_a_key_of_a_backend_wants_a_fresh_proof(world: World) -> None:
    ada = await world.staff(ADA)
    world.clock.move_to(world.clock.now() + FRESH + timedelta(seconds=1))

    answer = await ada.post("/staff/deliveries/company/key", {}, page="/staff/deliveries/company")

    assert answer.to.startswith("/staff/confirm")


async def test_the_letter_says_what_happened_when_where_and_what_to_do(world: World) -> None:
    ana = await world.staff(ANA)
    await ana.post("/staff/me/codes", {}, page="/staff/me")
    async with world.desk.office.store.read() as tx:
        (letter,) = await tx.outbox.due(world.clock.now(), 10)

    mail = Letters(HEAD).write(letter)

    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mail["To"] == "Ana Reyes <ana@example.org>"
    assert mail["Subject"] == "Your sign-in: new recovery codes were made"
    assert "London: Wednesday 18 November 2026, 09:00 (GMT)" in text
    assert "Address: 127.0.0.1" in text
    assert "change your password" in text
    assert "https://invigilation.example/staff/me" in text


@pytest.mark.parametrize(
    ("agent", "named"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko Firefox/140.0", "Firefox on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15", "Safari on Mac"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "Safari on iPhone"),
        ("curl/8.0", "A browser"),
        ("", "A browser"),
        ("<script>alert(1)</script>", "A browser"),
    ],
)  # fmt: skip
def test_a_device_is_named_in_our_own_words(agent: str, named: str) -> None:
    assert device_of(agent) == named


def listening(world: World) -> list[str]:
    """Whose live connections are told to look again, from now on."""
    heard: list[str] = []
    world.app._state[RELAY] = Relay("", lambda _: None, lambda _: None, heard.append)
    return heard


async def keep_password(world: World) -> None:
    async with world.desk.office.store.write() as tx:
        await tx.credentials.set_password(SAM.id, hash_password(PASSWORD))
