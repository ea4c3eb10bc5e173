"""The time limits that operating.md lists are those of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| .+ \| ([\d.,]+) \| `([\w/]+\.py)` `(\w+)` \|$", re.MULTILINE)


def value_of(path: str, name: str) -> float | None:
    """Return the number that a module gives a name, at its top."""
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        if isinstance(target, ast.Name) and target.id == name and node.value is not None:
            return float(ast.literal_eval(node.value))
    return None


def test_the_limits_are_those_of_the_code() -> None:
    rows = ROW.findall((ROOT / "docs/operating.md").read_text(encoding="utf-8"))
    told = {(path, name): float(seconds.replace(",", "")) for seconds, path, name in rows}

    assert len(told) > 20
    assert told == {(path, name): value_of(path, name) for path, name in told}
