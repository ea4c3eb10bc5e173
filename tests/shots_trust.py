"""Pictures of signing in with a second step, of looks, and of the service's health."""

from __future__ import annotations

from playwright.async_api import Page

from tests.album import Album
from tests.journeys.people import StaffPage
from tests.journeys.world import World


async def entering_pages(album: Album, person: StaffPage, email: str) -> None:
    """The two steps of signing in."""
    page = person.page
    await page.goto(f"{person.world.service.url}/staff/sign-in")
    await album.both(page, "sign-in")
    await person.password(email)
    await page.wait_for_url("**/staff/sign-in/code**")
    await album.both(page, "sign-in-code")
    await person.sign_in(email)


async def confirm(album: Album, page: Page, world: World, email: str, then: str) -> None:
    """Confirm who one is, on the way to a page."""
    await page.goto(f"{world.service.url}/staff/confirm?next={then}")
    await album.both(page, "confirm")
    await page.get_by_label("Code from your authenticator app").fill(await world.code(email))
    await page.get_by_role("button", name="Confirm").click()
    await page.wait_for_url(f"**{then}")


async def looking_pages(album: Album, page: Page, world: World) -> None:
    """The list of records, the question why one looks, and the record before and after it."""
    service = world.service.url
    await page.goto(f"{service}/staff/records")
    await album.both(page, "records")
    [(session,), *_] = world.rows("SELECT id FROM session WHERE state = 'attested'")
    await page.goto(f"{service}/staff/records/{session}")
    await album.both(page, "record-asked")
    await page.goto(f"{service}/staff/records/{session}/look")
    await album.both(page, "look")


async def trust_pages(album: Album, page: Page, world: World) -> None:
    """What an administrator sees of their own sign-in, of who looked, and of the service."""
    for path, name in (("me", "my-sign-in"), ("looks", "looks"), ("health", "health")):
        await page.goto(f"{world.service.url}/staff/{path}")
        await album.both(page, name)
