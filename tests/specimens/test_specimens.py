from __future__ import annotations

import io
import itertools
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageStat

from tests.harness.people import Person, check_digit
from tests.specimens import camera
from tests.specimens.documents import SIZES_MM, WIDTH, draw
from tests.specimens.held import Pose, corners_of, held
from tests.specimens.holders import Holder, holder, spelt
from tests.specimens.zone import BLIND, Form, lines

ANNA = Holder(
    surname="Eriksson",
    given="Anna Maria",
    born=date(1974, 8, 12),
    sex="F",
    number="L898902C3",
    issuer="UTO",
    expires=date(2012, 4, 15),
    face=1,
)
"""The specimen of ICAO Doc 9303 part 4, appendix A, but for its personal number."""


def test_the_passport_of_doc_9303_comes_out_as_printed_there_without_its_personal_number() -> None:
    zone = lines(Form.TD3, ANNA)

    assert zone[0] == "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
    assert zone[1][:28] == "L898902C36UTO7408122F1204159"
    assert zone[1][28:43] == "<" * 14 + "0"


def test_the_card_of_doc_9303_comes_out_as_printed_there() -> None:
    zone = lines(Form.TD2, replace(ANNA, number="D23145890"))

    assert zone == (
        "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<",
        "D231458907UTO7408122F1204159<<<<<<<6",
    )


@pytest.mark.parametrize("form", [form for form in Form if form not in BLIND])
def test_every_zone_has_its_width_and_only_its_letters(form: Form) -> None:
    widths = {Form.TD1: 30, Form.TD2: 36, Form.TD3: 44, Form.MRV_A: 44, Form.MRV_B: 36}

    zones = [lines(form, holder(seed)) for seed in range(60)]

    assert {len(line) for zone in zones for line in zone} == {widths[form]}
    assert set("".join(line for zone in zones for line in zone)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"
    )


def test_holders_follow_from_their_seed_and_differ() -> None:
    assert holder(7) == holder(7)
    assert len({holder(seed).number for seed in range(50)}) == 50
    assert all(spelt(holder(seed).surname).replace(" ", "").isalpha() for seed in range(50))


@pytest.mark.parametrize("form", Form)
def test_a_document_has_its_shape_its_portrait_and_its_band(form: Form) -> None:
    wide, high = SIZES_MM[form]

    front = draw(form, ANNA)

    assert front.image.size == (WIDTH, round(WIDTH * high / wide))
    assert front.portrait is not None
    assert ImageStat.Stat(front.image.crop(front.portrait).convert("L")).stddev[0] > 20
    assert (front.band is None) == (form in BLIND or form is Form.TD1)
    assert (front.lines == ()) == (front.band is None)


def test_the_band_of_a_passport_is_where_its_letters_are() -> None:
    passport = draw(Form.TD3, ANNA)
    assert passport.band is not None
    left, top, right, bottom = passport.band
    dark = passport.image.convert("L").point(lambda light: 255 if light < 90 else 0)
    below = dark.crop((0, top - 40, WIDTH, passport.image.height)).getbbox()

    assert below is not None
    assert top <= top - 40 + below[1] <= top + 6
    assert bottom - 6 <= top - 40 + below[3] <= bottom + 1
    assert left <= below[0] <= left + 8
    assert right - 8 <= below[2] <= right


def test_the_back_of_a_card_has_the_zone_and_no_portrait() -> None:
    back = draw(Form.TD1, ANNA, back=True)

    assert len(back.lines) == 3
    assert back.lines[1][-1] == check_digit(
        back.lines[0][5:30] + back.lines[1][0:7] + back.lines[1][8:15] + back.lines[1][18:29]
    )
    assert back.portrait is None


@pytest.mark.parametrize("size", [camera.VGA, camera.HD])
@pytest.mark.parametrize("quality", camera.Quality)
def test_a_shot_is_a_jpeg_of_its_size_with_the_whole_document_in_it(
    quality: camera.Quality, size: tuple[int, int]
) -> None:
    taken = camera.take(draw(Form.TD3, ANNA).image, quality, size, seed=3)

    with Image.open(io.BytesIO(taken.jpeg)) as seen:
        assert (seen.format, seen.size) == ("JPEG", size)
    assert all(0 <= x <= size[0] and 0 <= y <= size[1] for x, y in taken.corners)


def test_a_shot_follows_from_its_seed_and_a_mirrored_one_is_its_reflection() -> None:
    page = draw(Form.TD3, ANNA).image

    one, again = camera.take(page, "medium", seed=4), camera.take(page, "medium", seed=4)
    other = camera.take(page, "medium", seed=5)
    mirrored = camera.take(page, "medium", seed=4, mirrored=True)

    assert one.jpeg == again.jpeg != other.jpeg
    turned = mirrored.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert ImageChops.difference(turned, one.image).getbbox() is None
    assert mirrored.corners[0][0] == pytest.approx(camera.VGA[0] - one.corners[0][0])


def test_what_is_held_lies_where_it_is_said_to() -> None:
    passport = draw(Form.TD3, ANNA)

    film = list(held(passport, Pose.GOOD, Person(seed=2)))

    left, top = corners_of(passport, Pose.GOOD)[0]
    inside, outside = (round(left) + 12, round(top) + 12), (round(left) - 8, round(top) + 12)
    title, wall = film[0][inside[1], inside[0]], film[0][outside[1], outside[0]]
    assert int(wall.astype(int).sum()) - int(title.astype(int).sum()) > 100
    assert all((a != b).any() for a, b in itertools.pairwise(film))


def test_a_glare_is_white_where_the_words_are_and_only_then() -> None:
    passport = draw(Form.TD3, ANNA)

    good, glaring = (
        np.mean(next(held(passport, pose, Person())) >= 250) for pose in (Pose.GOOD, Pose.GLARING)
    )

    assert glaring > good + 0.05
