from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from recordings.vision import faces, models
from tests.specimens import camera
from tests.specimens.documents import draw
from tests.specimens.holders import holder
from tests.specimens.zone import Form

from .portraits import Picture, need_models, pixels, seen


@dataclass(frozen=True)
class Lying:
    """A page, as it was laid down."""

    corners: npt.NDArray[np.float32]


def taken(form: Form, quality: str, seed: int = 1) -> tuple[Picture, Lying]:
    shot = camera.take(draw(form, holder(seed)).image, quality, camera.VGA, seed)
    return pixels(shot.jpeg), Lying(np.array(shot.corners, np.float32))


def eyes_of(jpeg: bytes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    picture = pixels(jpeg)
    return faces.eyes(picture, faces.find(picture)[0])


def test_a_face_is_found_where_it_is() -> None:
    [face] = faces.find(seen(1, head=200, at=(0.3, 0.5)))

    x, y = face.centre
    assert abs(x - 0.3 * 640) < 15
    assert abs(y - 0.5 * 480) < 40
    assert 90 < face.width < 200


def test_of_two_faces_the_larger_is_first() -> None:
    picture = seen(1, head=240, at=(0.3, 0.45))
    picture[:, 400:] = seen(2, head=120, at=(0.8, 0.4))[:, 400:]

    found = faces.find(picture)

    assert [face.centre[0] < 320 for face in found] == [True, False]


def test_a_large_picture_is_looked_at_small_and_its_faces_are_at_its_own_scale() -> None:
    [face] = faces.find(seen(1, head=600, size=(1600, 1200)))

    assert abs(face.centre[0] - 800) < 40
    assert face.width > 250


@pytest.mark.parametrize("picture", [np.zeros((480, 640, 3), np.uint8), seen(1)[:100, :100]])
def test_no_face_no_picture_of_one(picture: Picture) -> None:
    assert faces.find(picture) == ()
    assert faces.align(picture) is None


@pytest.mark.parametrize("form", [Form.TD1, Form.TD2, Form.TD3, Form.MRV_A, Form.LICENCE])
@pytest.mark.parametrize("quality", ["good", "medium"])
def test_the_portrait_is_cut_out_of_the_page(form: Form, quality: str) -> None:
    picture, page = taken(form, quality)

    portrait = faces.portrait(picture, page)

    assert portrait is not None
    [face] = faces.find(portrait)
    assert 0.3 < face.width / portrait.shape[1] < 0.8


def test_the_learner_s_own_face_is_not_the_portrait() -> None:
    page = draw(Form.TD3, holder(3))
    blank = page.image.copy()
    assert page.portrait is not None
    blank.paste(Image.new("RGB", (700, 560), "#e8e8e8"), (40, 100))
    picture = seen(1, head=300, at=(0.5, 0.36))
    corners = np.array([[330, 300], [600, 300], [600, 475], [330, 475]], np.float32)
    lying = Image.fromarray(picture[:, :, ::-1])
    lying.paste(blank.resize((270, 175)), (330, 300))
    mixed = np.asarray(lying, np.uint8)[:, :, ::-1]

    portrait = faces.portrait(mixed, Lying(corners))

    assert faces.find(mixed)
    assert portrait is None


def test_without_a_page_there_is_no_portrait() -> None:
    picture, _ = taken(Form.TD3, "good")

    assert faces.find(picture)
    assert faces.portrait(picture, None) is None


@pytest.mark.parametrize(
    "corners",
    [
        [[0, 0], [5, 0], [5, 5], [0, 5]],
        [[100, 100], [100, 100], [100, 100], [100, 100]],
        [[0, 0], [600, 400], [600, 0], [0, 400]],
        [[-5e6, 0], [5e6, 0], [5e6, 9e6], [-5e6, 9e6]],
        [[np.nan, 0], [600, 0], [600, 400], [0, 400]],
    ],
    ids=["tiny", "a point", "crossed", "enormous", "no number"],
)
def test_corners_that_make_no_page_give_no_portrait(corners: list[list[float]]) -> None:
    picture = seen(1)

    assert faces.portrait(picture, Lying(np.array(corners, np.float32))) is None


def test_faces_are_drawn_alike_in_size_place_and_light() -> None:
    need_models()
    views = [
        seen(2, head=260),
        seen(2, head=150, at=(0.3, 0.5), turned=12, light=0.6),
        seen(2, head=330, turned=-15, light=0.8),
    ]

    drawn = [faces.align(view) for view in views]

    assert None not in drawn
    upright = [eyes_of(jpeg) for jpeg in drawn if jpeg is not None]
    for left, right in upright:
        assert abs(left[1] - right[1]) < 5
        assert abs((left[0] + right[0]) / 2 - faces.WIDTH / 2) < 6
        assert abs((left[1] + right[1]) / 2 - faces.EYE_LINE) < 6
        assert 0.85 < (right[0] - left[0]) / faces.EYES_APART < 1.15
    light = [np.median(pixels(jpeg)[120:260, 100:220]) for jpeg in drawn if jpeg is not None]
    assert max(light) - min(light) < 12


def test_without_the_models_the_box_alone_places_the_face(monkeypatch) -> None:
    monkeypatch.setattr(models, "PACKAGE", "a_package_that_nobody_has")
    faces.points_model.cache_clear()
    try:
        jpeg = faces.align(seen(2, head=200, at=(0.35, 0.5)))
    finally:
        faces.points_model.cache_clear()

    assert jpeg is not None
    picture = pixels(jpeg)
    assert picture.shape == (faces.HEIGHT, faces.WIDTH, 3)
    [face] = faces.find(picture)
    assert abs(face.centre[0] - faces.WIDTH / 2) < 25


def test_what_lies_outside_the_picture_is_grey() -> None:
    picture = seen(2, head=260, at=(0.24, 0.45))[:, 60:]

    jpeg = faces.align(picture)

    assert jpeg is not None
    outside = pixels(jpeg)[20:380, :20].astype(int)
    assert abs(outside - faces.GREY).max() < 12
    assert pixels(jpeg)[20:380, 200:].std() > 25
