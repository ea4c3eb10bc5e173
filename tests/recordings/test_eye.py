"""The pool that looks at pictures: whatever one does to a worker, the next is looked at."""

from __future__ import annotations

import asyncio
import io
import os
import random
import struct
import zlib
from contextlib import asynccontextmanager

import pytest
from PIL import Image

from invigilation.errors import Busy
from recordings.errors import PictureUndecodable
from recordings.vision.eye import Eye, EyeSettings, SeenDocument, SeenFace
from recordings.vision.likeness import LikenessSettings
from tests.builders import FixedClock
from tests.specimens import camera
from tests.specimens.documents import draw
from tests.specimens.holders import holder
from tests.specimens.zone import Form

BAD = "tests.recordings.bad_worker"


@asynccontextmanager
async def opened(worker=BAD, **settings):
    eye = Eye(EyeSettings(**settings), FixedClock(), worker)
    await eye.open()
    try:
        yield eye
    finally:
        await eye.close()


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("picture", [b"hang", b"deaf"])
async def test_a_worker_that_hangs_is_killed_and_replaced(picture):
    async with opened(seconds=0.5) as eye:
        before = (await eye.draw(b"first")).width

        with pytest.raises(PictureUndecodable) as refused:
            await eye.draw(picture)

        after = (await eye.draw(b"next")).width
    assert refused.value.why == "it took too long"
    assert after != before
    assert not alive(before)


@pytest.mark.parametrize("picture", [b"die", b"leave"])
async def test_a_worker_that_dies_is_replaced(picture):
    async with opened(seconds=3.0) as eye:
        with pytest.raises(PictureUndecodable):
            await eye.draw(picture)

        assert (await eye.draw(b"next")).jpeg == b"next"


@pytest.mark.parametrize("picture", [b"eat", b"odd", b"unsendable"])
async def test_what_goes_wrong_inside_is_no_more_than_a_picture_that_cannot_be_read(picture):
    async with opened(seconds=5.0) as eye:
        with pytest.raises(PictureUndecodable) as refused:
            await eye.draw(picture)

        assert refused.value.why == "the picture could not be looked at"
        assert (await eye.draw(b"next")).jpeg == b"next"


async def test_why_a_picture_was_refused_comes_through():
    async with opened() as eye:
        with pytest.raises(PictureUndecodable) as refused:
            await eye.draw(b"refuse")

    assert refused.value.why == "it is blue"


@pytest.mark.parametrize("picture", [b"hang", b"die", b"odd", b"refuse"])
async def test_only_drawing_raises_for_a_bad_picture(picture):
    async with opened(seconds=0.5, likeness=LikenessSettings()) as eye:
        document = await eye.document([picture])
        face = await eye.face(picture)
        likeness = await eye.likeness(picture, picture)

    assert document.reading is None
    assert document.note
    assert face == SeenFace(None, 0, 0)
    assert likeness is None


async def test_more_than_may_wait_is_refused_at_once_and_the_rest_is_done(tmp_path):
    go = tmp_path / "go"
    async with opened(seconds=60.0, processes=1, queue=2) as eye:
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(eye.draw(f"wait:{go}".encode())) for _ in range(3)]
            await asyncio.sleep(0)

            with pytest.raises(Busy):
                await eye.draw(b"one too many")
            with pytest.raises(Busy):
                await eye.document([b"one too many"])
            go.touch()

        assert [task.result().height for task in waiting] == [1, 1, 1]
        assert (await eye.draw(b"next")).jpeg == b"next"


async def test_who_gives_up_frees_the_worker():
    async with opened(seconds=60.0, queue=0) as eye:
        first = (await eye.draw(b"first")).width
        task = asyncio.create_task(eye.draw(b"hang"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        second = await eye.draw(b"next")

    assert second.jpeg == b"next"
    assert not alive(first)


async def test_a_worker_that_died_while_idle_costs_nobody_anything():
    async with opened() as eye:
        first = (await eye.draw(b"first")).width
        os.kill(first, 9)
        while alive(first):  # noqa: ASYNC110 - nothing tells when it is gone
            await asyncio.sleep(0.01)

        assert (await eye.draw(b"next")).width != first


async def test_workers_that_cannot_even_start_stall_nobody():
    async with opened("tests.recordings.there_is_none") as eye:
        seen = await eye.document([b"picture"])

    assert seen == SeenDocument(None, None, "the picture could not be looked at")


async def test_closing_ends_the_workers_and_what_they_do():
    async with opened(seconds=60.0) as eye:
        worker = (await eye.draw(b"first")).width
        task = asyncio.create_task(eye.draw(b"hang"))
        await asyncio.sleep(0)

    with pytest.raises(Busy):  # which says nothing of the picture
        await task
    assert not alive(worker)


async def test_a_picture_whose_turn_never_came_is_not_called_bad(monkeypatch):
    monkeypatch.setattr("recordings.vision.eye.START_SECONDS", -60.0)
    async with opened(seconds=20.0) as eye:
        with pytest.raises(Busy):
            await eye.draw(b"hang")


async def test_no_likeness_is_computed_where_it_is_switched_off():
    async with opened(likeness=None) as eye:
        assert await eye.likeness(b"die", b"die") is None


def jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def hostile(good):
    """Pictures as somebody would send them who wants the service to stop."""
    chance = random.Random(5)
    yield b""
    yield b"\xff\xd8\xff\xd9"
    yield b"\x89PNG\r\n\x1a\n" + bytes(4_000)
    yield good[: len(good) // 2]
    yield good[:200]
    yield good + b"PK\x03\x04<script>" * 4_000
    yield b"GIF89a" + good
    yield good[:2] + b"\xff\xfe\xff\xff" + good[2:]
    for _ in range(12):
        some = bytearray(good)
        for _ in range(chance.choice((1, 20, 400))):
            some[chance.randrange(len(some))] = chance.randrange(256)
        yield bytes(some)
    # A header that claims more than there is, and more than is decoded.
    at = good.index(b"\xff\xc0")
    for size in ((65_535, 65_535), (7_000, 7_000), (40, 60_000), (1, 1)):
        yield good[: at + 5] + struct.pack(">HH", *size) + good[at + 9 :]
    yield png(26_000, 1_000)
    yield png(60_000, 60_000)
    # What looks like text to the end of the world, and noise.
    yield jpeg(Image.effect_noise((1_600, 1_200), 120).convert("RGB"))
    stripes = Image.new("L", (1_280, 720))
    stripes.putdata([255 * (x // 6 % 2) * (y // 14 % 2) for y in range(720) for x in range(1_280)])
    yield jpeg(stripes.convert("RGB"))


def png(width, height):
    def chunk(name, body):
        whole = name + body
        return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(2_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


async def test_hostile_pictures_neither_crash_nor_stall_the_pool():
    specimen = draw(Form.TD3, holder(3))
    good = camera.shot(specimen.image, "good", camera.VGA, 1)
    bad = list(hostile(good))
    async with opened("recordings.vision.worker", seconds=20.0) as eye:
        for some in (bad[n : n + 6] for n in range(0, len(bad), 6)):
            await eye.document(some)
        for picture in bad[:: len(bad) // 6]:
            await eye.face(picture)
        mixed = await eye.document([*bad[:5], good])
        small = await eye.glance(jpeg(Image.new("RGB", (320, 240), "white")))

        for look in (eye.draw, eye.glance):
            with pytest.raises(PictureUndecodable):
                await look(bad[3])

    assert small.luma.shape == (120, 160)
    assert set(small.luma.flat) == {235}

    assert mixed.reading is not None or mixed.portrait is not None
