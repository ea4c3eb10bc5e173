"""What a browser says that it is, in words that its owner knows again."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from aiohttp.hdrs import USER_AGENT

from invigilation.desk.people import Whence
from web.auth.place import place_of

# The first mark found decides: Edge and Opera call themselves Chrome, too, and Chrome Safari.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)
UNKNOWN = "A browser"


def device_of(agent: str) -> str:
    """Return "Firefox on Windows" for a `User-Agent`; nobody has to say the truth there."""
    browser, system = _named(agent, _BROWSERS), _named(agent, _SYSTEMS)
    return f"{browser or UNKNOWN} on {system}" if system else browser or UNKNOWN


def whence_of(request: web.Request) -> Whence:
    """Return on what device, and from what address, a request comes."""
    return Whence(device_of(request.headers.get(USER_AGENT, "")), place_of(request))


def _named(agent: str, marks: Sequence[tuple[str, str]]) -> str:
    return next((name for mark, name in marks if mark in agent), "")
