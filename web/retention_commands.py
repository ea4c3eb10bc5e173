"""The command about retention: `invigilation retention proof`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from web.settings import Unable, read_settings

if TYPE_CHECKING:
    from web.house import House
    from web.retention_proof import Proof

commands = typer.Typer(no_args_is_help=True, help="What is deleted when its time is over.")


@commands.callback()
def retention() -> None:
    """What is deleted when its time is over."""  # noqa: D401 - without it, a single command has no name


@commands.command()
def proof(
    output: Annotated[
        Path | None, typer.Option(help="Also write the whole signed list to this file (JSON).")
    ] = None,
) -> None:
    """Prove what was deleted: the signed list holds, all of it is gone, and nothing is overdue.

    The exit code is 1 when something is not as it should be.
    """
    from web.house import open_house  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    house = open_house(read_settings())
    found, file = asyncio.run(_proved(house))
    if output is not None:
        try:
            with output.open("x") as written:
                json.dump(file, written, indent=1)
        except FileExistsError:
            raise Unable(f"{output} is there already: choose another name.") from None
        except OSError as error:
            raise Unable(f"{output} cannot be written: {error.strerror}.") from None
    for line in _said(found):
        typer.echo(line)
    raise typer.Exit(0 if found.ok else 1)


async def _proved(house: House) -> tuple[Proof, dict[str, object]]:
    from invigilation import record  # noqa: PLC0415 - as above
    from web.retention import periods_of, policy_of  # noqa: PLC0415
    from web.retention_proof import Prover, whole  # noqa: PLC0415
    from web.setup import open_store  # noqa: PLC0415

    settings, office = house.settings, house.desk.office
    prover = Prover(house.desk, house.vault, policy_of(settings), periods_of(settings))
    try:
        await open_store(office.store)
        found = await prover.prove(house.keyring.signing.trusted())
    finally:
        await office.store.close()
    return found, whole(found, office.sealer.seal(record.canonical(found.summary())))


def _said(found: Proof) -> list[str]:
    lines = [f"Deleted so far: {sum(found.gone.values())}"]
    lines += [
        f"  {kind.replace('_', ' '):24} {count:8}  {_RULES.get(rule, rule)}"
        for (kind, rule), count in sorted(found.gone.items())
    ]
    lines.append(f"Still kept: {sum(one.count for one in found.kept.values())}")
    lines += [
        f"  {kind.replace('_', ' '):24} {one.count:8}  the first until {one.due:%d %B %Y}"
        for kind, one in sorted(found.kept.items())
        if one.due is not None
    ]
    lines.append(f"The list has {found.head.seq} signed entries; the last is {found.head.digest}.")
    lines.append("Keep this last line: a list that was cut short does not have it any more.")
    if found.ok:
        lines.append("PROVED: all that was deleted is gone, and nothing is kept beyond its time.")
    else:
        lines += [f"NOT PROVED: {sentence}" for sentence in found.wrong]
    return lines


_RULES = {
    "period": "because its time was over",
    "request": "because somebody asked",
    "outlived": "because what it shows was deleted",
}
