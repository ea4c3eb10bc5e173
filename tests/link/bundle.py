"""The page's own modules, made into a script that a test page can load."""

from __future__ import annotations

import subprocess
from pathlib import Path

UI = Path(__file__).parents[2] / "web" / "ui"


def bundle(source: str) -> str:
    """Bundle TypeScript that imports modules by their path in `web/ui`."""
    tool = UI / "node_modules/.bin/esbuild"
    done = subprocess.run(
        [str(tool), "--bundle", "--format=iife", "--loader=ts", "--log-level=error"],
        input=source,
        stdout=subprocess.PIPE,
        cwd=UI,
        text=True,
        check=True,
    )
    return done.stdout
