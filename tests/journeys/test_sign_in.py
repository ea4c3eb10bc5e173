"""Staff sign in: a passkey, an app, a recovery code, and a sign-in that is ended elsewhere."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.async_api import CDPSession, Page, expect

from tests.harness.browser import PHONE, accessibility_problems
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS, StaffPage
from tests.journeys.world import World
from web.auth import totp

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

SCHEDULER = "sam.field@example.org"
INVIGILATOR = "ana.reyes@example.org"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def with_authenticator(page: Page) -> tuple[CDPSession, str]:
    """Give the browser a device that makes passkeys, and confirms by itself."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return session, made["authenticatorId"]


def without_second_step(world: World, email: str) -> None:
    """Let somebody have no second step yet, as at their first sign-in."""
    done = world.run("web.cli", "staff", "reset-factor", email)
    assert done.returncode == 0, done.stdout + done.stderr


async def looks_right(page: Page) -> None:
    """The page has no accessibility problem, and fits a small phone."""
    assert await accessibility_problems(page) == []
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE[0]
    await page.set_viewport_size({"width": 1440, "height": 900})


async def test_a_first_sign_in_makes_a_passkey_and_the_next_one_uses_it(
    world: World, cast: Cast
) -> None:
    without_second_step(world, SCHEDULER)
    sam = await cast.scheduler()
    page = sam.page
    _, device = await with_authenticator(page)
    await page.goto(f"{world.service.url}/staff/charges")
    await sam.password(SCHEDULER)

    await page.wait_for_url(re.compile("/set-up"))
    await looks_right(page)
    await page.get_by_role("link", name="Set up a passkey").click()
    await looks_right(page)
    await page.get_by_label("A name for it").fill("Office laptop")
    await page.get_by_role("button", name="Make a passkey").click()
    await expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible(timeout=SOON_MS)
    await looks_right(page)
    codes = await page.locator(".recovery-codes code").all_text_contents()
    await page.get_by_role("link", name="I have kept them").click()
    await page.wait_for_url(re.compile("/staff/charges"))

    await page.goto(f"{world.service.url}/staff/sign-out")
    await page.get_by_role("button", name="Sign out").click()
    await sam.password(SCHEDULER)
    await page.wait_for_url(re.compile("/staff/sign-in/code"))
    await looks_right(page)
    await page.get_by_role("button", name="Use your passkey").click()
    await page.wait_for_url(re.compile("/staff/calendar"))

    await without_the_device(world, cast, codes)
    await ends_the_other(page, world)
    assert device


async def without_the_device(world: World, cast: Cast, codes: list[str]) -> None:
    """In another browser there is no passkey: a recovery code lets in, once."""
    assert len(codes) == 10
    other = await cast.scheduler()
    await other.page.goto(f"{world.service.url}/staff/sign-in")
    await other.password(SCHEDULER)
    await other.page.get_by_text("I do not have my passkey").click()
    await other.page.get_by_label("Recovery code").fill(codes[0])
    await other.page.get_by_role("button", name="Use a recovery code").click()
    await other.page.wait_for_url(re.compile("/staff/calendar"))


async def ends_the_other(page: Page, world: World) -> None:
    """The first browser sees the second one, and signs it out; then it must confirm."""
    await page.goto(f"{world.service.url}/staff/me")
    await looks_right(page)
    await expect(page.get_by_text("9 left")).to_be_visible()
    await expect(page.get_by_text("with a recovery code")).to_be_visible()
    await page.get_by_role("button", name="Sign out there").click()
    await expect(page.get_by_text("That browser is signed out.")).to_be_visible()
    await expect(page.get_by_text("with a recovery code")).to_have_count(0)
    world.time.forward(timedelta(minutes=16))
    await page.get_by_role("link", name="Change it").click()
    await expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    await looks_right(page)
    await page.get_by_role("button", name="Use your passkey").click()
    await expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
    await looks_right(page)


async def test_a_first_sign_in_sets_up_an_app_and_a_console_ends_with_its_sign_in(
    world: World, cast: Cast
) -> None:
    cast.browsers.allow(r"status of 40[13].*room/ticket")  # the console that was signed out
    without_second_step(world, INVIGILATOR)
    console = await cast.invigilator()
    page = console.page
    await page.goto(f"{world.service.url}/staff/sign-in")
    await console.password(INVIGILATOR)

    await page.get_by_role("link", name="Set up an app").click()
    await looks_right(page)
    secret = (await page.locator("#secret").text_content() or "").replace(" ", "")
    wrong = totp.code_of(secret, totp.step_at(world.time.now()) + 40)
    cast.browsers.allow("status of 422")  # the wrong code
    await page.get_by_label("Code", exact=True).fill(wrong)
    await page.get_by_role("button", name="Set up the app").click()
    await expect(page.locator("#code-error")).to_contain_text("not right")
    code = totp.code_of(secret, totp.step_at(world.time.now()))
    await page.get_by_label("Code", exact=True).fill(code)
    await page.get_by_role("button", name="Set up the app").click()
    await page.get_by_role("link", name="I have kept them").click()
    await console.connected()

    elsewhere = StaffPage(await cast.browsers.launch(), world)
    await elsewhere.page.goto(f"{world.service.url}/staff/sign-in")
    await elsewhere.password(INVIGILATOR)
    later = totp.code_of(secret, totp.step_at(world.time.now()) + 1)
    await elsewhere.page.get_by_label("Code from your authenticator app").fill(later)
    await elsewhere.page.get_by_role("button", name="Sign in").click()
    await elsewhere.page.wait_for_url(re.compile("/staff/console"))
    await elsewhere.page.goto(f"{world.service.url}/staff/me")
    await elsewhere.page.get_by_role("button", name="Sign out everywhere else").click()

    await expect(page.get_by_role("link", name="Sign in")).to_be_visible(timeout=SOON_MS)
