"""Busy calendars from a server of the test's own, among them hostile ones."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.web.office import ANA, SAM, TOM
from web.calendars import busy
from web.calendars.busy import EXPAND, MAX_BYTES, USER_AGENT, BusyCalendars, Fault, expand, fetch
from web.outward import open_client

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
NOW = datetime(2026, 11, 18, 9, tzinfo=UTC)
"""A Wednesday."""
DAY = timedelta(days=1)


def ics(*events, head=""):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", *head.split(), *events, "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


def event(*lines, uid="1"):
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"])


# --- what a calendar says ---


def run(raw, zone="Europe/London", first=NOW, last=NOW + 200 * DAY, most=2_000):
    """The program's answer: times, or the fault."""
    place = {"offset": zone} if isinstance(zone, int) else {"zone": zone}
    ask = {"first": first.timestamp(), "last": last.timestamp(), "most": most} | place
    done = subprocess.run(
        [sys.executable, "-I", str(EXPAND)],
        input=json.dumps(ask).encode() + b"\n" + raw,
        capture_output=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    if "fault" in answer:
        return answer["fault"]
    return sorted(
        tuple(f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%M}" for at in pair)
        for pair in answer["times"]
    )


CASES = {
    "in UTC": (
        [event("DTSTART:20261123T100000Z", "DTEND:20261123T113000Z")],
        "Europe/London",
        [("11-23 10:00", "11-23 11:30")],
    ),
    "in a zone": (
        [event("DTSTART;TZID=Pacific/Auckland:20261123T100000", "DURATION:PT45M")],
        "Europe/London",
        [("11-22 21:00", "11-22 21:45")],
    ),
    "by a Windows name": (
        [event("DTSTART;TZID=India Standard Time:20261123T100000", "DURATION:PT45M")],
        "Europe/London",
        [("11-23 04:30", "11-23 05:15")],
    ),
    "floating, in the person's zone": (
        [event("DTSTART:20261123T100000", "DTEND:20261123T110000")],
        "Asia/Kathmandu",
        [("11-23 04:15", "11-23 05:15")],
    ),
    "floating, by a ship's clock": (
        [event("DTSTART:20261123T100000", "DTEND:20261123T110000")],
        -210,
        [("11-23 13:30", "11-23 14:30")],
    ),
    "a whole day, in the person's zone": (
        [event("DTSTART;VALUE=DATE:20261225")],
        "Pacific/Kiritimati",
        [("12-24 10:00", "12-25 10:00")],
    ),
    "whole days with a change of clocks in them": (
        [event("DTSTART;VALUE=DATE:20270327", "DTEND;VALUE=DATE:20270329")],
        "Europe/London",
        [("03-27 00:00", "03-28 23:00")],
    ),
    "weekly over a change of clocks": (
        [event("DTSTART;TZID=Europe/London:20270325T100000", "DURATION:PT1H",
               "RRULE:FREQ=WEEKLY;COUNT=2")],
        "Asia/Kolkata",
        [("03-25 10:00", "03-25 11:00"), ("04-01 09:00", "04-01 10:00")],
    ),
    "floating, weekly over a change of clocks": (
        [event("DTSTART:20270325T100000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2")],
        "Europe/London",
        [("03-25 10:00", "03-25 11:00"), ("04-01 09:00", "04-01 10:00")],
    ),
    "with dates added, taken out and moved": (
        [
            event("DTSTART:20261123T100000Z", "DTEND:20261123T110000Z",
                  "RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20261124T100000Z", "RDATE:20261130T080000Z"),
            event("RECURRENCE-ID:20261125T100000Z", "DTSTART:20261125T150000Z",
                  "DTEND:20261125T160000Z"),
            event("RECURRENCE-ID:20261126T100000Z", "DTSTART:20261126T100000Z",
                  "DTEND:20261126T110000Z", "STATUS:CANCELLED"),
        ],
        "Europe/London",
        [("11-23 10:00", "11-23 11:00"), ("11-25 15:00", "11-25 16:00"),
         ("11-30 08:00", "11-30 09:00")],
    ),
    "what makes nobody busy": (
        [
            event("DTSTART:20261123T100000Z", "DURATION:PT1H", "TRANSP:TRANSPARENT"),
            event("DTSTART:20261123T120000Z", "DURATION:PT1H", "STATUS:CANCELLED", uid="2"),
            event("DTSTART:20261123T140000Z", "DURATION:PT1H", "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
                  uid="3"),
            event("DTSTART:20261123T160000Z", uid="4"),
            event("DTSTART:20261123T180000Z", "DURATION:PT1H", "STATUS:TENTATIVE", uid="5"),
        ],
        "Europe/London",
        [("11-23 18:00", "11-23 19:00")],
    ),
    "cut off at now and at the end": (
        [
            event("DTSTART:20261117T100000Z", "DTEND:20261118T100000Z"),
            event("DTSTART:20270605T100000Z", "DTEND:20270607T100000Z", uid="2"),
            event("DTSTART:20270701T100000Z", "DTEND:20270702T100000Z", uid="3"),
            event("DTSTART:20261101T100000Z", "DTEND:20261102T100000Z", uid="4"),
        ],
        "Europe/London",
        [("06-05 10:00", "06-06 09:00"), ("11-18 09:00", "11-18 10:00")],
    ),
    "hourly is not too often": (
        [event("DTSTART:20261123T100000Z", "DURATION:PT10M", "RRULE:FREQ=HOURLY;COUNT=2")],
        "Europe/London",
        [("11-23 10:00", "11-23 10:10"), ("11-23 11:00", "11-23 11:10")],
    ),
    "with a hint at a zone that there is not": (
        ["X-WR-TIMEZONE:Nowhere/At_All", event("DTSTART:20261123T100000Z", "DURATION:PT1H")],
        "Europe/London",
        [("11-23 10:00", "11-23 11:00")],
    ),
    "nothing": ([], "Europe/London", []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_calendar_is_read_right(name):
    lines, zone, times = CASES[name]

    assert run(ics(*lines), zone) == times


OWN_ZONE = """\
BEGIN:VTIMEZONE
TZID:Ship
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0330
TZOFFSETTO:+0330
END:STANDARD
END:VTIMEZONE""".replace("\n", "\r\n")


def test_a_zone_that_the_calendar_brings_with_it_is_used():
    times = run(ics(OWN_ZONE, event("DTSTART;TZID=Ship:20261123T100000", "DURATION:PT1H")))

    assert times == [("11-23 06:30", "11-23 07:30")]


HOSTILE = {
    "every minute": ([event("DTSTART:20261123T100000Z", "RRULE:FREQ=MINUTELY")], "repeats more"),
    "every second": ([event("DTSTART:20261123T100000Z", "RRULE:FREQ=SECONDLY")], "repeats more"),
    "several minutes of an hour": (
        [event("DTSTART:20261123T100000Z", "RRULE:FREQ=HOURLY;BYMINUTE=0,20,40")],
        "repeats more",
    ),
    "several seconds": (
        [event("DTSTART:20261123T100000Z", "RRULE:FREQ=DAILY;BYSECOND=0,1,2")],
        "repeats more",
    ),
    "too many": (
        [event("DTSTART:20261123T100000Z", "DURATION:PT5M", "RRULE:FREQ=HOURLY")],
        "more than 2,000 busy times",
    ),
    "an unknown zone": (
        [event("DTSTART;TZID=Mars/Olympus:20261123T100000", "DURATION:PT1H")],
        "a time zone that we do not know: Mars/Olympus",
    ),
    "an unknown zone of an exception": (
        [event("DTSTART:20261123T100000Z", "EXDATE;TZID=Mars/Olympus:20261123T100000")],
        "a time zone that we do not know: Mars/Olympus",
    ),
    "a rule that is none": ([event("DTSTART:20261123T100000Z", "RRULE:FREQ=OFTEN")], "damaged"),
    "a time that is none": ([event("DTSTART:2026-11-23 10:00")], "damaged"),
    "another calendar": (
        ["CALSCALE:CHINESE", event("DTSTART:20261123T100000Z")],
        "cannot be understood",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_used_is_a_clear_fault(name):
    lines, says = HOSTILE[name]

    fault = run(ics(*lines))

    assert isinstance(fault, str)
    assert says in fault


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"<!doctype html><p>Sign in", "There is no calendar at this address."),
        (b"", "There is no calendar at this address."),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "damaged"),
        (b"BEGIN:VCALENDAR\r\n" + b"\xff\xfe\x00" * 100, "calendar"),
    ],
)
def test_what_is_no_calendar_is_a_clear_fault(raw, says):
    fault = run(raw)

    assert isinstance(fault, str)
    assert says in fault


async def test_a_calendar_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(busy, "EXPAND_S", 0.5)
    endless = ics(event("DTSTART:00010101T000000Z", "RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"))

    with pytest.raises(Fault, match="takes too long"):
        await expand(endless, "Europe/London", NOW)


async def test_a_program_that_dies_is_a_fault(monkeypatch, tmp_path):
    dying = tmp_path / "dying.py"
    dying.write_text("import os; os.abort()")
    monkeypatch.setattr(busy, "EXPAND", dying)

    with pytest.raises(Fault, match="takes too long"):
        await expand(ics(), "Europe/London", NOW)


# --- fetching ---


class Calendars:
    """A server of calendars that answers as it is told, by path."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    async def answer(self, request):
        self.asked.append(request.path)
        made = self.answers[request.path]
        return await made(request) if callable(made) else web.Response(**made)

    def give(self, path, body, **more):
        self.answers[path] = {"body": body, **more}

    def lead(self, path, to):
        self.answers[path] = {"status": 302, "headers": {"Location": to}}


@pytest.fixture
async def server():
    told = Calendars()
    app = web.Application()
    app.router.add_get("/{tail:.*}", told.answer)
    async with TestServer(app, host="127.0.0.1") as running:
        told.url = str(running.make_url("/")).rstrip("/")
        yield told


@pytest.fixture
async def client():
    async with open_client(LOOPBACK, USER_AGENT, unpack=False) as opened:
        yield opened


GOOD = ics(event("DTSTART:20261123T100000Z", "DTEND:20261123T113000Z"))


async def test_an_answer_is_taken_as_it_is_or_packed(server, client):
    server.give("/plain", GOOD)
    server.give("/packed", gzip.compress(GOOD), headers={"Content-Encoding": "gzip"})

    plain = await fetch(client, server.url + "/plain", plain=True)
    packed = await fetch(client, server.url + "/packed", plain=True)

    assert plain == packed == GOOD


async def test_redirects_are_followed_a_few_times(server, client):
    server.lead("/a", "/b")
    server.lead("/b", server.url + "/c?d=e")
    server.give("/c", GOOD)
    server.lead("/loop", "/loop")

    assert await fetch(client, server.url + "/a", plain=True) == GOOD
    with pytest.raises(Fault, match="without an end"):
        await fetch(client, server.url + "/loop", plain=True)
    assert server.asked.count("/loop") == busy.MAX_REDIRECTS + 1


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://x.example/", "gopher://x.example/"])
async def test_no_redirect_leads_away_from_the_web(server, client, to):
    server.lead("/a", to)

    with pytest.raises(Fault, match="https://"):
        await fetch(client, server.url + "/a", plain=True)


@pytest.mark.parametrize(
    "inside",
    ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "0"],
)
async def test_no_address_and_no_redirect_leads_inside(server, inside):
    server.give("/secret", GOOD)
    port = server.url.rpartition(":")[2]
    async with open_client((), USER_AGENT, unpack=False) as guarded:
        with pytest.raises(Fault, match=r"private network|cannot be reached"):
            await fetch(guarded, f"http://{inside}:{port}/secret", plain=True)
    assert server.asked == []


async def test_a_redirect_to_an_address_inside_is_refused(server, client):
    """Only 127.0.0.0/8 is let through here: the next hop is judged anew."""
    server.lead("/a", "http://169.254.169.254/latest/meta-data/")

    with pytest.raises(Fault, match="private network"):
        await fetch(client, server.url + "/a", plain=True)


async def test_what_is_too_large_is_refused_unpacked_too(server, client):
    server.give("/large", GOOD + b" " * MAX_BYTES)
    bomb = gzip.compress(b" " * 50_000_000)
    server.give("/bomb", bomb, headers={"Content-Encoding": "gzip"})
    server.give("/fits", b" " * MAX_BYTES)

    assert len(bomb) < MAX_BYTES
    assert len(await fetch(client, server.url + "/fits", plain=True)) == MAX_BYTES
    for path in ("/large", "/bomb"):
        with pytest.raises(Fault, match="too large"):
            await fetch(client, server.url + path, plain=True)


async def test_what_never_ends_is_too_large(server, client):
    async def forever(request):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 100_000)

    server.answers["/forever"] = forever

    with pytest.raises(Fault, match="too large"):
        await fetch(client, server.url + "/forever", plain=True)


async def test_who_does_not_answer_in_time_is_left(server, client, monkeypatch):
    monkeypatch.setattr(busy, "FETCH_S", 0.1)

    async def drip(request):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    server.answers["/drip"] = drip

    with pytest.raises(Fault, match="did not answer"):
        await fetch(client, server.url + "/drip", plain=True)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": 404}, "status 404"),
        ({"status": 500}, "status 500"),
        ({"body": b"x", "headers": {"Content-Encoding": "br"}}, "packed in a way"),
        ({"body": b"x", "headers": {"Content-Encoding": "gzip"}}, "damaged"),
        ({"body": gzip.compress(GOOD)[:-9], "headers": {"Content-Encoding": "gzip"}}, "damaged"),
    ],
)
async def test_other_answers_are_clear_faults(server, client, answer, says):
    server.answers["/a"] = answer

    with pytest.raises(Fault, match=says):
        await fetch(client, server.url + "/a", plain=True)


async def test_a_server_that_is_not_there_is_a_fault(client):
    with pytest.raises(Fault, match="cannot be reached"):
        await fetch(client, "http://127.0.0.1:1/", plain=True)


# --- the sweep ---


async def test_the_sweep_reads_whose_turn_it_is(world, server, client):
    server.give("/ana", ics(event("DTSTART:20261123T100000", "DTEND:20261123T113000")))
    server.give("/tom", b"<p>Sign in", status=200)
    desk = world.desk.busy
    await desk.set_source(SAM, ANA.id, server.url + "/ana", "Asia/Manila", plain=True)
    await desk.set_source(SAM, TOM.id, server.url + "/tom", "Asia/Manila", plain=True)

    read = await BusyCalendars(world.desk, client, plain=True).sweep()

    assert read == 1
    [one] = await desk.times(ANA.id)
    assert one.start == datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert one.end == datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
    assert (await desk.source(ANA.id)).fault is None
    assert (await desk.source(TOM.id)).fault == "There is no calendar at this address."


async def test_a_fault_keeps_what_was_read_before(world, server, client):
    desk = world.desk.busy
    server.give("/ana", GOOD)
    await desk.set_source(SAM, ANA.id, server.url + "/ana", "Asia/Manila", plain=True)
    calendars = BusyCalendars(world.desk, client, plain=True)
    await calendars.sweep()
    server.give("/ana", b"", status=503)
    world.clock.move_to(world.clock.at + timedelta(hours=1))

    read = await calendars.sweep()

    assert read == 0
    assert len(await desk.times(ANA.id)) == 1
    assert "status 503" in (await desk.source(ANA.id)).fault


async def test_without_the_setting_only_https_is_read(world, server, client):
    desk = world.desk.busy
    server.give("/ana", GOOD)
    await desk.set_source(SAM, ANA.id, server.url + "/ana", "Asia/Manila", plain=True)

    read = await BusyCalendars(world.desk, client).sweep()

    assert read == 0
    assert server.asked == []
    assert "https://" in (await desk.source(ANA.id)).fault
