"""The commands that set an office up: `invigilation add-backend | add-assessment | ...`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from invigilation.office_hours import LONDON
from web import staff_commands
from web.clock import SystemClock
from web.commanding import Email, open_desk, refusing, saved
from web.settings import read_settings
from web.typed import WEEKDAYS, day_of, hours_of, number, weekday_of

commands = typer.Typer()
commands.command("add-staff", hidden=True)(staff_commands.add)


@commands.command()
def add_backend(
    ident: Annotated[str, typer.Argument(metavar="ID", help="A short name, such as acme.")],
    name: Annotated[str, typer.Argument(help="The company's name.")],
    webhook_url: Annotated[str, typer.Option(help="Where it is told what happens.")],
) -> None:
    """Add an assessment backend and its machine client; its secrets are shown once."""
    from web import setup  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    given = setup.new_secrets()
    backend = saved(lambda tx: setup.add_backend(tx, ident, name, webhook_url, given))
    typer.echo(f"client id       {backend.id}")
    typer.echo(f"client secret   {given.client_secret}")
    typer.echo(f"webhook secret  {given.webhook_secret}")
    typer.echo(f"our public key  {_public_key()}")
    typer.echo("Keep them now: they are not shown again.")


@commands.command()
def rotate_webhook_secret(
    backend: Annotated[str, typer.Argument(help="Whose secret is replaced.")],
    overlap_hours: Annotated[
        str,
        typer.Option(help="How long the old secret is used as well; 0 if others know it."),
    ] = "24",
) -> None:
    """Replace the webhook secret of a backend; the new one is shown once."""
    from web import setup  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    hours = refusing(lambda: number("overlap", overlap_hours, 0, setup.OVERLAP_HOURS))
    fresh = setup.new_secrets().webhook_secret
    desk = open_desk()
    until = saved(
        lambda tx: desk.deliveries.rotate(tx, backend, fresh, timedelta(hours=hours)), desk
    )
    typer.echo(f"webhook secret  {fresh}")
    _replaced(until if hours else None)


@commands.command()
def rotate_client_secret(
    client: Annotated[str, typer.Argument(help="Whose secret is replaced.")],
    overlap_hours: Annotated[
        str,
        typer.Option(help="How long the old secret is good as well; 0 if others know it."),
    ] = "24",
) -> None:
    """Replace the secret of a machine client; the new one is shown once."""
    from web import setup  # noqa: PLC0415 - slow to import, and `verify` needs none of it
    from web.api.oauth import hash_secret  # noqa: PLC0415 - as above

    hours = refusing(lambda: number("overlap", overlap_hours, 0, setup.OVERLAP_HOURS))
    fresh = setup.new_secrets().client_secret
    desk, overlap = open_desk(), timedelta(hours=hours)
    until = saved(lambda tx: desk.clients.rotate(tx, client, hash_secret(fresh), overlap), desk)
    typer.echo(f"client secret  {fresh}")
    _replaced(until if hours else None)


def _replaced(until: datetime | None) -> None:
    """Say what becomes of the secret before."""
    typer.echo("Keep it now: it is not shown again.")
    if until is None:
        typer.echo("No older one is used any more.")
    else:
        typer.echo(f"The old one is used as well until {until:%Y-%m-%d %H:%M} UTC.")


@commands.command()
def add_assessment(
    backend: Annotated[str, typer.Argument(help="Whose it is; `form` for the public form.")],
    code: Annotated[str, typer.Argument(help="The backend's own name for it.")],
    title: Annotated[str, typer.Argument(help="Its title, as learners read it.")],
    minutes: Annotated[str, typer.Option(help="How long it takes.")],
    material: Annotated[
        list[str] | None, typer.Option(help="What may lie on the table; may be repeated.")
    ] = None,
    pass_mark: Annotated[str, typer.Option(help="In per cent.")] = "70",  # noqa: S107 - no password
    no_phones: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--no-phones", help="A phone alone will not do: a computer is needed.")
    ] = False,
) -> None:
    """Add an assessment that can be sat."""
    from web import setup  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    long = refusing(lambda: number("minutes", minutes, 1, setup.MINUTES_LIMIT))
    mark = refusing(lambda: number("pass mark", pass_mark, 0, 100))
    one = saved(
        lambda tx: setup.add_assessment(
            tx, backend, code, title, long, material or (), mark, phone_allowed=not no_phones
        )
    )
    where = "" if one.phone_allowed else ", on a computer"
    typer.echo(
        f"{one.title} ({one.code}), {one.minutes} minutes, can be sat for {one.backend}{where}."
    )


@commands.command()
def add_shift(
    email: Email,
    weekday: Annotated[str, typer.Argument(help="monday or mon, and so on.")],
    start: Annotated[str, typer.Argument(help="Like 09:00, London time.")],
    end: Annotated[str, typer.Argument(help="Like 17:00; 00:00 is the end of the day.")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="The first day; default today.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="The last day; default none.")
    ] = None,
) -> None:
    """Let an invigilator work at these hours every week."""
    from web import setup  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    place = refusing(lambda: weekday_of(weekday))
    hours = refusing(lambda: hours_of(start, end))
    today = SystemClock().now().astimezone(LONDON).date()
    first = refusing(lambda: today if from_ is None else day_of(from_))
    last = refusing(lambda: None if until is None else day_of(until))
    saved(lambda tx: setup.add_shift(tx, email, place, hours, first, last))
    typer.echo(f"{email} works every {WEEKDAYS[place].title()}, {start} to {end}.")


def _public_key() -> str:
    """Return the service's own public key for webhooks."""
    from web.backends.keys import open_webhook_key, public_text  # noqa: PLC0415 - as above

    return public_text(open_webhook_key(read_settings().var / "keys"))
