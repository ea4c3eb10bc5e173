"""Pictures of the identity check: the guided capture, the panel, a colleague's page, a refusal."""

from __future__ import annotations

from playwright.async_api import expect

from tests.album import Album
from tests.journeys.cast import TOM, Cast
from tests.journeys.documents import EXPIRED, SANTOS, SOMEBODY_ELSE, Camera
from tests.journeys.identity import (
    READABLE,
    Panel,
    begin_capture,
    go_on_capture,
    has_sent,
    is_advised,
    sends_what_was_taken,
)
from tests.journeys.people import SOON_MS, LearnerPage
from tests.journeys.test_handover import colleague_of
from tests.journeys.test_identity import ANSWER, MARIA, NOT_HERS, REFUSAL, meet
from tests.specimens.held import Pose
from tests.specimens.zone import Form

PHONE = (360, 740)
HER_OWN = "It is her own passport. It ran out while she was at sea; the new one waits in Manila."


async def plain_case(album: Album, cast: Cast) -> None:
    """A passport, held badly and then well, confirmed by one key; a face again later."""
    camera = Camera(cast.films)
    learner, console = await meet(cast.world, cast, camera, PHONE)
    panel = Panel(console)
    await go_on_capture(learner)
    await expect(learner.page.get_by_role("button", name="Passport")).to_be_visible()
    await album.both(learner.page, "capture-kinds")
    await learner.page.get_by_role("button", name="Passport", exact=True).click()
    for pose, words, name in (
        (Pose.TILTED, "Hold it straight", "capture-tilted"),
        (Pose.GLARING, "Tilt it to lose the glare", "capture-glaring"),
    ):
        camera.hold(Form.TD3, SANTOS, pose)
        await is_advised(learner, words)
        await album.here(learner.page, name, "#capture")
    camera.hold(Form.TD3, SANTOS)
    await _preview(album, learner)
    await sends_what_was_taken(learner, camera.put_down)
    await has_sent(learner)
    await panel.compares("name", "Same", "SANTOS")
    await panel.shows("Portrait in the document")
    await panel.shows("Face in the live picture")
    await album.both(console.page, "identity-same", whole=False)
    await panel.press("z")
    await expect(console.page.get_by_role("dialog")).to_be_visible()
    await album.both(console.page, "identity-large", whole=False)
    await console.page.keyboard.press("Escape")
    await panel.press("l")
    await expect(learner.page.locator("#asks .ask")).to_be_visible(timeout=SOON_MS)
    await album.both(learner.page, "challenge", whole=False)
    await album.both(console.page, "identity-challenge", whole=False)
    await panel.press("y")
    await expect(learner.page.locator("#asks .ask")).to_have_count(0, timeout=SOON_MS)
    await panel.press("y")
    await console.in_state("Identified")
    await console.admit()
    await panel.press("f")
    question = console.page.get_by_role("heading", name="Still the same person?")
    await expect(question).to_be_visible(timeout=SOON_MS)
    await album.both(console.page, "identity-again", whole=False)


async def two_people(album: Album, cast: Cast) -> None:
    """An expired passport: a colleague looks at it, too."""
    camera = Camera(cast.films)
    learner, console = await meet(cast.world, cast, camera, PHONE)
    panel = Panel(console)
    email, _ = colleague_of(cast.world, MARIA)
    camera.hold(Form.TD3, EXPIRED)
    await begin_capture(learner, "Passport")
    await sends_what_was_taken(learner, camera.put_down)
    await has_sent(learner)
    await panel.compares("expires", "Expired")
    await panel.shows("Portrait in the document")
    await panel.shows("Face in the live picture")
    await album.both(console.page, "identity-expired", whole=False)
    await panel.press("y")
    await panel.give_reason(HER_OWN)
    colleague = await cast.invigilator(TOM)
    await colleague.sign_in(email)
    await colleague.connected()
    await expect(colleague.page.get_by_role("link", name="Look at it")).to_be_visible()
    await album.both(colleague.page, "console-referral", whole=False)
    async with colleague.page.context.expect_page() as opened:
        await colleague.page.get_by_role("link", name="Look at it").click()
    page = await opened.value
    await expect(page.get_by_text(HER_OWN)).to_be_visible(timeout=SOON_MS)
    await album.both(page, "referral")


async def refused(album: Album, cast: Cast) -> None:
    """Somebody else's licence, compared by eye; the learner reads why, and answers."""
    camera = Camera(cast.films)
    learner, console = await meet(cast.world, cast, camera, PHONE)
    panel = Panel(console)
    camera.hold(Form.LICENCE, SOMEBODY_ELSE)
    await begin_capture(learner, "Driving licence")
    await sends_what_was_taken(learner, lambda: camera.hold(Form.LICENCE, SOMEBODY_ELSE, back=True))
    await sends_what_was_taken(learner, camera.put_down)
    await panel.shows("Back picture")
    await panel.shows("Face in the live picture")
    await panel.press("q")
    await album.both(console.page, "identity-typing", whole=False)
    await console.page.keyboard.press("Escape")
    await panel.types(SOMEBODY_ELSE)
    await panel.compares("name", "Differs", "Haugen")
    await album.both(console.page, "identity-differs", whole=False)
    await console.refuse(NOT_HERS, REFUSAL)
    page, service = learner.page, cast.world.service.url
    await learner.told("Your session cannot go ahead", REFUSAL)
    await page.goto(f"{service}/me")
    await album.both(page, "refused")
    await page.goto(f"{service}/me/dispute")
    await page.get_by_role("textbox").fill(ANSWER)
    await album.both(page, "refused-answer")
    await page.goto(f"{service}/me/consent")
    await album.both(page, "consent")


async def _preview(album: Album, learner: LearnerPage) -> None:
    heading = learner.page.get_by_role("heading", name=READABLE)
    await expect(heading).to_be_visible(timeout=SOON_MS)
    await album.here(learner.page, "capture-preview", "#capture")
