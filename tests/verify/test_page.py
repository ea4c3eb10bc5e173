"""The page itself, in a browser: it works without a network, and so does the file to keep."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import Page, Request, expect

from invigilation.store import Store
from tests.harness.browser import Browsers, accessibility_problems
from tests.recordings.bundles import (
    KEY,
    STRANGER,
    Draft,
    canonical,
    pack,
    unpack,
    with_damage,
)
from tests.web.office import HandClock, World, make_app
from web.keys import DESK, VAULT
from web.pages.verify import PUBLISHED, file_policy

WORDS = "The record holds, but read this"
"""A backend has signed for the report: whether the key is theirs is for the reader to find out."""


@pytest.fixture
async def world(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[World]:
    """The office's pages, with a key that the tests' bundles are signed by."""
    path = tmp_path / "office.sqlite3"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite+aiosqlite:///{path}")
    clock = HandClock()
    app = make_app(store, tmp_path, clock)
    app[PUBLISHED] = lambda: [KEY.jwk()]
    client = TestClient(TestServer(app))
    await client.start_server()
    yield World(app[DESK], clock, app, app[VAULT], client)
    await client.close()
    await store.close()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of today."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(Draft(start=datetime.now(UTC) - timedelta(hours=3)).packed())
    return path


def tampered(bundle: Path) -> Path:
    members = unpack(bundle.read_bytes())
    members["evidence/ev_2.jpg"] = members["evidence/ev_1.jpg"]
    other = bundle.with_name("swapped.zip")
    other.write_bytes(pack(members))
    return other


async def check(page: Page, file: Path, headline: str) -> None:
    await page.locator("#file").set_input_files(file)
    heading = page.locator("#result .notice").get_by_role("heading")
    await expect(heading).to_have_text(headline)


async def test_it_checks_without_a_network(world: World, browsers: Browsers, bundle: Path) -> None:
    browsers.allow(r"Failed to load resource|blob:")  # the bundle's pictures are none
    page = await browsers.launch()
    await page.goto(str(world.client.make_url("/verify")))
    await expect(page.locator("#fingerprints")).to_contain_text(KEY.key_id)
    asked: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith("blob:"):
            asked.append(request.url)

    page.on("request", note)
    await page.context.set_offline(True)

    await check(page, bundle, WORDS)

    result = page.locator("#result")
    await expect(result).to_contain_text("Maria Santos")
    await expect(result.locator(".verdict li")).to_have_count(11)
    await expect(result.locator("figure")).to_have_count(3)
    assert await accessibility_problems(page) == []
    await check(page, tampered(bundle), "Do not rely on this file")
    await expect(result).to_contain_text("evidence/ev_2.jpg is not the file that was attested")
    await expect(result.locator("figure")).to_have_count(0)
    assert asked == []


async def test_it_checks_by_the_keys_that_were_chosen(
    world: World, browsers: Browsers, bundle: Path, tmp_path: Path
) -> None:
    browsers.allow(r"Failed to load resource|blob:")
    page = await browsers.launch()
    await page.goto(str(world.client.make_url("/verify")))
    await check(page, bundle, WORDS)
    strange, own = tmp_path / "strange.json", tmp_path / "own.json"
    strange.write_text(json.dumps({"keys": [STRANGER.jwk()]}))
    own.write_bytes(canonical({"keys": [KEY.jwk()]}))

    await page.get_by_label("A file of keys that I was given").check()
    await expect(page.locator("#status")).to_have_text("Choose a file of keys first.")
    await page.locator("#key-file").set_input_files(strange)

    heading = page.locator("#result .notice").get_by_role("heading")
    await expect(heading).to_have_text("Do not rely on this file")
    await expect(page.locator("#result")).not_to_contain_text("Maria Santos")
    await page.locator("#key-file").set_input_files(own)
    await expect(heading).to_have_text(WORDS)


async def test_a_file_is_taken_where_it_is_dropped(
    world: World, browsers: Browsers, bundle: Path
) -> None:
    browsers.allow(r"Failed to load resource|blob:")
    page = await browsers.launch()
    await page.goto(str(world.client.make_url("/verify")))
    await expect(page.locator("#drop")).to_be_visible()
    content = await asyncio.to_thread(bundle.read_bytes)
    dropped = await page.evaluate_handle(
        """(bytes) => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(bytes)], "bundle.zip"));
          return carried;
        }""",
        [*content],
    )

    await page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})

    heading = page.locator("#result .notice").get_by_role("heading")
    await expect(heading).to_have_text(WORDS)


async def test_the_file_to_keep_works_alone(
    world: World, browsers: Browsers, bundle: Path, tmp_path: Path
) -> None:
    browsers.allow(r"Failed to load resource|blob:")
    answer = await world.stranger().get("/verify/file")
    kept = tmp_path / "check-a-record.html"
    kept.write_bytes(answer.body)
    page = await browsers.launch()
    await page.context.set_offline(True)

    await page.goto(kept.as_uri())

    assert "attachment" in answer.header("Content-Disposition")
    await check(page, bundle, WORDS)
    await check(page, tampered(bundle), "Do not rely on this file")


async def test_the_page_may_connect_to_nothing(world: World) -> None:
    page = await world.stranger().get("/verify")

    policy = page.header("Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "script-src 'self';" in policy
    assert KEY.key_id in page.text


def test_only_the_style_and_script_of_the_file_run_in_it() -> None:
    policy = file_policy("a{}", "1")

    assert "script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='" in policy
    assert "style-src 'sha256-" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("width", [360, 1280])
async def test_what_the_service_lost_is_told_first_and_beside_the_recording(
    world: World, browsers: Browsers, tmp_path: Path, width: int
) -> None:
    browsers.allow(r"blob:")  # the bundle's pictures are none
    draft = with_damage()
    bundle = tmp_path / "bundle.zip"
    draft.start = datetime.now(UTC) - timedelta(hours=3)
    bundle.write_bytes(draft.packed())
    page = await browsers.launch()
    await page.set_viewport_size({"width": width, "height": 800})
    await page.goto(str(world.client.make_url("/verify")))

    await check(page, bundle, WORDS)

    lost = "4096 bytes of ev_3 (0:04 to 0:07, 1:00:05 to its end)"
    result = page.locator("#result")
    await expect(result.locator(".notice")).to_contain_text(f"all of ev_9; {lost}")
    await expect(result.locator("figcaption").nth(2)).to_contain_text(f"The service lost {lost}.")
    await expect(result.locator("dd", has_text="The service lost some")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await accessibility_problems(page) == []
