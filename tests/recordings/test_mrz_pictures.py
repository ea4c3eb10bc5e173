"""Documents in pictures: what their zones say, where their pages lie, whose portrait they show."""

from __future__ import annotations

import io
from datetime import date

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from invigilation.document import DocumentKind
from recordings.errors import PictureUndecodable
from recordings.vision import mrz, worker
from recordings.vision.band import grey_of, zones
from recordings.vision.page import outline, page_of
from tests.harness.people import font
from tests.specimens import camera
from tests.specimens.documents import draw
from tests.specimens.holders import holder
from tests.specimens.zone import Form

TODAY = date(2026, 6, 1)
ZONED = (Form.TD3, Form.TD2, Form.TD1, Form.MRV_A, Form.MRV_B)


def specimen(form, seed=3):
    return draw(form, holder(seed), back=form is Form.TD1)


def pixels(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def grey(jpeg):
    return grey_of(pixels(jpeg))


def jpeg_of(picture):
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def look(pictures, kind=None, seconds=60.0):
    return worker.document(pictures, kind, TODAY, seconds)


def off(found, truth):
    """How far the worst of four corners is from where it ought to be, in pixels."""
    return float(np.max(np.hypot(*(np.asarray(found) - np.asarray(truth)).T)))


@pytest.mark.parametrize("form", ZONED)
def test_each_form_is_read_exactly_in_a_good_picture(form):
    shown = specimen(form)

    found = mrz.read(grey(camera.shot(shown.image, "good", camera.VGA, 1)))

    assert found.lines == shown.lines
    assert found.whole


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_picture_is_read_too(quarters):
    shown = specimen(Form.TD3)
    picture = np.rot90(grey(camera.shot(shown.image, "good", camera.HD, 2)), quarters)

    found = mrz.read(np.ascontiguousarray(picture))

    assert found.lines == shown.lines


def test_a_zone_alone_is_read():
    shown = specimen(Form.TD3)
    left, top, right, bottom = shown.band
    strip = shown.image.crop((left - 40, top - 60, right + 40, bottom + 50))
    file = io.BytesIO()
    strip.save(file, "JPEG", quality=85)

    found = mrz.read(grey(file.getvalue()))

    assert found.lines == shown.lines


def test_glare_on_the_zone_gives_nothing_rather_than_something_wrong():
    shown = specimen(Form.TD3)
    taken = camera.take(shown.image, "good", camera.VGA, 1)
    lower = np.mean(np.array(taken.corners)[2:], axis=0)
    shiny = camera.shine(taken.image, (float(lower[0]), float(lower[1]) - 40), 90, 1.6)

    seen = look([camera.jpeg(shiny, 90)] * 3)

    assert seen.reading is None
    assert seen.note


def page_of_text():
    """A letter: long lines, but none of a zone."""
    image = Image.new("RGB", (1_280, 720), "#f2f1ec")
    pen = ImageDraw.Draw(image)
    words = "The quick brown fox jumps over the lazy dog and goes home to sleep until noon"
    for row in range(14):
        pen.text((60, 30 + row * 46), words, fill="#202020", font=font(24))
    return image


@pytest.mark.parametrize(
    "picture",
    [
        np.full((480, 640, 3), 128, np.uint8),
        np.zeros((720, 1_280, 3), np.uint8),
        np.asarray(page_of_text())[:, :, ::-1],
        np.random.default_rng(1).integers(0, 255, (480, 640, 3)).astype(np.uint8),
        np.full((40, 1_900, 3), 200, np.uint8),
    ],
    ids=["grey", "black", "letter", "noise", "strip"],
)
def test_where_there_is_no_zone_none_is_read(picture):
    seen = look([jpeg_of(np.ascontiguousarray(picture))])

    assert seen.reading is None
    assert seen.portrait is None
    assert seen.note


def test_what_a_burst_agrees_on_is_its_reading():
    shown = specimen(Form.TD1)
    burst = [camera.shot(shown.image, "medium", camera.VGA, seed) for seed in range(20, 25)]

    seen = look(burst)

    assert seen.reading.lines == shown.lines
    assert seen.reading.check_digits_right
    assert seen.reading.images >= seen.reading.agreed >= 2


def test_bad_pictures_of_a_burst_are_passed_over():
    shown = specimen(Form.TD2)
    good = [camera.shot(shown.image, "good", camera.VGA, seed) for seed in range(3)]

    seen = look([b"no picture", good[0], good[1][:3_000], *good[1:]])

    assert seen.reading.lines == shown.lines


def test_a_burst_of_nothing_but_bad_pictures_says_why():
    with pytest.raises(PictureUndecodable) as refused:
        look([b"no picture", b""])

    assert refused.value.why == "it is no JPEG or PNG file"


def test_a_driving_licence_is_not_searched_for_a_zone():
    shown = draw(Form.LICENCE, holder(4))

    seen = look([camera.shot(shown.image, "good", camera.HD, 1)], DocumentKind.DRIVING_LICENCE)

    assert seen.reading is None
    assert seen.note == ""
    assert seen.portrait is not None


def test_no_further_picture_is_begun_when_the_time_is_over():
    shown = specimen(Form.TD3)
    burst = [camera.shot(shown.image, "medium", camera.VGA, seed) for seed in range(5)]

    seen = look(burst, seconds=0.0)

    assert seen.reading is None or seen.reading.images == 1


@pytest.mark.parametrize("form", [Form.TD3, Form.TD2])
def test_the_page_follows_from_its_zone(form):
    shown = specimen(form)
    taken = camera.take(shown.image, "good", camera.VGA, 5)

    found = mrz.read(grey(taken.jpeg))

    page = page_of(found.zone, form.value)
    assert off(page.corners, taken.corners) < 40
    assert off(page.corners[2:], taken.corners[2:]) < 12


def test_a_page_without_zone_is_found_by_its_outline():
    shown = draw(Form.LICENCE, holder(4))
    taken = camera.take(shown.image, "good", camera.HD, 7)

    page = outline(grey(taken.jpeg))

    assert off(page.corners, taken.corners) < 15


def test_no_outline_is_made_up():
    assert outline(np.full((480, 640), 90, np.uint8)) is None


def test_a_passports_portrait_is_cut_out():
    shown = specimen(Form.TD3)

    seen = look([camera.shot(shown.image, "good", camera.HD, 3)])

    portrait = pixels(seen.portrait)
    assert portrait.shape[0] > 100
    assert len(worker.faces.find(portrait)) == 1


def test_the_zone_has_its_lines_from_the_top():
    shown = specimen(Form.TD1)

    zone = zones(grey(camera.shot(shown.image, "good", camera.VGA, 1)))[0]

    middles = [float(line.left[1] + line.right[1]) for line in zone.lines]
    assert zone.width == 30
    assert middles == sorted(middles)
    assert len(middles) == 3


def test_a_face_is_drawn_alone_and_marked():
    shown = specimen(Form.TD3)

    seen = worker.face(camera.shot(shown.image, "good", camera.HD, 3))

    assert seen.faces == 1
    assert seen.print
    assert pixels(seen.aligned).shape[:2] == (400, 320)
