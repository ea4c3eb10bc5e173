"""Janus, from Debian's package: one process with VideoRoom and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from tests.bench.live.client import use_one_address
from tests.bench.live.process import Process, end

START_S = 15.0
INSTALL_S = 300.0

GENERAL = """general: {{
  configs_folder = "{folder}"
  plugins_folder = "{home}/plugins"
  transports_folder = "{home}/transports"
  events_folder = "{folder}/none"
  loggers_folder = "{folder}/none"
  debug_level = 2
  session_timeout = 0
  event_loops = 1
}}
nat: {{ ice_enforce_list = "{address}" }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
"""
SOCKET = """general: {{
  ws = true
  ws_port = {port}
  ws_ip = "127.0.0.1"
}}
"""


def installed() -> bool:
    """Whether Janus is here; where it can be, it is installed first."""
    if shutil.which("janus"):
        return True
    if os.geteuid() or not (Path("/etc/debian_version").exists() and shutil.which("apt-get")):
        return False
    install = ["install", "--yes", "--no-install-recommends", "janus"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        for words in (["update"], install):
            subprocess.run(
                ["apt-get", *words],
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=INSTALL_S,
            )
    return bool(shutil.which("janus"))


@contextlib.asynccontextmanager
async def janus(folder: Path) -> AsyncIterator[tuple[Process, str]]:
    """Start it with its settings in a folder of its own; gives it and its WebSocket's address."""
    home = _home()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = GENERAL.format(
        folder=folder,
        home=home,
        address=use_one_address(),
        plugins=_others(home / "plugins", "libjanus_videoroom.so"),
        transports=_others(home / "transports", "libjanus_websockets.so"),
    )
    (folder / "janus.jcfg").write_text(settings)
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: {}\n")
    (folder / "janus.transport.websockets.jcfg").write_text(SOCKET.format(port=port))
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("janus", "-F", str(folder)),
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    try:
        async with asyncio.timeout(START_S):
            await _listening(port)
        yield Process(process), f"ws://127.0.0.1:{port}"
    finally:
        process.terminate()
        await end(process)


def _home() -> Path:
    return next(Path("/usr/lib").glob("*/janus"))


def _others(folder: Path, wanted: str) -> str:
    return ",".join(sorted(path.name for path in folder.glob("*.so") if path.name != wanted))


async def _listening(port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
