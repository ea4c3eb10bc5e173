"""A file keeps room on the disk, and is given up when the disk is full."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from web.reserve import Reserve

SIZE, PLENTY = 40_000, 160_000


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Say how much is free on the disk."""

    def has(free: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**6, 10**6 - free, free))

    return has


@pytest.fixture
def reserve(tmp_path: Path) -> Reserve:
    return Reserve.under(tmp_path, PLENTY)


def test_it_takes_its_place_where_there_is_plenty(
    disk: Callable[[int], None], reserve: Reserve, tmp_path: Path
) -> None:
    disk(PLENTY + SIZE)

    assert reserve.look() is True
    assert [(one.name, one.stat().st_size) for one in tmp_path.iterdir()] == [("reserve", SIZE)]
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= SIZE


def test_it_is_not_taken_from_a_disk_that_is_nearly_full(
    disk: Callable[[int], None], reserve: Reserve
) -> None:
    disk(PLENTY + SIZE - 1)

    assert reserve.look() is False


def test_it_is_given_up_on_a_full_disk_alone(disk: Callable[[int], None], reserve: Reserve) -> None:
    disk(PLENTY + SIZE)
    reserve.look()

    disk(SIZE // 2)
    assert reserve.look() is True
    disk(SIZE // 2 - 1)
    assert reserve.look() is False


def test_it_comes_back_when_there_is_room_again(
    disk: Callable[[int], None], reserve: Reserve
) -> None:
    disk(PLENTY + SIZE)
    reserve.look()
    disk(0)
    reserve.look()

    disk(SIZE)
    assert reserve.look() is False
    disk(PLENTY + SIZE)
    assert reserve.look() is True


def test_a_disk_that_refuses_it_is_no_fault(disk: Callable[[int], None], tmp_path: Path) -> None:
    too_large = 2**60
    disk(too_large)

    assert Reserve(tmp_path, too_large, 0).look() is False
    assert [*tmp_path.iterdir()] == []
