"""Hints: what an invigilator should look at twice. They accuse nobody, and decide nothing."""

from __future__ import annotations

import re
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
VIRTUAL = re.compile(
    r"virtual|\bv-?cams?\b|\bobs[- ]camera|manycam|snap ?camera|v4l2 ?loopback|dummy video device"
    r"|xsplit|camtwist|splitcam|webcammax|altercam|sparkocam|chromacam|finecam|mmhmm|youcam"
    r"|nvidia broadcast|logi(?:tech)? capture|prism ?lens|vmix|\bndi\b|unity video capture"
    r"|avatarify|deepfacelive|screen[- ]capture",
    re.IGNORECASE,
)
"""Programs that stand in for a camera, by the names that browsers show.

Apps that make a phone a webcam (DroidCam, iVCam, EpocCam, Iriun, Camo) show a real camera's
picture, so they are not among them.
"""
PHONES = re.compile(r"droidcam|ivcam|epoccam|iriun|\bcamo\b", re.IGNORECASE)


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
    """Whether a camera's label is that of a program known to stand in for a camera.

    Only a hint: labels can be changed, and many people blur their room with such a program.
    """
    return VIRTUAL.search(label) is not None and PHONES.search(label) is None
