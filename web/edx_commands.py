"""The commands about edX platforms: `invigilation edx add` and `secret`."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Coroutine
from typing import Annotated

import typer

from invigilation.errors import InvigilationError
from web.settings import Unable, read_settings

SECRET_LIMIT = 500
commands = typer.Typer(help="edX platforms, for which we are the proctoring provider.")


@commands.callback()
def edx() -> None:
    """Group the commands under one word, however many there are."""


@commands.command()
def add(
    ident: Annotated[str, typer.Argument(metavar="ID", help="A short name, such as acme.")],
    name: Annotated[str, typer.Argument(help="The company's name.")],
    lms: Annotated[str, typer.Option(help="Its address, such as https://lms.example.com.")],
    lms_client_id: Annotated[str, typer.Option(help="The client id that it has made for us.")],
    reviewer: Annotated[
        str, typer.Option(help="The e-mail address of its user in whose name we review.")
    ] = "",
    secret_stdin: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--secret-stdin", help="Read its client secret from standard input.")
    ] = False,
) -> None:
    """Add an edX platform; the client secret that it has made for us is asked for."""
    from web.backends.edx.setup import Lms, add_platform  # noqa: PLC0415 - as above
    from web.house import edx_wrapping, open_house  # noqa: PLC0415 - slow to import
    from web.setup import open_store  # noqa: PLC0415 - as above

    place = Lms(lms, lms_client_id, _secret(secret_stdin), reviewer)
    settings = read_settings()
    house = open_house(settings)
    store = house.desk.office.store

    async def run() -> str:
        try:
            await open_store(store)
            async with store.write() as tx:
                return (await add_platform(tx, edx_wrapping(house), ident, name, place))[1]
        finally:
            await store.close()

    fresh = _run(run())
    typer.echo(f"base_url       {settings.url}/edx")
    typer.echo(f"client_id      {ident}")
    typer.echo(f"client_secret  {fresh}")
    typer.echo("Keep the secret now: it is not shown again.")


@commands.command()
def secret(
    ident: Annotated[str, typer.Argument(metavar="ID", help="Which platform.")],
    lms: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--lms", help="Keep a new secret of the platform's instead.")
    ] = False,
    secret_stdin: Annotated[  # noqa: FBT002 - as above
        bool, typer.Option("--secret-stdin", help="Read that one from standard input.")
    ] = False,
) -> None:
    """Make a platform a new client secret; the old one is over at once."""
    from web.backends.edx.setup import keep_lms_secret, renew_secret  # noqa: PLC0415 - as above
    from web.house import edx_wrapping, open_house  # noqa: PLC0415 - as above
    from web.setup import open_store  # noqa: PLC0415 - as above

    given = _secret(secret_stdin) if lms else ""
    house = open_house(read_settings())
    office, wrapping = house.desk.office, edx_wrapping(house)

    async def run() -> str:
        try:
            await open_store(office.store)
            async with office.store.write() as tx:
                if not lms:
                    return await renew_secret(office, tx, wrapping, ident)
                await keep_lms_secret(office, tx, wrapping, ident, given)
                return ""
        finally:
            await office.store.close()

    fresh = _run(run())
    if fresh:
        typer.echo(f"client_secret  {fresh}")
        typer.echo("Keep the secret now: it is not shown again. The old one is over.")
    else:
        typer.echo("We sign in there with the new secret.")


def _run(work: Coroutine[None, None, str]) -> str:
    try:
        return asyncio.run(work)
    except InvigilationError as error:
        raise Unable(str(error)) from None
    except OSError as error:
        raise Unable(f"The database cannot be reached: {error}.") from None


def _secret(from_stdin: bool) -> str:  # noqa: FBT001 - it is the option itself
    if from_stdin:
        return sys.stdin.readline(SECRET_LIMIT + 2).rstrip("\r\n")
    try:
        return getpass.getpass("Client secret: ")
    except EOFError:
        raise Unable("No secret was given.") from None
