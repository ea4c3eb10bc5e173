"""Attacks on the HTTP edge itself: smuggling, other methods, foreign origins, files beside ours."""

from __future__ import annotations

import asyncio

from yarl import URL

from tests.web.office import SAM, World
from tests.web.test_pages import TABLE, everybody
from web.keys import SETTINGS
from web.settings import Settings

CHUNKED = "Transfer-Encoding: chunked\r\n"
SMUGGLED = {
    "a length and chunks": f"Content-Length: 6\r\n{CHUNKED}",
    "chunks and a length": f"{CHUNKED}Content-Length: 6\r\n",
    "two lengths": "Content-Length: 6\r\nContent-Length: 7\r\n",
    "a length with a sign": "Content-Length: +6\r\n",
    "a length with a space": "Content-Length : 6\r\n",
    "chunks in disguise": "Transfer-Encoding: xchunked\r\n",
    "a folded line": "X-One: a\r\n b\r\nContent-Length: 6\r\nContent-Length: 6\r\n",
    "a bare line feed in a name": "X\nY: 1\r\n",
    "a NUL": "X-One: a\x00b\r\n",
}


BESIDE = (
    "/.git/config",
    "/.env",
    "/static/../web/app.py",
    "/static/%2e%2e/app.py",
    "/static/",
    "/var/keys",
    "/docs",
    "/metrics/../staff",
    "//evil.example/",
    "/%5cevil.example",
)
ELSEWHERE = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/staff/../../evil",
    "/staff\r\nSet-Cookie: a=b",
    "javascript:pwn()",
    "/staff@evil.example/",
    "/staff//evil.example",
)


async def raw(world: World, request: str) -> bytes:
    """Send bytes as they are, and return what comes until the connection ends or is quiet."""
    reader, writer = await asyncio.open_connection(world.client.host, world.client.port)
    try:
        writer.write(request.encode("latin-1"))
        async with asyncio.timeout(5):
            return await reader.read(4_096)
    finally:
        writer.transport.abort()


async def test_a_message_of_two_lengths_is_refused_and_ends_the_connection(world: World) -> None:
    body = "0\r\n\r\nGET /staff HTTP/1.1\r\nHost: x\r\n\r\n"
    answers = {
        name: await raw(world, f"POST /request HTTP/1.1\r\nHost: x\r\n{lines}\r\n{body}")
        for name, lines in SMUGGLED.items()
    }

    assert {name: answer[8:12] for name, answer in answers.items() if answer[8:12] != b" 400"} == {}
    assert {answer.count(b"HTTP/1.") for answer in answers.values()} == {1}


async def test_methods_that_nobody_needs_are_refused(world: World) -> None:
    for method in ("TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG"):
        answer = await raw(world, f"{method} / HTTP/1.1\r\nHost: x\r\nCookie: secret=1\r\n\r\n")

        assert answer[9:12] in {b"400", b"403", b"404", b"405"}, method
        assert b"secret" not in answer, method


async def test_nothing_lies_beside_the_pages(world: World) -> None:
    for path in BESIDE:
        answer = await raw(world, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")

        assert answer[9:12] in {b"400", b"403", b"404"}, path


async def test_no_page_is_for_scripts_of_other_origins(world: World) -> None:
    person = await world.staff(SAM)
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    answers = [await person.get("/staff/calendar/data", headers=headers)]
    answers += [await person.ask("OPTIONS", path, headers=headers) for path in ("/", "/staff")]

    for answer in answers:
        assert "Access-Control-Allow-Origin" not in dict(answer.headers)  # type: ignore[arg-type]
        assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"


async def test_no_page_leads_to_another_site(world: World) -> None:
    person = await world.staff(SAM)

    for there in ELSEWHERE:
        answer = await person.get(str(URL("/staff/sign-in").with_query(next=there)))

        assert answer.status == 303, there
        to = URL(answer.to)
        assert not to.is_absolute(), there
        assert to.path.startswith("/staff"), there
        assert "Set-Cookie" not in answer.to, there


async def test_a_host_that_is_not_ours_gets_into_no_link_and_no_mail(world: World) -> None:
    person = world.stranger()

    answer = await person.get("/", headers={"Host": "evil.example"})

    assert "evil.example" not in answer.text
    assert "evil.example" not in answer.header("Content-Security-Policy")


async def test_over_https_browsers_are_told_to_stay_there(world: World) -> None:
    world.app._state[SETTINGS] = Settings(public_url="https://exams.example.com")

    answer = await world.stranger().get("/")

    stay = answer.header("Strict-Transport-Security")
    assert int(stay.partition("max-age=")[2].partition(";")[0]) >= 31_536_000
    assert "includeSubDomains" in stay


async def test_a_head_that_never_ends_is_refused(world: World) -> None:
    answer = await raw(world, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + "a" * 100_000)

    assert answer[8:12] == b" 400"


async def test_a_field_that_is_sent_twice_is_not_read_as_two(world: World) -> None:
    person = await world.staff(SAM)

    answer = await person.get("/staff/sign-in?next=/staff/audit&next=https://evil.example")

    assert answer.to.startswith("/staff")


async def test_every_page_of_staff_shows_how_to_sign_out(world: World) -> None:
    names, (*_, ada) = await everybody(world)
    without, seen = [], 0
    for path in (one.format(**names) for one in TABLE if one.startswith("/staff")):
        answer = await ada.get(path)
        page = "html" in answer.header("Content-Type") and not answer.header("Content-Disposition")
        if answer.status == 200 and page:
            seen += 1
            without += [] if '"/staff/sign-out"' in answer.text else [path]

    assert seen > 20
    assert without == []


async def test_every_page_of_a_learner_shows_how_to_sign_out(world: World) -> None:
    names, (_, booked, asked, *_) = await everybody(world)
    without, seen = [], 0
    theirs = [one for one in TABLE if one.startswith(("/me", "/rehearsal", "/r/"))]
    for path in (one.format(**names) for one in [*theirs, "/nothing-here"]):
        for person in (booked, asked):
            answer = await person.get(path)
            page = "html" in answer.header("Content-Type")
            if answer.status in {200, 404} and page and person.cookies:
                seen += 1
                without += [] if '"/me/sign-out"' in answer.text else [path]

    assert seen > 15
    assert without == []
