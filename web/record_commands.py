"""The commands about records: `invigilation export | verify | verifier | keys rotate`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from invigilation.errors import InvigilationError
from recordings.verify import (
    KeysUnreadable,
    Verdict,
    check_file,
    load_certificates,
    parse_keys,
    render,
)
from web.settings import Unable, read_settings

if TYPE_CHECKING:
    from web.exports import Choice
    from web.house import House

commands = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="The keys of records and of evidence.")
PDF = b"%PDF-"


@commands.command()
def export(
    session: Annotated[
        str, typer.Argument(help="The session's id, as its record's page shows it.")
    ],
    output: Annotated[
        Path | None, typer.Option(help="The file to write; default bundle-SESSION.zip.")
    ] = None,
    recordings: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--recordings", help="Recordings go along, too: large.")
    ] = False,
    no_pictures: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--no-pictures", help="No evidence goes along.")
    ] = False,
    why: Annotated[
        str,
        typer.Option(
            help="Why you take pictures along: no_show, dispute, question, gap, quality, audit or "
            "other. The record keeps it."
        ),
    ] = "",
    words: Annotated[str, typer.Option(help="With `--why other`: why, in a few words.")] = "",
) -> None:
    """Write a session's record, pictures and report into one file that anybody can check."""
    from web.exports import Choice  # noqa: PLC0415
    from web.house import open_house  # noqa: PLC0415 - slow to import, and `verify` needs none of it

    if recordings and no_pictures:
        raise Unable("Choose one of --recordings and --no-pictures.")
    choice = Choice.ALL if recordings else Choice.NOTHING if no_pictures else Choice.PICTURES
    if choice is not Choice.NOTHING and not why:
        raise Unable("Say with --why for what you take pictures along; `--help` lists the reasons.")
    path = output or Path(f"bundle-{session}.zip")
    house = open_house(read_settings())
    try:
        with path.open("xb") as file:
            try:
                lacks = asyncio.run(_export(house, session, choice, (why, words), file))
                size = file.tell()
            except BaseException:
                path.unlink()
                raise
    except InvigilationError as error:
        raise Unable(str(error)) from None
    except FileExistsError:
        raise Unable(f"{path} is there already: choose another name with --output.") from None
    except OSError as error:
        raise Unable(f"{path} cannot be written: {error.strerror}.") from None
    typer.echo(f"{path}: {size:,} bytes. That you took it is in the record.")
    for sentence in lacks:
        typer.echo(sentence)


async def _export(
    house: House, session: str, choice: Choice, why: tuple[str, str], file: BinaryIO
) -> tuple[str, ...]:
    """Write the bundle; return sentences about what is not in it. `why` is a reason, and words."""
    from invigilation.desk.exporting import OPERATOR  # noqa: PLC0415 - as above
    from recordings import bundle  # noqa: PLC0415
    from web.exports import pieces  # noqa: PLC0415
    from web.setup import open_store  # noqa: PLC0415

    store = house.desk.office.store
    try:
        await open_store(store)
        if why[0]:
            await house.desk.looks.open(session, OPERATOR, *why)
        found = await pieces(house.desk, house.vault, session, OPERATOR, choice)
        damaged = await asyncio.to_thread(bundle.write, file, found.members)
    finally:
        await store.close()
    return (*found.lacks, *(f"{name} is damaged in the vault, and left out." for name in damaged))


@commands.command()
def verify(
    file: Annotated[
        Path,
        typer.Argument(
            help="A bundle (.zip), record (.json), attestation (.jws) or report (.pdf)."
        ),
    ],
    keys: Annotated[Path, typer.Option(help="The service's public keys: JWKS or PEM.")],
    timestamp_certificates: Annotated[
        Path | None, typer.Option(help="Certificates of time-stamp authorities you trust: PEM.")
    ] = None,
    backends: Annotated[
        Path | None,
        typer.Option(help="Keys of assessment backends, as they gave them to you: JWKS or PEM."),
    ] = None,
) -> None:
    """Check a session's record offline, in numbered steps; exit code 0 only when all holds."""
    try:
        verdict = _checked(file, keys, timestamp_certificates, backends)
    except KeysUnreadable as error:
        raise Unable(str(error)) from None
    except OSError as error:
        raise Unable(f"{error.filename} cannot be read: {error.strerror}.") from None
    sys.stdout.write(render(verdict))
    raise typer.Exit(0 if verdict.ok else 1)


def _checked(file: Path, keys: Path, authorities: Path | None, backends: Path | None) -> Verdict:
    with file.open("rb") as opened:
        begins = opened.read(len(PDF))
    if begins != PDF:
        return check_file(file, keys, authorities, backends)
    # Slow to import, and nothing else needs it.
    from recordings.report_pdf.check import check, roots_of_file  # noqa: PLC0415

    published = keys.read_bytes()
    trusted = () if authorities is None else load_certificates(authorities)
    return check(file.read_bytes(), parse_keys(published), roots_of_file(published), trusted)


@commands.command()
def verifier(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, say v.pyz.")],
) -> None:
    """Write the verifier as one file for auditors: `python FILE BUNDLE KEYS` checks offline."""
    from recordings import auditor  # noqa: PLC0415 - nothing else needs it

    try:
        with output.open("xb") as file:
            file.write(auditor.verifier())
    except FileExistsError:
        raise Unable(f"{output} is there already: choose another name.") from None
    except OSError as error:
        raise Unable(f"{output} cannot be written: {error.strerror}.") from None
    typer.echo(f"{output}: run it with `python {output} BUNDLE KEYS`.")
    typer.echo("It needs Python 3.11 or later, the package cryptography, and nothing else.")


@keys.callback()
def keys_of_records() -> None:
    """The keys of records and of evidence."""  # noqa: D401 - it is what the help says


@keys.command()
def rotate() -> None:
    """Retire the key that signs records, and begin with a new one, in all running processes."""
    from recordings import signing  # noqa: PLC0415 - nothing else needs it
    from web.house import clock_of, open_house  # noqa: PLC0415 - slow, and `verify` needs none of it

    settings = read_settings()
    now = clock_of(settings).now()
    try:
        old, new = signing.rotate(settings.var / "keys", now)
    except FileNotFoundError:
        raise Unable("There are no keys yet: they are made when the service starts.") from None
    except (OSError, ValueError) as error:
        raise Unable(f"The keys cannot be changed: {error}.") from None
    typer.echo(f"retired  {old}")
    typer.echo(f"in use   {new.key_id}")
    typer.echo(f"Both are published at {settings.url}/.well-known/jwks.json: tell those who check.")
    asyncio.run(_noted(open_house(settings), old, new.key_id))


async def _noted(house: House, old: str, new: str) -> None:
    """Write a rotation into the audit log; should that fail, the history of keys still tells."""
    from invigilation.desk.exporting import OPERATOR  # noqa: PLC0415 - as above
    from web.setup import open_store  # noqa: PLC0415

    office = house.desk.office
    try:
        await open_store(office.store)
        async with office.store.write() as tx:
            who = f"staff:{OPERATOR.id}"
            await office.note(tx, who, "key.rotated", new, None, {"retired": old})
    finally:
        await office.store.close()
