"""People's words that are meant to become scripts, on every page that shows them, in Chromium.

The pages must show them as words. Under them lie the content security policy and Trusted Types:
they may not have had anything to do, and they must work.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import Page, Route, async_playwright, expect
from yarl import URL

from invigilation.charge import Price
from invigilation.desk.identity import Seen
from invigilation.desk.requests import FORM, Ask
from invigilation.enquiry import EnquiryKind
from invigilation.identity import Decision, SnapshotKind
from invigilation.incident import Severity
from invigilation.office_hours import Hours
from invigilation.onboard import Facts, Rank
from invigilation.people import Role, Staff
from invigilation.request import Assessment
from invigilation.session import Outcome
from invigilation.slots import Shift
from invigilation.store import Store
from invigilation.store.evidence import Evidence
from invigilation.store.people import Backend
from invigilation.store.views import Sitting
from signalling.live import Live
from tests.harness.browser import QUIET, chromium
from tests.harness.process import free_port
from tests.harness.waiting import until
from tests.signalling.doubles import FakeEvidence, FakePeers
from tests.web.office import BACKEND, SECRET_BYTES, START, HandClock, Person, World, make_app
from web import keys
from web.auth.learner_device import DEVICE
from web.auth.links import onboard_link, personal_link
from web.pages.headers import content_policy

MARK = "xss8"
EVIL = f"{MARK}</script><script>pwn()</script><img src=x onerror=pwn()>{{{{7*7}}}}\"'>"
"""Ends a script, is one, is one in an attribute, is a template, ends an attribute."""
LINK = f"javascript:pwn()//{MARK}"
EVE = Staff("st_eve", "eve@example.org", EVIL, frozenset({Role.INVIGILATOR}))
ADA = Staff("st_ada", "ada@example.org", f"Ada {EVIL}", frozenset({Role.ADMINISTRATOR}))
WATCH = """
  window.pwned = []; window.violations = [];
  window.pwn = () => window.pwned.push(location.href);
  document.addEventListener("securitypolicyviolation", (event) => {
    if (event.sample.includes("the last one")) window.all_told = true;
    else window.violations.push(`${event.effectiveDirective} ${event.sample}`);
  });
"""
ONE_MORE = """() => {
  window.all_told = false;
  try { document.createElement("script").text = "the last one"; } catch {}
}"""
"""What a browser stops it tells later, one after the other: so this is told after all before it."""
INSIDE = """() => ({
  pwned: window.pwned, violations: window.violations,
  born: document.querySelectorAll('[onerror], img[src="x"], a[href^="javascript:"]').length,
})"""
CLEAN = {"pwned": [], "violations": [], "born": 0}
FRIDAY = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Evil:
    """An office in which everybody's words are evil; names to fill into addresses."""

    world: World
    live: Live
    url: URL
    names: dict[str, str]
    ended: Sitting
    running: Sitting

    def fill(self, path: str) -> str | None:
        """Return the address for a route, or None when there is nothing of that kind here."""
        for start, token in (("/r/", "personal"), ("/onboard/", "officer")):
            if path.startswith(start):
                path = path.replace("{token}", self.names[token])
        try:
            return path.format(**self.names)
        except KeyError:
            return None


async def ask(world: World, number: int) -> str:
    asked = await world.desk.requests.ask(
        Ask(
            BACKEND if number else FORM,
            f"{number} {EVIL}",
            f"{number} {EVIL}",
            EVIL,
            f"learner{number}@example.org",
            "ISPS-SSO",
            datetime(2027, 3, 1, tzinfo=UTC),
            assessment_url="https://lms.example.org/sit",
            zone="Asia/Manila",
        )
    )
    return asked.request.id


async def people(store: Store) -> None:
    async with store.write() as tx:
        for backend in (BACKEND, FORM):
            await tx.people.add_backend(Backend(backend, EVIL, "https://lms.example.org/", ""))
            await tx.requests.add_assessment(
                Assessment(f"as_{backend}", backend, "ISPS-SSO", EVIL, 90, (EVIL,), 70)
            )
        for person in (EVE, ADA):
            await tx.people.add_staff(person, "")
        for lane in range(3):
            await tx.rota.add_seat(f"seat_{lane}", EVE.id, lane)
        for weekday in range(5):
            shift = Shift(EVE.id, weekday, Hours(time(9), time(17)), date(2026, 11, 1), None)
            await tx.rota.add_shift(f"sh_{weekday}", shift)
        await tx.rota.close(date(2026, 12, 25), EVIL)


async def sat(world: World, sitting: Sitting) -> None:
    """Run a session in which everything that can be written is evil."""
    desk, session = world.desk, sitting.session
    world.clock.move_to(sitting.start)
    await desk.sessions.check_in(session, ("identity", "recording"))
    for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
        stored = world.vault.put(session, f"ev_{kind}", b"x" * 99)
        taken = Evidence(
            f"ev_{kind}", session, kind, "image/jpeg", START, stored.sha256, stored.size, None
        )
        await desk.identity.record(session, EVE, Seen(kind, taken))
    await desk.identity.decide(session, EVE, Decision.CONFIRMED, EVIL)
    await desk.sessions.admit(session, EVE)
    await written(world, sitting)
    await desk.sessions.pause(session, EVE, EVIL)
    await desk.sessions.stop(session, EVE, EVIL)
    await desk.reports.attest(session, EVE, EVIL, Outcome.STOPPED)


async def written(world: World, sitting: Sitting) -> None:
    desk, session = world.desk, sitting.session
    await desk.sessions.say(session, "learner", f"learner {EVIL} {LINK}", "client-0001")
    await desk.sessions.say(session, "invigilator", EVIL, "client-0002", notice=True)
    await desk.sessions.note_incident(
        session,
        EVE,
        category="environment.power_outage",
        severity=Severity.LOW,
        note=EVIL,
        picture=None,
    )


async def open_evil(store: Store, folder: Path) -> Evil:
    clock, port = HandClock(), free_port()
    app = make_app(store, folder, clock)
    await people(store)
    url = URL(f"http://localhost:{port}")
    server = TestServer(app, host="localhost", port=port)
    client = TestClient(server)
    world = World(app[keys.DESK], clock, app, app[keys.VAULT], client)
    live = Live(world.desk, FakeEvidence(world.desk), FakePeers(clock), clock, [str(url)])
    live.attach(app)
    await client.start_server()
    desk = world.desk
    requests = [await ask(world, number) for number in range(4)]
    ended = await desk.bookings.book(requests[1], START, "Asia/Manila")
    running = await desk.bookings.book(requests[2], FRIDAY, "Asia/Manila")
    await sat(world, ended)
    await desk.products.add(ADA, "evil", EVIL, Price(100, 2_000))
    charge = await desk.charges.add(ADA, requests[2], "evil", EVIL)
    enquiry = await desk.enquiries.ask(requests[2], EnquiryKind.OTHER, EVIL)
    facts = Facts(EVIL, Rank.OFFICER, EVIL, EVIL, "9074729", date(2026, 12, 1))
    stored = world.vault.put("ob_evil", "ob_evil", b"x" * 99)
    picture = Evidence(
        "ob_evil", "ob_evil", "id_document", "image/jpeg", START, stored.sha256, stored.size, None
    )
    form = await desk.onboard.submit(requests[3], "ob_evil", facts, picture)
    world.clock.move_to(FRIDAY)
    await desk.sessions.check_in(running.session, ("identity", "recording"))
    await written(world, running)
    names = {
        "session": ended.session,
        "booking": running.booking,
        "request": requests[0],
        "charge": charge.id,
        "enquiry": enquiry.id,
        "form": form.id,
        "staff": EVE.id,
        "code": "evil",
        "backend": BACKEND,
        "personal": personal_link(SECRET_BYTES, requests[2]).removeprefix("/r/"),
        "officer": onboard_link(SECRET_BYTES, requests[3], FRIDAY).removeprefix("/onboard/"),
    }
    return Evil(world, live, url, names, ended, running)


@pytest.fixture
async def evil(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Evil]:
    path = tmp_path / "office.sqlite3"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite+aiosqlite:///{path}")
    opened = await open_evil(store, tmp_path)
    yield opened
    await opened.world.client.close()
    await store.close()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A browser that notes every script of the attacker's that ran, or that it stopped."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(),
            args=[*QUIET, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        context = await browser.new_context(permissions=["camera", "microphone"])
        await context.add_init_script(WATCH)
        yield await context.new_page()
        await browser.close()


async def become(page: Page, person: Person) -> None:
    """Let the browser carry somebody's cookies, as if a safe page of this machine had set them."""
    await page.context.clear_cookies()
    for name, value in person.cookies.items():
        await page.context.add_cookies(
            [{"name": name, "value": value, "url": "https://localhost/", "secure": True}]
        )


async def inside(page: Page) -> dict[str, Any]:
    """Return what has happened on a page that shows evil words."""
    assert MARK in await page.content(), page.url
    await page.evaluate(ONE_MORE)
    await until(lambda: page.evaluate("window.all_told"), 30, "what the browser stopped")
    found: dict[str, Any] = await page.evaluate(INSIDE)
    return found


async def showing(evil: Evil, person: Person) -> list[str]:
    """Return the addresses whose pages say something evil to this person."""
    found = []
    for route in evil.world.app.router.routes():
        path = None if route.resource is None else evil.fill(route.resource.canonical)
        if route.method != "GET" or path is None or path.startswith(("/room/", "/static/")):
            continue
        answer = await person.get(path)
        html = answer.header("Content-Type").startswith("text/html")
        if html and answer.status == 200 and MARK in answer.text:
            found.append(path)
    return found


async def test_no_page_lets_words_become_scripts(evil: Evil, page: Page) -> None:
    ada = await evil.world.staff(ADA)
    learner = await evil.world.learner(evil.running.request)
    seen, counts = {}, []
    for person in (ada, learner):
        paths = await showing(evil, person)
        counts.append(len(paths))
        await become(page, person)
        for path in paths:
            await page.goto(str(evil.url) + path, wait_until="domcontentloaded")
            seen[path] = await inside(page)

    assert counts[0] >= 20
    assert counts[1] >= 6  # the learner's own, and the officer's
    assert {path: one for path, one in seen.items() if one != CLEAN} == {}


async def test_neither_do_chat_and_notes_in_the_live_pages(evil: Evil, page: Page) -> None:
    """What the scripts draw: the console's rooms and lobby, the calendar, the learner's room."""
    eve = await evil.world.staff(EVE)
    await become(page, eve)
    await page.goto(f"{evil.url}/staff/console#{evil.running.session}")
    await expect(page.get_by_text(f"learner {MARK}").first).to_be_visible()
    console = await inside(page)

    learner = await evil.world.learner(evil.running.request)
    learner.cookies[DEVICE] = "d" * 32
    await become(page, learner)
    await page.goto(f"{evil.url}/me/room")
    await page.get_by_role("button", name="I am ready").click()
    await expect(page.get_by_text(MARK).first).to_be_visible()
    room = await inside(page)

    await become(page, await evil.world.staff(ADA))
    await page.goto(f"{evil.url}/staff/calendar?week=2026-11-23")
    await expect(page.get_by_text(MARK).first).to_be_visible()
    calendar = await inside(page)

    assert (console, room, calendar) == (CLEAN, CLEAN, CLEAN)


async def test_where_a_page_failed_the_browser_would_stop_it(page: Page) -> None:
    """The nets below: markup that got into a page, and a script that makes markup of words."""
    url = URL("http://localhost:9")
    body = f"<!doctype html><title>x</title><p>{EVIL}</p><a href='{LINK}'>x</a>"

    async def fulfil(route: Route) -> None:
        policy = content_policy(URL(route.request.url).path, url)
        headers = {"Content-Security-Policy": policy, "Content-Type": "text/html"}
        await route.fulfill(status=200, headers=headers, body=body)

    await page.route("**/*", fulfil)
    for path in ("/", "/me/room", "/staff/console", "/staff/calendar", "/verify"):
        await page.goto(str(url) + path)
        await page.click("a")
        refused = await page.evaluate(
            """() => [
              () => { document.body.innerHTML = "<b>x</b>"; },
              () => { document.createElement("script").text = "pwn()"; },
              () => { document.body.insertAdjacentHTML("beforeend", "<b>x</b>"); },
              () => { trustedTypes.createPolicy("mine", { createHTML: (text) => text }); },
            ].map((sink) => { try { sink(); return false; } catch { return true; } })"""
        )
        found = await inside(page)

        assert refused == [True] * 4, path
        assert found["pwned"] == [], path
        assert {one.split()[0] for one in found["violations"]} >= {
            "script-src-elem",
            "script-src-attr",
            "require-trusted-types-for",
        }, path
