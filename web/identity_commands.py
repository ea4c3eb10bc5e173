"""The commands about identity: `invigilation identity calibrate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from web.clock import SystemClock
from web.settings import Unable

commands = typer.Typer(no_args_is_help=True, help="Prepare what identity checks rest on.")


@commands.callback()
def identity() -> None:
    """Prepare what identity checks rest on."""  # without it, a single command has no name


@commands.command()
def calibrate(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Pictures that you may use: a folder for each person."),
    ],
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("calibration.json"),
    engine: Annotated[str, typer.Option(help="dlib or sface.")] = "dlib",
    file: Annotated[
        list[Path] | None,
        typer.Option(help="For sface, twice: YuNet's ONNX file, then SFace's."),
    ] = None,
    digest: Annotated[
        list[str] | None, typer.Option(help="For sface, twice: their SHA-256, in that order.")
    ] = None,
) -> None:
    """Find out what the scores of likeness mean; only counts of scores are written."""
    # Slow to import, and nothing else needs it.
    from recordings.vision.calibrate import FolderUnfit, table  # noqa: PLC0415
    from recordings.vision.calibrate import calibrate as run  # noqa: PLC0415
    from recordings.vision.calibration import TooFewPairs  # noqa: PLC0415
    from recordings.vision.engines import open_engine  # noqa: PLC0415
    from recordings.vision.likeness import Engine, LikenessSettings, LikenessUnfit  # noqa: PLC0415

    if engine not in set(Engine):
        raise Unable(f"There is no engine {engine}: it is dlib or sface.")
    settings = LikenessSettings(Engine(engine), tuple(file or ()), tuple(digest or ()))
    today = SystemClock().now().date()
    try:
        found = run(folder, open_engine(settings), today, _tell)
    except (FolderUnfit, LikenessUnfit, TooFewPairs) as reason:
        raise Unable(str(reason)) from None
    _write(output, found.text())
    typer.echo(table(found))
    typer.echo(
        f"Written to {output}: name it to the service with INVIGILATION_LIKENESS_CALIBRATION."
    )


def _tell(done: int, of: int) -> None:
    """Say how far it is, where somebody looks on."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {of} pictures" + ("\n" if done == of else ""))


def _write(output: Path, text: str) -> None:
    """Write the file whole or not at all."""
    new = output.with_name(output.name + ".new")
    try:
        new.write_text(text)
        new.replace(output)
    except OSError as error:
        raise Unable(f"{output} cannot be written: {error.strerror}.") from None
