"""The commands about staff: `invigilation staff add | list | roles | password | ...`.

Each change stands in the audit log. Whoever is removed, or gets another password, is signed out at
once everywhere: pages at their next step, the console within seconds.
"""

from __future__ import annotations

from typing import Annotated

import typer

from invigilation.people import Role, clean_email, clean_name
from web import commanding
from web.auth.passwords import hash_password
from web.commanding import Email, refusing, saved

commands = typer.Typer(no_args_is_help=True, help="Who works here, and as what.")
Roles = Annotated[
    list[str],
    typer.Option(
        "--role", help="invigilator, scheduler, administrator or auditor; may be repeated."
    ),
]
Capacity = Annotated[
    str | None, typer.Option(help="How many learners an invigilator watches at once.")
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@commands.command()
def add(
    email: Email,
    name: Annotated[str, typer.Argument(help="Their name, as learners read it.")],
    role: Roles,
    capacity: Capacity = None,
    password_stdin: FromStdin = False,  # noqa: FBT002 - typer's way
) -> None:
    """Add a member of staff; the password is asked for."""
    from web import setup  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    def parse() -> tuple[frozenset[Role], int, str]:
        roles = setup.roles_of(role)
        clean_email(email)
        clean_name(name)
        seats = setup.capacity_of(capacity, roles)
        given = commanding.password(from_stdin=password_stdin)
        own = setup.own_words(email, name)
        return roles, seats, hash_password(setup.clean_password(given, own))

    roles, seats, hashed = refusing(parse)
    desk = commanding.open_desk()
    person = saved(lambda tx: desk.roster.add(tx, email, name, roles, seats, hashed), desk)
    typer.echo(f"{person.name} ({person.email}) is on the staff: {_words(person.roles)}.")


@commands.command("list")
def list_all() -> None:
    """List who is on the staff, what they may do, and how many learners they watch at once."""
    desk = commanding.open_desk()
    posts = saved(desk.roster.everybody, desk)
    width = max((len(one.person.email) for one in posts), default=0)
    for one in posts:
        seats = f"; watches {one.seats}" if one.seats else ""
        what = f"{_words(one.person.roles)}{seats}"
        typer.echo(f"{one.person.email:<{width}}  {one.person.name}: {what}")


@commands.command("roles")
def change_roles(email: Email, role: Roles, capacity: Capacity = None) -> None:
    """Give somebody these roles, and no others."""
    from web import setup  # noqa: PLC0415 - as above

    roles = refusing(lambda: setup.roles_of(role))
    seats = None if capacity is None else refusing(lambda: setup.capacity_of(capacity, roles))
    desk = commanding.open_desk()
    person = saved(lambda tx: desk.roster.change_roles(tx, email, roles, seats), desk)
    typer.echo(f"{person.name} ({person.email}) is now: {_words(person.roles)}.")


@commands.command("password")
def set_password(
    email: Email,
    password_stdin: FromStdin = False,  # noqa: FBT002 - typer's way
) -> None:
    """Give somebody a new password and sign them out everywhere; it is asked for."""
    from web import setup  # noqa: PLC0415 - as above

    def parse() -> str:
        clean_email(email)
        given = commanding.password(from_stdin=password_stdin)
        return hash_password(setup.clean_password(given, setup.own_words(email, "")))

    hashed = refusing(parse)
    desk = commanding.open_desk()
    person = saved(lambda tx: desk.roster.set_password(tx, email, hashed), desk)
    typer.echo(f"{person.name} has a new password, and is signed out everywhere.")


@commands.command()
def reset_factor(email: Email) -> None:
    """Forget somebody's app, passkeys and recovery codes: they set up new ones as they sign in.

    Make sure first that it is they who ask, such as by a call to the number that you know.
    """
    desk = commanding.open_desk()
    person = saved(lambda tx: desk.roster.reset_factors(tx, email), desk)
    typer.echo(
        f"{person.name} is signed out everywhere, and sets up a new app or passkey at the next "
        "sign-in with the password."
    )


@commands.command()
def reset_company(email: Email) -> None:
    """Forget by which account at the company's sign-in somebody comes in: the next is theirs.

    Make sure first that it is they who ask, such as by a call to the number that you know.
    """
    desk = commanding.open_desk()
    person = saved(lambda tx: desk.roster.reset_company(tx, email), desk)
    typer.echo(f"{person.name} comes in by the next account of the company with their address.")


@commands.command()
def remove(email: Email) -> None:
    """Take somebody off the staff, and sign them out everywhere. Records keep their name."""
    desk = commanding.open_desk()
    person = saved(lambda tx: desk.roster.remove(tx, email), desk)
    typer.echo(f"{person.name} ({person.email}) is not on the staff any more.")


def _words(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(roles))
