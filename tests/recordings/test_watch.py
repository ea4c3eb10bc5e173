from __future__ import annotations

import av
import numpy as np
import pytest

from recordings.errors import PictureUndecodable
from recordings.vision.watch import SAME, Small, decode_small

from . import media
from .sights import LINKS, VIEWS, apart, key_frames

LIVE = ("a person", "low light", "a very still person", "a very still person, low light")
STILLS = ("an exact still", "an exact still, clean", "an exact still, low light")
COVERED = ("a covered lens", "a covered lens, noisy")
LOOKS, BEFORE = 4, 3


@pytest.mark.parametrize("link", ["60 kbit/s", "500 kbit/s"])
@pytest.mark.parametrize("name", LIVE)
def test_a_live_person_is_neither_black_nor_frozen(name: str, link: str) -> None:
    frames = key_frames(VIEWS[name], *LINKS[link], LOOKS, BEFORE)

    assert not any(decode_small(frame).black for frame in frames)
    assert min(apart(frames)) > SAME


@pytest.mark.parametrize("name", STILLS)
def test_an_exact_still_is_frozen(name: str) -> None:
    frames = key_frames(VIEWS[name], *LINKS["500 kbit/s"], LOOKS, BEFORE)

    assert not any(decode_small(frame).black for frame in frames)
    assert max(apart(frames)) <= SAME


@pytest.mark.parametrize("link", ["60 kbit/s", "500 kbit/s"])
@pytest.mark.parametrize("name", COVERED)
def test_a_covered_lens_is_black_although_not_quite(name: str, link: str) -> None:
    frames = key_frames(VIEWS[name], *LINKS[link], 2, BEFORE)

    assert all(decode_small(frame).black for frame in frames)


def test_a_picture_of_another_shape_is_another_picture() -> None:
    wide, tall = (Small(np.full(shape, 90, np.uint8)) for shape in ((90, 160), (213, 160)))

    assert not wide.same_as(tall)
    assert wide.same_as(wide)


def test_a_picture_is_made_160_wide_with_its_padding_left_out() -> None:
    frame = media.video(0.1, size=(200, 150))[0]

    small = decode_small(frame.data)

    assert small.luma.shape == (120, 160)
    with pytest.raises(PictureUndecodable):
        decode_small(frame.data[:20])
    assert av.VideoFrame(200, 150, "yuv420p").planes[0].line_size > 200
