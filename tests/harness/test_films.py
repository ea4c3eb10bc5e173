from __future__ import annotations

import itertools
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.harness.films import (
    FPS,
    HEIGHT,
    SCENE_S,
    SOUND_RATE,
    WIDTH,
    FilmStore,
    Scene,
    frames,
    to_i420,
)
from tests.harness.people import Person, check_digit, machine_readable_zone


def test_the_zone_of_the_specimen_in_doc_9303_comes_out_as_printed_there() -> None:
    specimen = Person(expires="120415")

    zone = machine_readable_zone(specimen)

    assert zone == (
        "I<UTOD231458907<<<<<<<<<<<<<<<",
        "7408122F1204159UTO<<<<<<<<<<<6",
        "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
    )


def test_the_check_digit_of_the_example_in_doc_9303() -> None:
    assert check_digit("520727") == "3"


@pytest.mark.parametrize(
    ("scene", "seconds"),
    [
        (Scene.FACE, SCENE_S),
        (Scene.CARD, SCENE_S),
        (Scene.NOBODY, SCENE_S),
        (Scene.BOTH, 2 * SCENE_S),
    ],
)
def test_a_scene_has_its_length_and_every_frame_differs_from_the_one_before(
    scene: Scene, seconds: int
) -> None:
    film = list(frames(scene))

    assert len(film) == seconds * FPS
    assert {frame.shape for frame in film} == {(HEIGHT, WIDTH, 3)}
    assert all((a != b).any() for a, b in itertools.pairwise(film))


def test_the_same_person_gives_the_same_film_and_another_person_another() -> None:
    first = next(frames(Scene.CARD, Person(seed=2)))
    again = next(frames(Scene.CARD, Person(seed=2)))
    other = next(frames(Scene.CARD, Person(seed=3, surname="SANTOS")))

    assert (first == again).all()
    assert (first != other).mean() > 0.3


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (81, 90, 240)),
        ((0, 0, 255), (41, 240, 110)),
    ],
)
def test_colours_become_those_of_bt_601(
    colour: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    frame = np.full((4, 6, 3), colour, dtype=np.uint8)

    planes = to_i420(frame)

    light, blue, red = planes[:24], planes[24:30], planes[30:]
    assert (set(light), set(blue), set(red)) == tuple({value} for value in expected)


def test_a_film_file_holds_whole_frames_and_is_made_once(tmp_path: Path) -> None:
    films = FilmStore(tmp_path)

    path = films.film(Scene.FACE)
    made = path.stat().st_mtime_ns
    again = films.film(Scene.FACE)

    header, _, rest = path.read_bytes().partition(b"\n")
    assert header == b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420"
    assert len(rest) == SCENE_S * FPS * (len(b"FRAME\n") + WIDTH * HEIGHT * 3 // 2)
    assert (again, again.stat().st_mtime_ns) == (path, made)


def test_a_film_that_was_drawn_already_plays_at_another_speed(tmp_path: Path) -> None:
    slow = FilmStore(tmp_path / "slow", fps=5)
    fast = FilmStore(tmp_path / "fast", drawn=slow)
    for films in (slow, fast):
        films.folder.mkdir()

    header, _, pictures = fast.film(Scene.FACE).read_bytes().partition(b"\n")

    assert header == b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420"
    assert pictures == slow.film(Scene.FACE).read_bytes().partition(b"\n")[2]


def test_the_sound_is_audible_and_does_not_clip(tmp_path: Path) -> None:
    path = FilmStore(tmp_path).sound()

    with wave.open(str(path)) as sound:
        shape = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16)
    assert shape == (1, 2, SOUND_RATE)
    assert len(samples) == 4 * SOUND_RATE
    loudness = np.sqrt(np.mean((samples / 32768) ** 2))
    assert 0.02 < loudness < 0.3
    assert abs(samples.astype(int)).max() < 32767
