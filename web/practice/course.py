"""The assessment that learners sit here: five questions, open book, pass mark 70 %."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PASS_MARK = 70


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its possible answers, and which of them is right (from 0)."""

    text: str
    answers: tuple[str, ...]
    right: int


QUESTIONS = (
    Question(
        "Who on board is responsible for the ship security plan being carried out?",
        ("The ship security officer", "The chief cook", "The port agent"),
        0,
    ),
    Question(
        "The port raises its security level above the ship's. What does the ship do?",
        (
            "It keeps its own level until it sails",
            "It goes to the port's level at least",
            "It asks the charterer",
        ),
        1,
    ),
    Question(
        "You find a bag that nobody owns in the mess room. What comes first?",
        ("Open it carefully", "Carry it on deck", "Leave it, clear the space and report it"),
        2,
    ),
    Question(
        "A visitor at the gangway has no identity document. What do you do?",
        (
            "Let them on board if somebody knows them",
            "Do not let them on board and call the duty officer",
            "Let them wait in the cabin",
        ),
        1,
    ),
    Question(
        "Which document names the three security levels?",
        ("The ISPS Code", "The garbage management plan", "The stability booklet"),
        0,
    ),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """How an attempt came out."""

    right: int
    percent: int
    passed: bool


def mark(given: Mapping[int, int]) -> Mark:
    """Mark the answers given, by question (both from 0); a missing answer is wrong."""
    right = sum(given.get(n) == question.right for n, question in enumerate(QUESTIONS))
    percent = 100 * right // len(QUESTIONS)
    return Mark(right, percent, percent >= PASS_MARK)
