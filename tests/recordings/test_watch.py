from __future__ import annotations

import av
import numpy as np
import pytest

from recordings.errors import PictureUndecodable
from recordings.vision.watch import KEPT, SAME, Loops, Small, decode_small

from . import media
from .loops import LINKS as LOOP_LINKS
from .loops import SITTERS, Film, first_seen, looks
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


def test_a_film_that_is_played_again_is_seen_and_a_person_who_is_there_is_not() -> None:
    sitter, link = SITTERS["a person"], LOOP_LINKS["60 kbit/s"]

    played = first_seen(looks(Film(sitter, 20), *link, 40, again=True))
    there = first_seen(looks(Film(sitter, 200), *link, 15, again=False))

    assert played is not None
    assert there is None


def scenes(count: int, seed: int = 1) -> list[Small]:
    """Return pictures that have nothing in common."""
    chance = np.random.default_rng(seed)
    rough = chance.integers(16, 235, (count, 30, 40))
    return [Small(scene.repeat(4, 0).repeat(4, 1).astype(np.uint8)) for scene in rough]


def test_three_repeats_among_twenty_looks_make_a_loop() -> None:
    loops, film = Loops(), scenes(7)

    seen = [loops.looping(picture) for picture in (*film, *film)]

    assert seen == [False] * 9 + [True] * 5


def test_one_repeat_or_a_film_too_long_to_remember_is_none() -> None:
    loops, film = Loops(), scenes(KEPT + 3)

    seen = [loops.looping(picture) for picture in (*film[:4], film[0], *film[4:], *film)]

    assert not any(seen)


@pytest.mark.parametrize("level", [20, 120])
def test_a_picture_that_does_not_move_is_frozen_or_black_and_no_loop(level: int) -> None:
    loops = Loops()
    still = Small(np.full((120, 160), level, np.uint8))

    assert not any(loops.looping(still) for _ in range(30))


def test_a_camera_that_is_covered_now_and_then_is_no_loop() -> None:
    loops, film = Loops(), scenes(20)
    black = Small(np.full((120, 160), 17, np.uint8))

    assert not any(loops.looping(picture) for scene in film for picture in (scene, black))


def test_pictures_of_another_shape_begin_anew() -> None:
    loops, film = Loops(), scenes(4)
    turned = Small(np.ascontiguousarray(film[0].luma.T))

    seen = [loops.looping(picture) for picture in (*film, turned, *film, *film)]

    assert seen == [False] * 11 + [True] * 2
