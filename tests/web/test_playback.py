"""Playing a whole session on the page of its record, in a browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Page

from tests.harness.browser import PHONE, Browsers, accessibility_problems
from tests.web.office import SAM, START, World
from tests.web.recorded import recorded
from web.auth import cookies

pytestmark = pytest.mark.media

# Where each element stands, in milliseconds since 1970, by the source of its lane.
STANDS = """() => {
  const line = JSON.parse(document.getElementById("boot").textContent);
  const stands = {};
  for (const lane of line.lanes) for (const part of lane.parts) {
    const element = document.querySelector(`#stage [src$="${part.id}"]`);
    if (element) stands[lane.source] = part.start + element.currentTime * 1000;
  }
  return stands;
}"""
# Whether three sources are loaded and within 0.2 s of each other, behind a moment of the session.
IN_STEP = f"""(behind) => {{
  const stands = Object.values(({STANDS})());
  const loaded = [...document.querySelectorAll("#stage [src]")].every((one) => one.readyState > 2);
  const [first, last] = [Math.min(...stands), Math.max(...stands)];
  return loaded && stands.length === 3 && first > behind && last - first < 200;
}}"""
SEEK = """(offset) => {
  const seek = document.getElementById("seek");
  seek.value = String(offset);
  seek.dispatchEvent(new Event("input"));
}"""
PAST = "(offset) => document.getElementById('seek').valueAsNumber > offset"


async def opened(
    world: World, browsers: Browsers, path: str, viewport: tuple[int, int] = (1440, 900)
) -> Page:
    page = await browsers.launch(viewport=viewport)
    url = str(world.client.make_url("/").with_scheme("https"))
    token = (await world.staff(SAM)).cookies[cookies.STAFF]
    # As a browser keeps it: for this host alone, and over what it takes for a safe way.
    cookie = {"name": cookies.STAFF, "value": token, "url": url, "secure": True}
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    await page.goto(str(world.client.make_url(path)))
    return page


async def views(world: World, session: str) -> int:
    record = await world.desk.reports.record(session, SAM)
    return sum(one.kind == "evidence_viewed" for one in record.entries)


async def test_parts_of_two_sources_play_in_step(world: World, browsers: Browsers) -> None:
    sitting = await recorded(world)
    page = await opened(world, browsers, f"/staff/records/{sitting.session}")
    assert await views(world, sitting.session) == 0

    first = START.timestamp() * 1000
    await page.evaluate(SEEK, 22_000)
    await page.wait_for_function(IN_STEP, arg=first + 21_900)
    await page.get_by_role("button", name="Play").click()
    await page.wait_for_function(PAST, arg=24_000)
    await page.wait_for_function(IN_STEP, arg=first + 23_700)
    stands = await page.evaluate(STANDS)

    assert set(stands) == {"camera", "screen", "invigilator"}
    assert max(stands.values()) - min(stands.values()) < 300
    assert await page.get_by_role("button", name="Pause").count() == 1
    assert await views(world, sitting.session) == 3


async def test_a_hole_is_said_and_run_through(world: World, browsers: Browsers) -> None:
    sitting = await recorded(world)
    page = await opened(world, browsers, f"/staff/records/{sitting.session}")

    await page.evaluate(SEEK, 16_000)
    await page.get_by_text("No recording from 10:00:12 to 10:00:20").wait_for()
    await page.get_by_text("No recording from 10:00:14 to 10:00:18").wait_for()
    await page.get_by_label("Speed").select_option("2")
    await page.keyboard.press("ArrowRight")
    await page.get_by_label("Time in the recording").focus()
    await page.keyboard.press("Space")
    await page.wait_for_function(PAST, arg=21_000)

    assert await page.get_by_text("No recording from").count() == 0


async def test_a_mark_is_jumped_to(world: World, browsers: Browsers) -> None:
    sitting = await recorded(world)
    who = world.desk.sessions
    world.clock.move_to(START + timedelta(seconds=9))
    await who.note(sitting.session, "hand_raised", "learner", {})
    page = await opened(world, browsers, f"/staff/records/{sitting.session}")

    await page.get_by_role("button", name="Raised a hand").click()

    assert await page.text_content("#london") == "10:00:09"


async def test_on_a_phone_nothing_is_wider_than_the_page(world: World, browsers: Browsers) -> None:
    sitting = await recorded(world)

    page = await opened(world, browsers, f"/staff/records/{sitting.session}", PHONE)

    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    assert await accessibility_problems(page) == []
