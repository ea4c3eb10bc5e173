"""Files that are more than a picture, or much more of one: polyglots and bombs."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib

import pytest

from tests.harness.service import ROOT
from tests.web.office import World
from tests.web.test_onboard import invited, picture, send

SCRIPT = b"<html><script>pwn()</script><?php system('id') ?>"
DECODERS = re.compile(r"\b(decode_upload|decode_pixels|imdecode|Image\.open)\(")


def with_archive() -> bytes:
    """A picture that is an archive, too: programs look for those from the end."""
    out = io.BytesIO(picture())
    with zipfile.ZipFile(out, "a") as whole:
        whole.writestr("evil.html", SCRIPT)
    return out.getvalue()


def with_comment() -> bytes:
    """A picture with a page in a JPEG comment."""
    data = picture()
    segment = b"\xff\xfe" + struct.pack(">H", len(SCRIPT) + 2) + SCRIPT
    return data[:2] + segment + data[2:]


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG that claims this size, whatever is in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


POLYGLOTS = {
    "a page behind it": lambda: picture() + SCRIPT,
    "a page in a comment": with_comment,
    "an archive": with_archive,
}
BOMBS = {
    "a PNG of 50,000 by 50,000": lambda: png(50_000, 50_000, zlib.compress(bytes(1_000_000))),
    "a PNG of no height": lambda: png(60_000, 0),
    "a page behind a PNG": lambda: picture(kind="PNG") + SCRIPT,
    "a page that calls itself a picture": lambda: SCRIPT,
    "a drawing with a script": lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='pwn()'/>",
    "a GIF that is a script": lambda: b"GIF89a/*" + SCRIPT + b"*/=1",
    "a JPEG of a script": lambda: b"\xff\xd8\xff\xe0" + SCRIPT,
}


@pytest.mark.parametrize("name", POLYGLOTS)
async def test_of_a_file_that_is_two_things_the_picture_alone_is_kept(
    world: World, name: str
) -> None:
    request, path = await invited(world)

    answer = await send(world.stranger(), path, file=POLYGLOTS[name]())

    assert answer.status == 303
    form = (await world.desk.onboard.case(request)).form
    assert form is not None
    kept = world.vault.read(form.id, form.id)
    assert form.media_type == "image/jpeg"
    assert kept.startswith(b"\xff\xd8\xff")
    assert kept.endswith(b"\xff\xd9")
    assert not zipfile.is_zipfile(io.BytesIO(kept))
    assert [word for word in (b"script", b"php", b"PK", b"pwn") if word in kept] == []


@pytest.mark.parametrize("name", BOMBS)
async def test_what_only_looks_like_a_picture_or_is_too_much_of_one_is_refused(
    world: World, name: str
) -> None:
    _, path = await invited(world)

    answer = await send(world.stranger(), path, file=BOMBS[name]())

    assert answer.status == 422
    assert "This picture cannot be used" in answer.words


def test_pictures_of_others_are_decoded_in_the_workers_alone() -> None:
    """`recordings.vision` runs in the eye's processes; nobody else may decode a file."""
    found = {
        str(path.relative_to(ROOT))
        for room in ("web", "signalling", "recordings", "invigilation", "scheduler")
        for path in (ROOT / room).glob("**/*.py")
        if "node_modules" not in path.parts and DECODERS.search(path.read_text(encoding="utf-8"))
    }

    assert found == {
        "recordings/vision/calibrate.py",  # a command of the operator's, over their own pictures
        "recordings/vision/engines.py",
        "recordings/vision/upload.py",
        "recordings/vision/watch.py",
        "recordings/vision/worker.py",
    }
