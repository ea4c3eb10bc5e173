from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordings.verify import parse_keys, render, verify_file

from .bundles import COMPANY, NOW, Draft, canonical, key_set, pack, unpack, with_local
from .tampering import CASES, Case, good

KEYS = parse_keys(json.dumps(key_set()).encode())
BACKENDS = {COMPANY.key_id: COMPANY.public}
GOOD = good()


def test_the_untouched_bundle_verifies() -> None:
    verdict = verify_file(GOOD, KEYS, now=NOW, backends=BACKENDS)

    assert verdict.ok, render(verdict)
    assert not verdict.warned, render(verdict)


@pytest.mark.parametrize("late", [True, False])
def test_what_the_learners_device_kept_verifies_before_and_after_the_attestation(late) -> None:
    verdict = verify_file(with_local(late=late).packed(), KEYS, now=NOW, backends=BACKENDS)

    assert verdict.ok, render(verdict)
    sentence = verdict.steps[7].sentence
    came = 2 if late else 0
    assert f"yes, {6 - came} items by their SHA-256, and {came} that came later" in sentence
    assert "2 of all were kept on the learner's device, and fit the chain that it told" in sentence
    assert sentence.endswith("6 of them are here and unchanged.")


def test_a_record_without_the_late_chunks_themselves_verifies() -> None:
    members = {
        name: data
        for name, data in with_local().members().items()
        if not name.startswith("evidence/lr")
    }

    verdict = verify_file(pack(members), KEYS, now=NOW, backends=BACKENDS)

    assert verdict.ok, render(verdict)
    assert "4 of them are here and unchanged, 2 were erased, withheld or damaged" in render(verdict)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_change_is_named_by_its_step(case: Case) -> None:
    changed = case.change(GOOD)

    verdict = verify_file(changed, KEYS, now=NOW, backends=BACKENDS)

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


@settings(max_examples=300, deadline=None)
@given(
    one=st.integers(0, len(GOOD)),
    other=st.integers(0, len(GOOD)),
    to=st.integers(0, len(GOOD)),
    filling=st.binary(max_size=8),
    way=st.sampled_from(["drop", "fill", "twice", "move"]),
)
def test_no_piece_dropped_filled_doubled_or_moved_verifies(
    one: int, other: int, to: int, filling: bytes, way: str
) -> None:
    begin, end = sorted((one, other))
    piece, rest = GOOD[begin:end], GOOD[:begin] + GOOD[end:]
    changed = {
        "drop": rest,
        "fill": GOOD[:begin] + filling + GOOD[end:],
        "twice": GOOD[:end] + piece + GOOD[end:],
        "move": rest[: to % (len(rest) + 1)] + piece + rest[to % (len(rest) + 1) :],
    }[way]

    verdict = verify_file(changed, KEYS, now=NOW)

    assert verdict.ok is (changed == GOOD)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the ways to all texts and numbers in a JSON value."""
    if isinstance(value, dict):
        return [found for name in value for found in leaves(value[name], (*path, name))]
    if isinstance(value, list):
        return [found for at, inner in enumerate(value) for found in leaves(inner, (*path, at))]
    return [path]


RECORD = json.loads(unpack(GOOD)["record.json"])


@settings(max_examples=300, deadline=None)
@given(
    path=st.sampled_from(leaves(RECORD)),
    value=st.text(st.characters(exclude_categories=["Cs"]), max_size=70)
    | st.integers()
    | st.none()
    | st.booleans(),
)
def test_no_other_value_anywhere_in_the_record_verifies(
    path: tuple[str | int, ...], value: object
) -> None:
    changed = copy.deepcopy(RECORD)
    inside: Any = changed
    for step in path[:-1]:
        inside = inside[step]
    same = inside[path[-1]] == value and type(inside[path[-1]]) is type(value)
    inside[path[-1]] = value
    members = unpack(GOOD) | {"record.json": canonical(changed)}

    verdict = verify_file(pack(members), KEYS, now=NOW)

    assert verdict.ok is same


def test_what_was_withheld_is_counted() -> None:
    some = Draft(kept={"ev_1"}, with_report=False).packed()

    verdict = verify_file(some, KEYS, now=NOW)

    assert verdict.ok
    assert "1 of them are here and unchanged, 2 were erased, withheld or damaged" in render(verdict)
