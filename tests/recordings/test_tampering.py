from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordings.verify import parse_keys, render, verify_file

from .bundles import NOW, Draft, key_set
from .tampering import CASES, Case, good

KEYS = parse_keys(json.dumps(key_set()).encode())
GOOD = good()


def test_the_untouched_bundle_verifies() -> None:
    verdict = verify_file(GOOD, KEYS, now=NOW)

    assert verdict.ok, render(verdict)
    assert not verdict.warned, render(verdict)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_change_is_named_by_its_step(case: Case) -> None:
    changed = case.change(GOOD)

    verdict = verify_file(changed, KEYS, now=NOW)

    first = next((step for step in verdict.steps if step.mark != "ok"), None)
    assert changed != GOOD
    assert first is not None, render(verdict)
    assert (first.number, first.mark) == (case.step, case.mark), render(verdict)
    assert verdict.ok is (case.mark == "warning")


def test_the_names_of_changes_are_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(GOOD) - 1), flip=st.integers(1, 255))
def test_no_changed_byte_verifies(at: int, flip: int) -> None:
    changed = GOOD[:at] + bytes([GOOD[at] ^ flip]) + GOOD[at + 1 :]

    verdict = verify_file(changed, KEYS, now=NOW)

    assert not verdict.ok


def test_what_was_withheld_is_counted() -> None:
    some = Draft(kept={"ev_1"}, with_report=False).packed()

    verdict = verify_file(some, KEYS, now=NOW)

    assert verdict.ok
    assert "1 of them are here and unchanged, 2 were erased or withheld" in render(verdict)
