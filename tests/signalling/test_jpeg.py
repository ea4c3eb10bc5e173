"""A JPEG's size by its headers: as a decoder finds it, or none."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from signalling.jpeg import size_of


def made(**options) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((320, 240), 60).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"exif": b"Exif\0\0\xff\xc0\x00\x0b\x08\xff\xff\xff\xff"}],
    ids=["plain", "progressive", "disguised"],
)
def test_the_size_is_that_of_the_picture(options):
    assert size_of(made(**options)) == (320, 240)


WHOLE = made(quality=10)


@given(st.integers(2, len(WHOLE) - 2), st.binary(min_size=1, max_size=9))
def test_anything_has_a_size_or_none(at, noise):
    changed = WHOLE[:at] + noise + WHOLE[at + len(noise) :]

    size = size_of(changed)

    assert size is None or all(0 <= side < 2**16 for side in size)
