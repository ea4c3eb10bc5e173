"""Every page for everybody: who sees what, the headers that go with it, and the mistakes."""

from __future__ import annotations

import re

import pytest

from tests.web.office import ADA, ANA, SAM, SECRET_BYTES, START, TOM, Person, World
from web.auth.links import onboard_link
from web.pages.assets import Assets

LOGIN = "sign-in"
"""Stands for a redirect to the staff's sign-in."""

# path -> status for: nobody, the learner, another learner, the session's invigilator, a colleague,
# the scheduler, the administrator
TABLE: dict[str, tuple[object, ...]] = {
    "/": (200, 200, 200, 200, 200, 200, 200),
    "/request": (200, 200, 200, 200, 200, 200, 200),
    "/r/{token}": (200, 200, 200, 200, 200, 200, 200),
    "/favicon.ico": (200, 200, 200, 200, 200, 200, 200),
    "/me": (401, 200, 200, 401, 401, 401, 401),
    "/me/zone": (401, 200, 200, 401, 401, 401, 401),
    "/me/book": (401, "/me", 200, 401, 401, 401, 401),
    "/me/change": (401, 200, "/me", 401, 401, 401, 401),
    "/me/cancel": (401, 200, "/me", 401, 401, 401, 401),
    "/me/check-in": (401, 200, "/me", 401, 401, 401, 401),
    "/me/consent": (401, 200, "/me", 401, 401, 401, 401),
    "/me/room": (401, "/me/check-in", "/me", 401, 401, 401, 401),
    "/me/sign-out": (401, 200, 200, 401, 401, 401, 401),
    "/room/local?session={session}": (401, 200, 404, 401, 401, 401, 401),
    "/rehearsal": (401, 200, 200, 401, 401, 401, 401),
    "/rehearsal/wanted": (401, 200, 200, 401, 401, 401, 401),
    "/rehearsal/ping": (401, 204, 204, 401, 401, 401, 401),
    "/rehearsal/bytes?n=8": (401, 200, 200, 401, 401, 401, 401),
    "/second": (401, 401, 401, 401, 401, 401, 401),
    "/second/{second}": (200, 200, 200, 200, 200, 200, 200),
    # There is no company's sign-in here: tests of it.
    "/staff/company": (404, 404, 404, 404, 404, 404, 404),
    "/staff/company/back": (404, 404, 404, 404, 404, 404, 404),
    "/staff/company/enter": (404, 404, 404, 404, 404, 404, 404),
    "/staff/sign-in": (200, 200, 200, "/staff", "/staff", "/staff", "/staff"),
    "/staff": (
        LOGIN,
        LOGIN,
        LOGIN,
        "/staff/console",
        "/staff/console",
        "/staff/calendar",
        "/staff/admin",
    ),
    # Between the password and the second factor: nobody here.
    "/staff/sign-in/code": (LOGIN,) * 7,
    "/staff/sign-in/set-up": (LOGIN,) * 7,
    "/staff/sign-in/set-up/app": (LOGIN,) * 7,
    "/staff/sign-in/set-up/passkey": (LOGIN,) * 7,
    "/staff/awake": (LOGIN, LOGIN, LOGIN, 200, 200, 200, 200),
    "/staff/confirm": (LOGIN, LOGIN, LOGIN, 200, 200, 200, 200),
    "/staff/me": (LOGIN, LOGIN, LOGIN, 200, 200, 200, 200),
    "/staff/me/app": (LOGIN, LOGIN, LOGIN, 200, 200, 200, 200),
    "/staff/me/passkey": (LOGIN, LOGIN, LOGIN, 200, 200, 200, 200),
    "/staff/me/password": (LOGIN, LOGIN, LOGIN, 200, 200, 200, 200),
    "/staff/sign-out": (LOGIN, LOGIN, LOGIN, 200, 200, 200, 200),
    "/staff/console": (LOGIN, LOGIN, LOGIN, 200, 200, 403, 200),
    "/staff/calendar": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/bookings/{booking}": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/bookings/bk_none": (LOGIN, LOGIN, LOGIN, 403, 403, 404, 404),
    "/staff/calendar/data": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/bookings": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/bookings.csv": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/bookings/{booking}/places?day=2026-11-24": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/book": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/book/rq_none": (LOGIN, LOGIN, LOGIN, 403, 403, 404, 404),
    "/staff/audit": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/audit.csv": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/attendance": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/attendance/{booking}": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/charges": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/charges/ch_none": (LOGIN, LOGIN, LOGIN, 403, 403, 404, 404),
    "/me/ask": (401, 200, 200, 401, 401, 401, 401),
    "/me/dispute": (401, "/me", "/me", 401, 401, 401, 401),
    "/me/receipts": (401, 200, 200, 401, 401, 401, 401),
    "/schemas/attestation-2.json": (200, 200, 200, 200, 200, 200, 200),
    "/schemas/notices.json": (200, 200, 200, 200, 200, 200, 200),
    "/schemas/none.json": (404, 404, 404, 404, 404, 404, 404),
    "/verify": (200, 200, 200, 200, 200, 200, 200),
    "/verify/file": (200, 200, 200, 200, 200, 200, 200),
    "/me/waiting": (401, 200, 200, 401, 401, 401, 401),
    "/me/pay": (401, "/me", "/me", 401, 401, 401, 401),
    "/me/pay/back": (200, 200, 200, 200, 200, 200, 200),
    "/me/pay/done": (401, "/me?done=booked", 200, 401, 401, 401, 401),
    "/feeds/{second}.ics": (404, 404, 404, 404, 404, 404, 404),
    "/staff/enquiries": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/enquiries/en_none": (LOGIN, LOGIN, LOGIN, 403, 403, 404, 404),
    "/staff/charges/add": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/charges/ledger": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/charges/ledger.csv?from=2026-11-01&to=2026-11-30": (
        LOGIN,
        LOGIN,
        LOGIN,
        403,
        403,
        200,
        200,
    ),
    "/staff/products": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/products/pd_none": (LOGIN, LOGIN, LOGIN, 403, 403, 404, 404),
    "/staff/closures": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/rota": (LOGIN, LOGIN, LOGIN, "/staff/rota/{own}", "/staff/rota/{colleague}", 200, 200),
    "/staff/rota/{own}": (LOGIN, LOGIN, LOGIN, 200, 403, 200, 200),
    "/staff/rota/st_none": (LOGIN, LOGIN, LOGIN, 403, 403, 404, 404),
    "/staff/admin": (LOGIN, LOGIN, LOGIN, 403, 403, 403, 200),
    "/staff/admin/logins/{own}": (LOGIN, LOGIN, LOGIN, 403, 403, 403, 200),
    "/staff/admin/logins/st_none": (LOGIN, LOGIN, LOGIN, 403, 403, 403, 404),
    "/staff/health": (LOGIN, LOGIN, LOGIN, 403, 403, 403, 200),
    "/staff/deliveries": (LOGIN, LOGIN, LOGIN, 403, 403, 403, 200),
    "/staff/deliveries/company": (LOGIN, LOGIN, LOGIN, 403, 403, 403, 200),
    "/staff/deliveries/form": (LOGIN, LOGIN, LOGIN, 403, 403, 403, 404),
    "/staff/deliveries/be_none": (LOGIN, LOGIN, LOGIN, 403, 403, 403, 404),
    "/.well-known/webhook-keys.json": (200, 200, 200, 200, 200, 200, 200),
    "/staff/records": (LOGIN, LOGIN, LOGIN, 403, 403, 200, 200),
    "/staff/records/{session}": (LOGIN, LOGIN, LOGIN, 200, 404, 200, 200),
    "/staff/records/se_none": (LOGIN, LOGIN, LOGIN, 404, 404, 404, 404),
    "/staff/records/{session}/download": (LOGIN, LOGIN, LOGIN, 200, 404, 200, 200),
    "/staff/records/{session}/bundle": (LOGIN, LOGIN, LOGIN, 200, 404, 200, 200),
    "/staff/records/{session}/look": (LOGIN, LOGIN, LOGIN, 200, 404, 200, 200),
    "/staff/onboard/ob_none/look": (LOGIN, LOGIN, LOGIN, 404, 404, 404, 404),
    "/staff/looks": (LOGIN, LOGIN, LOGIN, 403, 403, 403, 200),
    "/staff/records/{session}/report.pdf": (LOGIN, LOGIN, LOGIN, 404, 404, 404, 404),
    "/staff/identity/{session}": (LOGIN, LOGIN, LOGIN, 200, 404, 403, 200),
    "/staff/identity/se_none": (LOGIN, LOGIN, LOGIN, 404, 404, 403, 404),
    "/staff/evidence/ev_none": (LOGIN, LOGIN, LOGIN, 404, 404, 404, 404),
    "/me/onboard": (401, 200, 200, 401, 401, 401, 401),
    "/onboard/{onboard}": (200, 200, 200, 200, 200, 200, 200),
    "/staff/onboard": (LOGIN, LOGIN, LOGIN, 200, 200, 200, 200),
    "/staff/onboard/ob_none": (LOGIN, LOGIN, LOGIN, 404, 404, 404, 404),
    "/staff/onboard/ob_none/picture": (LOGIN, LOGIN, LOGIN, 404, 404, 404, 404),
    "/staff/onboard/ob_none/download": (LOGIN, LOGIN, LOGIN, 404, 404, 404, 404),
    "/nothing": (404, 404, 404, 404, 404, 404, 404),
    "/static/nothing.js": (404, 404, 404, 404, 404, 404, 404),
    "/static/manifest.json.gz": (404, 404, 404, 404, 404, 404, 404),
}


async def everybody(world: World) -> tuple[dict[str, str], list[Person]]:
    """Book one session; return the names in it and the browsers of the table's columns."""
    sitting = await world.booked()
    other = await world.asked(2, "Juan Cruz")
    own, colleague = (ANA, TOM) if sitting.staff == ANA.id else (TOM, ANA)
    names = {
        "own": own.id,
        "colleague": colleague.id,
        "booking": sitting.booking,
        "session": sitting.session,
        "token": world.link(sitting.request).removeprefix("/r/"),
        "second": "a" * 43,
        "onboard": onboard_link(SECRET_BYTES, other.request.id, START).removeprefix("/onboard/"),
    }
    return names, [
        world.stranger(),
        await world.learner(sitting.request),
        await world.learner(other.request.id),
        *[await world.staff(one) for one in (own, colleague, SAM, ADA)],
    ]


async def test_every_page_answers_everybody_as_it_should(world: World) -> None:
    names, people = await everybody(world)
    wrong = []
    for path, expected in TABLE.items():
        for column, (person, status) in enumerate(zip(people, expected, strict=True)):
            answer = await person.get(path.format(**names))
            seen: object = answer.to if answer.status == 303 else answer.status
            if isinstance(seen, str) and seen.startswith("/staff/sign-in"):
                seen = LOGIN
            if seen != (status.format(**names) if isinstance(status, str) else status):
                wrong.append((path, column, seen, status))
    assert not wrong, "\n".join(map(str, wrong))


async def test_the_table_knows_every_page(world: World) -> None:
    paths = set()
    for route in world.app.router.routes():
        resource = route.resource
        if route.method == "GET" and resource is not None:
            paths.add(re.sub(r"\{\w+\}", "*", resource.canonical))
    known = {
        re.sub(r"\{\w+\}|\w\w_none|nothing\.js|manifest\S*", "*", path.partition("?")[0])
        for path in TABLE
    }
    assert paths - known == set()


async def test_every_form_is_refused_to_those_who_may_not(world: World) -> None:
    names, people = await everybody(world)
    stranger, learner, _, own, _, scheduler, _ = people
    posts = [
        f"/staff/bookings/{names['booking']}/cancel",
        f"/staff/bookings/{names['booking']}/move",
        f"/staff/attendance/{names['booking']}",
        "/staff/charges/ch_none/paid",
        "/staff/charges/ch_none/waive",
        f"/staff/rota/{names['own']}/week",
        f"/staff/rota/{names['own']}/leave",
        f"/staff/rota/{names['own']}/busy",
        "/staff/closures",
        "/staff/closures/2026-12-25/remove",
        "/staff/closures/hours",
        "/staff/closures/hours/op_none/remove",
    ]
    for path in posts:
        assert (await own.post(path, {}, page="/staff/sign-out")).status == 403
        assert (await learner.post(path, {}, page="/me")).to.startswith("/staff/sign-in")
        assert (await stranger.post(path, {}, page="/")).to.startswith("/staff/sign-in")
    mine = ("book", "change", "cancel", "check-in", "second-camera", "zone")
    for path in (f"/me/{one}" for one in mine):
        assert (await stranger.post(path, {}, page="/")).status == 401
        assert (await scheduler.post(path, {}, page="/staff/sign-out")).status == 401


async def test_pages_carry_strict_headers(world: World) -> None:
    answer = await world.stranger().get("/")

    policy = answer.header("Content-Security-Policy")
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("Referrer-Policy") == "same-origin"
    assert answer.header("Cross-Origin-Opener-Policy") == "same-origin"
    assert answer.header("Cache-Control") == "no-store"
    assert "camera=()" in answer.header("Permissions-Policy")
    assert answer.header("Server") == ""
    assert "Strict-Transport-Security" not in dict(answer.headers)  # type: ignore[arg-type]


async def test_nothing_on_any_page_is_inline(world: World) -> None:
    names, people = await everybody(world)
    for path in TABLE:
        for person in people:
            answer = await person.get(path.format(**names))
            kept = answer.header("Content-Disposition")  # a file to take away is no page of ours
            if "html" in answer.header("Content-Type") and not kept:
                assert not re.search(r"\sstyle=|\son\w+=|<style", answer.text), path
                for script in re.findall(r"<script[^>]*>", answer.text):
                    assert "src=" in script or "application/json" in script


async def test_the_name_above_leads_home_and_nobody_out_of_a_running_session(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    learner, ana = await world.learner(sitting.request), await world.staff(ANA)

    assert '<a class="brand" href="/">' in (await learner.get("/me")).text
    assert '<a class="brand" href="/staff/console">' in (await ana.get("/staff/console")).text
    room = await learner.get("/me/room")
    assert '<span class="brand">' in room.text
    assert 'href="/"' not in room.text


async def test_only_the_room_and_the_console_may_use_the_camera(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    learner, ana, sam = (
        await world.learner(sitting.request),
        await world.staff(ANA),
        await world.staff(SAM),
    )

    room = await learner.get("/me/room")
    console = await ana.get("/staff/console")
    calendar = await sam.get("/staff/calendar")

    devices = "camera=(self), microphone=(self), display-capture"
    assert f"{devices}=(self)" in room.header("Permissions-Policy")
    assert f"{devices}=()" in console.header("Permissions-Policy")
    assert "camera=()" in calendar.header("Permissions-Policy")
    assert "trusted-types svelte-trusted-html" in calendar.header("Content-Security-Policy")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=1.0", "gzip"),
        ("identity", ""),
    ],
)
async def test_pages_are_compressed_as_the_browser_likes(
    world: World, accepted: str, encoding: str
) -> None:
    async with world.client.session.get(
        world.client.make_url("/"), headers={"Accept-Encoding": accepted}
    ) as response:
        text = await response.text()
        told = response.headers.get("Content-Encoding", "")

    assert told == encoding
    assert "Ask for a session" in text
    assert response.headers["Vary"] == "Accept-Encoding"


async def test_mistakes_are_plain_pages(world: World) -> None:
    person = world.stranger()

    missing = await person.get("/nothing")
    wrong_method = await person.post("/", {})

    assert (missing.status, wrong_method.status) == (404, 405)
    assert "There is nothing at this address" in missing.words
    assert "GET" in wrong_method.header("Allow")
    for answer in (missing, wrong_method):
        assert "<h1>" in answer.text
        assert answer.header("Content-Security-Policy")


async def test_fault_of_ours_is_told_without_its_details(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> object:
        raise RuntimeError("the secret inside")

    asked = await world.asked()
    learner = await world.learner(asked.request.id)
    monkeypatch.setattr(type(world.desk.requests), "find", broken)

    answer = await learner.get("/me")

    assert answer.status == 500
    assert "went wrong" in answer.words
    assert "secret" not in answer.text
    assert "the secret inside" in caplog.text


async def test_static_files_come_compressed_and_for_ever(world: World) -> None:
    folder = Assets().folder
    if not (folder / "manifest.json").exists():
        pytest.skip("the pages' scripts and styles are not built")
    address = Assets().address("pages.css")

    for accepted in ("br", "gzip"):
        async with world.client.session.get(
            world.client.make_url(address), headers={"Accept-Encoding": accepted}
        ) as response:
            assert response.headers["Content-Encoding"] == accepted
            assert response.content_type == "text/css"
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert ".button" in await response.text()


@pytest.mark.parametrize("name", ["..%2fmanifest.json", "manifest.json%00", "a%2fb.js"])
async def test_static_files_are_only_those_of_the_build(world: World, name: str) -> None:
    assert (await world.stranger().get(f"/static/{name}")).status == 404


async def test_names_of_people_cannot_become_markup(world: World) -> None:
    evil = "<script>alert(1)</script>"
    asked = await world.asked(3, evil)
    await world.desk.bookings.book(asked.request.id, START, "Asia/Manila")
    learner, sam = await world.learner(asked.request.id), await world.staff(SAM)

    pages = [
        await learner.get("/me"),
        await sam.get("/staff/calendar?week=2026-11-23"),
        await world.stranger().get(world.link(asked.request.id)),
    ]

    for page in pages:
        assert page.status == 200
        assert evil not in page.text
