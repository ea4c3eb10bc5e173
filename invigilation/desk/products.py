"""The product desk: what is charged for, kept as rows by the staff.

A change of a price concerns what is charged from then on: a charge carries its own price.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from invigilation.charge import CURRENCY, NO_SHOW, Price, Product
from invigilation.desk.office import Office, actor, allow, new_id
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.store import Tx

EXPEDITED = "expedited"
EXPEDITED_PRICE = Price(4_995, 2_000)
NET_LIMIT = 1_000_000
"""The dearest product, in pence."""
TITLE_LIMIT = 200
_CODE = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ProductDesk:
    """Keeps products."""

    office: Office

    async def all(self, by: Staff) -> list[Product]:
        """Return every product, by title; retired ones last."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.write() as tx:
            await _keep_defaults(self.office, tx)
            return await tx.products.all()

    async def add(self, by: Staff, code: str, title: str, price: Price) -> Product:
        """Add a product; raises `InvalidInput`, also when there is one of that code."""
        allow(by, Role.SCHEDULER)
        code = code.strip()
        if not _CODE.fullmatch(code):
            raise InvalidInput(
                "code",
                "A code has 2 to 40 small letters, digits and underscores, and begins "
                "with a letter, such as late_change.",
            )
        _check(price)
        one = Product(
            new_id("pr"),
            code,
            _title(title),
            price.net_pence,
            price.vat_basis_points,
            CURRENCY,
            active=True,
        )
        async with self.office.store.write() as tx:
            await _keep_defaults(self.office, tx)
            if not await tx.products.add(one):
                raise InvalidInput("code", f"There is a product {code} already.")
            who = actor(by, Role.SCHEDULER)
            await self.office.note(tx, who, "product.added", one.id, None, _facts(one))
        return one

    async def change(
        self, by: Staff, code: str, title: str, price: Price, *, active: bool
    ) -> Product:
        """Change a product's title or price, retire it, or bring it back."""
        allow(by, Role.SCHEDULER)
        _check(price)
        async with self.office.store.write() as tx:
            await _keep_defaults(self.office, tx)
            one = await tx.products.coded(code)
            if one is None:
                raise NotFound("product", code)
            after = replace(
                one,
                title=_title(title),
                net_pence=price.net_pence,
                vat_basis_points=price.vat_basis_points,
                active=active,
            )
            if after != one:
                await tx.products.save(after)
                action = "product.changed"
                if after.active is not one.active:
                    action = "product.revived" if after.active else "product.retired"
                who = actor(by, Role.SCHEDULER)
                await self.office.note(tx, who, action, one.id, _facts(one), _facts(after))
        return after


async def product_of(office: Office, tx: Tx, code: str) -> Product | None:
    """Return what is charged for now under that code; None when it is retired or unknown."""
    await _keep_defaults(office, tx)
    one = await tx.products.coded(code)
    return one if one is not None and one.active else None


async def _keep_defaults(office: Office, tx: Tx) -> None:
    """See to it that the first products are there. A row that is there is left as it is."""
    missed = office.rules.no_show_price
    for code, title, price in (
        (NO_SHOW, "Missed session", missed),
        (EXPEDITED, "Expedited service", EXPEDITED_PRICE),
    ):
        one = Product(
            new_id("pr"),
            code,
            title,
            price.net_pence,
            price.vat_basis_points,
            CURRENCY,
            active=True,
        )
        await tx.products.add(one)


def _title(raw: str) -> str:
    title = " ".join(raw.split())
    if not 0 < len(title) <= TITLE_LIMIT or not title.isprintable():
        raise InvalidInput("title", f"Enter a title of 1 to {TITLE_LIMIT} letters.")
    return title


def _check(price: Price) -> None:
    if not 0 < price.net_pence <= NET_LIMIT:
        raise InvalidInput("net", "Enter a price from £0.01 to £10,000.00, without VAT.")
    if not 0 <= price.vat_basis_points <= 10_000:
        raise InvalidInput("vat", "Enter the VAT rate from 0 to 100, in per cent.")


def _facts(one: Product) -> Data:
    return {
        "code": one.code,
        "title": one.title,
        "net_pence": one.net_pence,
        "vat_basis_points": one.vat_basis_points,
        "currency": one.currency,
        "active": one.active,
    }
