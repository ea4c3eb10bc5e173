"""Who of a crowded place is signed in: whoever is has rates of their own there.

All learners of a ship share one public address. Somebody behind it who is not signed in may use up
the rates of that place; whoever shows a login that is good still comes in, counted by themselves.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from aiohttp import web

from invigilation.desk.people import digest
from invigilation.errors import InvigilationError
from web.auth import cookies
from web.auth.visitor import Visitor, recognise
from web.keys import DESK

COOKIES: Final = (cookies.STAFF, cookies.LEARNER, cookies.SECOND)
REMEMBERED: Final = 10_000
REMEMBERED_S: Final = 4 * 3600.0
"""A session is shorter. It opens no door: it only says under whose name a request is counted."""

May = Callable[[], Awaitable[bool]]


class Known:
    """Logins that were found good; only digests of their cookies are kept."""

    def __init__(self) -> None:
        self._whose: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def note(self, request: web.BaseRequest, visitor: Visitor) -> str:
        """Remember whom a request's cookies have shown; return the first of their names, if any."""
        until, first = time.monotonic() + REMEMBERED_S, ""
        logins = dict(zip(COOKIES, (visitor.staff, visitor.learner, visitor.second), strict=True))
        for cookie, key in _keys(request):
            self._whose.pop(key, None)
            login = logins[cookie]
            if login is not None:
                who = f"{login.kind} {login.person}"
                self._whose[key] = (who, until)
                first = first or who
        while len(self._whose) > REMEMBERED:
            self._whose.popitem(last=False)
        return first

    async def find(self, request: web.Request, may: May) -> str:
        """Return the name of whoever is signed in, or nothing.

        A cookie that was never seen costs a look-up: only where `may` says so.
        """
        keys = [key for _cookie, key in _keys(request)]
        for key in keys:
            who, until = self._whose.get(key, ("", 0.0))
            if time.monotonic() < until:
                return who
        desk = request.config_dict.get(DESK)
        if not keys or desk is None or not await may():
            return ""
        try:
            return self.note(request, await recognise(request, desk))
        except InvigilationError:  # the database is away, too
            return ""


KNOWN = web.AppKey("known", Known)


def _keys(request: web.BaseRequest) -> Iterator[tuple[str, str]]:
    for cookie in COOKIES:
        token = request.cookies.get(cookie, "")
        if token and token.isascii():
            yield cookie, digest(f"{cookie} {token}")
