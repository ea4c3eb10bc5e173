"""Staff sign in by their company: to the provider, back again, and in.

The way back is a step of another site, with which browsers send no strict cookie. So the page that
it ends in does nothing but lead on to one of ours, by itself or by its button; that one has all
cookies, and decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from aiohttp import web
from itsdangerous import BadSignature, URLSafeSerializer
from yarl import URL

from invigilation.desk.companies import Account, NotThem
from invigilation.errors import NotSignedIn
from invigilation.people import Staff
from invigilation.proof import Proof
from web.auth import cookies, entering
from web.auth.device import whence_of
from web.auth.oidc import USER_AGENT, Company, CompanyRefused, Flow, Provider, Shown
from web.auth.visitor import VISITOR
from web.keys import DESK, SECRET, SETTINGS
from web.outward import ANYWHERE, open_client
from web.pages.frame import render
from web.pages.mistakes import Refused

routes = web.RouteTableDef()

PATH: Final = "/staff/company"
BACK: Final = f"{PATH}/back"
ENTER: Final = f"{PATH}/enter"
FLOW: Final = "__Host-company"
FLOW_LIMIT: Final = 1_500
ANSWERS: Final = ("code", "state", "iss", "error")
ANSWER_LIMIT: Final = 4_000
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When somebody proved who they are, if the company does not say."""
WHY_NOT: Final = {
    NotThem.UNKNOWN: "Your company knows you, but nobody with your e-mail address works here. "
    "Please ask your administrator.",
    NotThem.OTHER_ACCOUNT: "You signed in before with another account of your company. "
    "If this one is yours, too, please ask your administrator: they can let you use it.",
    NotThem.OTHER_EMAIL: "Your company says that your e-mail address has changed. "
    "Please ask your administrator: they have to know it first.",
}
PROVIDER = web.AppKey("provider", Provider)


@routes.get(PATH)
async def begin(request: web.Request) -> web.StreamResponse:
    """Send the browser to the company's sign-in."""
    then = entering.safe_next(request.query.get("next", ""))
    try:
        url, flow = await _provider(request).begin(
            then, confirm=request.query.get("confirm") == "1"
        )
    except CompanyRefused as refusal:
        return _refused(request, str(refusal))
    response = web.Response(status=303, headers={"Location": str(url), "Cache-Control": "no-store"})
    kept = _serializer(request).dumps(flow.dump())
    cookies.keep(response, FLOW, kept if isinstance(kept, str) else kept.decode("ascii"))
    return response


@routes.get(BACK)
async def back(request: web.Request) -> web.StreamResponse:
    """Lead on to where the browser's own cookies count."""
    _provider(request)
    said = {name: request.query.get(name, "")[:ANSWER_LIMIT] for name in ANSWERS}
    onward = URL(ENTER).with_query({name: value for name, value in said.items() if value})
    return render(request, "company_back.html", onward=str(onward))


@routes.get(ENTER)
async def enter(request: web.Request) -> web.StreamResponse:
    """Let in who came back, if they work here; a flow is good for one answer."""
    try:
        response = await _answered(request)
    except CompanyRefused as refusal:
        response = _refused(request, str(refusal))
    cookies.drop(response, FLOW)
    return response


async def _answered(request: web.Request) -> web.Response:
    provider, flow = _provider(request), _flow(request)
    if flow is None:
        raise CompanyRefused("Your browser did not keep our cookie, or this page was opened twice.")
    shown = await provider.finish(flow, request.query)
    account = Account(shown.issuer, shown.subject, shown.email)
    found = await request.app[DESK].company.who(account, whence_of(request))
    if not isinstance(found, Staff):
        raise CompanyRefused(WHY_NOT[found])
    return await _let_in(request, found, flow, shown, account)


async def _let_in(
    request: web.Request, person: Staff, flow: Flow, shown: Shown, account: Account
) -> web.Response:
    if not flow.confirm:
        if not shown.two:
            kept = (account.issuer, account.subject, account.email)
            return await entering.after_first(request, person, flow.then, kept)
        await _bind(request, account)
        # Who was signed in with the company already has shown nothing just now.
        since = shown.auth_time or LONG_AGO
        return await entering.enter(request, person, Proof.COMPANY, flow.then, since)
    login = request[VISITOR].staff
    if login is None:
        raise NotSignedIn("Please sign in.")
    if login.person != person.id:
        raise CompanyRefused("That was somebody else than who is signed in here.")
    if not shown.two:
        raise CompanyRefused("Your company's sign-in did not ask you for two factors.")
    await _bind(request, account)
    await entering.prove(request, Proof.COMPANY)
    return web.Response(
        status=303, headers={"Location": flow.then or "/staff", "Cache-Control": "no-store"}
    )


async def _bind(request: web.Request, account: Account) -> None:
    """Make the account theirs who showed the company two factors, if it is not yet."""
    found = await request.app[DESK].company.bind(account, whence_of(request))
    if not isinstance(found, Staff):
        raise CompanyRefused(WHY_NOT[found])


def _refused(request: web.Request, sentence: str) -> web.Response:
    return render(request, "company_refused.html", status=403, sentence=sentence)


def _provider(request: web.Request) -> Provider:
    """Return the provider; without one there is nothing here."""
    found = request.app.get(PROVIDER)
    if found is None:
        raise Refused("not_found", "")
    return found


def _flow(request: web.Request) -> Flow | None:
    given = request.cookies.get(FLOW, "")
    try:
        return Flow.load(_serializer(request).loads(given)) if len(given) <= FLOW_LIMIT else None
    except BadSignature:
        return None


def _serializer(request: web.Request) -> URLSafeSerializer:
    signer = {"digest_method": hashlib.sha256}
    return URLSafeSerializer(request.app[SECRET], salt="company-sign-in", signer_kwargs=signer)


async def running(app: web.Application) -> AsyncIterator[None]:
    """Keep the connections to the provider while the application lives, if there is one."""
    settings = app[SETTINGS]
    if not settings.oidc_issuer:
        yield
        return
    company = Company(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        f"{settings.url}{BACK}",
        settings.oidc_two_factors,
        frozenset(settings.oidc_acr),
        settings.oidc_private_addresses,
    )
    private = ANYWHERE if settings.oidc_private_addresses else ()
    async with open_client(private, USER_AGENT) as client:
        provider = app[PROVIDER] = Provider(company, client, app[DESK].office.clock)
        try:
            yield
        finally:
            await provider.close()
