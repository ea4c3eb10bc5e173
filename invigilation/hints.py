"""Hints: what an invigilator should look at twice. They accuse nobody, and decide nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HintKind(StrEnum):
    """What was noticed."""

    SAME_NUMBER_OTHER_LEARNER = "same_number_other_learner"
    SAME_DOCUMENT_OTHER_NAME = "same_document_other_name"
    SAME_FACE_PICTURE = "same_face_picture"
    SIMILAR_FACE_PICTURE = "similar_face_picture"
    VIRTUAL_CAMERA = "virtual_camera"
    FROZEN = "frozen"
    LOOPING = "looping"


WORDS = {
    HintKind.SAME_NUMBER_OTHER_LEARNER: (
        "A document with this number was shown before, in the session of another learner."
    ),
    HintKind.SAME_DOCUMENT_OTHER_NAME: (
        "A document with this number was shown before, with another name on it."
    ),
    HintKind.SAME_FACE_PICTURE: "Exactly this picture of a face was taken in another session.",
    HintKind.SIMILAR_FACE_PICTURE: (
        "A picture almost like this one was taken in the session of another learner."
    ),
    HintKind.VIRTUAL_CAMERA: (
        "The picture comes from a program that stands in for a camera. There can be good reasons."
    ),
    HintKind.FROZEN: "The picture stood still for a while.",
    HintKind.LOOPING: "The same pictures came more than once.",
}
VIRTUAL = ("obs virtual", "manycam", "snap camera", "v4l2loopback", "virtual camera", "xsplit")


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint in words; `session` is the other session that it speaks of, if it does."""

    kind: HintKind
    words: str
    session: str | None = None


def worded(kind: HintKind, session: str | None = None) -> Hint:
    """Return the hint of that kind."""
    return Hint(kind, WORDS[kind], session)


def virtual_camera(label: str) -> bool:
    """Whether a camera's label is that of a program known to stand in for a camera."""
    return any(name in label.casefold() for name in VIRTUAL)
