"""The command about the audit log: `invigilation audit verify`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from web.settings import read_settings

if TYPE_CHECKING:
    from web.audit_proof import Found
    from web.house import House

commands = typer.Typer(no_args_is_help=True, help="The log of who changed what.")
NAMED = 50
"""So many sentences are printed; all are counted."""


@commands.callback()
def audit() -> None:
    """The log of who changed what."""  # noqa: D401 - without it, a single command has no name


@commands.command()
def verify() -> None:
    """Check that no row of the audit log was changed, dropped, moved or slipped in.

    The exit code is 1 when something is not as it should be.
    """
    from web.house import open_house  # noqa: PLC0415 - slow to import

    found = asyncio.run(_proved(open_house(read_settings())))
    for line in _said(found):
        typer.echo(line)
    raise typer.Exit(0 if found.ok else 1)


async def _proved(house: House) -> Found:
    from web.audit_proof import prove  # noqa: PLC0415 - as above
    from web.setup import open_store  # noqa: PLC0415

    store = house.desk.office.store
    try:
        await open_store(store)
        return await prove(store, house.keyring.signing.trusted())
    finally:
        await store.close()


def _said(found: Found) -> list[str]:
    lines = [f"Sealed: {found.head.seq}; the last entry is {found.head.digest}."]
    lines.append("Keep this first line: a log that was cut short does not have it any more.")
    if found.erased:
        lines.append(f"In {found.erased} of them a name or a text was erased since.")
    if found.waiting:
        lines.append(f"Not sealed yet: {found.waiting}. The service does it every few seconds.")
    if found.ok:
        return [*lines, "VERIFIED: every row that was sealed is as it was written."]
    lines += [f"NOT VERIFIED: {sentence}" for sentence in found.wrong[:NAMED]]
    if len(found.wrong) > NAMED:
        lines.append(f"NOT VERIFIED: and {len(found.wrong) - NAMED} more.")
    return lines
