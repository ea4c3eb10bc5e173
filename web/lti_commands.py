"""The commands about platforms that speak LTI 1.3: tool, add-platform, remove-platform, invite."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated

import typer

from invigilation.errors import InvigilationError
from web.clock import SystemClock
from web.settings import Unable, read_settings
from web.typed import number

commands = typer.Typer(no_args_is_help=True, help="Learning platforms that speak LTI 1.3.")
Ident = Annotated[str, typer.Argument(metavar="ID", help="A short name, such as acme.")]
Name = Annotated[str, typer.Argument(help="The company's name, as learners read it.")]


@commands.command()
def tool() -> None:
    """Show what a platform's administrator has to enter about this service."""
    base = read_settings().url
    for label, value in (
        ("login address", f"{base}/lti/login"),
        ("launch address (redirect URI)", f"{base}/lti/launch"),
        ("public keys (JWKS)", f"{base}/lti/jwks"),
        ("messages", "LtiStartProctoring, LtiEndAssessment"),
        ("window", "a new window, not inside the course page"),
        ("privacy", "share the learner's name and e-mail address"),
    ):
        typer.echo(f"{label:<31}{value}")


@commands.command()
def add_platform(
    ident: Ident,
    name: Name,
    issuer: Annotated[str, typer.Option(help="`iss` of its messages.")],
    client_id: Annotated[str, typer.Option(help="The name that it gave this service.")],
    authorize_url: Annotated[str, typer.Option(help="Where logins are sent (OIDC).")],
    token_url: Annotated[str, typer.Option(help="Where access tokens are given.")],
    keys_url: Annotated[str, typer.Option(help="Its public keys (JWKS).")],
    deployment: Annotated[
        list[str] | None, typer.Option(help="May be repeated; default: any.")
    ] = None,
    audience: Annotated[
        str, typer.Option(help="`aud` of token requests; default: the token address.")
    ] = "",
    launch_minutes: Annotated[
        str, typer.Option(help="How long it remembers a launch; 0: for ever.")
    ] = "10",
    minutes: Annotated[
        str, typer.Option(help="How long an assessment takes when a launch does not say.")
    ] = "90",
    webhook_url: Annotated[
        str, typer.Option(help="Where it wants reports by webhook, if it does.")
    ] = "",
) -> None:
    """Add a learning platform that speaks LTI 1.3 with Proctoring Services."""
    # Slow to import, and other commands need none of it.
    from invigilation.store.platforms import Platform  # noqa: PLC0415
    from web.backends.lti import registering  # noqa: PLC0415
    from web.house import open_house  # noqa: PLC0415
    from web.setup import new_secrets, open_store  # noqa: PLC0415

    settings = read_settings()
    urls = (authorize_url, token_url, keys_url)
    if settings.url.startswith("https://") and any(not one.startswith("https://") for one in urls):
        raise Unable("The addresses of a platform begin with https://, as our own does.")
    office = open_house(settings).desk.office
    secret = new_secrets().webhook_secret if webhook_url else ""

    async def run() -> None:
        one = Platform(
            ident,
            issuer,
            client_id,
            tuple(deployment or ()),
            authorize_url,
            token_url,
            keys_url,
            audience,
            number("launch minutes", launch_minutes, 0, 24 * 60),
            number("minutes", minutes, 5, 8 * 60),
            office.clock.now(),
        )
        try:
            await open_store(office.store)
            async with office.store.write() as tx:
                await registering.keep(office, tx, name, one, (webhook_url, secret))
        finally:
            await office.store.close()

    _run(run())
    typer.echo(f"{name} ({ident}) may launch sessions.")
    if secret:
        typer.echo(f"webhook secret  {secret}")
        typer.echo("Keep it now: it is not shown again.")


@commands.command()
def remove_platform(ident: Ident) -> None:
    """Let a platform launch nothing more, at once; what was booked stays."""
    from web.backends.lti import registering  # noqa: PLC0415 - as above
    from web.house import open_house  # noqa: PLC0415 - as above
    from web.setup import open_store  # noqa: PLC0415 - as above

    office = open_house(read_settings()).desk.office

    async def run() -> None:
        try:
            await open_store(office.store)
            async with office.store.write() as tx:
                await registering.remove(office, tx, ident)
        finally:
            await office.store.close()

    _run(run())
    typer.echo(f"{ident} may launch nothing more, and is told nothing more.")


def _run(work: Coroutine[None, None, None]) -> None:
    try:
        asyncio.run(work)
    except InvigilationError as error:
        raise Unable(str(error)) from None
    except OSError as error:
        raise Unable(f"The database cannot be reached: {error}.") from None


@commands.command()
def invite(ident: Ident, name: Name) -> None:
    """Make a secret link with which a platform registers itself; good once, for 14 days."""
    from web.backends.lti import registering  # noqa: PLC0415 - as above
    from web.keyring import link_secret  # noqa: PLC0415

    settings = read_settings()
    settings.var.mkdir(parents=True, exist_ok=True)
    until = SystemClock().now() + registering.INVITED_FOR
    invitation = registering.Invitation(ident, name, until)
    secret = link_secret(settings.var / "keys")
    try:
        typer.echo(registering.invite(secret, settings.url, invitation))
    except InvigilationError as error:
        raise Unable(str(error)) from None
