"""The commands about wrap keys and copies: `keys rotate-wrap | rewrap`, `restore-drill`, `copy`."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from invigilation.errors import InvigilationError
from recordings.errors import EvidenceDamaged, KeyUnknown
from recordings.places import PlaceAway
from recordings.wrap_keys import KeysAway
from web.record_commands import keys
from web.settings import Settings, Unable, read_settings

if TYPE_CHECKING:
    from recordings.session_keys import SessionKeys
    from web.drill import Found
    from web.house import House

commands = typer.Typer()
T = TypeVar("T")
ELSEWHERE = "The wrap key is kept elsewhere: change it there, then run `invigilation keys rewrap`."


@keys.command()
def rotate_wrap() -> None:
    """Begin with a new wrap key, and wrap the keys of all evidence anew."""
    from recordings.wrap_keys import KEY_FILE, name_of, read_files  # noqa: PLC0415 - slow
    from web import keyring  # noqa: PLC0415
    from web.house import open_house  # noqa: PLC0415
    from web.vaults import wrap_keys  # noqa: PLC0415

    settings = read_settings()
    if wrap_keys(settings) is not None:
        raise Unable(ELSEWHERE)
    folder = settings.var / "keys"
    house = open_house(settings)
    with _alone(folder):
        old = read_files(folder)[0]
        keyring.write_once(folder / f"wrap-{name_of(old).hex()}.key", old)
        fresh = secrets.token_bytes(keyring.KEY_BYTES)
        keyring.replace_key(folder / KEY_FILE, fresh)
        typer.echo(f"retired  {name_of(old).hex()}")
        typer.echo(f"in use   {name_of(fresh).hex()}")
        _noted(house, "wrap_key.rotated", name_of(fresh).hex())
        _rewrapped(house)
    typer.echo("The old key still opens older backups. When these have ended, run")
    typer.echo("`invigilation keys rewrap --forget-old`.")


@keys.command()
def rewrap(
    forget_old: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--forget-old", help="Destroy old wrap keys under var/keys afterwards.")
    ] = False,
) -> None:
    """Wrap the keys of all evidence anew by the newest wrap key; safe to repeat."""
    from web.house import open_house  # noqa: PLC0415 - slow

    settings = read_settings()
    house = open_house(settings)
    with _alone(settings.var / "keys"):
        _rewrapped(house)
        if forget_old:
            gone = _forgotten(settings)
            typer.echo(f"Old wrap keys destroyed: {gone}.")
            _noted(house, "wrap_key.forgotten", str(gone))


@commands.command()
def copy() -> None:
    """Make the copies now that the service makes by itself every hour."""
    from web.copies import open_copies  # noqa: PLC0415 - slow
    from web.house import open_house  # noqa: PLC0415
    from web.setup import open_store  # noqa: PLC0415

    house = open_house(read_settings())
    copying = open_copies(house.desk, house.settings, house.vault, house.keyring.wrapping)
    if copying is None:
        raise Unable("There is no place for copies: set INVIGILATION_COPIES.")

    async def run() -> int:
        store = house.desk.office.store
        try:
            await open_store(store)
            return await copying.sweep()
        finally:
            await store.close()

    done = _refusing(lambda: asyncio.run(run()))
    typer.echo(f"Objects copied: {done}; left for the next time: {copying.behind}.")


@commands.command()
def restore_drill(
    folder: Annotated[Path, typer.Argument(help="A new folder: everything is restored into it.")],
    database_url: Annotated[
        str, typer.Option(help="An empty PostgreSQL database, where the service uses one.")
    ] = "",
    keys: Annotated[
        Path | None, typer.Option(help="The folder of the keys; default: keys under `var`.")
    ] = None,
) -> None:
    """Restore the copies into a new folder and check all of it; exit code 0 only when it holds."""
    from web.drill import told  # noqa: PLC0415 - slow
    from web.house import clock_of  # noqa: PLC0415

    settings = read_settings()
    if folder.exists() and any(folder.iterdir()):
        raise Unable(f"{folder} is not empty: name a new folder.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = _refusing(lambda: asyncio.run(_drill(settings, folder, database_url, keys)))
    for sentence in told(found, clock_of(settings).now()):
        typer.echo(sentence)
    raise typer.Exit(1 if found.faults else 0)


async def _drill(settings: Settings, folder: Path, url: str, keys: Path | None) -> Found:
    from recordings.signing import SigningKeys  # noqa: PLC0415 - as above
    from recordings.wrap_keys import FileKeys  # noqa: PLC0415
    from web.drill import Drill  # noqa: PLC0415
    from web.house import clock_of  # noqa: PLC0415
    from web.vaults import copies_of, wrap_keys  # noqa: PLC0415

    place = copies_of(settings)
    if place is None:
        raise Unable("There is no place for copies: set INVIGILATION_COPIES.")
    ring = keys or settings.var / "keys"
    try:
        wrap = wrap_keys(settings) or FileKeys(ring)
        return await Drill(place, folder, wrap, SigningKeys(ring), clock_of(settings), url).run()
    except (OSError, ValueError) as error:
        raise Unable(f"The copies cannot be restored with the keys in {ring}: {error}.") from None


def _rewrapped(house: House) -> None:
    """Wrap everything anew that lies under wrap keys; raises `Unable` when some cannot be."""
    from recordings.copies import rewrap as rewrap_place  # noqa: PLC0415 - as above
    from web.keyring import rewrap_root  # noqa: PLC0415
    from web.vaults import copies_of, shelf_of  # noqa: PLC0415

    settings, own = house.settings, house.vault.keys
    ring = house.keyring.wrapping
    changed, broken = _local(own)
    near = settings.var / "evidence"
    near.mkdir(parents=True, exist_ok=True, mode=0o700)

    def elsewhere() -> int:
        places = [place for place in (shelf_of(settings), copies_of(settings)) if place is not None]
        return sum(rewrap_place(place, own, near) for place in places)

    changed += _refusing(elsewhere)
    changed += rewrap_root(settings.var / "keys", ring)
    typer.echo(f"Keys wrapped anew: {changed}.")
    if broken:
        shown = ", ".join(broken[:10])
        raise Unable(f"No key opens the keys of {len(broken)} sessions: {shown}. Nothing is lost.")


def _local(own: SessionKeys) -> tuple[int, list[str]]:
    changed, broken = 0, []
    for session in own.all():
        try:
            changed += own.rewrap(session)
        except (EvidenceDamaged, KeyUnknown):
            broken.append(session)
    return changed, broken


def _forgotten(settings: Settings) -> int:
    """Destroy the wrap keys under var/keys that wrap nothing any more; return how many."""
    from recordings.wrap_keys import KEY_FILE  # noqa: PLC0415 - as above
    from web.vaults import wrap_keys  # noqa: PLC0415

    folder = settings.var / "keys"
    old = sorted(folder.glob("wrap-*.key"))
    if wrap_keys(settings) is not None and (folder / KEY_FILE).exists():
        old.append(folder / KEY_FILE)
    for path in old:
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(path.stat().st_size))
            os.fsync(file.fileno())
        path.unlink()
    return len(old)


def _noted(house: House, action: str, subject: str) -> None:
    from invigilation.desk.exporting import OPERATOR  # noqa: PLC0415 - as above
    from web.setup import open_store  # noqa: PLC0415

    office = house.desk.office

    async def run() -> None:
        try:
            await open_store(office.store)
            async with office.store.write() as tx:
                await office.note(tx, f"staff:{OPERATOR.id}", action, subject, None, None)
        finally:
            await office.store.close()

    asyncio.run(run())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one change of wrap keys at a time go on; the kernel frees the lock of a dead process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _refusing(act: Callable[[], T]) -> T:
    """Let what goes wrong in a known way be a plain sentence."""
    from invigilation.store.snapshot import NoSnapshot  # noqa: PLC0415 - slow

    try:
        return act()
    except (PlaceAway, KeysAway) as error:
        raise Unable(f"{error} ({error.why})") from None
    except (InvigilationError, NoSnapshot) as error:
        raise Unable(str(error)) from None
