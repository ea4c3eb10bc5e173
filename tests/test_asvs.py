"""docs/asvs.md: every requirement has a row, and every test or file that a row names exists."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
FILE = re.compile(r"`((?:docs|web|signalling|invigilation|recordings)/[\w./-]+)`")
VERDICTS = ["met", "partly", "not met", "none here"]
REQUIREMENTS = 258


def rows() -> list[tuple[str, str, str, str]]:
    text = (ROOT / "docs/asvs.md").read_text(encoding="utf-8")
    return [(row[1], row[2], row[3], row[4]) for row in ROW.finditer(text)]


def test_every_requirement_has_one_row_in_its_order() -> None:
    numbers = [tuple(int(part) for part in number.split(".")) for number, *_ in rows()]

    assert len(numbers) == REQUIREMENTS
    assert numbers == sorted(set(numbers))
    assert {number[0] for number in numbers} == set(range(1, 18))


def test_whatever_a_row_names_is_there() -> None:
    wrong = []
    for number, _, _, where in rows():
        for path, name in TEST.findall(where):
            file = ROOT / path
            if not file.is_file() or (name and f"def {name}(" not in file.read_text("utf-8")):
                wrong.append((number, path, name))
        wrong += [(number, one, "") for one in FILE.findall(where) if not (ROOT / one).exists()]

    assert wrong == []


def test_what_is_met_is_tested_or_shown_and_what_is_not_is_explained() -> None:
    for number, _, verdict, where in rows():
        assert verdict in VERDICTS, number
        if verdict == "met":
            assert TEST.search(where) or FILE.search(where), number
        else:
            assert where.endswith((".", "`", ")")), number


def test_the_counts_are_those_of_the_rows() -> None:
    found = Counter(verdict for _, _, verdict, _ in rows())
    text = (ROOT / "docs/asvs.md").read_text(encoding="utf-8")

    for verdict in VERDICTS:
        assert f"{verdict.capitalize()}: {found[verdict]}." in text
