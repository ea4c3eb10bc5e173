"""Products: what is charged for, and at which price."""

from __future__ import annotations

import re

from aiohttp import web

from invigilation.charge import Price, Product
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Role, Staff
from web.auth.visitor import is_confirmed, staff_of
from web.keys import DESK
from web.pages.frame import fields, go, staff_page

routes = web.RouteTableDef()

DONE = {
    "added": "The product is added.",
    "changed": "The product is changed. Charges that were made before stay as they are.",
    "retired": "The product is retired. Charges that were made before stay as they are.",
}
_POUNDS = re.compile(r"£?\s*([0-9]{1,6}|[0-9]{1,3}(?:,[0-9]{3}){1,2})(?:\.([0-9]{2}))?", re.ASCII)
"""A comma parts thousands only: "49,95" is no price here."""
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?\s*%?", re.ASCII)


@routes.get("/staff/products")
async def show(request: web.Request) -> web.StreamResponse:
    """List the products, with a form for another one."""
    person = await staff_of(request, Role.SCHEDULER)
    return await _list(request, person, {}, {})


@routes.post("/staff/products")
async def add(request: web.Request) -> web.StreamResponse:
    """Add a product."""
    person = await staff_of(request, Role.SCHEDULER)
    entered = await fields(request)
    try:
        await request.app[DESK].products.add(
            person, entered.get("code", ""), entered.get("title", ""), _price(entered)
        )
    except InvalidInput as error:
        return await _list(request, person, entered, {error.field: error.reason})
    return go("/staff/products?done=added")


@routes.get("/staff/products/{code}")
async def one(request: web.Request) -> web.StreamResponse:
    """Show one product, to be changed or retired."""
    person, product = await _product(request)
    entered = {
        "title": product.title,
        "net": pounds(product.net_pence),
        "vat": f"{product.vat_basis_points / 100:g}",
    }
    return _form(request, person, product, entered, {})


@routes.post("/staff/products/{code}")
async def change(request: web.Request) -> web.StreamResponse:
    """Change a product's title and price; or retire it, or bring it back, as it is."""
    person, product = await _product(request)
    entered = await fields(request)
    desk = request.app[DESK].products
    verb = entered.get("verb", "")
    try:
        if verb in {"retire", "revive"}:
            active = verb == "revive"
            await desk.change(person, product.code, product.title, product.price, active=active)
        else:
            title, price = entered.get("title", ""), _price(entered)
            await desk.change(person, product.code, title, price, active=product.active)
    except InvalidInput as error:
        return _form(request, person, product, entered, {error.field: error.reason})
    return go(f"/staff/products?done={'retired' if verb == 'retire' else 'changed'}")


async def _product(request: web.Request) -> tuple[Staff, Product]:
    person = await staff_of(request, Role.SCHEDULER)
    code = request.match_info["code"]
    for product in await request.app[DESK].products.all(person):
        if product.code == code:
            return person, product
    raise NotFound("product", code)


def _price(entered: dict[str, str]) -> Price:
    """Return the price that was typed, in whole pence and basis points."""
    net = _POUNDS.fullmatch(entered.get("net", ""))
    if net is None:
        raise InvalidInput("net", "Enter the price in pounds and pence, such as 49.95.")
    vat = _PERCENT.fullmatch(entered.get("vat", ""))
    if vat is None:
        raise InvalidInput("vat", "Enter the VAT rate in per cent, such as 20.")
    return Price(
        int(net[1].replace(",", "")) * 100 + int(net[2] or 0),
        int(vat[1]) * 100 + int((vat[2] or "0").ljust(2, "0")),
    )


def pounds(pence: int) -> str:
    """Return "49.95" of 4,995 pence."""
    whole, rest = divmod(pence, 100)
    return f"{whole}.{rest:02}"


async def _list(
    request: web.Request, person: Staff, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    return staff_page(
        request,
        person,
        "products.html",
        status=422 if errors else 200,
        products=await request.app[DESK].products.all(person),
        confirmed=is_confirmed(request),
        entered=entered,
        errors=errors,
        done=DONE.get(request.query.get("done", ""), ""),
    )


def _form(
    request: web.Request,
    person: Staff,
    product: Product,
    entered: dict[str, str],
    errors: dict[str, str],
) -> web.StreamResponse:
    return staff_page(
        request,
        person,
        "product.html",
        status=422 if errors else 200,
        one=product,
        entered=entered,
        errors=errors,
    )
