"""The command that erases a session's names and texts at once: `invigilation forget`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from invigilation.errors import InvigilationError
from web.settings import Unable, read_settings

if TYPE_CHECKING:
    from web.house import House

commands = typer.Typer()


@commands.command()
def forget(
    session: Annotated[
        str, typer.Argument(help="The id of a session, or of the form of an officer on board.")
    ],
    reason: Annotated[str, typer.Option(help="Why; the audit log keeps it: write no name.")],
) -> None:
    """Erase all names and texts of a record now. It still verifies, and nobody can read them."""
    from web.house import open_house  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    house = open_house(read_settings())
    try:
        seals = asyncio.run(_forget(house, session, reason))
    except InvigilationError as error:
        raise Unable(str(error)) from None
    typer.echo(f"{session}: names and texts erased from the record: {seals}.")
    typer.echo("Its reports (PDF) are erased, too.")
    typer.echo("Pictures and recordings go when their own time is over.")


async def _forget(house: House, session: str, reason: str) -> int:
    from invigilation.desk.exporting import OPERATOR  # noqa: PLC0415 - as above
    from web.reports import open_reports  # noqa: PLC0415
    from web.setup import open_store  # noqa: PLC0415

    store = house.desk.office.store
    try:
        await open_store(store)
        seals = await house.desk.erasure.forget(session, f"staff:{OPERATOR.id}", reason)
        # They show the names that have gone.
        await open_reports(house.desk, house.vault, house.settings).sweep()
        return seals
    finally:
        await store.close()
