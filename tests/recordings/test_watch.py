from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from recordings.errors import PictureUndecodable
from recordings.vision.watch import KEPT, SAME, Loops, Small, decode_small, decode_still

from . import media
from .loops import LINKS as LOOP_LINKS
from .loops import SITTERS, Film, first_seen, looks, still_looks
from .sights import LINKS, VIEWS, apart, key_frames, pairs, stills

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


# Stills


@pytest.mark.parametrize("size", [6_000, 4_000])
@pytest.mark.parametrize("name", [*LIVE, "a very still person, rough room"])
def test_a_live_person_is_neither_black_nor_frozen_by_stills(name: str, size: int) -> None:
    smalls = [decode_still(jpeg) for jpeg in stills(VIEWS[name], size, 24, every=10.37)]

    assert not any(small.black for small in smalls)
    assert min(pairs(smalls)) > SAME


@pytest.mark.parametrize("name", STILLS)
def test_an_exact_still_is_frozen_by_stills_once_their_quality_is_found(name: str) -> None:
    smalls = [decode_still(jpeg) for jpeg in stills(VIEWS[name], 6_000, 12)]

    assert not any(small.black for small in smalls)
    assert max(pairs(smalls[4:])) <= SAME


@pytest.mark.parametrize("name", COVERED)
def test_a_covered_lens_is_black_by_stills(name: str) -> None:
    assert all(decode_still(jpeg).black for jpeg in stills(VIEWS[name], 6_000, 4))


def test_a_film_that_is_played_again_is_seen_by_stills_and_a_person_is_not() -> None:
    sitter = SITTERS["a person"]

    played = first_seen(still_looks(Film(sitter, 7), 60, again=True))
    there = first_seen(still_looks(Film(sitter, 700), 60, again=False))

    assert played is not None
    assert there is None


def test_the_same_view_is_as_light_by_a_still_as_by_a_key_frame() -> None:
    view = VIEWS["an exact still, clean"]
    moving = decode_small(key_frames(view, 320, 500_000, 2, BEFORE)[0])

    still = decode_still(stills(view, 6_000, 1)[0])

    assert still.luma.shape == moving.luma.shape
    assert abs(float(still.luma.mean()) - float(moving.luma.mean())) < 1


@pytest.mark.parametrize("jpeg", [b"", b"no picture", b"\xff\xd8\xff\xd9"])
def test_what_is_no_still_is_refused(jpeg: bytes) -> None:
    with pytest.raises(PictureUndecodable):
        decode_still(jpeg)


def test_a_still_that_is_larger_than_one_is_refused() -> None:
    _, jpeg = cv2.imencode(".jpg", np.zeros((500, 700, 3), np.uint8))

    with pytest.raises(PictureUndecodable):
        decode_still(jpeg.tobytes())


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
