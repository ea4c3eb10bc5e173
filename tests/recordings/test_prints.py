from __future__ import annotations

import cv2
import numpy as np
import pytest

from recordings.vision.prints import bits_apart, face_print

from .portraits import Picture, jpeg, pixels, seen

KNOWN_AGAIN = 3
"""As many bits as the store finds."""


def half(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, (320, 240), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture,
        half,
        lambda picture: pixels(jpeg(picture, 70)),
        lambda picture: pixels(jpeg(half(picture), 60)),
        lambda picture: np.clip(picture * 0.8 + 10, 0, 255).astype(np.uint8),
        lambda picture: cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY),
    ],
    ids=["the same", "half the size", "JPEG", "small and JPEG", "darker", "grey"],
)
def test_a_picture_that_was_stored_anew_is_known_again(change) -> None:
    pictures = [seen(seed) for seed in range(1, 9)]

    apart = [bits_apart(face_print(one), face_print(change(one))) for one in pictures]

    assert max(apart) <= KNOWN_AGAIN


def test_other_people_s_pictures_are_others() -> None:
    # Each sits elsewhere before the same wall.
    places = [(0.4 + 0.03 * seed, 0.42 + 0.01 * (seed * 3 % 5)) for seed in range(8)]
    marks = [face_print(seen(seed + 1, at=place)) for seed, place in enumerate(places)]

    apart = [bits_apart(one, other) for one in marks for other in marks if one is not other]

    assert min(apart) > KNOWN_AGAIN


def test_a_person_s_next_picture_is_another() -> None:
    before = [face_print(seen(seed)) for seed in range(1, 9)]
    after = [face_print(seen(seed, at=(0.52, 0.45), moment=1)) for seed in range(1, 9)]

    apart = [bits_apart(one, other) for one, other in zip(before, after, strict=True)]

    assert min(apart) > KNOWN_AGAIN


def test_a_mark_has_64_bits_and_an_empty_picture_has_one_too() -> None:
    marks = [face_print(seen(1)), face_print(np.zeros((480, 640, 3), np.uint8))]

    assert all(0 <= mark < 1 << 64 for mark in marks)
    assert marks[0] != marks[1]
