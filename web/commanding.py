"""What the commands share: the office's database, passwords that are typed, plain sentences."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from invigilation.errors import InvalidInput, InvigilationError
from web.auth.passwords import PASSWORD_LIMIT
from web.settings import Unable, read_settings

if TYPE_CHECKING:
    from invigilation.desk import Desk
    from invigilation.store import Tx

T = TypeVar("T")
Email = Annotated[str, typer.Argument(help="Their e-mail address.")]


def password(*, from_stdin: bool) -> str:
    """Return a password: a line of standard input, or typed twice; raises `InvalidInput`."""
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


def refusing(parse: Callable[[], T]) -> T:
    """Let what the office refuses be a plain sentence."""
    try:
        return parse()
    except InvigilationError as error:
        raise Unable(str(error)) from None


def open_desk() -> Desk:
    """Return the desks over the office's database."""
    from web.house import open_house  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    return open_house(read_settings()).desk


def saved(act: Callable[[Tx], Awaitable[T]], desk: Desk | None = None) -> T:
    """Do it in one transaction over the office's database, all of it or nothing."""
    from web.setup import open_store  # noqa: PLC0415 - as above

    store = (desk or open_desk()).office.store

    async def run() -> T:
        try:
            await open_store(store)
            async with store.write() as tx:
                return await act(tx)
        finally:
            await store.close()

    try:
        return refusing(lambda: asyncio.run(run()))
    except OSError as error:
        raise Unable(f"The database cannot be reached: {error}.") from None
