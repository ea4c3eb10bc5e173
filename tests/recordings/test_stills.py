"""Stills as evidence: a file of pictures, drawn anew, with the time and digest of each."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from invigilation.errors import Busy
from recordings import stills
from recordings.errors import EvidenceStoreFull, PictureUndecodable
from recordings.stills import HOLDS, MAGIC, StillsRecorder, entries, entry, stretches
from recordings.vault import Vault
from tests.harness.waiting import until

TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path / "vault", bytes(32), reserve=0)


async def drawn(jpeg):
    """Draw anew, as far as a test can tell."""
    if jpeg == b"bomb":
        raise PictureUndecodable("it is damaged")
    if jpeg == b"crowd":
        raise Busy("picture reader")
    return b"drawn " + jpeg


async def recorder(vault, draw=drawn):
    one = StillsRecorder(vault, "ses1", "ev1", draw, TEN, 100.0)
    await one.start()
    return one


def kept(vault):
    return [*entries(vault.read("ses1", "ev1"))]


async def test_each_picture_is_kept_as_it_was_drawn_anew_with_its_time(vault):
    one = await recorder(vault)

    one.video(b"first", 0, True, 102.5)
    one.video(b"second", 0, True, 112.5)
    stored = await one.finish()

    assert await one.finish() == stored
    assert [(each.at - TEN, each.jpeg) for each in kept(vault)] == [
        (timedelta(seconds=2.5), b"drawn first"),
        (timedelta(seconds=12.5), b"drawn second"),
    ]


@pytest.mark.parametrize("strange", [b"bomb", b"crowd"])
async def test_a_picture_that_cannot_be_drawn_is_passed_over(vault, strange):
    one = await recorder(vault)

    one.video(strange, 0, True, 101)
    one.video(b"good", 0, True, 102)
    await one.finish()

    assert [each.jpeg for each in kept(vault)] == [b"drawn good"]
    assert one.dropped == 1


async def test_what_a_killed_process_leaves_is_whole_to_its_last_picture(vault):
    appender = vault.open_append("ses1", "ev1")
    appender.append(MAGIC)
    appender.append(entry(TEN, b"one"))
    appender.append(entry(TEN, b"two"))
    appender.close()

    vault.recover("ses1", "ev1")

    assert [each.jpeg for each in kept(vault)] == [b"one", b"two"]


async def test_a_file_that_is_long_enough_stops_by_itself(vault, monkeypatch):
    monkeypatch.setattr(stills, "STRETCH_LIMIT", 15)
    one = await recorder(vault)

    for second in range(3):
        one.video(b"12345", 0, True, 101.0 + second)
    await one.finish()

    assert one.fault is not None
    assert len(kept(vault)) == 2


async def test_a_full_disk_ends_it_and_what_was_written_stays(vault, monkeypatch):
    one = await recorder(vault)
    one.video(b"first", 0, True, 101)
    await until(lambda: one.size > 0, 5, "the first to be written")

    monkeypatch.setattr(stills, "entry", lambda *_: full())
    one.video(b"second", 0, True, 102)
    await one.finish()

    assert isinstance(one.fault, EvidenceStoreFull)
    assert [each.jpeg for each in kept(vault)] == [b"drawn first"]


def full():
    raise EvidenceStoreFull(0)


async def test_no_more_wait_than_can_be_drawn(vault):
    gate = asyncio.Event()

    async def slowly(jpeg):
        await gate.wait()
        return jpeg

    one = await recorder(vault, slowly)
    for number in range(100):
        one.video(b"%d" % number, 0, True, 101)
    gate.set()
    await one.finish()

    assert len(kept(vault)) == stills.WAITING_LIMIT
    assert one.dropped == 100 - stills.WAITING_LIMIT


def test_a_changed_picture_is_told():
    data = MAGIC + entry(TEN, b"a face")

    assert [*entries(data)]
    for changed in (data.replace(b"a face", b"a fake"), data[:-1], b"x" + data, data + b"rest"):
        with pytest.raises(ValueError, match=r"."):
            [*entries(changed)]


def test_pictures_near_each_other_make_one_stretch():
    times = (0, 10, 4, 100, 102)
    data = MAGIC + b"".join(entry(TEN + timedelta(seconds=at), b"x") for at in times)

    spans = stretches(data).spans

    assert [(since - TEN, until - TEN) for since, until in spans] == [
        (timedelta(0), timedelta(seconds=10) + HOLDS),
        (timedelta(seconds=100), timedelta(seconds=102) + HOLDS),
    ]
