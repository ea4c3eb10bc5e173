"""What came out: numbered steps, each with its mark and a plain sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")

TITLES = {
    1: "The file is a session's record of a known format",
    2: "The attestation is signed",
    3: "Record, attestation and events name one session",
    4: "Every event is signed",
    5: "The chain of events is unbroken",
    6: "Times do not run backwards, and each key was in use when it signed",
    7: "The chain ends where the attestation says",
    8: "The evidence is the attested evidence",
    9: "Every text that is shown fits its seal",
    10: "The report for people is the one that was signed for",
    11: "Others have witnessed the record",
}


class Mark(StrEnum):
    """How a step came out; a warning does not fail the record."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered check, its outcome, and a plain sentence about it."""

    number: int
    mark: Mark
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All steps that were taken; `payload` is what the attestation says, if it is signed.

    `texts` are those that are shown and fit, by their seals; `bare` is an attestation alone.
    """

    steps: tuple[Step, ...]
    payload: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    bare: bool = False

    @property
    def ok(self) -> bool:
        """Whether there were steps and none of them failed."""
        return bool(self.steps) and all(step.mark is not Mark.FAILED for step in self.steps)

    @property
    def warned(self) -> bool:
        """Whether a step has something to say that a reader should weigh."""
        return any(step.mark is Mark.WARNING for step in self.steps)


class NotVerified(Exception):
    """Something does not hold; the message is a plain clause that says what."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What a step that did not fail found out."""

    value: T
    clause: str
    mark: Mark = Mark.OK


def take(steps: list[Step], number: int, check: Callable[[], Found[T]]) -> T | None:
    """Take one step; whatever goes wrong in it is a failure of the file, never of ours."""
    title = TITLES[number]
    try:
        found = check()
    except NotVerified as error:
        steps.append(Step(number, Mark.FAILED, f"{title}: no, {error}."))
    except Exception as error:  # noqa: BLE001 - fail closed on what nobody thought of
        clause = f"it cannot be understood ({type(error).__name__})"
        steps.append(Step(number, Mark.FAILED, f"{title}: no, {clause}."))
    else:
        steps.append(Step(number, found.mark, f"{title}: {found.clause}."))
        return found.value
    return None


def render(verdict: Verdict) -> str:
    """Return the verdict as text for a terminal, in ASCII, whatever the file held."""
    steps = ((step, _printable(step.sentence)) for step in verdict.steps)
    lines = [f"{step.number:>2}. [{step.mark:^7}] {sentence}" for step, sentence in steps]
    lines += ["", _summary(verdict)]
    if verdict.payload is not None:
        shown = json.dumps(_opened(json.loads(verdict.payload), verdict.texts), indent=2)
        lines += ["", "What the attestation says:", shown]
    return "\n".join(lines) + "\n"


def _opened(value: Any, texts: Mapping[str, str]) -> Any:
    """Return what an attestation says with texts in the place of their seals, where they fit."""
    if isinstance(value, list):
        return [_opened(inner, texts) for inner in value]
    if not isinstance(value, dict):
        return value
    seal = value.get("sealed")
    if len(value) == 1 and isinstance(seal, str):
        return texts.get(seal, "(erased or withheld)")
    return {name: _opened(inner, texts) for name, inner in value.items()}


def _printable(text: str) -> str:
    """Return a text in which nothing can move a terminal's cursor, or begin a line of its own."""
    return "".join(one if " " <= one <= "~" else ascii(one)[1:-1] for one in text)


def _summary(verdict: Verdict) -> str:
    if not verdict.ok:
        return "NOT VERIFIED. Do not rely on this file."
    if verdict.bare:
        return "THE ATTESTATION IS SIGNED. Nothing else was checked: that takes the record."
    return "VERIFIED, with a warning: read it above." if verdict.warned else "VERIFIED."
