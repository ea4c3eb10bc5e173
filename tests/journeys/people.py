"""People at their pages: what each does and sees, in the words of the page."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from PIL import Image, ImageColor, ImageStat
from playwright.async_api import Error, Locator, Page, expect

from tests.harness.people import Person, wall
from tests.harness.waiting import until
from tests.journeys.world import SOON_S, Asked, World

SOON_MS = SOON_S * 1000
FULL_WIDTH = 640
"""Of the films; a stream is smaller where link or machine is short of something."""
ANSWERED_MS = 1000
"""The server answers within this; one that is slower is asked again."""
MOVED_S = 0.5
SILENT_S = 0.5
"""So long without one packet of sound is silence: while there is any, one comes each 20 ms."""
WALL_STEPS = 7
"""How far a colour may be off after two conversions, of 255; walls differ by more."""
DECODED = 5
"""Pictures in which somebody must have moved; films have 10 a second."""
SUGGESTED = "The face matches the photo, and the name matches the booking."

PEERS = """
  window.peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...settings) { super(...settings); window.peers.push(this); }
  };
"""
"""Keeps hold of a page's peer connections, so that their own figures can be read."""

SEEN = """async (selector) => {
  const video = document.querySelector(selector);
  let frames = 0;
  for (const peer of window.peers.filter((one) => one.connectionState === "connected")) {
    (await peer.getStats()).forEach((entry) => {
      if (entry.type === "inbound-rtp" && entry.kind === "video") frames += entry.framesDecoded;
    });
  }
  return { width: video?.videoWidth ?? 0, at: video?.currentTime ?? 0, frames };
}"""

OWN = """(selector) => {
  const video = document.querySelector(selector);
  return video.videoWidth > 0 && video.currentTime > 0;
}"""

CORNER = """(selector) => {
  const video = document.querySelector(selector);
  const canvas = new OffscreenCanvas(64, 48);
  const pen = canvas.getContext("2d");
  pen.drawImage(video, 0, 0, 64, 48);
  return [...pen.getImageData(61, 1, 1, 1).data].slice(0, 3);
}"""

HEARD = """async () => {
  let energy = 0;
  for (const peer of window.peers.filter((one) => one.connectionState === "connected")) {
    (await peer.getStats()).forEach((entry) => {
      if (entry.type === "inbound-rtp" && entry.kind === "audio") energy += entry.totalAudioEnergy;
    });
  }
  return energy;
}"""

PACKETS = """async () => {
  let packets = 0;
  for (const peer of window.peers.filter((one) => one.connectionState === "connected")) {
    (await peer.getStats()).forEach((entry) => {
      if (entry.type === "inbound-rtp" && entry.kind === "audio") packets += entry.packetsReceived;
    });
  }
  return packets;
}"""

SPREAD = """(selector) => {
  const video = document.querySelector(selector);
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const pen = canvas.getContext("2d");
  pen.drawImage(video, 0, 0);
  const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const lights = [];
  for (let place = 1; place < data.length; place += 4000) lights.push(data[place]);
  const mean = lights.reduce((sum, one) => sum + one, 0) / lights.length;
  return Math.sqrt(lights.reduce((sum, one) => sum + (one - mean) ** 2, 0) / lights.length);
}"""

TILE = """(number) => {
  const video = document.querySelectorAll(".tile")[number].querySelector("video");
  const frames = video.getVideoPlaybackQuality().totalVideoFrames;
  return { width: video.videoWidth, at: video.currentTime, frames };
}"""

TILES = """() => [...document.querySelectorAll(".tile")].map((tile) => {
  const canvas = new OffscreenCanvas(64, 48);
  const pen = canvas.getContext("2d");
  pen.drawImage(tile.querySelector("video"), 0, 0, 64, 48);
  const wall = [...pen.getImageData(61, 1, 1, 1).data].slice(0, 3);
  return [tile.querySelector(".tile-name").textContent, wall];
})"""

BYTES = """async (address) => {
  const answer = await fetch(address);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return [answer.headers.get("Content-Type"), btoa(text)];
}"""


@dataclass(frozen=True, slots=True)
class Seen:
    """How a video stands: its width, its own time in seconds, the pictures decoded so far."""

    width: int
    at: float
    frames: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it was served: `spread` is the standard deviation of its greys, of 255."""

    media_type: str
    format: str
    size: tuple[int, int]
    spread: float


def small(picture: Picture) -> bool:
    """Say whether it is a picture of the stream, before the one in full size has come."""
    width, height = picture.size
    return width > height and width < FULL_WIDTH


async def picture_at(page: Page, address: str) -> Picture:
    """Fetch a picture as the page would."""
    media_type, text = await page.evaluate(BYTES, address)
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    spread = ImageStat.Stat(image.convert("L")).stddev[0]
    return Picture(media_type, image.format or "", image.size, spread)


def is_wall(seen: list[int], who: Person) -> bool:
    """Whether a colour is that of the wall behind a person."""
    colour = ImageColor.getrgb(wall(who))[:3]
    near = zip(seen, colour, strict=True)
    return all(abs(one - other) < WALL_STEPS for one, other in near)


class LivePage:
    """A page that shows another person: what is seen and heard there."""

    remote = ""
    """The selector of the other person's picture."""

    def __init__(self, page: Page, world: World) -> None:
        self.page = page
        self.world = world

    async def sees(self, what: str, seconds: float = SOON_S) -> None:
        """Wait until a picture of more than one colour has moved for half a second.

        The video's own clock goes on without a picture, as long as it believes in its stream: so
        new pictures must have been decoded too.
        """

        async def shows() -> bool:
            return float(await self.page.evaluate(SPREAD, self.remote)) > 10

        await self.moves(SEEN, self.remote, what, seconds)
        await until(shows, seconds, f"a picture of {what} that shows something")

    async def moves(self, script: str, which: object, what: str, seconds: float) -> None:
        """Wait until the picture that a script tells of has moved for half a second."""
        last, moved, decoded = Seen(**await self.page.evaluate(script, which)), 0.0, 0

        async def so() -> bool:
            nonlocal last, moved, decoded
            now = Seen(**await self.page.evaluate(script, which))
            # A new connection begins to count anew: only steps forward within one count.
            if now.at >= last.at and now.frames >= last.frames:
                moved += now.at - last.at
                decoded += now.frames - last.frames
            last = now
            return now.width > 0 and moved > MOVED_S and decoded >= DECODED

        await until(so, seconds, f"a moving picture of {what}")

    async def sees_person(self, who: Person, seconds: float = SOON_S) -> None:
        """Wait until it is this person's room that is seen, told by its wall."""

        async def same() -> bool:
            return is_wall(await self.page.evaluate(CORNER, self.remote), who)

        await until(same, seconds, f"the room of {who.surname}")

    async def hears(self, what: str, seconds: float = SOON_S) -> None:
        """Wait until sound comes that is more than silence."""
        before = float(await self.page.evaluate(HEARD))

        async def louder() -> bool:
            return float(await self.page.evaluate(HEARD)) > before + 0.001

        await until(louder, seconds, f"the sound of {what}")

    async def hears_nothing(self, what: str) -> None:
        """Wait until no sound at all has come for half a second."""

        async def silent() -> bool:
            before = await self.page.evaluate(PACKETS)
            await asyncio.sleep(SILENT_S)
            return bool(await self.page.evaluate(PACKETS) == before)

        await until(silent, SOON_S, f"silence: {what}")

    async def write(self, text: str) -> None:
        """Send a line to the other person, and wait until the server has it."""
        await self.page.locator("#chat-text").fill(text)
        await self.page.locator("#chat-text").press("Enter")
        line = self.page.locator(".chat li", has_text=text)
        await expect(line).to_have_count(1, timeout=SOON_MS)
        await expect(line).not_to_contain_text("Sending", timeout=SOON_MS)

    async def reads(self, text: str) -> None:
        """Wait until a line stands there, once."""
        line = self.page.locator(".chat li", has_text=text)
        await expect(line).to_have_count(1, timeout=SOON_MS)


class LearnerPage(LivePage):
    """A learner: their booking pages and their room."""

    remote = "#remote"

    def __init__(self, page: Page, world: World, zone: str = "") -> None:
        super().__init__(page, world)
        self.zone = zone
        """The zone that times are shown in; unknown without scripts."""

    async def ask(self, name: str, assessment: str = "ISPS-SSO") -> Asked:
        """Ask for a session at the practice backend; it leads to the personal page."""
        page = self.page
        await page.goto(self.world.practice.url)
        row = page.locator("tr", has_text=name).first
        await row.get_by_role("combobox").select_option(assessment)
        await row.get_by_role("button", name="Ask for a remote session").click()
        await page.wait_for_url("**/r/*")
        return Asked(page.url, await self.world.assessment_of(page.url))

    async def enter(self, link: str) -> None:
        """Open the personal link and press its button."""
        await self.page.goto(link)
        await self.page.get_by_role("button", name="Continue as").click()
        await self.page.wait_for_url("**/me")

    async def choose_zone(self, zone: str) -> None:
        """Choose a time zone, from the page where times are chosen."""
        await self.page.get_by_role("link", name="Use another time zone").click()
        await self.page.get_by_label("Show times as the clocks show them in").select_option(zone)
        await self.page.get_by_role("button", name="Use this time zone").click()
        await self.page.wait_for_url("**/me/book")
        self.zone = zone

    async def look_at(self, start: datetime) -> None:
        """Open the day of a start, and choose that start; nothing is sent yet."""
        await self.page.goto(f"{self.world.service.url}/me/book?day={start:%Y-%m-%d}")
        await self.has_zone()
        await self.slot(start).check(force=True)

    async def has_zone(self) -> None:
        """Wait until the page has learnt the browser's zone and has loaded itself anew."""
        if self.zone:
            zone = self.page.locator("#zone")
            await expect(zone).to_have_attribute("data-zone", self.zone, timeout=SOON_MS)

    def slot(self, start: datetime) -> Locator:
        """Return the choice of a start."""
        return self.page.locator(f'input[name="start"][value="{start:%Y-%m-%dT%H:%MZ}"]')

    async def book(self, start: datetime) -> None:
        """Choose a start and book it."""
        await self.look_at(start)
        await self.page.get_by_role("button", name="Book this time").click()
        await self.page.wait_for_url("**/me?done=booked")

    async def check_in(self) -> None:
        """Give consent and go on to the device check."""
        await self.page.goto(f"{self.world.service.url}/me")
        await self.page.get_by_role("link", name="Check in").click()
        for consent in ("You may take pictures", "You may record"):
            await self.page.get_by_label(consent).check()
        await self.page.get_by_role("button", name="Check in").click()
        await self.page.wait_for_url("**/me/room")

    async def join(self) -> None:
        """Look at one's own picture, then go into the room."""
        await expect(self.page.locator("#check-blank")).to_be_hidden(timeout=SOON_MS)

        await until(
            lambda: self.page.evaluate(OWN, "#check-video"), SOON_S, "the learner's own picture"
        )
        await self.page.get_by_role("button", name="I am ready").click()
        await self.connected()

    async def connected(self) -> None:
        """Wait until the room is connected."""
        await expect(self.page.locator("#tag-link")).to_have_text("Connected", timeout=SOON_MS)

    async def told(self, title: str, words: str = "") -> None:
        """Wait until the status says this."""
        status = self.page.locator("#status-title")
        await expect(status).to_have_text(re.compile(title), timeout=SOON_MS)
        if words:
            await expect(self.page.locator("#status-words")).to_contain_text(words)

    async def reads_notice(self, text: str) -> None:
        """Read a notice that stands large on the page, and say so."""
        card = self.page.locator("#asks .ask", has_text=text)
        await expect(card).to_be_visible(timeout=SOON_MS)
        await card.get_by_role("button", name="I have read it").click()
        await expect(card).to_have_count(0)

    async def news(self, words: str) -> None:
        """Wait until the page tells what has just changed."""
        await expect(self.page.locator("#news")).to_contain_text(words, timeout=SOON_MS)

    async def raise_hand(self) -> None:
        """Raise the hand, and wait until the server knows."""
        await self.page.get_by_role("button", name="Raise my hand").click()
        await expect(self.page.locator("#hand-words")).to_contain_text(
            "Your hand is up", timeout=SOON_MS
        )

    async def time_left(self) -> int:
        """Return the seconds that the learner's clock shows."""
        text = (await self.page.locator("#time-left").text_content()) or ""
        seconds = 0
        for part in text.split(":"):
            seconds = seconds * 60 + int(part)
        return seconds


class StaffPage:
    """Somebody of the staff who signs in."""

    def __init__(self, page: Page, world: World) -> None:
        self.page = page
        self.world = world

    async def sign_in(self, email: str) -> None:
        """Sign in with the password of the demonstration, and the code of its app."""
        await self.page.goto(f"{self.world.service.url}/staff/sign-in")
        await self.password(email)
        code = await self.world.code(email)
        await self.page.get_by_label("Code from your authenticator app").fill(code)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(re.compile(r"/staff/(?!sign-in)"))

    async def prove(self, email: str) -> None:
        """Show the second step anew, which what weighs much wants, and come back to this page."""
        path = urlsplit(self.page.url).path
        await self.page.goto(f"{self.world.service.url}/staff/confirm?next={quote(path, safe='')}")
        code = await self.world.code(email)
        await self.page.get_by_label("Code from your authenticator app").fill(code)
        await self.page.get_by_role("button", name="Confirm").click()
        await self.page.wait_for_url(f"**{path}")

    async def password(self, email: str) -> None:
        """Take the first step of signing in."""
        await self.page.get_by_label("E-mail address").fill(email)
        await self.page.get_by_label("Password").fill(self.world.password)
        await self.page.get_by_role("button", name="Sign in").click()


class Console(StaffPage, LivePage):
    """An invigilator's console."""

    remote = ".stage-picture > video"

    async def connected(self) -> None:
        """Wait until the console is connected."""
        own = self.page.locator(".own")
        await expect(own.get_by_text("Connected", exact=True)).to_be_visible(timeout=SOON_MS)

    def tile(self, learner: str) -> Locator:
        """Return the learner's tile."""
        return self.page.locator(".tile", has_text=learner)

    async def sees_all(self, walls: dict[str, Person]) -> None:
        """Wait until every tile moves, and until those of these people show their own rooms."""
        tiles = self.page.locator(".tile")
        for number, name in enumerate(await tiles.locator(".tile-name").all_text_contents()):
            await self.moves(TILE, number, f"the tile of {name}", SOON_S)

        async def own_rooms() -> bool:
            seen = dict(await self.page.evaluate(TILES))
            return all(is_wall(seen[name], who) for name, who in walls.items())

        await until(own_rooms, SOON_S, f"the rooms of {', '.join(walls)} in their own tiles")

    async def needed_by(self, learner: str, words: str) -> None:
        """Wait until the list of who needs somebody begins with this learner, and says why."""
        first = self.page.locator(".needs li").first
        await expect(first).to_contain_text(learner, timeout=SOON_MS)
        await expect(first).to_contain_text(words, timeout=SOON_MS)

    async def notice_to_all(self, text: str) -> None:
        """Write a notice to every learner."""
        await self.page.get_by_role("button", name="Notice to all").click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_label("Notice").fill(text)
        await dialog.get_by_role("button", name=re.compile("^Send to")).click()
        await expect(dialog).to_have_count(0)

    async def offer_to(self, colleague: str) -> None:
        """Offer the learner in focus to a colleague."""
        await self.page.keyboard.press("o")
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_label(colleague).check()
        await dialog.get_by_role("button", name="Offer").click()
        await expect(self.page.get_by_text(f"Offered to {colleague}.")).to_be_visible(
            timeout=SOON_MS
        )

    async def answer(self, learner: str, button: str) -> None:
        """Press a button of a session in the list that is not one's own, and see it in focus."""
        await self.row(learner).get_by_role("button", name=button).click()
        await expect(self.page.locator("#stage-title")).to_have_text(learner, timeout=SOON_MS)

    async def stop(self, reason: str) -> None:
        """Stop the session."""
        await self.page.get_by_role("button", name="Stop", exact=True).click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_label("Reason").fill(reason)
        await dialog.get_by_role("button", name="Stop").click()
        await self.in_state("Stopped")

    def row(self, learner: str) -> Locator:
        """Return the learner's row in the lobby."""
        return self.page.locator(".lobby-row", has_text=learner)

    async def open(self, learner: str) -> None:
        """Open the session of a learner."""
        await self.row(learner).click()
        await expect(self.page.locator("#stage-title")).to_have_text(learner, timeout=SOON_MS)

    async def camera_on(self) -> None:
        """Let oneself be seen."""
        await self.page.get_by_role("button", name="Switch my camera on").click()
        await expect(self.page.get_by_role("button", name="Switch my camera off")).to_be_visible()

    async def in_state(self, words: str) -> None:
        """Wait until the open session is in a state."""
        tag = self.page.locator(".stage-state .tag").first
        await expect(tag).to_have_text(words, timeout=SOON_MS)

    async def take(self, which: str, *, whole: bool = False) -> Picture:
        """Take the picture of "ID" or of the "face", and return it as `picture` does."""
        button = self.page.get_by_role("button", name=f"Take {which} picture")
        await button.click()
        # The room takes a face by itself where none came for a while: that is another picture.
        await expect(button).to_be_enabled(timeout=SOON_MS)
        return await self.picture(which, whole=whole)

    async def picture(self, which: str, *, whole: bool = False, seconds: float = SOON_S) -> Picture:
        """Return the picture of "ID" or of the "face" that was taken, as it is served.

        The face may be cut out of its picture by then, as large as the document's portrait. Where
        the stream was small, the one in full size comes in its place a little later: `whole` waits
        for that.
        """
        names = ["Document picture"]
        if which == "face":
            names = ["Face picture", "Face in the live picture"]
        image = self.page.locator(
            ", ".join(f'.identity-pictures img[alt="{name}"]' for name in names)
        )
        await expect(image.first).to_be_visible(timeout=SOON_MS)

        async def fit() -> Picture | None:
            source = await image.first.get_attribute("src")
            assert source
            picture = await picture_at(self.page, source)
            return None if whole and small(picture) else picture

        return await until(fit, seconds, f"the {which} picture")

    async def has_whole_face(self) -> None:
        """Look at the whole face picture, large, until it is the one in full size."""
        await self.page.get_by_role("button", name="Compare them large").click()
        await self.page.get_by_role("radio", name="Whole face picture").check()
        image = self.page.get_by_role("img", name="Whole face picture, large")

        async def whole() -> bool:
            source = await image.get_attribute("src")
            return bool(source) and not small(await picture_at(self.page, source))

        await until(whole, SOON_S, "the face in full size")
        await self.page.get_by_role("button", name="Close", exact=True).click()

    async def confirm(self, reason: str = SUGGESTED) -> None:
        """Decide that it is this person, and say why, if that is asked."""
        group = self.page.get_by_role("group", name="Your decision")
        await group.get_by_role("button", name=re.compile("^Confirm")).click(timeout=SOON_MS)
        field, state = self.page.locator("#identity-reason"), self.page.locator(".stage-state .tag")

        async def answered() -> bool:
            return await field.is_visible() or await state.first.text_content() == "Identified"

        await until(answered, SOON_S, "a question for the reason, or the decision")
        if await field.is_visible():
            await field.fill(reason)
            await field.press("Enter")
        await self.in_state("Identified")

    async def give_reason(self, button: str, reason: str) -> None:
        """Press a button of the decision that asks for a reason, and give one."""
        group = self.page.get_by_role("group", name="Your decision")
        await group.get_by_role("button", name=re.compile(button)).click(timeout=SOON_MS)
        await self.page.locator("#identity-reason").fill(reason)
        await self.page.locator("#identity-reason").press("Enter")

    async def admit(self) -> None:
        """Open the assessment to the learner; wait while their document is being read."""
        button = self.page.get_by_role("button", name=re.compile("^Admit"))
        state = self.page.locator(".stage-state .tag").first

        async def opened() -> bool:
            with contextlib.suppress(Error):
                await button.click(timeout=ANSWERED_MS)
            with contextlib.suppress(AssertionError):
                await expect(state).to_have_text("In progress", timeout=ANSWERED_MS)
            return await state.text_content() == "In progress"

        await until(opened, 2 * SOON_S, "the assessment open")

    async def note_incident(self, category: str, note: str) -> None:
        """Note an incident with a picture, begun by its key."""
        await expect(self.page.get_by_role("dialog")).to_have_count(0)
        await self.page.keyboard.press("i")
        await self.page.get_by_label("What was it?").select_option(category)
        await self.page.get_by_label("Note", exact=True).fill(note)
        await self.page.get_by_role("button", name="Note it").click()
        await expect(self.page.locator(".incidents li", has_text=note)).to_be_visible(
            timeout=SOON_MS
        )

    async def pause(self, reason: str) -> None:
        """Pause, begun by its key."""
        await expect(self.page.get_by_role("dialog")).to_have_count(0)
        await self.page.keyboard.press("p")
        await self.page.get_by_label("Reason", exact=True).last.fill(reason)
        await self.page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        await self.in_state("Paused")

    async def resume(self) -> None:
        """Go on."""
        await self.page.get_by_role("button", name=re.compile("^Resume")).click()
        await self.in_state("In progress")

    async def refuse(self, doubt: str, reason: str) -> None:
        """Decide that it is not this person, and do not admit them."""
        await self.give_reason("^Reject", doubt)
        await expect(self.page.locator(".notice--bad")).to_contain_text(doubt, timeout=SOON_MS)
        await self.page.get_by_role("button", name="Refuse this learner").click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_label("Reason for the learner").fill(reason)
        await dialog.get_by_role("button", name="Refuse", exact=True).click()
        await self.in_state("Refused")

    async def end(self) -> None:
        """End the session."""
        await self.page.get_by_role("button", name=re.compile("^End")).click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_role("button", name="End the session").click()
        await self.in_state("Ended")

    async def attest(self) -> None:
        """Sign the statement as it was drafted."""
        await self.page.get_by_role("button", name="Sign and seal").click()
        await expect(self.page.get_by_text("Signed and sealed.")).to_be_visible(timeout=SOON_MS)

    async def open_record(self) -> None:
        """Go to the session's record."""
        await self.page.get_by_role("link", name="See the session's record").first.click()
        await self.page.wait_for_url("**/staff/records/*")


class SchedulerPage(StaffPage):
    """A scheduler's pages."""

    async def visit(self, name: str) -> None:
        """Go to one of the pages in the navigation."""
        await (
            self.page.get_by_role("navigation", name="Main")
            .get_by_role("link", name=name, exact=True)
            .click()
        )

    async def decide(self, learner: str, verdict: str, reason: str) -> list[str]:
        """Decide on a missed session; return the reasons that stood beside the decision."""
        card = self.page.locator(".card", has_text=learner)
        await card.get_by_role("link", name="Look at the evidence and decide").click()
        reasons = await self.page.locator(".rules .condition").all_text_contents()
        await self.page.get_by_label(verdict).check()
        await self.page.get_by_label("Your reason").fill(reason)
        await self.page.get_by_role("button", name="Decide").click()
        await self.page.wait_for_url("**/staff/attendance?done=decided")
        return reasons

    async def note_paid(self, learner: str, how: str) -> None:
        """Note that a learner's charge was paid."""
        await self.page.get_by_role("link", name=f"Settle the charge of {learner}").click()
        await self.page.get_by_label("How").fill(how)
        await self.page.get_by_role("button", name="Note as paid").click()
        await self.page.wait_for_url("**/staff/charges?done=paid*")


def values(rows: list[tuple[Any, ...]]) -> list[Any]:
    """Return the first column."""
    return [row[0] for row in rows]
