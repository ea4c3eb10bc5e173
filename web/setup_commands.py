"""The commands that set an office up: `invigilation add-staff | add-backend | ...`."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from invigilation.errors import InvalidInput, InvigilationError
from invigilation.office_hours import LONDON
from invigilation.people import Role, clean_email, clean_name
from web.auth.passwords import PASSWORD_LIMIT, hash_password
from web.clock import SystemClock
from web.settings import Unable, read_settings
from web.typed import WEEKDAYS, day_of, hours_of, number, weekday_of

if TYPE_CHECKING:
    from invigilation.desk import Desk
    from invigilation.store import Tx

commands = typer.Typer()
T = TypeVar("T")
Email = Annotated[str, typer.Argument(help="Their e-mail address.")]


@commands.command()
def add_staff(
    email: Email,
    name: Annotated[str, typer.Argument(help="Their name, as learners read it.")],
    role: Annotated[
        list[str], typer.Option(help="invigilator, scheduler or administrator; may be repeated.")
    ],
    capacity: Annotated[
        str | None, typer.Option(help="How many learners an invigilator watches at once.")
    ] = None,
    password_stdin: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Add a member of staff; the password is asked for."""
    from web import setup  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    def parse() -> tuple[frozenset[Role], int, str]:
        roles = setup.roles_of(role)
        clean_email(email)
        clean_name(name)
        seats = setup.capacity_of(capacity, roles)
        return roles, seats, hash_password(setup.clean_password(_password(password_stdin)))

    roles, seats, hashed = _refusing(parse)
    person = _saved(lambda tx: setup.add_staff(tx, email, name, roles, seats, hashed))
    what = ", ".join(sorted(person.roles))
    typer.echo(f"{person.name} ({person.email}) is on the staff: {what}.")


@commands.command()
def add_backend(
    ident: Annotated[str, typer.Argument(metavar="ID", help="A short name, such as acme.")],
    name: Annotated[str, typer.Argument(help="The company's name.")],
    webhook_url: Annotated[str, typer.Option(help="Where it is told what happens.")],
) -> None:
    """Add an assessment backend and its machine client; its secrets are shown once."""
    from web import setup  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    given = setup.new_secrets()
    backend = _saved(lambda tx: setup.add_backend(tx, ident, name, webhook_url, given))
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

    hours = _refusing(lambda: number("overlap", overlap_hours, 0, setup.OVERLAP_HOURS))
    fresh = setup.new_secrets().webhook_secret
    desk = _desk()
    until = _saved(
        lambda tx: desk.deliveries.rotate(tx, backend, fresh, timedelta(hours=hours)), desk
    )
    typer.echo(f"webhook secret  {fresh}")
    typer.echo("Keep it now: it is not shown again.")
    if hours:
        typer.echo(f"The old one is used as well until {until:%Y-%m-%d %H:%M} UTC.")
    else:
        typer.echo("No older one is used any more.")


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

    long = _refusing(lambda: number("minutes", minutes, 1, setup.MINUTES_LIMIT))
    mark = _refusing(lambda: number("pass mark", pass_mark, 0, 100))
    one = _saved(
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

    place = _refusing(lambda: weekday_of(weekday))
    hours = _refusing(lambda: hours_of(start, end))
    today = SystemClock().now().astimezone(LONDON).date()
    first = _refusing(lambda: today if from_ is None else day_of(from_))
    last = _refusing(lambda: None if until is None else day_of(until))
    _saved(lambda tx: setup.add_shift(tx, email, place, hours, first, last))
    typer.echo(f"{email} works every {WEEKDAYS[place].title()}, {start} to {end}.")


def _password(from_stdin: bool) -> str:  # noqa: FBT001 - it is the option itself
    if from_stdin:
        return sys.stdin.readline(PASSWORD_LIMIT + 2).rstrip("\r\n")
    try:
        first = getpass.getpass("Password: ")
        second = getpass.getpass("The same again: ")
    except EOFError:
        raise InvalidInput("password", "No password was given.") from None
    if first != second:
        raise InvalidInput("password", "The two passwords are not the same.")
    return first


def _refusing(parse: Callable[[], T]) -> T:
    """Let what the office refuses be a plain sentence."""
    try:
        return parse()
    except InvigilationError as error:
        raise Unable(str(error)) from None


def _public_key() -> str:
    """Return the service's own public key for webhooks."""
    from web.backends.keys import open_webhook_key, public_text  # noqa: PLC0415 - as above

    return public_text(open_webhook_key(read_settings().var / "keys"))


def _desk() -> Desk:
    """Return the desks over the office's database."""
    from web.house import open_house  # noqa: PLC0415 - as above

    return open_house(read_settings()).desk


def _saved(act: Callable[[Tx], Awaitable[T]], desk: Desk | None = None) -> T:
    """Do it in one transaction over the office's database, all of it or nothing."""
    from web.setup import open_store  # noqa: PLC0415 - as above

    store = (desk or _desk()).office.store

    async def run() -> T:
        try:
            await open_store(store)
            async with store.write() as tx:
                return await act(tx)
        finally:
            await store.close()

    try:
        return _refusing(lambda: asyncio.run(run()))
    except OSError as error:
        raise Unable(f"The database cannot be reached: {error}.") from None
