"""Takes a picture of every page into docs/shots: `./dev shots`.

The pages are real: the service and the practice backend run from their seed, people come in
browsers of their own with drawn films for cameras, and time is moved to a Monday in November.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Locator, expect

from tests.album import Album
from tests.harness.browser import Browsers
from tests.harness.films import FilmStore
from tests.harness.people import Person
from tests.harness.servers import mail_server
from tests.harness.service import ROOT, Practice, Service
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.people import Console, LearnerPage, SchedulerPage
from tests.journeys.second_cameras import scan, use_phone
from tests.journeys.steps import START
from tests.journeys.world import SOON_S, Asked, Time, World, run
from tests.shots_identity import plain_case, refused, two_people
from tests.shots_link import link_pages
from tests.shots_live import crowd_pages
from tests.shots_office import fill_the_week, office_pages
from tests.shots_record import delivery_pages, record_pages
from tests.shots_trust import entering_pages, looking_pages, trust_pages

FOLDER = ROOT / "docs" / "shots"
MARIA = "Maria Santos"
SESSION = START + timedelta(hours=4)
"""When the session of the pictures begins; the one before it is missed."""
SCHEDULER = "sam.field@example.org"
ADMINISTRATOR = "ada.stone@example.org"
CABIN = Person(seed=3)
"""Whose room the second camera shows."""
PLAYED_MS = 4_000
REASON = "You did not come, and your ship was in port with a link."

BRIGHTNESS = """(selector) => {
  const video = document.querySelector(selector);
  if (!video?.videoWidth) return -1;
  const canvas = new OffscreenCanvas(1, 1);
  const pen = canvas.getContext("2d");
  pen.drawImage(video, video.videoWidth / 2, video.videoHeight * 0.86, 8, 8, 0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data[1];
}"""
"""How bright the lower middle of a film is: the card is white there, a shirt is dark."""
CARD_IS_BRIGHT = 130
NAME_DEVICES = """() => {
  for (const [id, name] of [["camera", "Camera"], ["microphone", "Microphone"]]) {
    document.getElementById(id).selectedOptions[0].textContent = name;
  }
}"""
"""A film's name is its path on this machine, which says nothing to others."""


class Supervisor(Console):
    """A console on a day on which the same learner is in the list twice."""

    def row(self, learner: str) -> Locator:
        """Return the upper one: who waits stands first."""
        return super().row(learner).first


@contextlib.asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Cast]:
    """Run the seeded service, its backend and a mail server; people come when called."""
    with mail_server() as mailbox:
        time = Time(folder / "shift")
        service = Service(folder)
        practice = Practice(folder, service)
        service.set_for_journeys(mailbox, time.file, minutes_fly=True)
        service.set(
            INVIGILATION_LOCAL_SEGMENT_S="4",
            INVIGILATION_REHEARSAL_SECONDS="10",
            INVIGILATION_MEDIA_ADDRESSES='["127.0.0.1"]',
        )
        practice.set(PRACTICE_CLOCK_SHIFT_FILE=str(time.file))
        browsers = Browsers(folder)
        films = folder / "films"
        films.mkdir()
        world = World(service, practice, mailbox, time)
        try:
            await world.open(await asyncio.to_thread(_seeded, folder / "seeded", time))
            yield Cast(world, browsers, FilmStore(films))
        finally:
            await browsers.close()
            service.stop()
            practice.stop()


def _seeded(folder: Path, time: Time) -> Path:
    """Return a `var` folder that the demonstration has filled."""
    service = Service(folder)
    service.set(INVIGILATION_CLOCK_SHIFT_FILE=str(time.file))
    result = run(service, "web.cli", "seed")
    assert result.returncode == 0, result.stdout + result.stderr
    return service.var


def watching(world: World, learner: str) -> str:
    """Return the e-mail address of whoever watches a learner's newest session."""
    found = world.rows(
        "SELECT staff.email FROM booking JOIN staff ON booking.staff = staff.id "
        "JOIN request ON booking.request = request.id JOIN learner ON request.learner = learner.id "
        "WHERE learner.name = ? ORDER BY booking.start DESC",
        learner,
    )
    return str(found[0][0])


# --- before the day -----------------------------------------------------------------------------


async def booking_pages(album: Album, world: World, learner: LearnerPage) -> None:
    """The public pages, and a learner's way to a booking; it is for the session to be missed."""
    page, service = learner.page, world.service.url
    await page.goto(service)
    await album.both(page, "start")
    await page.goto(f"{service}/request")
    await album.both(page, "request")
    await page.get_by_role("button").last.click()
    await album.both(page, "request-errors")
    asked = await learner.ask(MARIA)
    await page.goto(asked.booking_url)
    await album.both(page, "personal-link")
    await learner.enter(asked.booking_url)
    await album.both(page, "me")
    await page.goto(f"{service}/me/zone?back=/me/book")
    await album.both(page, "zone")
    await learner.look_at(START)
    await album.both(page, "book")
    await learner.book(START)
    await album.both(page, "me-booked")
    # The next pages are for somebody who still has a day: the session after the weekend is not.
    now = world.time.now()
    world.time.go_to(START - timedelta(days=3))
    await page.goto(f"{service}/me/change")
    await album.both(page, "change")
    await page.goto(f"{service}/me/cancel")
    await album.both(page, "cancel")
    world.time.go_to(now)
    await page.goto(f"{service}/me/check-in")
    await album.both(page, "check-in-early")


async def missed(world: World, cast: Cast) -> None:
    """Nobody comes to the first session, though all was ready."""
    opens = START - timedelta(minutes=30)
    world.time.go_to(opens - timedelta(minutes=1))
    await world.beat()
    await world.live_through(opens + timedelta(minutes=1))
    console = await cast.invigilator()
    await console.sign_in(watching(world, MARIA))
    await console.connected()
    kinds = "SELECT 1 FROM event WHERE kind = 'invigilator_ready'"
    await until(lambda: world.rows(kinds), SOON_S, "the invigilator to be noted as ready")
    await world.live_through(START + timedelta(minutes=18))
    proposed = "SELECT 1 FROM booking WHERE state = 'no_show_proposed'"
    await until(lambda: world.rows(proposed), SOON_S, "the proposal of a no-show")
    await console.page.context.close()


async def attendance_and_charges(
    album: Album, learner: LearnerPage, scheduler: SchedulerPage
) -> Asked:
    """A missed session is judged, charged and paid for; return the next request."""
    page = scheduler.page
    await scheduler.visit("Attendance")
    await album.both(page, "attendance")
    await page.get_by_role("link", name="Look at the evidence and decide").first.click()
    await album.both(page, "verdict")
    await scheduler.visit("Attendance")
    await scheduler.decide(MARIA, "The learner did not come", REASON)
    await learner.page.goto(f"{learner.world.service.url}/me/dispute")
    await album.both(learner.page, "dispute")
    asked = await learner.ask(MARIA)
    await learner.enter(asked.booking_url)
    await album.both(learner.page, "me-payment-due")
    await scheduler.visit("Charges")
    await album.both(page, "charges")
    await page.get_by_role("link", name=f"Settle the charge of {MARIA}").click()
    await album.both(page, "charge")
    await scheduler.visit("Charges")
    await scheduler.note_paid(MARIA, "Bank transfer 4711")
    return asked


# --- the session --------------------------------------------------------------------------------


async def wait_for_card(console: Console, *, up: bool) -> None:
    """Wait until the learner's film shows the card, or the face alone."""

    async def so() -> bool:
        bright = float(await console.page.evaluate(BRIGHTNESS, console.remote))
        return bright >= 0 and (bright > CARD_IS_BRIGHT) is up

    await until(so, SOON_S, "the card" if up else "the face alone")


async def session_pages(
    album: Album, cast: Cast, learner: LearnerPage, console: Console, asked: Asked
) -> None:
    """One session, from check-in to the attestation, as both sides see it."""
    page, world = learner.page, cast.world
    await learner.book(SESSION)
    world.time.go_to(SESSION - timedelta(minutes=5))
    await page.goto(f"{world.service.url}/me/check-in")
    await album.both(page, "check-in")
    await learner.check_in()
    await expect(page.locator("#check-blank")).to_be_hidden()
    await page.evaluate(NAME_DEVICES)
    await album.both(page, "device-check")
    await learner.join()
    await learner.told("Waiting for your invigilator")
    await album.both(page, "room-waiting")
    # A console opens by itself whoever is there: nobody waits any more.
    await console.sign_in(watching(world, MARIA))
    await console.connected()
    await expect(console.row(MARIA)).to_contain_text("Checked in", timeout=SOON_S * 1000)
    await album.both(console.page, "console-lobby")
    await identified(album, learner, console)
    await supervised(album, world, learner, console, asked)
    await with_second_camera(album, cast, learner, console)
    await console.end()
    await learner.told("Your session is finished")
    await album.both(page, "room-finished")
    await album.both(console.page, "console-attest")
    await console.attest()
    await console.open_record()
    await console.page.locator("#jumps button", has_text="dmitted").first.click()
    await console.page.locator("#play").click()
    await console.page.wait_for_timeout(PLAYED_MS)
    await console.page.locator("#play").click()
    await album.both(console.page, "record")
    await console.page.locator("#player").scroll_into_view_if_needed()
    await album.here(console.page, "playback", "#player")
    await record_pages(album, console, watching(world, MARIA))


async def identified(album: Album, learner: LearnerPage, console: Console) -> None:
    """The identity is looked at and confirmed."""
    await console.open(MARIA)
    await console.camera_on()
    await console.sees("the learner")
    await learner.sees("the invigilator")
    await console.write("Good morning, Maria. Please hold your document to the camera.")
    await learner.write("Good morning! Here it is.")
    await album.both(learner.page, "room-identity")
    await wait_for_card(console, up=True)
    await console.take("ID")
    await wait_for_card(console, up=False)
    await console.take("face")
    await wait_for_card(console, up=True)
    await album.both(console.page, "console-identity")
    await console.confirm()


async def supervised(
    album: Album, world: World, learner: LearnerPage, console: Console, asked: Asked
) -> None:
    """The learner sits the assessment under the invigilator's eye."""
    await console.admit()
    await learner.told("Your assessment is open")
    await album.both(learner.page, "room")
    sheet = await learner.page.context.new_page()
    await sheet.goto(asked.assessment_url)
    await expect(sheet.get_by_role("button", name="Hand in my answers")).to_be_visible(
        timeout=SOON_S * 1000
    )
    await album.both(sheet, "practice-assessment")
    await sheet.close()
    world.time.forward(timedelta(minutes=12))
    await console.note_incident("environment.noise", "An alarm test on board.")
    await wait_for_card(console, up=True)
    await wait_for_card(console, up=False)  # the face has only just come
    await album.both(console.page, "console", whole=False)


async def with_second_camera(
    album: Album, cast: Cast, learner: LearnerPage, console: Console
) -> None:
    """A phone shows the learner from the side; the learner is asked for something."""
    phone = await cast.phone(CABIN)
    address = await scan(learner)
    await album.both(learner.page, "room-code")
    await phone.goto(address)
    await album.both(phone, "second-camera-link")
    await use_phone(phone, address)
    await album.both(phone, "second-camera")
    await learner.raise_hand()
    await console.page.get_by_role("button", name="Ask for").click()
    dialog = console.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Show the room").click()
    await expect(learner.page.locator("#asks .ask")).to_be_visible(timeout=SOON_S * 1000)
    await album.both(learner.page, "room-asked")
    await expect(console.page.locator(".others button")).to_be_visible(timeout=SOON_S * 1000)
    await album.both(console.page, "console-second-camera", whole=False)


# --- the staff's pages --------------------------------------------------------------------------


async def calendar_pages(album: Album, scheduler: SchedulerPage) -> None:
    """The week, and one booking in it."""
    page = scheduler.page
    await scheduler.visit("Calendar")
    await expect(page.locator("#calendar")).to_be_visible()
    await expect(page.locator("#calendar")).to_contain_text("Koval")
    await album.both(page, "calendar")
    booking = await page.locator("#table a.sitting").last.get_attribute("href")
    await page.goto(f"{scheduler.world.service.url}{booking}")
    await album.both(page, "booking")
    await scheduler.visit("Closures")
    await album.both(page, "closures")


async def administrator_pages(album: Album, cast: Cast) -> None:
    """Sign-in and administration."""
    person = await cast.scheduler()
    await entering_pages(album, person, ADMINISTRATOR)
    await person.visit("Administration")
    await album.both(person.page, "admin")
    await delivery_pages(album, cast, person.page)
    await looking_pages(album, person.page, cast.world)
    await trust_pages(album, person.page, cast.world)


async def every_page(album: Album, cast: Cast) -> None:
    """Take them all, in the order in which a week brings them."""
    world = cast.world
    learner = await cast.learner()
    await booking_pages(album, world, learner)
    await fill_the_week(world)
    await missed(world, cast)
    scheduler = await cast.scheduler()
    await scheduler.sign_in(SCHEDULER)
    asked = await attendance_and_charges(album, learner, scheduler)
    invigilator = await cast.invigilator()
    await session_pages(album, cast, learner, Supervisor(invigilator.page, world), asked)
    await calendar_pages(album, scheduler)
    await administrator_pages(album, cast)
    await world.report()
    await learner.page.goto(world.practice.url)
    await album.both(learner.page, "practice")


PAGES = (every_page, office_pages, crowd_pages, link_pages, plain_case, two_people, refused)


async def take_all(folder: Path, wanted: frozenset[str]) -> None:
    """Take every picture into a folder, or those of the parts that are wanted."""
    for pages in PAGES:
        if wanted and pages.__name__ not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="shots-") as place:
            async with stage(Path(place)) as cast:
                await pages(Album(folder), cast)


def main() -> int:
    """Take every picture into docs/shots; return the exit code."""
    names = {pages.__name__ for pages in PAGES}
    wanted = frozenset(sys.argv[1:])
    if not wanted <= names:
        print(f"Name parts of {', '.join(sorted(names))}; or nothing, for all.", file=sys.stderr)
        return 2
    print(f"Pictures of {', '.join(sorted(wanted)) or 'every page'}, into docs/shots:")
    asyncio.run(take_all(FOLDER, wanted))
    return 0


if __name__ == "__main__":
    sys.exit(main())
