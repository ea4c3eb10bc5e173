"""Feeds of staff's sessions: for calendar programs, which bring nothing but the address."""

from __future__ import annotations

from aiohttp import ETag, web

from invigilation.errors import NotFound
from web.auth.place import network_of
from web.auth.throttle import Throttle
from web.calendars.feed import FeedHead, feed, tag
from web.keys import DESK, SETTINGS

WRONG_LIMIT = 20
"""So many wrong addresses in a quarter of an hour, from one place; then no more are looked up."""
GUESSES = web.AppKey("feed_guesses", Throttle)
WHO = "feed"
HEADERS = {
    # A copy is kept by whoever asked, and by nobody on the way; and is asked about each time.
    "Cache-Control": "private, no-cache",
    "Content-Disposition": 'inline; filename="sessions.ics"',
    "X-Robots-Tag": "noindex",
}

routes = web.RouteTableDef()


@routes.get("/feeds/{token}.ics")
async def show(request: web.Request) -> web.StreamResponse:
    """Give the feed of an address that is in use; any other one is not there."""
    desk, settings = request.app[DESK], request.app[SETTINGS]
    guesses, clock = request.app[GUESSES], desk.office.clock
    place = network_of(request)
    wait = guesses.wait(WHO, place, clock.monotonic())
    if wait:
        return web.Response(status=429, headers={"Retry-After": str(int(wait) + 1)})
    try:
        _, sittings = await desk.feeds.of(request.match_info["token"])
    except NotFound:
        guesses.fail(WHO, place, clock.monotonic())
        raise
    etag = ETag(tag(sittings), is_weak=True)
    if _has(request, etag):
        response = web.Response(status=304, headers=HEADERS)
    else:
        domain = settings.mail_from.rpartition("@")[2]
        head = FeedHead(settings.service_name, settings.url, domain)
        body = feed(head, sittings, clock.now())
        response = web.Response(
            body=body, content_type="text/calendar", charset="utf-8", headers=HEADERS
        )
    response.etag = etag
    return response


def _has(request: web.Request, etag: ETag) -> bool:
    """Say whether the program has this version; weak tags are compared (RFC 9110 13.1.2)."""
    known = request.if_none_match or ()
    return any(one.value in {etag.value, "*"} for one in known)
