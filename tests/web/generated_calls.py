"""Runs schemathesis, in a process of its own, against an interface that is being served."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


async def generated_calls(url: str, authorization: str, folder: Path, *more: str) -> str:
    """Return "" when every check held, else what schemathesis printed."""
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "tests.web.schemathesis_hooks",
        "PYTHONPATH": str(ROOT),
    }
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", url, "--checks", "all", "--seed", "1",
        "--generation-database", "none", "--warnings", "off", "--no-color",
        "--header", f"Authorization: {authorization}", *more,
        cwd=folder, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await run.communicate()
    return output.decode() if run.returncode else ""
