"""Stills on the record's page: in the player at their times, and as a file."""

from __future__ import annotations

import io
from datetime import timedelta

from PIL import Image
from playwright.async_api import Page

from invigilation.presence import Source
from recordings.evidence import Snapshots
from recordings.stills import entries
from tests.harness.browser import Browsers
from tests.web.eyes import shelf_of
from tests.web.office import SAM, START, World
from tests.web.test_playback import SEEK, opened, views

SHOWN = """() => {
  const image = document.querySelector("#stage img");
  if (!image || image.hidden || !image.naturalWidth) return null;
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  return [image.naturalWidth, pen.getImageData(20, 20, 1, 1).data[0]];
}"""


def jpeg(grey: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (320, 240), (grey, grey, grey)).save(file, "JPEG")
    return file.getvalue()


async def shows(page: Page, grey: int) -> bool:
    """Wait until the player shows a picture as light as that."""
    check = f"() => {{ const s = ({SHOWN})(); return s && Math.abs(s[1] - {grey}) < 12; }}"
    await page.wait_for_function(check)
    return True


async def kept(world: World, *times: tuple[float, int]) -> str:
    """Return a session of which stills were kept, so many seconds after its start, so light."""
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=1))
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    world.clock.move_to(START)
    snapshots = Snapshots()
    recording = await shelf_of(world.desk, world.vault, snapshots).begin(
        sitting.session, Source.STILLS
    )
    zero = world.clock.monotonic()
    for second, grey in times:
        recording.video(jpeg(grey), 0, True, zero + second)
    await recording.finish()
    snapshots.close()
    await world.reasons(sitting.session)
    return sitting.session


async def test_stills_are_shown_at_their_times(world: World, browsers: Browsers) -> None:
    session = await kept(world, (0, 40), (10, 200), (60, 120))
    page = await opened(world, browsers, f"/staff/records/{session}")

    await page.evaluate(SEEK, 5_000)
    assert await shows(page, 40)
    await page.evaluate(SEEK, 12_000)
    assert await shows(page, 200)
    await page.evaluate(SEEK, 40_000)
    await page.get_by_text("No recording from 10:00:25 to 10:01:00").wait_for()
    await page.evaluate(SEEK, 61_000)
    assert await shows(page, 120)

    assert await views(world, session) == 1


async def test_the_file_is_there_to_take_away(world: World) -> None:
    session = await kept(world, (0, 40))
    staff = await world.staff(SAM)

    page = await staff.get(f"/staff/records/{session}")
    [one] = await world.desk.sessions.evidence(session)
    file = await staff.get(f"/staff/evidence/{one.id}")

    assert f'href="/staff/evidence/{one.id}" download' in page.text
    assert file.headers["Content-Type"] == "application/vnd.invigilation.stills"
    [still] = entries(file.body)
    assert (still.at, still.jpeg[:2]) == (START, b"\xff\xd8")
