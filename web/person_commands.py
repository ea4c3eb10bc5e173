"""The commands of a learner's rights: `invigilation learner export | erase`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TypeVar

import typer

from invigilation.errors import InvigilationError
from web.settings import Unable, read_settings

if TYPE_CHECKING:
    from web.house import House

T = TypeVar("T")
commands = typer.Typer(no_args_is_help=True, help="What is kept about one learner.")
PRIVATE = 0o600
Reference = Annotated[
    str,
    typer.Option(help="Who: the training company's reference for them, their e-mail, or our id."),
]
Backend = Annotated[
    str | None, typer.Option(help="Whose reference it is, where two companies have the same.")
]


@commands.command()
def export(
    reference: Reference,
    backend: Backend = None,
    output: Annotated[
        Path | None, typer.Option(help="The file to write; default learner-ID.zip.")
    ] = None,
) -> None:
    """Write all that is kept about a learner into one file for them, with an index to read."""

    async def run(house: House) -> None:
        from invigilation.desk.exporting import OPERATOR  # noqa: PLC0415 - slow to import
        from web import persons  # noqa: PLC0415

        desk = house.desk.persons
        of = await desk.find(reference, backend)
        path = output or Path(f"learner-{of.learner.id}.zip")
        with _fresh(path) as file:
            try:
                kept = await desk.take(of, OPERATOR)
                now, service = house.desk.office.clock.now(), house.settings.service_name
                keys = house.keyring.signing.published()
                written = await asyncio.to_thread(
                    persons.write, file, kept, house.vault, keys, now, service
                )
            except BaseException:
                path.unlink()
                raise
            size = file.tell()
        typer.echo(f"{path}: {size:,} bytes, {len(of.sessions)} sessions, {written.pieces} files.")
        for sentence in written.lacks:
            typer.echo(f"Not in it: {sentence}")
        typer.echo("That you took it is in the records and in the audit log.")

    _with_house(run)


@commands.command()
def erase(
    reference: Reference,
    reason: Annotated[str, typer.Option(help="Why; the audit log keeps it: write no name.")],
    backend: Backend = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Erase what names or shows a learner. What was sealed still verifies; bills stay nameless."""

    async def run(house: House) -> None:
        from invigilation.desk.exporting import OPERATOR  # noqa: PLC0415 - slow to import
        from web.reports import open_reports  # noqa: PLC0415

        desk, vault = house.desk.persons, house.vault
        of = await desk.find(reference, backend)
        what = f"{of.learner.name} ({of.learner.id}), {len(of.sessions)} sessions"
        if not yes:
            await asyncio.to_thread(
                typer.confirm, f"Erase {what}? This cannot be undone", abort=True
            )

        async def destroy(session: str, ident: str) -> None:
            await asyncio.to_thread(vault.erase, session, ident)

        gone = await desk.erase(of, f"staff:{OPERATOR.id}", reason, destroy)
        await open_reports(house.desk, vault, house.settings).sweep()
        typer.echo(f"{of.learner.id} is erased: {gone.pieces} pictures, recordings and reports, ")
        typer.echo(f"{gone.texts} sealed texts, and every name. The sealed records still verify.")
        typer.echo("`invigilation retention proof` lists what went.")

    _with_house(run)


def _fresh(path: Path) -> BinaryIO:
    """Open a new file for its owner's eyes only."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
    except FileExistsError:
        raise Unable(f"{path} is there already: choose another name with --output.") from None
    except OSError as error:
        raise Unable(f"{path} cannot be written: {error.strerror}.") from None
    return os.fdopen(descriptor, "w+b")


def _with_house(run: Callable[[House], Awaitable[T]]) -> T:
    """Do something with the house open; what the office refuses is one plain sentence."""
    from web.house import open_house  # noqa: PLC0415 - slow to import, and `verify` needs none of it
    from web.setup import open_store  # noqa: PLC0415

    house = open_house(read_settings())

    async def inside() -> T:
        store = house.desk.office.store
        try:
            await open_store(store)
            return await run(house)
        finally:
            await store.close()

    try:
        return asyncio.run(inside())
    except InvigilationError as error:
        raise Unable(str(error)) from None
