from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation.errors import Busy
from recordings.errors import PictureUndecodable
from recordings.evidence import MAX_AT_ONCE, Snapshots
from recordings.vision.capture import Picture, decode_key_frame
from recordings.vp8 import key_frame_size

from . import media

FRAMES = media.video(0.2, size=(320, 240))
KEY = FRAMES[0].data


def test_a_key_frame_becomes_a_jpeg_of_its_size() -> None:
    picture = decode_key_frame(KEY)

    pixels = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert (picture.width, picture.height) == (320, 240)
    assert pixels.shape == (240, 320, 3)
    assert np.abs(pixels[100, 200].astype(int) - 40).max() <= 4


def test_no_detail_is_lost_at_an_odd_size() -> None:
    frame = media.video(0.1, size=(1278, 718))[0].data

    picture = decode_key_frame(frame)

    assert (picture.width, picture.height) == (1278, 718)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x9d\x01\x2a",
        KEY[:9],
        FRAMES[1].data,
        KEY[:12],
        KEY[:6] + b"\xff\x3f\xff\x3f" + KEY[10:],
        KEY[:6] + b"\0\0\0\0" + KEY[10:],
        KEY + bytes(5 * 1024 * 1024),
        bytes(1000),
    ],
    ids=["empty", "code", "cut", "delta", "head", "16383x16383", "0x0", "5 MB", "zeros"],
)
def test_what_is_no_picture_is_refused(frame: bytes) -> None:
    with pytest.raises(PictureUndecodable):
        decode_key_frame(frame)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, len(KEY) - 1), byte=st.integers(0, 255), cut=st.integers(10, len(KEY)))
def test_a_hostile_frame_gives_a_picture_or_a_refusal(at: int, byte: int, cut: int) -> None:
    frame = (KEY[:at] + bytes((byte,)) + KEY[at + 1 :])[:cut]

    try:
        picture = decode_key_frame(frame)
    except PictureUndecodable:
        return

    assert (picture.width, picture.height) == key_frame_size(frame)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


async def test_pictures_are_taken_off_the_loop() -> None:
    snapshots = Snapshots()

    picture = await snapshots.take(KEY)

    assert picture == decode_key_frame(KEY)
    snapshots.close()


async def test_a_bad_frame_is_refused_through_the_pool() -> None:
    snapshots = Snapshots()

    with pytest.raises(PictureUndecodable):
        await snapshots.take(b"")

    snapshots.close()


async def test_a_full_pool_says_busy_and_recovers(gate: threading.Event) -> None:
    def slow(frame: bytes) -> Picture:
        gate.wait(10)
        return Picture(frame, 1, 1)

    snapshots = Snapshots(slow)
    waiting = [asyncio.create_task(snapshots.take(b"x")) for _ in range(MAX_AT_ONCE)]
    await asyncio.sleep(0)

    with pytest.raises(Busy):
        await snapshots.take(b"one too many")

    gate.set()
    assert len(await asyncio.gather(*waiting)) == MAX_AT_ONCE
    assert await snapshots.take(b"again") == Picture(b"again", 1, 1)
    snapshots.close()


async def test_a_picture_that_takes_too_long_is_given_up(gate: threading.Event) -> None:
    def slow(frame: bytes) -> Picture:
        gate.wait(10)
        return Picture(frame, 1, 1)

    snapshots = Snapshots(slow, timeout_seconds=0.01)

    with pytest.raises(PictureUndecodable, match="too long"):
        await snapshots.take(KEY)

    snapshots.close()
