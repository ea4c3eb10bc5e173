"""Staff come in by their company's sign-in; whatever does not hold in every respect is refused."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from yarl import URL

from invigilation.proof import Proof
from tests.web.company import CLIENT, SECRET, CompanyDouble, company_running
from tests.web.office import ADA, SAM, Person, World
from tests.web.test_second_factor import letters, secret_on
from web.auth import cookies, totp
from web.auth.oidc import Company, Provider
from web.auth.refreshed import AGAIN_S, FAILED_S, KEPT_S
from web.keys import SETTINGS
from web.outward import ANYWHERE, open_client
from web.pages.company import FLOW, PROVIDER
from web.settings import Unable, read_settings


@pytest.fixture
async def company(world: World) -> AsyncIterator[CompanyDouble]:
    """The company's sign-in, agreed with the office; it signs Sam in."""
    async with company_running(world.clock) as double, open_client(ANYWHERE, "test") as client:
        double.who = {"email": "Sam@Example.org", "amr": ["pwd", "mfa"]}
        back = f"{world.app[SETTINGS].url}/staff/company/back"
        agreed = Company(double.issuer, CLIENT, SECRET, back, acr=frozenset({"gold"}), plain=True)
        provider = Provider(agreed, client, world.clock)
        world.app._state[PROVIDER] = provider  # type: ignore[index]
        yield double
        await provider.close()


async def come_back(
    person: Person, double: CompanyDouble, path: str = "/staff/company", **changed: str
):
    """Go to the provider's and come back, with an answer that may be changed on the way."""
    sent = await person.get(path)
    assert sent.to.startswith(f"{double.issuer}/authorize?"), sent.words
    said = {**double.signs_in(sent.to), **changed}
    query = "&".join(f"{name}={value}" for name, value in said.items() if value)
    bounced = await person.get(f"/staff/company/back?{query}")
    onward = re.search(r'url=([^"]+)"', bounced.text)
    assert onward is not None
    return await person.get(onward[1].replace("&amp;", "&"))


async def test_who_works_here_comes_in_and_lands_where_they_were_going(
    world: World, company: CompanyDouble
) -> None:
    sam = world.stranger()

    answer = await come_back(sam, company, "/staff/company?next=/staff/charges")

    assert answer.to == "/staff/charges"
    assert (await sam.get("/staff/charges")).status == 200
    login = await world.desk.reception.login(sam.cookies[cookies.STAFF])
    assert login is not None
    assert (login.person, login.proof) == (SAM.id, Proof.COMPANY)
    assert FLOW not in sam.cookies


async def test_the_way_back_does_nothing_but_lead_on(world: World, company: CompanyDouble) -> None:
    sam = world.stranger()
    sent = await sam.get("/staff/company")
    said = company.signs_in(sent.to)

    # A browser that comes from another site brings no strict cookie, and loses none.
    page = await world.stranger().get(f"/staff/company/back?code={said['code']}&state=x%22y")

    assert page.status == 200
    assert 'http-equiv="refresh"' in page.text
    assert 'x"y' not in page.text
    assert "token" not in company.asked


async def test_one_factor_at_the_company_is_followed_by_ours(
    world: World, company: CompanyDouble
) -> None:
    company.who = {"email": SAM.email, "amr": ["pwd"]}
    await world.with_app(SAM)
    sam = world.stranger()

    first = await come_back(sam, company)
    second = await sam.post(first.to, {"code": world.code()})

    assert first.to == "/staff/sign-in/code"
    assert second.to == "/staff/calendar"


async def test_an_account_is_bound_after_the_second_step_and_not_before(
    world: World, company: CompanyDouble
) -> None:
    company.who = {"email": SAM.email, "amr": ["pwd"]}
    await world.with_app(SAM)
    stolen, sam = world.stranger(), world.stranger()

    company.who |= {"sub": "whoever has the mailbox"}
    wrong = await stolen.post((await come_back(stolen, company)).to, {"code": "000000"})
    before = await world.desk.company.bound()
    company.who |= {"sub": "sam's own"}
    first = await come_back(sam, company)
    between = await world.desk.company.bound()
    await sam.post(first.to, {"code": world.code()})

    assert (wrong.status, before, between) == (422, [], [])
    assert [one.person for one in await world.desk.company.bound()] == [SAM]
    assert await noted(world, SAM.id) == [("sign_in.company_bound", "")]
    late = await stolen.post("/staff/sign-in/code", {"code": world.code(1)})
    assert (late.status, cookies.STAFF in stolen.cookies) == (403, False)


async def test_who_sets_up_the_second_step_after_the_company_has_the_account_then(
    world: World, company: CompanyDouble
) -> None:
    company.who = {"email": SAM.email, "amr": ["pwd"]}
    sam = world.stranger()
    assert (await come_back(sam, company)).to == "/staff/sign-in/set-up"
    page = await sam.get("/staff/sign-in/set-up/app")
    code = totp.code_of(secret_on(page), totp.step_at(world.clock.now()))
    before = await world.desk.company.bound()

    await sam.post("/staff/sign-in/set-up/app", {"code": code})

    assert before == []
    assert [one.person for one in await world.desk.company.bound()] == [SAM]


async def test_to_confirm_by_the_company_binds_only_what_showed_two_factors(
    world: World, company: CompanyDouble
) -> None:
    company.who = {"email": SAM.email, "amr": ["pwd"]}
    sam = await world.staff(SAM)

    one = await come_back(sam, company, "/staff/company?confirm=1")
    before = await world.desk.company.bound()
    company.who |= {"amr": ["mfa"]}
    two = await come_back(sam, company, "/staff/company?confirm=1")

    assert (one.status, two.status, before) == (403, 303, [])
    assert [it.person for it in await world.desk.company.bound()] == [SAM]


@pytest.mark.parametrize(
    "said", [{"acr": "gold"}, {"amr": ["mfa"]}, {"acr": "gold", "amr": ["pwd"]}]
)
async def test_what_counts_as_two_factors(
    world: World, company: CompanyDouble, said: dict[str, object]
) -> None:
    company.who = {"email": SAM.email, **said}

    assert (await come_back(world.stranger(), company)).to == "/staff/calendar"


def _by_nobody(claims: dict[str, object]) -> str:
    return jwt.encode(claims, key="", algorithm="none")


def _by_shared_secret(claims: dict[str, object]) -> str:
    return jwt.encode(claims, SECRET * 2, algorithm="HS256", headers={"kid": "k1"})


def _by_another(claims: dict[str, object]) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "k1"})


def _by_unknown(claims: dict[str, object]) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "k2"})


@pytest.mark.parametrize("sign", [_by_nobody, _by_shared_secret, _by_another, _by_unknown])
async def test_a_token_that_the_company_has_not_signed_opens_nothing(
    world: World, company: CompanyDouble, sign
) -> None:
    company.sign = sign
    person = world.stranger()

    answer = await come_back(person, company)

    assert (answer.status, cookies.STAFF in person.cookies) == (403, False)


@pytest.mark.parametrize(
    "spoil",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"nonce": "another"},
        {"nonce": 5},
        {"nonce": None},
        {"exp": 1},
        {"exp": "soon"},
        {"iat": 9e10},
        {"iat": True},
        {"email": "nobody@example.org"},
        {"email": None},
        {"email": ["sam@example.org"]},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
    ],
)
async def test_a_token_that_does_not_hold_in_every_respect_opens_nothing(
    world: World, company: CompanyDouble, spoil: dict[str, object]
) -> None:
    company.spoil = spoil
    person = world.stranger()

    answer = await come_back(person, company)

    assert (answer.status, cookies.STAFF in person.cookies) == (403, False)
    assert "You are not signed in" in answer.words


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "another"},
        {"state": "\u00e9"},
        {"state": ""},
        {"iss": "https://elsewhere.example"},
        {"code": ""},
        {"code": "guess"},
        {"error": "access_denied"},
    ],
)
async def test_an_answer_that_is_not_the_one_asked_for_opens_nothing(
    world: World, company: CompanyDouble, changed: dict[str, str]
) -> None:
    person = world.stranger()

    answer = await come_back(person, company, **changed)

    assert (answer.status, cookies.STAFF in person.cookies) == (403, False)


async def test_an_answer_is_good_in_its_own_browser_once_and_for_some_minutes(
    world: World, company: CompanyDouble
) -> None:
    sam, thief = world.stranger(), world.stranger()
    said = company.signs_in((await sam.get("/staff/company")).to)
    path = f"/staff/company/enter?code={said['code']}&state={said['state']}"

    stolen = await thief.get(path)
    kept = sam.cookies[FLOW]
    entered = await sam.get(path)
    sam.cookies = {FLOW: kept}
    again = await sam.get(path)
    late = company.signs_in((await sam.get("/staff/company")).to)
    world.clock.move_to(world.clock.now() + timedelta(minutes=12))
    too_late = await sam.get(f"/staff/company/enter?code={late['code']}&state={late['state']}")

    assert [one.status for one in (stolen, entered, again, too_late)] == [403, 303, 403, 403]
    assert "took too long" in too_late.words


@pytest.mark.parametrize("hours", [11, None])
async def test_a_silent_sign_in_is_no_fresh_proof(
    world: World, company: CompanyDouble, hours: int | None
) -> None:
    signed_in = None if hours is None else world.clock.now() - timedelta(hours=hours)
    company.spoil = {"auth_time": signed_in and int(signed_in.timestamp())}
    sam = world.stranger()

    entered = await come_back(sam, company)

    page = await sam.get("/staff/me/app")
    assert entered.to == "/staff/calendar"
    assert (await sam.get("/staff/calendar")).status == 200
    assert page.to.startswith("/staff/confirm"), "a proof of just now is asked for"


async def test_a_proof_is_never_of_the_future(world: World, company: CompanyDouble) -> None:
    company.spoil = {"auth_time": int(world.clock.now().timestamp()) + 3_600}
    sam = world.stranger()

    await come_back(sam, company)

    login = await world.desk.reception.login(sam.cookies[cookies.STAFF])
    assert login is not None
    assert login.proved == world.clock.now()


async def test_the_company_is_always_asked_for_the_time_of_its_sign_in(
    world: World, company: CompanyDouble
) -> None:
    sam = await world.staff(SAM)

    sent = await world.stranger().get("/staff/company")
    again = await sam.get("/staff/company?confirm=1")

    assert URL(sent.to).query["max_age"] == str(12 * 3600)
    assert "prompt" not in URL(sent.to).query
    assert (URL(again.to).query["max_age"], URL(again.to).query["prompt"]) == ("0", "login")


async def test_who_is_signed_in_may_confirm_by_the_company(
    world: World, company: CompanyDouble
) -> None:
    sam = await world.staff(SAM)
    world.clock.move_to(world.clock.now() + timedelta(minutes=20))

    answer = await come_back(sam, company, "/staff/company?confirm=1&next=/staff/charges")

    login = await world.desk.reception.login(sam.cookies[cookies.STAFF])
    assert answer.to == "/staff/charges"
    assert login is not None
    assert (login.proof, login.proved) == (Proof.COMPANY, world.clock.now())


@pytest.mark.parametrize(
    "said",
    [
        {"email": ADA.email, "amr": ["mfa"]},
        {"email": SAM.email, "amr": ["pwd"]},
        {"email": SAM.email, "amr": ["mfa"], "auth_time": 5},
        {"email": SAM.email, "amr": ["mfa"], "auth_time": None},
    ],
)
async def test_somebody_else_or_an_old_sign_in_confirms_nothing(
    world: World, company: CompanyDouble, said: dict[str, object]
) -> None:
    sam = await world.staff(SAM)
    began = world.clock.now()
    world.clock.move_to(began + timedelta(minutes=20))
    company.spoil = said

    answer = await come_back(sam, company, "/staff/company?confirm=1&next=/staff/charges")

    login = await world.desk.reception.login(sam.cookies[cookies.STAFF])
    assert answer.status == 403
    assert login is not None
    assert login.proved == began


async def test_a_new_key_of_the_company_is_fetched(world: World, company: CompanyDouble) -> None:
    await come_back(world.stranger(), company)
    company.key, company.kid = ec.generate_private_key(ec.SECP256R1()), "k2"
    refused = await come_back(world.stranger(), company)
    world.clock.seconds += 31

    entered = await come_back(world.stranger(), company)

    assert (refused.status, entered.to) == (403, "/staff/calendar")
    assert company.asked.count("discovery") == 1


async def test_keys_that_do_not_come_hold_up_nobody_who_has_come_before(
    world: World, company: CompanyDouble
) -> None:
    await come_back(world.stranger(), company)
    world.clock.seconds += KEPT_S
    company.answers.clear()
    company.keys_asked.clear()

    first = asyncio.create_task(come_back(world.stranger(), company))
    await asyncio.wait_for(company.keys_asked.wait(), 5)
    second = await come_back(world.stranger(), company)
    waited = not first.done()
    company.answers.set()

    assert (second.to, waited) == ("/staff/calendar", True)
    assert (await first).to == "/staff/calendar"
    assert company.asked.count("keys") == 2


async def test_tokens_with_keys_that_nobody_knows_fetch_no_more_than_one_answer(
    world: World, company: CompanyDouble
) -> None:
    await come_back(world.stranger(), company)
    world.clock.seconds += AGAIN_S
    company.sign = _by_unknown

    refused = await asyncio.gather(*(come_back(world.stranger(), company) for _ in range(5)))

    assert {one.status for one in refused} == {403}
    assert company.asked.count("keys") == 2


# --- whose account it is --------------------------------------------------------------------------


async def noted(world: World, person: str) -> list[tuple[str, str]]:
    """What the audit log says about somebody's account."""
    async with world.desk.office.store.read() as tx:
        return [
            (one.action, json.loads(one.after or "{}").get("why", ""))
            for one in await tx.audit.of(person)
            if "company" in one.action
        ]


async def test_who_came_in_once_is_known_by_the_account_and_told_of_it(
    world: World, company: CompanyDouble
) -> None:
    for _ in range(2):
        assert (await come_back(world.stranger(), company)).to == "/staff/calendar"

    assert await noted(world, SAM.id) == [("sign_in.company_bound", "")]
    assert await letters(world) == ["company_bound"]


@pytest.mark.parametrize(
    ("changed", "why", "says"),
    [
        ({"sub": "somebody else"}, "other account", "another account of your company"),
        ({"email": ADA.email}, "other e-mail address", "your e-mail address has changed"),
    ],
)
async def test_an_account_is_one_persons_whatever_becomes_of_the_address(
    world: World, company: CompanyDouble, changed: dict[str, object], why: str, says: str
) -> None:
    await come_back(world.stranger(), company)
    company.who |= changed
    person = world.stranger()

    answer = await come_back(person, company)

    assert (answer.status, cookies.STAFF in person.cookies) == (403, False)
    assert says in answer.words
    assert (await noted(world, SAM.id))[-1] == ("sign_in.company_refused", why)
    assert await noted(world, ADA.id) == []


async def test_another_account_confirms_nothing(world: World, company: CompanyDouble) -> None:
    await come_back(world.stranger(), company)
    sam = await world.staff(SAM)
    world.clock.move_to(world.clock.now() + timedelta(minutes=20))
    company.who |= {"sub": "somebody else"}

    answer = await come_back(sam, company, "/staff/company?confirm=1&next=/staff/charges")

    assert answer.status == 403


async def test_an_administrator_undoes_it_on_their_page(
    world: World, company: CompanyDouble
) -> None:
    await come_back(world.stranger(), company)
    company.who |= {"sub": "a new account"}
    ada = await world.staff(ADA)

    page = await ada.get("/staff/admin")
    done = await ada.post(
        f"/staff/admin/company/{SAM.id}/undo", {}, page="/staff/admin?done=company"
    )
    after = await ada.get(done.to)

    assert "Undo the company account of Sam Field" in page.words
    assert "Undo" not in after.words
    assert "Tell them to sign in soon" in after.words
    assert ("staff.company_reset", "") in await noted(world, SAM.id)
    assert (await come_back(world.stranger(), company)).to == "/staff/calendar"


async def test_to_undo_it_a_fresh_proof_is_asked_for(world: World, company: CompanyDouble) -> None:
    await come_back(world.stranger(), company)
    ada = await world.staff(ADA)
    world.clock.move_to(world.clock.now() + timedelta(minutes=20))

    asked = await ada.post(f"/staff/admin/company/{SAM.id}/undo", {}, page="/staff/admin")

    assert asked.to.startswith("/staff/confirm")
    assert len(await world.desk.company.bound()) == 1


@pytest.mark.parametrize("subject", ["", "x" * 256, "\u00e9", 5, None])
async def test_a_token_that_names_nobody_opens_nothing(
    world: World, company: CompanyDouble, subject: object
) -> None:
    company.spoil = {"sub": subject}

    assert (await come_back(world.stranger(), company)).status == 403


@pytest.mark.parametrize(
    "names",
    [
        {"issuer": "https://elsewhere.example"},
        {"authorization_endpoint": "ftp://elsewhere.example"},
        {"token_endpoint": ""},
        {"jwks_uri": None},
    ],
)
async def test_a_company_that_names_itself_wrongly_is_not_gone_to(
    world: World, company: CompanyDouble, names: dict[str, object]
) -> None:
    company.names = names

    answer = await world.stranger().get("/staff/company")

    assert answer.status == 403
    assert "did not answer as it should" in answer.words


async def test_a_company_that_fails_is_left_alone_for_some_seconds(
    world: World, company: CompanyDouble
) -> None:
    company.names = {"issuer": "https://elsewhere.example"}
    answers = await asyncio.gather(*(world.stranger().get("/staff/company") for _ in range(5)))
    asked = company.asked.count("discovery")
    company.names = {}
    world.clock.seconds += FAILED_S

    entered = await come_back(world.stranger(), company)

    assert ({one.status for one in answers}, asked) == ({403}, 1)
    assert entered.to == "/staff/calendar"


async def test_the_secret_goes_where_the_company_takes_it(
    world: World, company: CompanyDouble
) -> None:
    company.names = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}

    assert (await come_back(world.stranger(), company)).to == "/staff/calendar"


def test_settings_of_the_company_come_together() -> None:
    with pytest.raises(Unable, match="oidc_issuer, oidc_client_id and oidc_client_secret"):
        read_settings(oidc_issuer="https://company.example", oidc_client_secret=SecretStr("x"))
    with pytest.raises(Unable, match="write an address"):
        read_settings(oidc_issuer="company", oidc_client_id="x", oidc_client_secret=SecretStr("x"))
