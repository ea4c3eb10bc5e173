"""The ledger: every move of a charge in a period, as a file for the books."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from aiohttp import web

from invigilation.desk.charges import Movement
from invigilation.errors import InvalidInput
from invigilation.people import Role
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages import sheet
from web.pages.frame import staff_page
from web.pages.moving import entered_day
from web.pages.products import pounds

routes = web.RouteTableDef()

DAY = timedelta(days=1)
HEADING = (
    "Date (UTC)",
    "Date (London)",
    "Charge",
    "Learner reference",
    "Product",
    "Title",
    "Net",
    "VAT",
    "Gross",
    "Currency",
    "From state",
    "To state",
    "Provider",
    "Reference",
    "By",
)


@routes.get("/staff/charges/ledger")
async def show(request: web.Request) -> web.StreamResponse:
    """Ask for which days; this month and the one before are offered."""
    person = await staff_of(request, Role.SCHEDULER)
    office = request.app[DESK].office
    today = office.clock.now().astimezone(office.rules.zone).date()
    this = today.replace(day=1)
    before = (this - DAY).replace(day=1)
    return staff_page(
        request,
        person,
        "ledger.html",
        entered={"from": before.isoformat(), "to": (this - DAY).isoformat()},
        months=[
            (f"{first:%B %Y}", first.isoformat(), last.isoformat())
            for first, last in ((this, today), (before, this - DAY))
        ],
        errors={},
    )


@routes.get("/staff/charges/ledger.csv")
async def export(request: web.Request) -> web.StreamResponse:
    """Answer with the ledger of some London days, both included."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    first, last = (entered_day(request.query.get(name)) for name in ("from", "to"))
    zone = desk.office.rules.zone
    try:
        if first is None or last is None:
            raise InvalidInput("from", "Choose the first and the last day.")  # noqa: TRY301
        ends = (datetime.combine(day, time(0), zone).astimezone(UTC) for day in (first, last + DAY))
        moves = await desk.charges.ledger(person, *ends)
    except InvalidInput as error:
        entered = {"from": _text(first), "to": _text(last)}
        return staff_page(
            request,
            person,
            "ledger.html",
            status=422,
            entered=entered,
            months=[],
            errors={"from": error.reason},
        )

    async def batches() -> AsyncIterator[list[Sequence[str]]]:
        yield [_row(one) for one in moves]

    return await sheet.send(request, f"ledger-{first}-{last}.csv", HEADING, batches())


def _text(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _row(move: Movement) -> Sequence[str]:
    london, utc = sheet.both(move.at)
    price = move.charge.price
    return (
        utc,
        london,
        move.charge.id,
        move.learner_reference,
        move.charge.product,
        move.charge.title,
        pounds(price.net_pence),
        pounds(price.vat_pence),
        pounds(price.gross_pence),
        move.charge.currency,
        move.before or "",
        move.after,
        move.provider,
        move.reference,
        move.actor,
    )
