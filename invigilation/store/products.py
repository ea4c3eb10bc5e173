"""What is charged for, and at which price."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.charge import Product
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.paper_rows import product


class Products:
    """Rows of products; one is never removed, it retires."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def add(self, one: Product) -> bool:
        """Insert a product unless there is one of that code; say whether it was."""
        statement = self._insert(product).values(**dump(one))
        done = await self._db.execute(
            statement.on_conflict_do_nothing(index_elements=[product.c.code])
        )
        return done.rowcount == 1

    async def coded(self, code: str) -> Product | None:
        """Find a product by its code, and hold it until the transaction ends."""
        query = all_of(product, Product).where(product.c.code == code).with_for_update()
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Product, row)

    async def all(self) -> list[Product]:
        """Return every product, by title; retired ones last."""
        query = all_of(product, Product).order_by(product.c.active.desc(), product.c.title)
        return [load(Product, row) for row in await self._db.execute(query)]

    async def save(self, one: Product) -> None:
        """Write a product's title, price and whether it is still charged for."""
        await self._db.execute(
            update(product)
            .where(product.c.id == one.id)
            .values(
                title=one.title,
                net_pence=one.net_pence,
                vat_basis_points=one.vat_basis_points,
                active=one.active,
            )
        )
