"""Pictures that people send: what is refused before it is decoded, and what is left of the rest."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, ImageDraw

from invigilation.errors import Busy
from recordings.errors import PictureUndecodable
from recordings.evidence import MAX_AT_ONCE, Snapshots
from recordings.vision.capture import Picture
from recordings.vision.upload import MAX_BYTES, MAX_SIDE, decode_upload

ORIENTATION, GPS, MAKER = 0x0112, 0x8825, 0x010F


def card(width=1_200, height=800):
    """A drawn card, red in its left half and white in its right one."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height), fill="red")
    return image


def file_of(image, kind="JPEG", **more):
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def why(data):
    with pytest.raises(PictureUndecodable) as refused:
        decode_upload(data)
    return refused.value.why


def read(picture):
    image = Image.open(io.BytesIO(picture.jpeg))
    image.load()
    return image


def png_of(width, height):
    """A PNG that claims a size and has one row of it."""

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(64)))
        + chunk(b"IEND", b"")
    )


def scans_of(times):
    """A progressive JPEG whose last scan is written so many times more."""
    whole = file_of(card(), progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * times + b"\xff\xd9"


def test_a_jpeg_of_thousands_of_scans_is_not_decoded():
    assert why(scans_of(5_000)) == ("it is stored in too many steps: save it anew as a plain JPEG")


@pytest.mark.parametrize("behind", [b"", b"\xff\xda\x00\x08" * 1_000])
def test_a_progressive_jpeg_is_read_and_a_film_behind_it_does_not_count(behind):
    picture = decode_upload(scans_of(0) + behind + b"\xff\xd9")

    assert (picture.width, picture.height) == (1_200, 800)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_is_drawn_anew_as_jpeg(kind):
    picture = decode_upload(file_of(card(), kind))

    image = read(picture)
    assert (image.format, image.size) == ("JPEG", (1_200, 800))
    assert (picture.width, picture.height) == (1_200, 800)
    red, white = image.getpixel((100, 400)), image.getpixel((1_100, 400))
    assert red[0] > 230
    assert red[1] < 40
    assert min(white) > 240


@pytest.mark.parametrize("size", [(4_000, 3_000), (8_160, 6_120), (2_500, 1_000), (900, 5_000)])
def test_a_large_picture_is_made_smaller_in_its_own_shape(size):
    picture = decode_upload(file_of(card(*size), quality=60))

    assert max(picture.width, picture.height) == MAX_SIDE
    assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.01)


def test_what_a_camera_writes_beside_the_picture_is_gone_and_the_picture_upright():
    exif = Image.Exif()
    exif[MAKER] = "Secret Camera"
    exif[ORIENTATION] = 6  # turn by 90 degrees to the right
    exif.get_ifd(GPS)[2] = (51.0, 30.0, 0.0)
    sent = file_of(card(), exif=exif, comment=b"a secret comment")
    assert b"Secret Camera" in sent

    picture = decode_upload(sent)

    assert b"Secret" not in picture.jpeg
    assert b"secret" not in picture.jpeg
    assert b"Exif" not in picture.jpeg
    assert dict(read(picture).getexif()) == {}
    assert (picture.width, picture.height) == (800, 1_200)
    assert read(picture).getpixel((400, 100))[1] < 40  # what was left is above now


def test_a_file_that_is_behind_the_picture_is_gone():
    picture = decode_upload(file_of(card(), quality=100) + b"PK\x03\x04 a hidden file")

    assert b"hidden" not in picture.jpeg


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"a text that was renamed to picture.jpg", "no JPEG or PNG"),
        (b"GIF89a" + bytes(100), "no JPEG or PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no JPEG or PNG"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
        (b"\0\0\0\x18ftypmif1" + bytes(100), "HEIC"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(50), "damaged"),
        (b"\xff\xd8\xff\xe0" + b"\xff" * 5_000, "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "damaged"),
        (png_of(60_000, 60_000), "too many pixels"),
        (png_of(0xFFFFFFFF, 0xFFFFFFFF), "too many pixels"),
        (png_of(0, 600), "too small"),
        (file_of(card(299, 900)), "too small"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(data, words):
    assert words in why(data)


def test_a_jpeg_that_claims_to_be_huge_is_not_decoded():
    small = file_of(card())
    at = small.index(b"\xff\xc0") + 5
    huge = small[:at] + struct.pack(">HH", 65_500, 65_500) + small[at + 4 :]

    assert "too many pixels" in why(huge)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_that_was_cut_is_refused(kind, share):
    image = Image.effect_noise((800, 600), 80).convert("RGB")
    whole = file_of(image, kind)

    assert why(whole[: int(len(whole) * share)])


def test_ten_megabytes_are_the_limit():
    padded = file_of(card()) + bytes(MAX_BYTES)

    assert "10 MB" in why(padded)


async def test_when_too_many_pictures_come_at_once_the_next_is_asked_to_wait():
    done = []
    desk = Snapshots(lambda _: done.append(1) or Picture(b"", 1, 1), what="picture desk")
    for _ in range(MAX_AT_ONCE):
        desk._free.acquire()

    with pytest.raises(Busy) as busy:
        await desk.take(b"")

    assert "picture desk" in str(busy.value)
    assert not done
    desk.close()
