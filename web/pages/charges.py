"""Charges: the list, one of them with its history, and adding one by hand; see also `ledger`."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from invigilation.charge import TABLE, ChargeEvent, ChargeState, PaymentState
from invigilation.desk.charges import OPEN, Account
from invigilation.errors import InvalidInput
from invigilation.people import Role, Staff
from invigilation.transitions import can
from web.auth.visitor import confirmed, is_confirmed, staff_of
from web.keys import DESK, RELAY
from web.pages.audit import told
from web.pages.frame import fields, go, staff_page

routes = web.RouteTableDef()

DONE = {
    "paid": "The charge is noted as paid.",
    "waived": "The charge is waived.",
    "booked": "The session that waited for it is booked now.",
    "added": "The charge is added. It is due.",
}
STATES = {
    ChargeState.HELD: ("Held", "quiet"),
    ChargeState.DUE: ("Due", "warn"),
    ChargeState.SUBMITTED: ("Being paid", "warn"),
    ChargeState.SETTLED: ("Settled", "good"),
    ChargeState.FAILED: ("Payment failed", "bad"),
    ChargeState.WAIVED: ("Waived", "quiet"),
}
PAYMENTS = {
    PaymentState.OPEN: ("Open", "warn"),
    PaymentState.PAID: ("Paid", "good"),
    PaymentState.EXPIRED: ("Over", "quiet"),
    PaymentState.FAILED: ("Failed", "bad"),
}
WORDS_LIMIT = 200


@routes.get("/staff/charges")
async def show(request: web.Request) -> web.StreamResponse:
    """List the charges in a state; by default those that are not settled or waived."""
    person = await staff_of(request, Role.SCHEDULER)
    state = request.query.get("state", "")
    words = request.query.get("words", "").replace("\0", "").strip()[:WORDS_LIMIT]
    states = set(ChargeState) if state == "all" else OPEN
    if state in set(ChargeState):
        states = {ChargeState(state)}
    owed = await request.app[DESK].charges.search(person, states, words)
    choices = [("", "Not settled yet"), *((one.value, STATES[one][0]) for one in ChargeState)]
    return staff_page(
        request,
        person,
        "charges.html",
        owed=owed,
        states=STATES,
        open=OPEN,
        choices=[*choices, ("all", "All")],
        entered={"state": state, "words": words},
        narrowed=bool(state or words),
        done=[DONE[one] for one in request.query.getall("done", []) if one in DONE],
    )


@routes.get("/staff/charges/add")
async def find(request: web.Request) -> web.StreamResponse:
    """Look for the learner's request, then choose what it is charged for."""
    person = await staff_of(request, Role.SCHEDULER)
    await confirmed(request)
    return await _add_form(request, person, dict(request.query), {})


@routes.post("/staff/charges/add")
async def add(request: web.Request) -> web.StreamResponse:
    """Add a charge to a request."""
    person = await staff_of(request, Role.SCHEDULER)
    await confirmed(request)
    entered = await fields(request)
    try:
        await request.app[DESK].charges.add(
            person,
            entered.get("request", ""),
            entered.get("product", ""),
            entered.get("note", ""),
        )
    except InvalidInput as error:
        return await _add_form(request, person, entered, {error.field: error.reason})
    return go("/staff/charges?done=added")


async def _add_form(
    request: web.Request, person: Staff, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    desk = request.app[DESK]
    words = entered.get("words", "").replace("\0", "").strip()[:WORDS_LIMIT]
    entered["words"] = words
    found = await desk.charges.chargeable(person, words) if words else []
    chosen = next((one for one in found if one.request == entered.get("request")), None)
    if chosen is None and len(found) == 1:
        chosen = found[0]
    return staff_page(
        request,
        person,
        "charge_add.html",
        status=422 if errors else 200,
        found=found,
        chosen=chosen,
        products=[one for one in await desk.products.all(person) if one.active],
        again=lambda ident: "/staff/charges/add?" + urlencode({"words": words, "request": ident}),
        entered=entered,
        errors=errors,
    )


@routes.get("/staff/charges/{charge}")
async def one(request: web.Request) -> web.StreamResponse:
    """Show one charge, its history, and the ways to settle it."""
    person, account = await _account(request)
    return await _form(request, person, account, {}, {})


@routes.post("/staff/charges/{charge}/paid")
async def pay(request: web.Request) -> web.StreamResponse:
    """Note that a charge was paid, and how."""
    person, account = await _account(request)
    await confirmed(request)
    entered = await fields(request)
    try:
        settled = await request.app[DESK].charges.pay(
            account.owed.charge.id, person, entered.get("note", "")
        )
    except InvalidInput as error:
        return await _form(request, person, account, entered, {"note": error.reason})
    request.app[RELAY].changed(*settled.booked)
    return go("/staff/charges?done=paid" + ("&done=booked" if settled.booked else ""))


@routes.post("/staff/charges/{charge}/waive")
async def waive(request: web.Request) -> web.StreamResponse:
    """Waive a charge."""
    person, account = await _account(request)
    await confirmed(request)
    entered = await fields(request)
    try:
        settled = await request.app[DESK].charges.waive(
            account.owed.charge.id, person, entered.get("reason", "")
        )
    except InvalidInput as error:
        return await _form(request, person, account, entered, {"reason": error.reason})
    request.app[RELAY].changed(*settled.booked)
    return go("/staff/charges?done=waived" + ("&done=booked" if settled.booked else ""))


async def _account(request: web.Request) -> tuple[Staff, Account]:
    person = await staff_of(request, Role.SCHEDULER)
    return person, await request.app[DESK].charges.account(person, request.match_info["charge"])


async def _form(
    request: web.Request,
    person: Staff,
    account: Account,
    entered: dict[str, str],
    errors: dict[str, str],
) -> web.StreamResponse:
    charge = account.owed.charge
    names = await request.app[DESK].ledger.names({charge.id})
    return staff_page(
        request,
        person,
        "charge.html",
        status=422 if errors else 200,
        one=account.owed,
        code=account.code,
        state=STATES[charge.state],
        confirmed=is_confirmed(request),
        confirm="/staff/confirm?" + urlencode({"next": f"/staff/charges/{charge.id}"}),
        payable=can(TABLE, charge.state, ChargeEvent.SETTLE),
        waivable=can(TABLE, charge.state, ChargeEvent.WAIVE),
        history=[told(change, names) for change in account.history],
        payments=account.payments,
        payment_states=PAYMENTS,
        entered=entered,
        errors=errors,
    )
