"""Testing the link over HTTP: what is taken, what is refused, and what the scheduler sees."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from invigilation.probe import ProbeKind
from tests.web.office import Answer
from web.pages.rehearsal import MIRRORS, PIECE, PIECES_LIMIT

FIGURES = {
    "up_kbit": 100,
    "down_kbit": 110,
    "rtt_ms": 700,
    "jitter_ms": 20,
    "lost_up_permille": 20,
    "lost_down_permille": 10,
    "udp": True,
    "turn": None,
    "socket": True,
}
FULL = {"kind": "full", **FIGURES}


@pytest.fixture
async def one(world):
    """A booked session, its learner's browser and the token of their pages."""
    sitting = await world.booked()
    person = await world.learner(sitting.request)
    person.headers["X-CSRF-Token"] = (await person.get("/rehearsal")).csrf
    return sitting, person


async def test_the_page_says_what_it_does_before_it_does_it(one):
    _, person = one

    page = await person.get("/rehearsal")

    assert page.status == 200
    assert "200 to 1,200 kB of your data" in page.words
    assert "Test the link" in page.words


async def test_nobody_tests_without_signing_in(world):
    for path in ("/rehearsal", "/rehearsal/ping", "/rehearsal/bytes?n=9", "/rehearsal/wanted"):
        assert (await world.stranger().get(path)).status == 401


async def test_a_test_is_answered_in_words_and_kept(world, one):
    sitting, person = one

    answer = await person.ask("POST", "/rehearsal", json=FULL)

    told = json_of(answer)
    assert (answer.status, told["rung"], told["way"]) == (200, "small", "direct")
    assert told["words"][0] == (
        "On this link your invigilator will see small pictures, 8 a second, and hear you well."
    )
    [kept] = await world.desk.probes.of(sitting.request)
    assert (kept.kind, kept.figures.up_kbit) == (ProbeKind.FULL, 100)
    assert "Small pictures and sound" in (await person.get("/rehearsal")).words


FORGED = (
    {"up_kbit": -1},
    {"up_kbit": 10**12},
    {"rtt_ms": 1.5},
    {"rtt_ms": "700"},
    {"jitter_ms": None},
    {"lost_up_permille": 1001},
    {"lost_down_permille": True},
    {"udp": 1},
    {"turn": "no"},
    {"socket": None},
    {"kind": "great"},
    {"kind": None},
    {"kind": ["full"]},
    {"more": 1},
)


async def test_forged_figures_are_refused(world, one):
    sitting, person = one

    answers = [await person.ask("POST", "/rehearsal", json={**FULL, **it}) for it in FORGED]

    assert [answer.status for answer in answers] == [422] * len(FORGED)
    assert await world.desk.probes.of(sitting.request) == []


async def test_numbers_that_are_none_are_refused(one):
    _, person = one
    whole = json.dumps(FULL)

    for value in ("NaN", "Infinity", "-Infinity", "1e400", "100.0"):
        text = whole.replace('"up_kbit": 100', f'"up_kbit": {value}')
        answer = await raw(person, "/rehearsal", text.encode(), "application/json")
        assert (answer.status, text == whole) == (422, False)


async def test_a_figure_that_is_left_out_is_refused(one):
    _, person = one

    answer = await person.ask("POST", "/rehearsal", json={"kind": "full", "udp": True})

    assert answer.status == 422


CHANGING = (
    ("POST", "/rehearsal"),
    ("POST", "/rehearsal/bytes"),
    ("POST", "/rehearsal/mirror"),
    ("DELETE", "/rehearsal/mirror"),
    ("POST", "/rehearsal/consent"),
)


async def test_forged_requests_are_refused(one):
    _, person = one

    for method, path in CHANGING:
        for headers in ({"X-CSRF-Token": "x"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await person.ask(method, path, json=FULL, headers=headers)
            assert (path, answer.status) == (path, 403)


async def test_thirty_tests_a_day(one):
    _, person = one

    answers = [await person.ask("POST", "/rehearsal", json=FULL) for _ in range(31)]

    assert [answer.status for answer in answers] == [200] * 30 + [403]


async def test_bytes_come_and_go_in_bounds(one):
    _, person = one

    down = await person.get("/rehearsal/bytes?n=1000")
    up = await raw(person, "/rehearsal/bytes", bytes(1000), "application/octet-stream")

    assert (len(down.body), down.header("Cache-Control")) == (1000, "no-store")
    assert json_of(up) == {"bytes": 1000}
    for wrong in ("0", "-1", "1e3", "9" * 40, "", str(PIECE + 1), "²"):
        assert (await person.get(f"/rehearsal/bytes?n={wrong}")).status == 422
    more = await raw(person, "/rehearsal/bytes", bytes(PIECE + 1), "application/octet-stream")
    assert more.status == 413


async def test_pieces_have_a_brake(one):
    _, person = one
    for _ in range(PIECES_LIMIT):
        await person.get("/rehearsal/bytes?n=1")

    assert (await person.get("/rehearsal/bytes?n=1")).status == 503


async def test_a_mirror_is_opened_and_ended(world, one):
    _, person = one

    answer = await person.ask("POST", "/rehearsal/mirror", json={"sdp": "offer"})

    assert json_of(answer) == {"sdp": "answer to offer"}
    assert len(world.app[MIRRORS]) == 1
    assert (await person.ask("DELETE", "/rehearsal/mirror")).status == 204
    assert len(world.app[MIRRORS]) == 0
    for wrong in ({}, {"sdp": 1}, {"sdp": "x" * 100_000}):
        assert (await person.ask("POST", "/rehearsal/mirror", json=wrong)).status == 422
    nonsense = await person.ask("POST", "/rehearsal/mirror", json={"sdp": "nonsense"})
    assert nonsense.status == 409


async def test_small_tests_are_agreed_to_and_taken_back(world, one):
    sitting, person = one
    assert "hour-" not in (await person.get("/me")).text

    agreed = await person.post("/rehearsal/consent", {"small": "yes"}, page="/rehearsal")

    assert agreed.to.startswith("/rehearsal?done=agreed")
    assert "/static/hour" in (await person.get("/me")).text
    world.clock.move_to(sitting.start - timedelta(days=2))
    person = await world.learner(sitting.request)
    person.headers["X-CSRF-Token"] = (await person.get("/rehearsal")).csrf
    assert json_of(await person.get("/rehearsal/wanted")) == {"wait_s": 0}
    small = {**FULL, "kind": "small"}
    assert (await person.ask("POST", "/rehearsal", json=small)).status == 200
    assert json_of(await person.get("/rehearsal/wanted")) == {"wait_s": 1200}
    await person.post("/rehearsal/consent", {}, page="/rehearsal")
    assert json_of(await person.get("/rehearsal/wanted")) == {"wait_s": None}
    assert "/static/hour" not in (await person.get("/me")).text
    assert (await person.ask("POST", "/rehearsal", json=small)).status == 403


async def test_the_link_of_a_reminder_leads_to_the_test(world):
    sitting = await world.booked()
    person = world.stranger()
    link = world.link(sitting.request)

    answer = await person.post(f"{link}?to=test", {})

    assert answer.to == "/rehearsal"
    assert (await person.post(link, {})).to == "/me"


def json_of(answer):
    return json.loads(answer.body)


async def raw(person, path, data, kind):
    pairs = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    headers = person.headers | {"Cookie": pairs, "Content-Type": kind}
    async with person.client.post(path, data=data, headers=headers) as response:
        return Answer(response.status, response.headers.copy(), await response.read())
