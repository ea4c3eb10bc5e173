"""A page that was opened before a new build finds what it loads later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from web.pages.assets import KEPT_S, PREFIX, Assets

NOW = 1_800_000_000.0
PART, MAIN, CAPTURE = "room_late-AAAA0001.js", "room-AAAA0001.js", "capture-AAAA0002.css"


def build(folder: Path, *names: str) -> None:
    """Make a build of these files, in the place of the one before."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name in names:
        for twin in ("", ".br", ".gz"):
            (folder / (name + twin)).write_text(name + twin)
    listed = {f"{name.rpartition('-')[0]}.{name.rpartition('.')[2]}": name for name in names}
    (folder / "manifest.json").write_text(json.dumps(listed))


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    build(tmp_path / "static", PART, MAIN, CAPTURE)
    return Assets(tmp_path / "static", tmp_path / "kept")


def kept(assets: Assets) -> set[str]:
    assert assets.kept is not None
    return {path.name for path in assets.kept.iterdir()}


def test_what_pages_load_later_is_kept_and_nothing_else(assets: Assets) -> None:
    assets.keep(lambda: NOW)

    assert kept(assets) == {name + twin for name in (PART, CAPTURE) for twin in ("", ".br", ".gz")}


def test_the_parts_of_a_build_outlive_it_by_a_week(assets: Assets) -> None:
    assets.keep(lambda: NOW)
    build(assets.folder, "room_late-BBBB0001.js", "room-BBBB0001.js")
    again = Assets(assets.folder, assets.kept)

    again.keep(lambda: NOW + KEPT_S - 1)
    assert PART in kept(again)
    again.keep(lambda: NOW + KEPT_S + 1)
    assert {name for name in kept(again) if name.endswith(".js")} == {"room_late-BBBB0001.js"}


def test_a_service_that_is_started_again_keeps_its_build_for_another_week(assets: Assets) -> None:
    assets.keep(lambda: NOW)
    assets.keep(lambda: NOW + KEPT_S - 1)
    build(assets.folder, "room_late-BBBB0001.js")

    Assets(assets.folder, assets.kept).keep(lambda: NOW + KEPT_S + 1)

    assert PART in kept(assets)


def test_where_nothing_can_be_kept_the_service_starts_all_the_same(assets: Assets) -> None:
    assert assets.kept is not None
    assets.kept.write_text("a file where a folder should be")

    assets.keep(lambda: NOW)

    assert assets.address("room_late.js").endswith(PART)


async def test_an_open_page_loads_its_part_after_a_new_build(assets: Assets) -> None:
    assets.keep()
    build(assets.folder, "room_late-BBBB0001.js")
    app = web.Application()
    app.router.add_get(PREFIX + "{name}", assets.serve)
    async with TestClient(TestServer(app)) as client:
        part = await client.get(PREFIX + PART, headers={"Accept-Encoding": "br"})
        page = await client.get(PREFIX + MAIN)

        assert (part.status, part.headers["Content-Encoding"]) == (200, "br")
        assert page.status == 404
