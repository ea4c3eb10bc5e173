"""The command line: `invigilation up | serve | migrate | verify`, and what sets an office up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from web import (
    audit_commands,
    edx_commands,
    erasure_commands,
    identity_commands,
    lti_commands,
    person_commands,
    record_commands,
    retention_commands,
    staff_commands,
    vault_commands,
)
from web.draining import run_until_told
from web.encrypted import check_encrypted
from web.health.logs import configure
from web.settings import Settings, Unable, read_settings
from web.setup_commands import commands

cli = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
cli.add_typer(commands)
cli.add_typer(record_commands.commands)
cli.add_typer(erasure_commands.commands)
cli.add_typer(vault_commands.commands)
cli.add_typer(record_commands.keys, name="keys")
cli.add_typer(identity_commands.commands, name="identity")
cli.add_typer(edx_commands.commands, name="edx")
cli.add_typer(lti_commands.commands, name="lti")
cli.add_typer(staff_commands.commands, name="staff")
cli.add_typer(person_commands.commands, name="learner")
cli.add_typer(retention_commands.commands, name="retention")
cli.add_typer(audit_commands.commands, name="audit")


def main() -> None:
    """Run the command line; what goes wrong in a known way is one plain sentence."""
    try:
        cli()
    except Unable as reason:
        sys.stderr.write(f"{reason}\n")
        raise SystemExit(1) from None


@cli.command()
def serve() -> None:
    """Start the service."""
    settings = read_settings()
    check_encrypted(settings)
    _logs()
    listener = _listen(settings)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(settings, listener))


@cli.command()
def up(
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    guided: Annotated[bool, typer.Option(help="Also run a simulated learner.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Start the demonstration: the service with its seed, and the practice backend."""
    from web.demonstration import demonstrate  # noqa: PLC0415 - the service does not need it

    changes = {} if port is None else {"port": port}
    settings = read_settings(**changes)
    _logs(settings.var / "service.log")
    listener = _listen(settings)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(demonstrate(settings, listener, guided=guided))


@cli.command()
def seed(
    webhook_url: Annotated[
        str, typer.Option(help="Where the practice backend listens for webhooks.")
    ] = "http://127.0.0.1:8090/webhooks",
) -> None:
    """Fill an empty database with the demonstration; its secrets go to `demo.json` under `var`."""
    from web import seed as demonstration  # noqa: PLC0415
    from web.house import open_house, staff_wrapping  # noqa: PLC0415 - slow to import, and `verify` needs none of it
    from web.setup import open_store  # noqa: PLC0415

    settings = read_settings()

    async def run() -> None:
        house = open_house(settings)
        await open_store(house.desk.office.store)
        demo = demonstration.open_demo(settings.var / "demo.json")
        await demonstration.seed(house.desk, demo, webhook_url)
        await demonstration.give_apps(house.desk, demo, staff_wrapping(house))
        await house.desk.office.store.close()

    asyncio.run(run())


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    from web.house import open_house  # noqa: PLC0415 - slow to import, and `verify` needs none of it
    from web.setup import migrate_by, open_store  # noqa: PLC0415

    settings = read_settings()

    async def run() -> None:
        if settings.migration_database_url:
            await migrate_by(settings.migration_database_url, settings.database)
        house = open_house(settings)
        await open_store(house.desk.office.store)
        await house.desk.office.store.close()

    asyncio.run(run())


def _listen(settings: Settings) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise Unable(
            f"Port {settings.port} on {settings.host} cannot be used: {error.strerror}. "
            "Stop what uses it, or choose another with INVIGILATION_PORT or --port."
        ) from None
    return listener


async def _serve(settings: Settings, listener: socket.socket) -> None:
    from web.app import application  # noqa: PLC0415 - as above
    from web.house import open_house  # noqa: PLC0415 - as above

    app = application(open_house(settings))
    await run_until_told(app, listener, settings.drain_notice_seconds)


def _logs(file: Path | None = None) -> None:
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    out = sys.stderr if file is None else file.open("a", encoding="utf-8")
    configure(out)


if __name__ == "__main__":
    main()
