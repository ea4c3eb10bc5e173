"""What the simulated learner says and shows: plain functions of what happened."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.harness.films import Scene

ALTERNATION_S = 20.0
"""While the identity is being checked, the card comes up this often..."""
SHOWN_S = 6.0
"""...and stays up this long."""
ASKED_S = 12.0
"""How long the card stays up when somebody asked for it."""
SPEAKING_S = 4.0

HELLO = "Hello, good day. I am in my cabin and I am ready."
HERE_IS_MY_ID = "Here is my ID. I hold it up again every few seconds."
FINISHED = "I have handed in my answers. I have finished."

_ANSWERS = (
    (r"\b(id|card|passport|document|licen[cs]e|seaman'?s book)\b", "Here is my ID."),
    (r"\b(hello|hi|good (morning|afternoon|evening|day))\b", "Hello, nice to meet you."),
    (r"\b(hear|sound|microphone|speak)\b", "Yes, I hear you well."),
    (r"\b(see|camera|picture|face|look)\b", "Yes, I look into the camera."),
    (r"\b(alone|room|cabin|anybody|somebody)\b", "I am alone in my cabin."),
    (r"\b(finish|finished|done|hand(ed)? in)\b", "I tell you as soon as I have finished."),
    (r"\b(begin|start|ready)\b", "Yes, I am ready."),
    (r"\b(thanks?|thank you)\b", "You are welcome."),
    (r"\b(bye|goodbye)\b", "Goodbye, and thank you."),
)
_OTHERWISE = "All right, thank you."
_CHANGES = {
    "checked_in": HERE_IS_MY_ID,
    "identified": "Thank you. I am ready for the assessment.",
    "in_progress": "Thank you, I begin.",
    "paused": "All right, I wait.",
    "refused": "I understand. Goodbye.",
    "stopped": "I understand. Goodbye.",
    "ended": "Thank you for your time. Goodbye.",
}
_GOING_ON = "Thank you, I go on."


def answer(line: str) -> str:
    """Return a friendly answer to a line of the invigilator's."""
    for pattern, words in _ANSWERS:
        if re.search(pattern, line, re.IGNORECASE):
            return words
    return _OTHERWISE


def asks_for_face(line: str) -> bool:
    """Whether somebody asks to see the face alone."""
    return re.search(r"\b(face|camera|put .* down)\b", line, re.IGNORECASE) is not None


def asks_for_card(line: str) -> bool:
    """Whether somebody asks to see the identity document."""
    return re.search(_ANSWERS[0][0], line, re.IGNORECASE) is not None


def remark(before: str | None, now: str) -> str | None:
    """Return what to say when the session's state changes; None for nothing."""
    if before == now:
        return None
    if (before, now) == ("paused", "in_progress"):
        return _GOING_ON
    return _CHANGES.get(now)


@dataclass
class Body:
    """What the camera shows and the microphone hears now; times from a monotonic clock."""

    checking: bool = False
    """Whether the identity is being checked."""
    _card_until: float = field(default=0.0, repr=False)
    _face_until: float = field(default=0.0, repr=False)
    _speaks_until: float = field(default=0.0, repr=False)

    def show_card(self, now: float) -> None:
        """Hold the card up for a while."""
        self._card_until, self._face_until = now + ASKED_S, 0.0

    def show_face(self, now: float) -> None:
        """Put the card down for a while."""
        self._card_until, self._face_until = 0.0, now + ASKED_S

    def speak(self, now: float) -> None:
        """Say something aloud."""
        self._speaks_until = now + SPEAKING_S

    def scene(self, now: float) -> Scene:
        """Return what the camera shows."""
        if now < self._face_until:
            return Scene.FACE
        turn = self.checking and now % ALTERNATION_S < SHOWN_S
        return Scene.CARD if turn or now < self._card_until else Scene.FACE

    def speaks(self, now: float) -> bool:
        """Whether the microphone hears a voice."""
        return now < self._speaks_until
